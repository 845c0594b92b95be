//! What tells one state of a file from another without reading it.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Size, modification time and identity of a file at one moment. Two equal stamps mean: not touched in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileStamp {
    /// Length in bytes.
    pub size: u64,
    /// Modification time, whole seconds since 1970; negative before.
    pub mtime_seconds: i64,
    /// Nanoseconds beyond `mtime_seconds`, 0 to 999,999,999.
    pub mtime_nanoseconds: u32,
    /// Number of the file in its file system.
    pub inode: u64,
    /// Number of the file system.
    pub device: u64,
}

impl FileStamp {
    /// The stamp of the file at `path`; a symbolic link is followed.
    ///
    /// # Errors
    /// Whatever `stat` answers.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from(&path.metadata()?))
    }
}

impl From<&Metadata> for FileStamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            size: metadata.size(),
            mtime_seconds: metadata.mtime(),
            // The kernel keeps it below 10^9.
            mtime_nanoseconds: u32::try_from(metadata.mtime_nsec()).unwrap_or(0),
            inode: metadata.ino(),
            device: metadata.dev(),
        }
    }
}
