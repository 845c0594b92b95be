//! The long-running service: the watch, the line behind it, and all that a service owes its system: one a database,
//! signals, readiness, a watchdog, a reload, hours of rest, low priority, and an answer to how it stands.
//!
//! The main loop waits for what happens and never blocks; what blocks has threads of its own.

mod counters;
mod database_loss;
mod database_watch;
mod error;
mod file_log;
mod learning;
mod lists;
mod lock;
mod main_loop;
mod memory;
mod metrics;
mod mount_watch;
mod notify;
mod power;
mod priority;
mod rest;
mod running_watch;
mod service;
mod service_state;
mod status;
mod status_recorder;
mod trouble;
mod worker_pool;

pub use counters::{Counters, Counts};
pub use error::{DaemonError, Reload};
pub use lock::{Lock, LockError, holder};
pub use running_watch::WatchSetupError;
pub use service::Service;
pub use status::{LastError, Status, StatusError, status_path};
