//! What concerns each request.
/// Which pages of other origins may use the gateway from a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Origins as browsers send them (`https://app.example`); never `*` together with `credentials`.
    pub origins: Vec<String>,
    /// Whether browsers may send cookies and HTTP credentials along.
    pub credentials: bool,
}

/// What concerns each request.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The allow-list of origins.
    pub cors: Cors,
    /// The largest request body, in bytes.
    pub body: usize,
    /// The page at `/`, if there is one.
    pub page: Option<&'static str>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cors: Cors::default(),
            body: 1 << 20,
            page: None,
        }
    }
}
