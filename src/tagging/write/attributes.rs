//! Owner, mode, ACL, extended attributes and times go with the file. What cannot be kept is a reason not to write.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use rustix::fs::{
    Gid, Timespec, Timestamps, Uid, XattrFlags, fchown, fgetxattr, flistxattr, fremovexattr, fsetxattr, futimens,
};
use rustix::io::Errno;

use super::super::error::{Problem, Refusal};

/// Largest list of names, and largest value, that Linux allows.
const XATTR_MAX: usize = 64 << 10;

/// Gives `copy` everything that `original` has besides its bytes; the modification time only if `mtime` says so.
pub(super) fn transfer(original: &File, copy: &File, mtime: bool) -> Result<(), Problem> {
    let (old, new) = (original.metadata()?, copy.metadata()?);
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        let changed = fchown(copy, Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid())));
        let now = copy.metadata()?;
        if changed.is_err() || (old.uid(), old.gid()) != (now.uid(), now.gid()) {
            return Err(Refusal::OwnerNotKept { uid: old.uid(), gid: old.gid() }.into());
        }
    }
    extended_attributes(original, copy)?;
    // After the owner, whose change clears bits, and the ACL, whose mask the group bits are.
    copy.set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
    if mtime {
        keep_times(&old, copy)?;
    }
    Ok(())
}

/// Gives a file the times of access and modification that `old` tells.
pub(super) fn keep_times(old: &Metadata, file: &File) -> io::Result<()> {
    let time = |seconds, nanoseconds| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps {
        last_access: time(old.atime(), old.atime_nsec()),
        last_modification: time(old.mtime(), old.mtime_nsec()),
    };
    Ok(futimens(file, &times)?)
}

/// ACLs are extended attributes as well. The copy may have inherited one from the folder that the original has not.
fn extended_attributes(original: &File, copy: &File) -> Result<(), Problem> {
    let (wanted, present) = (names(original)?, names(copy)?);
    let refused = |name: &[u8]| Refusal::AttributeNotKept { name: String::from_utf8_lossy(name).into_owned() };
    for name in &wanted {
        let Some(value) = value(original, name)? else { continue };
        if value_of(copy, name).as_ref() == Some(&value) {
            continue;
        }
        fsetxattr(copy, name.as_slice(), &value, XattrFlags::empty()).map_err(|_| refused(name))?;
    }
    for name in present.iter().filter(|name| !wanted.contains(name)) {
        fremovexattr(copy, name.as_slice()).map_err(|_| refused(name))?;
    }
    Ok(())
}

fn names(file: &File) -> io::Result<Vec<Vec<u8>>> {
    let mut list = vec![0u8; XATTR_MAX];
    let length = match flistxattr(file, &mut list[..]) {
        Ok(length) => length,
        Err(Errno::NOTSUP | Errno::NOSYS) => 0,
        Err(error) => return Err(error.into()),
    };
    list.truncate(length);
    let names = list.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    // XFS shows root its ACLs a second time under these names.
    Ok(names.filter(|name| !name.starts_with(b"trusted.SGI_ACL_")).map(<[u8]>::to_vec).collect())
}

/// None where the attribute went away since it was listed.
fn value(file: &File, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut value = vec![0u8; XATTR_MAX];
    match fgetxattr(file, name, &mut value[..]) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn value_of(file: &File, name: &[u8]) -> Option<Vec<u8>> {
    value(file, name).ok().flatten()
}
