//! Atoms (boxes) of an MPEG-4 file (ISO/IEC 14496-12, 4.2): a size, a kind of four bytes, and a body that may hold
//! atoms.

use std::ops::Range;

use super::super::error::Refusal;

pub(super) const WHAT: &str = "MP4 atoms";
/// Length of the size and the kind.
pub(super) const HEADER: usize = 8;
/// The same with a 64-bit size behind them.
pub(super) const LONG_HEADER: usize = 16;
/// More atoms than this in one place are refused.
const MAX_ATOMS: usize = 1 << 16;

/// An atom and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Atom<N> {
    pub(super) kind: [u8; 4],
    pub(super) range: Range<N>,
    /// Where the body starts.
    pub(super) body: N,
}

/// What the header of an atom says: its kind, its own length, and the atom's (none: up to the end of the file).
pub(super) fn header(bytes: &[u8]) -> Result<([u8; 4], usize, Option<u64>), Refusal> {
    let damaged = Refusal::Damaged { what: WHAT, why: "the size of one is impossible" };
    let [s0, s1, s2, s3, kind @ ..] = *bytes.first_chunk::<8>().ok_or(Refusal::Truncated { what: WHAT })?;
    let (length, size) = match u32::from_be_bytes([s0, s1, s2, s3]) {
        0 => return Ok((kind, HEADER, None)),
        1 => {
            let long: &[u8; LONG_HEADER] = bytes.first_chunk().ok_or(Refusal::Truncated { what: WHAT })?;
            let size = long[8..].iter().fold(0, |size: u64, &byte| size << 8 | u64::from(byte));
            (LONG_HEADER, size)
        }
        size => (HEADER, u64::from(size)),
    };
    if size < length as u64 {
        return Err(damaged);
    }
    Ok((kind, length, Some(size)))
}

/// The atoms in a part of `bytes`, and where fewer than eight bytes are left that could be one more.
pub(super) fn walk(bytes: &[u8], range: Range<usize>) -> Result<(Vec<Atom<usize>>, usize), Refusal> {
    let (mut atoms, mut at) = (Vec::new(), range.start);
    while at + HEADER <= range.end {
        if bytes[at..range.end].iter().all(|&byte| byte == 0) {
            break;
        }
        if atoms.len() == MAX_ATOMS {
            return Err(Refusal::Unsupported { what: WHAT, why: "there are too many of them in one place" });
        }
        let (kind, length, size) = header(&bytes[at..range.end])?;
        let size = size.ok_or(Refusal::Damaged { what: WHAT, why: "an inner one has no size" })?;
        let end = usize::try_from(size).ok().and_then(|size| at.checked_add(size)).filter(|&end| end <= range.end);
        let end = end.ok_or(Refusal::Damaged { what: WHAT, why: "one is longer than the one around it" })?;
        atoms.push(Atom { kind, range: at..end, body: at + length });
        at = end;
    }
    Ok((atoms, at))
}

/// The long name of a `uuid` atom, which stands at the start of its body.
pub(super) fn long_name(bytes: &[u8], atom: &Atom<usize>) -> Option<u128> {
    bytes[atom.body..atom.range.end].first_chunk().map(|name| u128::from_be_bytes(*name))
}

/// An atom with that body.
pub(super) fn render(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    // Bodies are parts of a tag, which is checked against a limit far below 4 GB.
    let mut atom = ((HEADER + body.len()) as u32).to_be_bytes().to_vec();
    atom.extend_from_slice(kind);
    atom.extend_from_slice(body);
    atom
}

/// Free space of `length` bytes in all, which is at least [`HEADER`].
pub(super) fn free(length: usize) -> Vec<u8> {
    space(b"free", length)
}

/// The same by another of its names.
pub(super) fn space(name: &[u8; 4], length: usize) -> Vec<u8> {
    render(name, &vec![0; length.saturating_sub(HEADER)])
}
