//! The table `[input.log-mel]`: a log-mel spectrogram with every parameter, by librosa's names.
//!
//! With the defaults it is the one that the built-in models hear, which shares its transform with the 518.

use serde::Deserialize;

use super::cut::{Cut, Layout, Padding};
use super::input::Fault;
use crate::features::{
    Compression, Edges, Framing, LogMelParameters, Logarithm, MelNorm, MelParameters, MelScale, MelSlopes, Reference,
    Spectrum, Window,
};

/// The parameters of a log-mel spectrogram, by librosa's names, and how it is brought to a fixed length.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogMelInput {
    /// Rate in Hz of the mono signal.
    pub sample_rate: u32,
    /// Points of the transform.
    pub n_fft: usize,
    /// Samples of a frame; `n_fft` unless given.
    pub win_length: Option<usize>,
    /// Samples from frame to frame.
    pub hop_length: usize,
    /// What a frame is multiplied by; `periodic-hann` unless given.
    #[serde(default)]
    pub window: WindowName,
    /// Whether frames are centred on their sample (as many as `1 + n / hop_length`), or begin there and lie in the
    /// clip.
    #[serde(default = "yes")]
    pub center: bool,
    /// What stands outside the clip; `zero` unless given.
    #[serde(default)]
    pub pad_mode: PadMode,
    /// 2 for power (unless given), 1 for magnitude.
    #[serde(default = "two")]
    pub power: u8,
    /// Mel bands.
    pub n_mels: usize,
    /// The lowest band's lower edge in Hz.
    pub fmin: f64,
    /// The highest band's upper edge in Hz.
    pub fmax: f64,
    /// The mel scale; `slaney` unless given.
    #[serde(default)]
    pub scale: ScaleName,
    /// `slaney` for unit area (unless given), `none` for triangles of height 1.
    #[serde(default)]
    pub norm: NormName,
    /// Along what the sides of a triangle are straight; `hertz` unless given.
    #[serde(default)]
    pub slopes: SlopesName,
    /// The logarithm; `db` unless given. A cell is `log(max(gain * x + offset, amin))`.
    #[serde(default)]
    pub log: LogName,
    /// 1 unless given.
    #[serde(default = "one")]
    pub gain: f32,
    /// 0 unless given.
    #[serde(default)]
    pub offset: f32,
    /// 1e-10 unless given.
    #[serde(default = "amin")]
    pub amin: f32,
    /// What 0 dB is: a number, or `max` for the loudest cell (unless given, of `db`; 1 otherwise).
    pub reference: Option<ReferenceName>,
    /// How far below the loudest cell a cell can be, in the logarithm's unit; as far as it is unless given.
    pub top_db: Option<f32>,
    /// Taken away from each cell; 0 unless given.
    #[serde(default)]
    pub mean: f32,
    /// What each cell is divided by, after that; 1 unless given.
    #[serde(default = "one")]
    pub std: f32,
    /// Frames that the graph takes. A longer spectrogram gives its middle `frames`, or several patches of so many.
    pub frames: usize,
    /// Patches, spread evenly; 1 unless given.
    #[serde(default = "one_patch")]
    pub patches: usize,
    /// What a shorter spectrogram is filled up with.
    pub padding: Padding,
    /// Which axis comes first; `mel-time` unless given.
    #[serde(default = "mel_time")]
    pub layout: Layout,
    /// The size of the axis before those two, each channel the same; 1 unless given, 0 for no such axis.
    #[serde(default = "one_patch")]
    pub channels: usize,
    /// The size that those two axes are brought to (bilinear).
    pub resize: Option<[usize; 2]>,
}

