//! The chunks of a RIFF (Microsoft and IBM, 1991), RF64 (EBU Tech 3306) or IFF (Electronic Arts, 1985) form.
//!
//! Each has a name of four characters, a size, a body, and a pad byte where the size is odd. What a walk that does not
//! end with the form means is judged elsewhere (`form`).

use std::io;
use std::ops::Range;

use super::super::error::Refusal;
use super::super::source::Source;

/// Length of a chunk's name and size.
pub(super) const HEADER: u64 = 8;
/// More chunks than this are refused.
pub(super) const MAX_CHUNKS: usize = 1 << 16;
/// A size that stands in the `ds64` chunk instead.
pub(super) const ELSEWHERE: u32 = u32::MAX;

/// How the sizes of a form are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// RIFF: the least significant byte first.
    Little,
    /// IFF: the most significant byte first.
    Big,
}

impl Order {
    pub(super) fn number(self, bytes: [u8; 4]) -> u32 {
        if self == Self::Little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
    }

    pub(super) fn bytes(self, number: u32) -> [u8; 4] {
        if self == Self::Little { number.to_le_bytes() } else { number.to_be_bytes() }
    }
}

/// A chunk and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) id: [u8; 4],
    /// Without the pad byte.
    pub(super) body: Range<u64>,
    /// Where the next one starts: behind the pad byte, if there is one.
    pub(super) end: u64,
    /// The size is not where it would have to be changed.
    pub(super) size_is_elsewhere: bool,
}

impl Chunk {
    pub(super) fn start(&self) -> u64 {
        self.body.start - HEADER
    }

    pub(super) fn len(&self) -> u64 {
        self.body.end - self.body.start
    }

    pub(super) fn is_named(&self, id: &[u8; 4]) -> bool {
        self.id == *id
    }

    /// An odd size at the end of the file, without the pad byte that should follow.
    pub(super) fn lacks_its_pad_byte(&self) -> bool {
        self.len() % 2 == 1 && self.end == self.body.end
    }
}

/// What stands where a chunk may begin.
#[derive(Debug)]
pub(super) enum Next {
    Chunk(Chunk),
    /// Nothing: the bytes end here.
    End,
    /// Bytes that begin no chunk, and why not.
    NoChunk(&'static str),
    /// A chunk of this name that is longer than what is there.
    Cut([u8; 4]),
}

/// The chunk at `at`, of which no byte may lie behind `limit`. `big` tells the sizes that do not fit in 32 bits.
pub(super) fn next(source: &dyn Source, at: u64, limit: u64, order: Order, big: &BigSizes) -> io::Result<Next> {
    if at >= limit {
        return Ok(Next::End);
    }
    let head = source.window(at, HEADER.min(limit - at) as usize)?;
    let Some(&[a, b, c, d, size @ ..]) = head.first_chunk::<{ HEADER as usize }>() else {
        return Ok(Next::NoChunk("bytes that are no chunk follow the last chunk"));
    };
    let id = [a, b, c, d];
    if !id.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        return Ok(Next::NoChunk("the name of a chunk is no text"));
    }
    let size = order.number(size);
    let known = (size == ELSEWHERE).then(|| big.of(id)).flatten();
    let body = at + HEADER..(at + HEADER).saturating_add(known.unwrap_or(u64::from(size)));
    if body.end > limit {
        return Ok(Next::Cut(id));
    }
    let end = (body.end + (body.end - body.start) % 2).min(limit);
    Ok(Next::Chunk(Chunk { id, body, end, size_is_elsewhere: known.is_some() }))
}

/// Whether whole chunks and nothing else stand from `at` to `limit`.
pub(super) fn fill(source: &dyn Source, at: u64, limit: u64, order: Order) -> io::Result<bool> {
    let (mut at, none) = (at, BigSizes::default());
    for _ in 0..MAX_CHUNKS {
        match next(source, at, limit, order, &none)? {
            Next::Chunk(chunk) => at = chunk.end,
            Next::End => return Ok(true),
            Next::NoChunk(_) | Next::Cut(_) => break,
        }
    }
    Ok(false)
}

pub(super) fn too_many() -> Refusal {
    Refusal::Unsupported { what: "chunks", why: "there are too many of them" }
}

/// The `ds64` chunk of RF64 and BW64: 64-bit sizes of the form, of `data`, and of further chunks.
#[derive(Debug, Default)]
pub(super) struct BigSizes {
    pub(super) form: u64,
    chunks: Vec<([u8; 4], u64)>,
}

impl BigSizes {
    /// Length of the part that is always there: three sizes and the length of the table.
    const FIXED: usize = 28;
    const ENTRY: usize = 12;

    /// Takes the body of a `ds64` chunk apart.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let damaged = Refusal::Damaged { what: "ds64 chunk", why: "it is too short" };
        let number = |at: usize| body.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
        let (Some(form), Some(data)) = (number(0), number(8)) else { return Err(damaged) };
        let mut chunks = vec![(*b"data", data)];
        let table = body.get(Self::FIXED..).unwrap_or_default();
        let count = body.get(24..28).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes) as usize;
        if table.len() / Self::ENTRY < count {
            return Err(damaged);
        }
        for entry in table.chunks_exact(Self::ENTRY).take(count) {
            let (id, size) = entry.split_at(4);
            if let (Ok(id), Ok(size)) = (id.try_into(), size.try_into()) {
                chunks.push((id, u64::from_le_bytes(size)));
            }
        }
        Ok(Self { form, chunks })
    }

    pub(super) fn of(&self, id: [u8; 4]) -> Option<u64> {
        self.chunks.iter().find(|(known, _)| *known == id).map(|(_, size)| *size)
    }
}

/// The bytes of a chunk with its pad byte. None where it is too large.
pub(super) fn render(id: [u8; 4], body: &[u8], order: Order) -> Option<Vec<u8>> {
    let size = u32::try_from(body.len()).ok().filter(|&size| size < ELSEWHERE)?;
    let mut chunk = id.to_vec();
    chunk.extend(order.bytes(size));
    chunk.extend_from_slice(body);
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    Some(chunk)
}
