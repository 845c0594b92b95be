//! From a tagger's tags to genres: which tag speaks for which genre, written by hand in the model's manifest.
//!
//! A tagger says of each tag whether it applies, independently of the others: most tags are no genres, and several may
//! be one (`rock`, `classic rock`). The map is no classifier and was fitted to nothing. It serves models as well whose
//! labels exclude each other, but are not the taxonomy's.
//!
//! A name that ends in `*` stands for all labels that begin so and that no longer name takes: `Electronic---*`, or `*`
//! for the rest.

use serde::Deserialize;

/// Which genre each tag speaks for: the table `[tag_map]` of a manifest.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagMap {
    /// Tags that speak for no genre: moods, decades, voices, instruments.
    pub left_out: Vec<String>,
    /// The genres that the model can say.
    pub genres: Vec<TaggedGenre>,
}

/// A genre and the tags that speak for it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaggedGenre {
    /// The genre, as the taxonomy names it.
    pub name: String,
    /// At least one of the model's labels.
    pub tags: Vec<String>,
}

impl TagMap {
    /// The genres' names, in order.
    pub fn names(&self) -> Vec<&str> {
        self.genres.iter().map(|genre| genre.name.as_str()).collect()
    }

    /// A share for each genre, summing to 1 unless no tag applies at all: a genre is as likely as the likeliest of its
    /// tags.
    ///
    /// Not their sum: the tags of a genre go together, and adding them up would favour the genre that has the most
    /// words. `tags` are probabilities in the order of `labels`.
    pub fn shares(&self, labels: &[String], tags: &[f32]) -> Vec<f32> {
        self.gathered(labels, tags, f32::max)
    }

    /// The same of probabilities of labels that exclude each other: those of a genre add up.
    pub fn sums(&self, labels: &[String], probabilities: &[f32]) -> Vec<f32> {
        self.gathered(labels, probabilities, |a, b| a + b)
    }

    fn gathered(&self, labels: &[String], values: &[f32], gather: impl Fn(f32, f32) -> f32) -> Vec<f32> {
        let mut gathered = vec![0.0; self.genres.len()];
        for (label, &value) in labels.iter().zip(values) {
            if let Some(Owner::Genre(genre)) = self.owner(label) {
                gathered[genre] = gather(gathered[genre], value);
            }
        }
        let sum: f32 = gathered.iter().sum();
        gathered.iter().map(|p| if sum > 0.0 { p / sum } else { 0.0 }).collect()
    }

    /// Who takes a label: the name that is it, or else the longest one that it begins like.
    fn owner(&self, label: &str) -> Option<Owner> {
        self.names_with_owners()
            .filter(|(name, _)| takes(name, label))
            .max_by_key(|(name, _)| if *name == label { usize::MAX } else { name.len() })
            .map(|(_, owner)| owner)
    }

    fn names_with_owners(&self) -> impl Iterator<Item = (&str, Owner)> {
        let genres = self.genres.iter().enumerate();
        let mapped = genres.flat_map(|(i, genre)| genre.tags.iter().map(move |tag| (tag.as_str(), Owner::Genre(i))));
        mapped.chain(self.left_out.iter().map(|tag| (tag.as_str(), Owner::Nobody)))
    }

    /// What is wrong with the map of a model with these labels, if anything.
    pub(super) fn fault(&self, labels: &[String]) -> Option<String> {
        let mut known: Vec<&str> = Vec::new();
        for (name, _) in self.names_with_owners() {
            if !labels.iter().any(|label| takes(name, label)) {
                return Some(format!("names `{name}`, which is no label of the model"));
            }
            if known.contains(&name) {
                return Some(format!("names `{name}` twice"));
            }
            known.push(name);
        }
        if let Some(label) = labels.iter().find(|label| self.owner(label).is_none()) {
            return Some(format!("must map `{label}` or leave it out"));
        }
        if self.genres.len() < 2 || self.genres.iter().any(|genre| genre.tags.is_empty()) {
            return Some("must have two genres or more, each with a tag".into());
        }
        let twice = |(i, genre): (usize, &TaggedGenre)| self.genres[..i].iter().any(|other| other.name == genre.name);
        let twice = self.genres.iter().enumerate().find(|entry| twice(*entry));
        twice.map(|(_, genre)| format!("has the genre `{}` twice", genre.name))
    }
}

/// Who takes a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The genre with this index.
    Genre(usize),
    /// It is left out.
    Nobody,
}

/// Whether a name of the map stands for a label.
fn takes(name: &str, label: &str) -> bool {
    name == label || name.strip_suffix('*').is_some_and(|beginning| label.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Vec<String> {
        ["rock", "happy", "jazz", "classic rock"].map(str::to_owned).to_vec()
    }

    fn map(text: &str) -> TagMap {
        toml::from_str(text).unwrap()
    }

    const GOOD: &str = "left_out = ['happy']\n[[genres]]\nname = 'Rock'\ntags = ['rock', 'classic rock']\n\
                        [[genres]]\nname = 'Jazz'\ntags = ['jazz']\n";

    #[test]
    fn a_genre_is_as_likely_as_the_likeliest_of_its_tags() {
        assert_eq!(map(GOOD).fault(&labels()), None);
        assert_eq!(map(GOOD).shares(&labels(), &[0.3, 0.9, 0.2, 0.6]), [0.75, 0.25]);
        assert_eq!(map(GOOD).shares(&labels(), &[0.0; 4]), [0.0, 0.0]);
    }

    #[test]
    fn a_star_stands_for_what_no_longer_name_takes() {
        let labels: Vec<String> =
            ["Rock---Indie", "Rock---Death Metal", "Rock---Death Industrial", "Jazz---Bop", "Speech"]
                .map(str::to_owned)
                .into();
        let map = map("left_out = ['*']\n[[genres]]\nname = 'Rock'\ntags = ['Rock---*']\n\
                       [[genres]]\nname = 'Metal'\ntags = ['Rock---Death*']\n\
                       [[genres]]\nname = 'Electronic'\ntags = ['Rock---Death Industrial']\n\
                       [[genres]]\nname = 'Jazz'\ntags = ['Jazz---*']\n");
        assert_eq!(map.fault(&labels), None);
        let owners: Vec<_> = labels.iter().map(|label| map.owner(label).unwrap()).collect();
        let expected = [0, 1, 2, 3].map(Owner::Genre).into_iter().chain([Owner::Nobody]).collect::<Vec<_>>();
        assert_eq!(owners, expected);
        assert_eq!(map.sums(&labels, &[0.25, 0.25, 0.0, 0.0, 0.5]), [0.5, 0.5, 0.0, 0.0]);
    }

    #[test]
    fn every_tag_is_mapped_once_or_left_out() {
        for (from, to, word) in [
            ("['happy']", "[]", "happy"),
            ("['happy']", "['happy', 'jazz']", "jazz"),
            ("['happy']", "['happy', 'sad']", "sad"),
            ("'Jazz'", "'Rock'", "Rock"),
            ("left_out = ['happy']\n", "left_out = ['happy', 'jazz']\n", "twice"),
            ("['rock', 'classic rock']", "['rock', 'rock']", "twice"),
        ] {
            assert!(GOOD.contains(from));
            let fault = map(&GOOD.replace(from, to)).fault(&labels()).unwrap();
            assert!(fault.contains(word), "{fault}");
        }
    }
}
