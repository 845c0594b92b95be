//! The owner's own names: what stands in choices and tags becomes a list of genres to learn. Spellings of one name are
//! one genre; a name that is too rare counts as the wider genre that the taxonomy knows it as, or is listed as too
//! rare.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use crate::genre::{Genre, Naming, Taxonomy};

/// What a genre has to have to be learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enough {
    /// Tracks.
    pub tracks: usize,
    /// Artists.
    pub artists: usize,
}

/// A genre that is learned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Class {
    /// As the owner writes it.
    pub name: String,
    /// What it is in the vote.
    pub genre: Genre,
    /// What it is a kind of there, besides what the taxonomy says.
    #[serde(skip)]
    pub parent: Option<Genre>,
    /// What the taxonomy knows its name as: the genre itself, or a wider one.
    #[serde(skip)]
    pub known_as: Option<Genre>,
    /// Whether that is a wider one, or the same one in another word.
    #[serde(skip)]
    pub is_alias: bool,
    /// Whether no other voter has a word for it.
    pub is_own: bool,
    /// Whether it is a kind of nothing in the vote, whatever the taxonomy says.
    #[serde(skip)]
    pub is_detached: bool,
    /// Tracks that carry it.
    pub tracks: usize,
    /// Artists of these.
    pub artists: usize,
}

impl Class {
    /// A class whose place in the vote was not found yet. None where no tag could hold its name.
    pub(super) fn new(
        name: String,
        known_as: Option<Genre>,
        is_alias: bool,
        (tracks, artists): (usize, usize),
    ) -> Option<Self> {
        let genre = Genre::new(&name).ok().or_else(|| known_as.clone())?;
        let (parent, is_own, is_detached) = (None, known_as.is_none(), false);
        Some(Self { name, genre, parent, known_as, is_alias, is_own, is_detached, tracks, artists })
    }

    /// A genre of other voters that the owner has no name for.
    pub(super) fn passed_on(genre: Genre) -> Option<Self> {
        Self::new(genre.to_string(), Some(genre), false, (0, 0)).map(|class| Self { is_own: false, ..class })
    }
}

/// A name that is not learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rare {
    /// As the owner writes it.
    pub name: String,
    /// Tracks that carry it.
    pub tracks: usize,
    /// Artists of these.
    pub artists: usize,
}

/// What a name turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A class, by its index.
    Class(usize),
    /// Some music that is none of the classes, and what the taxonomy knows it as.
    Other(Option<Genre>),
    /// Nothing that could be said without saying something wrong: a wide word whose kinds are classes.
    Unclear,
}

/// Names as they turn up.
pub(super) struct Names<'a> {
    taxonomy: &'a Taxonomy,
    naming: &'a Naming,
    numbers: HashMap<String, usize>,
    known: Vec<Known>,
}

struct Known {
    /// The genre of the taxonomy that this is the name of.
    ours: Option<Genre>,
    spellings: BTreeMap<String, usize>,
}

impl<'a> Names<'a> {
    pub(super) fn new(taxonomy: &'a Taxonomy, naming: &'a Naming) -> Self {
        Self { taxonomy, naming, numbers: HashMap::new(), known: Vec::new() }
    }

    /// The names in some values, each by its number, without repetitions.
    pub(super) fn read(&mut self, values: &[String]) -> Vec<usize> {
        let mut found = Vec::new();
        for value in values {
            for word in words(value, self.taxonomy) {
                let number = self.number(&word);
                found.extend(number.filter(|number| !found.contains(number)));
            }
        }
        found
    }

    fn number(&mut self, word: &str) -> Option<usize> {
        let ours = self.naming.meaning(word).cloned();
        let key = match &ours {
            Some(genre) => format!("={genre}"),
            None => Taxonomy::folded(word),
        };
        if key.is_empty() || Genre::new(word).is_err() {
            return None;
        }
        let number = *self.numbers.entry(key).or_insert_with(|| {
            self.known.push(Known { ours, spellings: BTreeMap::new() });
            self.known.len() - 1
        });
        *self.known[number].spellings.entry(word.to_owned()).or_default() += 1;
        Some(number)
    }

