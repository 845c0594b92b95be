//! One clip as the models hear it: resampled once a rate, and turned into every kind of features that some model asks for.
//!
//! This chooses what to compute, so that models with the same front end share it; the arithmetic is `features`'.

use crate::audio::{AudioError, Clip};
use crate::features::{Extractor, FeatureError, Fma518, LogMel, LogMelParameters, MusicnnMel};
use crate::inference::{LogMelInput, ModelFeatures, ModelInput};

/// The inputs that some models ask for, each once.
pub(super) struct Wanted<'a>(Vec<&'a ModelInput>);

impl<'a> Wanted<'a> {
    pub(super) fn of(inputs: impl Iterator<Item = &'a ModelInput>) -> Self {
        let mut wanted: Vec<&ModelInput> = Vec::new();
        for input in inputs {
            if !wanted.iter().any(|known| same_features(known, input)) {
                wanted.push(input);
            }
        }
        Self(wanted)
    }

    /// The rates at which the 518 are asked for.
    pub(super) fn fma518_rates(&self) -> impl Iterator<Item = u32> {
        self.0.iter().filter_map(|input| match input {
            ModelInput::Fma518 { sample_rate } => Some(*sample_rate),
            ModelInput::LogMel(_) | ModelInput::MusicnnMel(_) => None,
        })
    }

    fn log_mels(&self, sample_rate: u32) -> impl Iterator<Item = &'a LogMelInput> {
        self.0.iter().filter_map(move |input| match input {
            ModelInput::LogMel(input) if input.sample_rate == sample_rate => Some(input),
            _ => None,
        })
    }

    fn musicnn_mel(&self, sample_rate: u32) -> bool {
        let at_rate =
            |input: &&ModelInput| matches!(input, ModelInput::MusicnnMel(_)) && input.sample_rate() == sample_rate;
        self.0.iter().any(at_rate)
    }

    fn rates(&self) -> std::collections::BTreeSet<u32> {
        self.0.iter().map(|input| input.sample_rate()).collect()
    }
}

