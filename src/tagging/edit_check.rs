//! The judgement that every editor's tests share: edit a whole file in memory, check the result as a write does, edit
//! it again.

#![allow(clippy::unwrap_used)] // a test may panic

use super::editor::{EditOptions, Editor, Patch, Scope};
use super::error::Problem;
use super::home;
use super::journal::{Cause, JournalEntry};
use super::plan::{TagField, Wish};
use super::restore::Restoration;
use super::source::Source;
use super::stamp::FileStamp;
use super::state::{TagState, held};
use super::write::verify;

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

/// These genres, and the same in our own field.
pub(crate) fn genres_wish(genres: &[&str]) -> Wish {
    Wish::Set(vec![(TagField::Genre, strings(genres)), (TagField::OwnGenre, strings(genres))])
}

/// These genres, and all of our own fields.
pub(crate) fn full_wish(genres: &[&str]) -> Wish {
    let (genre, own) = (strings(genres), strings(genres));
    let mut fields = vec![(TagField::Genre, genre), (TagField::OwnGenre, own)];
    fields.push((TagField::OwnConfidence, strings(&["0.87"])));
    fields.push((TagField::OwnModel, strings(&["reclassd 0.1.0"])));
    Wish::Set(fields)
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
    verify::fulfilled(&after, &new, wish).unwrap();
    let loss = home::loss(before.container(), &before.voices(), &after.voices(), wish);
    assert_eq!(loss, None, "a reader sees less");
    assert_eq!(before.audio_digest(&source, &old)?, after.audio_digest(&bytes, &new)?, "the audio differs");
    let again = after.edit(&bytes, wish, options).expect("the edited file can be edited");
    assert!(again.is_empty(), "a second edit has nothing to do");
    take_back(&before, parse, &source, &bytes, &patch);
    Ok((bytes, patch))
}

/// Undoes the edit: every field, ours and others', has to have the bytes and the place that it had.
fn take_back<E: Editor>(
    before: &E,
    parse: fn(&dyn Source) -> Result<E, Problem>,
    original: &Vec<u8>,
    edited: &Vec<u8>,
    patch: &Patch,
) {
    if patch.is_empty() {
        return;
    }
    let after = parse(edited).unwrap();
    let entry = JournalEntry::for_test(before, patch, original.len() as u64);
    let wish = Wish::Restore(Restoration::new(&[&entry], |_, _| true));
    let undo = after.edit(edited, &wish, EditOptions::default()).unwrap();
    let bytes = undo.apply(edited);
    let undone = parse(&bytes).expect("the restored file parses");
    let layouts = [before.layout(original).unwrap(), after.layout(edited).unwrap(), undone.layout(&bytes).unwrap()];
    verify::compare(&layouts[1], &layouts[2], &undo, &wish).unwrap();
    verify::fulfilled(&undone, &layouts[2], &wish).unwrap();
    assert_eq!(layouts[0].pieces, layouts[2].pieces, "every field is what and where it was");
    let digest = |editor: &E, bytes: &Vec<u8>, layout| editor.audio_digest(bytes, layout).unwrap();
    assert_eq!(digest(before, original, &layouts[0]), digest(&undone, &bytes, &layouts[2]), "the audio differs");
    assert!(undone.edit(&bytes, &wish, EditOptions::default()).unwrap().is_empty(), "a second undo has nothing to do");
    let is_inner =
        |scope| matches!(scope, Scope::Ilst | Scope::VorbisComments | Scope::AsfAttributes | Scope::MatroskaTag(_));
    if patch.room.is_some() && patch.changes.iter().all(|change| is_inner(change.scope)) {
        assert!(bytes == *original, "the layout is what it was");
    }
}

/// The file after `patch` was applied and taken back.
pub(crate) fn undone<E: Editor>(parse: fn(&dyn Source) -> Result<E, Problem>, file: &[u8], patch: &Patch) -> Vec<u8> {
    taken_back(parse, file, &patch.apply(file), patch)
}

/// What an undo of `patch`, which edited `original`, makes of the file as it is now.
pub(crate) fn taken_back<E: Editor>(
    parse: fn(&dyn Source) -> Result<E, Problem>,
    original: &[u8],
    now: &[u8],
    patch: &Patch,
) -> Vec<u8> {
    let (original, now) = (original.to_vec(), now.to_vec());
    let entry = JournalEntry::for_test(&parse(&original).unwrap(), patch, original.len() as u64);
    let wish = Wish::Restore(Restoration::new(&[&entry], |_, _| true));
    parse(&now).unwrap().edit(&now, &wish, EditOptions::default()).unwrap().apply(&now)
}

impl JournalEntry {
    /// The entry of an edit in memory.
    pub(crate) fn for_test(before: &dyn Editor, patch: &Patch, size: u64) -> Self {
        let stamp = FileStamp { size, mtime_seconds: 0, mtime_nanoseconds: 0, inode: 0, device: 0 };
        let state = TagState::new(before.container(), stamp, before.holdings());
        Self {
            path: "/music/x".into(),
            temporary_path: "/music/.x.reclassd-1-1.tmp".into(),
            container: before.container(),
            cause: Cause::Scan,
            before: stamp,
            audio_hash: [0; 32],
            fields: patch.changes.clone(),
            created: patch.created.clone(),
            genre_before: state.genres.clone(),
            genre_after: Vec::new(),
            values_before: held(&state.fields, &patch.changes),
            room_before: patch.room.clone(),
        }
    }
}

/// The reason of an edit that has to be refused.
pub(crate) fn refusal<T>(outcome: Result<T, Problem>) -> String {
    match outcome {
        Err(Problem::Refused(reason)) => reason.to_string(),
        other => panic!("refused was expected, got {:?}", other.map(|_| ())),
    }
}
