//! What a graph's numbers mean: means over patches and moments, and probabilities out of what the outputs are.

use super::output::OutputKind;

/// The mean of a graph's outputs over its runs.
#[derive(Default)]
pub(super) struct Mean {
    sums: Vec<Vec<f32>>,
    runs: usize,
}

impl Mean {
    pub(super) fn add(&mut self, outputs: Vec<Vec<f32>>) {
        self.runs += 1;
        if self.sums.is_empty() {
            self.sums = outputs;
            return;
        }
        for (sum, output) in self.sums.iter_mut().flatten().zip(outputs.iter().flatten()) {
            *sum += output;
        }
    }

    pub(super) fn finish(mut self) -> Vec<Vec<f32>> {
        if self.runs > 1 {
            self.sums.iter_mut().flatten().for_each(|sum| *sum /= self.runs as f32);
        }
        self.sums
    }
}

/// The mean of the rows of `size` numbers; `rows` holds whole ones.
pub(super) fn mean_row(rows: Vec<f32>, size: usize) -> Vec<f32> {
    if rows.len() == size {
        return rows;
    }
    let n = (rows.len() / size) as f32;
    (0..size).map(|i| rows.iter().skip(i).step_by(size).sum::<f32>() / n).collect()
}

/// The probabilities that numbers of this kind stand for; none when they stand for none.
pub(super) fn probabilities(kind: OutputKind, scores: Vec<f32>) -> Option<Vec<f32>> {
    match kind {
        OutputKind::Logits => softmax(&scores),
        OutputKind::Probabilities => shares(&scores),
        OutputKind::Tags => scores.iter().all(|p| (0.0..=1.0).contains(p)).then_some(scores),
        OutputKind::TagLogits => {
            let sigmoid = |x: &f32| 1.0 / (1.0 + (-x).exp());
            scores.iter().all(|x| x.is_finite()).then(|| scores.iter().map(sigmoid).collect())
        }
    }
}

/// exp(x) / sum exp(x); none when a value is not finite.
fn softmax(logits: &[f32]) -> Option<Vec<f32>> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    shares(&logits.iter().map(|x| (x - largest).exp()).collect::<Vec<_>>())
}

/// x / sum x; none when a value is negative or not finite, or when all are 0.
fn shares(values: &[f32]) -> Option<Vec<f32>> {
    let sum: f32 = values.iter().sum();
    let usable = sum > 0.0 && values.iter().all(|v| v.is_finite() && *v >= 0.0);
    usable.then(|| values.iter().map(|v| v / sum).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn softmax_survives_large_logits_and_refuses_what_is_not_a_number() {
        let p = softmax(&[1000.0, 1000.0, -1000.0]).unwrap();
        assert_eq!(p, [0.5, 0.5, 0.0]);
        assert_eq!(softmax(&[f32::NAN, 0.0]), None);
        assert_eq!(softmax(&[f32::INFINITY, 0.0]), None);
        assert_eq!(shares(&[0.0, 0.0]), None);
        assert_eq!(shares(&[1.0, -0.5]), None);
        assert_eq!(shares(&[1.0, 3.0]).unwrap(), [0.25, 0.75]);
    }

    #[test]
    fn numbers_are_read_as_what_they_are() {
        assert_eq!(probabilities(OutputKind::Tags, vec![0.5, 1.5]), None);
        assert_eq!(probabilities(OutputKind::TagLogits, vec![0.0, 1000.0, -1000.0]).unwrap(), [0.5, 1.0, 0.0]);
        assert_eq!(probabilities(OutputKind::TagLogits, vec![f32::NAN]), None);
        assert_eq!(mean_row(vec![1.0, 2.0, 3.0, 6.0], 2), [2.0, 4.0]);
        let mut mean = Mean::default();
        mean.add(vec![vec![1.0], vec![2.0, 3.0]]);
        mean.add(vec![vec![3.0], vec![4.0, 7.0]]);
        assert_eq!(mean.finish(), [vec![2.0], vec![3.0, 5.0]]);
    }
}
