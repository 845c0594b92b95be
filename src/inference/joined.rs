//! The front end `joined`: a small graph is fed what other models of the ensemble said of the same stretch of sound,
//! and features, in one row. It hears nothing by itself; who gathers the row is the caller's business.

use serde::Deserialize;

use super::input::Fault;
use super::manifest::is_model_name;
use crate::features::FMA518_LEN;

/// More numbers than this of one model are a mistake.
const MAX_SIZE: usize = 1 << 20;

/// What is joined, in this order: shape (1, the sum of the sizes).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinedInput {
    /// At least one.
    pub parts: Vec<Part>,
}

/// One part of the row.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// What another model said.
    Said(SaidPart),
    /// Features of the sound.
    Features(FeaturesPart),
}

/// What another model said of the same stretch of sound.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaidPart {
    /// The model, which takes part whenever this one does.
    pub model: String,
    /// What of it.
    pub output: PartOutput,
    /// How many numbers.
    pub size: usize,
}

/// Features as a part: only the 518 there are.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeaturesPart {
    /// Which.
    pub features: FeaturesName,
    /// Rate in Hz of the mono signal that they are computed of.
    pub sample_rate: u32,
}

/// What a model says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartOutput {
    /// Its description of the sound.
    Embedding,
    /// The probabilities of its labels.
    Scores,
}

/// Features that can be a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeaturesName {
    /// The 518 of the FMA data set.
    Fma518,
}

impl Part {
    /// How many numbers of the row.
    pub fn size(&self) -> usize {
        match self {
            Self::Said(said) => said.size,
            Self::Features(_) => FMA518_LEN,
        }
    }
}

impl JoinedInput {
    /// How many numbers the row has.
    pub fn size(&self) -> usize {
        self.parts.iter().map(Part::size).sum()
    }

    /// The models that have to be asked before.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Said(said) => Some(said.model.as_str()),
            Part::Features(_) => None,
        })
    }

    /// The rates at which the 518 are asked for.
    pub fn fma518_rates(&self) -> impl Iterator<Item = u32> {
        self.parts.iter().filter_map(|part| match part {
            Part::Features(features) => Some(features.sample_rate),
            Part::Said(_) => None,
        })
    }

    pub(super) fn fault(&self) -> Fault {
        if self.parts.is_empty() {
            return Some(("input.joined.parts", "must have a part".into()));
        }
        self.parts.iter().find_map(|part| match part {
            Part::Said(SaidPart { model, .. }) if !is_model_name(model) => {
                Some(("input.joined.parts.model", format!("must be the name of a model, found `{model}`")))
            }
            Part::Said(SaidPart { size, .. }) if !(1..=MAX_SIZE).contains(size) => {
                Some(("input.joined.parts.size", format!("must be 1 to {MAX_SIZE}, found {size}")))
            }
            Part::Features(FeaturesPart { sample_rate, .. }) => super::input::rate_fault(*sample_rate),
            Part::Said(_) => None,
        })
    }
}
