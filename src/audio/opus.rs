//! The Opus decoder, kept behind one small shape: packets in, interleaved 48 kHz sound out. It is the only file that
//! knows `rusty-opus`, a young crate: whatever it does with a hostile packet, panics included, comes out as a packet
//! that could not be decoded.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusty_opus::OpusDecoder;

use super::error::Fault;

/// Opus decodes at this rate, in Hz, whatever the rate of what was encoded.
pub(crate) const RATE: u32 = 48_000;

/// The longest packet in frames: 120 ms.
const LONGEST_PACKET: usize = 5760;

/// The most streams that are decoded: as many as any speaker layout has.
const MOST_STREAMS: usize = 32;

/// The identification header (RFC 7845, 5.1), as far as decoding needs it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    pub channels: u16,
    /// Frames to drop at the start.
    pub pre_skip: u16,
    /// The factor that the header asks to apply to the decoded sound.
    gain: f32,
    /// Streams in a packet, the stereo ones first, and how many those are.
    streams: usize,
    coupled: usize,
    /// For each channel, which of the channels of all streams it is; 255 is silence.
    mapping: Vec<u8>,
}

impl Head {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let short = || Fault::damaged("its Opus header is cut short");
        let fixed: &[u8; 19] = bytes.get(..19).and_then(|fixed| fixed.try_into().ok()).ok_or_else(short)?;
        if !fixed.starts_with(b"OpusHead") || fixed[8] >= 16 {
            return Err(Fault::unsupported("this version of Opus"));
        }
        let (channels, family) = (usize::from(fixed[9]), fixed[18]);
        let (streams, coupled, mapping) = match family {
            0 if matches!(channels, 1 | 2) => (1, channels - 1, (0..fixed[9]).collect()),
            1 | 255 => {
                let table = bytes.get(19..21 + channels).ok_or_else(short)?;
                (usize::from(table[0]), usize::from(table[1]), table[2..].to_vec())
            }
            0 => return Err(Fault::damaged("its Opus header has an impossible number of channels")),
            _ => return Err(Fault::unsupported("Opus with ambisonics")),
        };
        let possible = coupled <= streams && (1..=MOST_STREAMS).contains(&streams) && channels > 0;
        if !possible || mapping.iter().any(|&source| source != 255 && usize::from(source) >= streams + coupled) {
            return Err(Fault::damaged("its Opus header has an impossible layout of channels"));
        }
        let gain = f32::from(i16::from_le_bytes([fixed[16], fixed[17]])) / 256.0;
        Ok(Self {
            channels: u16::from(fixed[9]),
            pre_skip: u16::from_le_bytes([fixed[10], fixed[11]]),
            gain: 10f32.powf(gain / 20.0),
            streams,
            coupled,
            mapping,
        })
    }

    /// The header inside MP4's `dOps` box, which is big-endian and has no mark.
    pub(crate) fn from_mp4(bytes: &[u8]) -> Result<Self, Fault> {
        let short = || Fault::damaged("its Opus header is cut short");
        let fixed: &[u8; 11] = bytes.get(..11).and_then(|fixed| fixed.try_into().ok()).ok_or_else(short)?;
        let mut head = b"OpusHead\x01".to_vec();
        head.push(fixed[1]);
        head.extend([fixed[3], fixed[2], fixed[7], fixed[6], fixed[5], fixed[4], fixed[9], fixed[8], fixed[10]]);
        head.extend(&bytes[11..]);
        Self::parse(&head)
    }
}

/// A decoder for one track: one decoder a stream, whose channels are dealt out to those of the track.
pub(crate) struct Decoder {
    head: Head,
    streams: Vec<OpusDecoder>,
    /// What one stream gave, and what the track's channels are, both interleaved.
    stream_output: Vec<f32>,
    output: Vec<f32>,
}

/// A packet that could not be decoded; the next one may.
#[derive(Debug)]
pub(crate) struct BadPacket;

impl Decoder {
    pub(crate) fn new(head: Head) -> Result<Self, Fault> {
        let streams = (0..head.streams)
            .map(|stream| OpusDecoder::new(RATE as i32, if stream < head.coupled { 2 } else { 1 }))
            .collect::<Result<_, _>>()
            .map_err(|_| Fault::unsupported("Opus with this layout of channels"))?;
        Ok(Self { head, streams, stream_output: Vec::new(), output: Vec::new() })
    }

    /// Forgets what was decoded, as after a seek.
    pub(crate) fn reset(&mut self) {
        if let Ok(fresh) = Self::new(self.head.clone()) {
            *self = fresh;
        }
    }

