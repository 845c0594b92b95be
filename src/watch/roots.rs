//! A folder of music and its health: there, or not there for now. A disk that is away is a state that heals by itself; it deletes
//! nothing and stops nothing.

use crate::storage::WatchMode;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What is at a root's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// A folder with something in it; where it is without links.
    There(PathBuf),
    /// A folder with nothing in it; where it is without links.
    Empty(PathBuf),
    /// No folder that can be looked into; why.
    Away(String),
}

impl Sight {
    /// Looks at the place.
    pub fn of(root: &Path) -> Self {
        let look = || -> std::io::Result<Sight> {
            let real = std::fs::canonicalize(root)?;
            match std::fs::read_dir(&real)?.next() {
                None => Ok(Sight::Empty(real)),
                Some(entry) => entry.map(|_| Sight::There(real)),
            }
        };
        look().unwrap_or_else(|error| {
            Sight::Away(match error.kind() {
                ErrorKind::NotFound => "is not there: is its disk mounted?".to_owned(),
                ErrorKind::NotADirectory => "is not a folder".to_owned(),
                ErrorKind::PermissionDenied => {
                    "cannot be read: permission denied; run as a user who may read it".to_owned()
                }
                _ => format!("cannot be read: {error}"),
            })
        })
    }
}

/// How a root is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Nobody has looked yet.
    Unknown,
    /// It is there.
    Good,
    /// It cannot be worked on for now; why.
    Away(String),
}

/// What a look at a root changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is there, as it was not before, or another folder is: watch it and look through it.
    Came,
    /// It went away; why.
    Went(String),
}

/// A root and what is known of it.
#[derive(Debug)]
pub struct Root {
    /// As the configuration names it.
    pub configured: PathBuf,
    /// Where it is without links, once it was there.
    pub real: PathBuf,
    /// How it is.
    pub health: Health,
    /// How its changes are noticed.
    pub watch_mode: WatchMode,
    /// Whether some of its folders could not be watched, and why.
    pub unwatched: Option<String>,
}

impl Root {
    /// A root that nobody has looked at yet.
    pub fn new(configured: PathBuf) -> Self {
        let real = configured.clone();
        Self { configured, real, health: Health::Unknown, watch_mode: WatchMode::Watched, unwatched: None }
    }

    /// Whether it can be worked on.
    pub fn is_good(&self) -> bool {
        self.health == Health::Good
    }

    /// Whether nothing tells of it when another folder takes its place: it is away, or reached through a link, which nobody watches.
    pub fn is_looked_for(&self) -> bool {
        !self.is_good() || self.configured != self.real
    }

    /// Whether it has to be looked through at the polling interval.
    pub fn is_polled(&self) -> bool {
        self.watch_mode != WatchMode::Watched || self.unwatched.is_some()
    }

    /// Takes notice of what is at its place. An empty folder of which the database knows files is a mount point without its mount.
    pub fn observe(&mut self, sight: Sight, has_known_files: impl FnOnce(&Path) -> bool) -> Option<Change> {
        let was_at = self.real.clone();
        let health = match sight {
            Sight::There(real) => {
                self.real = real;
                Health::Good
            }
            Sight::Empty(real) if has_known_files(&real) => {
                Health::Away("is empty, and had files: is its disk mounted?".to_owned())
            }
            Sight::Empty(real) => {
                self.real = real;
                Health::Good
            }
            Sight::Away(why) => Health::Away(why),
        };
        let is_another = health == Health::Good && self.real != was_at;
        if health == self.health && !is_another {
            return None;
        }
        self.health = health;
        match &self.health {
            Health::Good => Some(Change::Came),
            Health::Away(why) => Some(Change::Went(why.clone())),
            Health::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: &str = "/m";

    fn there() -> Sight {
        Sight::There(M.into())
    }

    #[test]
    fn a_disk_comes_goes_and_comes_back() {
        let mut root = Root::new(M.into());
        let away = || Sight::Away("is not there".to_owned());
        assert_eq!(root.observe(away(), |_| true), Some(Change::Went("is not there".to_owned())));
        assert_eq!(root.observe(away(), |_| true), None, "said once");
        assert_eq!(root.observe(there(), |_| true), Some(Change::Came));
        assert_eq!(root.observe(there(), |_| true), None);
        assert!(matches!(root.observe(away(), |_| true), Some(Change::Went(_))));
        assert!(!root.is_good());
        assert_eq!(root.observe(there(), |_| true), Some(Change::Came));
    }

    #[test]
    fn a_root_whose_link_leads_elsewhere_now_is_another_root() {
        let mut root = Root::new("/music".into());
        assert_eq!(root.observe(Sight::There("/disk/a".into()), |_| true), Some(Change::Came));
        assert!(root.is_good() && root.is_looked_for(), "nobody watches the link");
        assert_eq!(root.observe(Sight::There("/disk/a".into()), |_| true), None);
        assert_eq!(root.observe(Sight::There("/disk/b".into()), |_| true), Some(Change::Came));
        assert_eq!(root.real, Path::new("/disk/b"));
    }

    #[test]
    fn a_mount_point_without_its_mount_is_not_an_empty_library() {
        let mut root = Root::new(M.into());
        assert_eq!(root.observe(Sight::Empty(M.into()), |_| false), Some(Change::Came), "a library to be");
        assert!(
            matches!(root.observe(Sight::Empty(M.into()), |_| true), Some(Change::Went(why)) if why.contains("mounted"))
        );
    }

    #[test]
    fn the_place_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let real = std::fs::canonicalize(folder.path()).unwrap();
        assert_eq!(Sight::of(folder.path()), Sight::Empty(real.clone()));
        std::fs::write(folder.path().join("x"), "").unwrap();
        assert_eq!(Sight::of(folder.path()), Sight::There(real));
        assert!(matches!(Sight::of(&folder.path().join("x")), Sight::Away(why) if why.contains("not a folder")));
        assert!(matches!(Sight::of(&folder.path().join("y")), Sight::Away(why) if why.contains("mounted")));
    }
}
