//! How likely something is, by a sign or two: a small logistic regression, by Newton's method. It fits what a vote's
//! share, and what a kind's share of its family, are worth.

/// Keeps a fit of few or clear cases finite: as if each sign had been seen to say nothing this often.
const RIDGE: f64 = 1.0;
const STEPS: usize = 50;

/// The log-odds: a bias, and what each sign adds. `signs` are of one length.
pub(super) fn fit(signs: &[Vec<f64>], right: &[bool], prior: &[f64]) -> Vec<f64> {
    let size = prior.len();
    let mut x = prior.to_vec();
    for _ in 0..STEPS {
        // The ridge pulls towards the prior.
        let mut gradient: Vec<f64> = x.iter().zip(prior).map(|(x, prior)| RIDGE * (x - prior)).collect();
        let mut curve = vec![vec![0.0; size]; size];
        (0..size).for_each(|i| curve[i][i] = RIDGE);
        for (signs, right) in signs.iter().zip(right) {
            let with_bias: Vec<f64> = std::iter::once(1.0).chain(signs.iter().copied()).collect();
            let z: f64 = with_bias.iter().zip(&x).map(|(sign, x)| sign * x).sum();
            let p = 1.0 / (1.0 + (-z).exp());
            let error = p - f64::from(u8::from(*right));
            for i in 0..size {
                gradient[i] += error * with_bias[i];
                for j in 0..size {
                    curve[i][j] += p * (1.0 - p) * with_bias[i] * with_bias[j];
                }
            }
        }
        let step = solve(curve, gradient);
        x.iter_mut().zip(&step).for_each(|(x, step)| *x -= step.clamp(-2.0, 2.0));
        if step.iter().all(|step| step.abs() < 1e-8) {
            break;
        }
    }
    x
}

/// Gaussian elimination with pivots, of a small matrix that is not singular.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for i in 0..n {
        let pivot = (i..n).max_by(|&a, &b| matrix[a][i].abs().total_cmp(&matrix[b][i].abs())).unwrap_or(i);
        matrix.swap(i, pivot);
        right.swap(i, pivot);
        for row in i + 1..n {
            let factor = matrix[row][i] / matrix[i][i];
            let pivot = matrix[i].clone();
            matrix[row].iter_mut().zip(&pivot).skip(i).for_each(|(x, above)| *x -= factor * above);
            right[row] -= factor * right[i];
        }
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| matrix[i][j] * right[j]).sum();
        right[i] = (right[i] - known) / matrix[i][i];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_often_it_was_right_is_how_likely_it_is() {
        let signs: Vec<Vec<f64>> = (0..4000).map(|i| vec![if i % 2 == 0 { 1.0 } else { -1.0 }]).collect();
        let right: Vec<bool> = (0..4000).map(|i| if i % 2 == 0 { i % 10 != 0 } else { i % 4 == 1 }).collect();
        let x = fit(&signs, &right, &[0.0, 1.0]);
        let p = |sign: f64| 1.0 / (1.0 + (-x[0] - x[1] * sign).exp());
        assert!((p(1.0) - 0.8).abs() < 0.01 && (p(-1.0) - 0.5).abs() < 0.01, "{x:?}");
        assert_eq!(fit(&[], &[], &[0.5, 1.0]), [0.5, 1.0], "nothing seen is what was thought before");
        let clear = fit(&[vec![3.0], vec![3.0]], &[true, true], &[0.0, 1.0]);
        assert!(clear.iter().all(|x| x.is_finite()));
    }
}
