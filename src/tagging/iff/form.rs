//! The form of a WAV or AIFF file: its chunks, where it ends, and whether its sizes say so.
//!
//! The size of a form is often wrong while every chunk is whole: a tag was put behind the end that was declared, the
//! pad byte was not counted or not written, the file went into a pipe. Readers go by the chunks, so this does as well,
//! and a wrong size counts only where it decides what a byte means. Nothing is changed here: `sizes` sets right what
//! was wrong.

use super::super::container::Container;
use super::super::error::{Problem, Refusal};
use super::super::source::Source;
use super::chunks::{self, BigSizes, Chunk, ELSEWHERE, HEADER, MAX_CHUNKS, Next, Order};
use super::info;
use super::sizes::{Ds64, Sizes};

/// Length of the form's name, size and type.
const FORM_HEADER: u64 = 12;
/// Largest `ds64` chunk that is looked into.
const DS64_LIMIT: u64 = 1 << 20;
/// A form that is larger than the file by no more than this was counted wrongly; beyond it, something is missing.
const MISCOUNTED: u64 = 8;
/// Sizes that programs write in front of sound whose length they do not know yet: lame and SoX, where ffmpeg writes the
/// largest number.
const TO_THE_END: [u32; 2] = [0x7fff_ffff, 0x7fff_f000];
/// The same of SoX in AIFF.
const TO_THE_END_IN_AIFF: u32 = 0x7f00_0008;

/// A form, taken apart.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) container: Container,
    pub(super) order: Order,
    /// Its name and type.
    pub(super) kind: [u8; 8],
    pub(super) chunks: Vec<Chunk>,
    /// Where the last chunk ends. What lies behind is no part of the form.
    pub(super) end: u64,
    pub(super) sizes: Sizes,
}

/// What was found behind the form's header, up to where no chunk follows.
struct Walk<'s> {
    source: &'s dyn Source,
    container: Container,
    order: Order,
    big: &'s BigSizes,
    /// Where the form ends by its own size.
    declared: u64,
    chunks: Vec<Chunk>,
    /// How many chunks stand in front of the declared end, if that is where a chunk ends.
    within: Option<usize>,
    /// The length of a sound whose size was never filled in.
    open: Option<u64>,
}

/// The name of the chunk that holds the sound.
pub(super) fn audio_id(container: Container) -> &'static [u8; 4] {
    if container == Container::Wav { b"data" } else { b"SSND" }
}

fn is_id3(id: [u8; 4]) -> bool {
    id.eq_ignore_ascii_case(b"id3 ")
}

fn damaged(why: &'static str) -> Refusal {
    Refusal::Damaged { what: "form", why }
}

impl Form {
    pub(super) fn parse(source: &dyn Source) -> Result<Self, Problem> {
        let head = source.bytes(0..FORM_HEADER, FORM_HEADER, "form header")?;
        let (name, outer, kind) = (&head[..4], [head[4], head[5], head[6], head[7]], &head[8..]);
        let (container, order) = match (name, kind) {
            (b"RIFF" | b"RF64" | b"BW64", b"WAVE") => (Container::Wav, Order::Little),
            (b"FORM", b"AIFF" | b"AIFC") => (Container::Aiff, Order::Big),
            _ => {
                let why = "an ID3v2 tag stands in front of it, where no reader of this container looks";
                return Err(Refusal::Unsupported { what: "form header", why }.into());
            }
        };
        let (big, ds64) = if matches!(name, b"RF64" | b"BW64") { big_sizes(source)? } else { Default::default() };
        let plain = order.number(outer);
        let size = if ds64.is_some() { big.form } else { u64::from(plain) };
        if ds64.is_some() && plain != ELSEWHERE && u64::from(plain) != size {
            return Err(Refusal::Damaged { what: "RF64 form", why: "its two sizes differ" }.into());
        }
        let declared = HEADER.saturating_add(size);
        let mut walk =
            Walk { source, container, order, big: &big, declared, chunks: Vec::new(), within: None, open: None };
        let stop = walk.go()?;
        let count = walk.belonging(&stop)?;
        let Walk { mut chunks, open, .. } = walk;
        chunks.truncate(count);
        let end = chunks.last().map_or(FORM_HEADER, |chunk| chunk.end);
        let audio = chunks.iter().find(|chunk| chunk.is_named(audio_id(container)));
        let audio = audio.ok_or(damaged("it has no chunk of audio"))?.start() + 4;
        let stored = source.bytes(audio..audio + 4, 4, "chunk of audio")?;
        let sizes = Sizes {
            order,
            outer,
            audio: (audio, [stored[0], stored[1], stored[2], stored[3]]),
            big: ds64,
            open,
            lacks_pad: chunks.last().is_some_and(Chunk::lacks_its_pad_byte),
            miscounted: declared != end,
        };
        let kind = [head[0], head[1], head[2], head[3], head[8], head[9], head[10], head[11]];
        let form = Self { container, order, kind, chunks, end, sizes };
        form.refuse_silence(source)?;
        Ok(form)
    }