/// Why a clip has no features.
#[derive(Debug, thiserror::Error)]
pub(super) enum HearingError {
    #[error(transparent)]
    Audio(#[from] AudioError),
    #[error(transparent)]
    Features(#[from] FeatureError),
}

/// All features of one clip.
pub(super) struct Hearing {
    fma518: Vec<(u32, Fma518)>,
    log_mel: Vec<(LogMelParameters, LogMel)>,
    musicnn_mel: Option<MusicnnMel>,
}

impl Hearing {
    pub(super) fn of(clip: &Clip, wanted: &Wanted<'_>, extractor: &mut Extractor) -> Result<Self, HearingError> {
        let mut hearing = Self { fma518: Vec::new(), log_mel: Vec::new(), musicnn_mel: None };
        for rate in wanted.rates() {
            let clip = clip.resampled(rate)?;
            let mut spectrograms = wanted.log_mels(rate).map(parameters);
            if wanted.fma518_rates().any(|wanted| wanted == rate) {
                // The first spectrogram shares the transform of the 518.
                match spectrograms.next() {
                    Some(parameters) => {
                        let (vector, log_mel) = extractor.fma518_and_log_mel(&clip.samples, rate, &parameters)?;
                        hearing.fma518.push((rate, vector));
                        hearing.log_mel.push((parameters, log_mel));
                    }
                    None => hearing.fma518.push((rate, extractor.fma518(&clip.samples, rate)?)),
                }
            }
            for parameters in spectrograms {
                let log_mel = extractor.log_mel(&clip.samples, rate, &parameters)?;
                hearing.log_mel.push((parameters, log_mel));
            }
            if wanted.musicnn_mel(rate) {
                hearing.musicnn_mel = Some(extractor.musicnn_mel(&clip.samples, rate)?);
            }
        }
        Ok(hearing)
    }

    /// The 518 at a rate.
    pub(super) fn fma518(&self, sample_rate: u32) -> Option<&Fma518> {
        self.fma518.iter().find(|(rate, _)| *rate == sample_rate).map(|(_, vector)| vector)
    }

    /// What a model with this input is fed with; `None` when it was not among the wanted ones.
    pub(super) fn features(&self, input: &ModelInput) -> Option<ModelFeatures<'_>> {
        match input {
            ModelInput::Fma518 { sample_rate } => Some(ModelFeatures::Fma518(self.fma518(*sample_rate)?.as_slice())),
            ModelInput::LogMel(input) => {
                let wanted = parameters(input);
                let (_, log_mel) = self.log_mel.iter().find(|(parameters, _)| *parameters == wanted)?;
                Some(ModelFeatures::LogMel { data: &log_mel.data, n_mels: log_mel.n_mels, n_frames: log_mel.n_frames })
            }
            ModelInput::MusicnnMel(_) => self.musicnn_mel.as_ref().map(|mel| ModelFeatures::MusicnnMel(&mel.data)),
        }
    }
}

/// Whether two inputs are made of the same features; how many frames a graph takes is its own business.
fn same_features(a: &ModelInput, b: &ModelInput) -> bool {
    match (a, b) {
        (ModelInput::Fma518 { sample_rate: a }, ModelInput::Fma518 { sample_rate: b }) => a == b,
        (ModelInput::LogMel(a), ModelInput::LogMel(b)) => parameters(a) == parameters(b),
        // Its parameters are fixed.
        (ModelInput::MusicnnMel(_), ModelInput::MusicnnMel(_)) => true,
        _ => false,
    }
}

fn parameters(input: &LogMelInput) -> LogMelParameters {
    LogMelParameters {
        sample_rate: input.sample_rate,
        n_fft: input.n_fft,
        hop_length: input.hop_length,
        n_mels: input.n_mels,
        fmin: input.fmin,
        fmax: input.fmax,
        top_db: input.top_db,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::{MusicnnMelInput, Padding};

    fn log_mel(frames: usize, n_mels: usize) -> ModelInput {
        ModelInput::LogMel(LogMelInput {
            sample_rate: 22_050,
            n_fft: 2048,
            hop_length: 512,
            n_mels,
            fmin: 0.0,
            fmax: 11_025.0,
            top_db: 80.0,
            frames,
            padding: Padding::Repeat,
        })
    }

    fn musicnn_mel(patches: usize) -> ModelInput {
        ModelInput::MusicnnMel(MusicnnMelInput { sample_rate: 16_000, patch_frames: 187, patches })
    }

    #[test]
    fn models_with_the_same_front_end_share_it_and_each_is_fed_its_own() {
        let inputs = [
            ModelInput::Fma518 { sample_rate: 22_050 },
            log_mel(1292, 128),
            log_mel(256, 128),
            log_mel(256, 64),
            ModelInput::Fma518 { sample_rate: 44_100 },
            musicnn_mel(3),
            musicnn_mel(10),
        ];
        let wanted = Wanted::of(inputs.iter());
        assert_eq!(wanted.0.len(), 5);
        let samples = (0..44_100 * 2).map(|i| (i as f32 * 0.05).sin() * 0.5).collect();
        let clip = Clip { samples, sample_rate: 44_100 };
        let mut extractor = Extractor::new();
        let hearing = Hearing::of(&clip, &wanted, &mut extractor).unwrap();
        let at_22k = clip.resampled(22_050).unwrap();
        assert_eq!(hearing.fma518(22_050).unwrap(), &extractor.fma518(&at_22k.samples, 22_050).unwrap());
        assert_eq!(hearing.fma518(44_100).unwrap(), &extractor.fma518(&clip.samples, 44_100).unwrap());
        for input in &inputs {
            match (input, hearing.features(input).unwrap()) {
                (ModelInput::Fma518 { .. }, ModelFeatures::Fma518(row)) => assert_eq!(row.len(), 518),
                (ModelInput::LogMel(input), ModelFeatures::LogMel { n_mels, n_frames, data }) => {
                    assert_eq!((n_mels, n_frames, data.len()), (input.n_mels, 87, input.n_mels * 87));
                }
                (ModelInput::MusicnnMel(_), ModelFeatures::MusicnnMel(data)) => assert_eq!(data.len(), 126 * 96),
                _ => panic!("fed with the wrong kind"),
            }
        }
    }
}
