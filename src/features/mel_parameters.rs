//! What a mel spectrogram depends on, and the sets that well-known networks were trained with. Nothing is computed
//! here.

use super::error::FeatureError;
use super::limits::MAX_SAMPLE_RATE;
use super::mel::{MelNorm, MelScale, MelShape, MelSlopes};
use super::stft::Framing;

/// Every parameter of a mel spectrogram.
///
/// [`Self::librosa`], [`Self::vggish`], [`Self::essentia_musicnn`] and [`Self::kaldi`] are sets that have names; other
/// ones are made by changing fields of these.
#[derive(Debug, Clone, PartialEq)]
pub struct MelParameters {
    /// The rate that the samples must have, in Hz: 1 to 768,000.
    pub sample_rate: u32,
    /// Points of the transform: even, 16 to 65,536.
    pub n_fft: usize,
    /// Samples of a frame: 1 to `n_fft`. The rest of the transform is zeros.
    pub win_length: usize,
    /// Samples from frame to frame: 1 to 65,536.
    pub hop_length: usize,
    /// What a frame is multiplied by.
    pub window: Window,
    /// Where frames lie.
    pub framing: Framing,
    /// What stands outside the clip.
    pub edges: Edges,
    /// Takes the mean of each frame away, and this share of the sample before from each sample, before the window: 0 to
    /// 1.
    pub preemphasis: Option<f64>,
    /// What of the spectrum the bands sum up.
    pub spectrum: Spectrum,
    /// Bands: 1 to 1,024.
    pub n_mels: usize,
    /// The lowest band's lower edge in Hz.
    pub fmin: f64,
    /// The highest band's upper edge in Hz, at most half the sample rate.
    pub fmax: f64,
    /// The scale on which bands are equally far apart.
    pub scale: MelScale,
    /// How high their triangles are.
    pub norm: MelNorm,
    /// Along what their sides are straight.
    pub slopes: MelSlopes,
    /// What becomes of a band's sum.
    pub compression: Compression,
}

/// What a frame is multiplied by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// `0.5 - 0.5 cos(2 pi i / n)`.
    PeriodicHann,
    /// `0.5 - 0.5 cos(2 pi i / (n - 1))`.
    SymmetricHann,
    /// The symmetric Hann window to the power of 0.85 (Kaldi's `povey`).
    Povey,
}

/// What stands outside the clip, where a frame reaches there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edges {
    /// Silence.
    Zero,
    /// The clip mirrored at its end samples, which are not repeated.
    Reflect,
}

/// What of the spectrum the bands sum up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spectrum {
    /// Squared magnitudes.
    Power,
    /// Magnitudes.
    Magnitude,
}

/// From a band's sum `x` to a cell: `log(max(gain * x + offset, floor))`, and then the range of decibels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compression {
    /// Which logarithm.
    pub logarithm: Logarithm,
    /// What the sum is multiplied by: above 0.
    pub gain: f32,
    /// What is added to that: 0 or more.
    pub offset: f32,
    /// What is lower counts as this: 0 or more; above 0 if `offset` is 0 and there is a logarithm.
    pub floor: f32,
    /// What 0 is.
    pub reference: Reference,
    /// How far below the loudest cell a cell can be, in the logarithm's unit; what is lower counts as this.
    pub range: Option<f32>,
}

/// A logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logarithm {
    /// None: the sum itself.
    None,
    /// To base e.
    Natural,
    /// To base 10.
    Common,
    /// Decibels: 10 times that to base 10 of a power, 20 times that of a magnitude.
    Decibel,
}

/// What 0 is, after the logarithm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reference {
    /// The logarithm of this: above 0. The logarithm's own zero is 1.
    Value(f32),
    /// The loudest cell.
    Loudest,
}

impl Compression {
    /// `log(gain * x + offset)` and nothing else.
    pub fn plain(logarithm: Logarithm, gain: f32, offset: f32) -> Self {
        Self { logarithm, gain, offset, floor: 0.0, reference: Reference::Value(1.0), range: None }
    }
}