    pub(super) fn is_audio(&self, chunk: &Chunk) -> bool {
        chunk.is_named(audio_id(self.container))
    }

    /// A file without sound is none of ours, and what stands behind an empty chunk of sound is taken for sound by some
    /// readers.
    fn refuse_silence(&self, source: &dyn Source) -> Result<(), Problem> {
        // In AIFF an offset and a block size come first.
        let lead = if self.container == Container::Aiff { 8 } else { 0 };
        let sounds = self.chunks.iter().any(|chunk| self.is_audio(chunk) && chunk.len() > lead);
        let common = self.chunks.iter().find(|chunk| self.container == Container::Aiff && chunk.is_named(b"COMM"));
        let frames = match common {
            Some(common) => source.window(common.body.start + 2, 4)?,
            None => Vec::new(),
        };
        if !sounds || frames == [0; 4] { Err(Refusal::NoSound.into()) } else { Ok(()) }
    }
}

/// The sizes in the `ds64` chunk, the place of its body and the two sizes at its start.
fn big_sizes(source: &dyn Source) -> Result<(BigSizes, Option<Ds64>), Problem> {
    let place = FORM_HEADER + HEADER;
    let head = source.bytes(FORM_HEADER..place, HEADER, "ds64 chunk")?;
    if !head.starts_with(b"ds64") {
        return Err(Refusal::Damaged { what: "RF64 form", why: "its first chunk is not ds64" }.into());
    }
    let length = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
    let body = source.bytes(place..place + length, DS64_LIMIT, "ds64 chunk")?;
    let big = BigSizes::parse(&body)?;
    Ok((big, body.first_chunk().map(|sizes| (place, *sizes))))
}

