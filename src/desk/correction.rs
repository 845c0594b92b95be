//! What a decision of the owner does to one track, how it is noted, and how it is taken back.

use std::path::{Path, PathBuf};

use super::{Desk, DeskError};
use crate::genre::Genre;
use crate::learning::Answered;
use crate::pipeline::{Action, HandReport};
use crate::store::{CorrectionKind, GoId, NewCorrection, PastCorrection, QueuedTrack, Surface, TrackStatus};

/// A decision about a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Correction {
    /// The guess is right: it is written, as a scan would have written it.
    Accept,
    /// These genres, as they are spelt.
    Set(Vec<String>),
    /// The file is left alone for good; a genre that a scan wrote is taken back.
    LeaveAlone,
}

/// What a correction did.
#[derive(Debug, Clone, PartialEq)]
pub struct Corrected {
    /// What was done to the file.
    pub report: HandReport,
    /// The go that it was noted under; none of a dry run.
    pub go: Option<GoId>,
}

impl Correction {
    fn kind(&self) -> CorrectionKind {
        match self {
            Self::Accept => CorrectionKind::Accepted,
            Self::Set(_) => CorrectionKind::Set,
            Self::LeaveAlone => CorrectionKind::LeftAlone,
        }
    }
}

impl Desk {
    /// Makes a correction of the file at `path`, in a go that was begun or in a new one.
    ///
    /// The file is asked for by its path, so that what was not analysed can be set or left alone as well.
    ///
    /// # Errors
    /// [`DeskError`]; the file is then as it was, unless the error says otherwise.
    pub fn correct(&self, path: &Path, correction: &Correction, go: Option<GoId>) -> Result<Corrected, DeskError> {
        self.correct_from(self.surface, path, correction, go)
    }

    /// The same for another surface than the desk's own: a server has several.
    ///
    /// # Errors
    /// As for [`correct`](Self::correct).
    pub fn correct_from(
        &self,
        surface: Surface,
        path: &Path,
        correction: &Correction,
        go: Option<GoId>,
    ) -> Result<Corrected, DeskError> {
        let known = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let track = self.store().queued(&known)?;
        let before = self.store().choice_as_known(&known)?;
        let status = match &track {
            Some(track) => track.status,
            None => self.store().track(&known)?.map_or(TrackStatus::Kept, |track| track.status),
        };
        let report = match correction {
            Correction::Accept => {
                let track = track.as_ref().ok_or_else(|| DeskError::NotAnalysed(path.to_owned()))?;
                let words = self.suggestion(track);
                if words.is_empty() {
                    return Err(DeskError::NotAnalysed(path.to_owned()));
                }
                self.hand.choose(path, &words)?
            }
            Correction::Set(genres) if genres.iter().all(|genre| genre.trim().is_empty()) => {
                return Err(DeskError::NoGenre);
            }
            Correction::Set(genres) => self.hand.choose(path, genres)?,
            Correction::LeaveAlone => self.hand.leave_alone(path)?,
        };
        if self.hand.is_dry_run() {
            return Ok(Corrected { report, go: None });
        }
        // One of many at once says nothing new of the others.
        if go.is_none() && matches!(correction, Correction::Set(_)) {
            self.pass_on(&report, track.as_ref());
        }
        let go = self.store().note_correction(&NewCorrection {
            go,
            path: &report.path,
            audio: track.and_then(|track| track.audio),
            kind: correction.kind(),
            genres: &report.after,
            surface,
            write: report.write,
            status_before: status,
            choice_before: before.as_ref(),
        })?;
        Ok(Corrected { report, go: Some(go) })
    }

    /// Suggests what was said of a track for those that are like it. A correction does not fail by it.
    fn pass_on(&self, report: &HandReport, track: Option<&QueuedTrack>) {
        let Some((neighbours, track)) = self.neighbours.as_ref().zip(track) else { return };
        let Some(audio) = track.audio.filter(|_| !report.after.is_empty()) else { return };
        let answered =
            Answered { path: &report.path, audio, album: track.credits.album.as_deref(), genres: &report.after };
        if let Err(error) = neighbours.pass_on(self.store(), answered) {
            tracing::debug!("{}: nothing is suggested for what is like it: {error}", report.path.display());
        }
    }

    /// The corrections of one go that were not taken back, the last one first.
    ///
    /// # Errors
    /// [`DeskError`] when the database fails.
    pub fn corrections_to_undo(&self, go: GoId) -> Result<Vec<PastCorrection>, DeskError> {
        let mut made = self.store().corrections_of(go)?;
        made.retain(|made| !made.is_undone);
        Ok(made)
    }

    /// The last go of whatever surface of which something can be taken back.
    ///
    /// # Errors
    /// [`DeskError`] when the database fails.
    pub fn last_go(&self) -> Result<Option<GoId>, DeskError> {
        Ok(self.store().last_go()?)
    }

    /// Takes a correction back: the file holds the bytes that it held before, and waits again. Gives the path.
    ///
    /// A genre of a scan's that was taken back by leaving its file alone is not written again here; the next scan does
    /// that.
    ///
    /// # Errors
    /// [`DeskError`]; the file is then as it was, unless the error says otherwise.
    pub fn undo(&self, made: &PastCorrection) -> Result<PathBuf, DeskError> {
        let wrote = made.write.filter(|_| made.kind != CorrectionKind::LeftAlone);
        match wrote {
            Some(write) => {
                let report = self.hand.undo_write(&made.path, write)?;
                report.ok_or_else(|| DeskError::WrittenSince(made.path.clone()))?;
            }
            None => self.hand.undo_choice(&made.path, made.choice_before.as_ref())?,
        }
        self.store().note_correction_undone(made)?;
        Ok(made.path.clone())
    }

    /// The word that a genre is written as in the file at `path`.
    pub fn word_in(&self, path: &Path, name: &str) -> String {
        Genre::new(name).map_or_else(|_| name.to_owned(), |genre| self.hand.word(path, &genre))
    }
}

impl Corrected {
    /// Whether the file was written, or would be.
    pub fn is_written(&self) -> bool {
        matches!(self.report.action, Action::Written | Action::WouldWrite)
    }
}
