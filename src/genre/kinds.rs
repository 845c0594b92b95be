//! Which kind of a family is named (`Metal` for `Pop Rock`), and how likely it is right.
//!
//! What the models that tell kinds apart say of them is [`super::family`]'s; this says what that is worth. A kind is
//! named by its own probability, so that the confidence that is reported is that of the name that is reported.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Genre;
use super::calibration::log_odds;

/// When a kind is named in place of its family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KindsPolicy {
    /// Where its own probability suffices.
    #[default]
    WhenSure,
    /// Not at all: the family is.
    Never,
    /// Wherever some model tells kinds apart: the likeliest, by its own probability, which may be a low one.
    Always,
}

/// What the share that a kind has of its family is worth: the log-odds that a file of the family is of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindFit {
    /// The log-odds at an even share.
    pub bias: f64,
    /// For the log-odds of the share.
    pub share: f64,
}

/// When kinds are named, and by which probability.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kinds {
    /// The owner's wish.
    pub policy: KindsPolicy,
    /// The probability from which a kind is named, 0 to 1.
    pub tell: f32,
    /// What was fitted, by kind. Where this is not empty, a kind that is not in it is never sure.
    pub fits: BTreeMap<Genre, KindFit>,
}

/// A kind of the family that a vote named.
#[derive(Debug, Clone, PartialEq)]
pub struct KindShare {
    /// The kind.
    pub kind: Genre,
    /// The genre that it is a kind of: the family, or a kind of that.
    pub of: Genre,
    /// Its share of the family by the word of those who tell kinds apart, 0 to 1.
    pub share: f64,
    /// How likely a file of the family is of this kind, 0 to 1.
    pub likely: f64,
}

impl Kinds {
    /// How likely a file of the family is of a kind that has this share of it.
    pub(super) fn likely(&self, kind: &Genre, share: f64) -> f64 {
        match self.fits.get(kind) {
            Some(fit) => 1.0 / (1.0 + (-fit.bias - fit.share * log_odds(share)).exp()),
            None if self.fits.is_empty() => share,
            None => 0.0,
        }
    }

    /// The kind to name of a family of this probability: going down from the family, the likeliest kind of what was
    /// named, as long as that is sure enough; or, where one is always named, as long as it is most of what it is a kind
    /// of.
    pub(super) fn choose<'a>(&self, kinds: &'a [KindShare], family: &Genre, p: f64) -> Option<&'a KindShare> {
        let (mut named, mut wide, mut likely) = (None, family, 1.0);
        loop {
            let inside = kinds.iter().filter(|kind| kind.of == *wide);
            let likeliest = inside.max_by(|a, b| a.likely.total_cmp(&b.likely).then_with(|| b.kind.cmp(&a.kind)));
            let Some(kind) = likeliest else { return named };
            let is_named = match self.policy {
                KindsPolicy::Never => false,
                KindsPolicy::WhenSure => p * kind.likely >= f64::from(self.tell),
                KindsPolicy::Always => named.is_none() || kind.likely > likely / 2.0,
            };
            if !is_named {
                return named;
            }
            (named, wide, likely) = (Some(kind), &kind.kind, kind.likely);
        }
    }
}
