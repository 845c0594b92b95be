//! `model.toml`: what a model is, what it wants to be fed, and what its outputs mean.
//!
//! A manifest is read strictly: an unknown key is an error, and so is a value that no front end could honour. It says nothing
//! of how well a model does; that is in `CARD.md`, for people.

use serde::Deserialize;

use super::{InferenceError, TagMap};

/// More labels than this are a mistake in the manifest (the largest public taxonomy in use has 400).
const MAX_LABELS: usize = 4096;
/// More frames than this in one input are a mistake: about an hour at 22,050 Hz and a hop of 512.
const MAX_FRAMES: usize = 160_000;
/// More patches than this of one stretch of sound are a mistake: ten are all that 30 s have side by side.
const MAX_PATCHES: usize = 1000;

/// The description of a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Identifies the model in configuration, in the cache and in the vote: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Changes whenever the outputs do, so that cached scores of another version are not taken for this one's.
    pub version: String,
    /// The licence of the weights, as an SPDX expression where there is one.
    pub licence: String,
    /// The SHA-256 of `model.onnx`, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// What each number of the output stands for, in order: canonical genres, or the words of a tagger.
    pub labels: Vec<String>,
    /// The package that the model was installed from, if it was: `reclassd models remove` takes its name too.
    pub package: Option<String>,
    /// How much the model counts in a vote that does not say so itself; 1 unless given.
    #[serde(default = "one")]
    pub weight: f32,
    /// What the graph is fed.
    pub input: ModelInput,
    /// What the graph gives.
    pub output: Output,
    /// Which genres a tagger's words speak for. Without it a tagger has no vote.
    pub tag_map: Option<TagMap>,
}

/// What a model is fed, with every parameter of the front end that makes it: the table `[input.fma518]`,
/// `[input.log-mel]` or `[input.musicnn-mel]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ModelInput {
    /// The 518 features of the FMA data set, in its column order: shape (1, 518).
    Fma518 {
        /// Rate in Hz of the mono signal that they are computed of.
        sample_rate: u32,
    },
    /// A log-mel spectrogram: shape (1, 1, `n_mels`, `frames`).
    LogMel(LogMelInput),
    /// Patches of the spectrogram that musicnn hears: shape (1, `patch_frames`, 96), one after the other.
    MusicnnMel(MusicnnMelInput),
}

/// How patches are cut out of musicnn's spectrogram, whose own parameters are fixed ([`crate::features::MusicnnMel`]).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MusicnnMelInput {
    /// Rate in Hz of the mono signal: 16,000.
    pub sample_rate: u32,
    /// Frames of a patch; musicnn was trained on 187, three seconds.
    pub patch_frames: usize,
    /// Patches that are heard of one stretch of sound, spread evenly over it. What the graph says of them is averaged.
    #[serde(default = "three")]
    pub patches: usize,
}

/// The parameters of a log-mel spectrogram, by librosa's names, and how it is brought to a fixed length.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogMelInput {
    /// Rate in Hz of the mono signal.
    pub sample_rate: u32,
    /// Points of the transform, and length of its periodic Hann window.
    pub n_fft: usize,
    /// Samples from frame to frame.
    pub hop_length: usize,
    /// Mel bands (Slaney's scale, unit area).
    pub n_mels: usize,
    /// The lowest band's lower edge in Hz.
    pub fmin: f64,
    /// The highest band's upper edge in Hz.
    pub fmax: f64,
    /// Decibels run from 0, the loudest cell, down to `-top_db`.
    pub top_db: f32,
    /// Frames that the graph takes. A longer spectrogram gives its middle `frames`.
    pub frames: usize,
    /// What a shorter spectrogram is filled up with.
    pub padding: Padding,
}

/// How a spectrogram with too few frames is brought to the length that a graph takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// It starts again from its first frame, as often as needed: what averages over time then stays what it was.
    Repeat,
    /// Frames of `-top_db` follow it.
    Floor,
}

/// What a graph gives.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The graph's output with one number for each label.
    pub name: String,
    /// What those numbers are.
    pub kind: OutputKind,
    /// The graph's output that describes the sound by itself, for other models to build on.
    pub embedding: Option<String>,
}

