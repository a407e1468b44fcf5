//! Prometheus text (version 0.0.4), read strictly: each sample belongs to the family announced above it.

use std::collections::BTreeMap;

/// One scrape.
#[derive(Debug)]
pub(super) struct Exposition {
    samples: BTreeMap<String, f64>,
    /// Name, type, help.
    pub(super) families: Vec<(String, String, String)>,
}

impl Exposition {
    pub(super) fn parse(text: &str) -> Self {
        let (mut samples, mut families) = (BTreeMap::new(), Vec::new());
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                let kind = lines.next().unwrap().strip_prefix("# TYPE ").unwrap();
                let (again, kind) = kind.split_once(' ').unwrap();
                assert_eq!(name, again);
                families.push((name.to_owned(), kind.to_owned(), help.to_owned()));
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (family, kind, _) = families.last().unwrap();
            let name = series.split('{').next().unwrap();
            let part = name.strip_prefix(family.as_str());
            let fits = match kind.as_str() {
                "histogram" => matches!(part, Some("_sum" | "_count" | "_bucket")),
                _ => part == Some(""),
            };
            assert!(fits, "{line} stands under {family}");
            let before = samples.insert(series.to_owned(), value.parse().unwrap());
            assert!(before.is_none(), "{series} stands there twice");
        }
        Self { samples, families }
    }

    /// The value of a series.
    #[track_caller]
    pub(super) fn get(&self, series: &str) -> f64 {
        *self
            .samples
            .get(series)
            .unwrap_or_else(|| panic!("there is no {series}"))
    }

    /// The series of this family that are not 0, without the name of the family.
    pub(super) fn set(&self, family: &str) -> Vec<(&str, f64)> {
        let ours = self.samples.iter().filter_map(|(series, value)| {
            let rest = series.strip_prefix(family)?;
            (rest.is_empty() || rest.starts_with('{')).then_some((rest, *value))
        });
        ours.filter(|(_, value)| *value != 0.0).collect()
    }

    /// The names of the labels of a family; without a histogram's `le`.
    pub(super) fn labels(&self, family: &str) -> Vec<&str> {
        let of_family = |series: &&String| {
            let name = series.split('{').next().unwrap();
            name.strip_prefix(family)
                .is_some_and(|rest| matches!(rest, "" | "_count"))
        };
        let series = self.samples.keys().find(of_family).unwrap();
        let inside = series.split_once('{').map_or("", |(_, labels)| labels);
        let labels = inside
            .split("\",")
            .filter_map(|label| label.split_once("=\""));
        labels.map(|(name, _)| name).collect()
    }
}
