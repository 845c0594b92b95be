//! WAV (RIFF, RF64, BW64) and AIFF: an ID3v2 tag in a chunk of its own, and WAV's `LIST/INFO`.
//!
//! The first ID3 chunk speaks for the file, and the first list says the same genre, because ffmpeg looks at no ID3
//! chunk where there is a list. Where there is a list alone it speaks itself: to TagLib an ID3 chunk would hide all
//! that it says. Our own fields have no place then. Where there is neither, or a list that names nothing but the
//! program that wrote the file, an ID3 chunk is made at the end, so that the audio does not move. Every other chunk is
//! copied as it is; the sizes of the form follow.

mod chunks;
mod form;
mod info;
mod sizes;

#[cfg(test)]
mod tests;

use super::container::Container;
use super::editor::{EditOptions, Edited, Editor, Fact, Holding, Layout, Patch, Piece, Scope, Splice};
use super::error::{Problem, Refusal};
use super::id3v2::{self, Id3v2, Insertion};
use super::plan::Wish;
use super::readers::{Name, Said, Voice};
use super::source::Source;
use chunks::{Chunk, Order};
use form::Form;
use info::{InfoList, Receives};
use sizes::{OldSizes, too_large};

/// More tags than this in one file are refused.
const MAX_TAGS: usize = 16;
/// Chunks that ffmpeg takes for tags.
const TEXTS: [(Container, &[u8; 4]); 5] = [
    (Container::Wav, b"bext"),
    (Container::Aiff, b"NAME"),
    (Container::Aiff, b"AUTH"),
    (Container::Aiff, b"ANNO"),
    (Container::Aiff, b"(c) "),
];
/// What is looked at of one of them, in bytes.
const LONGEST_TEXT: u64 = 1024;

/// A WAV or AIFF file, taken apart.
#[derive(Debug)]
pub(crate) struct IffFile {
    form: Form,
    /// By the number of their chunk.
    id3: Vec<(usize, Id3Chunk)>,
    info: Vec<(usize, InfoList)>,
    /// What the form says in chunks of its own that readers take for tags.
    texts: Vec<Said>,
}

/// An ID3v2 tag and what its chunk holds behind it.
#[derive(Debug)]
struct Id3Chunk {
    tag: Id3v2,
    behind: Vec<u8>,
}

impl Id3Chunk {
    fn parse(body: Vec<u8>) -> Result<Self, Problem> {
        let damaged = Refusal::Damaged { what: "ID3 chunk", why: "it does not hold one whole ID3v2 tag" };
        let length = id3v2::length_at(&body, 0)?.filter(|&length| length <= body.len() as u64).ok_or(damaged)?;
        let mut body = body;
        let behind = body.split_off(length as usize);
        Ok(Self { tag: Id3v2::parse(body)?, behind })
    }
}

/// What becomes of the chunks of a form.
#[derive(Default)]
struct Rework {
    /// Chunks with another body.
    bodies: Vec<(usize, Vec<u8>)>,
    /// Chunks that go.
    gone: Vec<usize>,
    /// The body of an ID3 chunk behind all others.
    new_id3: Option<Vec<u8>>,
}

