//! Which tag of a file receives what the file lacks, so that no reader sees less than before.
//!
//! A reader that finds a tag of the kind it likes best passes the others over, and with them the title and the artist
//! that stand there. So a write is tried out in memory: into the tag that most readers believe, with what ID3v1 says
//! carried over where that is hidden, or else into a tag that is there already. The first way that hides nothing is
//! taken; without one the file is refused. An undo takes back what was carried over, unless that stands nowhere else by
//! now.

#[cfg(test)]
mod tests;

use super::container::Container;
use super::editor::{Patch, Scope};
use super::error::{Problem, Refusal};
use super::id3v2::Insertion;
use super::plan::{TagField, Wish};
use super::readers::{self, Loss, Name, Said, Voice};

/// Where fields that no tag of a file has are to go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home<'a> {
    pub(crate) scope: Scope,
    /// What comes along, as far as that tag lacks it.
    carried: &'a [Said],
}

impl Home<'_> {
    /// What the tag `scope` may receive.
    pub(crate) fn insertion(&self, scope: Scope) -> Insertion<'_> {
        if scope != self.scope {
            Insertion::Forbidden
        } else if self.carried.is_empty() {
            Insertion::Allowed
        } else {
            Insertion::Carrying(self.carried)
        }
    }

    /// For a container whose own tag hides no other one.
    pub(crate) fn alone(scope: Scope) -> Self {
        Self { scope, carried: &[] }
    }
}

/// A patch, and the tags of the file as they are after it.
pub(crate) struct Draft {
    pub(crate) patch: Patch,
    pub(crate) voices: Vec<Voice>,
}

/// The first draft that takes nothing from any reader.
pub(crate) fn find(
    container: Container,
    voices: &[Voice],
    wish: &Wish,
    draft: impl Fn(&Wish, Home<'_>) -> Result<Draft, Problem>,
) -> Result<Patch, Problem> {
    let mut first_loss = None;
    let mut attempt = |wish: &Wish, home: Home<'_>| {
        let Draft { patch, voices: after } = draft(wish, home)?;
        let loss = loss(container, voices, &after, wish);
        let is_fine = loss.is_none();
        first_loss = first_loss.take().or(loss);
        Ok::<_, Problem>(is_fine.then_some(patch))
    };
    let carried = carried(voices, wish);
    for scope in readers::homes(container, voices) {
        if let Some(patch) = attempt(wish, Home::alone(scope))? {
            return Ok(patch);
        }
        if !carried.is_empty()
            && let Some(patch) = attempt(wish, Home { scope, carried: &carried })?
        {
            return Ok(patch);
        }
        if let Wish::Restore(restoration) = wish
            && let Some(patch) = attempt(&Wish::Restore(restoration.leaving_what_was_carried()), Home::alone(scope))?
        {
            return Ok(patch);
        }
    }
    Err(Refusal::WouldHide { loss: first_loss.map(|loss| loss.to_string()).unwrap_or_default() }.into())
}

/// What a write that fulfils `wish` took from those who read the file.
pub(crate) fn loss(container: Container, before: &[Voice], after: &[Voice], wish: &Wish) -> Option<Loss> {
    match wish {
        Wish::Set(_) => readers::loss(container, before, after),
        Wish::Restore(_) => readers::gone(before, after),
    }
}

/// What ID3v1 says and a new tag would hide: with the genre, unless that is being written.
fn carried(voices: &[Voice], wish: &Wish) -> Vec<Said> {
    if !matches!(wish, Wish::Set(_)) {
        return Vec::new();
    }
    let of_id3v1 = voices.iter().filter(|voice| voice.scope == Scope::Id3v1).flat_map(|voice| &voice.said);
    let comes_along = |said: &&Said| said.name != Name::Genre || wish.values(TagField::Genre).is_none();
    of_id3v1.filter(comes_along).cloned().collect()
}
