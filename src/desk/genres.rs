//! The genres to choose from, by the owner's names, and the search among them: aliases lead to their genre, and a name
//! that the taxonomy does not know may be written as it is.

use crate::config::Config;
use crate::genre::{Genre, GenreError, Naming, Taxonomy};

/// The genres there are, and how the owner writes them.
pub struct GenreNames {
    taxonomy: Taxonomy,
    naming: Naming,
}

/// A genre that a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// What would be written.
    pub word: String,
    /// The alias by which it was found, where it is another word.
    pub alias: Option<String>,
    /// Whether it is in the list of genres, and not just what was typed.
    pub is_known: bool,
}

/// How well a name fits what was typed: the smaller the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Whole,
    Beginning,
    Word,
    Inside,
}

impl GenreNames {
    /// With the owner's names outside of folders with rules of their own. The whitelist does not count here: the owner
    /// may choose any.
    ///
    /// # Errors
    /// [`GenreError`] for names in the configuration that cannot be used.
    pub(super) fn new(taxonomy: Taxonomy, config: &Config) -> Result<Self, GenreError> {
        let naming = Naming::new(taxonomy.clone(), &config.tags.names, &[], config.tags.casing)?;
        Ok(Self { taxonomy, naming })
    }

    /// What `typed` may mean, the best first. Everything there is for an empty text; what was typed itself comes last,
    /// where it is a usable name that is in no list.
    pub fn search(&self, typed: &str) -> Vec<Named> {
        let typed = typed.trim();
        let mut found: Vec<((Fit, bool), Named)> = Vec::new();
        for genre in self.taxonomy.genres() {
            let word = self.word(genre);
            let own = std::iter::once(word.as_str()).chain([genre.as_str()]);
            let own = own.filter_map(|name| Some((fit(name, typed)?, None)));
            let aliases = self.taxonomy.aliases(genre).iter();
            let aliases = aliases.filter_map(|alias| Some((fit(alias, typed)?, Some(alias.clone()))));
            let best = own.chain(aliases).min_by_key(|(fit, alias)| (*fit, alias.is_some()));
            if let Some((fit, alias)) = best {
                found.push(((fit, alias.is_some()), Named { word, alias, is_known: true }));
            }
        }
        // Stable: equal fits stay in the order of the taxonomy.
        found.sort_by_key(|(rank, _)| *rank);
        let mut found: Vec<Named> = found.into_iter().map(|(_, named)| named).collect();
        let mut seen = std::collections::HashSet::new();
        found.retain(|named| seen.insert(named.word.to_lowercase()));
        let is_listed = found.iter().any(|named| named.word.eq_ignore_ascii_case(typed));
        if !is_listed && Genre::new(typed).is_ok() {
            found.push(Named { word: typed.to_owned(), alias: None, is_known: false });
        }
        found
    }

    /// The words by which files of a genre may be kept, given any name of it.
    pub fn words_for(&self, name: &str) -> Vec<String> {
        let mut words = vec![name.to_owned()];
        if let Some(genre) = self.taxonomy.canonical(name) {
            words.extend([genre.to_string(), self.word(genre)]);
        }
        // Case is no matter to whoever looks for them.
        let mut seen = std::collections::HashSet::new();
        words.retain(|word| seen.insert(word.to_lowercase()));
        words
    }

    fn word(&self, genre: &Genre) -> String {
        self.naming.word(genre).unwrap_or_else(|| genre.to_string())
    }
}

/// How well a name fits what was typed, whatever the case and the signs between its words.
fn fit(name: &str, typed: &str) -> Option<Fit> {
    let letters = |text: &str| -> String {
        text.to_lowercase().chars().filter(|c| c.is_alphanumeric() || c.is_whitespace() || *c == '&').collect()
    };
    let joined = |text: &str| text.split_whitespace().collect::<String>();
    let (name, typed) = (letters(&name.replace(['-', '/', '_'], " ")), letters(&typed.replace(['-', '/', '_'], " ")));
    let (whole, part) = (joined(&name), joined(&typed));
    if part.is_empty() {
        return Some(Fit::Beginning);
    }
    if whole == part {
        return Some(Fit::Whole);
    }
    if whole.starts_with(&part) {
        return Some(Fit::Beginning);
    }
    if name.split_whitespace().any(|word| word.starts_with(&part)) {
        return Some(Fit::Word);
    }
    // One letter is in every name.
    (part.chars().count() > 1 && whole.contains(&part)).then_some(Fit::Inside)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn names(config: &str) -> GenreNames {
        GenreNames::new(Taxonomy::builtin().unwrap(), &toml::from_str(config).unwrap()).unwrap()
    }

    fn first(names: &GenreNames, typed: &str) -> String {
        names.search(typed).remove(0).word
    }

    #[test]
    fn a_few_letters_find_a_genre_by_its_name_its_alias_or_the_owners_word() {
        let plain = names("");
        for (typed, genre) in [
            ("jaz", "Jazz"),
            ("hiphop", "Hip-Hop"),
            ("hip hop", "Hip-Hop"),
            ("rap", "Hip-Hop"),
            ("rnb", "Soul-RnB"),
            ("pop r", "Pop Rock"),
            ("clas", "Classical"),
        ] {
            assert_eq!(first(&plain, typed), genre, "{typed}");
        }
        let own = names("[tags]\nnames = { hip-hop = \"Sprechgesang\" }\n");
        assert_eq!(first(&own, "spre"), "Sprechgesang");
        assert_eq!(first(&own, "hip"), "Sprechgesang");
        let found = &own.search("rap")[0];
        assert_eq!(
            (found.word.as_str(), found.alias.as_deref().map(str::to_lowercase)),
            ("Sprechgesang", Some("rap".into()))
        );
    }

    #[test]
    fn a_name_that_is_in_no_list_may_be_chosen_as_it_is_typed_and_comes_last() {
        let plain = names("");
        let found = plain.search("Zeuhl");
        assert_eq!(found, [Named { word: "Zeuhl".into(), alias: None, is_known: false }]);
        assert!(plain.search("jazz").iter().all(|named| named.is_known));
        assert!(plain.search("a/b;c").is_empty(), "a name that players split");
    }

    #[test]
    fn without_a_word_there_is_the_whole_list() {
        let plain = names("");
        assert_eq!(plain.search(" ").len(), Taxonomy::builtin().unwrap().genres().len());
        assert_eq!(plain.words_for("rap"), ["rap", "Hip-Hop"]);
        assert_eq!(plain.words_for("jazz"), ["jazz"]);
    }
}
