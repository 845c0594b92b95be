//! One look at a file for both sides: what it is, and where that begins.

use std::io;

use super::mpeg::Stream;
use super::{Bytes, Kind, around, magic, mpeg};

/// What a file was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    pub kind: Kind,
    /// Where it begins: behind the tags in front and, of bare frames, behind zeros and junk as well.
    pub start: u64,
    /// Where it ends: of bare frames in front of the tags behind, else at the end of the file.
    pub end: u64,
}

/// Tells what a file is. Reads a few KiB, and a MiB at the most where nothing is found.
pub(crate) fn recognise(bytes: &mut dyn Bytes) -> io::Result<Sighting> {
    let len = bytes.len();
    let start = around::leading(bytes)?;
    let seen = |kind| Sighting { kind, start, end: len };
    if len == 0 {
        return Ok(seen(Kind::Empty));
    }
    let mut head = [0; magic::HEAD];
    let found = bytes.peek(start, magic::HEAD)?;
    head[..found.len()].copy_from_slice(found);
    if let Some(kind) = magic::kind(bytes, start, &head)? {
        return Ok(seen(kind));
    }
    let end = around::trailing(bytes, start)?;
    if start >= end {
        return Ok(seen(Kind::OnlyTags));
    }
    if let Some(start) = mpeg::adts_start(bytes, start..end)? {
        return Ok(Sighting { kind: Kind::Adts, start, end });
    }
    Ok(match mpeg::find(bytes, start..end)? {
        Some(Stream::Plain(start)) => Sighting { kind: Kind::Mpeg, start, end },
        Some(Stream::Free(start)) => Sighting { kind: Kind::FreeFormatMpeg, start, end },
        None => seen(magic::describe(&head, start)),
    })
}
