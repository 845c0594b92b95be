//! Whether a failure is for want of room: by what the system said, or, where that did not get through, by trying.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// How much has to fit: what SQLite asks for when it makes the files beside a database.
const PIECE: usize = 64 * 1024;

/// Whether the system said that a disk, or the share of it that a user may have, is full.
pub fn says_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// What to do about a file that cannot be made or written: it is permissions only where it is not room.
pub fn remedy(error: &io::Error) -> &'static str {
    if says_full(error) { "free some space" } else { "check the permissions of the file and its folder" }
}

/// Whether there is no room for a small file in a folder. Quotas are no figure that could be asked for, so it is tried:
/// a file without a name, which is never seen and ends with this.
pub fn is_full(folder: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let attempt = || -> io::Result<()> {
        use rustix::fs::{Mode, OFlags, open};
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        let mut file = std::fs::File::from(open(folder, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(&[0; PIECE])?;
        // Some file systems find room only when they have to.
        file.sync_data()
    };
    attempt().is_err_and(|error| says_full(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_closed_one() {
        let full = io::Error::from_raw_os_error(libc::ENOSPC);
        let quota = io::Error::from_raw_os_error(libc::EDQUOT);
        let closed = io::Error::from_raw_os_error(libc::EACCES);
        assert!(says_full(&full) && says_full(&quota) && !says_full(&closed));
        assert!(remedy(&quota).contains("space") && remedy(&closed).contains("permissions"));
    }

    #[test]
    fn a_folder_with_room_is_not_full_and_nothing_is_left_in_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_full(folder.path()));
        assert!(!is_full(&folder.path().join("missing")), "that is another matter");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
