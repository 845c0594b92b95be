//! Mel spectrograms as other people's networks were trained on them: every step is a parameter, time is the first axis.
//!
//! The one that the built-in models hear shares its transform with the 518 and is [`super::LogMel`].

use super::mel::MelBank;
use super::mel_parameters::{Compression, Edges, Logarithm, MelParameters, Reference, Spectrum, Window};
use super::stft::{Padding, Stft, hann};
use crate::simd::{LANES, Lanes};

/// A mel spectrogram.
#[derive(Debug, Clone, PartialEq)]
pub struct MelSpectrogram {
    /// `n_frames` x `n_mels`, row-major: time is the first axis, band 0 is the lowest.
    pub data: Vec<f32>,
    /// Mel bands.
    pub n_mels: usize,
    /// Frames, at least one.
    pub n_frames: usize,
}

/// The planned transform, the bands and the buffers of one tile.
pub(super) struct MelFrontEnd {
    parameters: MelParameters,
    stft: Stft,
    bank: MelBank,
    spectrum: Vec<Lanes>,
    mel: Vec<Lanes>,
}

impl MelFrontEnd {
    /// Parameters must have been validated.
    pub(super) fn new(parameters: &MelParameters) -> Self {
        let window = parameters.window.points(parameters.win_length);
        let stft = Stft::with_window(parameters.n_fft, parameters.hop_length, window, parameters.framing);
        let stft = match parameters.preemphasis {
            Some(coefficient) => stft.emphasised(coefficient),
            None => stft,
        };
        let spectrum = vec![Lanes::ZERO; stft.n_bins()];
        let mel = vec![Lanes::ZERO; parameters.n_mels];
        Self { bank: MelBank::new(&parameters.shape()), parameters: parameters.clone(), stft, spectrum, mel }
    }

    pub(super) fn parameters(&self) -> &MelParameters {
        &self.parameters
    }

    /// The spectrogram of samples that were checked.
    pub(super) fn spectrogram(&mut self, samples: &[f32]) -> MelSpectrogram {
        let MelParameters { n_mels, compression, spectrum, edges, .. } = self.parameters;
        let padding = match edges {
            Edges::Zero => Padding::Zero,
            Edges::Reflect => Padding::Reflect,
        };
        let n_frames = self.stft.n_frames(samples.len());
        let mut data = vec![0.0; n_frames * n_mels];
        for (tile, rows) in data.chunks_mut(LANES * n_mels).enumerate() {
            self.stft.power_tile(samples, padding, tile, &mut self.spectrum);
            if spectrum == Spectrum::Magnitude {
                self.spectrum.iter_mut().for_each(|bin| *bin = bin.map(f32::sqrt));
            }
            self.bank.power_tile(&self.spectrum, &mut self.mel);
            for (lane, row) in rows.chunks_exact_mut(n_mels).enumerate() {
                for (cell, band) in row.iter_mut().zip(&self.mel) {
                    *cell = compression.cell(band.0[lane], spectrum);
                }
            }
        }
        compression.relate(&mut data);
        MelSpectrogram { data, n_mels, n_frames }
    }
}

impl Window {
    fn points(self, n: usize) -> Vec<f64> {
        match self {
            Self::PeriodicHann => hann(n),
            Self::SymmetricHann if n == 1 => vec![1.0],
            // The periodic one of a point less, and the first point again.
            Self::SymmetricHann => hann(n - 1).into_iter().map(|w| if n == 2 { 0.0 } else { w }).chain([0.0]).collect(),
            Self::Povey => Self::SymmetricHann.points(n).into_iter().map(|w| w.powf(0.85)).collect(),
        }
    }
}

impl Compression {
    /// What a band's sum becomes, before it is related to the loudest one.
    pub(super) fn cell(&self, sum: f32, spectrum: Spectrum) -> f32 {
        let decibels = if spectrum == Spectrum::Power { 10.0 } else { 20.0 };
        let logarithm = |x: f32| match self.logarithm {
            Logarithm::None => x,
            Logarithm::Natural => x.ln(),
            Logarithm::Common => x.log10(),
            Logarithm::Decibel => decibels * x.log10(),
        };
        let cell = logarithm((self.gain * sum + self.offset).max(self.floor));
        match self.reference {
            Reference::Value(value) if value != 1.0 && self.logarithm != Logarithm::None => cell - logarithm(value),
            _ => cell,
        }
    }

