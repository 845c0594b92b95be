//! WAV (RIFF, RF64, BW64) and AIFF: an ID3v2 tag in a chunk of its own, and the genre of WAV's `LIST/INFO` where there is one.
//!
//! The first ID3 chunk speaks for the file; where there is none it is made at the end, so that the audio does not move.
//! Every other chunk is copied as it is. The sizes of the form follow, and nothing else.

mod chunks;
mod info;

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::container::Container;
use super::editor::{EditOptions, Edited, Editor, Fact, Holding, Layout, Patch, Piece, Scope, Splice};
use super::error::{Problem, Refusal};
use super::id3v2::{self, Id3v2, Insertion};
use super::plan::Wish;
use super::source::Source;
use chunks::{BigSizes, Chunk, HEADER, Order};
use info::InfoList;

/// Length of the form's name, size and type.
const FORM_HEADER: u64 = 12;
/// Largest `ds64` chunk that is looked into.
const DS64_LIMIT: u64 = 1 << 20;
/// More tags than this in one file are refused.
const MAX_TAGS: usize = 16;

/// A WAV or AIFF file, taken apart.
#[derive(Debug)]
pub(crate) struct IffFile {
    container: Container,
    order: Order,
    /// The form without what may lie behind it.
    form: Range<u64>,
    /// The form's name and type.
    kind: [u8; 8],
    chunks: Vec<Chunk>,
    /// By the number of their chunk.
    id3: Vec<(usize, Id3Chunk)>,
    info: Vec<(usize, InfoList)>,
    sizes: FormSizes,
}

/// Where the size of the form stands.
#[derive(Debug)]
struct FormSizes {
    /// In the form's header, unless that says "elsewhere".
    plain: Option<u64>,
    /// In the `ds64` chunk at this place.
    big: Option<(u64, u64)>,
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

impl IffFile {
    pub(crate) fn parse(source: &dyn Source) -> Result<Self, Problem> {
        let head = source.bytes(0..FORM_HEADER, FORM_HEADER, "form header")?;
        let (name, size, kind) = (&head[..4], [head[4], head[5], head[6], head[7]], &head[8..]);
        let (container, order) = match (name, kind) {
            (b"RIFF" | b"RF64" | b"BW64", b"WAVE") => (Container::Wav, Order::Little),
            (b"FORM", b"AIFF" | b"AIFC") => (Container::Aiff, Order::Big),
            _ => {
                let why = "an ID3v2 tag stands in front of it, where no reader of this container looks";
                return Err(Refusal::Unsupported { what: "form header", why }.into());
            }
        };
        let plain = order.number(size);
        let is_big = matches!(name, b"RF64" | b"BW64");
        let (big, sizes) = if is_big {
            let place = FORM_HEADER + HEADER;
            let head = source.bytes(FORM_HEADER..place, HEADER, "ds64 chunk")?;
            if !head.starts_with(b"ds64") {
                return Err(Refusal::Damaged { what: "RF64 form", why: "its first chunk is not ds64" }.into());
            }
            let length = u64::from(order.number([head[4], head[5], head[6], head[7]]));
            let big = BigSizes::parse(&source.bytes(place..place + length, DS64_LIMIT, "ds64 chunk")?)?;
            let plain = (plain != u32::MAX).then_some(u64::from(plain));
            let sizes = FormSizes { plain, big: Some((place, big.form)) };
            (big, sizes)
        } else {
            (BigSizes::default(), FormSizes { plain: Some(u64::from(plain)), big: None })
        };
        let size = sizes.big.map_or(u64::from(plain), |(_, size)| size);
        if sizes.plain.is_some_and(|plain| plain != size) {
            return Err(Refusal::Damaged { what: "RF64 form", why: "its two sizes differ" }.into());
        }
        let form = 0..HEADER.saturating_add(size);
        if form.end > source.len() || form.end < FORM_HEADER {
            return Err(Refusal::Truncated { what: "form" }.into());
        }
        let chunks = chunks::walk(source, FORM_HEADER..form.end, order, &big)?;
        let kind = [head[0], head[1], head[2], head[3], head[8], head[9], head[10], head[11]];
        let mut file = Self { container, order, form, kind, chunks, id3: Vec::new(), info: Vec::new(), sizes };
        file.find_tags(source)?;
        if !file.chunks.iter().any(|chunk| file.is_audio(chunk)) {
            return Err(Refusal::Damaged { what: "form", why: "it has no chunk of audio" }.into());
        }
        Ok(file)
    }