impl IffFile {
    pub(crate) fn parse(source: &dyn Source) -> Result<Self, Problem> {
        let mut file = Self { form: Form::parse(source)?, id3: Vec::new(), info: Vec::new(), texts: Vec::new() };
        for (number, chunk) in file.form.chunks.iter().enumerate() {
            if chunk.id.eq_ignore_ascii_case(b"id3 ") {
                let body = source.bytes(chunk.body.clone(), id3v2::LIMIT, "ID3 chunk")?;
                file.id3.push((number, Id3Chunk::parse(body)?));
            } else if file.form.container == Container::Wav && info::is_info(source, chunk)? {
                let body = source.bytes(chunk.body.clone(), info::LIMIT, "LIST/INFO chunk")?;
                file.info.push((number, InfoList::parse(body)?));
            } else {
                if TEXTS.contains(&(file.form.container, &chunk.id)) {
                    let text = source.window(chunk.body.start, chunk.len().min(LONGEST_TEXT) as usize)?;
                    let text = String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned();
                    let other = || Name::Other(Scope::Chunks, String::from_utf8_lossy(&chunk.id).into_owned());
                    let name = if chunk.is_named(b"NAME") { Name::Title } else { other() };
                    file.texts.push(Said { name, value: text });
                }
                continue;
            }
            if chunk.size_is_elsewhere || file.id3.len() > MAX_TAGS || file.info.len() > MAX_TAGS {
                let why = "there are more than 16 of them, or larger ones than 4 GB";
                return Err(Refusal::Unsupported { what: "ID3 and LIST/INFO chunks", why }.into());
            }
        }
        Ok(file)
    }

    /// The ID3 tags and the lists, each with its scope.
    fn id3(&self) -> impl Iterator<Item = (Scope, usize, &Id3Chunk)> {
        (1..=u8::MAX).zip(&self.id3).map(|(n, (number, chunk))| (Scope::Id3v2(n), *number, chunk))
    }

    fn info(&self) -> impl Iterator<Item = (Scope, usize, &InfoList)> {
        (1..=u8::MAX).zip(&self.info).map(|(n, (number, list))| (Scope::RiffInfo(n), *number, list))
    }

    /// Whether readers find anything in a list. One without items hides no ID3 chunk, and must not begin to.
    fn lists_say_something(&self) -> bool {
        self.info.iter().any(|(_, list)| list.has_items())
    }

    /// Whether the first list receives what is missing: no ID3 chunk holds anything.
    fn list_speaks(&self) -> bool {
        let says_nothing = |(_, chunk): &(usize, Id3Chunk)| chunk.tag.has_no_frames();
        self.lists_say_something() && self.program().is_none() && self.id3.iter().all(says_nothing)
    }

    /// The name of the program that wrote the file, where the lists say nothing else: with it in an ID3 tag that hides
    /// nothing.
    fn program(&self) -> Option<Said> {
        let said = self.info().flat_map(|(scope, _, list)| list.voice(scope).said);
        let mut said: Vec<Said> = said.filter(|said| said.name != Name::Genre).collect();
        let only = said.pop().filter(|only| only.name == Name::Program);
        only.filter(|_| said.is_empty())
    }

    fn is_tag(&self, number: usize) -> bool {
        self.id3.iter().any(|(n, _)| *n == number) || self.info.iter().any(|(n, _)| *n == number)
    }

    /// How many chunks that are no tags stand in front of chunk `number`.
    fn foreign_before(&self, number: usize) -> usize {
        (0..number).filter(|other| !self.is_tag(*other)).count()
    }

