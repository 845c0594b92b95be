//! Multinomial logistic regression: the likeliest weights of a softmax on standardised rows, held back by a ridge.
//!
//! A row may carry several labels; its target is then spread evenly over them. The loss is the sum of the cross
//! entropies, each times the row's own weight, plus `ridge / 2` times the squared weights (the biases are nearly free).
//! Where somebody has spoken before, it starts from their word ([`super::prior`]) and learns how much that is worth and
//! what to add: the ridge holds it to that word instead of to nothing. It is brought to its minimum, which is the only
//! one, by L-BFGS (Nocedal and Wright, *Numerical Optimization*, algorithm 7.5). The same numbers give the same weights
//! on every machine with the same number formats, however many threads work: sums are taken piece by piece in a fixed
//! order.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::lbfgs;

/// What holds a bias to 0, and the trust in who spoke before to 1.
const RIDGE_OF_BIAS: f64 = 1.0;
const RIDGE_OF_TRUST: f64 = 10.0;
/// Rows that one piece of work takes.
const PIECE: usize = 512;

/// What a row is, as far as it is known: labels by their index.
pub(super) type Target = Vec<u16>;

/// A softmax that was fitted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Softmax {
    /// A row for each number, a column for each label.
    pub(super) weights: Array2<f32>,
    /// A number for each label.
    pub(super) bias: Vec<f32>,
    /// What the log-odds of who spoke before are multiplied by.
    pub(super) trust: f32,
}

/// What it is fitted to.
pub(super) struct Problem<'a> {
    /// Standardised, a row an example.
    pub(super) rows: ArrayView2<'a, f32>,
    /// Of every row.
    pub(super) targets: &'a [Target],
    /// How much each row counts.
    pub(super) counts: &'a [f32],
    /// The rows that are learned from.
    pub(super) at: &'a [usize],
    /// How many labels there are.
    pub(super) labels: usize,
    /// The ridge.
    pub(super) ridge: f64,
    /// What was said before, a row of log-odds an example; no columns where nobody has spoken.
    pub(super) before: ArrayView2<'a, f32>,
}

impl Problem<'_> {
    /// The fit, after `steps` steps at the most.
    pub(super) fn fit(&self, steps: usize) -> Softmax {
        let size = (self.rows.ncols() + 1) * self.labels;
        let mut start = vec![0.0; size + 1];
        start[size] = 1.0;
        let found = lbfgs::minimise(start, steps, |x| self.loss(x));
        let (weights, bias) = self.split(&found);
        Softmax { weights, bias, trust: found[size] as f32 }
    }

    fn split(&self, x: &[f64]) -> (Array2<f32>, Vec<f32>) {
        let numbers = self.rows.ncols();
        let weights = Array2::from_shape_fn((numbers, self.labels), |(i, k)| x[i * self.labels + k] as f32);
        (weights, x[numbers * self.labels..][..self.labels].iter().map(|b| *b as f32).collect())
    }

    /// The loss and its gradient.
    fn loss(&self, x: &[f64]) -> (f64, Vec<f64>) {
        let (weights, bias) = self.split(x);
        let numbers = self.rows.ncols();
        let (biases, last) = (numbers * self.labels, x.len() - 1);
        let now = Softmax { weights, bias, trust: x[last] as f32 };
        let pieces: Vec<(f64, Array2<f32>, Vec<f64>)> =
            self.at.par_chunks(PIECE).map(|piece| self.loss_of(piece, &now)).collect();
        let mut gradient: Vec<f64> = vec![0.0; x.len()];
        let mut loss = 0.0;
        for (piece, by_weights, by_bias) in &pieces {
            loss += piece;
            gradient.iter_mut().zip(by_weights).for_each(|(sum, g)| *sum += f64::from(*g));
            gradient[biases..].iter_mut().zip(by_bias).for_each(|(sum, g)| *sum += g);
        }
        let held = |(i, (sum, x)): (usize, (&mut f64, &f64))| {
            let (ridge, at) = match i {
                i if i < biases => (self.ridge, 0.0),
                i if i < last => (RIDGE_OF_BIAS, 0.0),
                _ => (RIDGE_OF_TRUST, 1.0),
            };
            *sum += ridge * (x - at);
            ridge / 2.0 * (x - at) * (x - at)
        };
        loss += gradient.iter_mut().zip(x).enumerate().map(held).sum::<f64>();
        (loss, gradient)
    }

    fn loss_of(&self, piece: &[usize], now: &Softmax) -> (f64, Array2<f32>, Vec<f64>) {
        let rows = self.rows.select(Axis(0), piece);
        let before = self.before.select(Axis(0), piece);
        let mut said = now.logits(rows.view(), before.view());
        // The last one is by the trust in what was said before.
        let (mut loss, mut by_bias) = (0.0, vec![0.0; self.labels + 1]);
        for (mut row, &at) in said.rows_mut().into_iter().zip(piece) {
            let target = &self.targets[at];
            let (count, share) = (self.counts[at], 1.0 / target.len().max(1) as f32);
            softmax(row.as_slice_mut().unwrap_or_default());
            for &label in target {
                loss -= f64::from(count * share) * f64::from(row[usize::from(label)].max(1e-12)).ln();
                row[usize::from(label)] -= share;
            }
            row.iter_mut().for_each(|error| *error *= count);
            by_bias.iter_mut().zip(row.iter()).for_each(|(sum, error)| *sum += f64::from(*error));
        }
        by_bias[self.labels] = said.iter().zip(&before).map(|(error, b)| f64::from(*error) * f64::from(*b)).sum();
        let mut by_weights = Array2::zeros((self.rows.ncols(), self.labels));
        general_mat_mul(1.0, &rows.t(), &said, 0.0, &mut by_weights);
        (loss, by_weights, by_bias)
    }
}

