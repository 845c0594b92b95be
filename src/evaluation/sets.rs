//! The figures of each collection that a list is put together from: a vote may be right about the one and wrong about
//! the other, and the worst of them is what a library may get. A mean over all of them is `figures`'.

use std::collections::BTreeMap;

use serde::Serialize;

use super::collection::Collection;
use super::judge::Judged;
use super::metrics::{self, AtThreshold};
use crate::genre::Taxonomy;

/// Some figures of the vote on the files of one collection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetFigures {
    /// What the list calls it.
    pub set: String,
    /// Its files that count.
    pub clips: usize,
    /// The share of them whose first genre is right.
    pub top1: f64,
    /// Precision and coverage at the threshold of the configuration.
    pub at_configured: AtThreshold,
    /// The expected calibration error.
    pub ece: f64,
}

impl SetFigures {
    /// The figures of each collection that the list names, the worst first: the one where the least of what would be
    /// written is right, and last those of which nothing would be. Nothing where the list tells no two collections
    /// apart.
    pub fn of_all(collection: &Collection, taxonomy: &Taxonomy, threshold: f32) -> Vec<Self> {
        let judged = collection.judge_vote(&collection.judge(taxonomy));
        let mut sets: BTreeMap<&str, Vec<Judged>> = BTreeMap::new();
        for (clip, judged) in collection.clips().iter().zip(judged) {
            sets.entry(&clip.set).or_default().push(judged);
        }
        if sets.len() < 2 {
            return Vec::new();
        }
        let figures = sets.into_iter().filter_map(|(set, judged)| {
            let ece = metrics::expected_calibration_error(&metrics::reliability(&judged))?;
            let at_configured = metrics::at_threshold(&judged, threshold);
            Some(Self { set: set.to_owned(), clips: judged.len(), top1: metrics::top1(&judged)?, at_configured, ece })
        });
        let mut figures: Vec<Self> = figures.collect();
        let right = |of: &Self| of.at_configured.precision.unwrap_or(f64::INFINITY);
        figures.sort_by(|a, b| right(a).total_cmp(&right(b)).then_with(|| a.set.cmp(&b.set)));
        figures
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::super::{Finding, Heard};
    use super::*;
    use crate::genre::{Genre, Verdict};

    /// Files of a set: what each is known to be, and how sure the vote is that it is Jazz.
    fn with(collection: &mut Collection, set: &str, clips: &[(&str, f32)]) {
        for (label, confidence) in clips {
            let genre = |name: &str| Genre::new(name).unwrap();
            let verdict = Verdict::new(vec![(genre("Jazz"), *confidence), (genre("Blues"), 1.0 - confidence)], 0.7);
            let heard = Heard { labels: vec![genre(label)], verdict, members: Vec::new() };
            let index = collection.clips().len();
            let (path, group) = (format!("{index}").into(), format!("{index}"));
            let set = set.to_owned();
            collection.add(Finding { index, path, group, set, unknown: Vec::new(), outcome: Ok(heard) });
        }
    }

    #[test]
    fn the_collection_where_most_of_what_is_written_is_wrong_comes_first() {
        let mut collection = Collection::default();
        with(&mut collection, "modest", &[("Blues", 0.6), ("Jazz", 0.6)]);
        with(&mut collection, "good", &[("Jazz", 0.9), ("Jazz", 0.8), ("Blues", 0.6)]);
        let of = |collection: &Collection| SetFigures::of_all(collection, &Taxonomy::builtin().unwrap(), 0.7);
        with(&mut collection, "bad", &[("Blues", 0.9), ("Jazz", 0.8)]);
        let figures = of(&collection);
        let names: Vec<(&str, usize)> = figures.iter().map(|of| (of.set.as_str(), of.clips)).collect();
        assert_eq!(names, [("bad", 2), ("good", 3), ("modest", 2)]);
        assert_eq!((figures[0].top1, figures[0].at_configured.precision), (0.5, Some(0.5)));
        assert_eq!((figures[1].at_configured.precision, figures[2].at_configured.precision), (Some(1.0), None));
        assert!((figures[1].at_configured.coverage.unwrap() - 2.0 / 3.0).abs() < 1e-9);
        assert!(
            (figures[0].ece - (0.9 + 0.2) / 2.0).abs() < 1e-6,
            "0.9 of one that is wrong, 0.8 of one that is right"
        );

        let mut one = Collection::default();
        with(&mut one, "", &[("Jazz", 0.9)]);
        assert_eq!(of(&one), [], "a list that tells no collections apart has no such figures");
    }
}
