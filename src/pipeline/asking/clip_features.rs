//! One clip as the models hear it: resampled once a rate, and turned into every kind of features that some model asks for.
//!
//! This chooses what to compute, so that models with the same front end share it; the arithmetic is `features`'.

use crate::audio::{AudioError, Clip};
use crate::descriptors::{self, Descriptors};
use crate::features::{
    Extractor, FeatureError, Fma518, LogMel, LogMelParameters, MelParameters, MelSpectrogram, MusicnnMel,
};
use crate::inference::{ModelFeatures, ModelInput};

/// What some models ask for, each once.
#[derive(Default)]
pub(super) struct WantedFeatures {
    fma518: Vec<u32>,
    log_mel: Vec<LogMelParameters>,
    mel: Vec<MelParameters>,
    musicnn_mel: bool,
    waveforms: Vec<u32>,
    descriptors: bool,
}

impl WantedFeatures {
    pub(super) fn of<'a>(inputs: impl Iterator<Item = &'a ModelInput>) -> Self {
        let mut wanted = Self::default();
        for input in inputs {
            match input {
                ModelInput::Fma518 { sample_rate } => add(&mut wanted.fma518, *sample_rate),
                ModelInput::MusicnnMel(_) => wanted.musicnn_mel = true,
                ModelInput::Waveform(input) => add(&mut wanted.waveforms, input.sample_rate),
                // It builds on what others hear.
                ModelInput::Joined(_) => {}
                ModelInput::LogMel(_)
                | ModelInput::EssentiaMusicnnMel(_)
                | ModelInput::VggishMel(_)
                | ModelInput::KaldiFbank(_) => {
                    if let Some(parameters) = input.log_mel() {
                        add(&mut wanted.log_mel, parameters);
                    }
                    if let Some(parameters) = input.mel() {
                        add(&mut wanted.mel, parameters);
                    }
                }
            }
        }
        wanted
    }

    /// The same and what the sound is like.
    pub(super) fn and_descriptors(mut self) -> Self {
        add(&mut self.fma518, descriptors::SAMPLE_RATE);
        // In front: the first spectrogram of a rate shares the transform of the 518.
        self.log_mel.retain(|parameters| *parameters != LogMelParameters::default());
        self.log_mel.insert(0, LogMelParameters::default());
        self.descriptors = true;
        self
    }

    /// The rates at which the 518 are asked for.
    pub(super) fn fma518_rates(&self) -> impl Iterator<Item = u32> {
        self.fma518.iter().copied()
    }

    fn rates(&self) -> std::collections::BTreeSet<u32> {
        let log_mels = self.log_mel.iter().map(|parameters| parameters.sample_rate);
        let mels = self.mel.iter().map(|parameters| parameters.sample_rate);
        let musicnn = self.musicnn_mel.then_some(MusicnnMel::SAMPLE_RATE);
        let given = self.fma518.iter().chain(&self.waveforms).copied();
        given.chain(log_mels).chain(mels).chain(musicnn).collect()
    }
}

fn add<T: PartialEq>(known: &mut Vec<T>, wanted: T) {
    if !known.contains(&wanted) {
        known.push(wanted);
    }
}

