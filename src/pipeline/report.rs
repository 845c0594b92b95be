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

/// What a run made of a file, in one word. [`TrackStatus`] says how the file stands; this says what was done, so that a
/// file whose genre is ours is one thing when it was written just now and another when it was written last week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Its tags were written.
    Written,
    /// Its tags would be written, were this not a dry run.
    WouldWrite,
    /// It was looked at, and carries a genre of ours already.
    HasOurs,
    /// It was looked at, and is rightly as it was.
    Kept,
    /// It was looked at, and waits in review.
    Unsure,
    /// Nothing can be done with it as it is.
    Skipped,
    /// Something went wrong with it.
    Failed,
    /// It is the file of the last scan: nothing was opened.
    Unchanged,
}

impl Fate {
    /// All of them, in the order in which a summary names them.
    pub const ALL: [Self; 8] = [
        Self::Written,
        Self::WouldWrite,
        Self::HasOurs,
        Self::Kept,
        Self::Unsure,
        Self::Skipped,
        Self::Failed,
        Self::Unchanged,
    ];

    /// The word in `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::WouldWrite => "would-write",
            Self::HasOurs => "has-ours",
            Self::Kept => "kept",
            Self::Unsure => "unsure",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Unchanged => "unchanged",
        }
    }
}

impl Report {
    /// What this run made of the file.
    pub fn fate(&self) -> Fate {
        match (self.action, self.status) {
            // Tempo, key or mood was written, and the genre waits.
            (Action::Written | Action::WouldWrite, TrackStatus::Unsure) => Fate::Unsure,
            (Action::Written, _) => Fate::Written,
            (Action::WouldWrite, _) => Fate::WouldWrite,
            // What fails in the same way as before is no less of a failure.
            (_, TrackStatus::Failed) => Fate::Failed,
            (Action::Unchanged, _) => Fate::Unchanged,
            (Action::None, TrackStatus::Tagged) => Fate::HasOurs,
            (Action::None, TrackStatus::Kept) => Fate::Kept,
            (Action::None, TrackStatus::Unsure) => Fate::Unsure,
            (Action::None, TrackStatus::Skipped) => Fate::Skipped,
        }
    }
}

/// The sum of many reports: what the run did, each file once; and beside it how the files stand that it passed by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    fates: [u64; Fate::ALL.len()],
    /// Files that were passed by, since they are as they were, by how they stand.
    pub known: Known,
}

/// Files that a run passed by, by how they stand since an earlier one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// They carry a genre of ours.
    pub ours: u64,
    /// They are rightly as they were.
    pub kept: u64,
    /// They wait in review.
    pub unsure: u64,
    /// Nothing can be done with them.
    pub skipped: u64,
}

impl Summary {
    /// Counts a report.
    pub fn add(&mut self, report: &Report) {
        let fate = report.fate();
        self.fates[fate as usize] += 1;
        if fate != Fate::Unchanged {
            return;
        }
        *match report.status {
            TrackStatus::Tagged => &mut self.known.ours,
            TrackStatus::Kept => &mut self.known.kept,
            TrackStatus::Unsure => &mut self.known.unsure,
            TrackStatus::Skipped | TrackStatus::Failed => &mut self.known.skipped,
        } += 1;
    }

    /// Files of which this became.
    pub fn count(&self, fate: Fate) -> u64 {
        self.fates[fate as usize]
    }

    /// All that was counted.
    pub fn total(&self) -> u64 {
        self.fates.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(status: TrackStatus, action: Action) -> Report {
        Report { action, ..Report::without_genre(PathBuf::new(), status, String::new()) }
    }

    #[test]
    fn a_file_written_now_is_told_from_one_that_was_written_before() {
        let mut summary = Summary::default();
        for action in [Action::Written, Action::WouldWrite, Action::None, Action::Unchanged] {
            summary.add(&report(TrackStatus::Tagged, action));
        }
        let expected = [Fate::Written, Fate::WouldWrite, Fate::HasOurs, Fate::Unchanged];
        assert!(expected.iter().all(|fate| summary.count(*fate) == 1));
        assert_eq!((summary.total(), summary.known.ours), (4, 1));
    }

    #[test]
    fn a_file_that_still_fails_counts_as_failed() {
        let mut summary = Summary::default();
        summary.add(&report(TrackStatus::Failed, Action::Unchanged));
        summary.add(&report(TrackStatus::Unsure, Action::Unchanged));
        assert_eq!((summary.count(Fate::Failed), summary.count(Fate::Unchanged), summary.known.unsure), (1, 1, 1));
    }
}
