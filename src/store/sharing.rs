//! One database for a service and the people beside it: a state folder that its group may write makes a database that
//! the group may write.
//!
//! SQLite gives `-wal` and `-shm` the mode of the database, so the mode of that one file is what counts; the process's
//! umask, which also rules the music's files, is left alone. Whoever is not in the group is told so by name.

use std::fs::{Metadata, Permissions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::StoreError;

const GROUP_ENTERS: u32 = 0o010;
const GROUP_WRITES: u32 = 0o020;
const GROUP_READS_AND_WRITES: u32 = 0o060;

/// Makes the database where it is missing, and opens it and the files beside it to the group of their folder, if that
/// folder is open to it. What is not ours to change stays.
pub(super) fn share_database(database: &Path) {
    let Some(folder) = shared_folder(database) else { return };
    if !database.exists() {
        // Before SQLite does it: the files beside it take their mode from this one.
        let made = std::fs::File::options().write(true).create_new(true).mode(0o660).open(database);
        if let Err(error) = made {
            tracing::debug!("{}: cannot be made in advance: {error}", database.display());
        }
    }
    for end in ["", "-wal", "-shm"] {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        open_to_group(Path::new(&name), &folder);
    }
}

/// Opens one file beside the database to the folder's group, if the folder is open to it.
pub fn share(path: &Path) {
    if let Some(folder) = shared_folder(path) {
        open_to_group(path, &folder);
    }
}

fn shared_folder(path: &Path) -> Option<Metadata> {
    let folder = path.parent()?.metadata().ok()?;
    (folder.mode() & GROUP_WRITES != 0).then_some(folder)
}

fn open_to_group(path: &Path, folder: &Metadata) {
    let Ok(file) = path.metadata() else { return };
    if file.gid() == folder.gid() && file.mode() & GROUP_READS_AND_WRITES == GROUP_READS_AND_WRITES {
        return;
    }
    let open = || -> std::io::Result<()> {
        if file.gid() != folder.gid() {
            chown(path, None, Some(folder.gid()))?;
        }
        std::fs::set_permissions(path, Permissions::from_mode((file.mode() & 0o7777) | GROUP_READS_AND_WRITES))
    };
    if let Err(error) = open() {
        tracing::debug!("{}: cannot be opened to the folder's group: {error}", path.display());
    }
}

/// Why this user cannot use a database, where the reason is a group: the error that names it.
pub(super) fn closed_to_us(database: &Path) -> Option<StoreError> {
    let (path, metadata) = first_that_is_there(database)?;
    let user = rustix::process::geteuid().as_raw();
    let mine = metadata.uid() == user || user == 0 || is_in_group(metadata.gid());
    let needed = if metadata.is_dir() { GROUP_ENTERS } else { GROUP_WRITES };
    // Without rights for the group, joining it would not help; with rights for everyone, it is not what is missing.
    if mine || metadata.mode() & needed == 0 || metadata.mode() & (needed >> 3) != 0 {
        return None;
    }
    let group = name_in("/etc/group", metadata.gid()).unwrap_or_else(|| metadata.gid().to_string());
    let user = name_in("/etc/passwd", user).unwrap_or_else(|| user.to_string());
    Some(StoreError::NotInGroup { path, group, user })
}

/// The database, or the innermost folder of its path that this user can see.
fn first_that_is_there(database: &Path) -> Option<(PathBuf, Metadata)> {
    database.ancestors().find_map(|path| Some((path.to_owned(), path.metadata().ok()?)))
}

fn is_in_group(group: u32) -> bool {
    let also = rustix::process::getgroups().unwrap_or_default();
    rustix::process::getegid().as_raw() == group || also.iter().any(|gid| gid.as_raw() == group)
}

/// The name of a number in a file like `/etc/group`: `name:x:number:...`.
fn name_in(file: &str, number: u32) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let number = number.to_string();
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use std::time::Duration;

    fn modes(folder_mode: u32) -> Vec<u32> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(folder_mode)).unwrap();
        let path = folder.path().join("reclassd.db");
        let store = Store::open(&path, Duration::from_secs(1)).unwrap();
        store.audio(crate::audio::AudioId::from_bytes([1; 16])).unwrap();
        let mode = |end: &str| {
            let name = folder.path().join(format!("reclassd.db{end}"));
            name.metadata().unwrap().mode() & 0o060
        };
        ["", "-wal", "-shm"].map(mode).to_vec()
    }

    #[test]
    fn a_folder_that_its_group_may_write_makes_a_database_that_it_may_write() {
        assert_eq!(modes(0o2770), [0o060; 3]);
    }

    #[test]
    fn a_folder_of_one_s_own_keeps_its_database_to_itself() {
        assert!(modes(0o700).iter().all(|mode| mode & GROUP_WRITES == 0));
    }

    #[test]
    fn a_number_is_given_its_name() {
        assert_eq!(name_in("/etc/passwd", 0).as_deref(), Some("root"));
        assert_eq!(name_in("/etc/passwd", 4_000_000_000), None);
    }
}
