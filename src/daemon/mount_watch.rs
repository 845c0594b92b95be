//! The kernel's list of mounts, which tells when it changes: a disk that was plugged in is looked at at once.
#![allow(unsafe_code)] // tokio's registration of a file descriptor is unsafe

use std::fs::File;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The list; without one, roots are looked for at an interval only.
pub(super) struct MountWatch(Option<AsyncFd<File>>);

impl MountWatch {
    pub(super) fn open() -> Self {
        let list = File::open("/proc/self/mountinfo").ok();
        // SAFETY: the file is owned by the registration, keeps its descriptor, and is closed with it.
        Self(list.and_then(|list| unsafe { AsyncFd::register_with_interest(list, Interest::PRIORITY) }.ok()))
    }

    /// Waits until something was mounted or unmounted; for ever where there is no list.
    pub(super) async fn changed(&mut self) {
        let Some(list) = &self.0 else { return std::future::pending().await };
        match list.ready(Interest::PRIORITY).await {
            Ok(mut ready) => ready.clear_ready(),
            Err(_) => self.0 = None,
        }
    }
}
