//! What the service did since it started, in numbers that anyone may read at any time: the status, a metrics page.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::pipeline::{Action, Report, Stage, StageTimes};
use crate::store::TrackStatus;

/// Different reasons kept apart at the most; the rest are counted together.
const REASONS: usize = 64;

/// Counters that only grow.
#[derive(Debug, Default)]
pub struct Counters {
    seen: AtomicU64,
    unchanged: AtomicU64,
    written: AtomicU64,
    tagged: AtomicU64,
    kept: AtomicU64,
    unsure: AtomicU64,
    skipped: AtomicU64,
    failed: AtomicU64,
    reasons: Mutex<BTreeMap<String, u64>>,
    stage_microseconds: [AtomicU64; Stage::ALL.len()],
}

/// The counters at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Files that were taken down the line.
    pub seen: u64,
    /// Of these, files that turned out to be settled already.
    pub unchanged: u64,
    /// Of these, files whose tags were written.
    pub written: u64,
    /// Files that carry a genre of ours.
    pub tagged: u64,
    /// Files that are rightly as they were.
    pub kept: u64,
    /// Files that wait in review.
    pub unsure: u64,
    /// Files that nothing can be done with as they are.
    pub skipped: u64,
    /// Files that something went wrong with.
    pub failed: u64,
    /// How often each reason kept a file from being analysed or written.
    pub reasons: BTreeMap<String, u64>,
    /// Seconds spent in each stage, all workers together.
    pub stage_seconds: BTreeMap<String, f64>,
}

impl Counters {
    /// Counts a file.
    pub fn add(&self, report: &Report, stage_times: &StageTimes) {
        let one = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        one(&self.seen);
        one(match report.status {
            TrackStatus::Tagged => &self.tagged,
            TrackStatus::Kept => &self.kept,
            TrackStatus::Unsure => &self.unsure,
            TrackStatus::Skipped => &self.skipped,
            TrackStatus::Failed => &self.failed,
        });
        match report.action {
            Action::Unchanged => drop(one(&self.unchanged)),
            Action::Written => drop(one(&self.written)),
            Action::WouldWrite | Action::None => {}
        }
        if matches!(report.status, TrackStatus::Skipped | TrackStatus::Failed) && report.action != Action::Unchanged {
            self.add_reason(report.reason.as_deref().unwrap_or("unknown"));
        }
        for stage in Stage::ALL {
            let spent = u64::try_from(stage_times.of(stage).as_micros()).unwrap_or(u64::MAX);
            self.stage_microseconds[stage as usize].fetch_add(spent, Ordering::Relaxed);
        }
    }

    fn add_reason(&self, reason: &str) {
        // What stands behind the first colon is about the one file.
        let kind = reason.split([':', ';', '(']).next().unwrap_or(reason).trim();
        let kind: String = kind.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).take(80).collect();
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let key = if reasons.len() < REASONS || reasons.contains_key(&kind) { kind } else { "other".to_owned() };
        *reasons.entry(key).or_default() += 1;
    }

    /// The numbers now.
    pub fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let seconds = |stage: Stage| Duration::from_micros(of(&self.stage_microseconds[stage as usize])).as_secs_f64();
        Counts {
            seen: of(&self.seen),
            unchanged: of(&self.unchanged),
            written: of(&self.written),
            tagged: of(&self.tagged),
            kept: of(&self.kept),
            unsure: of(&self.unsure),
            skipped: of(&self.skipped),
            failed: of(&self.failed),
            reasons: self.reasons.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            stage_seconds: Stage::ALL.map(|stage| (stage.as_str().to_owned(), seconds(stage))).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_by_kind_and_bounded() {
        let counters = Counters::default();
        for length in 0..1000 {
            counters.add_reason(&format!("{length}.5 s long, shorter than the 3 s that it takes to judge"));
            counters.add_reason(&format!("cannot be read: input/output error {length}"));
            counters.add_reason(&format!("{} nothing like the others", "x".repeat(length % 79)));
        }
        let reasons = counters.counts().reasons;
        assert_eq!(reasons["cannot be read"], 1000);
        assert!(reasons.len() <= REASONS + 1 && reasons.contains_key("other"), "{reasons:?}");
    }
}