    /// What each name is, the classes, and what is too rare; given the names and the artist of each track.
    pub(super) fn settle(
        mut self,
        tracks: &[(Vec<usize>, usize)],
        enough: Enough,
    ) -> (Vec<Meaning>, Vec<Class>, Vec<Rare>) {
        let mut stands_for: Vec<usize> = (0..self.known.len()).collect();
        let first = self.counts(tracks, &stands_for);
        let is_enough = |(tracks, artists): &(usize, usize)| *tracks >= enough.tracks && *artists >= enough.artists;
        for number in 0..first.len() {
            if is_enough(&first[number]) {
                continue;
            }
            // A rare word is one of what the taxonomy knows it as: of the genre itself, else of a wider one that the
            // owner uses.
            let wide = match &self.known[number].ours {
                Some(genre) => self.taxonomy.ancestors(genre).cloned().collect::<Vec<_>>(),
                None => {
                    let genre = self.taxonomy.canonical(self.spelling(number)).cloned();
                    genre
                        .into_iter()
                        .flat_map(|g| [vec![g.clone()], self.taxonomy.ancestors(&g).cloned().collect()].concat())
                        .collect()
                }
            };
            let used = wide.iter().find_map(|genre| self.numbers.get(&format!("={genre}")));
            match (used, wide.first(), &self.known[number].ours) {
                (Some(&used), ..) => stands_for[number] = used,
                // Several rare words may be one genre together.
                (None, Some(genre), None) => {
                    let genre = genre.clone();
                    self.numbers.insert(format!("={genre}"), self.known.len());
                    stands_for[number] = self.known.len();
                    stands_for.push(self.known.len());
                    let spellings = BTreeMap::from([(genre.to_string(), 0)]);
                    self.known.push(Known { ours: Some(genre), spellings });
                }
                _ => {}
            }
        }
        let counts = self.counts(tracks, &stands_for);
        let kept: Vec<usize> = (0..counts.len()).filter(|&n| stands_for[n] == n && is_enough(&counts[n])).collect();
        let classes: Vec<Class> = kept.iter().filter_map(|&number| self.class(number, counts[number])).collect();
        let index = |number: usize| kept.iter().position(|&kept| kept == stands_for[number]);
        let meaning = |number: usize| match (index(number), &self.known[stands_for[number]].ours) {
            (Some(class), _) => Meaning::Class(class),
            (None, Some(genre)) => {
                let is_wider = |class: &Class| {
                    class.known_as.as_ref().is_some_and(|g| self.taxonomy.ancestors(g).any(|a| a == genre))
                };
                if classes.iter().any(is_wider) { Meaning::Unclear } else { Meaning::Other(Some(genre.clone())) }
            }
            (None, None) => Meaning::Other(self.taxonomy.canonical(self.spelling(number)).cloned()),
        };
        let meanings = (0..self.known.len()).map(meaning).collect();
        let is_rare = |&n: &usize| first.get(n).is_some_and(|(tracks, _)| *tracks > 0) && index(n).is_none();
        let mut rare: Vec<Rare> = (0..self.known.len())
            .filter(is_rare)
            .map(|n| Rare { name: self.spelling(n).to_owned(), tracks: first[n].0, artists: first[n].1 })
            .collect();
        rare.sort_by(|a, b| b.tracks.cmp(&a.tracks).then_with(|| a.name.cmp(&b.name)));
        (meanings, classes, rare)
    }

    /// The commonest spelling.
    fn spelling(&self, number: usize) -> &str {
        let spellings = self.known[number].spellings.iter();
        spellings.max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.cmp(a.0))).map_or("", |(spelling, _)| spelling)
    }

    fn class(&self, number: usize, counts: (usize, usize)) -> Option<Class> {
        let name = self.spelling(number).to_owned();
        match &self.known[number].ours {
            Some(genre) => Class::new(name, Some(genre.clone()), false, counts),
            None => {
                let known_as = self.taxonomy.canonical(&name).cloned();
                let is_alias = known_as.is_some();
                Class::new(name, known_as, is_alias, counts)
            }
        }
    }

    fn counts(&self, tracks: &[(Vec<usize>, usize)], stands_for: &[usize]) -> Vec<(usize, usize)> {
        let mut counts = vec![(0, BTreeSet::new()); self.known.len()];
        for (names, artist) in tracks {
            let names: BTreeSet<usize> = names.iter().map(|&name| stands_for[name]).collect();
            for name in names {
                counts[name].0 += 1;
                counts[name].1.insert(*artist);
            }
        }
        counts.into_iter().map(|(tracks, artists)| (tracks, artists.len())).collect()
    }
}

