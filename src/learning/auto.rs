//! Learning anew by itself: what its owner asked for the first time is remembered, and done again when enough was said
//! since. When to look is the caller's business.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::asking::give_turns;
use super::learn::{adopt, learn};
use super::{Enough, Generations, LearnError, Locked, Report, Request};
use crate::config::Config;
use crate::store::Store;

/// The file that remembers it.
const FILE: &str = "auto";
/// It is tried at most this often.
const PAUSE: Duration = Duration::from_secs(24 * 60 * 60);
/// Choices that have to be new, and their share of all.
const NEW: u64 = 10;
const NEW_SHARE: f64 = 0.05;

/// What was asked for, and what there was then.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Remembered {
    from_tags: bool,
    tracks: usize,
    artists: usize,
    precision: f64,
    /// Choices that had been made.
    choices: u64,
    /// Seconds since 1970.
    at: u64,
}

impl Remembered {
    /// Whether enough is new by now.
    fn is_due(&self, choices: u64, now: u64) -> bool {
        let new = choices.abs_diff(self.choices);
        let is_enough = new >= NEW && new as f64 >= NEW_SHARE * choices as f64;
        is_enough && now.saturating_sub(self.at) >= PAUSE.as_secs()
    }
}

impl Locked<'_> {
    /// Remembers what was asked for, so that it can be done again.
    ///
    /// # Errors
    /// [`LearnError`] when the database fails or the folder cannot be written.
    pub fn remember_request(&self, request: &Request, store: &Store) -> Result<(), LearnError> {
        let Request { from_tags, enough: Enough { tracks, artists }, precision } = *request;
        let remembered =
            Remembered { from_tags, tracks, artists, precision, choices: store.choices_made()?, at: unix_now() };
        let text = serde_json::to_string(&remembered).unwrap_or_default();
        self.replace(FILE, text.as_bytes())
    }
}

/// Learns anew if its owner has begun with it, wants it, and has said enough since; none where it is not time.
///
/// # Errors
/// As for [`learn`] and [`adopt`]; what was learned before stays.
pub fn learn_if_due(store: &Store, config: &Config) -> Result<Option<Report>, LearnError> {
    let folder = &config.models.learned;
    if !config.learn.auto || folder.as_os_str().is_empty() {
        return Ok(None);
    }
    let Ok(text) = std::fs::read_to_string(folder.join(FILE)) else { return Ok(None) };
    let Ok(remembered) = serde_json::from_str::<Remembered>(&text) else { return Ok(None) };
    if !remembered.is_due(store.choices_made()?, unix_now()) {
        return Ok(None);
    }
    let Remembered { from_tags, tracks, artists, precision, .. } = remembered;
    let request = Request { from_tags, enough: Enough { tracks, artists }, precision };
    let generations = Generations::new(folder);
    let locked = generations.lock()?;
    let learnt = learn(store, config, request)?;
    let report = adopt(learnt, &locked)?;
    locked.remember_request(&request, store)?;
    see_to_review(store, config, &report)?;
    Ok(Some(report))
}

/// What is asked first in review, after something was learned or tried.
///
/// # Errors
/// [`LearnError`] when the database fails.
pub fn see_to_review(store: &Store, config: &Config, report: &Report) -> Result<(), LearnError> {
    if report.is_good() {
        store.forget_suggestions()?;
    }
    give_turns(store, config)
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_time_when_enough_was_said_and_not_twice_a_day() {
        let then = Remembered { from_tags: false, tracks: 10, artists: 3, precision: 0.9, choices: 100, at: 1_000_000 };
        let day = PAUSE.as_secs();
        assert!(then.is_due(110, 1_000_000 + day));
        assert!(!then.is_due(110, 999_999 + day));
        assert!(!then.is_due(109, 1_000_000 + 9 * day), "nine are too few");
        let many = Remembered { choices: 1000, ..then };
        assert!(!many.is_due(1040, 1_000_000 + day), "forty of a thousand change little");
        assert!(many.is_due(1060, 1_000_000 + day));
        assert!(then.is_due(80, 1_000_000 + day), "what was taken back counts as well");
    }
}
