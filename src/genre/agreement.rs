//! The distribution on which opinions of different reach agree: the arithmetic under the vote, on numbers alone.
//!
//! An opinion divides what it knows into cells and gives each a probability. A cell is one outcome, or several that the
//! opinion does not tell apart; what is in none of its cells it says nothing about. With weights w summing to 1,
//! agreement is the q for which
//!
//! ```text
//! q(g) = sum over opinions m of  w_m * ( p_m(C) * q(known to m) * q(g) / q(C)   if g lies in the cell C of m
//!                                        q(g)                                   otherwise )
//! ```
//!
//! the stationary distribution of a Markov chain: pick an opinion by weight; if the present outcome is one it knows,
//! draw a cell from it, and within the cell as everybody agrees. It is found by iterating from the weighted mean.

/// Iterations converge geometrically; a rare outcome known to one light opinion alone takes the most.
const MAX_ITERATIONS: usize = 2000;
const CONVERGED: f64 = 1e-9;
/// Steps after which it is tried to foresee where they lead.
const LEAP_EVERY: usize = 8;

/// What one voter thinks of outcomes that are known by their index.
#[derive(Debug)]
pub(super) struct Opinion {
    /// Above 0; only the ratio to the others' matters.
    pub(super) weight: f64,
    /// Outcomes, each in one cell at most, and the cell's probability. Those of all cells sum to 1.
    pub(super) cells: Vec<(Vec<usize>, f64)>,
}

/// Probabilities of `outcomes` outcomes, summing to 1 as far as any opinion knows them; empty without an opinion.
pub(super) fn agree(opinions: &[Opinion], outcomes: usize) -> Vec<f64> {
    let total: f64 = opinions.iter().map(|opinion| opinion.weight).sum();
    if opinions.is_empty() {
        return Vec::new();
    }
    let mut agreed = vec![0.0; outcomes];
    for Opinion { weight, cells } in opinions {
        for (cell, p) in cells {
            for &outcome in cell {
                agreed[outcome] += weight / total * p / cell.len() as f64;
            }
        }
    }
    let mut moved_before = f64::INFINITY;
    for i in 1..=MAX_ITERATIONS {
        let next = step(opinions, total, &agreed);
        let moved: f64 = agreed.iter().zip(&next).map(|(a, b)| (a - b).abs()).sum();
        let ratio = moved / moved_before;
        moved_before = moved;
        let before = std::mem::replace(&mut agreed, next);
        if moved < CONVERGED {
            break;
        }
        if i % LEAP_EVERY == 0 && (0.3..1.0 - 1e-6).contains(&ratio) {
            leap(&mut agreed, &before, ratio);
            moved_before = f64::INFINITY;
        }
    }
    agreed
}

/// Goes where steps that shrink by this ratio would end (Aitken's extrapolation): what is known to a light opinion
/// alone moves by a small part of the way each time. Where it ends is decided by plain steps.
fn leap(agreed: &mut [f64], before: &[f64], ratio: f64) {
    let sum: f64 = agreed.iter().sum();
    for (q, before) in agreed.iter_mut().zip(before) {
        *q = (*q + (*q - before) * ratio / (1.0 - ratio)).max(0.0);
    }
    let leapt: f64 = agreed.iter().sum();
    if leapt > 0.0 {
        agreed.iter_mut().for_each(|q| *q *= sum / leapt);
    }
}

/// One step towards agreement: each opinion redistributes what the others put on the outcomes that it knows.
fn step(opinions: &[Opinion], total: f64, agreed: &[f64]) -> Vec<f64> {
    let mut next = vec![0.0; agreed.len()];
    for Opinion { weight, cells } in opinions {
        let weight = weight / total;
        let share = |cell: &[usize]| cell.iter().map(|&outcome| agreed[outcome]).sum::<f64>();
        let known: f64 = cells.iter().map(|(cell, _)| share(cell)).sum();
        let mut own: Vec<Option<f64>> = vec![None; agreed.len()];
        for (cell, p) in cells {
            let share = share(cell);
            for &outcome in cell {
                let within = if share > 0.0 { agreed[outcome] / share } else { 1.0 / cell.len() as f64 };
                own[outcome] = Some(p * known * within);
            }
        }
        for ((next, own), agreed) in next.iter_mut().zip(own).zip(agreed) {
            *next += weight * own.unwrap_or(*agreed);
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opinion(weight: f64, cells: &[(&[usize], f64)]) -> Opinion {
        Opinion { weight, cells: cells.iter().map(|(cell, p)| (cell.to_vec(), *p)).collect() }
    }

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}, expected {expected:?}");
    }

    #[test]
    fn who_tells_two_outcomes_apart_decides_between_them_and_nobody_else() {
        let coarse = opinion(3.0, &[(&[0, 1], 0.9), (&[2], 0.1)]);
        let fine = opinion(1.0, &[(&[0], 0.6), (&[1], 0.2), (&[2], 0.2)]);
        // Together 0.75 * 0.9 + 0.25 * 0.8 for the first two, at 3 to 1.
        assert_close(&agree(&[coarse, fine], 3), &[0.65625, 0.21875, 0.125]);
    }

    #[test]
    fn a_light_opinion_is_heard_to_the_end_whatever_the_weights() {
        // The heavy one says that the first two are even, the light one that the others are 0.9 and 0.1 of the second.
        let heavy = opinion(100.0, &[(&[0], 0.5), (&[1], 0.5)]);
        let light = opinion(0.01, &[(&[1], 0.5), (&[2], 0.45), (&[3], 0.05)]);
        let found = agree(&[heavy, light], 4);
        let expected = [1.0 / 3.0, 1.0 / 3.0, 0.3, 0.1 / 3.0];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{found:?}, expected {expected:?}");
    }

    #[test]
    fn without_an_opinion_there_is_no_agreement() {
        assert!(agree(&[], 3).is_empty());
    }
}
