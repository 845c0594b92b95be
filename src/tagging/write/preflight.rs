//! Looks at a file before it is written: is it one, may it be written, is there room?
//!
//! Permission bits are looked at besides asking the kernel, since the kernel grants root everything, and an owner who
//! made a file read-only meant it.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, Mode, OFlags};
use rustix::io::Errno;

use super::super::error::{Problem, Refusal};
use super::temporary::folder_of;
use super::{HardLinks, SymbolicLinks, WriteOptions};

/// Space that is left to others, in bytes.
const SPARE: u64 = 1 << 20;
/// Unit of `st_blocks`, in bytes (stat(2)).
const BLOCK: u64 = 512;

/// The file that `path` means, as an absolute path that is no symbolic link, opened for reading.
pub(super) fn open(path: &Path, options: &WriteOptions<'_>) -> Result<(PathBuf, File), Problem> {
    let is_link = path.symlink_metadata()?.is_symlink();
    if is_link && options.symbolic_links == SymbolicLinks::Skip {
        return Err(Refusal::SymbolicLink.into());
    }
    let target = if is_link { path.canonicalize()? } else { std::path::absolute(path)? };
    // NONBLOCK: a pipe must not make us wait. It means nothing to regular files.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(&target, flags, Mode::empty()).map_err(std::io::Error::from)?);
    if !file.metadata()?.is_file() {
        return Err(Refusal::NotAFile.into());
    }
    Ok((target, file))
}

/// Whether the file at `path` may be replaced by an edited copy.
pub(super) fn check(path: &Path, metadata: &Metadata, options: &WriteOptions<'_>) -> Result<(), Problem> {
    if metadata.nlink() > 1 && options.hard_links == HardLinks::Skip {
        return Err(Refusal::HardLinked { links: metadata.nlink() }.into());
    }
    if metadata.mode() & 0o200 == 0 {
        return Err(Refusal::ReadOnlyFile.into());
    }
    allowed(path, Access::WRITE_OK, Refusal::ReadOnlyFile)?;
    let folder = folder_of(path);
    if folder.metadata()?.mode() & 0o222 == 0 {
        return Err(Refusal::ReadOnlyFolder.into());
    }
    allowed(folder, Access::WRITE_OK | Access::EXEC_OK, Refusal::ReadOnlyFolder)
}

fn allowed(path: &Path, access: Access, refusal: Refusal) -> Result<(), Problem> {
    match rustix::fs::access(path, access) {
        Ok(()) => Ok(()),
        Err(Errno::ROFS) => Err(Refusal::ReadOnlyFileSystem.into()),
        Err(Errno::ACCESS | Errno::PERM) => Err(refusal.into()),
        Err(error) => Err(Problem::Io(error.into())),
    }
}

/// The refusal of a write that needs `needed` bytes more than there are.
pub(super) fn no_space(path: &Path, needed: u64) -> Refusal {
    let space = rustix::fs::statvfs(folder_of(path));
    Refusal::NoSpace { needed, available: space.map_or(0, |space| space.f_bavail.saturating_mul(space.f_frsize)) }
}

/// Whether a copy of `new_len` bytes fits beside the file at `path`. Holes of a sparse file stay holes and need no
/// room.
pub(super) fn check_space(path: &Path, metadata: &Metadata, new_len: u64) -> Result<(), Problem> {
    let holes = metadata.len().saturating_sub(metadata.blocks().saturating_mul(BLOCK));
    let space = match rustix::fs::statvfs(folder_of(path)) {
        Ok(space) => space,
        // Some network file systems do not tell; a full one then fails while the copy is written, which is safe too.
        Err(Errno::NOSYS | Errno::NOTSUP) => return Ok(()),
        Err(error) => return Err(Problem::Io(error.into())),
    };
    let available = space.f_bavail.saturating_mul(space.f_frsize);
    let needed = new_len.saturating_sub(holes) + SPARE;
    // No blocks at all is how file systems without a notion of space answer.
    if space.f_blocks > 0 && available < needed {
        return Err(Refusal::NoSpace { needed, available }.into());
    }
    Ok(())
}
