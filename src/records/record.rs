//! One record: its fields, and what has to hold of them before anybody believes it.
//!
//! A record may come from anywhere, so it is looked at as a whole: sizes, ranges and names. Whether its numbers are
//! true to the sound cannot be seen; that is for whoever fetches records to know.

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::audio::AudioId;
use crate::features::FMA518_LEN;

/// The version of the form.
pub const FORMAT: u32 = 1;

/// Features, and scores, of one recording at the most.
const MOST_PARTS: usize = 128;
/// Numbers in one of them at the most.
const MOST_NUMBERS: usize = 1 << 18;
/// Bytes in a name or key at the most.
const LONGEST_NAME: usize = 2_048;
/// Bytes in a path or a reason at the most.
const LONGEST_TEXT: usize = 16_384;
/// Entries of a ranking at the most.
const MOST_GENRES: usize = 2_048;
/// No recording is longer: a year, in seconds.
const LONGEST_SECONDS: f64 = 366.0 * 86_400.0;

/// What was heard of a recording, or why nothing was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version of the form: [`FORMAT`].
    pub record: u32,
    /// The version of the program that made it.
    pub program: String,
    /// The file, as it was named; where that is not UTF-8, a lossy form of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The bytes of a name that is not UTF-8, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
    /// The identity of the sound without its tags, 32 hexadecimal digits; none where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<String>,
    /// The codec's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// How long it is, in seconds, to a thousandth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
    /// Features and embeddings, in the order of their kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<RecordedFeature>,
    /// What the models said, in the order of their keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<RecordedScores>,
    /// What the vote made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<RecordedVerdict>,
    /// Why it was not analysed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the reason depends on: by another version or in another window it may be analysed. None where the reason is
    /// no fault of the sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gave_up: Option<String>,
}

/// Numbers that are dear to compute: the 518, an embedding, the row of the descriptors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedFeature {
    /// What they are, with every version that they depend on.
    pub kind: String,
    /// Which part of the recording was heard.
    pub window: String,
    /// One row after the other, one a window.
    pub values: Vec<f32>,
}

/// What one model said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedScores {
    /// The model, with its digest and what it is fed with.
    pub model: String,
    /// Which part of the recording was heard.
    pub window: String,
    /// In the order of its labels, one row a window: 0 to 1.
    pub probabilities: Vec<f32>,
}

/// What an ensemble made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedVerdict {
    /// The fingerprint of the ensemble.
    pub ensemble: String,
    /// How likely the first is right, 0 to 1.
    pub confidence: f32,
    /// Genres with their shares, best first.
    pub ranking: Vec<(String, f32)>,
}

/// Why a record is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It does not read as one.
    #[error("this is no record: {0}")]
    Form(String),
    /// Another program made it.
    #[error(
        "this is a record of form {0}, and this program reads form {FORMAT}: use the program that made it, or a newer one"
    )]
    Version(u32),
    /// A line that is too long to be one.
    #[error("this line is longer than any record ({limit} bytes)")]
    TooLong {
        /// Bytes that a line may have.
        limit: usize,
    },
    /// A field is none that this program would have written.
    #[error("{field}: {what}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What is the matter with it.
        what: &'static str,
    },
}

/// A record of this program that says nothing yet.
impl Default for Record {
    fn default() -> Self {
        Self {
            record: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            path: None,
            path_hex: None,
            audio: None,
            codec: None,
            duration: None,
            features: Vec::new(),
            scores: Vec::new(),
            verdict: None,
            reason: None,
            gave_up: None,
        }
    }
}

