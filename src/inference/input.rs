//! The `[input]` of a manifest: which front end feeds a graph, and every parameter of it.

use serde::Deserialize;

use super::cut::{Cut, Layout, Padding};
use super::joined::JoinedInput;
use super::log_mel_input::LogMelInput;
use crate::features::{Framing, LogMelParameters, MelParameters, MusicnnMel, Window};

/// More frames than this in one input are a mistake: about an hour at 22,050 Hz and a hop of 512.
pub(super) const MAX_FRAMES: usize = 160_000;
/// More samples than this in one input are a mistake: an hour at 48,000 Hz.
const MAX_SAMPLES: usize = 172_800_000;
/// More patches than this of one stretch of sound are a mistake: ten are all that 30 s have side by side.
const MAX_PATCHES: usize = 1000;

/// More numbers than this in one input are a mistake: a gigabyte.
const MAX_CELLS: usize = 1 << 28;

/// A key whose value cannot be, and why.
pub(super) type Fault = Option<(&'static str, String)>;

/// What a model is fed, with every parameter of the front end that makes it: the table `[input.NAME]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ModelInput {
    /// The 518 features of the FMA data set, in its column order: shape (1, 518).
    Fma518 {
        /// Rate in Hz of the mono signal that they are computed of.
        sample_rate: u32,
    },
    /// A log-mel spectrogram: shape (1, 1, `n_mels`, `frames`) unless the table says otherwise.
    LogMel(LogMelInput),
    /// Patches of the spectrogram that musicnn hears: shape (1, `patch_frames`, 96), one after the other.
    MusicnnMel(PatchInput),
    /// Patches of what Essentia's networks after musicnn hear ([`MelParameters::essentia_musicnn`]): shape (1,
    /// `patch_frames`, 96).
    EssentiaMusicnnMel(PatchInput),
    /// Patches of what VGGish hears ([`MelParameters::vggish`]): shape (1, `patch_frames`, 64).
    VggishMel(PatchInput),
    /// Kaldi's filter bank ([`MelParameters::kaldi`]): shape (1, `frames`, `n_mels`).
    KaldiFbank(KaldiFbankInput),
    /// The samples themselves: shape (1, `samples`).
    Waveform(WaveformInput),
    /// What other models said of the same sound, and features, in one row.
    Joined(JoinedInput),
}

/// How patches are cut out of a spectrogram whose own parameters are fixed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatchInput {
    /// Rate in Hz of the mono signal: 16,000.
    pub sample_rate: u32,
    /// Frames of a patch; musicnn was trained on 187, three seconds.
    pub patch_frames: usize,
    /// Patches that are heard of one stretch of sound, spread evenly over it.
    #[serde(default = "three")]
    pub patches: usize,
    /// What a shorter stretch is filled up with.
    #[serde(default = "repeat")]
    pub padding: Padding,
    /// Taken away from each cell; 0 unless given.
    #[serde(default)]
    pub mean: f32,
    /// What each cell is divided by, after that; 1 unless given.
    #[serde(default = "one")]
    pub std: f32,
    /// Which axis comes first; `time-mel` unless given.
    #[serde(default = "time_mel")]
    pub layout: Layout,
    /// The size of the axis before those two; there is none unless given.
    pub channels: Option<usize>,
}

/// Kaldi's filter bank and how it is cut.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KaldiFbankInput {
    /// Rate in Hz of the mono signal. Frames are 25 ms long, every 10 ms.
    pub sample_rate: u32,
    /// Bands.
    pub n_mels: usize,
    /// What a frame is multiplied by.
    pub window: KaldiWindow,
    /// The lowest band's lower edge in Hz; 20 unless given.
    #[serde(default = "twenty")]
    pub fmin: f64,
    /// The highest band's upper edge in Hz; half the sample rate unless given.
    pub fmax: Option<f64>,
    /// Frames that the graph takes.
    pub frames: usize,
    /// Patches of so many frames; 1 unless given.
    #[serde(default = "one_patch")]
    pub patches: usize,
    /// What a shorter stretch is filled up with.
    pub padding: Padding,
    /// Taken away from each cell.
    pub mean: f32,
    /// What each cell is divided by, after that.
    pub std: f32,
    /// The size of an axis before the frames; there is none unless given.
    pub channels: Option<usize>,
}

/// Kaldi's windows, by its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KaldiWindow {
    /// The symmetric Hann window to the power of 0.85.
    Povey,
    /// The symmetric Hann window.
    Hanning,
}