/// What the numbers of an output are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputKind {
    /// Unnormalised log-probabilities: softmax makes them probabilities.
    Logits,
    /// Probabilities, or shares of them that only need to be brought to sum 1.
    Probabilities,
    /// A probability for each label by itself: any number of them may apply.
    Tags,
}

fn one() -> f32 {
    1.0
}

fn three() -> usize {
    3
}

/// Whether a model can be called this: it stands in configuration, in the cache and as the name of a folder.
pub(super) fn is_model_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}

impl ModelInput {
    /// What the graph is fed with, for an error.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Fma518 { .. } => "the 518 FMA features",
            Self::LogMel(_) => "a log-mel spectrogram",
            Self::MusicnnMel(_) => "musicnn's spectrogram",
        }
    }

    /// The rate in Hz of the signal that the features are made of.
    pub fn sample_rate(&self) -> u32 {
        match self {
            Self::Fma518 { sample_rate } => *sample_rate,
            Self::LogMel(input) => input.sample_rate,
            Self::MusicnnMel(input) => input.sample_rate,
        }
    }
}

impl Manifest {
    /// Reads a manifest; `origin` is the file's path, or whatever should stand for it in an error.
    ///
    /// # Errors
    /// [`InferenceError::Syntax`] when the text is no such TOML, [`InferenceError::Value`] when a value cannot be.
    pub fn parse(text: &str, origin: &str) -> Result<Self, InferenceError> {
        let manifest: Self = toml::from_str(text)
            .map_err(|e| InferenceError::Syntax { origin: origin.into(), reason: e.to_string().trim_end().into() })?;
        match manifest.fault() {
            Some((key, reason)) => Err(InferenceError::Value { origin: origin.into(), key, reason }),
            None => Ok(manifest),
        }
    }

    /// The genres that the model can say, in the order of [`Manifest::genre_shares`]; none of a tagger without a map.
    pub fn genres(&self) -> Vec<&str> {
        match (self.output.kind, &self.tag_map) {
            (OutputKind::Tags, Some(map)) => map.names(),
            (OutputKind::Tags, None) => Vec::new(),
            _ => self.labels.iter().map(String::as_str).collect(),
        }
    }

    /// What probabilities of the labels say of the genres: the same, or of a tagger what its map makes of them.
    pub fn genre_shares(&self, probabilities: &[f32]) -> Vec<f32> {
        match (self.output.kind, &self.tag_map) {
            (OutputKind::Tags, Some(map)) => map.shares(&self.labels, probabilities),
            (OutputKind::Tags, None) => Vec::new(),
            _ => probabilities.to_vec(),
        }
    }

    /// The first key whose value cannot be, and why.
    fn fault(&self) -> Option<(&'static str, String)> {
        if !is_model_name(&self.name) {
            return Some(("name", "must be 1 to 64 letters, digits, `-`, `_` or `.`".into()));
        }
        if self.version.is_empty() {
            return Some(("version", "must not be empty".into()));
        }
        let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if self.sha256.len() != 64 || !self.sha256.bytes().all(hex) {
            return Some(("sha256", "must be 64 lower-case hexadecimal digits".into()));
        }
        if !(2..=MAX_LABELS).contains(&self.labels.len()) {
            return Some(("labels", format!("must be 2 to {MAX_LABELS} genres, found {}", self.labels.len())));
        }
        for (i, label) in self.labels.iter().enumerate() {
            if label.trim().is_empty() || self.labels[..i].contains(label) {
                return Some(("labels", format!("must be distinct and not empty: `{label}`, number {}", i + 1)));
            }
        }
        if !(self.weight > 0.0 && self.weight.is_finite()) {
            return Some(("weight", format!("must be positive, found {}", self.weight)));
        }
        match (&self.tag_map, self.output.kind) {
            (Some(map), OutputKind::Tags) => {
                if let Some(reason) = map.fault(&self.labels) {
                    return Some(("tag_map", reason));
                }
            }
            (Some(_), _) => return Some(("tag_map", "belongs to an output of the kind `tags`".into())),
            (None, _) => {}
        }
        if self.output.name.is_empty() {
            return Some(("output.name", "must name an output of the graph".into()));
        }
        if !(1_000..=384_000).contains(&self.input.sample_rate()) {
            return Some((
                "input.sample_rate",
                format!("must be 1000 to 384000 Hz, found {}", self.input.sample_rate()),
            ));
        }
        match &self.input {
            ModelInput::Fma518 { .. } => None,
            ModelInput::LogMel(input) => input.fault(),
            ModelInput::MusicnnMel(input) => input.fault(),
        }
    }
}