    fn find_tags(&mut self, source: &dyn Source) -> Result<(), Problem> {
        for (number, chunk) in self.chunks.iter().enumerate() {
            if chunk.id.eq_ignore_ascii_case(b"id3 ") {
                let body = source.bytes(chunk.body.clone(), id3v2::LIMIT, "ID3 chunk")?;
                self.id3.push((number, Id3Chunk::parse(body)?));
            } else if self.container == Container::Wav
                && chunk.is_named(b"LIST")
                && source.window(chunk.body.start, info::TYPE.len().min(chunk.len() as usize))? == info::TYPE
            {
                let body = source.bytes(chunk.body.clone(), info::LIMIT, "LIST/INFO chunk")?;
                self.info.push((number, InfoList::parse(body)?));
            } else {
                continue;
            }
            if chunk.size_is_elsewhere || self.id3.len() > MAX_TAGS || self.info.len() > MAX_TAGS {
                let why = "there are more than 16 of them, or larger ones than 4 GB";
                return Err(Refusal::Unsupported { what: "ID3 and LIST/INFO chunks", why }.into());
            }
        }
        Ok(())
    }

    fn is_audio(&self, chunk: &Chunk) -> bool {
        chunk.is_named(if self.container == Container::Wav { b"data" } else { b"SSND" })
    }

    /// The ID3 tags and the lists, each with its scope.
    fn id3(&self) -> impl Iterator<Item = (Scope, usize, &Id3Chunk)> {
        (1..=u8::MAX).zip(&self.id3).map(|(n, (number, chunk))| (Scope::Id3v2(n), *number, chunk))
    }

    fn info(&self) -> impl Iterator<Item = (Scope, usize, &InfoList)> {
        (1..=u8::MAX).zip(&self.info).map(|(n, (number, list))| (Scope::RiffInfo(n), *number, list))
    }

    /// How many chunks that are neither of ours stand in front of chunk `number`.
    fn foreign_before(&self, number: usize) -> usize {
        let ours =
            |other: &usize| self.id3.iter().any(|(n, _)| n == other) || self.info.iter().any(|(n, _)| n == other);
        (0..number).filter(|other| !ours(other)).count()
    }

    /// Chunk `number` with another body.
    fn replaced(&self, number: usize, body: &[u8]) -> Result<Splice, Refusal> {
        let chunk = &self.chunks[number];
        if body.len() as u64 == chunk.len() {
            return Ok(Splice { range: chunk.body.clone(), bytes: body.to_vec() });
        }
        let bytes = chunks::render(chunk.id, body, self.order).ok_or_else(too_large)?;
        Ok(Splice { range: chunk.start()..chunk.end, bytes })
    }

    /// The form without chunk `number`.
    fn without(&self, number: usize) -> Splice {
        let chunk = &self.chunks[number];
        Splice { range: chunk.start()..chunk.end, bytes: Vec::new() }
    }

    /// A new chunk at the end of the form.
    fn appended(&self, body: &[u8], patch: &Patch) -> Result<Splice, Refusal> {
        let id = if self.container == Container::Wav { *b"id3 " } else { *b"ID3 " };
        let end = self.form.end;
        let padded_already = patch.splices.iter().any(|splice| splice.range.end == end && splice.range.start < end);
        let lacks_pad = self.chunks.last().is_some_and(Chunk::lacks_its_pad_byte);
        let mut bytes = if lacks_pad && !padded_already { vec![0] } else { Vec::new() };
        bytes.extend(chunks::render(id, body, self.order).ok_or_else(too_large)?);
        Ok(Splice { range: end..end, bytes })
    }

