//! What ends the service, and what it may be asked for meanwhile.

use super::lock::LockError;
use super::running_watch::WatchSetupError;
use crate::config::Config;
use crate::store::StoreError;

/// What ends the service, or keeps it from starting.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Another service works with the database.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The configuration cannot be worked with.
    #[error(transparent)]
    Setup(#[from] WatchSetupError),
    /// The database was deleted or replaced, and none that can be opened took its place.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Signals or timers cannot be had.
    #[error("the system gives no signals or timers: {0}")]
    System(std::io::Error),
}

/// A new configuration, or why there is none.
pub type Reload = Box<dyn Fn() -> Result<Config, String>>;
