//! The judgement that every editor's tests share: edit a whole file in memory, check the result as a write does, edit it again.

#![allow(clippy::unwrap_used)] // a test may panic

use super::editor::{EditOptions, Editor, Patch};
use super::error::Problem;
use super::plan::{TagField, Wish};
use super::source::Source;
use super::write::verify;

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

/// These genres, and the same in our own field.
pub(crate) fn genres_wish(genres: &[&str]) -> Wish {
    Wish(vec![(TagField::Genre, strings(genres)), (TagField::OwnGenre, strings(genres))])
}

/// These genres, and all of our own fields.
pub(crate) fn full_wish(genres: &[&str]) -> Wish {
    let Wish(mut fields) = genres_wish(genres);
    fields.push((TagField::OwnConfidence, strings(&["0.87"])));
    fields.push((TagField::OwnModel, strings(&["reclassd 0.1.0"])));
    Wish(fields)
}

/// The file after the edit, and the patch that made it; what the editor answers where it refuses.
pub(crate) fn try_edit<E: Editor>(
    parse: fn(&dyn Source) -> Result<E, Problem>,
    file: &[u8],
    wish: &Wish,
    options: EditOptions,
) -> Result<(Vec<u8>, Patch), Problem> {
    let source = file.to_vec();
    let before = parse(&source)?;
    let patch = before.edit(&source, wish, options)?;
    let bytes = patch.apply(file);
    assert_eq!(bytes.len() as u64, patch.new_len(file.len() as u64));
    let after = parse(&bytes).expect("the edited file parses");
    let (old, new) = (before.layout(&source)?, after.layout(&bytes).expect("the edited file can be described"));
    verify::compare(&old, &new, &patch, wish).unwrap();
    verify::fulfilled(&after, wish).unwrap();
    assert_eq!(before.audio_digest(&source, &old)?, after.audio_digest(&bytes, &new)?, "the audio differs");
    let again = after.edit(&bytes, wish, options).expect("the edited file can be edited");
    assert!(again.is_empty(), "a second edit has nothing to do");
    Ok((bytes, patch))
}

/// The reason of an edit that has to be refused.
pub(crate) fn refusal<T>(outcome: Result<T, Problem>) -> String {
    match outcome {
        Err(Problem::Refused(reason)) => reason.to_string(),
        other => panic!("refused was expected, got {:?}", other.map(|_| ())),
    }
}
