//! The genres that the program knows, and the many ways to spell them: `models/taxonomy.toml`.
//!
//! Models, other people's tags and data sets name the same music differently. One taxonomy gives each genre one name;
//! votes, tags and figures are in those names. Which of them a model can say is the model's own list of labels. Names
//! that other lists have and that are no genre here are listed too, with the reason.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{Genre, GenreError};

const BUILTIN: &str = include_str!("../../models/taxonomy.toml");

/// Canonical genres with their families and aliases.
#[derive(Debug, Clone)]
pub struct Taxonomy {
    genres: Vec<Genre>,
    /// The index of a genre's parent, for each genre.
    parents: Vec<Option<usize>>,
    /// What else a genre is called, for each genre, as the file spells it.
    aliases: Vec<Vec<String>>,
    /// From a spelling, folded by [`fold`], to the index of the genre.
    spellings: HashMap<String, usize>,
    /// The folded spellings that the file gives with a separator in them: `Pop/Rock`.
    joined: HashSet<String>,
    /// Why a name is no genre, by its folded spelling.
    no_genre: HashMap<String, String>,
}

/// A genre of the owner's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnGenre {
    /// Its name.
    pub genre: Genre,
    /// What it is a kind of, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Genre>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    genres: Vec<Entry>,
    #[serde(default)]
    no_genre: Vec<NoGenre>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Genre,
    parent: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoGenre {
    why: String,
    names: Vec<String>,
}

/// Where players and people split a list of genres.
const SEPARATORS: [char; 4] = ['/', '|', '\\', ','];

impl Taxonomy {
    /// The taxonomy that is compiled in.
    ///
    /// # Errors
    /// Only if the file that was compiled in is not valid, which a test rules out.
    pub fn builtin() -> Result<Self, GenreError> {
        Self::parse(BUILTIN)
    }

    /// Reads a taxonomy: a list of `[[genres]]` with `name`, and optionally `parent` and `aliases`; and one of
    /// `[[no_genre]]` with `why` and `names`.
    ///
    /// # Errors
    /// When it is not such TOML, when a name would not fit every tag, when a parent is not a genre of the list or the
    /// parents go in a circle, and when one spelling would mean two genres, or a genre and none.
    pub fn parse(text: &str) -> Result<Self, GenreError> {
        let File { genres: entries, no_genre: listed } =
            toml::from_str(text).map_err(|e| GenreError::Syntax { reason: e.to_string().trim_end().into() })?;
        let wrong = |genre: &str, reason: String| Err(GenreError::Taxonomy { genre: genre.into(), reason });
        let (mut spellings, mut joined) = (HashMap::new(), HashSet::new());
        for (i, entry) in entries.iter().enumerate() {
            for spelling in std::iter::once(entry.name.as_str()).chain(entry.aliases.iter().map(String::as_str)) {
                let folded = fold(spelling);
                if folded.is_empty() {
                    return wrong(entry.name.as_str(), format!("alias `{spelling}` has no letters"));
                }
                if spelling.contains(SEPARATORS) {
                    joined.insert(folded.clone());
                }
                match spellings.insert(folded, i) {
                    Some(other) if other != i => {
                        let reason = format!("`{spelling}` already means `{}`", entries[other].name);
                        return wrong(entry.name.as_str(), reason);
                    }
                    _ => {}
                }
            }
        }
        let mut no_genre = HashMap::new();
        for NoGenre { why, names } in listed {
            for name in names {
                let folded = fold(&name);
                if folded.is_empty() {
                    return wrong(&name, "a name that is no genre has no letters".into());
                }
                if let Some(&genre) = spellings.get(&folded) {
                    return wrong(&name, format!("it is listed as no genre, and means `{}`", entries[genre].name));
                }
                if no_genre.insert(folded, why.clone()).is_some() {
                    return wrong(&name, "it is listed as no genre twice".into());
                }
            }
        }
        let index_of = |name: &str| entries.iter().position(|e| e.name.as_str() == name);
        let mut parents = Vec::with_capacity(entries.len());
        for entry in &entries {
            let parent = entry.parent.as_deref().map(|name| (name, index_of(name)));
            if let Some((name, None)) = parent {
                return wrong(entry.name.as_str(), format!("its parent `{name}` is no genre of the list"));
            }
            parents.push(parent.and_then(|(_, index)| index));
        }
        for (i, entry) in entries.iter().enumerate() {
            let ancestors = std::iter::successors(parents[i], |&p| parents[p]).take(entries.len() + 1);
            if ancestors.count() > entries.len() {
                return wrong(entry.name.as_str(), "its parents go in a circle".into());
            }
        }
        let (genres, aliases) = entries.into_iter().map(|e| (e.name, e.aliases)).unzip();
        Ok(Self { genres, parents, aliases, spellings, joined, no_genre })
    }

