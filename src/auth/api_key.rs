//! API keys: 32 random bytes as text, of which only the SHA-256 is stored.

/// One key.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The principal's name.
    pub name: String,
    /// The SHA-256 of the key's text.
    pub sha256: [u8; 32],
    /// The role of who holds it.
    pub role: String,
}
