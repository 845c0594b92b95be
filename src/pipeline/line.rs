//! One file's way down the line: stamp, claim, identity, analysis, decision, tag write, record.
//!
//! Each stage is its own module's; this one hands values on, asks the store first, and turns every end into a [`Report`].

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::analysis::{Analysis, AnalysisError, Analyst, Opinion};
use super::cancel::Cancel;
use super::ending::{Ending, Settled, surroundings_of};
use super::looked::Looked;
use super::report::{Action, Report};
use super::settings::Settings;
use crate::audio::{self, AudioError};
use crate::config::Config;
use crate::features::Extractor;
use crate::genre::Verdict;
use crate::store::{AudioKey, JournalHandle, Store, StoreError, Track, TrackStatus, TrackUpdate};
use crate::tagging::{self, Decision, FileStamp, Journal, Recovered, Suggestion, TagError, TagPlan, Written};

/// What a worker thread owns: FFT plans, filter banks and buffers, which are dear to make and not shared.
#[derive(Default)]
pub struct Worker {
    extractor: Extractor,
}

impl Worker {
    /// A worker with empty buffers.
    pub fn new() -> Self {
        Self::default()
    }
}

/// The line: models, settings and store. One is shared by all workers.
pub struct Line {
    analyst: Analyst,
    settings: Settings,
    store: Store,
    /// Program, ensemble and policy in one word: what a settled file was settled by.
    fingerprint: String,
}

/// All that is known of one file, for a person who asks why.
pub struct Explanation {
    /// What each model said, in the order of the configuration.
    pub opinions: Vec<Opinion>,
    /// What the vote made of it.
    pub verdict: Verdict,
    /// What the tags say, or why they cannot be read.
    pub tags: Result<tagging::TagState, TagError>,
    /// What a scan would do, in words.
    pub decision: String,
}

