//! One model asked about one clip, by itself: no cache, no vote. For those who train on what a model says.

use super::clip_features::{ClipFeatures, ClipFeaturesError, WantedFeatures};
use crate::audio::{AudioError, Clip};
use crate::features::{Extractor, FeatureError};
use crate::inference::{InferenceError, Model, Scores};

/// A model could not be asked about a clip.
#[derive(Debug, thiserror::Error)]
pub enum AskModelError {
    /// The clip cannot be brought to the rate that the model hears.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// The clip has no such features.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// The model has no answer.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// What the model is fed is not made of sound alone.
    #[error("the model `{0}` hears no sound by itself")]
    HearsNothing(String),
}

/// What a model says of a clip, fed exactly as in the line.
///
/// # Errors
/// When the clip has none of the features that the model is fed with, or the model no answer to them.
pub fn ask_model(model: &Model, clip: &Clip, extractor: &mut Extractor) -> Result<Scores, AskModelError> {
    let input = &model.manifest().input;
    let clip_features = ClipFeatures::of(clip, &WantedFeatures::of(std::iter::once(input)), extractor)?;
    let features = clip_features.features(input);
    let features = features.ok_or_else(|| AskModelError::HearsNothing(model.manifest().name.clone()))?;
    Ok(model.run(&features)?)
}

impl From<ClipFeaturesError> for AskModelError {
    fn from(error: ClipFeaturesError) -> Self {
        match error {
            ClipFeaturesError::Audio(error) => Self::Audio(error),
            ClipFeaturesError::Features(error) => Self::Features(error),
        }
    }
}
