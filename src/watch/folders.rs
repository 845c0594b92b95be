//! Which folders the kernel watches for us, by name and by descriptor.
//!
//! One watch a folder; files have none. Descriptors stand for folders and not for names: a renamed folder keeps its
//! descriptor, so the old name is forgotten first and everything below it with it.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Bound;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use inotify::{WatchDescriptor, WatchMask, Watches};

/// What we want to hear of. Not of reading, not of each piece of a long write: a player or a backup must not wake us,
/// and what grows is seen by looking at it.
const WANTED: WatchMask = WatchMask::CREATE
    .union(WatchMask::MOVED_TO)
    .union(WatchMask::MOVED_FROM)
    .union(WatchMask::DELETE)
    .union(WatchMask::CLOSE_WRITE)
    .union(WatchMask::DELETE_SELF)
    .union(WatchMask::MOVE_SELF)
    .union(WatchMask::EXCL_UNLINK)
    .union(WatchMask::ONLYDIR);

/// Why a folder is not watched.
#[derive(Debug)]
pub(super) enum NotWatched {
    /// The kernel's limit is reached; which setting raises it.
    Limit(&'static str),
    /// It went away, may not be read, or the like.
    Other(io::Error),
}

impl From<io::Error> for NotWatched {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOSPC) => NotWatched::Limit("fs.inotify.max_user_watches"),
            Some(libc::EMFILE) => NotWatched::Limit("fs.inotify.max_user_instances"),
            Some(libc::ENFILE) => NotWatched::Limit("fs.file-max"),
            _ => NotWatched::Other(error),
        }
    }
}

/// The watched folders.
pub(super) struct Folders {
    watches: Watches,
    by_path: BTreeMap<Arc<Path>, WatchDescriptor>,
    by_descriptor: HashMap<WatchDescriptor, Arc<Path>>,
}

impl Folders {
    pub(super) fn new(watches: Watches) -> Self {
        Self { watches, by_path: BTreeMap::new(), by_descriptor: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.by_path.len()
    }

    /// Watches a folder, also one that is watched already: another one may have its name now.
    pub(super) fn watch(&mut self, folder: &Path) -> Result<(), NotWatched> {
        let descriptor = self.watches.add(folder, WANTED)?;
        if let Some(other) = self.by_descriptor.get(&descriptor) {
            if &**other == folder {
                return Ok(());
            }
            // Two names of one folder, by a link: the first one does for both. Or the other name is from before a
            // rename.
            if is_same_folder(other, folder) {
                return Ok(());
            }
            self.by_path.remove(&Arc::clone(other));
        }
        let path: Arc<Path> = folder.into();
        if let Some(stale) = self.by_path.insert(Arc::clone(&path), descriptor.clone())
            && stale != descriptor
        {
            self.by_descriptor.remove(&stale);
            // It may be gone with its folder.
            let _ = self.watches.remove(stale);
        }
        self.by_descriptor.insert(descriptor, path);
        Ok(())
    }

    /// The folder that an event is about.
    pub(super) fn folder(&self, descriptor: &WatchDescriptor) -> Option<&Path> {
        self.by_descriptor.get(descriptor).map(|path| &**path)
    }

    /// The kernel does not watch it any more.
    pub(super) fn ended(&mut self, descriptor: &WatchDescriptor) {
        if let Some(path) = self.by_descriptor.remove(descriptor)
            && self.by_path.get(&path) == Some(descriptor)
        {
            self.by_path.remove(&path);
        }
    }

    /// Watches a folder no more, nor any below it. Says how many those were.
    pub(super) fn forget_below(&mut self, folder: &Path) -> usize {
        let behind = (Bound::Included(folder), Bound::Unbounded);
        let below = self.by_path.range::<Path, _>(behind).take_while(|(path, _)| path.starts_with(folder));
        let below: Vec<(Arc<Path>, WatchDescriptor)> = below.map(|(p, d)| (Arc::clone(p), d.clone())).collect();
        let forgotten = below.len();
        for (path, descriptor) in below {
            self.by_path.remove(&path);
            self.by_descriptor.remove(&descriptor);
            // It may be gone with its folder.
            let _ = self.watches.remove(descriptor);
        }
        forgotten
    }

    /// Ends one watch, which makes the kernel tell so: whoever waits for events wakes up.
    pub(super) fn end(&mut self, descriptor: WatchDescriptor) {
        let _ = self.watches.remove(descriptor);
    }
}

fn is_same_folder(a: &Path, b: &Path) -> bool {
    let identity = |path: &Path| path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()));
    identity(a).is_some_and(|a| identity(b) == Some(a))
}