/// The words of a value: one where the taxonomy knows the whole, else what separators part.
fn words(value: &str, taxonomy: &Taxonomy) -> Vec<String> {
    let mut words = Vec::new();
    for text in value.split([';', '\0']).map(str::trim).filter(|text| !text.is_empty()) {
        match taxonomy.canonical_whole(text) {
            Some(_) if Genre::new(text).is_ok() => words.push(text.to_owned()),
            // `Pop/Rock` is one genre, in a spelling that a player would split.
            Some(genre) => words.push(genre.to_string()),
            None => {
                let parts = text.split(['|', '\\', '/', ',']).map(str::trim).filter(|part| !part.is_empty());
                words.extend(parts.map(str::to_owned));
            }
        }
    }
    words
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::genre::Casing;

    fn settled(tracks: &[(&str, usize)], enough: Enough) -> (Vec<Class>, Vec<Rare>, Vec<Vec<Meaning>>) {
        let taxonomy = Taxonomy::builtin().unwrap();
        let names = BTreeMap::from([("Soul-RnB".to_owned(), "Black Music".to_owned())]);
        let naming = Naming::new(taxonomy.clone(), &names, &[], Casing::AsIs).unwrap();
        let mut names = Names::new(&taxonomy, &naming);
        let read: Vec<(Vec<usize>, usize)> =
            tracks.iter().map(|(values, artist)| (names.read(&[(*values).to_owned()]), *artist)).collect();
        let (meanings, classes, rare) = names.settle(&read, enough);
        let of = |(names, _): &(Vec<usize>, usize)| names.iter().map(|&name| meanings[name].clone()).collect();
        (classes, rare, read.iter().map(of).collect())
    }

    const TWO: Enough = Enough { tracks: 2, artists: 2 };

    #[test]
    fn spellings_of_one_name_are_one_genre_by_the_owner_s_commonest_word() {
        let tracks = [
            ("Hip Hop", 1),
            ("hip-hop", 2),
            ("HipHop", 3),
            ("schlager", 1),
            ("Schlager", 2),
            ("Schlager", 3),
            ("black music", 4),
            ("Soul-RnB", 5),
        ];
        let (classes, rare, _) = settled(&tracks, TWO);
        let found: Vec<_> = classes
            .iter()
            .map(|c| (c.name.as_str(), c.known_as.as_ref().map(Genre::as_str), c.is_alias, c.tracks))
            .collect();
        assert_eq!((found[0].1, found[0].3), (Some("Hip-Hop"), 3));
        assert_eq!(found[1], ("Schlager", Some("Pop"), true, 3));
        assert_eq!((found[2].1, found[2].3), (Some("Soul-RnB"), 2), "the configured name and the taxonomy's are one");
        assert!(rare.is_empty());
    }

    #[test]
    fn what_has_too_few_tracks_or_artists_is_listed_and_counts_as_the_wider_genre_that_is_known() {
        let tracks = [
            ("Electronic", 1),
            ("Electronic", 2),
            ("Techno", 3),
            ("Zeuhl", 1),
            ("Skweee", 1),
            ("Skweee", 1),
            ("Jazz; Zeuhl", 2),
            ("Jazz", 3),
        ];
        let (classes, rare, meanings) = settled(&tracks, Enough { tracks: 2, artists: 2 });
        let names: Vec<_> = classes.iter().map(|class| (class.name.as_str(), class.tracks)).collect();
        assert_eq!(names, [("Electronic", 3), ("Zeuhl", 2), ("Jazz", 2)]);
        assert_eq!(rare, [Rare { name: "Skweee".into(), tracks: 2, artists: 1 }]);
        assert_eq!(meanings[2], [Meaning::Class(0)]);
        assert_eq!(meanings[4], [Meaning::Other(None)]);
        assert_eq!(meanings[6], [Meaning::Class(2), Meaning::Class(1)]);
    }

    #[test]
    fn a_rare_wide_word_is_no_counterexample_to_its_kinds() {
        let (_, rare, meanings) = settled(&[("Rock", 1), ("Rock", 2), ("Pop Rock", 3)], TWO);
        assert_eq!((rare.len(), &meanings[2][0]), (1, &Meaning::Unclear));
    }
}
