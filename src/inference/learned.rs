//! What was learned from one library, as it lies on the disk: generations of one model, each with what it takes to let
//! it vote, and which of them is in use. It is read here, since whoever makes up an ensemble needs it; how it comes
//! about is `learning`'s.
//!
//! ```text
//! reclassd.db.learned/
//!   current            the number of the generation in use
//!   generations/3/     model.onnx, model.toml, vote.toml, CARD.md
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{InferenceError, Model};
use crate::genre::{Calibration, KindFit, OwnGenre};

/// What the model is called in the vote.
pub const LEARNED: &str = "learned";

/// The file in a generation's folder that says how it votes.
pub const VOTE_FILE: &str = "vote.toml";

/// How a learned model votes beside the others: all of it was fitted on artists that the model had not heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedVote {
    /// Its weight, relative to that of all others together.
    pub weight: f32,
    /// Whom it voted with when this was fitted: other voters are another vote, and not calibrated.
    pub beside: String,
    /// The confidence from which a genre is right as often as was promised.
    pub threshold: f32,
    /// The probability from which a kind is named in place of its family.
    pub tell: f32,
    /// How likely the first genre is right.
    pub calibration: Calibration,
    /// What a kind's share of its family is worth.
    #[serde(default)]
    pub kinds: BTreeMap<String, KindFit>,
    /// The owner's own genres among its labels, which the taxonomy does not have or has elsewhere.
    #[serde(default)]
    pub own: Vec<OwnGenre>,
    /// The owner's word for a genre of the taxonomy, where the library has another one.
    #[serde(default)]
    pub words: BTreeMap<String, String>,
}

/// A generation that is in use.
#[derive(Debug)]
pub struct Learned {
    /// Its number, from 1.
    pub generation: u32,
    /// The model.
    pub model: Model,
    /// How it votes.
    pub vote: LearnedVote,
}

impl Learned {
    /// The generation in use of a folder; none where nothing was learned.
    ///
    /// # Errors
    /// When it is there and cannot be read, or is not as it was written.
    pub fn current(folder: &Path) -> Result<Option<Self>, InferenceError> {
        let Some(generation) = current_generation(folder)? else { return Ok(None) };
        let place = generation_folder(folder, generation);
        let path = place.join(VOTE_FILE);
        let text = std::fs::read_to_string(&path).map_err(read_error(&path))?;
        let vote = parse_vote(&text, &path)?;
        Ok(Some(Self { generation, model: Model::open(&place)?, vote }))
    }
}

/// The folder of what was learned beside a database.
pub fn learned_folder(database: &Path) -> PathBuf {
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push(".learned");
    database.with_file_name(name)
}

/// Where a generation lies.
pub fn generation_folder(folder: &Path, generation: u32) -> PathBuf {
    folder.join("generations").join(generation.to_string())
}

/// The number of the generation in use.
///
/// # Errors
/// When there is a word for it that cannot be read, or is no number.
pub fn current_generation(folder: &Path) -> Result<Option<u32>, InferenceError> {
    if folder.as_os_str().is_empty() {
        return Ok(None);
    }
    let path = folder.join("current");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(read_error(&path)(error)),
    };
    text.trim().parse().map(Some).map_err(|_| InferenceError::Syntax {
        origin: path.display().to_string(),
        reason: "it is no number of a generation; `reclassd learn --rollback` or `--forget` mends it".into(),
    })
}

fn parse_vote(text: &str, path: &Path) -> Result<LearnedVote, InferenceError> {
    let origin = path.display().to_string();
    let vote: LearnedVote = toml::from_str(text).map_err(|error| InferenceError::Syntax {
        origin: origin.clone(),
        reason: error.to_string().trim_end().into(),
    })?;
    let share = |value: f32| (0.0..=1.0).contains(&value);
    let fits = vote.kinds.values().all(|fit| fit.bias.is_finite() && fit.share.is_finite());
    let sound = vote.weight >= 0.0 && vote.weight.is_finite() && share(vote.threshold) && share(vote.tell);
    if sound && fits && vote.calibration.is_finite() {
        return Ok(vote);
    }
    Err(InferenceError::Value { origin, key: "weight` or what was fitted with it", reason: "is not possible".into() })
}

fn read_error(path: &Path) -> impl Fn(std::io::Error) -> InferenceError {
    move |source| InferenceError::Read { path: path.into(), source: Arc::new(source) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn nothing_learned_is_nothing_and_a_broken_word_for_it_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Learned::current(folder.path()).unwrap().is_none());
        assert!(Learned::current(Path::new("")).unwrap().is_none());
        std::fs::write(folder.path().join("current"), "three\n").unwrap();
        let error = Learned::current(folder.path()).unwrap_err().to_string();
        assert!(error.contains("current") && error.contains("--rollback"), "{error}");
    }

    #[test]
    fn each_database_has_a_folder_of_its_own() {
        assert_eq!(learned_folder(Path::new("/s/reclassd.db")), Path::new("/s/reclassd.db.learned"));
        assert_ne!(learned_folder(Path::new("/s/a.db")), learned_folder(Path::new("/s/b.db")));
    }
}