impl MusicnnMelInput {
    fn fault(&self) -> Option<(&'static str, String)> {
        const RATE: u32 = crate::features::MusicnnMel::SAMPLE_RATE;
        if self.sample_rate != RATE {
            return Some(("input.musicnn-mel.sample_rate", format!("must be {RATE} Hz, found {}", self.sample_rate)));
        }
        if !(1..=MAX_FRAMES).contains(&self.patch_frames) {
            let key = "input.musicnn-mel.patch_frames";
            return Some((key, format!("must be 1 to {MAX_FRAMES}, found {}", self.patch_frames)));
        }
        if !(1..=MAX_PATCHES).contains(&self.patches) {
            return Some(("input.musicnn-mel.patches", format!("must be 1 to {MAX_PATCHES}, found {}", self.patches)));
        }
        None
    }
}

impl LogMelInput {
    fn fault(&self) -> Option<(&'static str, String)> {
        if !(16..=65_536).contains(&self.n_fft) || !self.n_fft.is_multiple_of(2) {
            return Some(("input.log-mel.n_fft", format!("must be even and 16 to 65536, found {}", self.n_fft)));
        }
        if !(1..=self.n_fft).contains(&self.hop_length) {
            return Some((
                "input.log-mel.hop_length",
                format!("must be 1 to n_fft ({}), found {}", self.n_fft, self.hop_length),
            ));
        }
        if !(1..=1024).contains(&self.n_mels) {
            return Some(("input.log-mel.n_mels", format!("must be 1 to 1024, found {}", self.n_mels)));
        }
        let nyquist = f64::from(self.sample_rate) / 2.0;
        // Both comparisons are written so that NaN fails.
        if !(self.fmin >= 0.0 && self.fmin < nyquist) {
            return Some(("input.log-mel.fmin", format!("must be 0 to {nyquist} Hz, found {}", self.fmin)));
        }
        if !(self.fmax > self.fmin && self.fmax <= nyquist) {
            return Some((
                "input.log-mel.fmax",
                format!("must be above fmin and at most {nyquist} Hz, found {}", self.fmax),
            ));
        }
        if !(self.top_db > 0.0 && self.top_db.is_finite()) {
            return Some(("input.log-mel.top_db", format!("must be positive, found {}", self.top_db)));
        }
        if !(1..=MAX_FRAMES).contains(&self.frames) {
            return Some(("input.log-mel.frames", format!("must be 1 to {MAX_FRAMES}, found {}", self.frames)));
        }
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    const GOOD: &str = r#"
name = "cnn"
version = "1"
licence = "MIT"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
labels = ["Jazz", "Blues"]
[input.log-mel]
sample_rate = 22050
n_fft = 2048
hop_length = 512
n_mels = 128
fmin = 0.0
fmax = 11025.0
top_db = 80.0
frames = 1292
padding = "repeat"
[output]
name = "logits"
kind = "logits"
"#;

    fn error_of(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        Manifest::parse(&GOOD.replace(from, to), "here/model.toml").unwrap_err().to_string()
    }

    #[test]
    fn a_good_manifest_is_read_with_every_parameter() {
        let manifest = Manifest::parse(GOOD, "here").unwrap();
        assert_eq!(manifest.weight, 1.0);
        assert_eq!(manifest.labels, ["Jazz", "Blues"]);
        let ModelInput::LogMel(input) = manifest.input else { panic!("wrong kind") };
        assert_eq!((input.n_fft, input.hop_length, input.n_mels, input.frames), (2048, 512, 128, 1292));
        assert_eq!(input.padding, Padding::Repeat);
    }

    #[test]
    fn a_tagger_speaks_for_the_genres_of_its_map() {
        let tagger = GOOD.replace("kind = \"logits\"", "kind = \"tags\"").replace("\"Jazz\"", "\"sad\", \"Jazz\"");
        let manifest = Manifest::parse(&tagger, "here").unwrap();
        assert!(manifest.genres().is_empty() && manifest.genre_shares(&[0.1, 0.2, 0.3]).is_empty());

        let map = "[tag_map]\nleft_out = [\"sad\"]\n[[tag_map.genres]]\nname = \"Blues\"\ntags = [\"Blues\"]\n\
                   [[tag_map.genres]]\nname = \"Jazz\"\ntags = [\"Jazz\"]\n";
        let manifest = Manifest::parse(&format!("{tagger}{map}"), "here").unwrap();
        assert_eq!(manifest.genres(), ["Blues", "Jazz"]);
        assert_eq!(manifest.genre_shares(&[0.9, 0.25, 0.75]), [0.75, 0.25]);

        let error = Manifest::parse(&format!("{GOOD}{map}"), "here").unwrap_err().to_string();
        assert!(error.contains("`tag_map`"), "{error}");
        let error = Manifest::parse(&format!("{tagger}{}", map.replace("[\"sad\"]", "[]")), "here").unwrap_err();
        assert!(error.to_string().contains("`sad`"), "{error}");
    }

    #[test]
    fn patches_that_cannot_be_cut_are_refused() {
        let start = GOOD.find("[input").unwrap();
        let end = GOOD.find("[output").unwrap();
        let with = |input: &str| format!("{}[input.musicnn-mel]\n{input}{}", &GOOD[..start], &GOOD[end..]);
        let good = Manifest::parse(&with("sample_rate = 16000\npatch_frames = 187\n"), "here").unwrap();
        assert_eq!(
            good.input,
            ModelInput::MusicnnMel(MusicnnMelInput { sample_rate: 16_000, patch_frames: 187, patches: 3 })
        );
        for (bad, key) in [
            ("sample_rate = 22050\npatch_frames = 187\n", "`input.musicnn-mel.sample_rate`"),
            ("sample_rate = 16000\npatch_frames = 0\n", "`input.musicnn-mel.patch_frames`"),
            ("sample_rate = 16000\npatch_frames = 187\npatches = 0\n", "`input.musicnn-mel.patches`"),
            ("sample_rate = 16000\n", "patch_frames"),
        ] {
            let error = Manifest::parse(&with(bad), "here").unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn an_error_names_the_file_and_the_key() {
        for (from, to, key) in [
            ("name = \"cnn\"", "name = \"c n n\"", "`name`"),
            ("name = \"cnn\"", "nome = \"cnn\"", "nome"),
            ("version = \"1\"", "version = 1", "version"),
            ("licence = \"MIT\"", "", "licence"),
            ("e3b0", "E3B0", "`sha256`"),
            ("[\"Jazz\", \"Blues\"]", "[\"Jazz\", \"Jazz\"]", "`labels`"),
            ("[\"Jazz\", \"Blues\"]", "[\"Jazz\"]", "`labels`"),
            ("[input.log-mel]", "[input.mel]", "mel"),
            ("[input.log-mel]", "[input.fma518]", "n_fft"),
            ("[input.log-mel]", "[input.fma518]\nsample_rate = 22050\n[input.log-mel]", "input"),
            ("hop_length = 512", "hop_length = 0", "`input.log-mel.hop_length`"),
            ("hop_length = 512", "hop = 512", "hop"),
            ("n_fft = 2048", "n_fft = \"2048\"", "n_fft"),
            ("n_fft = 2048", "n_fft = 2047", "`input.log-mel.n_fft`"),
            ("n_mels = 128", "", "n_mels"),
            ("fmax = 11025.0", "fmax = 12000.0", "`input.log-mel.fmax`"),
            ("fmin = 0.0", "fmin = nan", "`input.log-mel.fmin`"),
            ("top_db = 80.0", "top_db = -80.0", "`input.log-mel.top_db`"),
            ("frames = 1292", "frames = 99999999", "`input.log-mel.frames`"),
            ("padding = \"repeat\"", "padding = \"wrap\"", "wrap"),
            ("sample_rate = 22050", "sample_rate = 22", "`input.sample_rate`"),
            ("kind = \"logits\"", "kind = \"logit\"", "logit"),
            ("name = \"logits\"", "name = \"\"", "`output.name`"),
            ("[output]", "weight = 0.0\n[output]", "weight"),
        ] {
            let message = error_of(from, to);
            assert!(message.starts_with("here/model.toml"), "{message}");
            assert!(message.contains(key), "{from} -> {to}: {message}");
        }
    }
}
