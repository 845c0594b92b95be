//! A file with several names is overwritten where it lies, so that all of them show the new tags.
//!
//! Only here is a file ever neither old nor new. A whole copy, checked and on the disk, stands beside it then, the
//! journal says so, and whoever starts next ([`finish`]) puts it in again. The owner has to ask for this. Holes of a
//! sparse file are filled.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, OFlags, fallocate};
use rustix::io::Errno;

use super::super::error::{Step, TagError};
use super::super::stamp::FileStamp;
use super::temporary::Temporary;
use super::{Hook, Original, attributes, copy, preflight};

/// Overwrites the original with the copy, and gives its new stamp. `announce` tells the journal, right before the first
/// byte.
pub(super) fn overwrite(
    original: &Original,
    temporary: Temporary,
    preserve_mtime: bool,
    hook: &dyn Hook,
    announce: impl FnOnce() -> Result<(), TagError>,
) -> Result<FileStamp, TagError> {
    let fail = |step| original.fail(step);
    hook.before(Step::Recheck).map_err(fail(Step::Recheck))?;
    original.check_unchanged()?;
    let target = open(&original.path).map_err(fail(Step::Overwrite))?;
    let new_len = temporary.file().metadata().map_err(fail(Step::Overwrite))?.len();
    reserve(&target, original.before.size, new_len).map_err(|error| match error {
        Errno::NOSPC | Errno::DQUOT => TagError::Refused {
            path: original.path.clone(),
            reason: preflight::no_space(&original.path, new_len - original.before.size),
        },
        error => fail(Step::Overwrite)(error.into()),
    })?;
    hook.before(Step::Overwrite).map_err(fail(Step::Overwrite))?;
    announce()?;
    let (path, whole) = (original.path.clone(), temporary.path().to_owned());
    let done = || -> io::Result<FileStamp> {
        pour(temporary.file(), &target, hook)?;
        if preserve_mtime {
            attributes::keep_times(&original.metadata, &target)?;
            target.sync_all()?;
        }
        Ok(FileStamp::from(&target.metadata()?))
    };
    match done() {
        Ok(after) => {
            let removed = hook.before(Step::Discard).and_then(|()| temporary.remove());
            temporary.keep();
            removed.map_err(|source| TagError::LeftBehind { path, left: whole, source })?;
            Ok(after)
        }
        Err(source) => {
            temporary.keep();
            Err(TagError::HalfWritten { path, whole, source })
        }
    }
}

/// Carries an interrupted overwriting to its end.
pub(super) fn finish(path: &Path, whole: &File) -> io::Result<()> {
    pour(whole, &open(path)?, &super::NoHook)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).custom_flags(OFlags::NOFOLLOW.bits() as i32).open(path)
}

/// Claims the room that the file will grow by, so that a full disk is noticed while the file is still the old one.
fn reserve(target: &File, old_len: u64, new_len: u64) -> Result<(), Errno> {
    if new_len <= old_len {
        return Ok(());
    }
    match fallocate(target, FallocateFlags::KEEP_SIZE, old_len, new_len - old_len) {
        Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS) => Ok(()),
        Err(error) => Err(error),
    }
}

fn pour(whole: &File, target: &File, hook: &dyn Hook) -> io::Result<()> {
    let len = whole.metadata()?.len();
    copy::all(whole, len, target, hook, Step::Overwrite)?;
    target.set_len(len)?;
    target.sync_all()
}
