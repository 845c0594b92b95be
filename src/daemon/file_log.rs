//! What the log is told of each file: a line for people, and the same as fields for the journal and for JSON lines. The line says all
//! that matters by itself; whoever shows lines leaves the fields out.

use std::borrow::Cow;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::pipeline::{Action, Report};
use crate::store::TrackStatus;

/// A path as a field: the string is a lossy form where the path is not UTF-8, and then its bytes are there in hexadecimal.
struct LoggedPath<'p> {
    path: Cow<'p, str>,
    hex: Option<String>,
}

impl<'p> From<&'p Path> for LoggedPath<'p> {
    fn from(path: &'p Path) -> Self {
        let bytes = path.as_os_str().as_bytes();
        let hex = || bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { path: path.to_string_lossy(), hex: path.to_str().is_none().then(hex) }
    }
}

macro_rules! tell {
    ($level:ident, $report:ident, $named:ident, $($line:tt)+) => {
        tracing::$level!(
            path = &*$named.path,
            path_hex = $named.hex.as_deref(),
            status = $report.status.as_str(),
            action = $report.action.as_str(),
            genre = $report.genre.as_deref(),
            confidence = $report.confidence.map(|confidence| (f64::from(confidence) * 1e4).round() / 1e4),
            reason = $report.reason.as_deref(),
            elapsed_ms = u64::try_from($report.elapsed.as_millis()).unwrap_or(u64::MAX),
            $($line)+
        )
    };
}

/// A file came to the end of the line.
pub(super) fn log_report(report: &Report) {
    let named = LoggedPath::from(report.path.as_path());
    let (path, status) = (report.path.display(), report.status.as_str());
    let reason = report.reason.as_deref().unwrap_or_default();
    match (report.status, report.action) {
        (_, Action::Unchanged) => tell!(debug, report, named, "{path}: unchanged"),
        (TrackStatus::Failed, _) => tell!(warn, report, named, "{path}: failed: {reason}"),
        (_, Action::Written) => {
            let genre = report.genre.as_deref().unwrap_or_default();
            let confidence = report.confidence.unwrap_or_default();
            tell!(info, report, named, "{path}: tagged {genre} {confidence:.2}");
        }
        _ if report.is_contested => tell!(warn, report, named, "{path}: {reason}"),
        _ => tell!(info, report, named, "{path}: {status}: {reason}"),
    }
}

/// Something other than the file kept it from the end of the line.
pub(super) fn log_obstacle(path: &Path, error: &str) {
    let named = LoggedPath::from(path);
    tracing::error!(
        path = &*named.path,
        path_hex = named.hex.as_deref(),
        reason = error,
        "{}: {error}; it is tried again",
        path.display()
    );
}