    /// Every canonical genre, in the order of the file.
    pub fn genres(&self) -> &[Genre] {
        &self.genres
    }

    /// The genre that `spelling` means, whatever its case, spaces, hyphens and punctuation: `hip hop` is `Hip-Hop`.
    pub fn canonical(&self, spelling: &str) -> Option<&Genre> {
        self.index(spelling).map(|i| &self.genres[i])
    }

    /// The genre that `text` means as a whole, where it may be a list: with a separator in it, it is one genre only if
    /// the taxonomy gives that spelling with one. `Pop/Rock` is `Pop Rock`; `Folk/Rock` is two genres, although
    /// `Folk-Rock` is one.
    pub fn canonical_whole(&self, text: &str) -> Option<&Genre> {
        self.canonical(text).filter(|_| !text.contains(SEPARATORS) || self.joined.contains(&fold(text)))
    }

    /// Why `spelling` is no genre, if it is listed as none.
    pub fn why_no_genre(&self, spelling: &str) -> Option<&str> {
        self.no_genre.get(&fold(spelling)).map(String::as_str)
    }

    /// What else a genre is called, kinds of it among them, as the file spells it. Empty for a genre that the taxonomy
    /// does not know.
    pub fn aliases(&self, genre: &Genre) -> &[String] {
        self.index(genre.as_str()).map_or(&[], |i| &self.aliases[i])
    }

    /// The genre whose own name `spelling` is, whatever its case, spaces, hyphens and punctuation: aliases, which are
    /// often narrower, do not count.
    pub fn canonical_exact(&self, spelling: &str) -> Option<&Genre> {
        self.canonical(spelling).filter(|genre| fold(genre.as_str()) == fold(spelling))
    }

    /// The genres that a model's labels mean, in the same order.
    ///
    /// # Errors
    /// [`GenreError::UnknownLabel`] for the first label that means none.
    pub fn canonical_all<S: AsRef<str>>(&self, labels: &[S]) -> Result<Vec<Genre>, GenreError> {
        let genre = |label: &S| {
            let label = label.as_ref();
            self.canonical(label).cloned().ok_or_else(|| GenreError::UnknownLabel { label: label.into() })
        };
        labels.iter().map(genre).collect()
    }

    /// The wider genre that a genre is a kind of: `Metal` is a kind of `Rock`.
    pub fn parent(&self, genre: &Genre) -> Option<&Genre> {
        self.parents[self.index(genre.as_str())?].map(|i| &self.genres[i])
    }

    /// What a genre is a kind of, the nearest first: of `Metal`, `Rock` and `Pop Rock`. Nothing of a genre that the
    /// taxonomy does not know.
    pub fn ancestors(&self, genre: &Genre) -> impl Iterator<Item = &Genre> {
        let parent = |index: &usize| self.parents[*index];
        let first = self.index(genre.as_str()).and_then(|index| self.parents[index]);
        std::iter::successors(first, parent).map(|index| &self.genres[index])
    }

    /// Whether a word names a genre, or a kind of it, by any of its names; words that the taxonomy does not know by
    /// their spelling alone.
    pub fn is_kind_of(&self, word: &str, genre: &str) -> bool {
        if fold(word) == fold(genre) {
            return true;
        }
        let (Some(word), Some(genre)) = (self.canonical(word), self.canonical(genre)) else { return false };
        word == genre || self.ancestors(word).any(|wider| wider == genre)
    }