macro_rules! names {
    ($($(#[$meta:meta])* $name:ident: $($(#[$variant_meta:meta])* $variant:ident),+;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[allow(missing_docs)] // each is what it is called
        pub enum $name { $($(#[$variant_meta])* $variant),+ }
    )*};
}

names! {
    /// [`Window`], by name.
    WindowName: #[default] PeriodicHann, SymmetricHann;
    /// [`Edges`], by name.
    PadMode: #[default] Zero, Reflect;
    /// [`MelScale`], by name.
    ScaleName: #[default] Slaney, Htk;
    /// [`MelNorm`], by librosa's name.
    NormName: #[default] Slaney, None;
    /// [`MelSlopes`], by name.
    SlopesName: #[default] Hertz, Mel;
    /// [`Logarithm`], by name.
    LogName: #[default] Db, Log10, Ln, None;
}

/// [`Reference`], as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum ReferenceName {
    /// A number.
    Value(f32),
    /// A word.
    Word(ReferenceWord),
}

/// The word for a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceWord {
    /// The loudest cell.
    Max,
}

fn yes() -> bool {
    true
}

fn two() -> u8 {
    2
}

fn one() -> f32 {
    1.0
}

fn amin() -> f32 {
    1e-10
}

fn one_patch() -> usize {
    1
}

fn mel_time() -> Layout {
    Layout::MelTime
}

impl LogMelInput {
    /// The parameters of the spectrogram.
    pub(super) fn parameters(&self) -> MelParameters {
        let reference = match (self.reference, self.log) {
            (Some(ReferenceName::Value(value)), _) => Reference::Value(value),
            (Some(ReferenceName::Word(ReferenceWord::Max)), _) | (None, LogName::Db) => Reference::Loudest,
            (None, _) => Reference::Value(1.0),
        };
        let logarithm = match self.log {
            LogName::Db => Logarithm::Decibel,
            LogName::Log10 => Logarithm::Common,
            LogName::Ln => Logarithm::Natural,
            LogName::None => Logarithm::None,
        };
        MelParameters {
            sample_rate: self.sample_rate,
            n_fft: self.n_fft,
            win_length: self.win_length.unwrap_or(self.n_fft),
            hop_length: self.hop_length,
            window: match self.window {
                WindowName::PeriodicHann => Window::PeriodicHann,
                WindowName::SymmetricHann => Window::SymmetricHann,
            },
            framing: if self.center { Framing::Centred } else { Framing::Whole },
            edges: match self.pad_mode {
                PadMode::Zero => Edges::Zero,
                PadMode::Reflect => Edges::Reflect,
            },
            preemphasis: None,
            spectrum: if self.power == 1 { Spectrum::Magnitude } else { Spectrum::Power },
            n_mels: self.n_mels,
            fmin: self.fmin,
            fmax: self.fmax,
            scale: match self.scale {
                ScaleName::Slaney => MelScale::Slaney,
                ScaleName::Htk => MelScale::Htk,
            },
            norm: match self.norm {
                NormName::Slaney => MelNorm::UnitArea,
                NormName::None => MelNorm::UnitHeight,
            },
            slopes: match self.slopes {
                SlopesName::Hertz => MelSlopes::Hertz,
                SlopesName::Mel => MelSlopes::Mel,
            },
            compression: Compression {
                logarithm,
                gain: self.gain,
                offset: self.offset,
                floor: self.amin,
                reference,
                range: self.top_db,
            },
        }
    }

    /// The parameters of the spectrogram that shares its transform with the 518, where it is that one.
    pub(super) fn shared(&self) -> Option<LogMelParameters> {
        let shared = LogMelParameters {
            sample_rate: self.sample_rate,
            n_fft: self.n_fft,
            hop_length: self.hop_length,
            n_mels: self.n_mels,
            fmin: self.fmin,
            fmax: self.fmax,
            top_db: self.top_db?,
        };
        let mut same = MelParameters {
            sample_rate: self.sample_rate,
            n_fft: self.n_fft,
            win_length: self.n_fft,
            hop_length: self.hop_length,
            n_mels: self.n_mels,
            fmin: self.fmin,
            fmax: self.fmax,
            ..MelParameters::librosa()
        };
        same.compression.range = self.top_db;
        (self.hop_length <= self.n_fft && self.parameters() == same).then_some(shared)
    }

    pub(super) fn cut(&self) -> Cut {
        Cut {
            frames: self.frames,
            patches: self.patches,
            padding: self.padding,
            floor: self.parameters().quietest().unwrap_or(0.0),
            mean: self.mean,
            std: self.std,
            layout: self.layout,
            channels: (self.channels > 0).then_some(self.channels),
            resize: self.resize,
        }
    }

    pub(super) fn fault(&self) -> Fault {
        if !(1..=2).contains(&self.power) {
            return Some(("input.log-mel.power", format!("must be 1 or 2, found {}", self.power)));
        }
        if self.padding == Padding::Floor && self.parameters().quietest().is_none() {
            let reason = "cannot be `floor` where cells are related to the loudest one and `top_db` is not given";
            return Some(("input.log-mel.padding", reason.into()));
        }
        let (name, reason) = self.parameters().fault()?;
        let key = match name {
            "n_fft" => "input.log-mel.n_fft",
            "win_length" => "input.log-mel.win_length",
            "hop_length" => "input.log-mel.hop_length",
            "n_mels" => "input.log-mel.n_mels",
            "fmin" => "input.log-mel.fmin",
            "fmax" => "input.log-mel.fmax",
            "top_db" => "input.log-mel.top_db",
            _ => "input.log-mel",
        };
        Some((key, format!("cannot be: {reason}")))
    }
}
