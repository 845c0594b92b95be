//! What the vote, with what was learned in it, makes of every known track, from memory. It writes nothing: judging anew is a scan's work, and
//! this is for whoever wants to see or measure it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::LearnError;
use crate::config::Config;
use crate::genre::{Genre, KindsPolicy, Ranking};
use crate::pipeline::{AudioAnswers, StoredAnswers};
use crate::store::{AudioKey, Store};

/// Tracks that are read before they are judged.
const AT_ONCE: usize = 2_000;

/// What the vote makes of a track.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The file.
    pub path: PathBuf,
    /// The genres, best first.
    pub ranking: Ranking,
    /// The best guess, a kind of a family even where it is not sure.
    pub guess: Option<Genre>,
}

/// How long it took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Speed {
    /// Tracks that were judged.
    pub tracks: usize,
    /// The model and the vote.
    pub judging: Duration,
    /// With the database.
    pub all: Duration,
}

/// Judges every track whose audio is known and of which every voter has said something.
///
/// # Errors
/// [`LearnError`] when the database, the models or `each` fail.
pub fn judge(
    store: &Store,
    config: &Config,
    mut each: impl FnMut(Judged) -> std::io::Result<()>,
) -> Result<Speed, LearnError> {
    let stored = StoredAnswers::with_learned(config)?;
    let started = Instant::now();
    let mut speed = Speed::default();
    let mut known: Vec<(PathBuf, AudioKey)> = Vec::new();
    store.analysed(|track| known.push((track.path, track.audio)))?;
    for some in known.chunks(AT_ONCE) {
        let said = some.iter().map(|(_, audio)| stored.of(store, *audio)).collect::<Result<Vec<AudioAnswers>, _>>()?;
        let now = Instant::now();
        let judged: Vec<Option<Judged>> = some
            .par_iter()
            .zip(said)
            .map(|((path, _), mut said)| {
                stored.ask_learned(&mut said)?;
                let Some(shares) = &said.shares else { return Ok(None) };
                let ranking = stored.vote(shares, None)?.ranking;
                let guess = stored.vote(shares, Some(KindsPolicy::Always))?.ranking.into_iter().next();
                Ok(Some(Judged { path: path.clone(), ranking, guess: guess.map(|(genre, _)| genre) }))
            })
            .collect::<Result<_, LearnError>>()?;
        speed.judging += now.elapsed();
        for judged in judged.into_iter().flatten() {
            speed.tracks += 1;
            each(judged).map_err(|source| LearnError::Write { path: "standard output".into(), source })?;
        }
    }
    speed.all = started.elapsed();
    Ok(speed)
}
