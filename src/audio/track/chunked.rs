//! WAV, AIFF and CAF. The demuxers are shown a minimal file (the description of the sound, then the sound) instead of the real one:
//! comments, pictures and cue sheets are then neither parsed nor able to mislead them.

use std::ops::Range;

use symphonia::default::formats as readers;

use crate::audio::error::Fault;
use crate::audio::payload::caf;
use crate::audio::payload::riff::Chunked;
use crate::audio::source::Source;
use crate::formats::mpeg::first_frame;
use crate::formats::{Kind, Mark};

use super::demuxed::{DemuxedTrack, Known, opener};
use super::description::{self, AiffDescribed, Described};
use super::mpeg::MpegTrack;
use super::{MOST_CHANNELS, Track};

/// Bytes and frames of a packet of one channel of Apple's IMA ADPCM.
const IMA4_PACKET: (u32, u32) = (34, 64);

pub(super) fn wave(mut source: Source, wave: Chunked) -> Result<Box<dyn Track>, Fault> {
    let shown = match description::wave(&wave.description)? {
        Described::Demuxed(shown) => shown,
        Described::Mpeg => {
            let first = first_frame(&mut source, wave.data.clone(), true)?;
            let first = first.ok_or_else(|| Fault::damaged("its sound holds no MPEG frames"))?;
            return Ok(Box::new(MpegTrack::open(source, first..wave.data.end)?));
        }
    };
    let length = wave.data.end - wave.data.start;
    let field = |at: usize| u64::from(u16::from_le_bytes([shown[at], shown[at + 1]]));
    let frames = if description::is_adpcm(&shown) { field(18) } else { 1 };
    // Symphonia counts the frames of a chunk of known length; longer ones are counted here.
    let total = (length >= u64::from(u32::MAX)).then(|| length / field(12).max(1) * frames);
    let mut head = b"RIFF\xff\xff\xff\xffWAVEfmt ".to_vec();
    chunk_body(&mut head, &shown, u32::to_le_bytes);
    head.extend(b"data");
    head.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    let opener = opener(source.section(head, wave.data), readers::WavReader::try_new);
    Ok(Box::new(DemuxedTrack::open(opener, Known { total, ..Known::of(Kind::Wave) })?))
}

pub(super) fn aiff(source: &Source, aiff: Chunked) -> Result<DemuxedTrack, Fault> {
    let length = aiff.data.end - aiff.data.start;
    let (form, shown) = match description::aiff(aiff.form, &aiff.description)? {
        AiffDescribed::Demuxed(form, shown) => (form, shown),
        AiffDescribed::Ima4 => return ima4(source, &aiff),
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
    DemuxedTrack::open(opener, Known::of(Kind::Aiff))
}

/// Apple's IMA ADPCM out of an AIFF-C, as CAF.
fn ima4(source: &Source, aiff: &Chunked) -> Result<DemuxedTrack, Fault> {
    let channels = u32::from(u16::from_be_bytes([aiff.description[0], aiff.description[1]]));
    let mut rate = [0; 10];
    rate.copy_from_slice(&aiff.description[8..18]);
    let mut shown = extended(rate).to_be_bytes().to_vec();
    shown.extend(b"ima4\0\0\0\0");
    for field in [IMA4_PACKET.0 * channels, IMA4_PACKET.1, channels, 0] {
        shown.extend(field.to_be_bytes());
    }
    let mut head = b"caff\0\x01\0\0".to_vec();
    caf_chunk(&mut head, b"desc", &shown);
    demuxed_caf(source, head, aiff.data.clone(), Kind::Aiff)
}

/// An 80-bit floating-point number, as far as rates need it: negative ones and those below 1 are 0.
fn extended([sign, exponent, mantissa @ ..]: [u8; 10]) -> f64 {
    let exponent = i32::from(u16::from_be_bytes([sign, exponent])) - 0x3fff;
    let mantissa = u64::from_be_bytes(mantissa);
    if (0..=31).contains(&exponent) { mantissa as f64 / 2f64.powi(63 - exponent) } else { 0.0 }
}

pub(super) fn caf(source: &Source, start: u64, layout: caf::Layout) -> Result<DemuxedTrack, Fault> {
    let caf::Description { codec, packet_bytes, packet_frames, channels, bits } = layout.description;
    let known = description::decoded(Kind::Caf, Mark::Four(&codec))?;
    let (ima_bytes, ima_frames) = IMA4_PACKET;
    match &codec {
        b"ima4" if channels > 2 => {
            return Err(Fault::unsupported(format!("{} with more than two channels", known.name)));
        }
        b"ima4" if (packet_bytes, packet_frames) != (ima_bytes * channels, ima_frames) => {
            return Err(Fault::damaged("the description of its sound is impossible"));
        }
        b"lpcm" if !matches!(bits, 16 | 24 | 32 | 64) => {
            return Err(Fault::unsupported(format!("{} of {bits} bits in {}", known.name, Kind::Caf)));
        }
        b"lpcm" | b"alaw" | b"ulaw" if channels > u32::from(MOST_CHANNELS) => {
            return Err(Fault::damaged(format!("it declares {channels} channels")));
        }
        _ => {}
    }
    let section = source.section(Vec::new(), start..source.len());
    DemuxedTrack::open(opener(section, readers::CafReader::try_new), Known::of(Kind::Caf))
}

fn demuxed_caf(source: &Source, mut head: Vec<u8>, data: Range<u64>, kind: Kind) -> Result<DemuxedTrack, Fault> {
    head.extend(b"data");
    head.extend((data.end - data.start + 4).to_be_bytes());
    // The count of edits.
    head.extend([0; 4]);
    DemuxedTrack::open(opener(source.section(head, data), readers::CafReader::try_new), Known::of(kind))
}

fn caf_chunk(head: &mut Vec<u8>, mark: &[u8; 4], body: &[u8]) {
    head.extend(mark);
    head.extend((body.len() as u64).to_be_bytes());
    head.extend(body);
}

/// Appends a chunk's length and contents, padded to an even length.
fn chunk_body(head: &mut Vec<u8>, body: &[u8], order: fn(u32) -> [u8; 4]) {
    head.extend(order(body.len() as u32));
    head.extend(body);
    head.extend(&[0][..body.len() % 2]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_80_bits_are_read() {
        assert_eq!(extended([0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]), 44_100.0);
        assert_eq!(extended([0x40, 0x0b, 0xfa, 0, 0, 0, 0, 0, 0, 0]), 8000.0);
        assert_eq!(extended([0xff; 10]), 0.0);
    }
}
