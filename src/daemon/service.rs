//! The main loop: it waits for signals, for what workers did, for the clock, and tells the service manager how it stands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};

use super::book::Book;
use super::counters::Counters;
use super::lock::{Lock, LockError};
use super::metrics::Metrics;
use super::mounted::Mounted;
use super::rest::{self, Rest};
use super::shift::{Prepared, Shift, ShiftError, Ways};
use super::{memory, notify};
use crate::config::Config;
use crate::store::Store;
use crate::watch::Outlook;

/// Workers' reports that wait for the main loop.
const REPORTS: usize = 256;
/// How long files in flight may take to be finished when the service ends.
const LAST_FILES: Duration = Duration::from_secs(15);

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
