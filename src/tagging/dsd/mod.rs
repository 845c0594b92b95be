//! DSF and DSDIFF: DSD sound with an ID3v2 tag behind it.
//!
//! Both have one such tag, which speaks for the file and receives the fields; it is made at the end where there is
//! none, so that the sound does not move. What tells its place and the length of the file follows. The sound is never
//! looked into.

mod dsdiff;
mod dsf;
#[cfg(test)]
mod tests;

pub(crate) use dsdiff::DsdiffFile;
pub(crate) use dsf::DsfFile;

use super::editor::{EditOptions, Edited, Patch, Scope};
use super::error::Refusal;
use super::id3v2::{self, Id3v2, Insertion};
use super::journal::FieldChange;
use super::plan::Wish;

/// The only tag that these files have.
const TAG: Scope = Scope::Id3v2(1);
/// What the journal calls the length of a tag that had to grow.
const LENGTH: &str = "length of the ID3v2 tag";

/// The tag after the edit, in `patch` but for its bytes: none where nothing changes, no bytes where it goes, as it may
/// where it is `alone` in its place.
fn rework(
    tag: Option<&Id3v2>,
    alone: bool,
    wish: &Wish,
    insertion: Insertion<'_>,
    options: EditOptions,
    patch: &mut Patch,
) -> Result<Option<Vec<u8>>, Refusal> {
    let edited = match tag {
        Some(tag) => tag.edit(TAG, wish, insertion, options)?,
        None => id3v2::new_tag(options, TAG, wish, insertion)?,
    };
    let Some(Edited { mut bytes, changes, is_empty }) = edited else { return Ok(None) };
    patch.changes.extend(changes);
    let Some(tag) = tag else {
        patch.created.push(TAG);
        return Ok(Some(bytes));
    };
    if is_empty && alone && wish.removes_if_empty(TAG) {
        patch.removed.push(TAG);
        return Ok(Some(Vec::new()));
    }
    // The room that a write had made goes with it.
    let length = wish.container(Scope::Chunks).and_then(|kept| kept.try_into().ok()).map(u64::from_le_bytes);
    bytes = length.and_then(|length| id3v2::cut_to(&bytes, length)).unwrap_or(bytes);
    if bytes.len() > tag.len() {
        patch.changes.push(FieldChange {
            scope: Scope::Chunks,
            form: String::new(),
            name: LENGTH.to_owned(),
            position: 0,
            old: Some((tag.len() as u64).to_le_bytes().to_vec()),
            new: None,
        });
    }
    Ok(Some(bytes))
}
