//! What the models said of files that were analysed, as the database remembers it: nothing is decoded and no model is loaded.

use super::analysis::{Opinion, window_of};
use super::ensemble_members::{LineError, ensemble_of, model_key};
use super::model_answer::ModelAnswer;
use crate::config::Config;
use crate::genre::Taxonomy;
use crate::inference::Ensemble;
use crate::store::{AudioKey, Store, StoreError};

/// The models that a configuration names, as far as it takes them to read what they said.
pub struct Opinions {
    ensemble: Ensemble,
    /// The cache key of each member.
    keys: Vec<String>,
    window_key: String,
    taxonomy: Taxonomy,
}

impl Opinions {
    /// For the models and the window of a configuration.
    ///
    /// # Errors
    /// [`LineError`] when the configuration names a model that there is not.
    pub fn new(config: &Config) -> Result<Self, LineError> {
        let ensemble = ensemble_of(config)?;
        let keys = ensemble.members.iter().map(|member| model_key(&member.model, &ensemble)).collect();
        let (_, window_key) = window_of(config);
        let taxonomy = Taxonomy::builtin()?.with_own(&ensemble.own);
        Ok(Self { ensemble, keys, window_key, taxonomy })
    }

    /// What each model said of a piece of audio, the likeliest genre first. Models that were not asked, or asked in another version,
    /// are missing.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn of(&self, store: &Store, audio: AudioKey) -> Result<Vec<Opinion>, StoreError> {
        let mut opinions = Vec::new();
        for (member, key) in self.ensemble.members.iter().zip(&self.keys) {
            let manifest = member.model.manifest();
            let genres = manifest.genres();
            if genres.is_empty() {
                continue;
            }
            let answer = ModelAnswer::load(store, audio, &self.window_key, key, &member.model)?;
            let Some(answer) = answer else { continue };
            let mut ranking: Vec<(String, f32)> =
                genres.into_iter().map(str::to_owned).zip(manifest.genre_shares(&answer.mean())).collect();
            ranking.sort_by(|a, b| b.1.total_cmp(&a.1));
            opinions.push(Opinion { model: manifest.name.clone(), weight: member.weight, ranking });
        }
        Ok(opinions)
    }

    /// Whether two models name the same genre, or one a kind of the other's; none where one of them hears none of its genres.
    pub fn agree(&self, one: &Opinion, other: &Opinion) -> Option<bool> {
        let has_a_word = |opinion: &Opinion| opinion.ranking.first().is_some_and(|(_, share)| *share > 0.0);
        if !has_a_word(one) || !has_a_word(other) {
            return None;
        }
        let voting = |opinion: &Opinion| Opinion { weight: 1.0, ..opinion.clone() };
        Some(!differ(&self.taxonomy, &[voting(one), voting(other)]))
    }

    /// Whether models that vote name genres of which none is a kind of the other.
    pub fn differ(&self, opinions: &[Opinion]) -> bool {
        differ(&self.taxonomy, opinions)
    }
}

/// Whether models that vote name genres of which none is a kind of the other: `Metal` and `Rock` are one opinion, told more and less
/// exactly.
pub(in crate::pipeline) fn differ(taxonomy: &Taxonomy, opinions: &[Opinion]) -> bool {
    let best = |opinion: &Opinion| {
        let (genre, share) = opinion.ranking.first()?;
        // A tagger that hears none of its genres says nothing.
        taxonomy.canonical(genre).filter(|_| *share > 0.0).cloned()
    };
    let named: Vec<_> = opinions.iter().filter(|opinion| opinion.weight > 0.0).filter_map(best).collect();
    let is_kind = |narrow, wide| taxonomy.ancestors(narrow).any(|ancestor| ancestor == wide);
    named.iter().enumerate().any(|(i, a)| named[..i].iter().any(|b| a != b && !is_kind(a, b) && !is_kind(b, a)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn a_genre_and_a_kind_of_it_are_no_difference() {
        let taxonomy = Taxonomy::builtin().unwrap();
        let opinion = |genre: &str, weight| Opinion {
            model: genre.to_owned(),
            weight,
            ranking: vec![(genre.to_owned(), 0.9), ("Folk".to_owned(), 0.1)],
        };
        let differ = |opinions: &[Opinion]| differ(&taxonomy, opinions);
        assert!(!differ(&[opinion("Metal", 1.0), opinion("Pop Rock", 1.0), opinion("Rock", 0.5)]));
        assert!(differ(&[opinion("Metal", 1.0), opinion("Jazz", 0.1)]));
        assert!(!differ(&[opinion("Metal", 1.0), opinion("Jazz", 0.0)]), "who has no vote has no say");
        assert!(!differ(&[]));
    }
}