    /// The splices of `rework`, and the sizes that belong to them: the right ones, or those that a restoration brings
    /// back.
    fn lay_out(&self, rework: &Rework, file: u64, wish: &Wish, patch: &mut Patch) -> Result<(), Refusal> {
        let form = &self.form;
        for (number, body) in &rework.bodies {
            let chunk = &form.chunks[*number];
            patch.splices.push(if body.len() as u64 == chunk.len() {
                Splice { range: chunk.body.clone(), bytes: body.clone() }
            } else {
                let bytes = chunks::render(chunk.id, body, form.order).ok_or_else(too_large)?;
                Splice { range: chunk.start()..chunk.end, bytes }
            });
        }
        for number in &rework.gone {
            let chunk = &form.chunks[*number];
            patch.splices.push(Splice { range: chunk.start()..chunk.end, bytes: Vec::new() });
        }
        let last = (0..form.chunks.len()).rev().find(|number| !rework.gone.contains(number));
        let last = last.map(|number| &form.chunks[number]);
        let mut tail = Vec::new();
        if last.is_some_and(|chunk| chunk.lacks_its_pad_byte() && rendered(chunk, patch).is_none()) {
            tail.push(0);
        }
        if let Some(body) = &rework.new_id3 {
            let id = if form.container == Container::Wav { *b"id3 " } else { *b"ID3 " };
            tail.extend(chunks::render(id, body, form.order).ok_or_else(too_large)?);
        }
        if !tail.is_empty() {
            patch.splices.push(Splice { range: form.end..form.end, bytes: tail });
        }
        let (end, length) = (patch.new_len(form.end), patch.new_len(file));
        let old = old_sizes(wish).filter(|old| form.sizes.are_right() && old.belong_to(length));
        if let Some(old) =
            old.filter(|old| !old.lacks_pad || last.is_some_and(|last| drop_pad(last, form.order, patch)))
        {
            patch.splices.extend(form.sizes.put_back(&old));
        } else if !form.sizes.are_right() || end != form.end {
            patch.splices.extend(form.sizes.set(end)?);
        }
        let grows = |(number, chunk): &(usize, Id3Chunk)| {
            let new = rework.bodies.iter().find(|(n, _)| n == number);
            new.is_some_and(|(_, body)| body.len() > chunk.tag.len() + chunk.behind.len())
        };
        if !form.sizes.are_right() || self.id3.iter().any(grows) {
            patch.changes.push(form.sizes.change(file, self.id3.iter().map(|(_, chunk)| chunk.tag.len() as u64)));
        }
        patch.splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
        Ok(())
    }
}

/// The sizes that a restoration brings back.
fn old_sizes(wish: &Wish) -> Option<OldSizes> {
    wish.container(Scope::Chunks).and_then(OldSizes::parse)
}

/// The number of the splice that replaces the whole chunk.
fn rendered(chunk: &Chunk, patch: &Patch) -> Option<usize> {
    patch.splices.iter().position(|splice| splice.range == (chunk.start()..chunk.end))
}

/// Takes the pad byte of the last chunk out, if it will have one.
fn drop_pad(last: &Chunk, order: Order, patch: &mut Patch) -> bool {
    if let Some(number) = rendered(last, patch) {
        let bytes = &mut patch.splices[number].bytes;
        let size = bytes.get(4..8).and_then(|size| size.try_into().ok()).map_or(0, |size| order.number(size));
        let has_pad = size % 2 == 1;
        if has_pad {
            bytes.pop();
        }
        return has_pad;
    }
    let has_pad = last.end > last.body.end;
    if has_pad {
        patch.splices.push(Splice { range: last.body.end..last.end, bytes: Vec::new() });
    }
    has_pad
}

impl Editor for IffFile {
    fn container(&self) -> Container {
        self.form.container
    }

    fn holdings(&self) -> Vec<Holding> {
        let id3 = self.id3().flat_map(|(scope, _, chunk)| chunk.tag.holdings(scope));
        id3.chain(self.info().flat_map(|(scope, _, list)| list.holdings(scope))).collect()
    }

    fn holds_own_fields(&self) -> bool {
        !self.list_speaks()
    }

    fn voices(&self) -> Vec<Voice> {
        let id3 = self.id3().map(|(scope, _, chunk)| chunk.tag.voice(scope, true));
        let mut voices: Vec<Voice> = id3.chain(self.info().map(|(scope, _, list)| list.voice(scope))).collect();
        voices.extend((!self.texts.is_empty()).then(|| Voice::with(Scope::Chunks, self.texts.clone())));
        voices
    }

