//! The workers: threads that take ripe files down the line, load the models when there is something to do, and let them
//! go again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::main_loop::{MainLoopHandle, Obstacle, Processed};
use super::{memory, priority};
use crate::config::{Config, Priority};
use crate::pipeline::{Cancel, Line, LineError, ModelVersions, Settings, Worker, process_catching_panics};
use crate::store::Store;
use crate::watch::{Candidate, Candidates, Next};

/// The workers of one running watch.
pub(super) struct WorkerPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    config: Config,
    store: Arc<Store>,
    candidates: Arc<Candidates>,
    cancel: Cancel,
    main_loop: MainLoopHandle,
    loaded: Mutex<Loaded>,
    /// Who listens under this watch.
    model_versions: ModelVersions,
    unload_after: Duration,
}

struct Loaded {
    line: Option<Arc<Line>>,
    /// Workers that may want the line at any moment.
    users: usize,
}

impl WorkerPool {
    /// Starts the workers with a line that is loaded already.
    pub(super) fn start(
        config: &Config,
        line: Arc<Line>,
        store: Arc<Store>,
        candidates: Arc<Candidates>,
        main_loop: &MainLoopHandle,
    ) -> std::io::Result<Self> {
        let workers = line.workers();
        let shared = Arc::new(Shared {
            config: config.clone(),
            store,
            candidates,
            cancel: Cancel::default(),
            main_loop: main_loop.clone(),
            model_versions: line.model_versions(),
            // Each worker starts as a user, so that an idle start unloads too.
            loaded: Mutex::new(Loaded { line: Some(line), users: workers }),
            unload_after: config.watch.unload_models_after.get(),
        });
        let mut threads = Vec::with_capacity(workers);
        for number in 0..workers {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name(format!("worker {number}"));
            threads.push(thread.spawn(move || shared.work())?);
        }
        Ok(Self { shared, threads })
    }

    /// Whether the models are in memory.
    pub(super) fn has_models(&self) -> bool {
        self.shared.loaded().line.is_some()
    }

    /// Asks the workers to stop at the next point where nothing is half done. Does not wait.
    pub(super) fn stop(&self) {
        self.shared.cancel.request();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }
}

impl Shared {
    fn loaded(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        if self.config.watch.priority == Priority::Idle {
            priority::lower_this_thread();
        }
        let mut worker = Some(Worker::new());
        loop {
            let wait = worker.is_some().then_some(self.unload_after);
            match self.candidates.next(wait) {
                Next::Closed => return,
                Next::Nothing => {
                    if worker.take().is_some() {
                        self.rest();
                    }
                }
                Next::Work(candidate) => {
                    let worker = worker.get_or_insert_with(|| {
                        self.loaded().users += 1;
                        Worker::new()
                    });
                    let done = self.process(worker, candidate);
                    self.candidates.done();
                    if let Some(done) = done
                        && self.main_loop.done.blocking_send(done).is_err()
                    {
                        return;
                    }
                }
            }
        }
    }

    /// `None` when the wish to stop came first.
    fn process(&self, worker: &mut Worker, candidate: Candidate) -> Option<Processed> {
        let line = match self.line() {
            Ok(line) => line,
            Err(error) => return Some(Processed { candidate, outcome: Err(Obstacle::Everything(error.to_string())) }),
        };
        // What the watch takes for settled was settled by the others.
        if line.model_versions() != self.model_versions {
            return Some(Processed { candidate, outcome: Err(Obstacle::OtherModels(line.model_versions())) });
        }
        let outcome = match process_catching_panics(&line, worker, &candidate.path, &self.cancel) {
            Ok(None) => return None,
            Ok(Some(report)) => Ok((report, worker.take_stage_times())),
            Err(error) => Err(error.into()),
        };
        Some(Processed { candidate, outcome })
    }

    /// The line, loaded if need be: who else wants it waits meanwhile.
    fn line(&self) -> Result<Arc<Line>, LineError> {
        let mut loaded = self.loaded();
        if let Some(line) = &loaded.line {
            return Ok(Arc::clone(line));
        }
        tracing::debug!("loading the models");
        let line = Arc::new(Line::new(&self.config, Settings::new(&self.config)?, Arc::clone(&self.store))?);
        Ok(Arc::clone(loaded.line.insert(line)))
    }

    /// A worker has nothing to do; with the last of them goes the line.
    fn rest(&self) {
        let line = {
            let mut loaded = self.loaded();
            loaded.users = loaded.users.saturating_sub(1);
            if loaded.users == 0 { loaded.line.take() } else { None }
        };
        if let Some(line) = line {
            tracing::debug!("unloading the models");
            drop(line);
            self.store.shrink();
        }
        memory::give_back();
        self.main_loop.changed.notify_one();
    }
}
