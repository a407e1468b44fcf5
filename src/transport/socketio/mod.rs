//! Socket.IO 5: the conversations that one connection carries, each a stream of its own.

pub mod settings;
pub mod style;

pub use settings::Settings;