/// Why a file cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// It cannot be decoded, or holds too little sound.
    #[error("{path}: {reason}", path = path.display())]
    NotAnalysed {
        /// The file.
        path: PathBuf,
        /// What is the matter with it.
        reason: String,
    },
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Line {
    /// Loads the models that the configuration names.
    ///
    /// # Errors
    /// [`super::LineError`] when a model is unknown or cannot be loaded.
    pub fn new(config: &Config, settings: Settings, store: Store) -> Result<Self, super::LineError> {
        let analyst = Analyst::new(config)?;
        let fingerprint = settings.fingerprint(analyst.fingerprint());
        Ok(Self { analyst, settings, store, fingerprint })
    }

    /// Cleans up after a crash: every write that was left half done is judged, its temporary file removed, its entry closed.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails. A file that cannot be judged now is left for the next start, with a warning.
    pub fn recover(&self) -> Result<(), StoreError> {
        let journal = JournalHandle(&self.store);
        for open in self.store.crashed_entries()? {
            let shown = open.entry.path.display();
            let closed = match tagging::recover(&open.entry) {
                Ok(Recovered::Committed(stamp)) => {
                    tracing::warn!("{shown}: a crash followed this write; the new tags are whole");
                    journal.commit(open.id, &stamp)
                }
                Ok(Recovered::Abandoned) => {
                    tracing::warn!("{shown}: a crash interrupted this write; the file is as it was");
                    journal.abandon(open.id, "interrupted by a crash")
                }
                Ok(Recovered::Missing) => {
                    tracing::warn!("{shown}: a crash interrupted this write, and the file is gone since");
                    journal.abandon(open.id, "interrupted by a crash; the file is gone since")
                }
                Ok(Recovered::InProgress) => continue,
                Err(error) => {
                    tracing::warn!("{shown}: a write was interrupted, and the file cannot be looked at now: {error}");
                    continue;
                }
            };
            if let Err(error) = closed {
                tracing::warn!("{shown}: cannot close its journal entry: {error}");
            }
        }
        Ok(())
    }

    /// Takes one file down the line. `None` when the wish to stop came before anything was done.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; the file is then whole, old or new.
    pub fn process(&self, worker: &mut Worker, path: &Path, cancel: &Cancel) -> Result<Option<Report>, StoreError> {
        let started = Instant::now();
        let report = match self.look(worker, path, cancel) {
            Ok(report) => report,
            Err(Stop::Cancelled) => return Ok(None),
            Err(Stop::Store(error)) => return Err(error),
            Err(Stop::Unread(reason)) => Report::without_genre(path.to_owned(), TrackStatus::Failed, reason),
        };
        Ok(Some(Report { elapsed: started.elapsed(), ..report }))
    }

    fn look(&self, worker: &mut Worker, path: &Path, cancel: &Cancel) -> Result<Report, Stop> {
        if let Some(track) = self.settled(&Looked::at(path).map_err(unread)?)? {
            return Ok(unchanged(track));
        }
        // One file is one row and one claim, by whatever names the walk came to it.
        let target = std::fs::canonicalize(path).map_err(unread)?;
        let Some(_claim) = self.store.claim(&target)? else {
            let reason = "another reclassd is working on it; it will be looked at by the next scan".to_owned();
            return Ok(Report::without_genre(path.to_owned(), TrackStatus::Skipped, reason));
        };
        // While this waited for the claim, its holder may have settled the file.
        let file = Looked::at(&target).map_err(unread)?;
        let report = match self.settled(&file)? {
            Some(track) => unchanged(track),
            None => self.analyse_and_tag(worker, &file, cancel)?,
        };
        Ok(Report { path: path.to_owned(), ..report })
    }

    fn analyse_and_tag(&self, worker: &mut Worker, file: &Looked<'_>, cancel: &Cancel) -> Result<Report, Stop> {
        let id = match audio::identify(file.path) {
            Ok(id) => id,
            Err(error) => return self.give_up(file, None, &error),
        };
        let audio = self.store.audio(id)?;
        let extractor = &mut worker.extractor;
        match self.analyst.analyse(&self.store, audio, file, extractor, self.settings.force, cancel) {
            Ok(analysis) => self.tag(file, audio, &analysis, cancel),
            Err(AnalysisError::Changed) => {
                let error = TagError::Changed { path: file.path.to_owned() };
                self.record(file, None, Ending::not_written(None, &error))
            }
            Err(AnalysisError::Cancelled) => Err(Stop::Cancelled),
            Err(AnalysisError::Store(error)) => Err(Stop::Store(error)),
            Err(AnalysisError::Audio(error)) => self.give_up(file, Some(audio), &error),
            Err(AnalysisError::Unfit(reason)) => self.record(file, Some(audio), Ending::skipped(reason)),
        }
    }

    /// The row of a file that is still the one these settings were applied to.
    fn settled(&self, file: &Looked<'_>) -> Result<Option<Track>, StoreError> {
        if self.settings.force {
            return Ok(None);
        }
        let track = self.store.track(file.path)?.filter(|track| track.stamp == file.stamp);
        Ok(track.filter(|track| match track.settled_by.as_deref().map(|by| by.strip_prefix(&*self.fingerprint)) {
            Some(Some("")) => true,
            Some(Some(surroundings)) => surroundings_of(file.path).as_deref() == Some(surroundings),
            _ => false,
        }))
    }

    fn tag(&self, file: &Looked<'_>, audio: AudioKey, analysis: &Analysis, cancel: &Cancel) -> Result<Report, Stop> {
        let suggestion = self.suggestion(&analysis.verdict);
        let verdict = Some(&analysis.verdict);
        let left_alone = |status, reason| Ending {
            status,
            action: Action::None,
            reason: Some(reason),
            verdict,
            settled: Settled::Yes,
        };
        let ending = match self.decide(file, &suggestion) {
            // What could not be written anyway is only worth a word where it would have been.
            Err(_) if !suggestion.sure => left_alone(TrackStatus::Unsure, self.unsure_because()),
            Err(error) => Ending::not_written(verdict, &error),
            Ok(Decision::Unsure) => left_alone(TrackStatus::Unsure, self.unsure_because()),
            Ok(Decision::Keep(reason)) if reason.is_ours() => left_alone(TrackStatus::Tagged, reason.to_string()),
            Ok(Decision::Keep(reason)) => left_alone(TrackStatus::Kept, reason.to_string()),
            Ok(Decision::Write(_)) if self.settings.dry_run => {
                let (status, action) = (TrackStatus::Tagged, Action::WouldWrite);
                Ending { status, action, reason: None, verdict, settled: Settled::No }
            }
            Ok(Decision::Write(_)) if cancel.is_requested() => return Err(Stop::Cancelled),
            Ok(Decision::Write(_)) if file.changed_within(self.settings.settle) => {
                Ending { settled: Settled::No, ..left_alone(TrackStatus::Skipped, self.still_being_written()) }
            }
            Ok(Decision::Write(plan)) => match self.write(file.path, &plan) {
                Ok(stamp) => {
                    let written = Looked { path: file.path, stamp: stamp.unwrap_or(file.stamp) };
                    let action = if stamp.is_some() { Action::Written } else { Action::None };
                    let ending =
                        Ending { status: TrackStatus::Tagged, action, reason: None, verdict, settled: Settled::Yes };
                    return self.record(&written, Some(audio), ending);
                }
                Err(error) => Ending::not_written(verdict, &error),
            },
        };
        self.record(file, Some(audio), ending)
    }

    fn suggestion(&self, verdict: &Verdict) -> Suggestion {
        Suggestion {
            genres: verdict.best().map(ToString::to_string).into_iter().collect(),
            confidence: verdict.confidence,
            model: self.analyst.ensemble_name(),
            sure: verdict.is_sure(),
        }
    }

    fn decide(&self, file: &Looked<'_>, suggestion: &Suggestion) -> Result<Decision, TagError> {
        let state = tagging::read(file.path)?;
        if state.stamp != file.stamp {
            // Another file than the one that was analysed.
            return Err(TagError::Changed { path: file.path.to_owned() });
        }
        Ok(tagging::decide(&state, suggestion, &self.settings.tag_policy, None))
    }

    /// The file's new stamp, or `None` where it already held all that the plan asks for.
    fn write(&self, path: &Path, plan: &TagPlan) -> Result<Option<FileStamp>, TagError> {
        let options = self.settings.write_options(&same_audio);
        match tagging::write(path, plan, &options, &JournalHandle(&self.store))? {
            Written::Changed(change) => Ok(Some(change.after)),
            Written::Unchanged => Ok(None),
        }
    }

    fn unsure_because(&self) -> String {
        format!("less sure than the {:.2} that a genre needs", self.settings.min_confidence)
    }

    fn still_being_written(&self) -> String {
        let seconds = self.settings.settle.as_secs();
        format!("changed less than {seconds} s ago: it may still be being copied; the next scan takes it")
    }

    fn give_up(&self, file: &Looked<'_>, audio: Option<AudioKey>, error: &AudioError) -> Result<Report, Stop> {
        let status = if error.kind() == audio::FailureKind::Io { TrackStatus::Failed } else { TrackStatus::Skipped };
        let reason = match error {
            AudioError::Io { source, .. } => unreadable(source),
            _ => error.reason(),
        };
        if let (TrackStatus::Skipped, Some(audio)) = (status, audio) {
            self.store.keep_failure(audio, &self.analyst.failure_key(), &reason)?;
        }
        let settled = if status == TrackStatus::Skipped { Settled::Yes } else { Settled::No };
        self.record(file, audio, Ending { status, settled, ..Ending::skipped(reason) })
    }

    fn record(&self, file: &Looked<'_>, audio: Option<AudioKey>, ending: Ending<'_>) -> Result<Report, Stop> {
        let (genre, confidence) = match ending.verdict {
            Some(verdict) => (verdict.best().map(ToString::to_string), Some(verdict.confidence)),
            None => (None, None),
        };
        let ranking = ending.verdict.map(Verdict::named_ranking).unwrap_or_default();
        let would_write = ending.action == Action::WouldWrite;
        let settled_by = match ending.settled {
            Settled::No => None,
            Settled::Yes => Some(self.fingerprint.clone()),
            Settled::WhileSurroundingsStay => {
                surroundings_of(file.path).map(|surroundings| format!("{}{surroundings}", self.fingerprint))
            }
        };
        self.store.record_track(&TrackUpdate {
            path: file.path,
            audio,
            stamp: file.stamp,
            status: if would_write { TrackStatus::Kept } else { ending.status },
            genre: genre.as_deref(),
            confidence,
            ranking: &ranking,
            reason: if would_write { Some("a dry run: not written yet") } else { ending.reason.as_deref() },
            settled_by: settled_by.as_deref(),
        })?;
        let Ending { status, action, reason, .. } = ending;
        let (path, elapsed) = (file.path.to_owned(), Duration::ZERO);
        Ok(Report { path, status, genre, confidence, ranking, action, reason, elapsed })
    }

    /// Analyses a file, from the cache where possible. Reads and writes no tag.
    ///
    /// # Errors
    /// [`ExplainError`] when the file cannot be analysed or the database fails.
    pub fn analyse(&self, worker: &mut Worker, path: &Path) -> Result<Analysis, ExplainError> {
        let not_analysed = |reason| ExplainError::NotAnalysed { path: path.to_owned(), reason };
        // The stamp comes first, so that what is kept of the file is known to be of this one.
        let file = Looked::at(path).map_err(|error| not_analysed(unreadable(&error)))?;
        let id = audio::identify(path).map_err(|error| not_analysed(error.reason()))?;
        let audio = self.store.audio(id)?;
        let (extractor, force) = (&mut worker.extractor, self.settings.force);
        match self.analyst.analyse(&self.store, audio, &file, extractor, force, &Cancel::default()) {
            Ok(analysis) => Ok(analysis),
            Err(AnalysisError::Store(error)) => Err(error.into()),
            Err(AnalysisError::Audio(error)) => Err(not_analysed(error.reason())),
            Err(AnalysisError::Unfit(reason)) => Err(not_analysed(reason)),
            Err(AnalysisError::Changed) => Err(not_analysed("it changed meanwhile; try again".to_owned())),
            Err(AnalysisError::Cancelled) => Err(not_analysed("stopped".to_owned())),
        }
    }

    /// Analyses a file (from the cache where possible) and says what each model thinks and what a scan would do. Writes no tag.
    ///
    /// # Errors
    /// [`ExplainError`] when the file cannot be analysed or the database fails.
    pub fn explain(&self, worker: &mut Worker, path: &Path) -> Result<Explanation, ExplainError> {
        let analysis = self.analyse(worker, path)?;
        let suggestion = self.suggestion(&analysis.verdict);
        let tags = tagging::read(path);
        let decision = match &tags {
            Err(error) => format!("nothing is written: {}", error.reason()),
            Ok(state) => match tagging::decide(state, &suggestion, &self.settings.tag_policy, None) {
                Decision::Unsure => format!("nothing is written: {}", self.unsure_because()),
                Decision::Keep(reason) => format!("nothing is written: {reason}"),
                Decision::Write(_) => format!("writes {}", suggestion.genres.join(", ")),
            },
        };
        Ok(Explanation { opinions: analysis.opinions, verdict: analysis.verdict, tags, decision })
    }
}

