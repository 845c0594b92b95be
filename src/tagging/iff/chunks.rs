//! The chunks of a RIFF (Microsoft and IBM, 1991), RF64 (EBU Tech 3306) or IFF (Electronic Arts, 1985) form.
//!
//! Each has a name of four characters, a size, a body, and a pad byte where the size is odd. A walk that does not meet the
//! end of the form exactly is refused.

use std::ops::Range;

use super::super::error::{Problem, Refusal};
use super::super::source::Source;

pub(super) const WHAT: &str = "chunks";
/// Length of a chunk's name and size.
pub(super) const HEADER: u64 = 8;
/// More chunks than this are refused.
const MAX_CHUNKS: usize = 1 << 16;
/// A size that stands in the `ds64` chunk instead.
const ELSEWHERE: u32 = u32::MAX;

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

    /// An odd size at the end of the form, without the pad byte that should follow.
    pub(super) fn lacks_its_pad_byte(&self) -> bool {
        self.len() % 2 == 1 && self.end == self.body.end
    }
}

/// The chunks in `range`, which they fill. `big` tells the sizes that do not fit in 32 bits.
pub(super) fn walk(
    source: &dyn Source,
    range: Range<u64>,
    order: Order,
    big: &BigSizes,
) -> Result<Vec<Chunk>, Problem> {
    let damaged = |why| Problem::from(Refusal::Damaged { what: WHAT, why });
    let (mut chunks, mut at) = (Vec::new(), range.start);
    while at < range.end {
        if at + HEADER > range.end {
            return Err(damaged("bytes that are no chunk follow the last chunk"));
        }
        if chunks.len() == MAX_CHUNKS {
            return Err(Refusal::Unsupported { what: WHAT, why: "there are too many of them" }.into());
        }
        let head = source.bytes(at..at + HEADER, HEADER, WHAT)?;
        let (id, size) = ([head[0], head[1], head[2], head[3]], [head[4], head[5], head[6], head[7]]);
        if !id.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return Err(damaged("the name of a chunk is no text"));
        }
        let size = order.number(size);
        let known = (size == ELSEWHERE).then(|| big.of(id)).flatten();
        let body = at + HEADER..(at + HEADER).saturating_add(known.unwrap_or(u64::from(size)));
        if body.end > range.end {
            return Err(Refusal::Truncated { what: "last chunk" }.into());
        }
        let end = (body.end + (body.end - body.start) % 2).min(range.end);
        at = end;
        chunks.push(Chunk { id, body, end, size_is_elsewhere: known.is_some() });
    }
    Ok(chunks)
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

    fn of(&self, id: [u8; 4]) -> Option<u64> {
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