/// How a waveform is cut.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaveformInput {
    /// Rate in Hz of the mono signal, full scale 1.
    pub sample_rate: u32,
    /// Samples that the graph takes.
    pub samples: usize,
    /// Stretches of so many samples, spread evenly; 1 unless given.
    #[serde(default = "one_patch")]
    pub patches: usize,
    /// What a shorter one is filled up with.
    pub padding: Padding,
    /// Whether each is brought to mean 0 and variance 1; not unless given.
    #[serde(default)]
    pub normalise: bool,
    /// The size of an axis before the samples; there is none unless given.
    pub channels: Option<usize>,
}

fn one() -> f32 {
    1.0
}

fn twenty() -> f64 {
    20.0
}

fn one_patch() -> usize {
    1
}

fn three() -> usize {
    3
}

fn repeat() -> Padding {
    Padding::Repeat
}

fn time_mel() -> Layout {
    Layout::TimeMel
}

impl ModelInput {
    /// What the graph is fed with, for an error.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Fma518 { .. } => "the 518 FMA features",
            Self::LogMel(input) if input.shared().is_some() => "a log-mel spectrogram",
            Self::MusicnnMel(_) => "musicnn's spectrogram",
            Self::LogMel(_) | Self::EssentiaMusicnnMel(_) | Self::VggishMel(_) | Self::KaldiFbank(_) => {
                "a mel spectrogram, time first"
            }
            Self::Waveform(_) => "a waveform",
            Self::Joined(_) => "a row of what other models said",
        }
    }

    /// The rate in Hz of the signal that the features are made of; none of a model that hears no signal.
    pub fn sample_rate(&self) -> Option<u32> {
        match self {
            Self::Fma518 { sample_rate } => Some(*sample_rate),
            Self::LogMel(input) => Some(input.sample_rate),
            Self::MusicnnMel(input) | Self::EssentiaMusicnnMel(input) | Self::VggishMel(input) => {
                Some(input.sample_rate)
            }
            Self::KaldiFbank(input) => Some(input.sample_rate),
            Self::Waveform(input) => Some(input.sample_rate),
            Self::Joined(_) => None,
        }
    }

    /// The parameters of the log-mel spectrogram that shares its transform with the 518, of a model that hears that.
    pub fn log_mel(&self) -> Option<LogMelParameters> {
        match self {
            Self::LogMel(input) => input.shared(),
            _ => None,
        }
    }

    /// The parameters of the mel spectrogram that the model hears; none of a model that hears something else, among
    /// that musicnn's own and [`Self::log_mel`].
    pub fn mel(&self) -> Option<MelParameters> {
        match self {
            Self::LogMel(input) if input.shared().is_none() => Some(input.parameters()),
            Self::EssentiaMusicnnMel(_) => Some(MelParameters::essentia_musicnn()),
            Self::VggishMel(_) => Some(MelParameters::vggish()),
            Self::KaldiFbank(input) => Some(input.parameters()),
            Self::Fma518 { .. } | Self::LogMel(_) | Self::MusicnnMel(_) | Self::Waveform(_) | Self::Joined(_) => None,
        }
    }

    /// How many bands the spectrogram has and how it is cut; none of a model that hears no spectrogram.
    pub(super) fn cut(&self) -> Option<(usize, Cut)> {
        match self {
            Self::LogMel(input) => Some((input.n_mels, input.cut())),
            Self::MusicnnMel(input) => Some((MusicnnMel::N_MELS, input.cut(0.0))),
            Self::EssentiaMusicnnMel(input) | Self::VggishMel(input) => {
                let parameters = self.mel()?;
                Some((parameters.n_mels, input.cut(parameters.quietest().unwrap_or(0.0))))
            }
            Self::KaldiFbank(input) => Some((input.n_mels, input.cut())),
            Self::Fma518 { .. } | Self::Waveform(_) | Self::Joined(_) => None,
        }
    }

    /// The shape of the graph's input, with a batch of 1.
    pub(super) fn shape(&self) -> Vec<usize> {
        match (self, self.cut()) {
            (_, Some((n_mels, cut))) => cut.shape(n_mels),
            (Self::Waveform(input), None) => std::iter::once(1).chain(input.channels).chain([input.samples]).collect(),
            (Self::Joined(input), None) => vec![1, input.size()],
            (_, None) => vec![1, crate::features::FMA518_LEN],
        }
    }

    /// The first key whose value cannot be, and why.
    pub(super) fn fault(&self) -> Fault {
        if let Some(fault) = self.sample_rate().and_then(rate_fault) {
            return Some(fault);
        }
        let own = match self {
            Self::MusicnnMel(_) | Self::EssentiaMusicnnMel(_) | Self::VggishMel(_) => self.fixed_rate_fault(),
            Self::LogMel(input) => input.fault(),
            Self::Waveform(input) => input.fault(),
            Self::Joined(input) => input.fault(),
            Self::Fma518 { .. } | Self::KaldiFbank(_) => None,
        };
        let parameters = || {
            let (name, reason) = self.mel()?.fault()?;
            Some(("input", format!("has a front end that cannot be: {reason} (`{name}`)")))
        };
        let size = || {
            let size: usize = self.shape().iter().product();
            (size > MAX_CELLS)
                .then(|| ("input", format!("has {size} numbers, at most {MAX_CELLS} are handed over at once")))
        };
        own.or_else(parameters).or_else(|| self.cut().and_then(|(_, cut)| cut_fault(&cut))).or_else(size)
    }

    fn fixed_rate_fault(&self) -> Fault {
        const RATE: u32 = MusicnnMel::SAMPLE_RATE;
        let found = self.sample_rate().filter(|found| *found != RATE)?;
        Some(("input.sample_rate", format!("must be {RATE} Hz for this front end, found {found}")))
    }
}

