//! What takes time, off the thread that draws: corrections, one after the other, and the tags of the rows in sight.
//!
//! A correction is told of before it begins, as it goes on and when it is done, by the number of its job.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::desk::{Correction, Desk, DeskError, Reach};
use crate::pipeline::Cancel;
use crate::store::{GoId, QueueFilter, TrackId};
use crate::tagging::{self, Credits};

/// Between two looks at whether all is done.
const PAUSE: Duration = Duration::from_millis(20);

/// Something to do.
pub(super) enum Job {
    /// A correction of all in its reach.
    Correct { job: u64, reach: Reach, filter: QueueFilter, correction: Correction },
    /// Takes the last go of this list back.
    Undo,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum WorkerMessage {
    /// These rows are meant by a job.
    Reached { job: u64, tracks: Vec<TrackId> },
    /// One of them is done: the genre that it has now, or why not.
    Corrected { track: TrackId, path: PathBuf, outcome: Result<Vec<String>, String> },
    /// All of a job is done.
    Finished,
    /// One was taken back: the genre that was decided before, if there was one; or why it was not.
    Undone { path: PathBuf, outcome: Result<Option<Vec<String>>, String> },
    /// All of the last go was taken back: how many there were.
    UndoFinished { tracks: usize },
    /// The database failed: nothing goes on.
    Broken(crate::store::StoreError),
    /// What the tags of a file say.
    Read { path: PathBuf, credits: Credits },
}

/// The threads, and the way to them.
pub(super) struct Workers {
    jobs: Option<Sender<Job>>,
    wanted: Option<Sender<Vec<PathBuf>>>,
    told: Receiver<WorkerMessage>,
    correcting: Option<JoinHandle<()>>,
    hurry: Cancel,
}

impl Workers {
    pub(super) fn start(desk: Arc<Desk>) -> std::io::Result<Self> {
        let (jobs, to_do) = channel();
        let (wanted, to_read) = channel();
        let (tell, told) = channel();
        let hurry = Cancel::default();
        let (telling, hurried) = (tell.clone(), hurry.clone());
        let correcting = std::thread::Builder::new()
            .name("corrections".to_owned())
            .spawn(move || Corrector { desk, tell: telling, gos: Vec::new(), hurry: hurried }.work(&to_do))?;
        // Left alone at the end: it only reads, and what it waits for may be a disk that hangs.
        std::thread::Builder::new().name("tags".to_owned()).spawn(move || read_tags(&to_read, &tell))?;
        Ok(Self { jobs: Some(jobs), wanted: Some(wanted), told, correcting: Some(correcting), hurry })
    }

    /// Has something done, behind what was asked for before.
    pub(super) fn ask(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // A worker that ended has told why.
            let _ = jobs.send(job);
        }
    }

    /// Has tags read, in place of those that were wanted before.
    pub(super) fn want(&self, paths: Vec<PathBuf>) {
        if let Some(wanted) = &self.wanted {
            let _ = wanted.send(paths);
        }
    }

    /// What was told since this was last asked.
    pub(super) fn hear(&self) -> impl Iterator<Item = WorkerMessage> {
        self.told.try_iter()
    }

    /// Waits for the corrections that were asked for, after a wish to stop for the one in hand. Gives what was told meanwhile.
    pub(super) fn wait(&mut self, cancel: &Cancel) -> Vec<WorkerMessage> {
        self.jobs = None;
        self.wanted = None;
        if let Some(correcting) = self.correcting.take() {
            while !correcting.is_finished() {
                if cancel.is_requested() {
                    self.hurry.request();
                }
                std::thread::sleep(PAUSE);
            }
            // A panic of it was told on the way.
            let _ = correcting.join();
        }
        self.hear().collect()
    }
}

struct Corrector {
    desk: Arc<Desk>,
    tell: Sender<WorkerMessage>,
    /// What was corrected here, the last go at the end.
    gos: Vec<GoId>,
    hurry: Cancel,
}

/// Nobody listens any more, or the database failed.
struct Over;

impl Corrector {
    fn work(mut self, jobs: &Receiver<Job>) {
        for job in jobs {
            if self.hurry.is_requested() {
                return;
            }
            let done = match job {
                Job::Correct { job, reach, filter, correction } => self.correct(job, &reach, &filter, &correction),
                Job::Undo => self.undo(),
            };
            if done.is_err() {
                return;
            }
        }
    }

    fn correct(&mut self, job: u64, reach: &Reach, filter: &QueueFilter, correction: &Correction) -> Result<(), Over> {
        let tracks = self.desk.reach(reach, filter).map_err(|error| self.broken(error))?;
        self.tell(WorkerMessage::Reached { job, tracks: tracks.iter().map(|track| track.id).collect() })?;
        let mut go = None;
        for track in tracks {
            if self.hurry.is_requested() {
                return Err(Over);
            }
            let outcome = match self.desk.correct(&track.path, correction, go) {
                Ok(corrected) => {
                    if go.is_none() {
                        go = corrected.go;
                        self.gos.extend(go);
                    }
                    Ok(corrected.report.after)
                }
                Err(DeskError::Store(error)) => return Err(self.broken(error)),
                Err(error) => Err(error.to_string()),
            };
            self.tell(WorkerMessage::Corrected { track: track.id, path: track.path, outcome })?;
        }
        self.tell(WorkerMessage::Finished)
    }

    fn undo(&mut self) -> Result<(), Over> {
        let Some(go) = self.gos.pop() else { return self.tell(WorkerMessage::UndoFinished { tracks: 0 }) };
        let made = match self.desk.corrections_to_undo(go) {
            Ok(made) => made,
            Err(DeskError::Store(error)) => return Err(self.broken(error)),
            Err(_) => Vec::new(),
        };
        let tracks = made.len();
        for made in made {
            let outcome = match self.desk.undo(&made) {
                Ok(_) => Ok(made.choice_before.map(|choice| choice.genres)),
                Err(DeskError::Store(error)) => return Err(self.broken(error)),
                Err(error) => Err(error.to_string()),
            };
            self.tell(WorkerMessage::Undone { path: made.path, outcome })?;
        }
        self.tell(WorkerMessage::UndoFinished { tracks })
    }

    fn broken(&self, error: crate::store::StoreError) -> Over {
        let _ = self.tell.send(WorkerMessage::Broken(error));
        Over
    }

    fn tell(&self, told: WorkerMessage) -> Result<(), Over> {
        self.tell.send(told).map_err(|_| Over)
    }
}

/// Reads the tags of what is wanted, and leaves off where something else is wanted meanwhile.
fn read_tags(wanted: &Receiver<Vec<PathBuf>>, tell: &Sender<WorkerMessage>) {
    let mut next = wanted.recv().ok();
    while let Some(paths) = next.take() {
        for path in paths {
            // A decoder of other people's may panic at a hostile file: the file then says nothing.
            let credits = std::panic::catch_unwind(|| tagging::credits_of(&path)).unwrap_or_default();
            if tell.send(WorkerMessage::Read { path, credits }).is_err() {
                return;
            }
            next = wanted.try_iter().last();
            if next.is_some() {
                break;
            }
        }
        if next.is_none() {
            next = wanted.recv().ok();
        }
    }
}
