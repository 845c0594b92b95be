//! `model.toml`: what a model is, what it wants to be fed, and what its outputs mean.
//!
//! A manifest is read strictly: an unknown key is an error, and so is a value that no front end could honour. It says
//! nothing of how well a model does; that is in `CARD.md`, for people. Labels and their map may lie in files of their
//! own beside it.

use serde::Deserialize;

use super::input::ModelInput;
use super::labels;
use super::output::{Output, OutputKind};
use super::{InferenceError, TagMap};

/// More labels than this are a mistake in the manifest (the largest public taxonomy in use has 527).
const MAX_LABELS: usize = 4096;

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
    /// What its labels name; genres unless given.
    #[serde(default)]
    pub says: Says,
    /// What each number of the output stands for, in order: canonical genres, or the words of a tagger.
    #[serde(default)]
    pub labels: Vec<String>,
    /// A file beside the manifest that has the labels instead: a label a line; `.json` with the list `classes` or the
    /// object `id2label`; `.csv` with the column `display_name`.
    pub labels_file: Option<String>,
    /// The label among them that speaks for whatever is none of the others, if there is one: it is no genre, and what
    /// it has is taken from all that others name and this model does not.
    pub other: Option<String>,
    /// The package that the model was installed from, if it was: `reclassd models remove` takes its name too.
    pub package: Option<String>,
    /// How much the model counts in a vote that does not say so itself; 1 unless given.
    #[serde(default = "one")]
    pub weight: f32,
    /// What the graph is fed.
    pub input: ModelInput,
    /// What the graph gives.
    pub output: Output,
    /// Which genres the labels speak for, where they are no genres themselves. Without it a tagger has no vote.
    pub tag_map: Option<TagMap>,
    /// A file beside the manifest that has the map instead.
    pub tag_map_file: Option<String>,
}

/// What a model's labels name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// Genres, or the words of a tagger.
    #[default]
    Genres,
    /// Kinds of sound, the first of them music: no vote, but whether there is anything to vote on.
    Sounds,
}

fn one() -> f32 {
    1.0
}

/// Whether a model can be called this: it stands in configuration, in the cache and as the name of a folder.
pub(super) fn is_model_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}

