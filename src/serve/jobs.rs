//! Corrections of many tracks: jobs that are done one after the other, each told of as it goes on. What was done stays
//! done if the process ends on the way, and the rest waits in the queue as before.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use super::app::{App, block};
use super::events::{Event, Events};
use super::problem::{Kind, Problem};
use super::shapes::{self, Outcome};
use crate::desk::{Correction, Desk, DeskError, Reach};
use crate::pipeline::{Cancel, HandError};
use crate::store::{GoId, QueueFilter, QueueOrder, QueuePlace, QueueView, QueuedTrack, Surface, unix_now};

/// Jobs that wait or run at a time.
const WAITING: usize = 20;
/// Jobs that are remembered when they are over.
const REMEMBERED: usize = 100;
/// Outcomes of a job that are remembered.
const RESULTS: usize = 1000;
/// Tracks that are read at once.
const PAGE: usize = 500;
/// Between two words about a job.
const PAUSE: Duration = Duration::from_millis(200);

/// What to do.
#[derive(Debug, Clone)]
pub enum Task {
    /// A correction of all in a reach.
    Correct {
        /// Which tracks.
        reach: Reach,
        /// What narrows them down.
        filter: Box<QueueFilter>,
        /// What is decided.
        correction: Correction,
        /// Whether it is only said what would be done.
        dry_run: bool,
    },
    /// Takes a go back.
    Undo(GoId),
}

/// All jobs.
pub struct Jobs {
    jobs: Mutex<BTreeMap<u64, Arc<Job>>>,
    next: AtomicU64,
    turn: Arc<Semaphore>,
    events: Arc<Events>,
    stop: Cancel,
}

/// A job.
pub struct Job {
    state: Mutex<State>,
    cancel: Cancel,
    over: Notify,
}

struct State {
    shape: shapes::Job,
    results: VecDeque<Outcome>,
    /// Outcomes since the last word about it.
    news: Vec<Outcome>,
    told: std::time::Instant,
}

impl Job {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it stands.
    pub fn shape(&self) -> shapes::Job {
        let state = self.state();
        shapes::Job { results: state.results.iter().cloned().collect(), ..state.shape.clone() }
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.state().shape.ended_at.is_some()
    }

    /// Stops it after the file in hand.
    pub fn stop(&self) {
        self.cancel.request();
    }

    /// Waits for its end, for so long at the most.
    pub async fn wait(&self, limit: Duration) {
        let over = async {
            loop {
                let notified = self.over.notified();
                tokio::pin!(notified);
                notified.as_mut().enable();
                if self.is_over() {
                    return;
                }
                notified.await;
            }
        };
        let _ = tokio::time::timeout(limit, over).await;
    }
}

impl Jobs {
    pub(super) fn new(events: Arc<Events>) -> Self {
        let turn = Arc::new(Semaphore::new(1));
        Self { jobs: Mutex::default(), next: AtomicU64::new(1), turn, events, stop: Cancel::default() }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job of a number, while it is remembered.
    pub fn find(&self, id: u64) -> Option<Arc<Job>> {
        self.all().get(&id).cloned()
    }

    /// Has all of them end after the file in hand: the server ends.
    pub fn stop_all(&self) {
        self.stop.request();
        self.all().values().for_each(|job| job.stop());
    }

    /// Waits until no job works on a file any more.
    pub async fn at_rest(&self) {
        let _ = self.turn.acquire().await;
    }

    /// Begins a job, behind those that were begun before.
    ///
    /// # Errors
    /// [`Problem`] where too many wait.
    pub fn begin(&self, app: &Arc<App>, surface: Surface, task: Task) -> Result<Arc<Job>, Problem> {
        let kind = match &task {
            Task::Correct { correction, .. } => word_of(correction),
            Task::Undo(_) => "undo",
        };
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let shape = shapes::Job {
            id,
            kind,
            state: "waiting",
            go: None,
            total: 0,
            done: 0,
            failed: 0,
            results: Vec::new(),
            error: None,
            started_at: unix_now(),
            ended_at: None,
        };
        let state = State { shape, results: VecDeque::new(), news: Vec::new(), told: std::time::Instant::now() };
        let job = Arc::new(Job { state: Mutex::new(state), cancel: Cancel::default(), over: Notify::new() });
        let mut all = self.all();
        let waiting = all.values().filter(|job| !job.is_over()).count();
        if waiting >= WAITING || self.stop.is_requested() {
            return Err(Problem::new(Kind::Busy, "too much is being corrected already").retry(5));
        }
        while all.len() >= REMEMBERED {
            let oldest = all.iter().find(|(_, job)| job.is_over()).map(|(id, _)| *id);
            if oldest.and_then(|id| all.remove(&id)).is_none() {
                break;
            }
        }
        all.insert(id, Arc::clone(&job));
        drop(all);
        tokio::spawn(run(Arc::clone(app), Arc::clone(&job), surface, task, Arc::clone(&self.turn)));
        Ok(job)
    }
}

/// The word for a correction.
pub fn word_of(correction: &Correction) -> &'static str {
    match correction {
        Correction::Accept => "accept",
        Correction::Set(_) => "set",
        Correction::LeaveAlone => "reject",
    }
}

