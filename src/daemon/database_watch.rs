//! Tells when something came or went in the folder of the database: the database itself, its lock or its status may have been replaced
//! or deleted under the service. What became of them is asked of the disk.
#![allow(unsafe_code)] // tokio's registration of a file descriptor is unsafe

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use inotify::{EventMask, Inotify, WatchMask};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// What is heard of: names that come and go, and the end of the folder. Not writing, which the database does all the time.
const WANTED: WatchMask = WatchMask::CREATE
    .union(WatchMask::DELETE)
    .union(WatchMask::MOVED_FROM)
    .union(WatchMask::MOVED_TO)
    .union(WatchMask::DELETE_SELF)
    .union(WatchMask::MOVE_SELF)
    .union(WatchMask::ONLYDIR);
/// How often the folder is looked at where it cannot be listened to.
const INTERVAL: Duration = Duration::from_secs(30);

/// The folder, listened to.
pub(super) struct DatabaseWatch {
    folder: PathBuf,
    events: Option<AsyncFd<Inotify>>,
}

impl DatabaseWatch {
    pub(super) fn of(database: &Path) -> Self {
        let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self { folder: folder.to_owned(), events: listen(folder) }
    }

    /// Waits until something came or went; where that cannot be heard, for half a minute.
    pub(super) async fn changed(&mut self) {
        let Some(events) = &mut self.events else {
            tokio::time::sleep(INTERVAL).await;
            self.events = listen(&self.folder);
            return;
        };
        let is_over = match events.readable_mut().await {
            Ok(mut ready) => {
                let is_over = drain(ready.get_inner_mut());
                ready.clear_ready();
                is_over
            }
            Err(_) => true,
        };
        if is_over {
            // Another folder may have its name by now.
            self.events = listen(&self.folder);
        }
    }
}

fn listen(folder: &Path) -> Option<AsyncFd<Inotify>> {
    let attempt = || -> std::io::Result<AsyncFd<Inotify>> {
        let inotify = Inotify::init()?;
        inotify.watches().add(folder, WANTED)?;
        // SAFETY: the registration owns the instance, which keeps its descriptor and is closed with it.
        Ok(unsafe { AsyncFd::register_with_interest(inotify, Interest::READABLE) }?)
    };
    attempt().inspect_err(|error| tracing::debug!("{}: not listened to: {error}", folder.display())).ok()
}

/// Reads all that there is. Whether the folder itself went.
fn drain(inotify: &mut Inotify) -> bool {
    let mut buffer = [0; 4096];
    let mut is_over = false;
    loop {
        match inotify.read_events(&mut buffer) {
            Ok(events) => {
                let went = EventMask::IGNORED | EventMask::DELETE_SELF | EventMask::MOVE_SELF | EventMask::UNMOUNT;
                is_over |= events.into_iter().any(|event| event.mask.intersects(went));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return is_over || error.kind() != ErrorKind::WouldBlock,
        }
    }
}
