//! The main loop: it waits for signals, for what workers did, for the clock, for what becomes of its database, and
//! tells the service manager how it stands. What follows from each is [`super::service_state`]'s.

use std::sync::Arc;
use std::time::Instant;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};

use super::counters::Counters;
use super::database_watch::DatabaseWatch;
use super::error::{DaemonError, Reload};
use super::lock::Lock;
use super::main_loop::MainLoopHandle;
use super::metrics::Metrics;
use super::mount_watch::MountWatch;
use super::notify;
use super::service_state::ServiceState;
use crate::config::Config;
use crate::store::Store;
use crate::watch::SharedWatchStatus;

/// Workers' reports that wait for the main loop.
const REPORTS: usize = 256;

/// The service of one database.
pub struct Service {
    store: Arc<Store>,
    reload: Reload,
    counters: Arc<Counters>,
    lock: Lock,
}

impl Service {
    /// Takes the database's lock. `reload` reads the configuration again when the service is asked to.
    ///
    /// # Errors
    /// [`DaemonError::Lock`] when another service has it.
    pub fn new(store: Store, reload: Reload) -> Result<Self, DaemonError> {
        let lock = Lock::take(store.path())?;
        Ok(Self { store: Arc::new(store), reload, counters: Arc::default(), lock })
    }

    /// What it does, in numbers that may be read from any thread.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Serves until a signal ends it.
    ///
    /// # Errors
    /// [`DaemonError`] when it cannot start, or has no database any more.
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
        let status_changed = Arc::clone(&changed);
        let watch_status = Arc::new(SharedWatchStatus::new(move || status_changed.notify_one()));
        let main_loop = MainLoopHandle { done, changed: Arc::clone(&changed), watch_status };
        let mut database_watch = DatabaseWatch::of(self.store.path());
        let listen = config.metrics.listen.address();
        let Self { store, reload, counters, lock } = self;
        let (learnt, mut learnings) = mpsc::channel(1);
        let mut state = ServiceState::begin(config, store, lock, reload, counters, main_loop)?;
        let mut mount_watch = MountWatch::open();
        let mut metrics = Metrics::open(listen).await;
        notify::ready(&state.line());
        let mut pulse = notify::pulse().map(tokio::time::interval);
        let ended = loop {
            let step = tokio::select! {
                _ = terminate.recv() => break Ok(()),
                _ = interrupt.recv() => break Ok(()),
                _ = hang_up.recv() => {
                    notify::reloading();
                    let reloaded = state.reload().await;
                    notify::ready(&state.line());
                    reloaded
                }
                Some(done) = reports.recv() => state.enter(done).await,
                () = database_watch.changed() => state.check_place().await,
                () = sleep_until(state.look_at()) => state.look_for_database(),
                () = changed.notified() => { state.stale(); continue }
                () = sleep_until(state.write_at()) => { state.write(); continue }
                () = sleep_until(state.rest_at()) => { state.take_rest(); continue }
                () = sleep_until(state.try_at()) => { state.try_again(); continue }
                () = sleep_until(state.lists_at()) => { state.make_lists(); continue }
                () = sleep_until(state.learn_at()) => state.look_at_learning(&learnt).await,
                Some(learning) = learnings.recv() => state.enter_learning(learning).await,
                question = metrics.asked() => {
                    question.answer(state.status(), state.model_versions());
                    continue
                }
                () = mount_watch.changed() => { state.mounts_changed(); continue }
                () = tick(&mut pulse) => { notify::alive(); continue }
            };
            if let Err(error) = step {
                break Err(error);
            }
        };
        notify::stopping();
        state.stopping();
        let in_time = tokio::select! {
            in_time = state.end_watch() => in_time,
            // Who asks twice means it. That harms no file: the next start cleans up.
            _ = terminate.recv() => false,
            _ = interrupt.recv() => false,
        };
        if !in_time {
            tracing::warn!("a file in flight was cut off; the next start cleans up");
        }
        while let Ok(done) = reports.try_recv() {
            state.enter_last(done);
        }
        state.stopped();
        ended
    }
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
