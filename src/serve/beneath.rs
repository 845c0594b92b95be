//! The library's roots, and files beneath them: opened step by step from the root, so that no link, no `..` and no
//! change on the way leads out of it.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use super::problem::{Kind, Problem};

/// The roots of a library.
pub struct Roots {
    configured: Vec<PathBuf>,
    real: Mutex<(Instant, Vec<PathBuf>)>,
}

/// For how long it is believed where the roots are: a disk may come and go.
const BELIEVED: Duration = Duration::from_secs(5);

/// A file of the library, open.
#[derive(Debug)]
pub struct Beneath {
    /// The file.
    pub file: File,
    /// Its path.
    pub path: PathBuf,
}

impl Beneath {
    /// A path to what is open, whatever becomes of its name meanwhile.
    pub fn held(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

impl Roots {
    /// These folders.
    pub fn new(configured: Vec<PathBuf>) -> Self {
        let real = resolve(&configured);
        Self { configured, real: Mutex::new((Instant::now(), real)) }
    }

    /// Where they are, those that are there.
    pub fn real(&self) -> Vec<PathBuf> {
        let mut real = self.real.lock().unwrap_or_else(PoisonError::into_inner);
        if real.0.elapsed() > BELIEVED {
            *real = (Instant::now(), resolve(&self.configured));
        }
        real.1.clone()
    }

    /// Whether a path names something beneath a root, links not looked at.
    pub fn hold(&self, path: &Path) -> bool {
        is_plain(path) && self.real().iter().any(|root| path.starts_with(root) && path != root)
    }

    /// Opens a file beneath a root to read, by its path without links.
    ///
    /// # Errors
    /// [`Problem`]: it lies in no root, a link is on its way, it is not there, or it is no file.
    pub fn open(&self, path: &Path) -> Result<Beneath, Problem> {
        let outside =
            || Problem::new(Kind::Outside, "the file lies in none of the library's folders, or behind a link");
        if !is_plain(path) {
            return Err(outside());
        }
        let root = self.real().into_iter().find(|root| path.starts_with(root) && path != *root).ok_or_else(outside)?;
        let rest = path.strip_prefix(&root).map_err(|_| outside())?;
        let file = beneath(&root, rest).map_err(|error| match error {
            Errno::LOOP | Errno::NOTDIR => outside(),
            Errno::NOENT => Problem::new(Kind::Gone, "the file is not there"),
            error => Problem::new(Kind::Conflict, format!("the file cannot be read: {}", io::Error::from(error))),
        })?;
        let file = File::from(file);
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            return Err(Problem::new(Kind::Unfit, "this is no file"));
        }
        Ok(Beneath { file, path: path.to_owned() })
    }
}

/// Absolute, and without steps up or aside.
fn is_plain(path: &Path) -> bool {
    path.is_absolute() && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

fn resolve(configured: &[PathBuf]) -> Vec<PathBuf> {
    configured.iter().filter_map(|root| std::fs::canonicalize(root).ok()).collect()
}

/// Opens what is at a path beneath a folder, one name at a time, and never through a link.
fn beneath(root: &Path, rest: &Path) -> rustix::io::Result<OwnedFd> {
    let folder = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // A pipe must not be waited for.
    let last = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut at = openat(CWD, root, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut names = rest.components().peekable();
    while let Some(name) = names.next() {
        let flags = if names.peek().is_some() { folder } else { last };
        at = openat(&at, name.as_os_str(), flags, Mode::empty())?;
    }
    Ok(at)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_lies_beneath_a_root_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| std::fs::canonicalize(folder.path()).unwrap().join(name);
        std::fs::create_dir_all(at("music/album")).unwrap();
        std::fs::create_dir_all(at("music2")).unwrap();
        for name in ["music/album/song.mp3", "secret", "music2/x.mp3"] {
            std::fs::write(at(name), "x").unwrap();
        }
        symlink(at("secret"), at("music/link.mp3")).unwrap();
        symlink(folder.path(), at("music/up")).unwrap();
        symlink(at("music/album"), at("music/inside")).unwrap();
        let roots = Roots::new(vec![at("music"), at("not there")]);
        assert!(roots.open(&at("music/album/song.mp3")).is_ok());
        let kind = |name: &str| roots.open(&at(name)).unwrap_err().kind;
        for name in
            ["secret", "music2/x.mp3", "music/link.mp3", "music/up/secret", "music/../secret", "music/inside/song.mp3"]
        {
            assert_eq!(kind(name), Kind::Outside, "{name}");
        }
        assert_eq!(kind("music/album/other.mp3"), Kind::Gone);
        assert_eq!(kind("music/album"), Kind::Unfit);
        assert_eq!(kind("music"), Kind::Outside);
        assert_eq!(roots.open(Path::new("song.mp3")).unwrap_err().kind, Kind::Outside);
        assert!(roots.hold(&at("music/x")) && !roots.hold(&at("music2/x")) && !roots.hold(&at("music/../x")));
    }

    #[test]
    fn what_is_open_stays_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let music = std::fs::canonicalize(folder.path()).unwrap();
        let song = music.join("song.mp3");
        std::fs::write(&song, "before").unwrap();
        let open = Roots::new(vec![music]).open(&song).unwrap();
        std::fs::remove_file(&song).unwrap();
        symlink("/etc/hostname", &song).unwrap();
        assert_eq!(std::fs::read(open.held()).unwrap(), b"before");
    }
}
