//! How the owner wants our genres to be written: own names, a whitelist, upper or lower case.
//!
//! It turns genres of the taxonomy into the words that go into a file, and tells whether a word that is in a file
//! already means the same genre. What the models say, and the figures, stay in the taxonomy's names.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Genre, GenreError, Taxonomy};

/// In which case a genre is written that has no name of the owner's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Casing {
    /// As the taxonomy has it: `Hip-Hop`, `Pop Rock`.
    #[default]
    AsIs,
    /// `hip-hop`, `pop rock`.
    Lower,
    /// `HIP-HOP`, `POP ROCK`.
    Upper,
}

/// The owner's way to write genres.
#[derive(Clone, Debug)]
pub struct Naming {
    taxonomy: Taxonomy,
    names: BTreeMap<Genre, Genre>,
    /// Empty: every genre may be written.
    whitelist: BTreeSet<Genre>,
    casing: Casing,
}

impl Naming {
    /// `names` gives genres (in any spelling that the taxonomy knows) the owner's names; `whitelist` lists, in either
    /// kind of name, the genres that may be written, all if it is empty.
    ///
    /// # Errors
    /// [`GenreError::UnknownLabel`] for a word that means no genre, [`GenreError::Name`] for a name that some player
    /// would split.
    pub fn new(
        taxonomy: Taxonomy,
        names: &BTreeMap<String, String>,
        whitelist: &[String],
        casing: Casing,
    ) -> Result<Self, GenreError> {
        let unknown = |label: &str| GenreError::UnknownLabel { label: label.into() };
        let own = names.iter().map(|(genre, name)| {
            let genre = taxonomy.canonical(genre).ok_or_else(|| unknown(genre))?;
            Ok((genre.clone(), Genre::new(name)?))
        });
        let own: BTreeMap<Genre, Genre> = own.collect::<Result<_, _>>()?;
        let mut allowed = BTreeSet::new();
        for word in whitelist {
            let named: Vec<&Genre> =
                own.iter().filter(|(_, name)| is_same_word(name.as_str(), word)).map(|(g, _)| g).collect();
            if named.is_empty() {
                allowed.insert(taxonomy.canonical(word).ok_or_else(|| unknown(word))?.clone());
            }
            allowed.extend(named.into_iter().cloned());
        }
        Ok(Self { taxonomy, names: own, whitelist: allowed, casing })
    }

    /// The word that is written for a genre: its own, or that of the nearest wider genre on the whitelist; none where
    /// the whitelist has neither.
    pub fn word(&self, genre: &Genre) -> Option<String> {
        let mut wider = std::iter::successors(Some(genre), |genre| self.taxonomy.parent(genre));
        let genre = wider.find(|genre| self.whitelist.is_empty() || self.whitelist.contains(*genre))?;
        Some(match (self.names.get(genre), self.casing) {
            (Some(name), _) => name.to_string(),
            (None, Casing::AsIs) => genre.to_string(),
            (None, Casing::Lower) => genre.as_str().to_lowercase(),
            (None, Casing::Upper) => genre.as_str().to_uppercase(),
        })
    }

    /// The words for the best genres of a ranking: the first, and of those behind it up to `max` in all that reach
    /// `min_further` and are no wider word for one that stands there. Empty where the first may not be written.
    pub fn words(&self, ranking: &[(Genre, f32)], max: usize, min_further: f32) -> Vec<String> {
        let Some((first, word)) = ranking.first().and_then(|(genre, _)| Some((genre, self.word(genre)?))) else {
            return Vec::new();
        };
        let (mut words, mut said) = (vec![word], vec![first]);
        for (genre, _) in ranking[1..].iter().take_while(|(_, share)| *share >= min_further) {
            let is_said = said.iter().any(|narrow| self.taxonomy.ancestors(narrow).any(|wide| wide == genre));
            match self.word(genre) {
                Some(word) if words.len() < max && !is_said && !words.contains(&word) => {
                    words.push(word);
                    said.push(genre);
                }
                _ => {}
            }
        }
        words
    }

    /// Whether two words that may stand in a file mean one genre.
    pub fn is_same(&self, a: &str, b: &str) -> bool {
        is_same_word(a, b) || self.meaning(a).is_some_and(|genre| self.meaning(b) == Some(genre))
    }

