//! What was done: counted, logged, and written down as the status.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::counters::Counters;
use super::crew::Done;
use super::shift::Shift;
use super::status::{LastError, Status};
use super::{notify, told};
use crate::pipeline::{Action, Report};
use crate::store::TrackStatus;
use crate::watch::Outlook;

/// The status is written at most this often.
const STATUS_PAUSE: Duration = Duration::from_secs(1);
const LAST_ERRORS: usize = 10;

/// The service's book.
pub(super) struct Book {
    database: PathBuf,
    counters: Arc<Counters>,
    outlook: Arc<Outlook>,
    started_at: u64,
    pub(super) resting: Option<String>,
    pub(super) is_stale: bool,
    written: Option<Instant>,
    last_errors: VecDeque<LastError>,
    rate: Rate,
    ending: Option<&'static str>,
}

impl Book {
    pub(super) fn new(database: PathBuf, counters: Arc<Counters>, outlook: Arc<Outlook>) -> Self {
        Self {
            database,
            counters,
            outlook,
            started_at: unix_now(),
            resting: None,
            is_stale: true,
            written: None,
            last_errors: VecDeque::new(),
            rate: Rate::default(),
            ending: None,
        }
    }

    pub(super) fn enter(&mut self, done: Done, shift: &Shift) {
        self.is_stale = true;
        let Done { candidate, outcome } = done;
        match outcome {
            Ok((report, stages)) => {
                self.counters.add(&report, &stages);
                self.rate.count(Instant::now());
                self.log(&report);
                if !report.is_settled {
                    shift.watcher.try_again(candidate);
                }
            }
            Err(error) => {
                told::of_obstacle(&candidate.path, &error);
                self.note_error(candidate.path.display().to_string(), error);
                shift.watcher.try_again(candidate);
            }
        }
    }

    fn log(&mut self, report: &Report) {
        told::of_file(report);
        if report.status == TrackStatus::Failed && report.action != Action::Unchanged {
            let reason = report.reason.as_deref().unwrap_or_default();
            self.note_error(report.path.display().to_string(), reason.to_owned());
        }
    }

    fn note_error(&mut self, path: String, reason: String) {
        self.last_errors.push_front(LastError { at: unix_now(), path, reason });
        self.last_errors.truncate(LAST_ERRORS);
    }

    pub(super) fn write_at(&self) -> Option<Instant> {
        let now = Instant::now();
        self.is_stale.then(|| self.written.map_or(now, |written| written + STATUS_PAUSE))
    }

    pub(super) fn status(&self, shift: &Shift) -> Status {
        let depth = shift.watcher.candidates().depth();
        let watch = self.outlook.standing();
        let is_busy = depth.queued + depth.working + watch.waiting > 0 || watch.comparing.is_some();
        let state = match self.ending {
            Some(ending) => ending,
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
            queued: depth.queued,
            working: depth.working,
            rate: self.rate.now(Instant::now()),
            models_loaded: shift.crew.has_models(),
            watch,
            counts: self.counters.counts(),
            last_errors: self.last_errors.iter().cloned().collect(),
        }
    }

    pub(super) fn write(&mut self, shift: &Shift) {
        let status = self.status(shift);
        notify::status(&status.line());
        self.is_stale = false;
        self.written = Some(Instant::now());
        if let Err(error) = status.write(&self.database) {
            tracing::warn!("the status cannot be written: {error}");
        }
    }

    pub(super) fn stopping(&mut self, shift: &Shift) {
        self.ending = Some("stopping");
        self.write(shift);
    }

    pub(super) fn stopped(&mut self, shift: &Shift) {
        self.ending = Some("stopped");
        self.write(shift);
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
