//! The copy beside the original: its name, and the promise that it does not outlive a failure.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, openat, renameat, renameat_with, unlinkat};
use rustix::io::Errno;

use super::super::stamp::FileStamp;

/// Longest file name of every common Linux file system, in bytes.
const NAME_MAX: usize = 255;
const MARK: &str = ".reclassd-";
const END: &str = ".tmp";

/// Whether a file name is that of a temporary copy of ours: hidden, and `.NAME.reclassd-PID-N.tmp`.
///
/// Such a file is no music, and where no process writes it any more it is left from a crash.
pub fn is_temporary_name(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let Some(stem) = name.strip_prefix(b".").and_then(|name| name.strip_suffix(END.as_bytes())) else { return false };
    let Some(at) = stem.windows(MARK.len()).rposition(|window| window == MARK.as_bytes()) else { return false };
    let numbers: Vec<&[u8]> = stem[at + MARK.len()..].split(|&byte| byte == b'-').collect();
    numbers.len() == 2 && numbers.iter().all(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

/// The folder that holds the file at `path`.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A path for the copy of the file at `path` where nothing is yet.
pub(super) fn path_beside(path: &Path) -> io::Result<PathBuf> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let candidate = folder_of(path).join(temporary_name(name, std::process::id(), number));
        match candidate.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(candidate),
            Err(error) => return Err(error),
            // Left from a process of the same number, or a name that a truncation made equal.
            Ok(_) => {}
        }
    }
}

fn temporary_name(name: &OsStr, pid: u32, number: u64) -> OsString {
    let end = format!("{MARK}{pid}-{number}{END}");
    let name = name.as_bytes();
    let mut length = name.len().min(NAME_MAX - 1 - end.len());
    // Not in the middle of a UTF-8 character: some file systems refuse such names.
    while length < name.len() && length > 0 && name[length] & 0xc0 == 0x80 {
        length -= 1;
    }
    let mut whole = b".".to_vec();
    whole.extend_from_slice(&name[..length]);
    whole.extend_from_slice(end.as_bytes());
    OsString::from_vec(whole)
}

/// A temporary file that removes itself unless it is renamed.
///
/// It is known by its folder and its name in there, not by its path: an album may be renamed while it is written, and
/// what is done then is done where it is now.
pub(super) struct Temporary {
    path: PathBuf,
    folder: OwnedFd,
    name: OsString,
    file: File,
    keep: bool,
}

impl Temporary {
    /// Creates the file, which must not exist, for us alone. It is locked while we have it open, so that whoever cleans
    /// up after crashes can tell it from a leftover.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        let to_folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(CWD, folder_of(path), to_folder, Mode::empty())?;
        let new = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = File::from(openat(&folder, name.as_os_str(), new, Mode::RUSR | Mode::WUSR)?);
        // Without locks (some network file systems) a concurrent clean-up is kept away by the caller's journal alone.
        let _ = rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
        Ok(Self { path: path.to_owned(), folder, name, file, keep: false })
    }

    /// Lets it change places, in one step, with the file of this name beside it.
    pub(super) fn exchange(&self, name: &OsStr) -> Result<(), Errno> {
        renameat_with(&self.folder, self.name.as_os_str(), &self.folder, name, RenameFlags::EXCHANGE)
    }

    /// Puts it in the place of the file of this name beside it.
    pub(super) fn rename_over(&self, name: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.folder, self.name.as_os_str(), &self.folder, name)?)
    }

    /// The stamp of what stands under its name now.
    pub(super) fn stamp(&self) -> io::Result<FileStamp> {
        let looked = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let there = File::from(openat(&self.folder, self.name.as_os_str(), looked, Mode::empty())?);
        Ok(FileStamp::from(&there.metadata()?))
    }

    /// Removes what stands under its name now.
    pub(super) fn remove(&self) -> io::Result<()> {
        Ok(unlinkat(&self.folder, self.name.as_os_str(), AtFlags::empty())?)
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// From here on the path is no business of this value any more: nothing is removed.
    pub(super) fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        match self.remove() {
            // Where it is gone, it is gone with its folder.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %self.path.display(), %error, "a temporary copy could not be removed");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn temporary_names_are_hidden_recognisable_and_short_enough() {
        let long = "ä".repeat(127) + "x";
        for name in ["a.mp3", "Track 01.flac", ".hidden.mp3", &long] {
            let temporary = temporary_name(OsStr::new(name), 4_294_967_295, u64::MAX);
            assert!(temporary.len() <= NAME_MAX);
            assert!(temporary.as_bytes().starts_with(b"."));
            assert!(is_temporary_name(&temporary), "{temporary:?}");
            assert!(temporary.to_str().is_some(), "a character was cut in two");
        }
        let bytes = OsStr::from_bytes(b"\xff\xfe.mp3");
        assert!(is_temporary_name(&temporary_name(bytes, 1, 2)));
    }

    #[test]
    fn other_names_are_nobodys_leftovers() {
        for name in
            ["a.mp3", ".a.mp3", "a.reclassd-1-2.tmp", ".a.reclassd-1.tmp", ".a.reclassd-1-x.tmp", ".a.reclassd--1.tmp"]
        {
            assert!(!is_temporary_name(OsStr::new(name)), "{name}");
        }
        assert!(is_temporary_name(OsStr::new(".a.mp3.reclassd-12-0.tmp")));
    }
}