    /// The splices that make the sizes of the form follow.
    fn resized(&self, patch: &Patch) -> Result<Vec<Splice>, Refusal> {
        let end = patch.new_len(self.form.end);
        let size = end - HEADER;
        let mut splices = Vec::new();
        if end == self.form.end {
            return Ok(splices);
        }
        if self.sizes.plain.is_some() {
            let plain = u32::try_from(size).ok().filter(|&size| size < u32::MAX).ok_or_else(too_large)?;
            splices.push(Splice { range: 4..8, bytes: self.order.bytes(plain).to_vec() });
        }
        if let Some((place, _)) = self.sizes.big {
            splices.push(Splice { range: place..place + 8, bytes: size.to_le_bytes().to_vec() });
        }
        Ok(splices)
    }
}

fn too_large() -> Refusal {
    Refusal::TooLarge { what: "form", limit: u64::from(u32::MAX) }
}

impl Editor for IffFile {
    fn container(&self) -> Container {
        self.container
    }

    fn holdings(&self) -> Vec<Holding> {
        let id3 = self.id3().flat_map(|(scope, _, chunk)| chunk.tag.holdings(scope));
        id3.chain(self.info().flat_map(|(scope, _, list)| list.holdings(scope))).collect()
    }

    fn layout(&self, source: &dyn Source) -> Result<Layout, Problem> {
        let mut layout = Layout::default();
        let scope = Scope::Chunks;
        layout.facts.push(Fact { scope, name: "form and type", value: self.kind.to_vec() });
        for (scope, number, chunk) in self.id3() {
            let place = self.foreign_before(number).to_be_bytes();
            let value = [&self.chunks[number].id[..], &place].concat();
            layout.facts.push(Fact { scope, name: "chunk's name and place", value });
            layout.facts.push(Fact { scope, name: "bytes behind the tag", value: chunk.behind.clone() });
            chunk.tag.describe(scope, &mut layout.facts, &mut layout.pieces);
        }
        for (scope, number, list) in self.info() {
            list.describe(scope, self.foreign_before(number), &mut layout.facts, &mut layout.pieces);
        }
        for (number, chunk) in self.chunks.iter().enumerate() {
            if self.id3.iter().any(|(n, _)| *n == number) || self.info.iter().any(|(n, _)| *n == number) {
                continue;
            }
            let mut body = chunk.body.clone();
            if self.is_audio(chunk) {
                layout.audio.push(body.clone());
                body.end = body.start;
            } else if chunk.is_named(b"ds64") {
                // Starts with the size of the form, which follows.
                body.start = (body.start + 8).min(body.end);
            }
            let header = chunk.start()..chunk.body.start;
            let digest = source.digest(&[header, body])?;
            let name = String::from_utf8_lossy(&chunk.id).into_owned();
            layout.pieces.push(Piece { scope, name, field: None, digest });
        }
        let behind = source.digest(std::slice::from_ref(&(self.form.end..source.len())))?;
        layout.pieces.push(Piece {
            scope: Scope::Opaque,
            name: "bytes behind the form".to_owned(),
            field: None,
            digest: behind,
        });
        Ok(layout)
    }

    fn edit(&self, _source: &dyn Source, wish: &Wish, options: EditOptions) -> Result<Patch, Problem> {
        let mut patch = Patch::default();
        for (index, (scope, number, chunk)) in self.id3().enumerate() {
            let insertion = Insertion::allowed_if(index == 0);
            if let Some(Edited { mut bytes, changes, is_empty }) = chunk.tag.edit(scope, wish, insertion, options)? {
                bytes.extend_from_slice(&chunk.behind);
                let alone = self.id3.len() == 1 && chunk.behind.is_empty();
                let goes = is_empty && alone && wish.removes_if_empty(scope);
                patch.removed.extend(goes.then_some(scope));
                patch.splices.push(if goes { self.without(number) } else { self.replaced(number, &bytes)? });
                patch.changes.extend(changes);
            }
        }
        for (scope, number, list) in self.info() {
            if let Some(Edited { bytes, changes, .. }) = list.edit(scope, wish)? {
                patch.splices.push(self.replaced(number, &bytes)?);
                patch.changes.extend(changes);
            }
        }
        if self.id3.is_empty() {
            let scope = Scope::Id3v2(1);
            if let Some(Edited { bytes, changes, .. }) = id3v2::new_tag(options, scope, wish, Insertion::Allowed)? {
                patch.splices.push(self.appended(&bytes, &patch)?);
                patch.created.push(scope);
                patch.changes.extend(changes);
            }
        }
        let sizes = self.resized(&patch)?;
        patch.splices.extend(sizes);
        patch.splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
        Ok(patch)
    }
}