impl Walk<'_> {
    /// Goes from chunk to chunk as far as there are any.
    fn go(&mut self) -> Result<Next, Problem> {
        let mut at = FORM_HEADER;
        loop {
            // The pad byte of the last chunk is there, but was not counted.
            let uncounted = self.chunks.last().is_some_and(|chunk| chunk.body.end == self.declared);
            if self.within.is_none() && (at == self.declared || uncounted) {
                self.within = Some(self.chunks.len());
            }
            let next = match self.unmeasured_sound(at)? {
                Some(chunk) => Next::Chunk(chunk),
                None => chunks::next(self.source, at, self.source.len(), self.order, self.big)?,
            };
            let Next::Chunk(chunk) = next else { return Ok(next) };
            if self.chunks.len() == MAX_CHUNKS {
                return Err(chunks::too_many().into());
            }
            at = chunk.end;
            self.chunks.push(chunk);
        }
    }

    /// The chunk of sound at `at`, if its size was never filled in: it reaches to the end of the file.
    fn unmeasured_sound(&mut self, at: u64) -> Result<Option<Chunk>, Problem> {
        let (len, id) = (self.source.len(), audio_id(self.container));
        let head = self.source.window(at, HEADER as usize)?;
        let Some(&[a, b, c, d, size @ ..]) = head.first_chunk::<{ HEADER as usize }>() else { return Ok(None) };
        // Where the form's size is right, whoever wrote it knew the other one as well. Of several chunks of sound the
        // first one is the one whose size is set right by a write.
        let is_first = |walk: &Self| !walk.chunks.iter().any(|chunk| chunk.is_named(id));
        if [a, b, c, d] != *id || self.declared == len || self.open.is_some() || !is_first(self) {
            return Ok(None);
        }
        let (size, start) = (self.order.number(size), at + HEADER);
        let known = (size == ELSEWHERE).then(|| self.big.of(*id)).flatten();
        let unmeasured = match known.unwrap_or(u64::from(size)) {
            0 => start < len && !chunks::fill(self.source, start, len, self.order)?,
            _ if known.is_some() => false,
            _ if self.container == Container::Aiff => size == TO_THE_END_IN_AIFF && start + u64::from(size) > len,
            _ => size == ELSEWHERE || TO_THE_END.contains(&size) && start + u64::from(size) > len,
        };
        if !unmeasured {
            return Ok(None);
        }
        if self.container == Container::Aiff {
            // The number of samples, in another chunk, is as wrong.
            let why =
                "its sizes were never filled in, as in a file that came through a pipe; make it anew, without one";
            return Err(Refusal::Unsupported { what: "form", why }.into());
        }
        self.open = Some(len - start);
        Ok(Some(Chunk { id: *id, body: start..len, end: len, size_is_elsewhere: known.is_some() }))
    }

    /// How many of the chunks belong to the form.
    fn belonging(&self, stop: &Next) -> Result<usize, Problem> {
        let (len, all) = (self.source.len(), self.chunks.len());
        let missing = self.declared > len.saturating_add(MISCOUNTED) && self.declared != HEADER + u64::from(u32::MAX);
        let Some(within) = self.within else {
            return match stop {
                Next::End if self.open.is_some() || !missing => Ok(all),
                Next::End => Err(Refusal::Truncated { what: "form" }.into()),
                Next::NoChunk(_) if self.declared > len => Err(Refusal::Truncated { what: "form" }.into()),
                Next::NoChunk(why) => {
                    let at = self.chunks.last().map_or(FORM_HEADER, |chunk| chunk.end);
                    let straddled = "its declared end lies inside a chunk, and bytes that are no chunk follow that one";
                    Err(damaged(if at > self.declared { straddled } else { why }).into())
                }
                Next::Cut(_) | Next::Chunk(_) => Err(Refusal::Truncated { what: "last chunk" }.into()),
            };
        };
        // Another whole form behind this one is another file, whatever is in it.
        let is_form = |chunk: &Chunk| [*b"RIFF", *b"RF64", *b"BW64", *b"FORM"].contains(&chunk.id);
        let behind = &self.chunks[within..];
        if let Some(other) = behind.iter().position(is_form) {
            return Ok(within + self.tags_in(&behind[..other])?);
        }
        match stop {
            Next::End => Ok(all),
            Next::Cut(id) if is_id3(*id) => {
                let why = "an ID3 chunk stands behind the declared end of the file, and is not whole";
                Err(Refusal::Unsupported { what: "form", why }.into())
            }
            _ => Ok(within + self.tags_in(behind)?),
        }
    }

    /// How many of the chunks there are up to the last one that is a tag.
    fn tags_in(&self, chunks: &[Chunk]) -> Result<usize, Problem> {
        for (number, chunk) in chunks.iter().enumerate().rev() {
            if is_id3(chunk.id) || self.container == Container::Wav && info::is_info(self.source, chunk)? {
                return Ok(number + 1);
            }
        }
        Ok(0)
    }
}
