//! L-BFGS: the minimum of a smooth function of many numbers, by its values and gradients (Nocedal and Wright,
//! *Numerical Optimization*, second edition, algorithms 7.4 and 7.5), with a backtracking line search. It knows nothing
//! of what is minimised.

/// Pairs of steps that the curvature is known by.
const MEMORY: usize = 8;
/// It ends when no gradient is larger than this share of the first one's length.
const CONVERGED: f64 = 1e-4;
/// What a step has to bring, of what the slope promises.
const ENOUGH: f64 = 1e-4;

/// Where a function is least, from `x` in `steps` steps at the most. `of` gives its value and its gradient.
pub(super) fn minimise(mut x: Vec<f64>, steps: usize, of: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> Vec<f64> {
    let (mut value, mut gradient) = of(&x);
    let first = length(&gradient);
    let mut known: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    for _ in 0..steps {
        let left = length(&gradient);
        // What is no number leads nowhere.
        if left.is_nan() || left <= CONVERGED * first {
            break;
        }
        let direction = direction(&gradient, &known);
        let slope = dot(&gradient, &direction);
        if slope.is_nan() || slope >= 0.0 {
            break;
        }
        let mut step = if known.is_empty() { 1.0 / length(&gradient).max(1.0) } else { 1.0 };
        let mut next = None;
        for _ in 0..20 {
            let tried: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + step * d).collect();
            let (value_there, gradient_there) = of(&tried);
            if value_there <= value + ENOUGH * step * slope {
                next = Some((tried, value_there, gradient_there));
                break;
            }
            step /= 2.0;
        }
        let Some((there, value_there, gradient_there)) = next else { break };
        let moved: Vec<f64> = there.iter().zip(&x).map(|(a, b)| a - b).collect();
        let turned: Vec<f64> = gradient_there.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        if dot(&moved, &turned) > 1e-10 * dot(&turned, &turned) {
            if known.len() == MEMORY {
                known.remove(0);
            }
            known.push((moved, turned));
        }
        (x, value, gradient) = (there, value_there, gradient_there);
    }
    x
}

/// The two-loop recursion: the gradient's opposite, bent by what is known of the curvature.
fn direction(gradient: &[f64], known: &[(Vec<f64>, Vec<f64>)]) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut parts = Vec::with_capacity(known.len());
    for (moved, turned) in known.iter().rev() {
        let part = dot(moved, &q) / dot(moved, turned);
        q.iter_mut().zip(turned).for_each(|(q, t)| *q -= part * t);
        parts.push(part);
    }
    if let Some((moved, turned)) = known.last() {
        let scale = dot(moved, turned) / dot(turned, turned);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for ((moved, turned), part) in known.iter().zip(parts.iter().rev()) {
        let back = dot(turned, &q) / dot(moved, turned);
        q.iter_mut().zip(moved).for_each(|(q, m)| *q += (part - back) * m);
    }
    q
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn length(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bottom_of_a_bent_valley_is_found() {
        // Rosenbrock's function.
        let of = |x: &[f64]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            (a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * b * x[0], 200.0 * b])
        };
        let found = minimise(vec![-1.2, 1.0], 200, of);
        assert!((found[0] - 1.0).abs() < 0.01 && (found[1] - 1.0).abs() < 0.02, "{found:?}");
    }

    #[test]
    fn a_function_without_a_slope_is_left_where_it_is() {
        assert_eq!(minimise(vec![3.0], 10, |_| (1.0, vec![0.0])), [3.0]);
        assert_eq!(minimise(vec![3.0], 10, |_| (f64::NAN, vec![f64::NAN])), [3.0]);
    }
}
