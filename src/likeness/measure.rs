//! What is compared of a sound: how a model describes it, which genres the vote hears in it, and its mood. Each is
//! brought to length 1, so that the product of two is how much they agree.
//!
//! Probabilities are compared by their square roots (the Bhattacharyya coefficient): 1 where they are the same, 0 where
//! they have nothing in common. Nothing is fitted here and no number depends on the library, so a sound is never
//! compared with a stale one.

use crate::config::Config;
use crate::descriptors::{self, DESCRIPTORS_VERSION, quadrant_shares};
use crate::features::{FEATURES_VERSION, Fma518};
use crate::genre::Genre;
use crate::inference::{Part, PartOutput, SaidPart};
use crate::pipeline::{AudioAnswers, StoredAnswers};
use crate::store::{AudioKey, Store};

use super::LikenessError;

/// The version of what is compared: rows of another one are made again.
const VERSION: u32 = 1;
/// Recordings by which it is decided which description most of them have.
const PROBED: u32 = 100;
/// The moods.
const MOODS: usize = 4;

/// What is compared, for the models of a configuration.
pub struct Measure {
    remembered: StoredAnswers,
    /// The place of the description among the parts of what was said, and of the 518.
    description: usize,
    vector: Option<usize>,
    /// How many numbers a description has.
    size: usize,
    /// The model that describes.
    model: String,
    genres: Vec<Genre>,
}

/// A sound as it is compared: its description, the roots of its genres' and of its moods' probabilities, each of length
/// 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    /// How a model describes it.
    pub description: Vec<f32>,
    /// Genres and moods, one behind the other.
    pub shares: Vec<f32>,
}

impl Measure {
    /// For the models of a configuration; of several that describe sounds, the one that described most tracks, the
    /// later one of equals.
    ///
    /// # Errors
    /// [`LikenessError`] when nothing was analysed or described, or the database or the models fail.
    pub fn new(store: &Store, config: &Config) -> Result<Self, LikenessError> {
        let remembered = StoredAnswers::new(config)?;
        let parts = remembered.parts();
        let heard = store.some_heard(PROBED)?;
        if heard.is_empty() {
            return Err(LikenessError::Nothing);
        }
        let said = heard.iter().map(|audio| remembered.of(store, *audio));
        let said = said.collect::<Result<Vec<AudioAnswers>, _>>()?;
        let mut best: Option<(usize, usize, usize, String)> = None;
        for (at, part) in parts.iter().enumerate() {
            let Part::Said(SaidPart { model, output: PartOutput::Embedding, .. }) = part else { continue };
            let sizes: Vec<usize> = said.iter().filter_map(|said| said.parts[at].as_ref().map(Vec::len)).collect();
            // A tenth more or less is no reason to do without the better model.
            let tenths = sizes.len() * 10 / said.len().max(1);
            if let Some(&size) = sizes.last().filter(|_| best.as_ref().is_none_or(|(most, ..)| tenths >= *most)) {
                best = Some((tenths, at, size, model.clone()));
            }
        }
        let (_, description, size, model) = best.ok_or(LikenessError::NotDescribed)?;
        let vector = parts.iter().position(
            |part| matches!(part, Part::Features(features) if features.sample_rate == descriptors::SAMPLE_RATE),
        );
        let taxonomy = remembered.taxonomy();
        let words = remembered.words();
        let mut genres: Vec<Genre> = words.iter().flatten().cloned().collect();
        genres.extend(words.iter().flatten().filter_map(|genre| taxonomy.family(genre).cloned()));
        genres.sort();
        genres.dedup();
        Ok(Self { remembered, description, vector, size, model, genres })
    }

    /// All that a sound's numbers depend on, in one word.
    pub fn fingerprint(&self) -> String {
        let Self { remembered, model, size, genres, .. } = self;
        let parts = (remembered.fingerprint(), model, size, genres, FEATURES_VERSION, DESCRIPTORS_VERSION);
        blake3::hash(format!("{VERSION} {parts:?}").as_bytes()).to_hex().to_string()
    }

    /// How what the sounds are like is kept in the database: kind and window.
    pub fn described_as(&self) -> (String, &str) {
        self.remembered.descriptors_kept_as()
    }

    /// The model whose descriptions are compared.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// How many numbers the two parts of a sound have.
    pub fn sizes(&self) -> (usize, usize) {
        (self.size, self.genres.len() + if self.vector.is_some() { MOODS } else { 0 })
    }

    /// The genres whose shares a sound has, in their order; behind them come the four moods, where [`Self::sizes`]
    /// leaves room for them.
    pub fn genres(&self) -> &[Genre] {
        &self.genres
    }

    /// The sound of a piece of audio; none where something of it is not known.
    ///
    /// # Errors
    /// [`LikenessError`] when the database fails or holds no probabilities.
    pub fn sound(&self, store: &Store, audio: AudioKey) -> Result<Option<Sound>, LikenessError> {
        let mut said = self.remembered.of(store, audio)?;
        let description = said.parts[self.description].take().filter(|description| description.len() == self.size);
        let (Some(description), Some(voters)) = (description, &said.shares) else { return Ok(None) };
        let tally = self.remembered.vote(voters, None)?;
        let share =
            |genre: &Genre| tally.mean.iter().find(|(named, _)| named == genre).map_or(0.0, |(_, share)| *share);
        let mut genres: Vec<f32> = self.genres.iter().map(|genre| share(genre).max(0.0).sqrt()).collect();
        let Some(description) = unit(description) else { return Ok(None) };
        let Some(mut shares) = unit(std::mem::take(&mut genres)) else { return Ok(None) };
        if let Some(at) = self.vector {
            let vector = said.parts[at].as_deref().and_then(Fma518::from_slice);
            let Some(vector) = vector else { return Ok(None) };
            let moods = quadrant_shares(&vector).map(|share| share.sqrt() as f32).to_vec();
            let Some(moods) = unit(moods) else { return Ok(None) };
            shares.extend(moods);
        }
        Ok(Some(Sound { description, shares }))
    }

    /// The agreements of which likeness is the mean.
    pub(super) fn agreements(&self) -> f32 {
        if self.vector.is_some() { 3.0 } else { 2.0 }
    }
}

impl Sound {
    /// What lies between some sounds; none of none.
    pub fn between(sounds: &[Self]) -> Option<Self> {
        let first = sounds.first()?;
        let mean = |part: fn(&Self) -> &[f32], size: usize| -> Vec<f32> {
            (0..size).map(|i| sounds.iter().map(|sound| part(sound)[i]).sum::<f32>() / sounds.len() as f32).collect()
        };
        let description = unit(mean(|sound| &sound.description, first.description.len()))?;
        // Of length 1 or less where they differ: what they share counts less then.
        Some(Self { description, shares: mean(|sound| &sound.shares, first.shares.len()) })
    }
}

/// The same direction at length 1; none of what has no direction or is no number.
fn unit(mut numbers: Vec<f32>) -> Option<Vec<f32>> {
    let length = numbers.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !(length > 1e-12 && length.is_finite()) {
        return None;
    }
    numbers.iter_mut().for_each(|x| *x /= length);
    Some(numbers)
}
