//! One model asked about one clip, by itself: no cache, no vote. For those who train on what a model says.

use super::hearing::{Hearing, HearingError, Wanted};
use crate::audio::{AudioError, Clip};
use crate::features::{Extractor, FeatureError};
use crate::inference::{InferenceError, Model, Scores};

/// A model could not be asked about a clip.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
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
pub fn ask(model: &Model, clip: &Clip, extractor: &mut Extractor) -> Result<Scores, AskError> {
    let input = &model.manifest().input;
    let hearing = Hearing::of(clip, &Wanted::of(std::iter::once(input)), extractor)?;
    let features = hearing.features(input);
    let features = features.ok_or_else(|| AskError::HearsNothing(model.manifest().name.clone()))?;
    Ok(model.run(&features)?)
}

impl From<HearingError> for AskError {
    fn from(error: HearingError) -> Self {
        match error {
            HearingError::Audio(error) => Self::Audio(error),
            HearingError::Features(error) => Self::Features(error),
        }
    }
}
