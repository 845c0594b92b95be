//! How long a worker spent in each stage, for whoever wants to know where the time goes.

use std::time::Duration;

/// A stage of the line, as far as time is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Finding out which audio a file holds.
    Identify,
    /// Decoding, features, models and the vote; from the cache where it suffices.
    Analyse,
    /// The decision, the write and the record.
    Tag,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Stage; 3] = [Stage::Identify, Stage::Analyse, Stage::Tag];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Identify => "identify",
            Stage::Analyse => "analyse",
            Stage::Tag => "tag",
        }
    }
}

/// Time by stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageTimes([Duration; Stage::ALL.len()]);

impl StageTimes {
    /// The time of one stage.
    pub fn of(&self, stage: Stage) -> Duration {
        self.0[stage as usize]
    }

    pub(super) fn add(&mut self, stage: Stage, spent: Duration) {
        self.0[stage as usize] += spent;
    }
}
