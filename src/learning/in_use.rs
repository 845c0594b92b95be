//! The words that a library already uses for our genres: a proposal for the configuration, which needs no learning.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::LearnError;
use crate::config::Config;
use crate::genre::{Genre, Taxonomy};
use crate::store::Store;
use crate::tagging;

/// Fewer tracks than this show no habit.
const FEWEST: usize = 3;

/// A genre and the library's word for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameInUse {
    /// The genre.
    pub genre: Genre,
    /// The library's word.
    pub name: String,
    /// Tracks that carry it.
    pub tracks: usize,
    /// Tracks that carry any word for the genre.
    pub of: usize,
}

/// The commonest words in tags that this program did not write, for each genre that has another one than ours.
///
/// # Errors
/// [`LearnError`] when the database fails.
pub fn names_in_use(store: &Store, config: &Config) -> Result<Vec<NameInUse>, LearnError> {
    let mut paths = Vec::new();
    store.analysed(|track| {
        if !track.is_gone {
            paths.push(track.path);
        }
    })?;
    let read = |path: &std::path::PathBuf| tagging::read(path).ok().filter(|state| !state.genre_is_ours());
    let values: Vec<String> = paths.par_iter().filter_map(read).flat_map_iter(|state| state.genres).collect();
    let naming = config.tags.naming()?;
    let taxonomy = Taxonomy::builtin()?;
    Ok(proposals(values.iter().map(String::as_str), &taxonomy, |genre| naming.word(genre)))
}

fn proposals<'v>(
    values: impl Iterator<Item = &'v str>,
    taxonomy: &Taxonomy,
    word: impl Fn(&Genre) -> Option<String>,
) -> Vec<NameInUse> {
    let mut counts: BTreeMap<&Genre, BTreeMap<&str, usize>> = BTreeMap::new();
    for value in values {
        let value = value.trim();
        if let Some(genre) = taxonomy.canonical_whole(value).filter(|_| Genre::new(value).is_ok()) {
            *counts.entry(genre).or_default().entry(value).or_default() += 1;
        }
    }
    let proposal = |(genre, words): (&Genre, BTreeMap<&str, usize>)| {
        let of = words.values().sum();
        let (name, tracks) = words.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(a.0)))?;
        // Several words for one genre are kinds of it, and none of them its name.
        let is_habit = tracks >= FEWEST && 2 * tracks > of;
        let is_new = word(genre).is_some_and(|word| word != name);
        (is_habit && is_new).then(|| NameInUse { genre: genre.clone(), name: name.to_owned(), tracks, of })
    };
    counts.into_iter().filter_map(proposal).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn the_library_s_own_word_is_proposed_where_it_is_a_habit() {
        let values = ["Rap", "Rap", "Rap", "Hip-Hop", "Techno", "House", "Trance", "Jazz", "Jazz", "Jazz", "Zeuhl"];
        let taxonomy = Taxonomy::builtin().unwrap();
        let found = proposals(values.into_iter(), &taxonomy, |genre| Some(genre.to_string()));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].genre.as_str(), found[0].name.as_str(), found[0].tracks, found[0].of),
            ("Hip-Hop", "Rap", 3, 4)
        );
    }
}
