//! What was done: counted, logged, and written down as the status.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::counters::Counters;
use super::running_watch::RunningWatch;
use super::status::{LastError, Status};
use super::{file_log, notify};
use crate::pipeline::{Action, Report, StageTimes};
use crate::store::{TrackStatus, start_of};
use crate::watch::SharedWatchStatus;

/// The status is written at most this often.
const STATUS_PAUSE: Duration = Duration::from_secs(1);
const LAST_ERRORS: usize = 10;

/// What the service counts, and how it stands by that.
pub(super) struct StatusRecorder {
    database: PathBuf,
    counters: Arc<Counters>,
    watch_status: Arc<SharedWatchStatus>,
    started_at: u64,
    pub(super) resting: Option<String>,
    pub(super) trouble: Option<String>,
    pub(super) is_stale: bool,
    written: Option<Instant>,
    last_errors: VecDeque<LastError>,
    rate: Rate,
    ending: Option<&'static str>,
}

impl StatusRecorder {
    pub(super) fn new(database: PathBuf, counters: Arc<Counters>, watch_status: Arc<SharedWatchStatus>) -> Self {
        Self {
            database,
            counters,
            watch_status,
            started_at: unix_now(),
            resting: None,
            trouble: None,
            is_stale: true,
            written: None,
            last_errors: VecDeque::new(),
            rate: Rate::default(),
            ending: None,
        }
    }

    /// A file came to the end of the line.
    pub(super) fn record(&mut self, report: &Report, stage_times: &StageTimes) {
        self.count(report, stage_times);
        self.log(report);
    }

    /// The same without a word in the log.
    pub(super) fn count(&mut self, report: &Report, stage_times: &StageTimes) {
        self.is_stale = true;
        self.counters.add(report, stage_times);
        self.rate.count(Instant::now());
    }

    /// Something other than the file kept it from the end of the line.
    pub(super) fn record_obstacle(&mut self, path: &Path, error: &str) {
        file_log::log_obstacle(path, error);
        self.note_error(path.display().to_string(), error.to_owned());
    }

    fn log(&mut self, report: &Report) {
        file_log::log_report(report);
        if report.status == TrackStatus::Failed && report.action != Action::Unchanged {
            let reason = report.reason.as_deref().unwrap_or_default();
            self.note_error(report.path.display().to_string(), reason.to_owned());
        }
    }

    fn note_error(&mut self, path: String, reason: String) {
        self.is_stale = true;
        self.last_errors.push_front(LastError { at: unix_now(), path, reason });
        self.last_errors.truncate(LAST_ERRORS);
    }

    pub(super) fn write_at(&self) -> Option<Instant> {
        let now = Instant::now();
        self.is_stale.then(|| self.written.map_or(now, |written| written + STATUS_PAUSE))
    }

    /// How it stands; without a watch, while there is no database to work with.
    pub(super) fn status(&self, running: Option<&RunningWatch>) -> Status {
        let depth = running.map(|running| running.watcher.candidates().depth()).unwrap_or_default();
        let watch = self.watch_status.now();
        let is_busy = depth.queued + depth.working + watch.waiting > 0 || watch.comparing.is_some();
        let state = match self.ending {
            Some(ending) => ending,
            None if running.is_none() => "halted",
            None if self.resting.is_some() => "resting",
            None if is_busy => "working",
            None => "idle",
        };
        Status {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started_at,
            written_at: unix_now(),
            state: state.to_owned(),
            resting: self.resting.clone(),
            trouble: self.trouble.clone(),
            process_start: start_of(std::process::id()),
            queued: depth.queued,
            working: depth.working,
            rate: self.rate.now(Instant::now()),
            models_loaded: running.is_some_and(|running| running.workers.has_models()),
            watch,
            counts: self.counters.counts(),
            last_errors: self.last_errors.iter().cloned().collect(),
        }
    }

    pub(super) fn write(&mut self, running: Option<&RunningWatch>) {
        let status = self.status(running);
        notify::status(&status.line());
        self.is_stale = false;
        self.written = Some(Instant::now());
        if let Err(error) = status.write(&self.database) {
            // Its disk is full, or its folder gone: that was said. Standard error and the service manager are told all the same.
            match self.trouble {
                Some(_) => tracing::debug!("the status cannot be written: {error}"),
                None => tracing::warn!("the status cannot be written: {error}"),
            }
        }
    }

    /// The roots at which nothing was since the start.
    pub(super) fn never_seen(&self) -> Vec<PathBuf> {
        let roots = self.watch_status.now().roots.into_iter();
        roots.filter(|root| root.away.is_some() && root.compared_at.is_none()).map(|root| root.path).collect()
    }

    pub(super) fn stopping(&mut self, running: Option<&RunningWatch>) {
        self.ending = Some("stopping");
        self.write(running);
    }

    pub(super) fn stopped(&mut self, running: Option<&RunningWatch>) {
        self.ending = Some("stopped");
        self.write(running);
    }
}

/// Files by second, over the last minute.
#[derive(Default)]
struct Rate {
    seconds: VecDeque<(Instant, u32)>,
}

impl Rate {
    const OVER: Duration = Duration::from_secs(60);

    fn count(&mut self, now: Instant) {
        match self.seconds.back_mut() {
            Some((second, files)) if now < *second + Duration::from_secs(1) => *files += 1,
            _ => self.seconds.push_back((now, 1)),
        }
        while self.seconds.front().is_some_and(|(second, _)| *second + Self::OVER < now) {
            self.seconds.pop_front();
        }
    }

    fn now(&self, now: Instant) -> f64 {
        let recent = self.seconds.iter().filter(|(second, _)| *second + Self::OVER >= now);
        let (files, first) = recent
            .fold((0u32, None), |(files, first), (second, count)| (files + count, Some(first.unwrap_or(*second))));
        let over = first.map_or(1.0, |first| (now - first).as_secs_f64().max(1.0));
        f64::from(files) / over
    }
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
