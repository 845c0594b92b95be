//! Just enough of MPEG audio's frame headers (ISO/IEC 11172-3, 2.4.1.3) to tell an MP3 from other bytes. Nothing is decoded.

use std::io;

use super::error::Problem;
use super::source::Source;
use super::tail::Tail;

/// How far behind the tags the first frame is searched; junk there is as old as the format.
const SEARCH: usize = 64 << 10;
/// How many zero bytes behind the tags are stepped over before that.
const ZEROS: u64 = 1 << 20;

/// The fields of a header that all frames of a stream share, and the frame's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FrameHeader {
    version: u8,
    layer: u8,
    sample_rate: u32,
    /// In bytes; none for the free format, which does not tell.
    length: Option<usize>,
}

impl FrameHeader {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let &[sync, b1, b2, _] = bytes.get(..4)? else { return None };
        let (version, layer) = (b1 >> 3 & 3, b1 >> 1 & 3);
        let (bitrate, rate) = (usize::from(b2 >> 4), usize::from(b2 >> 2 & 3));
        if sync != 0xff || b1 & 0xe0 != 0xe0 || version == 1 || layer == 0 || bitrate == 15 || rate == 3 {
            return None;
        }
        let mpeg1 = version == 3;
        let sample_rate = [44_100, 48_000, 32_000][rate]
            >> match version {
                3 => 0,
                2 => 1,
                _ => 2,
            };
        const KBITS: [[u32; 15]; 5] = [
            [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
            [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
            [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
            [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
            [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
        ];
        // The field counts the layers backwards: 3 is layer I, 1 is layer III.
        let row = match (mpeg1, layer) {
            (true, 3) => 0,
            (true, 2) => 1,
            (true, _) => 2,
            (false, 3) => 3,
            (false, _) => 4,
        };
        let bits = KBITS[row][bitrate] * 1000;
        let padding = u32::from(b2 >> 1 & 1);
        let length = match layer {
            3 => (12 * bits / sample_rate + padding) * 4,
            1 if !mpeg1 => 72 * bits / sample_rate + padding,
            _ => 144 * bits / sample_rate + padding,
        };
        Some(Self { version, layer, sample_rate, length: (bits > 0).then_some(length as usize) })
    }

    fn same_stream(&self, other: &Self) -> bool {
        (self.version, self.layer, self.sample_rate) == (other.version, other.layer, other.sample_rate)
    }
}

/// Offset of the first frame at or behind `start`: a header whose frame is followed by another of the same stream, or
/// reaches the end of the file. None where the bytes are no MPEG audio.
pub(crate) fn first_frame(source: &dyn Source, start: u64) -> io::Result<Option<u64>> {
    let mut start = start;
    let mut left = ZEROS;
    loop {
        let window = source.window(start, 4096)?;
        let zeros = window.iter().take_while(|&&byte| byte == 0).count() as u64;
        start += zeros;
        left = left.saturating_sub(zeros);
        if zeros == 0 || (zeros as usize) < window.len() || left == 0 {
            break;
        }
    }
    let bytes = source.window(start, SEARCH)?;
    for offset in 0..bytes.len() {
        let Some(header) = FrameHeader::parse(&bytes[offset..]) else { continue };
        let Some(length) = header.length else {
            if offset == 0 {
                return Ok(Some(start));
            }
            continue;
        };
        let next = start + (offset + length) as u64;
        let follows = source.window(next, 4)?;
        let confirmed = match FrameHeader::parse(&follows) {
            Some(other) => other.same_stream(&header),
            // The last frame of a stream, whole or cut, with nothing or a tag behind it.
            None if offset > 0 => false,
            None if follows.len() < 4 || follows.starts_with(b"TAG") || follows.starts_with(b"APET") => true,
            None => reaches_the_tags(source, start, next)?,
        };
        if confirmed {
            return Ok(Some(start + offset as u64));
        }
    }
    Ok(None)
}

/// Whether a frame from `start` to `end`, of which the file holds only a part, is cut off by the tags at the end of the file.
fn reaches_the_tags(source: &dyn Source, start: u64, end: u64) -> io::Result<bool> {
    match Tail::parse(source, start) {
        Ok(tail) => Ok(end >= tail.start),
        Err(Problem::Refused(_)) => Ok(false),
        Err(Problem::Io(error)) => Err(error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::super::fixtures::{ape_item, ape_tag, mpeg_frames};
    use super::*;

    #[test]
    fn a_single_cut_frame_is_an_mp3_however_long_the_tag_behind_it_is() {
        for length in [10, 350, 900] {
            let tag = ape_tag(&[ape_item("Genre", &vec![b'x'; length], 0)]);
            assert_eq!(first_frame(&[&mpeg_frames(1)[..40], &tag].concat(), 0).unwrap(), Some(0), "{length}");
        }
    }

    #[test]
    fn frame_lengths_follow_the_standard() {
        let length = |bytes: [u8; 4]| FrameHeader::parse(&bytes).and_then(|header| header.length);
        assert_eq!(length([0xff, 0xfb, 0x90, 0x00]), Some(417), "MPEG-1 layer III, 128 kbit/s, 44.1 kHz");
        assert_eq!(length([0xff, 0xfb, 0x92, 0x00]), Some(418), "the same, padded");
        assert_eq!(length([0xff, 0xf3, 0x80, 0x00]), Some(208), "MPEG-2 layer III, 64 kbit/s, 22.05 kHz");
        assert_eq!(length([0xff, 0xfd, 0xa0, 0x00]), Some(626), "MPEG-1 layer II, 192 kbit/s, 44.1 kHz");
        assert_eq!(length([0xff, 0xf1, 0x50, 0x80]), None, "ADTS is not MPEG audio");
    }

    #[test]
    fn text_is_no_mp3() {
        let text = b"not music at all, only words\n".repeat(5000);
        assert_eq!(first_frame(&text, 0).unwrap(), None);
        let mut one_sync = text;
        one_sync[100..104].copy_from_slice(&[0xff, 0xfb, 0x90, 0x00]);
        assert_eq!(first_frame(&one_sync, 0).unwrap(), None, "a single sync word proves nothing");
    }
}
