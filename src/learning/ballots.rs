//! The vote with what was learned in it, on tracks that it had not heard: how much it should weigh, how sure the vote may then be, and
//! what each of the two votes makes of every track, in the owner's names.

use std::collections::{BTreeMap, HashMap};

use ndarray::{Array2, ArrayView1};

use super::examples::{Examples, Source};
use super::folds::FOLDS;
use super::logistic;
use super::names::Class;
use crate::genre::{
    self, Ballot, Calibration, Genre, GenreError, KindFit, Kinds, KindsPolicy, OwnGenre, Ranking, Rules, Tally,
    Taxonomy,
};
use crate::pipeline::StoredAnswers;

/// Weights that are tried, relative to that of all others together. The last one leaves the others hardly a word but on what it does not
/// know.
const WEIGHTS: [f32; 7] = [0.25, 0.5, 1.0, 2.0, 4.0, 9.0, 30.0];
/// The probability from which a kind is named in place of its family.
const TELL: f32 = 0.7;
/// The fit of a kind that is not named.
const UNTOLD: KindFit = KindFit { bias: -20.0, share: 0.0 };
/// No probability counts as less where its logarithm is taken.
const LEAST: f64 = 1e-3;
/// More tracks than this say no more about a weight.
const MOST: usize = 4_000;

/// What one vote made of a track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// The class that it names first; none where what it says is no class.
    pub class: Option<usize>,
    /// How sure it is of what it would write.
    pub confidence: f32,
    /// Whether what it would write is right: one of the track's genres, or a wider word for one.
    pub is_right: bool,
}

/// What was found of tracks that the owner named.
pub(super) struct Comparison {
    /// Those that could be compared: places among the examples.
    pub(super) at: Vec<usize>,
    /// What the vote without it says of each.
    pub(super) before: Vec<Answer>,
    /// The vote with it.
    pub(super) after: Vec<Answer>,
    /// What to vote by.
    pub(super) fitted: Fitted,
}

/// How the vote with it is counted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fitted {
    pub(super) weight: f32,
    pub(super) calibration: Calibration,
    pub(super) kinds: BTreeMap<Genre, KindFit>,
}

/// What votes, besides what was remembered.
pub(super) struct Vote<'a> {
    pub(super) stored: &'a StoredAnswers,
    pub(super) classes: &'a [Class],
    pub(super) has_other: bool,
    taxonomy: Taxonomy,
    genres: Vec<Genre>,
    /// Which class each genre that turned up is.
    known: std::cell::RefCell<HashMap<Genre, Option<usize>>>,
}

impl<'a> Vote<'a> {
    pub(super) fn new(stored: &'a StoredAnswers, classes: &'a [Class], has_other: bool) -> Self {
        let genres: Vec<Genre> = classes.iter().map(|class| class.genre.clone()).collect();
        let taxonomy = stored.taxonomy().clone().with_own(&own_genres(classes));
        Self { stored, classes, has_other, taxonomy, genres, known: Default::default() }
    }

    /// The class that a genre of the vote is: the same one; else, of those that are kinds of it, the commonest, for that is the best
    /// guess of who knows no better; else the nearest that it is a kind of.
    fn class_of(&self, genre: &Genre) -> Option<usize> {
        if let Some(known) = self.known.borrow().get(genre) {
            return *known;
        }
        let taxonomy = self.stored.taxonomy();
        let same = self.genres.iter().position(|class| class == genre);
        let kinds = || {
            let under = |&i: &usize| is_kind_of(&self.classes[i], genre, taxonomy);
            (0..self.genres.len()).filter(under).max_by_key(|&i| (self.classes[i].tracks, std::cmp::Reverse(i)))
        };
        let wider = || taxonomy.ancestors(genre).find_map(|wide| self.genres.iter().position(|class| class == wide));
        let class = same.or_else(kinds).or_else(wider);
        self.known.borrow_mut().insert(genre.clone(), class);
        class
    }

    fn is_right(&self, genre: &Genre, target: &[u16]) -> bool {
        let of = |&label: &u16| self.classes.get(usize::from(label));
        let is = |class: &Class| class.genre == *genre || is_kind_of(class, genre, self.stored.taxonomy());
        target.iter().filter_map(of).any(is)
    }

    /// The ballot of what was learned.
    pub(super) fn ballot(&self, said: ArrayView1<'_, f32>, weight: f32) -> Result<Ballot, GenreError> {
        let shares: Vec<f32> = said.iter().take(self.genres.len()).copied().collect();
        if self.has_other {
            Ballot::open(&self.genres, &shares, weight)
        } else {
            Ballot::new(&self.genres, &[shares], weight)
        }
    }

    fn tally(&self, ballots: &[Ballot], rules: &Rules) -> Tally {
        genre::vote(ballots, &self.taxonomy, rules)
    }

    /// The probability from which a kind is named: the owner's kinds from one that was fitted to them; without any, as before.
    pub(super) fn tell(&self) -> f32 {
        if self.kinds().next().is_some() { TELL } else { self.stored.rules().kinds.tell }
    }