async fn run(app: Arc<App>, job: Arc<Job>, surface: Surface, task: Task, turn: Arc<Semaphore>) {
    let _turn = turn.acquire().await;
    let (working, shared) = (Arc::clone(&job), Arc::clone(&app));
    let outcome = block(move || Work { app: &shared, job: &working, surface }.go(&task)).await;
    let mut state = job.state();
    state.shape.state = match &outcome {
        Ok(()) if job.cancel.is_requested() && state.shape.done < state.shape.total => "stopped",
        Ok(()) => "done",
        Err(_) => "failed",
    };
    state.shape.error = outcome.err().map(|problem| problem.detail);
    state.shape.ended_at = Some(unix_now());
    tell(&app.jobs.events, &mut state);
    drop(state);
    app.events.send(Event::changed(&job.shape()));
    app.totals.forget();
    app.counted.is_stale();
    job.over.notify_waiters();
}

fn tell(events: &Events, state: &mut State) {
    let results = std::mem::take(&mut state.news);
    state.told = std::time::Instant::now();
    events.send(Event::job(&shapes::Job { results, ..state.shape.clone() }));
}

/// A job at work, on a thread of its own.
struct Work<'a> {
    app: &'a Arc<App>,
    job: &'a Job,
    surface: Surface,
}

impl Work<'_> {
    fn go(&self, task: &Task) -> Result<(), Problem> {
        self.job.state().shape.state = "running";
        match task {
            Task::Correct { reach, filter, correction, dry_run } => {
                let desk = if *dry_run { self.app.rehearsal()? } else { self.app.desk()? };
                let mut go = None;
                let Some(filter) = desk.as_filter(reach, filter)? else {
                    let tracks = desk.reach(reach, filter)?;
                    self.job.state().shape.total = tracks.len();
                    return self.correct(&desk, &tracks, correction, &mut go);
                };
                self.job.state().shape.total = usize::try_from(desk.count(&filter)?).unwrap_or(usize::MAX);
                self.correct_all(&desk, filter, correction, &mut go)
            }
            Task::Undo(go) => self.undo(*go),
        }
    }

    /// All of a filter, page by page: there may be a million.
    fn correct_all(
        &self,
        desk: &Desk,
        filter: QueueFilter,
        correction: &Correction,
        go: &mut Option<GoId>,
    ) -> Result<(), Problem> {
        let view = QueueView { filter, order: QueueOrder::Path, reversed: false };
        let mut after = None;
        loop {
            // What was decided is not in the view any more, and what failed lies before the cursor.
            let place = after.as_ref().map_or(QueuePlace::Start, QueuePlace::After);
            let page = desk.page(&view, place, PAGE)?;
            self.correct(desk, &page.rows, correction, go)?;
            if !page.goes_on || self.job.cancel.is_requested() {
                return Ok(());
            }
            after = page.last;
        }
    }

    fn correct(
        &self,
        desk: &Desk,
        tracks: &[QueuedTrack],
        correction: &Correction,
        go: &mut Option<GoId>,
    ) -> Result<(), Problem> {
        for track in tracks {
            if self.job.cancel.is_requested() {
                return Ok(());
            }
            // What lies outside, or behind a link, is not touched.
            let corrected = match self.app.roots.open(&track.path) {
                Ok(open) => {
                    drop(open);
                    desk.correct_from(self.surface, &track.path, correction, *go).map_err(Failed::from)
                }
                Err(problem) => Err(Failed::File(problem.detail)),
            };
            match corrected {
                Ok(corrected) => {
                    *go = go.or(corrected.go);
                    self.enter(shapes::outcome(Some(track.id.0), &corrected.report), *go);
                }
                Err(Failed::All(problem)) => return Err(problem),
                Err(Failed::File(why)) => self.enter(failed(Some(track.id.0), &track.path, why), *go),
            }
        }
        Ok(())
    }

    fn undo(&self, go: GoId) -> Result<(), Problem> {
        let desk = self.app.desk()?;
        let made = desk.corrections_to_undo(go)?;
        self.job.state().shape.total = made.len();
        for made in made {
            if self.job.cancel.is_requested() {
                return Ok(());
            }
            let id = desk.store().queued(&made.path)?.map(|track| track.id.0);
            let undone = match self.app.roots.open(&made.path) {
                Ok(open) => {
                    drop(open);
                    desk.undo(&made).map_err(Failed::from)
                }
                Err(problem) => Err(Failed::File(problem.detail)),
            };
            match undone {
                Ok(path) => {
                    let path = shapes::text(&path);
                    self.enter(
                        Outcome { id, path, action: "undone", before: None, after: None, error: None },
                        Some(go),
                    );
                }
                Err(Failed::All(problem)) => return Err(problem),
                Err(Failed::File(why)) => self.enter(failed(id, &made.path, why), Some(go)),
            }
        }
        Ok(())
    }

    fn enter(&self, outcome: Outcome, go: Option<GoId>) {
        let mut state = self.job.state();
        state.shape.done += 1;
        state.shape.failed += usize::from(outcome.error.is_some());
        state.shape.go = go.map(|go| go.0);
        state.news.push(outcome.clone());
        state.results.push_back(outcome);
        if state.results.len() > RESULTS {
            state.results.pop_front();
        }
        if state.told.elapsed() >= PAUSE {
            tell(&self.app.jobs.events, &mut state);
        }
    }
}

/// Why a file was not corrected.
enum Failed {
    /// For a reason of its own.
    File(String),
    /// For one that concerns every file.
    All(Problem),
}

impl From<DeskError> for Failed {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Store(error) | DeskError::Hand(HandError::Store(error)) if !error.is_about_one_file() => {
                Self::All(error.into())
            }
            error => Self::File(error.to_string()),
        }
    }
}

fn failed(id: Option<i64>, path: &std::path::Path, why: String) -> Outcome {
    Outcome { id, path: shapes::text(path), action: "failed", before: None, after: None, error: Some(why) }
}