impl Record {
    /// The record of a file of which nothing can be known; why.
    pub fn unheard(reason: String) -> Self {
        Self { reason: Some(reason), ..Self::default() }
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`RecordError`] when it is no record of this form, or one of its fields is out of its range.
    pub fn parse(line: &[u8]) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Form {
            record: u32,
        }
        let read = serde_json::from_slice::<Self>(line);
        let record = match read {
            Ok(record) if record.record == FORMAT => record,
            // Of another form nothing else is known.
            otherwise => {
                let form = serde_json::from_slice::<Form>(line).map(|form| form.record);
                return Err(match (form, otherwise) {
                    (Ok(form), _) if form != FORMAT => RecordError::Version(form),
                    (_, Err(error)) => RecordError::Form(error.to_string()),
                    (_, Ok(_)) => RecordError::Version(0),
                });
            }
        };
        record.check().map_err(|(field, what)| RecordError::Field { field, what })?;
        Ok(record)
    }

    /// The record as a line, with its end.
    pub fn to_line(&self) -> Vec<u8> {
        // Strings and finite numbers: there is nothing that JSON could not hold.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Notes the file's name.
    pub fn name(&mut self, path: &Path) {
        let name = path.as_os_str();
        let hex = || name.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        self.path_hex = name.to_str().is_none().then(hex);
        self.path = Some(name.to_string_lossy().into_owned());
    }

    /// The file's name, byte for byte.
    pub fn file(&self) -> Option<PathBuf> {
        let digits = self.path_hex.as_deref().map(str::as_bytes);
        let bytes = digits.and_then(|digits| {
            let pairs = digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
            pairs.collect::<Option<Vec<u8>>>()
        });
        match bytes {
            Some(bytes) => Some(std::ffi::OsString::from_vec(bytes).into()),
            None => self.path.as_ref().map(PathBuf::from),
        }
    }

    /// The identity of the sound.
    pub fn audio_id(&self) -> Option<AudioId> {
        self.audio.as_deref()?.parse().ok()
    }

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let is = |holds: bool, field, what| if holds { Ok(()) } else { Err((field, what)) };
        let is_name =
            |text: &str| !text.is_empty() && text.len() <= LONGEST_NAME && !text.chars().any(char::is_control);
        let is_share = |share: &f32| (0.0..=1.0).contains(share);
        is(is_name(&self.program), "program", "is no version")?;
        let texts = [("path", &self.path), ("path_hex", &self.path_hex), ("reason", &self.reason)];
        for (field, text) in texts {
            is(text.as_ref().is_none_or(|text| text.len() <= LONGEST_TEXT), field, "is too long")?;
        }
        for (field, name) in [("codec", &self.codec), ("gave_up", &self.gave_up)] {
            is(name.as_deref().is_none_or(is_name), field, "is no name")?;
        }
        is(
            self.audio.is_none() || self.audio_id().is_some(),
            "audio",
            "is no identity of a sound: 32 hexadecimal digits",
        )?;
        let has_heard = !self.features.is_empty() || !self.scores.is_empty() || self.verdict.is_some();
        is(self.audio.is_some() || !has_heard, "audio", "is missing, and something was heard")?;
        is(has_heard || self.reason.is_some(), "reason", "is missing, and nothing was heard")?;
        let is_long = |seconds: f64| (0.0..=LONGEST_SECONDS).contains(&seconds);
        is(self.duration.is_none_or(is_long), "duration", "is no number of seconds")?;
        is(self.features.len() <= MOST_PARTS, "features", "are too many")?;
        for feature in &self.features {
            is(is_name(&feature.kind) && is_name(&feature.window), "features", "have no kind or window")?;
            let n = feature.values.len();
            is((1..=MOST_NUMBERS).contains(&n), "features", "are none, or too many numbers")?;
            is(feature.values.iter().all(|value| value.is_finite()), "features", "hold what is no number")?;
            let is_whole = !feature.kind.starts_with("fma518@") || n.is_multiple_of(FMA518_LEN);
            is(is_whole, "features", "are not 518 numbers a window")?;
        }
        is(self.scores.len() <= MOST_PARTS, "scores", "are too many")?;
        for score in &self.scores {
            is(is_name(&score.model) && is_name(&score.window), "scores", "have no model or window")?;
            let n = score.probabilities.len();
            is((1..=MOST_NUMBERS).contains(&n), "scores", "are none, or too many numbers")?;
            is(score.probabilities.iter().all(is_share), "scores", "hold what is no probability")?;
        }
        if let Some(verdict) = &self.verdict {
            is(
                is_name(&verdict.ensemble) && is_share(&verdict.confidence),
                "verdict",
                "has no ensemble or confidence",
            )?;
            let ranking = &verdict.ranking;
            is((1..=MOST_GENRES).contains(&ranking.len()), "verdict", "has no genres, or too many")?;
            let is_entry = |(genre, share): &(String, f32)| is_name(genre) && is_share(share);
            is(ranking.iter().all(is_entry), "verdict", "holds what is no genre with a share")?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use std::ffi::OsStr;

    use proptest::prelude::*;

    use super::*;

    fn record() -> Record {
        Record {
            audio: Some("0123456789abcdef0123456789abcdef".to_owned()),
            codec: Some("flac".to_owned()),
            duration: Some(215.407),
            features: vec![RecordedFeature {
                kind: "fma518@22050/3".to_owned(),
                window: "30 s x 1".to_owned(),
                values: vec![0.5; 518],
            }],
            scores: vec![RecordedScores {
                model: "m/0123".to_owned(),
                window: "30 s x 1".to_owned(),
                probabilities: vec![0.25, 0.75],
            }],
            verdict: Some(RecordedVerdict {
                ensemble: "built-in 5".to_owned(),
                confidence: 0.8,
                ranking: vec![("Jazz".to_owned(), 0.75)],
            }),
            ..Record::default()
        }
    }

    fn refusal(change: impl FnOnce(&mut Record)) -> String {
        let mut record = record();
        change(&mut record);
        Record::parse(&record.to_line()).unwrap_err().to_string()
    }

    #[test]
    fn a_record_comes_back_as_it_was_with_any_name() {
        for name in [&b"/m/a song.flac"[..], b"/m/\xff\n.mp3", "/m/\u{e4}".as_bytes()] {
            let mut record = record();
            record.name(Path::new(OsStr::from_bytes(name)));
            let line = record.to_line();
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1, "a record is a line");
            let back = Record::parse(&line).unwrap();
            assert_eq!(back.file().unwrap().as_os_str().as_bytes(), name);
            assert_eq!(back, record);
        }
    }

    #[test]
    fn what_this_program_would_not_have_written_is_refused_with_the_field() {
        assert!(refusal(|r| r.audio = Some("0123".to_owned())).starts_with("audio: "));
        assert!(refusal(|r| r.audio = None).starts_with("audio: "));
        assert!(refusal(|r| r.scores[0].probabilities[0] = 1.5).starts_with("scores: "));
        assert!(refusal(|r| r.features[0].values.truncate(517)).starts_with("features: "));
        assert!(refusal(|r| r.features[0].kind = "a\nb".to_owned()).starts_with("features: "));
        assert!(refusal(|r| r.duration = Some(-1.0)).starts_with("duration: "));
        assert!(refusal(|r| r.verdict.as_mut().unwrap().ranking.clear()).starts_with("verdict: "));
        assert!(refusal(|r| r.record = 2).contains("form 2"));
        let nothing =
            |r: &mut Record| *r = Record { features: Vec::new(), scores: Vec::new(), verdict: None, ..r.clone() };
        assert!(refusal(nothing).starts_with("reason: "));
        // A number beyond float32, and none at all.
        let line = String::from_utf8(record().to_line()).unwrap();
        for wrong in ["1e39", "null", "\"x\""] {
            assert!(Record::parse(line.replacen("0.25", wrong, 1).as_bytes()).is_err(), "{wrong}");
        }
        for no_record in ["", "[]", "{}", "{\"record\":1}", "not json"] {
            assert!(Record::parse(no_record.as_bytes()).is_err(), "{no_record}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back_bit_for_bit(bits in proptest::collection::vec(any::<u32>(), 1..200)) {
            let values = bits.into_iter().map(f32::from_bits).filter(|value| value.is_finite()).chain([0.1]);
            let mut record = record();
            record.features[0] = RecordedFeature {
                kind: "embedding:m".to_owned(),
                window: "w".to_owned(),
                values: values.collect(),
            };
            let back = Record::parse(&record.to_line()).unwrap();
            let bits = |record: &Record| record.features[0].values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&back), bits(&record));
        }
    }
}
