//! How much is done at once: each resource has as many users as it bears and no more. What is done is not known here.

mod compute_pool;
mod disk_readers;
mod keyed_lock;
mod resource_limits;

pub(super) use keyed_lock::{KeyedLock, KeyedLockGuard};
pub(super) use resource_limits::ResourceLimits;
