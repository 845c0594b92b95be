//! What the heart of the watch asks the world: what is at a path, and whether the database has settled it.

use std::path::Path;

use super::plan::Plan;
use super::roots::Root;
use super::settling::{Sight, Surroundings};
use crate::store::Store;
use crate::tagging::FileStamp;

/// The disk and the database.
pub(super) struct DiskAndStore<'a> {
    pub(super) store: &'a Store,
    pub(super) plan: &'a Plan,
    pub(super) roots: &'a [Root],
}

impl Surroundings for DiskAndStore<'_> {
    fn look(&self, path: &Path) -> Sight {
        let is_link = || path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
        if !self.plan.selection.follows_links() && is_link() {
            return Sight::Unclear;
        }
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => Sight::Folder,
            Ok(metadata) if metadata.is_file() => Sight::File(FileStamp::from(&metadata)),
            Ok(_) => Sight::Unclear,
            Err(error) => match error.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Sight::Missing,
                _ => Sight::Unclear,
            },
        }
    }

    fn knows(&self, path: &Path, stamp: &FileStamp) -> bool {
        let known = |path: &Path| self.store.track(path).ok().flatten();
        let by_one_name = || {
            let target = std::fs::canonicalize(path).ok().filter(|target| target != path)?;
            known(&target)
        };
        // Where the database fails, the line finds out and says so.
        let Some(track) = known(path).or_else(by_one_name) else { return false };
        track.stamp == *stamp && self.plan.fingerprints.hold(path, track.settled_by.as_deref())
    }

    fn takes(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| self.plan.selection.takes_file(&root.real, path))
    }

    fn takes_folder(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| self.plan.selection.takes_folder(&root.real, path))
    }

    fn knows_below(&self, path: &Path) -> bool {
        // Where the database cannot say, it is looked at.
        self.store.knows_files_below(path).unwrap_or(true)
    }
}