    /// The widest genre that a genre belongs to, which is itself when it has no parent: `Metal` is in the family `Pop
    /// Rock`. None when the taxonomy does not know the genre.
    pub fn family(&self, genre: &Genre) -> Option<&Genre> {
        let start = self.index(genre.as_str())?;
        std::iter::successors(Some(start), |&i| self.parents[i]).last().map(|i| &self.genres[i])
    }

    /// The same taxonomy with genres of the owner's own, each a kind of the genre that it comes with, or of none. A
    /// name that the taxonomy knows as a kind of a genre is itself from then on; one that is a genre's own keeps its
    /// kinds, and is a kind of nothing any more.
    pub fn with_own(mut self, own: &[OwnGenre]) -> Self {
        for OwnGenre { genre, parent } in own {
            let folded = fold(genre.as_str());
            let parent = parent.as_ref().and_then(|parent| self.index(parent.as_str()));
            if self.canonical_exact(genre.as_str()).is_some() {
                if let Some(index) = self.index(genre.as_str()) {
                    self.parents[index] = parent;
                }
            } else if !folded.is_empty() {
                self.spellings.insert(folded, self.genres.len());
                self.genres.push(genre.clone());
                self.parents.push(parent);
                self.aliases.push(Vec::new());
            }
        }
        self
    }

    /// A spelling without what people disagree about, by which names are compared: case, spaces, hyphens and
    /// punctuation.
    pub fn folded(spelling: &str) -> String {
        fold(spelling)
    }

    fn index(&self, spelling: &str) -> Option<usize> {
        self.spellings.get(&fold(spelling)).copied()
    }
}