    /// Those of the owner's genres that are kinds of what others say.
    fn kinds(&self) -> impl Iterator<Item = &Genre> {
        let words = self.stored.words();
        let is_kind = move |genre: &&Genre| {
            self.taxonomy.ancestors(genre).any(|wide| words.iter().any(|words| words.contains(wide)))
        };
        self.genres.iter().filter(is_kind)
    }

    /// What was known of kinds. Whoever has a name for a family and none for its kinds is not told of them.
    fn fits_left(&self) -> BTreeMap<Genre, KindFit> {
        let mut fits = self.stored.rules().kinds.fits.clone();
        let is_left_whole = |kind: &Genre| {
            let is_class = |genre: &Genre| self.genres.contains(genre);
            !is_class(kind) && self.taxonomy.ancestors(kind).any(is_class)
        };
        fits.iter_mut().filter(|(kind, _)| is_left_whole(kind)).for_each(|(_, fit)| *fit = UNTOLD);
        fits
    }

    /// By what it is counted, once something was fitted.
    fn rules(&self, fitted: &Fitted, policy: KindsPolicy) -> Rules {
        let base = self.stored.rules();
        let kinds = Kinds { policy, tell: self.tell(), fits: fitted.kinds.clone() };
        Rules { temperature: base.temperature, calibration: Some(fitted.calibration), kinds }
    }

    /// Compares both votes on tracks that the owner named, of the labels that `said` has for each: what a model said that had not heard
    /// their artists. What is reported of a fold's tracks was fitted on the other folds'.
    pub(super) fn compare(
        &self,
        examples: &Examples,
        said: &Array2<f32>,
        folds: &[u8],
        policy: KindsPolicy,
    ) -> Result<Comparison, GenreError> {
        let is_named = |i: &usize| examples.list[*i].source != Source::Background;
        let known = (0..examples.list.len()).filter(is_named).filter(|&i| examples.list[i].shares.is_some());
        let known: Vec<usize> =
            known.filter(|&i| examples.targets[i].iter().any(|&l| usize::from(l) < self.genres.len())).collect();
        let stride = known.len().div_ceil(MOST).max(1);
        let at: Vec<usize> = known.into_iter().step_by(stride).collect();
        let others = self.stored.weight();
        let base: Vec<Vec<Ballot>> = at
            .iter()
            .map(|&i| self.stored.ballots(examples.list[i].shares.as_deref().unwrap_or_default()))
            .collect::<Result<_, _>>()?;
        let before = at.iter().zip(&base).map(|(&i, ballots)| self.before(ballots, &examples.targets[i])).collect();
        let mut sights = Vec::with_capacity(WEIGHTS.len());
        for weight in WEIGHTS {
            let of = |(&i, base): (&usize, &Vec<Ballot>)| {
                let mut ballots = base.clone();
                ballots.push(self.ballot(said.row(i), weight * others)?);
                Ok(self.sight(&ballots, &examples.targets[i]))
            };
            sights.push(at.iter().zip(&base).map(of).collect::<Result<Vec<Sight>, GenreError>>()?);
        }
        let base_fits = self.fits_left();
        let fit = |counts: &dyn Fn(usize) -> bool| fit(&sights, counts, &self.genres, &base_fits);
        let fitted = fit(&|_| true);
        let by_fold: Vec<Fitted> = (0..FOLDS as u8).map(|fold| fit(&|n| folds[at[n]] != fold)).collect();
        let mut after = Vec::with_capacity(at.len());
        for (&i, base) in at.iter().zip(&base) {
            let fitted = &by_fold[usize::from(folds[i])];
            let mut ballots = base.clone();
            ballots.push(self.ballot(said.row(i), fitted.weight * others)?);
            after.push(self.answer(&ballots, &examples.targets[i], &|policy| self.rules(fitted, policy), policy));
        }
        Ok(Comparison { at, before, after, fitted })
    }

    fn before(&self, ballots: &[Ballot], target: &[u16]) -> Answer {
        let base = self.stored.rules();
        let rules = |policy| Rules { kinds: Kinds { policy, ..base.kinds.clone() }, ..base.clone() };
        self.answer(ballots, target, &rules, base.kinds.policy)
    }

    fn answer(
        &self,
        ballots: &[Ballot],
        target: &[u16],
        rules: &dyn Fn(KindsPolicy) -> Rules,
        policy: KindsPolicy,
    ) -> Answer {
        let guess = self.tally(ballots, &rules(KindsPolicy::Always)).ranking.into_iter().next();
        let written = self.tally(ballots, &rules(policy)).ranking.into_iter().next();
        let class = guess.and_then(|(genre, _)| self.class_of(&genre));
        let (is_right, confidence) = written.map_or((false, 0.0), |(genre, p)| (self.is_right(&genre, target), p));
        Answer { class, confidence, is_right }
    }

