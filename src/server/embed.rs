//! A gateway inside another program.

use super::Gateway;
use crate::ingress::Publisher;

impl Gateway {
    /// The way to publish from the program that this gateway runs in.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.context.publisher()
    }
}
