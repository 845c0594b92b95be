//! Learning that is tried out before it is believed: cross-validation over folds of artists, what the sound does not tell, and the fit to
//! all that there is.

use ndarray::Array2;

use super::examples::{Examples, Source};
use super::figures::told_apart;
use super::folds::FOLDS;
use super::softmax::{Problem, Softmax};

/// The ridge, and that of few examples, which say less of how large weights are. Chosen on four splits of the training clips
/// into named and unnamed, not by cross-validation.
const RIDGE: f64 = 100.0;
const RIDGE_OF_FEW: f64 = 30.0;
const FEW: usize = 150;
/// Steps of a fit, and of one to many examples, whose end is seen earlier.
const STEPS: usize = 80;
const STEPS_OF_MANY: usize = 30;
const MANY: usize = 5_000;
/// Standard errors by which a genre has to be told apart better than by chance.
const MARGIN: f64 = 2.0;
/// What an example counts that nobody named.
const BACKGROUND: f32 = 0.5;

/// How much each example counts before anything is known against it.
pub(super) fn counts(examples: &Examples) -> Vec<f32> {
    let of = |source| if source == Source::Background { BACKGROUND } else { 1.0 };
    examples.list.iter().map(|example| of(example.source)).collect()
}

/// Fits to some of the examples.
pub(super) fn fit(examples: &Examples, counts: &[f32], at: &[usize]) -> Softmax {
    let (ridge, steps) = match at.len() {
        n if n < FEW => (RIDGE_OF_FEW, STEPS),
        n if n < MANY => (RIDGE, STEPS),
        _ => (RIDGE, STEPS_OF_MANY),
    };
    let (rows, labels) = (examples.rows.view(), examples.labels());
    Problem { rows, targets: &examples.targets, counts, at, labels, ridge }.fit(steps)
}

/// What each example is by the word of a fit to the other folds: a row of probabilities of the labels each.
pub(super) fn cross_validated(examples: &Examples, counts: &[f32], folds: &[u8]) -> Array2<f32> {
    let mut said = Array2::zeros((examples.list.len(), examples.labels()));
    for fold in 0..FOLDS as u8 {
        let (asked, at): (Vec<usize>, Vec<usize>) = (0..examples.list.len()).partition(|&i| folds[i] == fold);
        if asked.is_empty() || at.is_empty() {
            continue;
        }
        let answers = fit(examples, counts, &at).probabilities(examples.rows.view(), &asked);
        for (row, &i) in answers.rows().into_iter().zip(&asked) {
            said.row_mut(i).assign(&row);
        }
    }
    said
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
    (0..examples.classes.len()).filter(is_untold).collect()
}

impl Examples {
    /// Takes classes out: their tracks are other music.
    pub(super) fn without(&mut self, out: &[usize]) {
        let mut next = 0_u16;
        let of: Vec<Option<u16>> = (0..self.classes.len())
            .map(|class| {
                (!out.contains(&class)).then(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        for target in &mut self.targets {
            target.retain_mut(|label| match of.get(usize::from(*label)) {
                Some(Some(new)) => {
                    *label = *new;
                    true
                }
                Some(None) => false,
                None => {
                    *label = next;
                    true
                }
            });
            if target.is_empty() {
                target.push(next);
            }
        }
        let mut at = 0;
        self.classes.retain(|_| {
            at += 1;
            !out.contains(&(at - 1))
        });
        self.has_other = self.targets.iter().flatten().any(|&label| label == next);
    }
}