pub(super) fn rate_fault(sample_rate: u32) -> Fault {
    let reason = || format!("must be 1000 to 384000 Hz, found {sample_rate}");
    (!(1_000..=384_000).contains(&sample_rate)).then(|| ("input.sample_rate", reason()))
}

fn cut_fault(cut: &Cut) -> Fault {
    if !(1..=MAX_FRAMES).contains(&cut.frames) {
        return Some(("input.frames", format!("must be 1 to {MAX_FRAMES}, found {}", cut.frames)));
    }
    if !(1..=MAX_PATCHES).contains(&cut.patches) {
        return Some(("input.patches", format!("must be 1 to {MAX_PATCHES}, found {}", cut.patches)));
    }
    if !(cut.mean.is_finite() && cut.std > 0.0 && cut.std.is_finite()) {
        let reason = format!("must be finite, the latter above 0, found {} and {}", cut.mean, cut.std);
        return Some(("input.mean` and `input.std", reason));
    }
    if cut.channels.is_some_and(|channels| !(1..=16).contains(&channels)) {
        return Some(("input.channels", "must be 1 to 16".into()));
    }
    if cut.resize.is_some_and(|size| size.iter().any(|side| !(1..=4096).contains(side))) {
        return Some(("input.resize", "must be two sizes of 1 to 4096".into()));
    }
    None
}

impl PatchInput {
    fn cut(&self, floor: f32) -> Cut {
        Cut {
            frames: self.patch_frames,
            patches: self.patches,
            padding: self.padding,
            floor,
            mean: self.mean,
            std: self.std,
            layout: self.layout,
            channels: self.channels,
            resize: None,
        }
    }
}

impl KaldiFbankInput {
    fn parameters(&self) -> MelParameters {
        let win_length = self.sample_rate as usize * 25 / 1000;
        MelParameters {
            sample_rate: self.sample_rate,
            n_fft: win_length.next_power_of_two(),
            win_length,
            hop_length: self.sample_rate as usize / 100,
            window: match self.window {
                KaldiWindow::Povey => Window::Povey,
                KaldiWindow::Hanning => Window::SymmetricHann,
            },
            framing: Framing::Whole,
            n_mels: self.n_mels,
            fmin: self.fmin,
            fmax: self.fmax.unwrap_or(f64::from(self.sample_rate) / 2.0),
            ..MelParameters::kaldi()
        }
    }

    fn cut(&self) -> Cut {
        Cut {
            frames: self.frames,
            patches: self.patches,
            padding: self.padding,
            floor: self.parameters().quietest().unwrap_or(0.0),
            mean: self.mean,
            std: self.std,
            layout: Layout::TimeMel,
            channels: self.channels,
            resize: None,
        }
    }
}

impl WaveformInput {
    fn fault(&self) -> Fault {
        if !(1..=MAX_SAMPLES).contains(&self.samples) {
            return Some(("input.waveform.samples", format!("must be 1 to {MAX_SAMPLES}, found {}", self.samples)));
        }
        if !(1..=MAX_PATCHES).contains(&self.patches) {
            return Some(("input.waveform.patches", format!("must be 1 to {MAX_PATCHES}, found {}", self.patches)));
        }
        if self.channels.is_some_and(|channels| channels != 1) {
            return Some(("input.waveform.channels", "must be 1: the sound is mono".into()));
        }
        None
    }
}
