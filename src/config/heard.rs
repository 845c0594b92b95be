//! `[tags.write]`: what of a track's sound is written into the fields that players read.

use serde::{Deserialize, Serialize};

use crate::tagging::HeardPolicy;

/// `[tags.write]`. Nothing of it is written unless it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriteHeard {
    /// The tempo, as a whole number of beats a minute.
    pub bpm: HeardPolicy,
    /// The key, as `[tags] key_notation` spells it.
    pub key: HeardPolicy,
    /// The mood: Happy, Tense, Sad or Calm.
    pub mood: HeardPolicy,
    /// The confidence of each from which it is written, 0 to 1.
    pub min_confidence: f64,
}

impl Default for WriteHeard {
    fn default() -> Self {
        Self { bpm: HeardPolicy::Never, key: HeardPolicy::Never, mood: HeardPolicy::Never, min_confidence: 0.6 }
    }
}

impl WriteHeard {
    /// Whether anything is written.
    pub fn is_any(&self) -> bool {
        [self.bpm, self.key, self.mood].contains(&HeardPolicy::Fill)
    }

    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        super::require((0.0..=1.0).contains(&self.min_confidence), "tags.write", || {
            format!("min_confidence must lie between 0 and 1, not {}", self.min_confidence)
        })
    }
}
