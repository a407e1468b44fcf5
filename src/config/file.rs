//! Files that the configuration names, and the configuration itself.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::model::secret::Secret;

/// More is no key and no configuration, and might be a device that never ends.
const MAX_BYTES: u64 = 1 << 20;

/// The text of `path`: UTF-8, at most 1 MiB.
///
/// # Errors
/// Says why there is none.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than 1 MiB",
        ));
    }
    Ok(text)
}

/// The secret in `path`, without the one newline that editors and `echo` put at its end.
///
/// # Errors
/// Says why there is none.
pub(super) fn read_secret(path: &Path) -> io::Result<Secret> {
    let text = read(path)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty"));
    }
    Ok(Secret::new(line))
}