/// What ends the line early, with nothing recorded.
enum Stop {
    Cancelled,
    Store(StoreError),
    Unread(String),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Store(error)
    }
}

fn unchanged(track: Track) -> Report {
    Report {
        path: track.path,
        status: track.status,
        genre: track.genre,
        confidence: track.confidence,
        ranking: track.ranking,
        action: Action::Unchanged,
        reason: track.reason,
        elapsed: Duration::ZERO,
    }
}

fn unread(error: std::io::Error) -> Stop {
    Stop::Unread(unreadable(&error))
}

fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it vanished during the scan; nothing to do".to_owned(),
        std::io::ErrorKind::PermissionDenied => {
            "cannot be read: permission denied; run as a user who may read it".to_owned()
        }
        _ => format!("cannot be read: {error}"),
    }
}

/// The independent check of an edited copy: another piece of code than the editor's finds the same audio in it, and it opens.
fn same_audio(original: &Path, copy: &Path) -> Result<(), String> {
    let identify = |path| audio::identify(path).map_err(|error| error.reason());
    if identify(original)? != identify(copy)? {
        return Err("the audio of the edited copy is not the original's".to_owned());
    }
    match audio::probe(original) {
        Ok(()) => audio::probe(copy).map_err(|error| format!("the edited copy does not open: {}", error.reason())),
        Err(_) => Ok(()),
    }
}
