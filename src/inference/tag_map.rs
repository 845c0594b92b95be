//! From a tagger's tags to genres: which tag speaks for which genre, written by hand in the model's manifest.
//!
//! A tagger says of each tag whether it applies, independently of the others: most tags are no genres, and several may be one
//! (`rock`, `classic rock`). The map is no classifier and was fitted to nothing.

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

    /// A share for each genre, summing to 1 unless no tag applies at all: a genre is as likely as the likeliest of its tags.
    ///
    /// Not their sum: the tags of a genre go together, and adding them up would favour the genre that has the most words.
    /// `tags` are probabilities in the order of `labels`.
    pub fn shares(&self, labels: &[String], tags: &[f32]) -> Vec<f32> {
        let probability = |tag: &String| {
            let at = labels.iter().position(|label| label == tag);
            at.and_then(|at| tags.get(at)).copied().unwrap_or(0.0)
        };
        let likeliest = |genre: &TaggedGenre| genre.tags.iter().map(probability).fold(0.0, f32::max);
        let likeliest: Vec<f32> = self.genres.iter().map(likeliest).collect();
        let sum: f32 = likeliest.iter().sum();
        likeliest.iter().map(|p| if sum > 0.0 { p / sum } else { 0.0 }).collect()
    }

    /// What is wrong with the map of a model with these labels, if anything.
    pub(super) fn fault(&self, labels: &[String]) -> Option<String> {
        let mapped = self.genres.iter().flat_map(|genre| &genre.tags);
        let mut known: Vec<&String> = Vec::with_capacity(labels.len());
        for tag in mapped.chain(&self.left_out) {
            if !labels.contains(tag) {
                return Some(format!("names `{tag}`, which is no label of the model"));
            }
            if known.contains(&tag) {
                return Some(format!("names `{tag}` twice"));
            }
            known.push(tag);
        }
        if let Some(tag) = labels.iter().find(|label| !known.contains(label)) {
            return Some(format!("must map `{tag}` or leave it out"));
        }
        if self.genres.len() < 2 || self.genres.iter().any(|genre| genre.tags.is_empty()) {
            return Some("must have two genres or more, each with a tag".into());
        }
        let twice = |(i, genre): (usize, &TaggedGenre)| self.genres[..i].iter().any(|other| other.name == genre.name);
        let twice = self.genres.iter().enumerate().find(|entry| twice(*entry));
        twice.map(|(_, genre)| format!("has the genre `{}` twice", genre.name))
    }
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