impl MelParameters {
    /// What `librosa.power_to_db(librosa.feature.melspectrogram(y), ref=np.max, top_db=None)` does by default (since
    /// 0.10): 22,050 Hz, 2048 points every 512 samples, 128 bands from 0 to 11,025 Hz.
    pub fn librosa() -> Self {
        Self {
            sample_rate: 22_050,
            n_fft: 2048,
            win_length: 2048,
            hop_length: 512,
            window: Window::PeriodicHann,
            framing: Framing::Centred,
            edges: Edges::Zero,
            preemphasis: None,
            spectrum: Spectrum::Power,
            n_mels: 128,
            fmin: 0.0,
            fmax: 11_025.0,
            scale: MelScale::Slaney,
            norm: MelNorm::UnitArea,
            slopes: MelSlopes::Hertz,
            compression: Compression {
                reference: Reference::Loudest,
                floor: 1e-10,
                ..Compression::plain(Logarithm::Decibel, 1.0, 0.0)
            },
        }
    }

    /// What networks of Essentia that build on musicnn's front end are fed with (`TensorflowInputMusiCNN`): 16,000 Hz,
    /// frames of 512 every 256 samples, 96 bands up to 8,000 Hz, `log10(1 + 10000 p)`. musicnn's own
    /// ([`super::MusicnnMel`]) has the periodic window.
    pub fn essentia_musicnn() -> Self {
        Self {
            sample_rate: 16_000,
            n_fft: 512,
            win_length: 512,
            hop_length: 256,
            window: Window::SymmetricHann,
            framing: Framing::CentredToTheEnd,
            n_mels: 96,
            fmax: 8000.0,
            compression: Compression::plain(Logarithm::Common, 10_000.0, 1.0),
            ..Self::librosa()
        }
    }

    /// What VGGish is fed with by Essentia (`TensorflowInputVGGish`): 16,000 Hz, frames of 400 every 160 samples in 512
    /// points, 64 bands of magnitudes from 125 to 7,500 Hz, `ln(x + 0.01)`. Its authors' own has the periodic window
    /// and whole frames.
    pub fn vggish() -> Self {
        Self {
            n_fft: 512,
            win_length: 400,
            hop_length: 160,
            spectrum: Spectrum::Magnitude,
            n_mels: 64,
            fmin: 125.0,
            fmax: 7500.0,
            scale: MelScale::Htk,
            norm: MelNorm::UnitHeight,
            slopes: MelSlopes::Mel,
            compression: Compression::plain(Logarithm::Natural, 1.0, 0.01),
            ..Self::essentia_musicnn()
        }
    }

    /// Kaldi's `compute-fbank-feats` without dither (`torchaudio.compliance.kaldi.fbank`), samples at full scale 1:
    /// 16,000 Hz, frames of 25 ms every 10 ms in 512 points, pre-emphasis 0.97, Povey's window, 128 bands from 20 to
    /// 8,000 Hz, `ln(max(p, 2^-23))`.
    pub fn kaldi() -> Self {
        Self {
            window: Window::Povey,
            framing: Framing::Whole,
            preemphasis: Some(0.97),
            spectrum: Spectrum::Power,
            n_mels: 128,
            fmin: 20.0,
            fmax: 8000.0,
            compression: Compression { floor: f32::EPSILON, ..Compression::plain(Logarithm::Natural, 1.0, 0.0) },
            ..Self::vggish()
        }
    }

    /// What silence becomes where nothing is related to the loudest cell, and else the lowest cell that there can be,
    /// if there is one.
    pub fn quietest(&self) -> Option<f32> {
        match (self.compression.reference, self.compression.range) {
            (Reference::Value(_), _) => Some(self.compression.cell(0.0, self.spectrum)),
            (Reference::Loudest, range) => range.map(|range| -range),
        }
    }

    pub(super) fn validate(&self) -> Result<(), FeatureError> {
        match self.fault() {
            Some((_, reason)) => Err(FeatureError::InvalidParameters { reason }),
            None => Ok(()),
        }
    }