    /// What a vote at some weight shows, before anything was fitted to it.
    fn sight(&self, ballots: &[Ballot], target: &[u16]) -> Sight {
        let base = self.stored.rules();
        let signs = Calibration { bias: 0.0, top: 1.0, dissent: 0.0 };
        let kinds = Kinds { policy: KindsPolicy::WhenSure, tell: 1.1, fits: BTreeMap::new() };
        let tally = self.tally(ballots, &Rules { temperature: base.temperature, calibration: Some(signs), kinds });
        let signs = tally.signs.unwrap_or_default();
        let first = tally.families.first();
        let is_right = first.is_some_and(|(genre, _)| self.is_right(genre, target));
        let truth = target.iter().filter_map(|&label| self.genres.get(usize::from(label)));
        let p_truth: f64 = truth.map(|genre| self.share_of(genre, &tally, &tally.families)).sum();
        let is_of = |kind: &Genre| target.iter().any(|&l| self.genres.get(usize::from(l)).is_some_and(|g| g == kind));
        let kinds = tally.kinds.iter().filter(|_| is_right);
        let kinds = kinds.filter(|kind| self.genres.contains(&kind.kind)).map(|k| (k.share, is_of(&k.kind))).collect();
        Sight { signs: vec![signs.top, signs.dissent], is_right, loss: -p_truth.max(LEAST).ln(), kinds }
    }

    /// How likely a track is of a genre, as far as families and the kinds of the first one say.
    fn share_of(&self, genre: &Genre, tally: &Tally, families: &Ranking) -> f64 {
        let share = |genre: &Genre| families.iter().find(|(family, _)| family == genre).map(|(_, p)| f64::from(*p));
        if let Some(kind) = tally.kinds.iter().find(|kind| kind.kind == *genre) {
            return families.first().map_or(0.0, |(_, p)| f64::from(*p)) * kind.share;
        }
        let of_family = || self.taxonomy.ancestors(genre).find_map(share).map(|p| p / 2.0);
        share(genre).or_else(of_family).unwrap_or(0.0)
    }
}

/// Whether the taxonomy knows a class as a genre or as a kind of it.
fn is_kind_of(class: &Class, genre: &Genre, taxonomy: &Taxonomy) -> bool {
    class.known_as.as_ref().is_some_and(|known| known == genre || taxonomy.ancestors(known).any(|wide| wide == genre))
}

/// What the taxonomy of the vote has besides our own.
pub(super) fn own_genres(classes: &[Class]) -> Vec<OwnGenre> {
    let own = classes.iter().filter(|class| class.is_own || class.parent.is_some() || class.is_detached);
    own.filter(|class| class.is_detached || class.is_alias || class.known_as.is_none())
        .map(|class| OwnGenre { genre: class.genre.clone(), parent: class.parent.clone() })
        .collect()
}

/// What the vote on one track shows at one weight.
struct Sight {
    /// The log-odds of the first share, and the dissent.
    signs: Vec<f64>,
    is_right: bool,
    loss: f64,
    /// Of each kind of the first family, where that is right: its share, and whether the track is of it.
    kinds: Vec<(f64, bool)>,
}

/// Fits weight, calibration and kinds to the tracks that count.
fn fit(
    sights: &[Vec<Sight>],
    counts: &dyn Fn(usize) -> bool,
    genres: &[Genre],
    base: &BTreeMap<Genre, KindFit>,
) -> Fitted {
    let kept = |sights: &'_ [Sight]| -> Vec<usize> { (0..sights.len()).filter(|&n| counts(n)).collect() };
    let loss = |sights: &Vec<Sight>| kept(sights).iter().map(|&n| sights[n].loss).sum::<f64>();
    let best = (0..sights.len()).min_by(|&a, &b| loss(&sights[a]).total_cmp(&loss(&sights[b]))).unwrap_or(0);
    let chosen = &sights[best];
    let kept = kept(chosen);
    let signs: Vec<Vec<f64>> = kept.iter().map(|&n| chosen[n].signs.clone()).collect();
    let right: Vec<bool> = kept.iter().map(|&n| chosen[n].is_right).collect();
    let found = logistic::fit(&signs, &right, &[0.0, 1.0, 0.0]);
    let calibration = Calibration { bias: found[0], top: found[1].max(0.05), dissent: found[2] };
    let shares: Vec<&(f64, bool)> = kept.iter().flat_map(|&n| &chosen[n].kinds).collect();
    let mut kinds = base.clone();
    if !shares.is_empty() {
        let log_odds = |p: f64| (p.clamp(1e-6, 1.0 - 1e-6) / (1.0 - p.clamp(1e-6, 1.0 - 1e-6))).ln().clamp(-8.0, 8.0);
        let signs: Vec<Vec<f64>> = shares.iter().map(|(share, _)| vec![log_odds(*share)]).collect();
        let right: Vec<bool> = shares.iter().map(|(_, right)| *right).collect();
        let found = logistic::fit(&signs, &right, &[0.0, 1.0]);
        kinds.extend(genres.iter().map(|genre| (genre.clone(), KindFit { bias: found[0], share: found[1].max(0.05) })));
    }
    Fitted { weight: WEIGHTS[best], calibration, kinds }
}
