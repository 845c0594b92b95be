//! Answers about what was done, and about files that were judged.

use super::super::schema::shape;
use super::text;
use super::tracks::{Model, Share};
use crate::pipeline::HandReport;

shape!(out
    /// What became of one track.
    Outcome {
        /// The number of its row; null where it has none.
        id: Option<i64>,
        path: String,
        /// `written`, `would-write`, `none`, `undone` or `failed`.
        action: &'static str,
        before: Option<Vec<String>>,
        after: Option<Vec<String>>,
        /// Why it failed.
        error: Option<String>,
    }
);

shape!(out
    /// A correction of one track.
    Corrected {
        /// The number to undo it by; null in a dry run.
        go: Option<i64>,
        result: Outcome,
    }
);

shape!(out
    /// Corrections of many tracks, as far as they are.
    Job {
        id: u64,
        /// `accept`, `set`, `reject` or `undo`.
        kind: &'static str,
        /// `waiting`, `running`, `done`, `stopped` or `failed`.
        state: &'static str,
        /// The number to undo it by, once something was written.
        go: Option<i64>,
        /// Tracks that are meant.
        total: usize,
        done: usize,
        /// Of these, those that failed.
        failed: usize,
        /// The last ones.
        results: Vec<Outcome>,
        /// Why the whole failed.
        error: Option<String>,
        /// In seconds since 1970.
        started_at: i64,
        ended_at: Option<i64>,
    }
);

shape!(out
    /// A sound that is no music.
    NotMusic {
        sound: String,
        /// How likely it is music all the same.
        music: f64,
    }
);

shape!(out
    /// What is said of a file.
    Judged {
        genre: Option<String>,
        confidence: f64,
        /// Whether it is sure enough to be written.
        sure: bool,
        /// What would be written.
        words: Vec<String>,
        ranking: Vec<Share>,
        models: Vec<Model>,
        not_music: Option<NotMusic>,
        /// In seconds.
        duration: Option<f64>,
        elapsed_ms: u64,
    }
);

/// What became of a track.
pub fn outcome(id: Option<i64>, report: &HandReport) -> Outcome {
    Outcome {
        id,
        path: text(&report.path),
        action: report.action.as_str(),
        before: Some(report.before.clone()),
        after: Some(report.after.clone()),
        error: None,
    }
}
