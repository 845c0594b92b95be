//! What the list shows and what is done with it: the state behind the screen. It knows no terminal; it is told keys and the size of the
//! screen, and asks the workers for what takes time.

mod keys;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ratatui::layout::Size;

use super::Tally;
use super::chooser::Chooser;
use super::list::{List, State};
use super::player::Player;
use super::style::Style;
use super::worker::{Job, WorkerMessage, Workers};
use super::{TerminalError, draw};
use crate::desk::{Correction, Desk, Details, Reach};
use crate::pipeline::Cancel;
use crate::store::{QueueView, StoreError, TrackId};
use crate::tagging::Credits;

/// Files whose tags are kept in memory.
const CREDITS: usize = 4000;

/// What the keys mean at the moment.
pub(super) enum Mode {
    List,
    /// A filter is being typed.
    Filter(String),
    /// A genre is being chosen, for this reach.
    Choose(Box<Chooser>),
    /// The keys are explained, from this line on.
    Help(usize),
}

/// What the next correction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Track,
    Album,
    Folder,
    Marked,
}

/// A line below the list.
pub(super) struct Message {
    pub(super) text: String,
    pub(super) is_bad: bool,
}

/// All that is shown.
pub(super) struct App {
    pub(super) desk: Arc<Desk>,
    pub(super) style: Style,
    pub(super) list: List,
    pub(super) mode: Mode,
    pub(super) scope: Scope,
    pub(super) marks: BTreeSet<TrackId>,
    pub(super) message: Option<Message>,
    pub(super) credits: HashMap<PathBuf, Credits>,
    /// Of the row at the cursor.
    pub(super) details: Option<(TrackId, Details)>,
    pub(super) tally: Tally,
    /// Files that were counted as waiting and wait no longer.
    decided: HashSet<PathBuf>,
    workers: Workers,
    player: Player,
    wanted: Vec<PathBuf>,
    /// Jobs that are not finished.
    jobs: usize,
    next_job: u64,
    /// Rows in sight.
    height: usize,
    is_leaving: bool,
}

impl App {
    pub(super) fn new(
        desk: Arc<Desk>,
        view: QueueView,
        player: &[String],
        style: Style,
    ) -> Result<Self, TerminalError> {
        let folders: Vec<PathBuf> =
            std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        Ok(Self {
            list: List::open(&desk, view)?,
            workers: Workers::start(Arc::clone(&desk))?,
            player: Player::new(player, &folders),
            desk,
            style,
            mode: Mode::List,
            scope: Scope::Track,
            marks: BTreeSet::new(),
            message: None,
            credits: HashMap::new(),
            details: None,
            tally: Tally::default(),
            decided: HashSet::new(),
            wanted: Vec::new(),
            jobs: 0,
            next_job: 0,
            height: 1,
            is_leaving: false,
        })
    }

    /// Whether nothing more is to be shown.
    pub(super) fn is_over(&self) -> bool {
        self.is_leaving
    }

    /// Leaves as soon as may be: what was asked for is still done.
    pub(super) fn leave(&mut self) {
        self.is_leaving = true;
    }

    /// Waits for what was asked for, and says what was done. A wish to stop leaves the rest undecided.
    pub(super) fn end(mut self, cancel: &Cancel) -> Tally {
        self.player.stop();
        if self.jobs > 0 && !cancel.is_requested() {
            eprintln!("reclassd: writing what was decided; Ctrl-C leaves the rest undecided");
        }
        for told in self.workers.wait(cancel) {
            // Nothing is shown any more; the figures count.
            let _ = self.take(told);
        }
        self.tally
    }

    /// Adapts to the size of the screen, and has read what comes into sight.
    pub(super) fn fit(&mut self, size: Size) -> Result<(), StoreError> {
        self.height = draw::list_height(size);
        self.list.scroll(self.height);
        self.read_details()?;
        self.read_credits();
        Ok(())
    }

    fn read_details(&mut self) -> Result<(), StoreError> {
        let Some(entry) = self.list.current() else {
            self.details = None;
            return Ok(());
        };
        if self.details.as_ref().is_none_or(|(id, _)| *id != entry.track.id) {
            self.details = Some((entry.track.id, self.desk.details(&entry.track)?));
        }
        Ok(())
    }

    fn read_credits(&mut self) {
        if self.credits.len() > CREDITS {
            self.credits.clear();
        }
        let in_sight = self.list.rows.iter().skip(self.list.top).take(self.height);
        let current = self.list.current().into_iter();
        let unread = current.chain(in_sight).map(|entry| &entry.track.path);
        let mut unread: Vec<PathBuf> = unread.filter(|path| !self.credits.contains_key(*path)).cloned().collect();
        unread.dedup();
        if unread != self.wanted {
            self.wanted.clone_from(&unread);
            self.workers.want(unread);
        }
    }

    /// Takes in what the workers told. Says whether there was anything.
    pub(super) fn hear(&mut self) -> Result<bool, TerminalError> {
        let told: Vec<WorkerMessage> = self.workers.hear().collect();
        let is_news = !told.is_empty();
        for told in told {
            self.take(told)?;
        }
        Ok(is_news)
    }