    fn layout(&self, source: &dyn Source) -> Result<Layout, Problem> {
        let mut layout = Layout::default();
        let (scope, form) = (Scope::Chunks, &self.form);
        layout.facts.push(Fact { scope, name: "form and type", value: form.kind.to_vec() });
        for (scope, number, chunk) in self.id3() {
            let place = self.foreign_before(number).to_be_bytes();
            let value = [&form.chunks[number].id[..], &place].concat();
            layout.facts.push(Fact { scope, name: "chunk's name and place", value });
            layout.facts.push(Fact { scope, name: "bytes behind the tag", value: chunk.behind.clone() });
            chunk.tag.describe(scope, &mut layout.facts, &mut layout.pieces);
        }
        for (scope, number, list) in self.info() {
            list.describe(scope, self.foreign_before(number), &mut layout.facts, &mut layout.pieces);
        }
        for (_, chunk) in form.chunks.iter().enumerate().filter(|(number, _)| !self.is_tag(*number)) {
            let (mut header, mut body) = (chunk.start()..chunk.body.start, chunk.body.clone());
            if form.is_audio(chunk) {
                layout.audio.push(body.clone());
                // Its size may have to be set right; what it covers is compared as audio.
                header.end = header.start + 4;
                body.end = body.start;
            } else if chunk.is_named(b"ds64") {
                // Starts with the sizes of the form, which follows, and of the audio.
                body.start = (body.start + 16).min(body.end);
            }
            let digest = source.digest(&[header, body])?;
            let name = String::from_utf8_lossy(&chunk.id).into_owned();
            layout.pieces.push(Piece { scope, name, field: None, digest });
        }
        let behind = source.digest(std::slice::from_ref(&(form.end..source.len())))?;
        layout.pieces.push(Piece {
            scope: Scope::Opaque,
            name: "bytes behind the form".to_owned(),
            field: None,
            digest: behind,
        });
        Ok(layout)
    }

    fn edit(&self, source: &dyn Source, wish: &Wish, options: EditOptions) -> Result<Patch, Problem> {
        let (mut patch, mut rework) = (Patch::default(), Rework::default());
        let (list_speaks, program) = (self.list_speaks(), self.program().filter(|_| wish.sets_something()));
        let speaks =
            program.as_ref().map_or(Insertion::Allowed, |said| Insertion::Carrying(std::slice::from_ref(said)));
        // A first tag without frames hides nothing of the lists, and must not begin to where another one speaks.
        let speaker = self.id3.iter().position(|(_, chunk)| !chunk.tag.has_no_frames()).unwrap_or(0);
        for (index, (scope, number, chunk)) in self.id3().enumerate() {
            let insertion = if index == speaker && !list_speaks { speaks } else { Insertion::Forbidden };
            if let Some(Edited { mut bytes, changes, is_empty }) = chunk.tag.edit(scope, wish, insertion, options)? {
                // The room that a write had made goes with it.
                let length = old_sizes(wish).and_then(|old| old.tags.get(index).copied());
                bytes = length.and_then(|length| id3v2::cut_to(&bytes, length)).unwrap_or(bytes);
                bytes.extend_from_slice(&chunk.behind);
                let alone = self.id3.len() == 1 && chunk.behind.is_empty();
                if is_empty && alone && wish.removes_if_empty(scope) {
                    patch.removed.push(scope);
                    rework.gone.push(number);
                } else {
                    rework.bodies.push((number, bytes));
                }
                patch.changes.extend(changes);
            }
        }
        for (index, (scope, number, list)) in self.info().enumerate() {
            let receives = match index {
                0 if list_speaks => Receives::TheGenre,
                0 if self.lists_say_something() => Receives::WhatItCan,
                _ => Receives::Nothing,
            };
            if let Some(Edited { bytes, changes, .. }) = list.edit(scope, wish, receives)? {
                rework.bodies.push((number, bytes));
                patch.changes.extend(changes);
            }
        }
        if self.id3.is_empty() && !list_speaks {
            let scope = Scope::Id3v2(1);
            if let Some(Edited { bytes, changes, .. }) = id3v2::new_tag(options, scope, wish, speaks)? {
                rework.new_id3 = Some(bytes);
                patch.created.push(scope);
                patch.changes.extend(changes);
            }
        }
        if !patch.changes.is_empty() {
            self.lay_out(&rework, source.len(), wish, &mut patch)?;
        }
        Ok(patch)
    }
}
