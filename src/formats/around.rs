//! The tags that may stand before and behind the sound of formats without a container of their own (MP3, AAC, and often
//! FLAC): how long they are, never what they say.

use std::io;

use super::Bytes;

/// Where what stands in front of the sound ends: past any number of ID3v2 tags and APEv2 tags.
pub(super) fn leading(bytes: &mut dyn Bytes) -> io::Result<u64> {
    let mut position = 0;
    loop {
        if let Some(length) = id3v2_length(bytes, position)? {
            position += length;
            if position > bytes.len() {
                // A tag that is longer than the file: what follows its header may still be sound, so let the caller
                // search.
                return Ok(position - length + 10);
            }
        } else if let Some(length) =
            ape_length(bytes, position, true)?.filter(|length| position + length <= bytes.len())
        {
            position += length;
        } else {
            return Ok(position);
        }
    }
}

/// Where the sound ends: before any number of ID3v1, Lyrics3, APEv2 and footed ID3v2 tags. `start` is where it begins.
pub(crate) fn trailing(bytes: &mut dyn Bytes, start: u64) -> io::Result<u64> {
    let mut end = bytes.len();
    while let Some(length) = trailing_length(bytes, start, end)? {
        if length == 0 || length > end - start {
            break;
        }
        end -= length;
    }
    Ok(end)
}

fn trailing_length(bytes: &mut dyn Bytes, start: u64, end: u64) -> io::Result<Option<u64>> {
    let room = end - start;
    let starts = |bytes: &mut dyn Bytes, back: u64, mark: &[u8]| -> io::Result<bool> {
        Ok(room >= back && bytes.peek(end - back, mark.len())? == mark)
    };
    if starts(bytes, 32, b"APETAGEX")? {
        return ape_length(bytes, end - 32, false);
    }
    if starts(bytes, 10, b"3DI")? {
        let Some(footer) = bytes.array::<10>(end - 10)? else { return Ok(None) };
        return Ok(syncsafe(&footer[6..10]).map(|length| u64::from(length) + 20));
    }
    if starts(bytes, 9, b"LYRICS200")? && room >= 15 {
        let digits = bytes.peek(end - 15, 6)?;
        let length = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
        return Ok(length.map(|length| length + 15));
    }
    if starts(bytes, 9, b"LYRICSEND")? {
        // Version 1 has no length: at most 5100 bytes of text after its opening words.
        let reach = room.min(5_120);
        let text = bytes.peek(end - reach, reach as usize)?;
        let begin = text.windows(11).position(|window| window == b"LYRICSBEGIN");
        return Ok(begin.map(|begin| reach - begin as u64));
    }
    // Last, since these letters stand at a start: other tags, and sound, may hold them just there. An APEv2 tag of 131
    // bytes does.
    if starts(bytes, 128, b"TAG")? && !starts(bytes, 131, b"APETAGEX")? {
        // The enhanced tag stands right before the plain one.
        let enhanced = room >= 355 && bytes.peek(end - 355, 4)? == b"TAG+";
        return Ok(Some(if enhanced { 355 } else { 128 }));
    }
    Ok(None)
}

/// The length of an ID3v2 tag at `position`, header, footer and all.
fn id3v2_length(bytes: &mut dyn Bytes, position: u64) -> io::Result<Option<u64>> {
    let Some(header) = bytes.array::<10>(position)? else { return Ok(None) };
    if &header[..3] != b"ID3" || header[3] == 0xff || header[4] == 0xff {
        return Ok(None);
    }
    let footer = if header[5] & 0x10 != 0 { 10 } else { 0 };
    Ok(syncsafe(&header[6..10]).map(|length| u64::from(length) + 10 + footer))
}

/// The length of an APE tag whose header (`leading`) or footer stands at `position`.
fn ape_length(bytes: &mut dyn Bytes, position: u64, leading: bool) -> io::Result<Option<u64>> {
    let Some(mark) = bytes.array::<32>(position)? else { return Ok(None) };
    if &mark[..8] != b"APETAGEX" {
        return Ok(None);
    }
    let items_and_footer = u64::from(u32::from_le_bytes([mark[12], mark[13], mark[14], mark[15]]));
    let flags = u32::from_le_bytes([mark[20], mark[21], mark[22], mark[23]]);
    let header = if leading || flags & 0x8000_0000 != 0 { 32 } else { 0 };
    Ok(Some(items_and_footer + header))
}

/// A number of four times seven bits.
fn syncsafe(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |value, &byte| (byte < 0x80).then_some(value << 7 | u32::from(byte)))
}
