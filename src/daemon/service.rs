//! The main loop: it waits for signals, for what workers did, for the clock, and tells the service manager how it stands.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};

use super::counters::Counters;
use super::crew::Done;
use super::lock::{Lock, LockError};
use super::metrics::Metrics;
use super::mounted::Mounted;
use super::rest::{self, Rest};
use super::shift::{Prepared, Shift, ShiftError, Ways};
use super::status::{LastError, Status};
use super::{memory, notify, told};
use crate::config::Config;
use crate::pipeline::{Action, Report};
use crate::store::{Store, TrackStatus};
use crate::watch::Outlook;

/// Workers' reports that wait for the main loop.
const REPORTS: usize = 256;
/// How long files in flight may take to be finished when the service ends.
const LAST_FILES: Duration = Duration::from_secs(15);
/// The status is written at most this often.
const STATUS_PAUSE: Duration = Duration::from_secs(1);
const LAST_ERRORS: usize = 10;

/// What ends the service, or keeps it from starting.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Another service works with the database.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The configuration cannot be worked with.
    #[error(transparent)]
    Shift(#[from] ShiftError),
    /// Signals or timers cannot be had.
    #[error("the system gives no signals or timers: {0}")]
    System(std::io::Error),
}

/// A new configuration, or why there is none.
pub type Reload = Box<dyn Fn() -> Result<Config, String>>;

/// The service of one database.
pub struct Service {
    store: Arc<Store>,
    reload: Reload,
    counters: Arc<Counters>,
    _lock: Lock,
}

impl Service {
    /// Takes the database's lock. `reload` reads the configuration again when the service is asked to.
    ///
    /// # Errors
    /// [`DaemonError::Lock`] when another service has it.
    pub fn new(store: Store, reload: Reload) -> Result<Self, DaemonError> {
        let lock = Lock::take(store.path())?;
        Ok(Self { store: Arc::new(store), reload, counters: Arc::default(), _lock: lock })
    }

    /// What it does, in numbers that may be read from any thread.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Serves until a signal ends it.
    ///
    /// # Errors
    /// [`DaemonError`] when it cannot start.
    pub fn run(self, config: Config) -> Result<(), DaemonError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(DaemonError::System)?.block_on(self.serve(config))
    }

    async fn serve(self, config: Config) -> Result<(), DaemonError> {
        let on = |kind| signal(kind).map_err(DaemonError::System);
        let mut terminate = on(SignalKind::terminate())?;
        let mut interrupt = on(SignalKind::interrupt())?;
        let mut hang_up = on(SignalKind::hangup())?;
        let (done, mut reports) = mpsc::channel(REPORTS);
        let changed = Arc::new(Notify::new());
        let outlook_changed = Arc::clone(&changed);
        let outlook = Arc::new(Outlook::new(move || outlook_changed.notify_one()));
        let ways = Ways { done, changed: Arc::clone(&changed), outlook: Arc::clone(&outlook) };
        let prepared = Prepared::new(config, &self.store)?;
        let mut shift = Shift::begin(prepared, &self.store, &ways)?;
        let mut book = Book::new(self.store.path().to_owned(), Arc::clone(&self.counters), outlook);
        let mut mounts = Mounted::open();
        let mut metrics = Metrics::open(shift.config.metrics.listen.address()).await;
        let mut rest = take_rest(&shift, &mut book);
        notify::ready(&book.status(&shift).line());
        let mut pulse = notify::pulse().map(tokio::time::interval);
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hang_up.recv() => {
                    notify::reloading();
                    if let Some(prepared) = self.prepare_reload(&shift) {
                        if !shift.end(LAST_FILES).await {
                            tracing::warn!("a file in flight takes long; it goes on beside the new configuration");
                        }
                        shift = Shift::begin(prepared, &self.store, &ways)?;
                        memory::give_back();
                        rest = take_rest(&shift, &mut book);
                        tracing::info!("the new configuration is in force");
                    }
                    notify::ready(&book.status(&shift).line());
                }
                Some(done) = reports.recv() => book.enter(done, &shift),
                () = changed.notified() => book.is_stale = true,
                () = sleep_until(book.write_at()) => book.write(&shift),
                () = sleep_until(rest.ask_at) => rest = take_rest(&shift, &mut book),
                question = metrics.asked() => question.answer(book.status(&shift), shift.line_up.clone()),
                () = mounts.changed() => shift.watcher.mounts_changed(),
                () = tick(&mut pulse) => notify::alive(),
            }
        }
        notify::stopping();
        book.stopping(&shift);
        let ended = tokio::select! {
            ended = shift.end(LAST_FILES) => ended,
            // Who asks twice means it. That harms no file: the next start cleans up.
            _ = terminate.recv() => false,
            _ = interrupt.recv() => false,
        };
        if !ended {
            tracing::warn!("a file in flight was cut off; the next start cleans up");
        }
        while let Ok(done) = reports.try_recv() {
            book.enter(done, &shift);
        }
        book.stopped(&shift);
        Ok(())
    }

    fn prepare_reload(&self, shift: &Shift) -> Option<Prepared> {
        let new = (self.reload)().and_then(|config| {
            if config.database.path != shift.config.database.path {
                tracing::warn!("[database] path: another database takes a restart; this one goes on");
            }
            if config.metrics != shift.config.metrics {
                tracing::warn!("[metrics]: another place for the figures takes a restart");
            }
            if config.log != shift.config.log {
                tracing::warn!("[log]: another way of logging takes a restart");
            }
            Prepared::new(config, &self.store).map_err(|error| error.to_string())
        });
        new.map_err(|error| tracing::error!("the configuration stays as it was: {error}")).ok()
    }
}

