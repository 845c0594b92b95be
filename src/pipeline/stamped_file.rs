//! A file as it was when the line took it up, so that what is found out later is known to be of the same file.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::tagging::FileStamp;

/// A file and the stamp that holds for what is recorded of it.
pub(super) struct StampedFile<'a> {
    pub(super) path: &'a Path,
    pub(super) stamp: FileStamp,
}

impl<'a> StampedFile<'a> {
    pub(super) fn at(path: &'a Path) -> std::io::Result<Self> {
        Ok(Self { path, stamp: FileStamp::of(path)? })
    }

    /// Whether the file is still the one that was looked at.
    pub(super) fn is_unchanged(&self) -> bool {
        FileStamp::of(self.path).is_ok_and(|stamp| stamp == self.stamp)
    }

    /// Whether it was written to in the last moments. A time in the future is no sign of that.
    pub(super) fn changed_within(&self, limit: Duration) -> bool {
        let mtime = Duration::new(self.stamp.mtime_seconds.try_into().unwrap_or(0), self.stamp.mtime_nanoseconds);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.checked_sub(mtime).is_some_and(|age| age < limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_replaced_while_it_was_listened_to_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["song.flac", "other.flac"].map(|name| folder.path().join(name));
        std::fs::write(&path, "one").unwrap();
        std::fs::write(&other, "two").unwrap();
        let time = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::fs::File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
        let file = StampedFile::at(&path).unwrap();
        assert!(file.is_unchanged());
        std::fs::rename(&other, &path).unwrap();
        assert!(!file.is_unchanged(), "the same size and time, and another file");
        std::fs::remove_file(&path).unwrap();
        assert!(!file.is_unchanged());
    }

    #[test]
    fn only_a_recent_past_counts_as_still_being_written() {
        let hour = Duration::from_secs(3600);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let written_at = |time: Duration| StampedFile {
            path: Path::new("/m"),
            stamp: FileStamp {
                size: 0,
                mtime_seconds: time.as_secs() as i64,
                mtime_nanoseconds: time.subsec_nanos(),
                inode: 0,
                device: 0,
            },
        };
        assert!(written_at(now - hour / 2).changed_within(hour));
        assert!(!written_at(now - hour * 2).changed_within(hour));
        assert!(!written_at(now + hour).changed_within(hour), "a clock that was wrong once must not keep a file out");
        assert!(!written_at(now).changed_within(Duration::ZERO));
    }
}
