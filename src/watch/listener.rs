//! The thread that listens to inotify and leaves word in the inbox. It looks at nothing and decides nothing.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use inotify::{EventMask, Inotify, WatchDescriptor, WatchMask};

use super::folders::{Folders, NotWatched};
use super::inbox::Inbox;

const BUFFER: usize = 64 * 1024;

/// An inotify instance and the thread that reads it.
pub(super) struct Listener {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// A watch that nothing ever happens to: its end wakes the thread.
    bell: WatchDescriptor,
}

struct Shared {
    folders: Mutex<Folders>,
    stop: AtomicBool,
}

impl Shared {
    fn folders(&self) -> MutexGuard<'_, Folders> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Starts listening; nothing is watched yet.
    pub(super) fn start(inbox: Arc<Inbox>) -> Result<Self, NotWatched> {
        let inotify = Inotify::init()?;
        let bell = inotify.watches().add("/", WatchMask::DELETE_SELF)?;
        let shared =
            Arc::new(Shared { folders: Mutex::new(Folders::new(inotify.watches())), stop: AtomicBool::new(false) });
        let listening = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("listener".to_owned());
        let thread = thread.spawn(move || listening.listen(inotify, &inbox)).map_err(NotWatched::Other)?;
        Ok(Self { shared, thread: Some(thread), bell })
    }

    pub(super) fn watch(&self, folder: &Path) -> Result<(), NotWatched> {
        self.shared.folders().watch(folder)
    }

    pub(super) fn forget_below(&self, folder: &Path) {
        let _ = self.shared.folders().forget_below(folder);
    }

    /// How many folders are watched.
    pub(super) fn len(&self) -> usize {
        self.shared.folders().len()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.folders().end(self.bell.clone());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn listen(&self, mut inotify: Inotify, inbox: &Inbox) {
        let mut buffer = vec![0; BUFFER];
        while !self.stop.load(Ordering::Relaxed) {
            match inotify.read_events_blocking(&mut buffer) {
                Ok(events) => {
                    for event in events {
                        self.hear(&event, inbox);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::error!("listening to inotify failed: {error}; changes are found by the next comparison");
                    inbox.events_lost();
                    return;
                }
            }
        }
    }

    fn hear(&self, event: &inotify::Event<&std::ffi::OsStr>, inbox: &Inbox) {
        let mask = event.mask;
        if mask.contains(EventMask::Q_OVERFLOW) {
            return inbox.events_lost();
        }
        let mut folders = self.folders();
        let Some(folder) = folders.folder(&event.wd).map(Path::to_owned) else { return };
        let went = EventMask::IGNORED | EventMask::DELETE_SELF | EventMask::MOVE_SELF | EventMask::UNMOUNT;
        if mask.intersects(went) {
            if mask.contains(EventMask::IGNORED) {
                folders.ended(&event.wd);
            }
            return inbox.vanished(folder);
        }
        let Some(name) = event.name else { return };
        let path = folder.join(name);
        // What went from a name, or took its place, took the folders of that name away: the folder itself, or the link
        // to one.
        if mask.intersects(EventMask::MOVED_FROM | EventMask::MOVED_TO | EventMask::DELETE) {
            let forgotten = folders.forget_below(&path);
            if forgotten > 0 && !mask.contains(EventMask::ISDIR) {
                inbox.unlinked();
            }
        }
        inbox.event(path);
    }
}