/// A rest that is being taken or not, and when to ask again.
struct Resting {
    ask_at: Option<Instant>,
}

fn take_rest(shift: &Shift, book: &mut Book) -> Resting {
    let Rest { why, ask_again } = rest::now(&shift.config.watch);
    shift.watcher.candidates().pause(why.is_some());
    if why != book.resting {
        match &why {
            Some(why) => tracing::info!("resting: {why}"),
            None => tracing::info!("working again"),
        }
        book.resting = why;
        book.is_stale = true;
    }
    Resting { ask_at: ask_again.map(|wait| Instant::now() + wait) }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

async fn tick(pulse: &mut Option<tokio::time::Interval>) {
    match pulse {
        Some(pulse) => drop(pulse.tick().await),
        None => std::future::pending().await,
    }
}

/// What was done, for the log and the status.
struct Book {
    database: PathBuf,
    counters: Arc<Counters>,
    outlook: Arc<Outlook>,
    started_at: u64,
    resting: Option<String>,
    is_stale: bool,
    written: Option<Instant>,
    last_errors: VecDeque<LastError>,
    rate: Rate,
    ending: Option<&'static str>,
}

impl Book {
    fn new(database: PathBuf, counters: Arc<Counters>, outlook: Arc<Outlook>) -> Self {
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

    fn enter(&mut self, done: Done, shift: &Shift) {
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

    fn write_at(&self) -> Option<Instant> {
        let now = Instant::now();
        self.is_stale.then(|| self.written.map_or(now, |written| written + STATUS_PAUSE))
    }

    fn status(&self, shift: &Shift) -> Status {
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

    fn write(&mut self, shift: &Shift) {
        let status = self.status(shift);
        notify::status(&status.line());
        self.is_stale = false;
        self.written = Some(Instant::now());
        if let Err(error) = status.write(&self.database) {
            tracing::warn!("the status cannot be written: {error}");
        }
    }

    fn stopping(&mut self, shift: &Shift) {
        self.ending = Some("stopping");
        self.write(shift);
    }

    fn stopped(&mut self, shift: &Shift) {
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