    pub(crate) fn channels(&self) -> usize {
        usize::from(self.head.channels)
    }

    /// Decodes one packet into interleaved sound, nominally -1 to 1.
    pub(crate) fn decode(&mut self, packet: &[u8]) -> Result<&[f32], BadPacket> {
        let attempt = catch_unwind(AssertUnwindSafe(|| self.decode_streams(packet)));
        match attempt {
            Ok(Ok(())) => Ok(&self.output),
            Ok(Err(bad)) => Err(bad),
            Err(_panic) => {
                // Its state can no longer be trusted.
                self.reset();
                Err(BadPacket)
            }
        }
    }

    fn decode_streams(&mut self, packet: &[u8]) -> Result<(), BadPacket> {
        let channels = self.channels();
        let frames = packet_frames(packet).ok_or(BadPacket)?;
        self.output.clear();
        self.output.resize(frames * channels, 0.0);
        let mut rest = packet;
        let last = self.streams.len() - 1;
        for (number, decoder) in self.streams.iter_mut().enumerate() {
            // Every stream but the last says how long it is.
            let split;
            let data = if number == last {
                rest
            } else {
                (split, rest) = split_delimited(rest).ok_or(BadPacket)?;
                &split
            };
            if packet_frames(data) != Some(frames) {
                return Err(BadPacket);
            }
            let (width, first) =
                if number < self.head.coupled { (2, 2 * number) } else { (1, self.head.coupled + number) };
            self.stream_output.clear();
            self.stream_output.resize(frames * width, 0.0);
            let decoded = decoder.decode(data, frames, &mut self.stream_output).map_err(|_| BadPacket)?;
            for (channel, &source) in self.head.mapping.iter().enumerate() {
                let Some(side) = usize::from(source).checked_sub(first).filter(|&side| source != 255 && side < width)
                else {
                    continue;
                };
                let sound = self.stream_output.chunks_exact(width).take(decoded);
                for (out, frame) in self.output.chunks_exact_mut(channels).zip(sound) {
                    out[channel] = frame[side] * self.head.gain;
                }
            }
        }
        Ok(())
    }
}

/// Takes one packet with self-delimiting framing (RFC 6716, appendix B) off the front: the packet in ordinary framing,
/// and the rest.
fn split_delimited(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let toc = *bytes.first()?;
    let (mut head, mut at) = (1, 1);
    let length = |at: &mut usize| {
        let first = usize::from(*bytes.get(*at)?);
        *at += 1;
        if first < 252 {
            return Some(first);
        }
        let second = usize::from(*bytes.get(*at)?);
        *at += 1;
        Some(first + 4 * second)
    };
    // The ordinary framing ends at `head`; the length that it leaves out stands between there and `at`.
    let body = match toc & 3 {
        0 => length(&mut at)?,
        1 => 2 * length(&mut at)?,
        2 => {
            let first = length(&mut at)?;
            head = at;
            first + length(&mut at)?
        }
        _ => {
            let count = *bytes.get(1)?;
            let frames = usize::from(count & 0x3f);
            at = 2;
            let mut padding = 0;
            if count & 0x40 != 0 {
                loop {
                    let byte = usize::from(*bytes.get(at)?);
                    at += 1;
                    padding += byte.min(254);
                    if byte < 255 {
                        break;
                    }
                }
            }
            head = at;
            if count & 0x80 != 0 {
                let mut total = padding;
                for _ in 1..frames {
                    total += length(&mut at)?;
                }
                head = at;
                total + length(&mut at)?
            } else {
                frames * length(&mut at)? + padding
            }
        }
    };
    let end = at.checked_add(body)?;
    let mut packet = bytes[..head].to_vec();
    packet.extend_from_slice(bytes.get(at..end)?);
    Some((packet, &bytes[end..]))
}

/// The number of frames in a packet at 48 kHz, told by its first two bytes (RFC 6716, 3.1); `None` for more than 120 ms
/// or none.
fn packet_frames(packet: &[u8]) -> Option<usize> {
    let toc = *packet.first()?;
    let config = usize::from(toc >> 3);
    let length = match config {
        0..=11 => [480, 960, 1920, 2880][config & 3],
        12..=15 => [480, 960][config & 1],
        _ => [120, 240, 480, 960][config & 3],
    };
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(packet.get(1)? & 0x3f),
    };
    Some(length * count).filter(|&frames| (1..=LONGEST_PACKET).contains(&frames))
}