    /// The first parameter that cannot be, by its name, and what it must be.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let compression = &self.compression;
        let positive = |x: f32| x > 0.0 && x.is_finite();
        let not_negative = |x: f32| x >= 0.0 && x.is_finite();
        // Comparisons are written so that NaN fails.
        let rules: [(&str, bool, &str); 12] = [
            ("sample_rate", (1..=MAX_SAMPLE_RATE).contains(&self.sample_rate), "sample_rate must be 1 to 768000 Hz"),
            (
                "n_fft",
                (16..=65_536).contains(&self.n_fft) && self.n_fft.is_multiple_of(2),
                "n_fft must be even and 16 to 65536",
            ),
            ("win_length", (1..=self.n_fft).contains(&self.win_length), "win_length must be 1 to n_fft"),
            ("hop_length", (1..=65_536).contains(&self.hop_length), "hop_length must be 1 to 65536"),
            (
                "preemphasis",
                self.preemphasis.is_none_or(|share| (0.0..=1.0).contains(&share)),
                "preemphasis must be 0 to 1",
            ),
            ("n_mels", (1..=1024).contains(&self.n_mels), "n_mels must be 1 to 1024"),
            ("fmin", self.fmin >= 0.0 && self.fmin < self.fmax, "fmin must be 0 or more and below fmax"),
            ("fmax", self.fmax <= f64::from(self.sample_rate) / 2.0, "fmax must be at most half the sample rate"),
            ("gain", positive(compression.gain), "gain must be positive"),
            ("offset", not_negative(compression.offset), "offset must be 0 or more"),
            (
                "floor",
                not_negative(compression.floor)
                    && (compression.logarithm == Logarithm::None
                        || compression.floor > 0.0
                        || compression.offset > 0.0),
                "floor must be 0 or more, and above 0 where a logarithm has no offset",
            ),
            (
                "top_db",
                compression.range.is_none_or(positive)
                    && !matches!(compression.reference, Reference::Value(value) if !positive(value)),
                "top_db and reference must be positive",
            ),
        ];
        rules.into_iter().find(|(_, holds, _)| !holds).map(|(name, _, reason)| (name, reason))
    }

    pub(super) fn shape(&self) -> MelShape {
        MelShape {
            sample_rate: self.sample_rate,
            n_fft: self.n_fft,
            n_mels: self.n_mels,
            fmin: self.fmin,
            fmax: self.fmax,
            scale: self.scale,
            norm: self.norm,
            slopes: self.slopes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_with_names_make_sense() {
        for parameters in [
            MelParameters::librosa(),
            MelParameters::essentia_musicnn(),
            MelParameters::vggish(),
            MelParameters::kaldi(),
        ] {
            assert_eq!(parameters.fault(), None, "{parameters:?}");
        }
    }

    #[test]
    fn parameters_that_make_no_sense_are_refused_by_name() {
        type Spoil = fn(&mut MelParameters);
        let bad: [(&str, Spoil); 13] = [
            ("sample_rate", |p| p.sample_rate = 0),
            ("n_fft", |p| p.n_fft = 511),
            ("win_length", |p| p.win_length = 4096),
            ("win_length", |p| p.win_length = 0),
            ("hop_length", |p| p.hop_length = 0),
            ("preemphasis", |p| p.preemphasis = Some(f64::NAN)),
            ("n_mels", |p| p.n_mels = 0),
            ("fmin", |p| p.fmin = f64::NAN),
            ("fmax", |p| p.fmax = 20_000.0),
            ("gain", |p| p.compression.gain = 0.0),
            ("floor", |p| p.compression.floor = 0.0),
            ("top_db", |p| p.compression.range = Some(-1.0)),
            ("top_db", |p| p.compression.reference = Reference::Value(0.0)),
        ];
        for (name, spoil) in bad {
            let mut parameters = MelParameters::librosa();
            spoil(&mut parameters);
            assert_eq!(parameters.fault().map(|(name, _)| name), Some(name), "{parameters:?}");
            assert!(matches!(parameters.validate(), Err(FeatureError::InvalidParameters { .. })));
        }
    }
}