impl Softmax {
    /// The probabilities of the labels for some of the rows, a row each.
    pub(super) fn probabilities(
        &self,
        rows: ArrayView2<'_, f32>,
        before: ArrayView2<'_, f32>,
        at: &[usize],
    ) -> Array2<f32> {
        let pieces: Vec<Array2<f32>> = at
            .par_chunks(PIECE)
            .map(|piece| {
                let mut said = self.logits(rows.select(Axis(0), piece).view(), before.select(Axis(0), piece).view());
                said.rows_mut().into_iter().for_each(|mut row| softmax(row.as_slice_mut().unwrap_or_default()));
                said
            })
            .collect();
        let numbers = pieces.into_iter().flat_map(|piece| piece.into_iter().collect::<Vec<f32>>()).collect();
        Array2::from_shape_vec((at.len(), self.bias.len()), numbers).unwrap_or_default()
    }

    fn logits(&self, rows: ArrayView2<'_, f32>, before: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut said = Array2::from_shape_fn((rows.nrows(), self.bias.len()), |(_, k)| self.bias[k]);
        if before.ncols() > 0 {
            said.zip_mut_with(&before, |sum, before| *sum += self.trust * before);
        }
        general_mat_mul(1.0, &rows, &self.weights, 1.0, &mut said);
        said
    }
}

fn softmax(row: &mut [f32]) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|x| *x = (*x - largest).exp());
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|x| *x /= sum);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn what_can_be_told_apart_is_and_two_runs_agree_to_the_bit() {
        let rows = Array2::from_shape_fn((1200, 5), |(i, j)| {
            let noise = ((i * 31 + j * 17) as f32 * 0.7).sin();
            noise + if j == i % 3 { 2.0 } else { 0.0 }
        });
        let targets: Vec<Target> = (0..1200).map(|i| vec![(i % 3) as u16]).collect();
        let at: Vec<usize> = (0..900).collect();
        let none = Array2::zeros((rows.nrows(), 0));
        let problem = Problem {
            rows: rows.view(),
            targets: &targets,
            counts: &[1.0; 1200],
            at: &at,
            labels: 3,
            ridge: 1.0,
            before: none.view(),
        };
        let fitted = problem.fit(100);
        assert_eq!(problem.fit(100), fitted);
        let asked: Vec<usize> = (900..1200).collect();
        let said = fitted.probabilities(rows.view(), none.view(), &asked);
        let right = asked.iter().zip(said.rows()).filter(|(i, row)| row.iter().all(|p| *p <= row[**i % 3])).count();
        assert!(right > 270, "{right} of 300");
        let (_, gradient) = problem.loss(&{
            let mut x: Vec<f64> = fitted.weights.iter().map(|w| f64::from(*w)).collect();
            x.extend(fitted.bias.iter().map(|b| f64::from(*b)));
            x.push(f64::from(fitted.trust));
            x
        });
        assert!(gradient.iter().all(|g| g.abs() < 0.5), "the minimum: {gradient:?}");
    }

    #[test]
    fn a_row_of_two_labels_is_half_of_each() {
        let rows = Array2::zeros((4000, 1));
        let targets: Vec<Target> = (0..4000).map(|i| if i % 2 == 0 { vec![0, 1] } else { vec![2] }).collect();
        let at: Vec<usize> = (0..4000).collect();
        let none = Array2::zeros((rows.nrows(), 0));
        let problem = Problem {
            rows: rows.view(),
            targets: &targets,
            counts: &[1.0; 4000],
            at: &at,
            labels: 3,
            ridge: 1.0,
            before: none.view(),
        };
        let said = problem.fit(50).probabilities(rows.view(), none.view(), &[0]);
        for (p, expected) in said.iter().zip([0.25, 0.25, 0.5]) {
            assert!((p - expected).abs() < 1e-3, "{said}");
        }
    }
}
