//! The check of an edited copy: it is opened and taken apart anew, and compared with what the original held, and with
//! what readers saw of it.

use std::fs::File;
use std::io;
use std::path::Path;

use super::super::editor::{self, Editor, Layout, Patch, Piece, Scope};
use super::super::error::{Problem, Step, TagError};
use super::super::home;
use super::super::journal::FieldChange;
use super::super::plan::{TagField, Wish};
use super::super::source::FileSource;
use super::Original;

/// Why a copy was not accepted.
pub(super) enum Failure {
    Io(io::Error),
    Wrong(String),
}

impl Failure {
    pub(super) fn at(self, path: &Path) -> TagError {
        match self {
            Self::Io(source) => TagError::Io { path: path.to_owned(), step: Step::Verify, source },
            Self::Wrong(what) => TagError::VerifyFailed { path: path.to_owned(), what },
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Io(error) => Self::Io(error),
            Problem::Refused(reason) => Self::Wrong(format!("it cannot be parsed: {reason}")),
        }
    }
}

/// Reads the copy at `path` and compares it with the original: audio and foreign fields equal, the wish fulfilled.
pub(super) fn check(original: &Original, path: &Path, patch: &Patch, wish: &Wish) -> Result<(), Failure> {
    let file = File::open(path)?;
    let source = FileSource::new(&file)?;
    let editor = editor::open(&source)?;
    if editor.container() != original.state.container {
        return Err(Failure::Wrong(format!("it is {} now", editor.container())));
    }
    let layout = editor.layout(&source)?;
    compare(&original.layout, &layout, patch, wish).map_err(Failure::Wrong)?;
    fulfilled(&*editor, &layout, wish).map_err(Failure::Wrong)?;
    if let Some(loss) = home::loss(editor.container(), &original.voices, &editor.voices(), wish) {
        return Err(Failure::Wrong(loss.to_string()));
    }
    if editor.audio_digest(&source, &layout)? != original.audio_hash {
        return Err(Failure::Wrong("the audio differs".to_owned()));
    }
    Ok(())
}

/// The first difference between what a write had to leave alone and what it left.
pub(crate) fn compare(before: &Layout, after: &Layout, patch: &Patch, wish: &Wish) -> Result<(), String> {
    for fact in &before.facts {
        if !after.facts.contains(fact) && !patch.removed.contains(&fact.scope) {
            return Err(format!("{}: the {} differs", fact.scope, fact.name));
        }
    }
    for fact in &after.facts {
        if !before.facts.contains(fact) && !patch.created.contains(&fact.scope) {
            return Err(format!("{}: an unforeseen {}", fact.scope, fact.name));
        }
    }
    for change in &patch.changes {
        let Some(new) = &change.new else { continue };
        let digest = blake3::hash(new);
        if !after.pieces.iter().any(|piece| piece.scope == change.scope && piece.digest == digest) {
            return Err(format!("{}: {} is not what was written", change.scope, change.name));
        }
    }
    let stays = |piece: &&Piece| piece.field.is_none_or(|field| !wish.touches(piece.scope, field));
    let old: Vec<&Piece> = without(before.pieces.iter().filter(stays), taken_back(patch, wish));
    let new: Vec<&Piece> = without(after.pieces.iter().filter(stays), carried_over(patch, wish));
    let (mut old, mut new) = (old.into_iter(), new.into_iter());
    loop {
        match (old.next(), new.next()) {
            (None, None) => return Ok(()),
            (Some(old), Some(new)) if old == new => {}
            (Some(piece), _) => return Err(format!("{}: {} is not what it was", piece.scope, piece.name)),
            (None, Some(piece)) => return Err(format!("{}: {} was not there before", piece.scope, piece.name)),
        }
    }
}

/// The fields of another tag that come along with a write, so that no reader misses them.
fn carried_over<'p>(patch: &'p Patch, wish: &Wish) -> Vec<(Scope, &'p [u8])> {
    let came = |change: &&FieldChange| {
        let asked_for = change.field().is_some_and(|field| wish.touches(change.scope, field));
        matches!(wish, Wish::Set(_)) && !asked_for && change.old.is_none()
    };
    let changes = patch.changes.iter().filter(came);
    changes.filter_map(|change| Some((change.scope, change.new.as_deref()?))).collect()
}

/// Those that go again with an undo.
fn taken_back<'p>(patch: &'p Patch, wish: &Wish) -> Vec<(Scope, &'p [u8])> {
    let Wish::Restore(restoration) = wish else { return Vec::new() };
    let gone = patch.changes.iter().filter(|change| change.field().is_none() && change.new.is_none());
    let gone = gone.filter_map(|change| Some((change.scope, change.old.as_deref()?)));
    gone.filter(|(scope, bytes)| restoration.takes_back(*scope, bytes)).collect()
}

/// `pieces` without one for each of `fields`.
fn without<'p>(pieces: impl Iterator<Item = &'p Piece>, fields: Vec<(Scope, &[u8])>) -> Vec<&'p Piece> {
    let mut fields: Vec<_> = fields.into_iter().map(|(scope, bytes)| (scope, blake3::hash(bytes))).collect();
    let stays = |piece: &&Piece| match fields.iter().position(|field| *field == (piece.scope, piece.digest)) {
        Some(place) => {
            fields.swap_remove(place);
            false
        }
        None => true,
    };
    pieces.filter(stays).collect()
}

/// Whether every tag that can be written says what was wished for, or nothing.
pub(crate) fn fulfilled(editor: &dyn Editor, layout: &Layout, wish: &Wish) -> Result<(), String> {
    match wish {
        Wish::Set(fields) => fields.iter().try_for_each(|(field, values)| says(editor, *field, values)),
        Wish::Restore(restoration) => restoration.is_done(&editor.holdings(), layout),
    }
}

fn says(editor: &dyn Editor, field: TagField, values: &[String]) -> Result<(), String> {
    let holdings = editor.holdings();
    let name = field.spoken();
    let written = || holdings.iter().filter(move |h| h.field == field && h.scope.is_written());
    let has_place = field == TagField::Genre || editor.holds_own_fields();
    if written().next().is_none() && !values.is_empty() && has_place {
        return Err(format!("{name} is missing"));
    }
    for holding in written() {
        if values.is_empty() || !holding.says(values) {
            return Err(format!("{}: {name} reads {:?}", holding.scope, holding.values.join("; ")));
        }
    }
    Ok(())
}
