//! The file of the audit log.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A file that lines are added to, under whichever name's owner it is. Before each write it is looked at whether the name
/// still means this file, and if not, a new one is begun: whoever rotates the log renames it, and has to tell nobody.
pub(super) struct File {
    path: PathBuf,
    file: fs::File,
    /// Device and inode.
    is: (u64, u64),
    /// Whether a line is unfinished, because the disk was full in the middle of it.
    torn: bool,
}

impl File {
    /// Opens the file, and makes it where there is none: for its owner only.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let said = |why: io::Error| {
            let text = format!("cannot open the audit log {}: {why}", path.display());
            io::Error::new(why.kind(), text)
        };
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        let file = options.open(path).map_err(said)?;
        let metadata = file.metadata().map_err(said)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            is: (metadata.dev(), metadata.ino()),
            torn: false,
        })
    }

    /// Adds whole lines, in one write.
    pub(super) fn append(&mut self, lines: &str) -> io::Result<()> {
        if !self.is_there() {
            *self = Self::open(&self.path)?;
        }
        if self.torn {
            self.file.write_all(b"\n")?;
        }
        let written = self.file.write_all(lines.as_bytes());
        self.torn = written.is_err();
        written
    }

    fn is_there(&self) -> bool {
        let named = fs::metadata(&self.path);
        named.is_ok_and(|named| (named.dev(), named.ino()) == self.is)
    }
}