    /// Does what needs the loudest cell.
    fn relate(&self, cells: &mut [f32]) {
        if self.reference != Reference::Loudest && self.range.is_none() {
            return;
        }
        let loudest = cells.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let lowest = self.range.map_or(f32::NEG_INFINITY, |range| loudest - range);
        let zero = if self.reference == Reference::Loudest { loudest } else { 0.0 };
        cells.iter_mut().for_each(|cell| *cell = cell.max(lowest) - zero);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::features::{Extractor, Framing, LogMelParameters, MusicnnMel};

    fn tone(hz: f32, rate: u32, n: usize) -> Vec<f32> {
        (0..n).map(|i| 0.5 * (i as f32 * std::f32::consts::TAU * hz / rate as f32).sin()).collect()
    }

    fn loudest_band(row: &[f32]) -> usize {
        (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap()
    }

    #[test]
    fn windows_are_what_they_are_called() {
        assert_eq!(Window::PeriodicHann.points(4).map(round), [0.0, 0.5, 1.0, 0.5]);
        assert_eq!(Window::SymmetricHann.points(5).map(round), [0.0, 0.5, 1.0, 0.5, 0.0]);
        assert_eq!(Window::Povey.points(5).map(round), [0.0, 0.555, 1.0, 0.555, 0.0]);
        for n in [1, 2, 3] {
            assert!(
                [Window::PeriodicHann, Window::SymmetricHann, Window::Povey].iter().all(|w| w.points(n).len() == n)
            );
        }
    }

    fn round(x: f64) -> f64 {
        (x * 1000.0).round() / 1000.0
    }

    trait Mapped {
        fn map(self, f: fn(f64) -> f64) -> Vec<f64>;
    }

    impl Mapped for Vec<f64> {
        fn map(self, f: fn(f64) -> f64) -> Vec<f64> {
            self.into_iter().map(f).collect()
        }
    }

    #[test]
    fn it_is_the_log_mel_of_the_built_in_models_where_the_parameters_are() {
        let samples: Vec<f32> = tone(700.0, 22_050, 30_000);
        let mut extractor = Extractor::new();
        let expected = extractor.log_mel(&samples, 22_050, &LogMelParameters::default()).unwrap();
        let mut parameters = MelParameters::librosa();
        parameters.compression.range = Some(80.0);
        let found = extractor.mel_spectrogram(&samples, 22_050, &parameters).unwrap();
        assert_eq!((found.n_mels, found.n_frames), (expected.n_mels, expected.n_frames));
        for band in 0..128 {
            for (frame, value) in expected.band(band).iter().enumerate() {
                assert!((found.data[frame * 128 + band] - value).abs() < 1e-3, "{frame} {band}");
            }
        }
    }

    #[test]
    fn it_is_musicnns_with_its_window_and_frames() {
        let samples = tone(440.0, 16_000, 20_000);
        let mut extractor = Extractor::new();
        let expected = extractor.musicnn_mel(&samples, MusicnnMel::SAMPLE_RATE).unwrap();
        let parameters = MelParameters {
            window: Window::PeriodicHann,
            framing: Framing::Centred,
            ..MelParameters::essentia_musicnn()
        };
        let found = extractor.mel_spectrogram(&samples, 16_000, &parameters).unwrap();
        assert_eq!(found.n_frames, expected.n_frames);
        assert!(found.data.iter().zip(&expected.data).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn silence_is_the_quietest_cell_and_a_tone_lights_its_band() {
        let mut extractor = Extractor::new();
        // 1 kHz is 1000 of HTK's mel: VGGish has 65 steps from 185 to 2774, Kaldi 129 from 32 to 2840.
        for (parameters, band) in
            [(MelParameters::essentia_musicnn(), 31), (MelParameters::vggish(), 19), (MelParameters::kaldi(), 43)]
        {
            let silent = extractor.mel_spectrogram(&[0.0; 16_000], 16_000, &parameters).unwrap();
            assert_eq!(silent.data.len(), silent.n_frames * parameters.n_mels);
            assert!(silent.data.iter().all(|cell| Some(*cell) == parameters.quietest()), "{parameters:?}");

            let sound = extractor.mel_spectrogram(&tone(1000.0, 16_000, 16_000), 16_000, &parameters).unwrap();
            for row in sound.data.chunks_exact(parameters.n_mels).skip(3).take(50) {
                assert_eq!(loudest_band(row), band, "{parameters:?}");
            }
        }
    }

    #[test]
    fn a_level_is_silence_to_kaldi() {
        let mut extractor = Extractor::new();
        let parameters = MelParameters::kaldi();
        let level = extractor.mel_spectrogram(&[0.25; 16_000], 16_000, &parameters).unwrap();
        assert!(level.data.iter().all(|cell| *cell == f32::EPSILON.ln()), "{:?}", &level.data[..128]);
        assert_eq!(level.n_frames, 98);
    }

    #[test]
    fn every_logarithm_says_what_its_formula_does() {
        let compression = |logarithm| Compression { floor: 0.5, ..Compression::plain(logarithm, 2.0, 1.0) };
        let cell = |logarithm, spectrum| compression(logarithm).cell(49.5, spectrum);
        assert_eq!(cell(Logarithm::None, Spectrum::Power), 100.0);
        assert_eq!(cell(Logarithm::Common, Spectrum::Power), 2.0);
        assert_eq!(cell(Logarithm::Natural, Spectrum::Power), 100.0_f32.ln());
        assert_eq!(cell(Logarithm::Decibel, Spectrum::Power), 20.0);
        assert_eq!(cell(Logarithm::Decibel, Spectrum::Magnitude), 40.0);
        let referred = Compression { reference: Reference::Value(10.0), ..compression(Logarithm::Decibel) };
        assert_eq!(referred.cell(49.5, Spectrum::Power), 10.0);

        let mut cells = [-100.0, -20.0, 5.0];
        Compression { range: Some(80.0), ..referred }.relate(&mut cells);
        assert_eq!(cells, [-75.0, -20.0, 5.0]);
        Compression { range: Some(50.0), reference: Reference::Loudest, ..referred }.relate(&mut cells);
        assert_eq!(cells, [-50.0, -25.0, 0.0]);
    }
}
