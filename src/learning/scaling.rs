//! Rows brought to a common scale: scores as logarithms, every number with mean 0 and a scale by its kind, nothing
//! further out than a bound. It is done before anything is learned and goes into the graph, and knows no labels.

use ndarray::{Array2, Axis};
use rayon::prelude::*;

use super::examples::{Examples, is_scores};

/// What is added to a probability before its logarithm is taken.
pub(super) const FLOOR: f32 = 1e-3;
/// Standard deviations beyond which a number says no more: some of the 518 have long tails.
const BOUND: f32 = 5.0;
/// A spread below this is none.
const NO_SPREAD: f64 = 1e-6;

/// How numbers are brought to scale, each by its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scaling {
    pub(super) mean: Vec<f32>,
    pub(super) scale: Vec<f32>,
    pub(super) bound: Vec<f32>,
}

impl Scaling {
    /// Measures the rows of these examples and brings them to scale in their place.
    pub(super) fn apply(examples: &mut Examples) -> Self {
        let (plain, emphasis) = (examples.plain(), emphasis(examples));
        let rows = &mut examples.rows;
        as_logarithms(rows, plain);
        let n = rows.nrows().max(1) as f64;
        let (mut sum, mut squares) = (vec![0.0_f64; rows.ncols()], vec![0.0_f64; rows.ncols()]);
        for row in rows.axis_iter(Axis(0)) {
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
        }
        let mean: Vec<f64> = sum.iter().map(|sum| sum / n).collect();
        for row in rows.axis_iter(Axis(0)) {
            let off = squares.iter_mut().zip(row).zip(&mean);
            off.for_each(|((sum, x), mean)| *sum += (f64::from(*x) - mean).powi(2));
        }
        let scale = squares.iter().zip(&emphasis).map(|(sum, emphasis)| match (sum / n).sqrt() {
            spread if spread > NO_SPREAD => emphasis / spread as f32,
            _ => 0.0,
        });
        let (scale, mean): (Vec<f32>, Vec<f32>) = (scale.collect(), mean.iter().map(|m| *m as f32).collect());
        let bound: Vec<f32> = emphasis.iter().map(|emphasis| BOUND * emphasis).collect();
        let width = rows.ncols().max(1);
        rows.as_slice_mut().unwrap_or_default().par_chunks_mut(width).for_each(|row| {
            for (((x, mean), scale), bound) in row.iter_mut().zip(&mean).zip(&scale).zip(&bound) {
                *x = ((*x - mean) * scale).clamp(-bound, *bound);
            }
        });
        Self { mean, scale, bound }
    }
}

/// How far a ridge lets each number speak: the fewer numbers of a kind there are, and the nearer they are to a genre,
/// the more. Chosen on four splits of the training clips into named and unnamed, not by cross-validation.
fn emphasis(examples: &Examples) -> Vec<f32> {
    let of = |part: &crate::inference::Part| match part {
        part if is_scores(part) && part.size() < 40 => 2.0,
        crate::inference::Part::Features(_) => 0.6,
        _ => 1.0,
    };
    examples.parts.iter().flat_map(|part| std::iter::repeat_n(of(part), part.size())).collect()
}

fn as_logarithms(rows: &mut Array2<f32>, plain: usize) {
    let width = rows.ncols().max(1);
    rows.as_slice_mut().unwrap_or_default().par_chunks_mut(width).for_each(|row| {
        row.iter_mut().skip(plain).for_each(|x| *x = (*x + FLOOR).ln());
    });
}
