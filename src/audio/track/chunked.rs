//! WAV, AIFF and CAF. The demuxers are shown a minimal file (the description of the sound, then the sound) instead of
//! the real one: comments, pictures and cue sheets are then neither parsed nor able to mislead them.

use symphonia::default::formats as readers;

use crate::audio::error::Fault;
use crate::audio::payload::caf;
use crate::audio::payload::riff::Chunked;
use crate::audio::source::Source;
use crate::formats::mpeg::first_frame;
use crate::formats::{Kind, Mark};

use super::adpcm::{BlockTrack, Blocks};
use super::demuxed::{DemuxedTrack, Known, opener};
use super::description::{self, AiffDescribed, Described};
use super::mpeg::MpegTrack;
use super::{MOST_CHANNELS, Track};

pub(super) fn wave(mut source: Source, wave: Chunked) -> Result<Box<dyn Track>, Fault> {
    let shown = match description::wave(&wave.description)? {
        Described::Demuxed(shown) => shown,
        Described::Blocks(blocks) => return Ok(Box::new(BlockTrack::open(source, blocks, wave.data)?)),
        Described::Mpeg => {
            let first = first_frame(&mut source, wave.data.clone(), true)?;
            let first = first.ok_or_else(|| Fault::damaged("its sound holds no MPEG frames"))?;
            return Ok(Box::new(MpegTrack::open(source, first..wave.data.end, u32::MAX)?));
        }
    };
    let length = wave.data.end - wave.data.start;
    let block = u64::from(u16::from_le_bytes([shown[12], shown[13]]));
    // Symphonia counts the frames of a chunk of known length; longer ones are counted here.
    let total = (length >= u64::from(u32::MAX)).then(|| length / block.max(1));
    let mut head = b"RIFF\xff\xff\xff\xffWAVEfmt ".to_vec();
    chunk_body(&mut head, &shown, u32::to_le_bytes);
    head.extend(b"data");
    head.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    let opener = opener(source.section(head, wave.data), readers::WavReader::try_new);
    Ok(Box::new(DemuxedTrack::open(opener, Known { total, ..Known::of(Kind::Wave) })?))
}

pub(super) fn aiff(source: Source, aiff: Chunked) -> Result<Box<dyn Track>, Fault> {
    let length = aiff.data.end - aiff.data.start;
    let (form, shown) = match description::aiff(aiff.form, &aiff.description)? {
        AiffDescribed::Demuxed(form, shown) => (form, shown),
        AiffDescribed::Blocks(blocks) => return Ok(Box::new(BlockTrack::open(source, blocks, aiff.data)?)),
    };
    let mut body = form.to_vec();
    body.extend(b"COMM");
    chunk_body(&mut body, &shown, u32::to_be_bytes);
    body.extend(b"SSND");
    body.extend(u32::try_from(length + 8).unwrap_or(u32::MAX).to_be_bytes());
    body.extend([0; 8]);
    let mut head = b"FORM".to_vec();
    head.extend(u32::try_from(body.len() as u64 + length).unwrap_or(u32::MAX).to_be_bytes());
    head.extend(body);
    let opener = opener(source.section(head, aiff.data), readers::AiffReader::try_new);
    Ok(Box::new(DemuxedTrack::open(opener, Known::of(Kind::Aiff))?))
}

pub(super) fn caf(source: Source, start: u64, layout: caf::Layout) -> Result<Box<dyn Track>, Fault> {
    let caf::Description { sample_rate, codec, packet_bytes, packet_frames, channels, bits } = layout.description;
    let known = description::decoded(Kind::Caf, Mark::Four(&codec))?;
    // The demuxer computes with them unchecked.
    if packet_bytes > 1 << 20 || packet_frames > 1 << 16 || !(1..=u32::from(MOST_CHANNELS)).contains(&channels) {
        return Err(Fault::damaged("the description of its sound is impossible"));
    }
    match &codec {
        b"ima4" if channels > 2 => {
            return Err(Fault::unsupported(format!("{} with more than two channels", known.name)));
        }
        b"ima4" => {
            let blocks = Blocks::apple(sample_rate as u32, channels as u16);
            if (packet_bytes, packet_frames) != (blocks.bytes, blocks.frames) {
                return Err(Fault::damaged("the description of its sound is impossible"));
            }
            return Ok(Box::new(BlockTrack::open(source, blocks, layout.data)?));
        }
        b"lpcm" if !matches!(bits, 16 | 24 | 32 | 64) => {
            return Err(Fault::unsupported(format!("{} of {bits} bits in {}", known.name, Kind::Caf)));
        }
        // Both are bounded above.
        b"lpcm" if packet_bytes < channels * (bits / 8) * packet_frames => {
            return Err(Fault::damaged("the description of its sound is impossible"));
        }
        _ => {}
    }
    let section = source.section(Vec::new(), start..source.len());
    Ok(Box::new(DemuxedTrack::open(opener(section, readers::CafReader::try_new), Known::of(Kind::Caf))?))
}

/// Appends a chunk's length and contents, padded to an even length.
fn chunk_body(head: &mut Vec<u8>, body: &[u8], order: fn(u32) -> [u8; 4]) {
    head.extend(order(body.len() as u32));
    head.extend(body);
    head.extend(&[0][..body.len() % 2]);
}
