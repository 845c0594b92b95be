//! How often a vote that looks like this one is right: what the vote shows of itself becomes one probability.
//!
//! A share of a vote is no promise. A logistic regression, fitted on collections of music in turn and judged on the one
//! that was left out, says how likely the first genre is right; the vote is then softened, or sharpened, until its
//! first share is that. What the signs are worth is in `models/ensemble*.toml`; this is the arithmetic.

use serde::{Deserialize, Serialize};

/// No probability is closer to 0 or 1 than this before its logarithm is taken.
const EDGE: f64 = 1e-6;
/// Beyond these log-odds another step tells no more.
const LIMIT: f64 = 8.0;

/// What each sign adds to the log-odds that the first genre is right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The log-odds without any sign.
    pub bias: f64,
    /// For the log-odds of the first genre's share.
    pub top: f64,
    /// For the part of the voters' weight that names another genre first, 0 to 1.
    #[serde(default)]
    pub dissent: f64,
}

/// What a vote shows of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Signs {
    /// The log-odds of the first genre's share.
    pub top: f64,
    /// The part of the voters' weight that names another genre first, 0 to 1.
    pub dissent: f64,
}

impl Signs {
    /// Of a vote whose first genre has this share, and against which this part of the weight names another genre first.
    pub(super) fn of_vote(first: f64, dissent: f64) -> Self {
        Self { top: log_odds(first), dissent }
    }
}

impl Calibration {
    /// How likely the first genre is right, 0 to 1.
    pub fn confidence(&self, signs: &Signs) -> f64 {
        let z = self.bias + self.parts(signs).iter().map(|(_, part)| part).sum::<f64>();
        1.0 / (1.0 + (-z).exp())
    }

    /// What each sign adds to the log-odds, in the order of their names in the description.
    pub fn parts(&self, signs: &Signs) -> [(&'static str, f64); 2] {
        [("top", self.top * signs.top), ("dissent", self.dissent * signs.dissent)]
    }

    /// Whether all of it are numbers.
    pub fn is_finite(&self) -> bool {
        [self.bias, self.top, self.dissent].iter().all(|value| value.is_finite())
    }
}

/// The natural logarithm of p / (1 - p), within what another step tells anything.
pub(super) fn log_odds(p: f64) -> f64 {
    let p = p.clamp(EDGE, 1.0 - EDGE);
    (p / (1.0 - p)).ln().clamp(-LIMIT, LIMIT)
}

/// Softens or sharpens shares that sum to 1, their order kept, until the largest is `wanted`; as far as that goes where
/// there are as many likeliest ones that no power tells apart. It is the least harm to the rest: p^(1/T), normalised.
pub(super) fn soften_to(shares: &mut [f64], wanted: f64) {
    let largest = shares.iter().copied().fold(0.0, f64::max);
    if largest <= 0.0 {
        return;
    }
    let relative: Vec<f64> = shares.iter().map(|p| p / largest).collect();
    let first = |power: f64| 1.0 / relative.iter().map(|r| r.powf(power)).sum::<f64>();
    // The first share grows with the power; its logarithm is halved until no digit of an f32 changes.
    let (mut low, mut high) = (-16.0_f64, 8.0_f64);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if first(middle.exp()) < wanted { low = middle } else { high = middle }
    }
    let power = high.exp();
    let share = first(power);
    for (p, r) in shares.iter_mut().zip(relative) {
        *p = share * r.powf(power);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: [f64; 4] = [0.2, 0.6, 0.15, 0.05];

    #[test]
    fn a_vote_is_softened_or_sharpened_to_the_confidence_with_its_order_kept() {
        for wanted in [0.3, 0.6, 0.9, 0.999] {
            let mut shares = SHARES;
            soften_to(&mut shares, wanted);
            assert!((shares[1] - wanted).abs() < 1e-9, "{shares:?}");
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            assert!(shares[1] > shares[0] && shares[0] > shares[2] && shares[2] > shares[3]);
        }
    }

    #[test]
    fn less_than_an_equal_share_is_an_equal_share_and_nothing_stays_nothing() {
        let mut shares = SHARES;
        soften_to(&mut shares, 0.01);
        assert!(shares.iter().all(|p| (p - 0.25).abs() < 1e-3), "{shares:?}");
        let mut none = [0.0; 2];
        soften_to(&mut none, 0.9);
        assert_eq!(none, [0.0; 2]);
        soften_to(&mut [], 0.5);
    }

    #[test]
    fn a_vote_against_which_many_speak_is_less_sure() {
        let calibration = Calibration { bias: 0.5, top: 1.0, dissent: -2.0 };
        let confidence = |dissent| calibration.confidence(&Signs::of_vote(0.6, dissent));
        assert!((confidence(0.0) - 1.0 / (1.0 + (-0.5 - 1.5_f64.ln()).exp())).abs() < 1e-9);
        assert!((confidence(0.25) - 0.6).abs() < 1e-9, "half a nat for the bias, half against");
        assert!(calibration.is_finite() && !Calibration { top: f64::NAN, ..calibration }.is_finite());
    }
}