    /// The genre that a word in a file is the name of: the owner's own name for it, or the taxonomy's in any spelling.
    /// Narrower words, which the taxonomy knows as kinds of a genre, mean none.
    pub fn meaning(&self, word: &str) -> Option<&Genre> {
        let own = self.names.iter().find(|(_, name)| is_same_word(name.as_str(), word)).map(|(genre, _)| genre);
        own.or_else(|| self.taxonomy.canonical_exact(word))
    }
}

fn is_same_word(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn naming(names: &[(&str, &str)], whitelist: &[&str], casing: Casing) -> Result<Naming, GenreError> {
        let names = names.iter().map(|(genre, name)| ((*genre).to_owned(), (*name).to_owned())).collect();
        let whitelist: Vec<String> = whitelist.iter().map(|&word| word.to_owned()).collect();
        Naming::new(Taxonomy::builtin().unwrap(), &names, &whitelist, casing)
    }

    fn genre(name: &str) -> Genre {
        Genre::new(name).unwrap()
    }

    #[test]
    fn genres_are_written_by_the_owners_names_and_in_the_owners_case() {
        let own = naming(&[("hip hop", "Rap")], &[], Casing::Lower).unwrap();
        assert_eq!(own.word(&genre("Hip-Hop")).as_deref(), Some("Rap"));
        assert_eq!(own.word(&genre("Pop Rock")).as_deref(), Some("pop rock"));
        assert_eq!(naming(&[], &[], Casing::Upper).unwrap().word(&genre("Jazz")).as_deref(), Some("JAZZ"));
    }

    #[test]
    fn what_is_not_on_the_whitelist_is_written_as_the_wider_genre_or_not_at_all() {
        let listed = naming(&[("Blues", "Blues & Soul")], &["blues & soul", "pop rock"], Casing::AsIs).unwrap();
        assert_eq!(listed.word(&genre("Metal")).as_deref(), Some("Pop Rock"));
        assert_eq!(listed.word(&genre("Blues")).as_deref(), Some("Blues & Soul"));
        assert_eq!(listed.word(&genre("Jazz")), None);
        assert!(listed.words(&[(genre("Jazz"), 0.8), (genre("Blues"), 0.2)], 2, 0.1).is_empty());
    }

    #[test]
    fn further_genres_are_named_above_their_own_threshold_only() {
        let plain = naming(&[], &[], Casing::AsIs).unwrap();
        let ranking = [(genre("Jazz"), 0.6), (genre("Blues"), 0.3), (genre("Folk"), 0.1)];
        assert_eq!(plain.words(&ranking, 1, 0.0), ["Jazz"]);
        assert_eq!(plain.words(&ranking, 3, 0.25), ["Jazz", "Blues"]);
        assert_eq!(plain.words(&ranking, 3, 0.05), ["Jazz", "Blues", "Folk"]);
        let merged = naming(&[("Jazz", "Jazz & Blues"), ("Blues", "Jazz & Blues")], &[], Casing::AsIs).unwrap();
        assert_eq!(merged.words(&ranking, 3, 0.05), ["Jazz & Blues", "Folk"], "one name is written once");
        let kinds = [(genre("Metal"), 0.7), (genre("Pop Rock"), 0.2), (genre("Folk"), 0.1)];
        assert_eq!(plain.words(&kinds, 3, 0.05), ["Metal", "Folk"], "the family says no more than its kind");
    }

    #[test]
    fn other_spellings_are_the_same_genre_and_narrower_words_are_not() {
        let own = naming(&[("Electronic", "Elektronik")], &[], Casing::AsIs).unwrap();
        assert!(own.is_same("hip hop", "Hip-Hop"));
        assert!(own.is_same("ELEKTRONIK", "Electronic"));
        assert!(own.is_same("Zeuhl", "zeuhl"));
        assert!(!own.is_same("Zeuhl", "Jazz"));
        assert!(!own.is_same("Techno", "Electronic"), "the owner was more precise than we are");
    }

    #[test]
    fn words_that_mean_nothing_and_names_that_players_split_are_refused() {
        assert!(matches!(naming(&[("Zeuhl", "Z")], &[], Casing::AsIs), Err(GenreError::UnknownLabel { .. })));
        assert!(matches!(naming(&[("Jazz", "Jazz/Swing")], &[], Casing::AsIs), Err(GenreError::Name { .. })));
        assert!(matches!(naming(&[], &["Zeuhl"], Casing::AsIs), Err(GenreError::UnknownLabel { .. })));
    }
}
