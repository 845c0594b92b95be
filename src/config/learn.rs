//! `[learn]`: what is learned from the owner, and when.

use serde::{Deserialize, Serialize};

/// `[learn]`: learning from the library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Learn {
    /// The share of written genres that has to be right once something was learned, above 0.5 and below 1.
    pub precision: f64,
    /// Tracks that a genre needs to be learned, at least 2; from at least three artists.
    pub min_tracks: u32,
    /// Whether the service learns anew by itself when enough was said since, once its owner has begun with it.
    pub auto: bool,
}

impl Default for Learn {
    fn default() -> Self {
        Self { precision: 0.9, min_tracks: 10, auto: true }
    }
}

impl Learn {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        super::require(self.precision > 0.5 && self.precision < 1.0, "learn.precision", || {
            format!("precision must lie above 0.5 and below 1, not {}", self.precision)
        })?;
        super::require((2..=10_000).contains(&self.min_tracks), "learn.min_tracks", || {
            format!("min_tracks must lie between 2 and 10000, not {}", self.min_tracks)
        })
    }
}
