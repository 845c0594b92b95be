//! Which file system a folder is on, and whether the kernel tells of all that changes there.
//!
//! inotify sees what this machine does. What another machine does on a network share, or a daemon beneath a FUSE mount, it never
//! hears of; such folders have to be looked through.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// File systems on which others change files behind the kernel's back. Every `fuse.` one is among them; `fuseblk`, a disk of this
/// machine, is not.
const SHARED: [&str; 20] = [
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "smb2", "ncpfs", "afs", "ceph", "9p", "virtiofs", "vboxsf", "prl_fs",
    "vmhgfs", "lustre", "gfs2", "ocfs2", "beegfs", "orangefs", "coda",
];

/// How a root's changes are noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchMode {
    /// The kernel tells.
    Watched,
    /// It is looked through at an interval; why.
    Polled(String),
}

/// The mounts of this machine.
#[derive(Debug, Default)]
pub struct Mounts(Vec<Mount>);

/// A file system and where it can be found.
#[derive(Debug)]
struct Mount {
    point: PathBuf,
    kind: String,
    source: PathBuf,
}

impl Mounts {
    /// The mounts as they are now; none where the system does not say.
    pub fn now() -> Self {
        match std::fs::read("/proc/self/mountinfo") {
            Ok(text) => Self::parse(&text),
            Err(error) => {
                tracing::debug!("/proc/self/mountinfo: {error}: every root is taken for a local one");
                Self::default()
            }
        }
    }

    /// Parses the lines of `/proc/PID/mountinfo` (proc(5)).
    fn parse(text: &[u8]) -> Self {
        let mounts = text.split(|&byte| byte == b'\n').filter_map(|line| {
            let mut fields = line.split(|&byte| byte == b' ');
            let point = unescape(fields.nth(4)?);
            // Optional fields end with a dash.
            let mut fields = fields.skip_while(|field| *field != b"-").skip(1);
            let kind = String::from_utf8_lossy(fields.next()?).into_owned();
            let [point, source] =
                [point, unescape(fields.next()?)].map(|bytes| PathBuf::from(OsString::from_vec(bytes)));
            Some(Mount { point, kind, source })
        });
        Self(mounts.collect())
    }

    /// The type of the file system that a path (without links) is on.
    pub fn kind_of(&self, path: &Path) -> Option<&str> {
        self.holding(path).map(|mount| mount.kind.as_str())
    }

    /// What is mounted where a path (without links) is: of a disk's file system, the disk.
    pub fn source_of(&self, path: &Path) -> Option<&Path> {
        self.holding(path).map(|mount| mount.source.as_path())
    }

    /// Whether a path (without links) is on a network share or beneath a daemon.
    pub fn is_shared(&self, path: &Path) -> bool {
        self.kind_of(path).is_some_and(is_shared)
    }

    fn holding(&self, path: &Path) -> Option<&Mount> {
        let holding = self.0.iter().filter(|mount| path.starts_with(&mount.point));
        // Of several at one point the last is on top.
        holding.max_by_key(|mount| mount.point.components().count())
    }

    /// How the changes of a folder (without links) are noticed.
    pub fn watch_mode(&self, path: &Path) -> WatchMode {
        match self.kind_of(path) {
            Some(kind) if is_shared(kind) => {
                WatchMode::Polled(format!("{kind} does not tell of other machines' changes"))
            }
            _ => WatchMode::Watched,
        }
    }
}

fn is_shared(kind: &str) -> bool {
    SHARED.contains(&kind) || kind.starts_with("fuse.") || kind == "fuse"
}

/// Spaces and the like stand as three octal digits behind a backslash.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, behind)) = rest.split_first() {
        let digits = behind.get(..3).filter(|digits| byte == b'\\' && digits.iter().all(|d| (b'0'..=b'7').contains(d)));
        match digits {
            Some(digits) => {
                bytes.push(digits.iter().fold(0u8, |value, digit| value.wrapping_mul(8).wrapping_add(digit - b'0')));
                rest = &behind[3..];
            }
            None => {
                bytes.push(byte);
                rest = behind;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
31 22 0:40 / /mnt/nas\\040music rw - nfs4 nas:/music rw
32 31 8:2 / /mnt/nas\\040music/local rw master:2 shared:3 - xfs /dev/sdb rw
33 22 0:50 / /media/pool rw - fuse.mergerfs 1:2 rw
34 22 8:3 / /media/usb rw - fuseblk /dev/sdc1 rw
35 22 0:51 / /media/cifs rw - autofs systemd-1 rw
36 22 0:52 / /media/cifs rw - cifs //nas/x rw
";

    #[test]
    fn shares_are_polled_and_disks_are_watched() {
        let mounts = Mounts::parse(MOUNTS);
        let is_polled = |path: &str| matches!(mounts.watch_mode(Path::new(path)), WatchMode::Polled(_));
        assert!(is_polled("/mnt/nas music") && is_polled("/mnt/nas music/a/b"));
        assert!(is_polled("/media/pool/x") && is_polled("/media/cifs/x"));
        assert!(!is_polled("/mnt/nas music/local/x") && !is_polled("/mnt/nas") && !is_polled("/media/usb/x"));
        assert_eq!(mounts.kind_of(Path::new("/media/cifs")), Some("cifs"), "the last mount is on top");
        assert_eq!(mounts.source_of(Path::new("/mnt/nas music/local/x")), Some(Path::new("/dev/sdb")));
    }

    #[test]
    fn the_reason_names_the_file_system() {
        let watch_mode = Mounts::parse(MOUNTS).watch_mode(Path::new("/mnt/nas music"));
        assert!(matches!(&watch_mode, WatchMode::Polled(why) if why.contains("nfs4")), "{watch_mode:?}");
    }

    #[test]
    fn this_machine_s_mounts_are_read() {
        assert!(Mounts::now().kind_of(Path::new("/")).is_some());
    }
}
