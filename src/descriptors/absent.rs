//! Why a descriptor is not given. A number that stands for "nothing to hear" would be believed.

use std::fmt;

/// Why something cannot be said of a sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// Nothing is heard: below -60 dB full scale.
    Silent,
    /// Shorter than [`super::MIN_SECONDS`].
    TooShort,
    /// Nothing returns at an even pace: noise, a drone, free speech.
    NoBeat,
    /// No note stands out, or none is a centre: noise, drums, atonal music.
    NoKey,
    /// Nothing but a rate so low that the features cannot be computed, or another limit of theirs.
    NoFeatures,
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silent => "silence",
            Self::TooShort => "too short to judge",
            Self::NoBeat => "no beat",
            Self::NoKey => "no tonal centre",
            Self::NoFeatures => "no features of this sound",
        })
    }
}
