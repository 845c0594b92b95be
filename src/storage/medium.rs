//! How a file system answers: at once, after its heads have moved, or after a question over a network.

use std::path::Path;

use super::Mounts;

/// What a file system is kept on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Medium {
    /// Flash or memory, or what the system says nothing of: many questions at once are welcome.
    Solid,
    /// A disk with heads: two readers take turns in moving them, and both wait.
    Spinning,
    /// Another machine, or a daemon: each question takes its time, and many can be on their way at once.
    Remote,
}

impl Medium {
    /// The medium of a file (without links) on the file system of this number, as `stat` gives it.
    pub fn of(path: &Path, device: u64) -> Self {
        let mounts = Mounts::now();
        if mounts.is_shared(path) {
            return Self::Remote;
        }
        // A file system over several disks has a number that is no disk's: its mount names one of them.
        let source = mounts.source_of(path).and_then(device_of);
        let rotates = [Some(device), source].into_iter().flatten().find_map(|device| rotates("/sys".as_ref(), device));
        if rotates == Some(true) { Self::Spinning } else { Self::Solid }
    }
}

/// The number of a block device.
fn device_of(path: &Path) -> Option<u64> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let metadata = std::fs::metadata(path).ok()?;
    metadata.file_type().is_block_device().then(|| metadata.rdev())
}

/// What the kernel's block layer says of a disk, or of the one that a partition is part of (`/sys/dev/block`,
/// sysfs(5)).
fn rotates(sys: &Path, device: u64) -> Option<bool> {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    // A link into the tree of devices, where a partition lies in its disk.
    let entry = std::fs::canonicalize(sys.join(format!("dev/block/{major}:{minor}"))).ok()?;
    let queue = |disk: &Path| -> Option<String> { std::fs::read_to_string(disk.join("queue/rotational")).ok() };
    let said = queue(&entry).or_else(|| queue(entry.parent()?))?;
    Some(said.trim() == "1")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_partition_turns_when_its_disk_does() {
        let sys = tempfile::tempdir().unwrap();
        let disk = |name: &str, said: &str| {
            let disk = sys.path().join("devices").join(name);
            std::fs::create_dir_all(disk.join("queue")).unwrap();
            std::fs::create_dir_all(disk.join(format!("{name}1"))).unwrap();
            std::fs::write(disk.join("queue/rotational"), said).unwrap();
            disk
        };
        let (old, new) = (disk("sda", "1\n"), disk("sdb", "0\n"));
        std::fs::create_dir_all(sys.path().join("dev/block")).unwrap();
        for (number, entry) in
            [("8:0", old.clone()), ("8:1", old.join("sda1")), ("8:16", new.clone()), ("8:17", new.join("sdb1"))]
        {
            symlink(entry, sys.path().join("dev/block").join(number)).unwrap();
        }
        let said = |major, minor| rotates(sys.path(), rustix::fs::makedev(major, minor));
        assert_eq!((said(8, 0), said(8, 1)), (Some(true), Some(true)));
        assert_eq!((said(8, 16), said(8, 17)), (Some(false), Some(false)));
        assert_eq!(said(0, 50), None, "no disk has this number");
    }

    #[test]
    fn a_file_of_this_machine_has_a_medium() {
        use std::os::unix::fs::MetadataExt;
        let here = std::fs::canonicalize(".").unwrap();
        let medium = Medium::of(&here, std::fs::metadata(&here).unwrap().dev());
        assert_eq!(medium == Medium::Remote, Mounts::now().is_shared(&here));
    }
}
