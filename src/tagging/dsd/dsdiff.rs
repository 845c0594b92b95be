//! DSDIFF (Philips, "Direct Stream Digital Interchange File Format", 1.5): a form of chunks with 64-bit big-endian
//! lengths. The ID3 chunk is no part of that document; everybody puts it at the end.
//!
//! Title and artist may also stand in a chunk of the form's own, `DIIN`, which is never written. TagLib passes it over
//! once there is an ID3v2 tag, so a new one repeats what it says.

use std::ops::Range;

use super::super::container::Container;
use super::super::editor::{EditOptions, Editor, Fact, Holding, Layout, Patch, Piece, Scope, Splice};
use super::super::error::{Problem, Refusal};
use super::super::id3v2::{self, Id3v2, Insertion};
use super::super::plan::Wish;
use super::super::readers::{Name, Said, Voice};
use super::super::source::Source;
use super::{TAG, rework};

const WHAT: &str = "DSDIFF form";
/// Length of the form's name, length and type.
const FORM_HEAD: u64 = 16;
/// Length of a chunk's name and length.
const HEAD: u64 = 12;
/// More chunks than this are refused.
const MAX_CHUNKS: usize = 1 << 12;
/// What is looked at of a chunk of texts, in bytes.
const TEXTS_LIMIT: u64 = 64 << 10;

/// A chunk and its place.
#[derive(Clone, Debug)]
struct Chunk {
    id: [u8; 4],
    /// Without the pad byte.
    body: Range<u64>,
    /// Where the next one starts.
    end: u64,
}

impl Chunk {
    fn start(&self) -> u64 {
        self.body.start - HEAD
    }
}

/// The chunks that fill `range`.
fn chunks(source: &dyn Source, range: Range<u64>) -> Result<Vec<Chunk>, Problem> {
    let (mut chunks, mut at) = (Vec::new(), range.start);
    while at < range.end {
        if chunks.len() == MAX_CHUNKS {
            return Err(Refusal::Unsupported { what: WHAT, why: "there are too many chunks in it" }.into());
        }
        let head = source.window(at, HEAD.min(range.end - at) as usize)?;
        let Some(&[a, b, c, d, length @ ..]) = head.first_chunk::<{ HEAD as usize }>() else {
            return Err(Refusal::Damaged { what: WHAT, why: "bytes that are no chunk follow its last chunk" }.into());
        };
        let start = at + HEAD;
        let end = start.checked_add(u64::from_be_bytes(length)).filter(|&end| end <= range.end);
        let end = end.ok_or(Refusal::Truncated { what: "chunks" })?;
        at = (end + (end - start) % 2).min(range.end);
        chunks.push(Chunk { id: [a, b, c, d], body: start..end, end: at });
    }
    Ok(chunks)
}

/// A DSDIFF file, taken apart.
#[derive(Debug)]
pub(crate) struct DsdiffFile {
    len: u64,
    chunks: Vec<Chunk>,
    /// The number of its chunk, the tag, and where that ends.
    tag: Option<(usize, Id3v2, u64)>,
    /// What `DIIN` says.
    texts: Vec<Said>,
}

impl DsdiffFile {
    pub(crate) fn parse(source: &dyn Source) -> Result<Self, Problem> {
        let unsupported = |why| Problem::from(Refusal::Unsupported { what: WHAT, why });
        let (len, head) = (source.len(), source.bytes(0..FORM_HEAD, FORM_HEAD, WHAT)?);
        let length = head[4..12].try_into().map_or(0, u64::from_be_bytes);
        if head[..4] != *b"FRM8" || head[12..] != *b"DSD " {
            return Err(unsupported("it is no form of DSD, or an ID3v2 tag stands in front of it"));
        }
        match length.checked_add(HEAD) {
            Some(end) if end == len => {}
            Some(end) if end < len => return Err(unsupported("bytes follow the end that it declares")),
            _ => return Err(Refusal::Truncated { what: WHAT }.into()),
        }
        let mut file = Self { len, chunks: chunks(source, FORM_HEAD..len)?, tag: None, texts: Vec::new() };
        for (number, chunk) in file.chunks.iter().enumerate() {
            match &chunk.id {
                b"ID3 " if file.tag.is_some() => {
                    return Err(unsupported("it has several ID3 chunks, and readers differ on which of them counts"));
                }
                b"ID3 " => {
                    let why = "it does not hold one whole ID3v2 tag";
                    let length = id3v2::length_at(source, chunk.body.start)?;
                    let end = length.and_then(|length| chunk.body.start.checked_add(length));
                    let end = end.filter(|&end| end <= chunk.body.end);
                    let end = end.ok_or(Refusal::Damaged { what: "ID3 chunk", why })?;
                    let raw = source.bytes(chunk.body.start..end, id3v2::LIMIT, "ID3 chunk")?;
                    file.tag = Some((number, Id3v2::parse(raw)?, end));
                }
                b"PROP" => {
                    let inner = chunks(source, (chunk.body.start + 4).min(chunk.body.end)..chunk.body.end)?;
                    if inner.iter().any(|chunk| chunk.id == *b"ID3 ") {
                        return Err(unsupported("an ID3 chunk stands among its properties, where some readers look"));
                    }
                }
                b"DIIN" => file.texts.extend(texts(source, chunk)?),
                _ => {}
            }
        }
        let sound = file.chunks.iter().position(|chunk| is_sound(chunk.id));
        let sound = sound.ok_or(Refusal::Damaged { what: WHAT, why: "it has no chunk of sound" })?;
        if file.chunks[sound].body.is_empty() {
            return Err(Refusal::NoSound.into());
        }
        let has_index = file.chunks.iter().any(|chunk| chunk.id == *b"DSTI");
        if has_index && file.tag.as_ref().is_some_and(|(number, ..)| *number < sound) {
            return Err(unsupported("its ID3 chunk stands in front of the sound, and an index tells where that lies"));
        }
        Ok(file)
    }