/// A spelling without what people disagree about: case, spaces and punctuation go, `&` and a lone `n` between words are
/// `and`.
fn fold(spelling: &str) -> String {
    let spaced: String = spelling
        .to_lowercase()
        .chars()
        .flat_map(|c| match c {
            '&' | '+' => " and ".chars().collect::<Vec<_>>(),
            c if c.is_alphanumeric() => vec![c],
            '\'' | '’' | '.' => vec![],
            _ => vec![' '],
        })
        .collect();
    spaced.split_whitespace().map(|word| if word == "n" { "and" } else { word }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn canonical(spelling: &str) -> Option<String> {
        Taxonomy::builtin().unwrap().canonical(spelling).map(ToString::to_string)
    }

    #[test]
    fn spellings_that_people_use_mean_one_genre() {
        for (spelling, genre) in [
            ("hip hop", "Hip-Hop"),
            ("HIPHOP", "Hip-Hop"),
            ("hip_hop", "Hip-Hop"),
            ("Rap", "Hip-Hop"),
            ("R&B", "Soul-RnB"),
            ("r'n'b", "Soul-RnB"),
            ("RnB", "Soul-RnB"),
            ("Rhythm and Blues", "Soul-RnB"),
            ("Pop/Rock", "Pop Rock"),
            ("Pop|Rock", "Pop Rock"),
            ("rock", "Rock"),
            ("Rock & Roll", "Rock"),
            ("Rock 'n' Roll", "Rock"),
            ("Old-Time / Historic", "Old-Time"),
            ("electronica", "Electronic"),
            ("World", "International"),
            ("metal", "Metal"),
            ("Comedy/Spoken", "Spoken"),
        ] {
            assert_eq!(canonical(spelling).as_deref(), Some(genre), "{spelling}");
        }
        for nothing in ["", "   ", "/", "Zeuhl", "Religious"] {
            assert_eq!(canonical(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn what_is_no_genre_is_listed_with_its_reason() {
        let taxonomy = Taxonomy::builtin().unwrap();
        for (name, part) in [("holiday", "what it is for"), ("SOUNDTRACK", "screen"), ("Female Vocalists", "who sings")]
        {
            assert_eq!(taxonomy.canonical(name), None, "{name}");
            let why = taxonomy.why_no_genre(name).unwrap();
            assert!(why.contains(part), "{name}: {why}");
        }
        assert_eq!(taxonomy.why_no_genre("Jazz"), None);
        assert_eq!(taxonomy.why_no_genre("Zeuhl"), None);
    }

    #[test]
    fn a_list_with_a_slash_is_one_genre_only_where_the_taxonomy_says_so() {
        let taxonomy = Taxonomy::builtin().unwrap();
        let whole = |text: &str| taxonomy.canonical_whole(text).map(Genre::as_str);
        for (text, genre) in [
            ("Pop/Rock", "Pop Rock"),
            ("Pop|Rock", "Pop Rock"),
            ("Folk-Rock", "Rock"),
            ("Old-Time / Historic", "Old-Time"),
        ] {
            assert_eq!(whole(text), Some(genre), "{text}");
        }
        for text in ["Folk/Rock", "Blues / Rock", "Jazz, Funk", "Zeuhl"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn every_genre_means_itself_and_has_a_family() {
        let taxonomy = Taxonomy::builtin().unwrap();
        for genre in taxonomy.genres() {
            assert_eq!(taxonomy.canonical(genre.as_str()), Some(genre));
            assert!(taxonomy.family(genre).is_some());
        }
        let metal = Genre::new("Metal").unwrap();
        assert_eq!(taxonomy.parent(&metal).unwrap().as_str(), "Rock");
        assert_eq!(taxonomy.family(&metal).unwrap().as_str(), "Pop Rock");
        assert_eq!(taxonomy.family(&Genre::new("Zeuhl").unwrap()), None);
    }

    #[test]
    fn a_taxonomy_that_contradicts_itself_says_where() {
        for (text, part) in [
            ("[[genres]]\nname='A'\n[[genres]]\nname='B'\naliases=['a']", "already means `A`"),
            ("[[genres]]\nname='A'\nparent='B'", "its parent `B`"),
            ("[[genres]]\nname='A'\nparent='B'\n[[genres]]\nname='B'\nparent='A'", "circle"),
            ("[[genres]]\nname='A'\nparent='A'", "circle"),
            ("[[genres]]\nname='A/B'", "A/B"),
            ("[[genres]]\nname='A'\naliases=['-']", "no letters"),
            ("[[genres]]\nname='A'\nalias=['b']", "alias"),
            ("[[genres]]\nname='A'\n[[no_genre]]\nwhy='x'\nnames=['a']", "means `A`"),
            ("[[genres]]\nname='A'\n[[no_genre]]\nwhy='x'\nnames=['b', 'B']", "twice"),
            ("[[genres]]\nname='A'\n[[no_genre]]\nwhy='x'\nnames=['/']", "no letters"),
        ] {
            let message = Taxonomy::parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn a_genre_of_the_owner_s_own_is_a_kind_of_what_it_comes_with() {
        let own = |name: &str, parent: Option<&str>| OwnGenre {
            genre: Genre::new(name).unwrap(),
            parent: parent.map(|name| Genre::new(name).unwrap()),
        };
        let added = [own("Techno", Some("Electronic")), own("Schlager vom Band", None), own("Metal", None)];
        let taxonomy = Taxonomy::builtin().unwrap().with_own(&added);
        assert_eq!(taxonomy.canonical("TECHNO").unwrap(), &added[0].genre);
        assert_eq!(taxonomy.parent(&added[0].genre).unwrap().as_str(), "Electronic");
        assert_eq!(taxonomy.canonical("Schlager Vom Band"), Some(&added[1].genre));
        assert_eq!((taxonomy.parent(&added[1].genre), taxonomy.family(&added[1].genre)), (None, Some(&added[1].genre)));
        assert_eq!(taxonomy.ancestors(&added[2].genre).count(), 0);
    }

    #[test]
    fn a_label_that_means_nothing_is_named() {
        let error = Taxonomy::builtin().unwrap().canonical_all(&["jazz", "Zeuhl"]).unwrap_err();
        assert_eq!(error, GenreError::UnknownLabel { label: "Zeuhl".into() });
    }
}
