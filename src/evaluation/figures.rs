//! All figures of an evaluation side by side: what the report, the JSON and the picture are made from. How each is
//! computed is `metrics`' and `bootstrap`'s.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::bootstrap::{self, Interval};
use super::collection::{Clip, Collection};
use super::judge::{Judge, Judged};
use super::metrics::{self, AtThreshold, Bin, Confusion, GenreFigures};
use crate::genre::{Genre, Taxonomy};

/// Every figure of the vote on clips of known genre.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Clips that count.
    pub clips: usize,
    /// Artists or albums that they are by.
    pub groups: usize,
    /// The share of clips whose first genre is right.
    pub top1: f64,
    /// Its 95 % interval, by groups; none where there is but one.
    pub top1_interval: Option<Interval>,
    /// What always naming one genre would reach.
    pub majority: Majority,
    /// The mean F1 of the genres that occur.
    pub macro_f1: f64,
    /// The genres that occur.
    pub genres_that_occur: usize,
    /// The mean F1 of those that the models can say.
    pub macro_f1_sayable: Option<f64>,
    /// Of the genres that occur, those that the models can say.
    pub genres_sayable: usize,
    /// The expected calibration error, over `reliability`.
    pub ece: f64,
    /// Ten bins of equal width.
    pub reliability: Vec<Bin>,
    /// Precision and coverage from 0.5 to 0.95.
    pub thresholds: Vec<AtThreshold>,
    /// Precision and coverage at the threshold of the configuration.
    pub at_configured: AtThreshold,
    /// Genre by genre.
    pub genres: Vec<GenreFigures>,
    /// What was named for what.
    pub confusion: Confusion,
    /// Labels that the models cannot say, and the wider genre that each is counted as.
    pub counted_as: BTreeMap<Genre, Genre>,
    /// Labels that the models can say in no way: always wrong.
    pub unsayable: BTreeSet<Genre>,
}

/// The best constant answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Majority {
    /// The genre.
    pub genre: Genre,
    /// The share of clips that it is right for.
    pub top1: f64,
}

/// What one model alone would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemberFigures {
    /// The model.
    pub model: String,
    /// Its weight in the vote.
    pub weight: f32,
    /// The share of clips whose first genre, by this model, is right.
    pub top1: f64,
    /// Its 95 % interval.
    pub top1_interval: Option<Interval>,
    /// The mean F1 of the genres that occur, counted as for the vote.
    pub macro_f1: f64,
}

impl Figures {
    /// The figures of a collection; `threshold` is the configuration's. None where no file counts.
    pub fn of(collection: &Collection, taxonomy: &Taxonomy, threshold: f32) -> Option<Self> {
        let judge = collection.judge(taxonomy);
        let judged = collection.judge_vote(&judge);
        let labels = collection.clips().iter().map(|clip| clip.labels.as_slice());
        let (genre, share) = judge.majority(labels)?;
        let genres = metrics::by_genre(&judged);
        let reliability = metrics::reliability(&judged);
        let (counted_as, unsayable) = uncommon_labels(collection.clips(), &judge);
        Some(Self {
            clips: judged.len(),
            groups: judged.iter().map(|clip| clip.group).collect::<BTreeSet<_>>().len(),
            top1: metrics::top1(&judged)?,
            top1_interval: interval(&judged),
            majority: Majority { genre, top1: share },
            macro_f1: metrics::macro_f1(&genres, |_| true)?,
            genres_that_occur: genres.iter().filter(|g| g.clips > 0).count(),
            macro_f1_sayable: metrics::macro_f1(&genres, |genre| judge.can_say(genre)),
            genres_sayable: genres.iter().filter(|g| g.clips > 0 && judge.can_say(&g.genre)).count(),
            ece: metrics::expected_calibration_error(&reliability)?,
            reliability,
            thresholds: metrics::THRESHOLDS.map(|t| metrics::at_threshold(&judged, t)).to_vec(),
            at_configured: metrics::at_threshold(&judged, threshold),
            genres,
            confusion: metrics::confusion(&judged),
            counted_as,
            unsayable,
        })
    }
}

impl MemberFigures {
    /// The figures of each model of a collection, in the order of the configuration.
    pub fn of_all(collection: &Collection, taxonomy: &Taxonomy) -> Vec<Self> {
        let judge = collection.judge(taxonomy);
        let members = collection.members().iter().enumerate();
        members
            .filter_map(|(i, member)| {
                let judged = collection.judge_member(&judge, i);
                let (model, weight) = (member.model.clone(), member.weight);
                let macro_f1 = metrics::macro_f1(&metrics::by_genre(&judged), |_| true)?;
                Some(Self { model, weight, top1: metrics::top1(&judged)?, top1_interval: interval(&judged), macro_f1 })
            })
            .collect()
    }
}

fn interval(judged: &[Judged]) -> Option<Interval> {
    let clips = judged.iter().map(|clip| (clip.group, clip.is_right()));
    bootstrap::interval(clips, bootstrap::DRAWS, bootstrap::SEED)
}

/// The labels that are counted as another genre, and those that nobody can say.
fn uncommon_labels(clips: &[Clip], judge: &Judge<'_>) -> (BTreeMap<Genre, Genre>, BTreeSet<Genre>) {
    let labels: BTreeSet<&Genre> = clips.iter().flat_map(|clip| &clip.labels).collect();
    let (mut counted_as, mut unsayable) = (BTreeMap::new(), BTreeSet::new());
    for label in labels.into_iter().filter(|label| !judge.can_say(label)) {
        match judge.counted_as(label) {
            same if same == label => {
                unsayable.insert(label.clone());
            }
            wider => {
                counted_as.insert(label.clone(), wider.clone());
            }
        }
    }
    (counted_as, unsayable)
}
