//! What a group is like: the genres and the moods by which it differs most from the whole library, and a name made of
//! them.
//!
//! A library of rock has rock in every group; the plain majority would call all of them that. So a genre or mood counts
//! by its share in the group times the logarithm of its lift: how many times as large that is as its share of the
//! library (its part of the Kullback-Leibler divergence between the two). Shares are those of the vote, so that an
//! uncertain track counts for all that it may be.

use crate::descriptors::QUADRANTS;
use crate::genre::{Genre, Taxonomy};

/// A genre or mood is worth a word in a group where its lift is at least this and its share at least that.
const LIFT: f64 = 1.15;
const SHARE: f64 = 0.08;
/// A further genre belongs to the name if it counts this much beside the first.
const BESIDE: f64 = 0.35;
/// Genres in a name.
const NAMED: usize = 2;
/// Genres and moods that are listed.
const LISTED: usize = 4;

/// A genre or a mood of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Trait {
    /// Which.
    pub name: String,
    /// Its share in the group, 0 to 1: the mean of what the models say of its tracks.
    pub share: f64,
    /// How many times as large that is as its share in the whole library.
    pub lift: f64,
}

/// A group of recordings.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// What it is called, other than every other group: "Jazz, Blues; calm".
    pub name: String,
    /// By which genres it differs most from the library, the first most.
    pub genres: Vec<Trait>,
    /// The same of moods.
    pub moods: Vec<Trait>,
    /// How many recordings there are in it.
    pub recordings: usize,
}

/// Sums of shares: genres, then moods.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shares {
    pub(super) sums: Vec<f64>,
    pub(super) recordings: usize,
}

impl Shares {
    pub(super) fn none(length: usize) -> Self {
        Self { sums: vec![0.0; length], recordings: 0 }
    }

    /// Adds a recording, by the roots of its shares.
    pub(super) fn count(&mut self, roots: &[f32], genres: usize) {
        self.recordings += 1;
        let (genre_roots, mood_roots) = roots.split_at(genres.min(roots.len()));
        let (genre_sums, mood_sums) = self.sums.split_at_mut(genres.min(roots.len()));
        for (sums, roots) in [(genre_sums, genre_roots), (mood_sums, mood_roots)] {
            // They come to 1 but for the rounding to bytes.
            let all: f32 = roots.iter().map(|root| root * root).sum::<f32>().max(f32::MIN_POSITIVE);
            sums.iter_mut().zip(roots).for_each(|(sum, root)| *sum += f64::from(root * root / all));
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, more)| *sum += more);
        self.recordings += other.recordings;
    }

    fn mean(&self, at: usize) -> f64 {
        self.sums[at] / self.recordings.max(1) as f64
    }
}

/// What the groups are like, by the shares in each.
pub(super) fn portraits(groups: &[Shares], genres: &[Genre], taxonomy: &Taxonomy) -> Vec<Cluster> {
    let mut library = Shares::none(groups.first().map_or(0, |group| group.sums.len()));
    groups.iter().for_each(|group| library.add(group));
    let moods = QUADRANTS.iter().map(|mood| mood.to_string());
    let words: Vec<String> = genres.iter().map(|genre| genre.to_string()).chain(moods).collect();
    let mut clusters: Vec<Cluster> = Vec::new();
    for group in groups {
        let traits = |places: std::ops::Range<usize>| {
            let of = |at: usize| {
                let (share, whole) = (group.mean(at), library.mean(at));
                Trait { name: words[at].clone(), share, lift: if whole > 0.0 { share / whole } else { 1.0 } }
            };
            let mut traits: Vec<Trait> = places.map(of).filter(|of| of.lift >= LIFT && of.share >= SHARE).collect();
            traits.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then_with(|| a.name.cmp(&b.name)));
            traits.truncate(LISTED);
            traits
        };
        let (moods, genres) = (traits(genres.len()..group.sums.len()), traits(0..genres.len()));
        let name = unlike(&clusters, name(&genres, &moods, taxonomy));
        clusters.push(Cluster { name, genres, moods, recordings: group.recordings });
    }
    clusters
}

/// How much a trait counts.
fn weight(of: &Trait) -> f64 {
    of.share * of.lift.ln()
}

fn name(genres: &[Trait], moods: &[Trait], taxonomy: &Taxonomy) -> String {
    let mut named: Vec<&Trait> = Vec::new();
    let most = genres.first().map_or(0.0, weight);
    for genre in genres.iter().filter(|genre| weight(genre) >= BESIDE * most) {
        // A genre and one of its kinds say one thing.
        let is_said = |known: &&Trait| {
            taxonomy.is_kind_of(&known.name, &genre.name) || taxonomy.is_kind_of(&genre.name, &known.name)
        };
        if named.len() < NAMED && !named.iter().any(is_said) {
            named.push(genre);
        }
    }
    let genres: Vec<&str> = named.iter().map(|genre| genre.name.as_str()).collect();
    let words: Vec<String> = [genres.join(", "), moods.first().map_or_else(String::new, |mood| mood.name.clone())]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() { "of everything".to_owned() } else { words.join("; ") }
}

/// The name, with a number where another group has it.
fn unlike(clusters: &[Cluster], name: String) -> String {
    let is_free = |name: &String| clusters.iter().all(|cluster| cluster.name != *name);
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    /// Groups of a library in which rock is everywhere.
    fn groups(shares: &[[f32; 6]]) -> Vec<Shares> {
        let group = |shares: &[f32; 6]| {
            let mut group = Shares::none(6);
            let roots: Vec<f32> = shares.iter().map(|share| share.sqrt()).collect();
            (0..10).for_each(|_| group.count(&roots, 2));
            group
        };
        shares.iter().map(group).collect()
    }

    #[test]
    fn a_group_is_called_by_what_sets_it_apart_and_not_by_what_all_are() {
        let genres = [Genre::new("Pop Rock").unwrap(), Genre::new("Jazz").unwrap()];
        let taxonomy = Taxonomy::builtin().unwrap();
        let groups = groups(&[
            [0.6, 0.4, 0.1, 0.1, 0.3, 0.5],
            [0.98, 0.02, 0.4, 0.4, 0.1, 0.1],
            [0.97, 0.03, 0.25, 0.25, 0.2, 0.3],
            [0.97, 0.03, 0.25, 0.25, 0.2, 0.3],
        ]);
        let clusters = portraits(&groups, &genres, &taxonomy);
        let names: Vec<&str> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        assert_eq!(names, ["Jazz; calm", "happy", "of everything", "of everything (2)"]);
        let jazz = &clusters[0].genres[0];
        assert!((jazz.share - 0.4).abs() < 1e-6 && (jazz.lift - 0.4 / 0.12).abs() < 1e-4, "{jazz:?}");
        assert_eq!(portraits(&[], &genres, &taxonomy), []);
    }
}
