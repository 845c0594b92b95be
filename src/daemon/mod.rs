//! The long-running service: the watch, the line behind it, and all that a service owes its system: one a database, signals,
//! readiness, a watchdog, a reload, hours of rest, low priority, and an answer to how it stands.
//!
//! The main loop waits for what happens and never blocks; what blocks has threads of its own.

mod beside;
mod book;
mod counters;
mod crew;
mod learning;
mod lists;
mod lock;
mod loss;
mod memory;
mod metrics;
mod mounted;
mod notify;
mod power;
mod priority;
mod rest;
mod service;
mod serving;
mod shift;
mod status;
mod told;
mod trouble;

pub use counters::{Counters, Counts};
pub use lock::{Lock, LockError, holder};
pub use service::{DaemonError, Reload, Service};
pub use shift::ShiftError;
pub use status::{LastError, Status, StatusError, status_path};
