//! What the line says of each file, and the sum of it: the values that commands print and the store keeps.

use std::path::PathBuf;
use std::time::Duration;

use crate::descriptors::Descriptors;
use crate::store::TrackStatus;

/// What was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Its tags were written.
    Written,
    /// Its tags would be written, were this not a dry run.
    WouldWrite,
    /// It was looked at and left as it is.
    None,
    /// It is the file of the last scan: nothing was opened.
    Unchanged,
}

impl Action {
    /// The word in `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Written => "written",
            Action::WouldWrite => "would-write",
            Action::None => "none",
            Action::Unchanged => "unchanged",
        }
    }
}

/// What a file waits for that is rightly left alone for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// That nobody has written to it, or to its album, for `[library] settle_seconds`.
    Stillness,
    /// Room on its disk.
    Room {
        /// The disk's device number.
        device: u64,
        /// The size of the file in bytes, of which a copy is to be made.
        size: u64,
    },
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// What became of it; in a dry run, what would.
    pub status: TrackStatus,
    /// The first genre of the vote.
    pub genre: Option<String>,
    /// Its confidence, 0 to 1.
    pub confidence: Option<f32>,
    /// The genres of the vote, best first, with their shares.
    pub ranking: Vec<(String, f32)>,
    /// What the sound is like, where that is asked for and was found out now or before.
    pub descriptors: Option<Descriptors>,
    /// What was done.
    pub action: Action,
    /// Why not more was done, and what would help.
    pub reason: Option<String>,
    /// Whether it may be passed by until it changes.
    pub is_settled: bool,
    /// Whether it was found just now that another program works against ours.
    pub is_contested: bool,
    /// What it waits for, if that is all that is the matter.
    pub waits_for: Option<WaitsFor>,
    /// How long this file took, waiting for other workers not counted.
    pub elapsed: Duration,
}

impl Report {
    /// A report of a file that no genre could be found for.
    pub(crate) fn without_genre(path: PathBuf, status: TrackStatus, reason: String) -> Self {
        let (genre, confidence, ranking) = (None, None, Vec::new());
        let (action, elapsed) = (Action::None, Duration::ZERO);
        let (is_settled, is_contested, waits_for) = (false, false, None);
        Self {
            path,
            status,
            genre,
            confidence,
            ranking,
            descriptors: None,
            action,
            reason: Some(reason),
            is_settled,
            is_contested,
            waits_for,
            elapsed,
        }
    }
}

/// The sum of many reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files that carry a genre of ours (or would, after a dry run).
    pub tagged: u64,
    /// Files that are rightly as they were.
    pub kept: u64,
    /// Files that wait in review.
    pub unsure: u64,
    /// Files that nothing can be done with as they are.
    pub skipped: u64,
    /// Files and folders that something went wrong with.
    pub failed: u64,
    /// Of all these, files that are unchanged since the last scan.
    pub unchanged: u64,
    /// Of all these, files whose tags were written (or would be).
    pub written: u64,
}

impl Summary {
    /// Counts a report.
    pub fn add(&mut self, report: &Report) {
        let counter = match report.status {
            TrackStatus::Tagged => &mut self.tagged,
            TrackStatus::Kept => &mut self.kept,
            TrackStatus::Unsure => &mut self.unsure,
            TrackStatus::Skipped => &mut self.skipped,
            TrackStatus::Failed => &mut self.failed,
        };
        *counter += 1;
        match report.action {
            Action::Unchanged => self.unchanged += 1,
            Action::Written | Action::WouldWrite => self.written += 1,
            Action::None => {}
        }
    }

    /// All that was counted.
    pub fn total(&self) -> u64 {
        self.tagged + self.kept + self.unsure + self.skipped + self.failed
    }
}
