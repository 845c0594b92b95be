//! EBML (RFC 8794): elements with an id and a size, each a number of one to eight bytes whose leading zeros tell its
//! length. Reading and writing of single elements; what they mean is told elsewhere.

use std::ops::Range;

use super::super::error::{Problem, Refusal};
use super::super::source::Source;

pub(super) const WHAT: &str = "EBML elements";
/// Unused space, wherever it stands.
pub(super) const VOID: u32 = 0xec;
/// The checksum of the rest of the element that begins with it.
pub(super) const CRC: u32 = 0xbf;
/// Longest header: an id of four bytes, a size of eight.
const LONGEST_HEADER: usize = 12;
/// More elements than this in one place are refused.
const MAX_ELEMENTS: usize = 1 << 16;

/// An element and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element<N> {
    pub(super) id: u32,
    pub(super) range: Range<N>,
    /// Where the body starts.
    pub(super) body: N,
    /// How many bytes its size takes.
    pub(super) width: usize,
}

/// What the header of an element says.
pub(super) struct Head {
    pub(super) id: u32,
    /// Length of the header.
    pub(super) length: usize,
    /// How many bytes of it are the size.
    pub(super) width: usize,
    /// Length of the body; none where it is unknown.
    pub(super) size: Option<u64>,
}

/// The header at the start of `bytes`.
pub(super) fn head(bytes: &[u8]) -> Result<Head, Refusal> {
    let damaged = |why| Refusal::Damaged { what: WHAT, why };
    let truncated = Refusal::Truncated { what: WHAT };
    let Some(&lead) = bytes.first() else { return Err(truncated) };
    let id_length = lead.leading_zeros() as usize + 1;
    if id_length > 4 {
        return Err(damaged("bytes that are none stand between them"));
    }
    let Some(&size_lead) = bytes.get(id_length) else { return Err(truncated) };
    let width = size_lead.leading_zeros() as usize + 1;
    if width > 8 {
        return Err(damaged("the size of one is impossible"));
    }
    let Some(size) = bytes.get(id_length..id_length + width) else { return Err(truncated) };
    let size = number(size) & largest(width);
    let size = (size != largest(width)).then_some(size);
    Ok(Head { id: number(&bytes[..id_length]) as u32, length: id_length + width, width, size })
}

/// The header of the element at `at` in a file.
pub(super) fn head_at(source: &dyn Source, at: u64) -> Result<Head, Problem> {
    Ok(head(&source.window(at, LONGEST_HEADER)?)?)
}

/// An unsigned number.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The elements that fill a part of `bytes`.
pub(super) fn walk(bytes: &[u8], range: Range<usize>) -> Result<Vec<Element<usize>>, Refusal> {
    let (mut elements, mut at) = (Vec::new(), range.start);
    while at < range.end {
        if elements.len() == MAX_ELEMENTS {
            return Err(Refusal::Unsupported { what: WHAT, why: "there are too many of them in one place" });
        }
        let damaged = Refusal::Damaged { what: WHAT, why: "one is longer than what holds it" };
        let head = head(&bytes[at..range.end])?;
        let size = head.size.and_then(|size| usize::try_from(size).ok()).ok_or(damaged.clone())?;
        let body = at + head.length;
        let end = body.checked_add(size).filter(|&end| end <= range.end).ok_or(damaged)?;
        elements.push(Element { id: head.id, range: at..end, body, width: head.width });
        at = end;
    }
    Ok(elements)
}

/// All ones: what a size of so many bytes says where it is unknown.
fn largest(width: usize) -> u64 {
    u64::MAX >> (64 - 7 * width)
}

/// Whether a size fits into so many bytes.
pub(super) fn fits(size: u64, width: usize) -> bool {
    size < largest(width)
}

/// How many bytes a size takes, where it should take `width`.
pub(super) fn width_of(size: u64, width: usize) -> usize {
    (width.clamp(1, 8)..8).find(|&width| fits(size, width)).unwrap_or(8)
}

/// A size in so many bytes, into which it fits.
pub(super) fn size(size: u64, width: usize) -> Vec<u8> {
    (size | (largest(width) + 1)).to_be_bytes()[8 - width..].to_vec()
}

/// The bytes of an id.
pub(super) fn id_bytes(id: u32) -> Vec<u8> {
    shortest(id.into())
}

/// A number in as few bytes as it takes, but one at least.
pub(super) fn shortest(number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    bytes[(number.leading_zeros() as usize / 8).min(7)..].to_vec()
}

/// An element whose size takes `width` bytes, or more where it has to.
pub(super) fn render(id: u32, width: usize, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u64;
    [&id_bytes(id)[..], &size(length, width_of(length, width)), body].concat()
}

/// Unused space of `length` bytes, header included: two at least, or nothing.
pub(super) fn void(length: usize) -> Vec<u8> {
    let Some(behind_id) = length.checked_sub(1) else { return Vec::new() };
    let fitting = (1..=8).find(|&width| behind_id >= width && fits((behind_id - width) as u64, width));
    let width = fitting.unwrap_or(1);
    let body = behind_id.saturating_sub(width);
    let mut bytes = [&[VOID as u8][..], &size(body as u64, width)].concat();
    bytes.resize(length.max(2), 0);
    bytes
}

/// An element that takes exactly `room` bytes, with unused space behind it. None where it does not fit.
pub(super) fn render_into(id: u32, width: usize, body: &[u8], room: usize) -> Option<Vec<u8>> {
    let mut bytes = render(id, width, body);
    if bytes.len() + 1 == room {
        // One byte is no element: the size takes it.
        bytes = render(id, width_of(body.len() as u64, width) + 1, body);
    }
    let left = room.checked_sub(bytes.len())?;
    bytes.extend(void(left));
    (bytes.len() == room).then_some(bytes)
}

/// CRC-32 as an element of that name holds it.
pub(super) fn crc(bytes: &[u8]) -> [u8; 4] {
    const TABLE: [u32; 256] = {
        let (mut table, mut byte) = ([0; 256], 0);
        while byte < 256 {
            let (mut value, mut bit) = (byte as u32, 0);
            while bit < 8 {
                value = if value & 1 != 0 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
                bit += 1;
            }
            table[byte] = value;
            byte += 1;
        }
        table
    };
    let step = |crc: u32, byte: &u8| crc >> 8 ^ TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize];
    (!bytes.iter().fold(u32::MAX, step)).to_le_bytes()
}

/// Whether the elements of a body begin with a checksum. One that is wrong, or stands elsewhere, is refused.
pub(super) fn has_crc(bytes: &[u8], children: &[Element<usize>], end: usize) -> Result<bool, Refusal> {
    let damaged = |why| Refusal::Damaged { what: "checksum (CRC-32)", why };
    if children.iter().skip(1).any(|child| child.id == CRC) {
        return Err(damaged("it is not the first of its elements"));
    }
    let Some(first) = children.first().filter(|child| child.id == CRC) else { return Ok(false) };
    if bytes[first.body..first.range.end] != crc(&bytes[first.range.end..end]) {
        return Err(damaged("it is not that of what follows it"));
    }
    Ok(true)
}

/// A body with its checksum in front, where it had one.
pub(super) fn with_crc(body: Vec<u8>, has_crc: bool) -> Vec<u8> {
    if has_crc { [&render(CRC, 1, &crc(&body))[..], &body].concat() } else { body }
}
