//! Numbers in the form that a model takes, of half a minute: what a model is timed on.

use reclassd::inference::{ModelFeatures, ModelInput};

/// Made-up features.
pub(super) struct MadeUp {
    values: Vec<f32>,
    kind: Kind,
}

enum Kind {
    Fma518,
    LogMel { n_mels: usize, n_frames: usize },
    MusicnnMel,
    Mel { n_mels: usize },
    Waveform,
    Joined,
}

impl MadeUp {
    pub(super) fn of(input: &ModelInput) -> Self {
        const SECONDS: usize = 30;
        let (size, kind) = match input {
            ModelInput::Fma518 { .. } => (reclassd::features::FMA518_LEN, Kind::Fma518),
            ModelInput::Joined(input) => (input.size(), Kind::Joined),
            ModelInput::MusicnnMel(_) => (SECONDS * 63 * 96, Kind::MusicnnMel),
            ModelInput::Waveform(input) => (SECONDS * input.sample_rate as usize, Kind::Waveform),
            other => match (other.log_mel(), other.mel()) {
                (Some(mel), _) => {
                    let n_frames = SECONDS * mel.sample_rate as usize / mel.hop_length + 1;
                    (n_frames * mel.n_mels, Kind::LogMel { n_mels: mel.n_mels, n_frames })
                }
                (None, Some(mel)) => {
                    let n_frames = SECONDS * mel.sample_rate as usize / mel.hop_length + 1;
                    (n_frames * mel.n_mels, Kind::Mel { n_mels: mel.n_mels })
                }
                (None, None) => (0, Kind::Joined),
            },
        };
        // No two alike, and small: a model may not care for constants.
        Self { values: (0..size).map(|i| (i as f32 * 0.37).sin() * 0.5).collect(), kind }
    }

    pub(super) fn features(&self) -> ModelFeatures<'_> {
        let data = self.values.as_slice();
        match self.kind {
            Kind::Fma518 => ModelFeatures::Fma518(data),
            Kind::LogMel { n_mels, n_frames } => ModelFeatures::LogMel { data, n_mels, n_frames },
            Kind::MusicnnMel => ModelFeatures::MusicnnMel(data),
            Kind::Mel { n_mels } => ModelFeatures::Mel { data, n_mels },
            Kind::Waveform => ModelFeatures::Waveform(data),
            Kind::Joined => ModelFeatures::Joined(data),
        }
    }
}
