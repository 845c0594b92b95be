//! A bug in somebody's decoder costs one file, not the run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::cancel::Cancel;
use super::line::{Line, Worker};
use super::report::Report;
use crate::store::{StoreError, TrackStatus};

/// Takes a file down the line; a panic on the way becomes a report, and the worker a new one. `None` when the wish to
/// stop came before anything was done.
///
/// # Errors
/// [`StoreError`] when the database fails; the file is then whole, old or new.
pub fn process_catching_panics(
    line: &Line,
    worker: &mut Worker,
    path: &Path,
    cancel: &Cancel,
) -> Result<Option<Report>, StoreError> {
    catch_unwind(AssertUnwindSafe(|| line.process(worker, path, cancel))).unwrap_or_else(|panic| {
        *worker = Worker::new();
        let reason = describe_panic(panic.as_ref());
        // Another try would end the same way.
        Ok(Some(Report { is_settled: true, ..Report::without_genre(path.to_owned(), TrackStatus::Failed, reason) }))
    })
}

pub(super) fn describe_panic(panic: &(dyn std::any::Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("internal error: {}; the file is whole, old or new; please report this bug", said.unwrap_or("unknown"))
}
