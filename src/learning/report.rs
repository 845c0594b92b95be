//! What a run of learning found, for people and for programs.

use std::path::PathBuf;

use serde::Serialize;

use super::examples::Found;
use super::figures::{Figures, Gain, OfGenre};
use super::names::{Class, Rare};
use super::suspects::Suspect;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The model votes from now on.
    Adopted {
        /// Its number.
        generation: u32,
    },
    /// It would.
    WouldBeAdopted,
    /// It does not; why.
    NotAdopted {
        /// The reason.
        why: String,
    },
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What came of it.
    pub outcome: Outcome,
    /// What there was.
    pub found: Found,
    /// Examples that were learned from.
    pub examples: usize,
    /// Of these, those that stand for all other music.
    pub background: usize,
    /// Artists of them, or folders where none is known.
    pub artists: usize,
    /// The genres, and how each is named.
    pub genres: Vec<GenreReport>,
    /// Genres that are too rare.
    pub rare: Vec<Rare>,
    /// Genres that the sound does not tell from the others.
    pub untold: Vec<String>,
    /// What a row is made of: `fma518`, `logmel-cnn embedding`.
    pub parts: Vec<String>,
    /// Both votes on the same tracks, by other artists than were learned from; none where nothing could be tried.
    pub comparison: Option<Comparison>,
    /// What would help.
    pub advice: Vec<String>,
    /// Tracks whose tags are likely wrong, the likeliest first.
    pub suspects: Vec<Suspect>,
}

/// Both votes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Tracks that were compared.
    pub tracks: usize,
    /// The vote without what was learned.
    pub before: Figures,
    /// The vote with it.
    pub after: Figures,
    /// Always naming the commonest genre.
    pub majority: f64,
    /// How much oftener the vote with it is right than the better of the other two.
    pub gain: Gain,
    /// How much likelier the model finds what a track is than the genre's frequency does, in nats.
    pub told: Gain,
    /// Its weight, relative to that of all others together.
    pub weight: f32,
    /// The confidence from which a genre is written.
    pub threshold: f32,
    /// The share of written genres that was promised to be right.
    pub promised: f64,
}

/// A genre that is learned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GenreReport {
    /// The genre.
    #[serde(flatten)]
    pub class: Class,
    /// The vote without what was learned.
    pub before: OfGenre,
    /// The vote with it.
    pub after: OfGenre,
}

impl Report {
    /// Nothing could be tried.
    pub(super) fn without_trial(found: Found, rare: Vec<Rare>, why: String, advice: Vec<String>) -> Self {
        Self {
            outcome: Outcome::NotAdopted { why },
            found,
            examples: 0,
            background: 0,
            artists: 0,
            genres: Vec::new(),
            rare,
            untold: Vec::new(),
            parts: Vec::new(),
            comparison: None,
            advice,
            suspects: Vec::new(),
        }
    }

    /// Whether it votes, or would.
    pub fn is_good(&self) -> bool {
        !matches!(self.outcome, Outcome::NotAdopted { .. })
    }

    /// The file names of suspects, for a play list.
    pub fn suspect_paths(&self) -> Vec<&PathBuf> {
        self.suspects.iter().map(|suspect| &suspect.path).collect()
    }
}