    /// How many chunks that are no tag stand in front of that one.
    fn foreign_before(&self, number: usize) -> usize {
        self.chunks[..number].iter().filter(|chunk| chunk.id != *b"ID3 ").count()
    }
}

fn is_sound(id: [u8; 4]) -> bool {
    matches!(&id, b"DSD " | b"DST ")
}

/// The title and the artist in a `DIIN` chunk.
fn texts(source: &dyn Source, chunk: &Chunk) -> Result<Vec<Said>, Problem> {
    let mut texts = Vec::new();
    for inner in chunks(source, chunk.body.clone())? {
        let name = match &inner.id {
            b"DITI" => Name::Title,
            b"DIAR" => Name::Artist,
            _ => continue,
        };
        let body = source.bytes(inner.body, TEXTS_LIMIT, "DIIN chunk")?;
        let Some((length, text)) = body.split_first_chunk() else { continue };
        let text = text.get(..u32::from_be_bytes(*length) as usize).unwrap_or(text);
        let value = String::from_utf8_lossy(text).trim_end_matches('\0').to_owned();
        if !value.is_empty() {
            texts.push(Said { name, value });
        }
    }
    Ok(texts)
}

impl Editor for DsdiffFile {
    fn container(&self) -> Container {
        Container::Dsdiff
    }

    fn holdings(&self) -> Vec<Holding> {
        self.tag.iter().flat_map(|(_, tag, _)| tag.holdings(TAG)).collect()
    }

    fn voices(&self) -> Vec<Voice> {
        let mut voices: Vec<Voice> = self.tag.iter().map(|(_, tag, _)| tag.voice(TAG, true)).collect();
        voices.extend((!self.texts.is_empty()).then(|| Voice::with(Scope::Chunks, self.texts.clone())));
        voices
    }

    fn layout(&self, source: &dyn Source) -> Result<Layout, Problem> {
        let mut layout = Layout::default();
        for (number, chunk) in self.chunks.iter().enumerate() {
            if let Some((_, tag, end)) = self.tag.as_ref().filter(|(tag, ..)| *tag == number) {
                let place = self.foreign_before(number).to_be_bytes().to_vec();
                layout.facts.push(Fact { scope: TAG, name: "chunk's place", value: place });
                let behind = *source.digest(std::slice::from_ref(&(*end..chunk.body.end)))?.as_bytes();
                layout.facts.push(Fact { scope: TAG, name: "bytes behind the tag", value: behind.to_vec() });
                tag.describe(TAG, &mut layout.facts, &mut layout.pieces);
                continue;
            }
            let mut compared = chunk.start()..chunk.body.end;
            if is_sound(chunk.id) {
                layout.audio.push(chunk.body.clone());
                compared.end = chunk.body.start;
            }
            let name = String::from_utf8_lossy(&chunk.id).into_owned();
            let digest = source.digest(std::slice::from_ref(&compared))?;
            layout.pieces.push(Piece { scope: Scope::Chunks, name, field: None, digest });
        }
        Ok(layout)
    }

    fn edit(&self, source: &dyn Source, wish: &Wish, options: EditOptions) -> Result<Patch, Problem> {
        let mut patch = Patch::default();
        let tag = self.tag.as_ref().map(|(_, tag, _)| tag);
        let hides = wish.sets_something() && tag.is_none_or(Id3v2::has_no_frames) && !self.texts.is_empty();
        let insertion = if hides { Insertion::Carrying(&self.texts) } else { Insertion::Allowed };
        let alone = self.tag.as_ref().is_none_or(|(number, _, end)| *end == self.chunks[*number].body.end);
        let Some(bytes) = rework(tag, alone, wish, insertion, options, &mut patch)? else { return Ok(patch) };
        let splice = match &self.tag {
            Some((number, _, end)) => {
                let chunk = &self.chunks[*number];
                let behind = source.bytes(*end..chunk.body.end, id3v2::LIMIT, "ID3 chunk")?;
                let range = chunk.start()..chunk.end;
                if bytes.is_empty() {
                    Splice { range, bytes }
                } else {
                    Splice { range, bytes: rendered(&[bytes, behind].concat()) }
                }
            }
            None => {
                // The pad byte of a last chunk that lacks it.
                let mut chunk = vec![0; (self.len % 2) as usize];
                chunk.extend(rendered(&bytes));
                Splice { range: self.len..self.len, bytes: chunk }
            }
        };
        patch.splices.push(splice);
        let length = patch.new_len(self.len) - HEAD;
        patch.splices.insert(0, Splice { range: 4..HEAD, bytes: length.to_be_bytes().to_vec() });
        Ok(patch)
    }
}

/// An ID3 chunk with its pad byte.
fn rendered(body: &[u8]) -> Vec<u8> {
    let mut chunk = [b"ID3 ", &(body.len() as u64).to_be_bytes()[..], body].concat();
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}
