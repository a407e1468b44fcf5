//! Query strings (WHATWG URL §5): names and values, decoded.

use crate::model::code::{Code, Refusal};

/// The parameters of one request, in their order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a query. Bytes that are no UTF-8 become U+FFFD, which no name of ours contains.
    #[must_use]
    pub fn parse(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// The first value of `name`; an empty one is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).find(|value| !value.is_empty())
    }

    /// All values of `name`.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All parameters.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The number `name`, if it is there.
    ///
    /// # Errors
    /// It is no whole number of `range`.
    pub fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let number = text
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| text.parse().ok())
            .flatten();
        number
            .filter(|number| range.contains(number))
            .map(Some)
            .ok_or_else(|| {
                let message = format!(
                    "`{name}` is a whole number from {} to {}",
                    range.start(),
                    range.end()
                );
                Refusal::new(Code::BadRequest, message)
            })
    }

    /// The switch `name`: `1` or `true`, `0` or `false`.
    ///
    /// # Errors
    /// It is something else.
    pub fn switch(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(_) => Err(Refusal::new(
                Code::BadRequest,
                format!("`{name}` is 1 or 0"),
            )),
        }
    }

    /// Which of `words` the parameter `name` is.
    ///
    /// # Errors
    /// It is none of them.
    pub fn word(
        &self,
        name: &str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, Refusal> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        words
            .iter()
            .copied()
            .find(|word| *word == text)
            .map(Some)
            .ok_or_else(|| {
                Refusal::new(
                    Code::BadRequest,
                    format!("`{name}` is one of {}", words.join(", ")),
                )
            })
    }
}

impl std::fmt::Debug for Query {
    /// Names only: one of the values may be a credential.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_empty_ones_are_absent() {
        let query = Query::parse(Some("room=a%3Ab&room=c&since=&x=1+2&padding=true&%ff=1"));
        assert_eq!(query.all("room").collect::<Vec<_>>(), ["a:b", "c"]);
        assert_eq!(query.get("since"), None);
        assert_eq!(query.get("x"), Some("1 2"));
        assert_eq!(query.switch("padding"), Ok(true));
        assert_eq!(query.switch("nothing"), Ok(false));
    }

    #[test]
    fn numbers_and_words_keep_their_range() {
        let query = Query::parse(Some("a=55&b=56&c=-1&d=x&e=+5&f=99999999999999999999&t=sse"));
        assert_eq!(query.number("a", 0..=55), Ok(Some(55)));
        assert_eq!(query.number("z", 0..=55), Ok(None));
        for name in ["b", "c", "d", "e", "f"] {
            assert_eq!(
                query.number(name, 0..=55).unwrap_err().code,
                Code::BadRequest,
                "{name}"
            );
        }
        assert_eq!(query.word("t", &["sse"]), Ok(Some("sse")));
        assert!(query.word("t", &["ws"]).is_err());
    }
}