/// Why a clip has no features.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClipFeaturesError {
    #[error(transparent)]
    Audio(#[from] AudioError),
    #[error(transparent)]
    Features(#[from] FeatureError),
}

/// All features of one clip.
#[derive(Default)]
pub(super) struct ClipFeatures {
    fma518: Vec<(u32, Fma518)>,
    log_mel: Vec<(LogMelParameters, LogMel)>,
    mel: Vec<(MelParameters, MelSpectrogram)>,
    musicnn_mel: Option<MusicnnMel>,
    waveforms: Vec<Clip>,
    /// What the sound is like, if that was asked for.
    pub(super) descriptors: Option<Descriptors>,
}

impl ClipFeatures {
    pub(super) fn of(
        clip: &Clip,
        wanted: &WantedFeatures,
        extractor: &mut Extractor,
    ) -> Result<Self, ClipFeaturesError> {
        let mut clip_features = Self::default();
        for rate in wanted.rates() {
            let original = clip;
            let clip = clip.resampled(rate)?;
            let samples = &clip.samples;
            let mut log_mels = wanted.log_mel.iter().filter(|parameters| parameters.sample_rate == rate);
            if wanted.fma518.contains(&rate) {
                // The first spectrogram shares the transform of the 518.
                match log_mels.next() {
                    Some(parameters) => {
                        let (vector, log_mel) = extractor.fma518_and_log_mel(samples, rate, parameters)?;
                        clip_features.fma518.push((rate, vector));
                        clip_features.log_mel.push((parameters.clone(), log_mel));
                    }
                    None => clip_features.fma518.push((rate, extractor.fma518(samples, rate)?)),
                }
            }
            for parameters in log_mels {
                clip_features.log_mel.push((parameters.clone(), extractor.log_mel(samples, rate, parameters)?));
            }
            for parameters in wanted.mel.iter().filter(|parameters| parameters.sample_rate == rate) {
                clip_features.mel.push((parameters.clone(), extractor.mel_spectrogram(samples, rate, parameters)?));
            }
            if wanted.musicnn_mel && rate == MusicnnMel::SAMPLE_RATE {
                clip_features.musicnn_mel = Some(extractor.musicnn_mel(samples, rate)?);
            }
            if wanted.descriptors && rate == descriptors::SAMPLE_RATE {
                let parameters = LogMelParameters::default();
                let log_mel = clip_features.log_mel.iter().find(|(known, _)| *known == parameters);
                let features = log_mel.zip(clip_features.fma518(rate));
                clip_features.descriptors =
                    features.map(|((_, log_mel), vector)| Descriptors::from_features(original, &clip, log_mel, vector));
            }
            if wanted.waveforms.contains(&rate) {
                clip_features.waveforms.push(clip.into_owned());
            }
        }
        Ok(clip_features)
    }

    /// The 518 at a rate.
    pub(super) fn fma518(&self, sample_rate: u32) -> Option<&Fma518> {
        self.fma518.iter().find(|(rate, _)| *rate == sample_rate).map(|(_, vector)| vector)
    }

    /// What a model with this input is fed with; `None` when it was not among the wanted ones, or hears nothing by itself.
    pub(super) fn features(&self, input: &ModelInput) -> Option<ModelFeatures<'_>> {
        match input {
            ModelInput::Joined(_) => None,
            ModelInput::Fma518 { sample_rate } => Some(ModelFeatures::Fma518(self.fma518(*sample_rate)?.as_slice())),
            ModelInput::MusicnnMel(_) => self.musicnn_mel.as_ref().map(|mel| ModelFeatures::MusicnnMel(&mel.data)),
            ModelInput::Waveform(input) => {
                let clip = self.waveforms.iter().find(|clip| clip.sample_rate == input.sample_rate)?;
                Some(ModelFeatures::Waveform(&clip.samples))
            }
            ModelInput::LogMel(_)
            | ModelInput::EssentiaMusicnnMel(_)
            | ModelInput::VggishMel(_)
            | ModelInput::KaldiFbank(_) => match (input.log_mel(), input.mel()) {
                (Some(wanted), _) => {
                    let (_, mel) = self.log_mel.iter().find(|(parameters, _)| *parameters == wanted)?;
                    Some(ModelFeatures::LogMel { data: &mel.data, n_mels: mel.n_mels, n_frames: mel.n_frames })
                }
                (None, wanted) => {
                    let (_, mel) = self.mel.iter().find(|(parameters, _)| Some(parameters) == wanted.as_ref())?;
                    Some(ModelFeatures::Mel { data: &mel.data, n_mels: mel.n_mels })
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::Manifest;

    /// What a model is fed whose manifest has this table.
    fn input(table: &str) -> ModelInput {
        let manifest = format!(
            "name = 'm'\nversion = '1'\nlicence = 'MIT'\nsha256 = '{}'\nlabels = ['Jazz', 'Blues']\n\
             [output]\nname = 'y'\nkind = 'logits'\n[input.{table}\n",
            "0".repeat(64)
        );
        Manifest::parse(&manifest, "here").unwrap().input
    }

    fn log_mel(frames: usize, n_mels: usize, more: &str) -> ModelInput {
        input(&format!(
            "log-mel]\nsample_rate = 22050\nn_fft = 2048\nhop_length = 512\nn_mels = {n_mels}\nfmin = 0.0\nfmax = 11025.0\n\
             frames = {frames}\npadding = 'repeat'\n{more}"
        ))
    }

    #[test]
    fn models_with_the_same_front_end_share_it_and_each_is_fed_its_own() {
        let inputs = [
            ModelInput::Fma518 { sample_rate: 22_050 },
            log_mel(1292, 128, "top_db = 80.0"),
            log_mel(256, 128, "top_db = 80.0"),
            log_mel(256, 64, "top_db = 80.0"),
            log_mel(256, 64, "log = 'ln'\noffset = 0.01"),
            log_mel(128, 64, "log = 'ln'\noffset = 0.01\nresize = [8, 8]"),
            ModelInput::Fma518 { sample_rate: 44_100 },
            input("musicnn-mel]\nsample_rate = 16000\npatch_frames = 187\npatches = 3"),
            input("musicnn-mel]\nsample_rate = 16000\npatch_frames = 187\npatches = 10"),
            input("vggish-mel]\nsample_rate = 16000\npatch_frames = 96"),
            input("waveform]\nsample_rate = 24000\nsamples = 120000\npadding = 'zero'"),
        ];
        let wanted = WantedFeatures::of(inputs.iter());
        assert_eq!((wanted.fma518.len(), wanted.log_mel.len(), wanted.mel.len(), wanted.waveforms.len()), (2, 2, 2, 1));
        let samples = (0..44_100 * 2).map(|i| (i as f32 * 0.05).sin() * 0.5).collect();
        let clip = Clip { samples, sample_rate: 44_100 };
        let mut extractor = Extractor::new();
        let clip_features = ClipFeatures::of(&clip, &wanted, &mut extractor).unwrap();
        let at_22k = clip.resampled(22_050).unwrap();
        assert_eq!(clip_features.fma518(22_050).unwrap(), &extractor.fma518(&at_22k.samples, 22_050).unwrap());
        assert_eq!(clip_features.fma518(44_100).unwrap(), &extractor.fma518(&clip.samples, 44_100).unwrap());
        for input in &inputs {
            match (input, clip_features.features(input).unwrap()) {
                (ModelInput::Fma518 { .. }, ModelFeatures::Fma518(row)) => assert_eq!(row.len(), 518),
                (ModelInput::LogMel(input), ModelFeatures::LogMel { n_mels, n_frames, data }) => {
                    assert_eq!((n_mels, n_frames, data.len()), (input.n_mels, 87, input.n_mels * 87));
                }
                (ModelInput::LogMel(input), ModelFeatures::Mel { n_mels, data }) => {
                    assert_eq!((n_mels, data.len()), (input.n_mels, input.n_mels * 87));
                }
                (ModelInput::MusicnnMel(_), ModelFeatures::MusicnnMel(data)) => assert_eq!(data.len(), 126 * 96),
                (ModelInput::VggishMel(_), ModelFeatures::Mel { n_mels, data }) => {
                    assert_eq!((n_mels, data.len()), (64, 202 * 64));
                }
                (ModelInput::Waveform(_), ModelFeatures::Waveform(samples)) => assert_eq!(samples.len(), 48_000),
                _ => panic!("fed with the wrong kind"),
            }
        }
    }
}