/// Whether this is a SHA-256 as `sha256sum` writes it.
pub(super) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl Manifest {
    /// Reads a manifest that needs no other file; `origin` is the file's path, or whatever should stand for it in an
    /// error.
    ///
    /// # Errors
    /// [`InferenceError::Syntax`] when the text is no such TOML, [`InferenceError::Value`] when a value cannot be.
    pub fn parse(text: &str, origin: &str) -> Result<Self, InferenceError> {
        Self::read(text, origin, |file| {
            let reason = format!("names `{file}`: this manifest stands alone, put the content into it");
            Err(InferenceError::Value { origin: origin.into(), key: "labels_file` or `tag_map_file", reason })
        })
    }

    /// Reads a manifest; `beside` gives the text of a file beside it.
    pub(super) fn read(
        text: &str,
        origin: &str,
        beside: impl Fn(&str) -> Result<String, InferenceError>,
    ) -> Result<Self, InferenceError> {
        let syntax = |origin: &str, error: toml::de::Error| InferenceError::Syntax {
            origin: origin.into(),
            reason: error.to_string().trim_end().into(),
        };
        let wrong = |key, reason| InferenceError::Value { origin: origin.into(), key, reason };
        let mut manifest: Self = toml::from_str(text).map_err(|error| syntax(origin, error))?;
        if let Some(file) = &manifest.labels_file {
            if !manifest.labels.is_empty() {
                return Err(wrong("labels_file", "stands beside `labels`: one of them is enough".into()));
            }
            manifest.labels = labels::read(file, &beside(file)?).map_err(|reason| wrong("labels_file", reason))?;
        }
        if let Some(file) = &manifest.tag_map_file {
            if manifest.tag_map.is_some() {
                return Err(wrong("tag_map_file", "stands beside `[tag_map]`: one of them is enough".into()));
            }
            manifest.tag_map = Some(toml::from_str(&beside(file)?).map_err(|error| syntax(file, error))?);
        }
        match manifest.fault() {
            Some((key, reason)) => Err(wrong(key, reason)),
            None => Ok(manifest),
        }
    }

    /// The genres that the model can say, in the order of [`Manifest::genre_shares`]; none of a tagger without a map.
    pub fn genres(&self) -> Vec<&str> {
        match &self.tag_map {
            Some(map) => map.names(),
            None if self.is_tagger() || self.says == Says::Sounds => Vec::new(),
            None => {
                self.labels.iter().map(String::as_str).filter(|label| Some(*label) != self.other.as_deref()).collect()
            }
        }
    }

    /// What probabilities of the labels say of the genres: the same, or what the map makes of them.
    pub fn genre_shares(&self, probabilities: &[f32]) -> Vec<f32> {
        match &self.tag_map {
            Some(map) if self.is_tagger() => map.shares(&self.labels, probabilities),
            Some(map) => map.sums(&self.labels, probabilities),
            None if self.is_tagger() => Vec::new(),
            None => {
                let shares =
                    self.labels.iter().zip(probabilities).filter(|(label, _)| Some(*label) != self.other.as_ref());
                shares.map(|(_, share)| *share).collect()
            }
        }
    }

    /// Whether each label stands for itself: any number of them may apply.
    pub fn is_tagger(&self) -> bool {
        matches!(self.output.kind, OutputKind::Tags | OutputKind::TagLogits)
    }

    /// The first key whose value cannot be, and why.
    fn fault(&self) -> Option<(&'static str, String)> {
        if !is_model_name(&self.name) {
            return Some(("name", "must be 1 to 64 letters, digits, `-`, `_` or `.`".into()));
        }
        if self.version.is_empty() {
            return Some(("version", "must not be empty".into()));
        }
        if !is_digest(&self.sha256) {
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
        if let Some(other) = self.other.as_ref().filter(|other| !self.labels.contains(other) || self.is_tagger()) {
            return Some(("other", format!("must be one of labels that exclude each other, found `{other}`")));
        }
        if !(self.weight > 0.0 && self.weight.is_finite()) {
            return Some(("weight", format!("must be positive, found {}", self.weight)));
        }
        if let Some(reason) = self.tag_map.as_ref().and_then(|map| map.fault(&self.labels)) {
            return Some(("tag_map", reason));
        }
        self.output.fault().or_else(|| self.input.fault())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::inference::Padding;

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
    fn a_label_for_all_the_rest_is_no_genre() {
        let text = GOOD.replace("\"Blues\"]", "\"Blues\", \"(other)\"]\nother = \"(other)\"");
        let manifest = Manifest::parse(&text, "here").unwrap();
        assert_eq!(manifest.genres(), ["Jazz", "Blues"]);
        assert_eq!(manifest.genre_shares(&[0.5, 0.25, 0.25]), [0.5, 0.25]);
        assert!(error_of("\"Blues\"]", "\"Blues\"]\nother = \"(other)\"").contains("`other`"));
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

        let error = Manifest::parse(&format!("{tagger}{}", map.replace("[\"sad\"]", "[]")), "here").unwrap_err();
        assert!(error.to_string().contains("`sad`"), "{error}");
    }

    #[test]
    fn patches_that_cannot_be_cut_are_refused() {
        let start = GOOD.find("[input").unwrap();
        let end = GOOD.find("[output").unwrap();
        let with = |input: &str| format!("{}[input.musicnn-mel]\n{input}{}", &GOOD[..start], &GOOD[end..]);
        let good = Manifest::parse(&with("sample_rate = 16000\npatch_frames = 187\n"), "here").unwrap();
        let ModelInput::MusicnnMel(input) = good.input else { panic!("wrong kind") };
        assert_eq!((input.patch_frames, input.patches, input.padding), (187, 3, Padding::Repeat));
        for (bad, key) in [
            ("sample_rate = 22050\npatch_frames = 187\n", "`input.sample_rate`"),
            ("sample_rate = 16000\npatch_frames = 0\n", "`input.frames`"),
            ("sample_rate = 16000\npatch_frames = 187\npatches = 0\n", "`input.patches`"),
            ("sample_rate = 16000\n", "patch_frames"),
        ] {
            let error = Manifest::parse(&with(bad), "here").unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn genres_that_are_apart_under_other_names_add_up() {
        let map = "[tag_map]\nleft_out = [\"*\"]\n[[tag_map.genres]]\nname = \"Jazz\"\ntags = [\"jazz*\"]\n\
                   [[tag_map.genres]]\nname = \"Blues\"\ntags = [\"blues\"]\n";
        let labels = GOOD.replace("[\"Jazz\", \"Blues\"]", "[\"jazz, hot\", \"noise\", \"jazz, cool\", \"blues\"]");
        let manifest = Manifest::parse(&format!("{labels}{map}"), "here").unwrap();
        assert_eq!(manifest.genres(), ["Jazz", "Blues"]);
        assert_eq!(manifest.genre_shares(&[0.25, 0.5, 0.125, 0.125]), [0.75, 0.25]);
    }

    #[test]
    fn labels_and_map_may_lie_beside_the_manifest() {
        let text = GOOD.replace("labels = [\"Jazz\", \"Blues\"]", "labels_file = \"l.txt\"\ntag_map_file = \"m.toml\"");
        let beside = |file: &str| {
            Ok(if file == "l.txt" {
                "a\nb\n".into()
            } else {
                "left_out = []\ngenres = [{ name = 'Jazz', tags = ['a'] }, { name = 'Blues', tags = ['b'] }]".into()
            })
        };
        let manifest = Manifest::read(&text, "here", beside).unwrap();
        assert_eq!(
            (manifest.genres(), manifest.labels.as_slice()),
            (vec!["Jazz", "Blues"], &["a".into(), "b".into()][..])
        );
        let error = Manifest::parse(&text, "here").unwrap_err().to_string();
        assert!(error.contains("labels_file") && error.contains("l.txt"), "{error}");
    }

    #[test]
    fn every_front_end_is_described_by_a_table_of_its_own() {
        let start = GOOD.find("[input").unwrap();
        let end = GOOD.find("[output").unwrap();
        let with = |input: &str| Manifest::parse(&format!("{}{input}{}", &GOOD[..start], &GOOD[end..]), "here");
        let kaldi = "[input.kaldi-fbank]\nsample_rate = 16000\nn_mels = 128\nwindow = \"hanning\"\nframes = 1024\n\
                     padding = \"zero\"\nmean = -4.0\nstd = 9.0\n";
        for (input, shape) in [
            (kaldi, &[1, 1024, 128][..]),
            ("[input.vggish-mel]\nsample_rate = 16000\npatch_frames = 96\nchannels = 1\n", &[1, 1, 96, 64]),
            ("[input.essentia-musicnn-mel]\nsample_rate = 16000\npatch_frames = 128\n", &[1, 128, 96]),
            ("[input.waveform]\nsample_rate = 24000\nsamples = 120000\npadding = \"zero\"\n", &[1, 120_000]),
        ] {
            assert_eq!(with(input).unwrap().input.shape(), shape);
        }
        for (from, to, key) in [
            ("n_mels = 128", "n_mels = 0", "n_mels"),
            ("std = 9.0", "std = 0.0", "`input.std`"),
            ("\"hanning\"", "\"hamming\"", "hamming"),
            ("sample_rate = 16000", "sample_rate = 16000\nfmax = 9000.0", "fmax"),
        ] {
            let error = with(&kaldi.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
        let picture = GOOD.replace("padding = \"repeat\"", "padding = \"floor\"\nchannels = 3\nresize = [224, 224]");
        assert_eq!(Manifest::parse(&picture, "here").unwrap().input.shape(), [1, 3, 224, 224]);
        assert!(Manifest::parse(GOOD, "here").unwrap().input.log_mel().is_some());
        let other = Manifest::parse(&GOOD.replace("top_db = 80.0", "log = \"ln\"\noffset = 0.01"), "here").unwrap();
        assert!(other.input.log_mel().is_none() && other.input.mel().is_some());
        let error = error_of("frames = 1292", "frames = 160000\nchannels = 16");
        assert!(error.contains("at once"), "{error}");
        let error = error_of("top_db = 80.0\nframes = 1292\npadding = \"repeat\"", "frames = 10\npadding = \"floor\"");
        assert!(error.contains("top_db"), "{error}");
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
            ("frames = 1292", "frames = 99999999", "`input.frames`"),
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
