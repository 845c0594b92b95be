//! Learning that is tried out before it is believed: cross-validation over folds of artists, what the sound does not
//! tell, and the fit to all that there is.

use ndarray::{Array2, ArrayView1};

use super::examples::{Examples, Source};
use super::figures::told_apart;
use super::folds::FOLDS;
use super::names::Class;
use super::softmax::{Problem, Softmax};

/// Ridges that are tried, and the one that many examples are held by: with them it matters little, and trying takes
/// long.
const RIDGES: [f64; 4] = [30.0, 100.0, 300.0, 1000.0];
const RIDGE_OF_MANY: f64 = 100.0;
/// Steps of a fit, and of one to many examples, whose end is seen earlier.
const STEPS: usize = 80;
const STEPS_OF_MANY: usize = 30;
const MANY: usize = 5_000;
/// No probability counts as less where its logarithm is taken.
const LEAST: f32 = 1e-3;
/// Standard errors by which a genre has to be told apart better than by chance.
const MARGIN: f64 = 2.0;
/// What an example counts that nobody named.
const BACKGROUND: f32 = 0.5;

/// How much each example counts before anything is known against it.
pub(super) fn counts(examples: &Examples) -> Vec<f32> {
    let of = |source| if source == Source::Background { BACKGROUND } else { 1.0 };
    examples.list.iter().map(|example| of(example.source)).collect()
}

/// What a fit is made from.
pub(super) struct Material<'a> {
    pub(super) examples: &'a Examples,
    /// How much each example counts.
    pub(super) counts: &'a [f32],
    /// What was said of each before.
    pub(super) before: &'a Array2<f32>,
    /// The fold of each.
    pub(super) folds: &'a [u8],
}

/// What each example is by the word of a fit to the other folds: a row of probabilities of the labels each; and the
/// ridge for a fit to all.
pub(super) struct CrossValidated {
    pub(super) said: Array2<f32>,
    pub(super) ridge: f64,
}

impl Material<'_> {
    /// Fits to some of the examples.
    pub(super) fn fit(&self, at: &[usize], ridge: f64) -> Softmax {
        let Self { examples, counts, before, .. } = *self;
        let steps = if at.len() < MANY { STEPS } else { STEPS_OF_MANY };
        let (rows, labels) = (examples.rows.view(), examples.labels());
        Problem { rows, targets: &examples.targets, counts, at, labels, ridge, before: before.view() }.fit(steps)
    }

    /// Five-fold cross-validation. The ridge of a fold is the one that serves the others best.
    pub(super) fn cross_validated(&self) -> CrossValidated {
        let n = self.examples.list.len();
        let ridges: &[f64] = if n < MANY { &RIDGES } else { &[RIDGE_OF_MANY] };
        let tried: Vec<Array2<f32>> = ridges.iter().map(|&ridge| self.said_at(ridge)).collect();
        let losses: Vec<Vec<f64>> =
            tried.iter().map(|said| (0..n).map(|i| self.loss(said.row(i), i)).collect()).collect();
        let best = |fold: Option<u8>| {
            let of = |losses: &[f64]| -> f64 {
                (0..n).filter(|&i| fold.is_none_or(|fold| self.folds[i] != fold)).map(|i| losses[i]).sum()
            };
            (0..ridges.len()).min_by(|&a, &b| of(&losses[a]).total_cmp(&of(&losses[b]))).unwrap_or(0)
        };
        let by_fold: Vec<usize> = (0..FOLDS as u8).map(|fold| best(Some(fold))).collect();
        let mut said = Array2::zeros((n, self.examples.labels()));
        for (i, mut row) in said.rows_mut().into_iter().enumerate() {
            row.assign(&tried[by_fold[usize::from(self.folds[i])]].row(i));
        }
        CrossValidated { said, ridge: ridges[best(None)] }
    }

    fn said_at(&self, ridge: f64) -> Array2<f32> {
        let (rows, before) = (self.examples.rows.view(), self.before.view());
        let mut said = Array2::zeros((rows.nrows(), self.examples.labels()));
        for fold in 0..FOLDS as u8 {
            let (asked, at): (Vec<usize>, Vec<usize>) = (0..rows.nrows()).partition(|&i| self.folds[i] == fold);
            if asked.is_empty() || at.is_empty() {
                continue;
            }
            let answers = self.fit(&at, ridge).probabilities(rows, before, &asked);
            for (row, &i) in answers.rows().into_iter().zip(&asked) {
                said.row_mut(i).assign(&row);
            }
        }
        said
    }

    fn loss(&self, said: ArrayView1<'_, f32>, i: usize) -> f64 {
        let target = &self.examples.targets[i];
        let p: f32 = target.iter().map(|&label| said[usize::from(label)]).sum();
        -f64::from(self.counts[i] * p.max(LEAST).ln())
    }
}

/// The classes that a fit tells no better from all others than chance does.
pub(super) fn untold(examples: &Examples, said: &Array2<f32>) -> Vec<usize> {
    let is_untold = |&class: &usize| {
        let is = |i: usize| examples.targets[i].contains(&(class as u16));
        let numbers: Vec<(f32, bool)> = (0..examples.list.len()).map(|i| (said[[i, class]], is(i))).collect();
        let artists = |of_it: bool| {
            let groups = (0..examples.list.len()).filter(|&i| is(i) == of_it).map(|i| examples.list[i].group);
            groups.collect::<std::collections::BTreeSet<usize>>().len() as f64
        };
        let (area, off) = told_apart(&numbers, (artists(true), artists(false)));
        area - MARGIN * off <= 0.5
    };
    (0..examples.named).filter(is_untold).collect()
}

impl Examples {
    /// Takes classes out: what the voters have a word for is passed on, and the tracks of the others are other music.
    pub(super) fn without(&mut self, out: &[usize]) {
        let is_said = |class: &Class| !class.is_own && !class.is_detached && class.parent.is_none();
        let (classes, named) = (std::mem::take(&mut self.classes), self.named);
        let kept = |i: usize| i < named && !out.contains(&i);
        let passed_on = |i: usize| i >= named || (out.contains(&i) && is_said(&classes[i]));
        let order: Vec<usize> =
            (0..classes.len()).filter(|&i| kept(i)).chain((0..classes.len()).filter(|&i| passed_on(i))).collect();
        let other = order.len() as u16;
        let of = |label: u16| order.iter().position(|&old| old == usize::from(label)).map_or(other, |new| new as u16);
        for target in &mut self.targets {
            target.iter_mut().for_each(|label| *label = of(*label));
            target.sort_unstable();
            target.dedup();
            // A track of a genre that is told and one that is not is of the first.
            if target.len() > 1 {
                target.retain(|&label| label != other);
            }
        }
        self.named = (0..named).filter(|&i| kept(i)).count();
        self.classes = order.into_iter().map(|i| classes[i].clone()).collect();
        self.has_other = self.targets.iter().flatten().any(|&label| label == other);
    }
}