    fn take(&mut self, told: WorkerMessage) -> Result<(), StoreError> {
        match told {
            WorkerMessage::Reached { job, tracks } => self.reached(job, &tracks)?,
            WorkerMessage::Corrected { track, path, outcome } => match outcome {
                Ok(genres) => {
                    self.tally.corrected += 1;
                    self.decided.insert(path);
                    if let Some(entry) = self.list.find(track) {
                        entry.state = decided_as(genres);
                    }
                }
                Err(why) => {
                    self.tally.failed += 1;
                    if let Some(entry) = self.list.find(track) {
                        entry.state = State::Failed(why.clone());
                    }
                    self.say_bad(why);
                }
            },
            WorkerMessage::Finished => self.jobs = self.jobs.saturating_sub(1),
            WorkerMessage::Undone { path, outcome } => self.undone(&path, outcome),
            WorkerMessage::UndoFinished { tracks } => {
                self.jobs = self.jobs.saturating_sub(1);
                if !self.message.as_ref().is_some_and(|message| message.is_bad) || tracks == 0 {
                    self.say(match tracks {
                        0 => "nothing was decided here yet that could be taken back".to_owned(),
                        1 => "taken back".to_owned(),
                        more => format!("{more} taken back"),
                    });
                }
            }
            WorkerMessage::Broken(error) => return Err(error),
            WorkerMessage::Read { path, credits } => {
                self.credits.insert(path, credits);
            }
        }
        Ok(())
    }

    /// Shows which rows a job is about, of those that may have been.
    fn reached(&mut self, job: u64, tracks: &[TrackId]) -> Result<(), StoreError> {
        let mut passed_by = None;
        for (at, entry) in self.list.rows.iter_mut().enumerate() {
            if tracks.contains(&entry.track.id) {
                entry.state = State::Busy(job);
            } else if entry.state == State::Busy(job) {
                entry.state = State::Waiting;
                passed_by = passed_by.or(Some(at));
            }
        }
        for track in tracks {
            self.marks.remove(track);
        }
        let is_decided = self.list.current().is_some_and(|entry| entry.state != State::Waiting);
        match passed_by {
            Some(at) if at < self.list.cursor => self.list.cursor = at,
            _ if is_decided => self.list.go_to_next_waiting(&self.desk)?,
            _ => {}
        }
        Ok(())
    }

    fn undone(&mut self, path: &Path, outcome: Result<Option<Vec<String>>, String>) {
        let before = match outcome {
            Ok(before) => before,
            Err(why) => return self.say_bad(why),
        };
        self.tally.corrected = self.tally.corrected.saturating_sub(1);
        if before.is_none() {
            self.decided.remove(path);
        }
        if let Some(at) = self.list.rows.iter().position(|entry| entry.track.path == path) {
            self.list.rows[at].state = before.map_or(State::Waiting, decided_as);
            self.list.cursor = at;
        }
    }

    fn say(&mut self, text: String) {
        self.message = Some(Message { text, is_bad: false });
    }

    fn say_bad(&mut self, text: String) {
        self.message = Some(Message { text, is_bad: true });
    }

    /// Asks for a correction of what the scope means, and goes on to what waits.
    fn correct(&mut self, correction: Correction) -> Result<(), StoreError> {
        let Some(entry) = self.list.current() else { return Ok(()) };
        let id = entry.track.id;
        let folder = entry.track.path.parent().map(Path::to_owned);
        if self.scope == Scope::Track && matches!(entry.state, State::Busy(_)) {
            self.say("it is being written already".to_owned());
            return Ok(());
        }
        let reach = match self.scope {
            Scope::Track => Reach::Tracks(vec![id]),
            Scope::Album => Reach::Album(id),
            Scope::Folder => Reach::Folder(id),
            Scope::Marked => Reach::Tracks(self.marks.iter().copied().collect()),
        };
        let job = self.next_job;
        (self.next_job, self.jobs) = (job + 1, self.jobs + 1);
        for entry in &mut self.list.rows {
            let is_meant = match self.scope {
                Scope::Track => entry.track.id == id,
                Scope::Marked => self.marks.contains(&entry.track.id),
                // Which of them are meant, the worker tells.
                Scope::Album => entry.track.path.parent() == folder.as_deref(),
                Scope::Folder => folder.as_deref().is_some_and(|folder| entry.track.path.starts_with(folder)),
            };
            if is_meant && (entry.state == State::Waiting || self.scope == Scope::Track || entry.track.id == id) {
                entry.state = State::Busy(job);
            }
        }
        let filter = self.list.view.filter.clone();
        self.workers.ask(Job::Correct { job, reach, filter, correction });
        self.scope = Scope::Track;
        self.list.go_to_next_waiting(&self.desk)
    }

    fn reopen(&mut self, view: QueueView) -> Result<(), StoreError> {
        self.list = List::open(&self.desk, view)?;
        self.decided.clear();
        self.details = None;
        Ok(())
    }

    /// Files that wait, as far as is known.
    pub(super) fn waiting(&self) -> u64 {
        self.list.total.saturating_sub(self.decided.len() as u64)
    }

    /// Whether corrections are being written.
    pub(super) fn is_busy(&self) -> bool {
        self.jobs > 0
    }
}

/// What a row shows that has these genres by the owner's decision.
fn decided_as(genres: Vec<String>) -> State {
    if genres.is_empty() { State::Left } else { State::Done(genres.join("; ")) }
}
