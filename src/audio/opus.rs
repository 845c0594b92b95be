//! The Opus decoder, kept behind one small shape: packets in, interleaved 48 kHz sound out. It is the only file that knows `rusty-opus`,
//! a young crate: whatever it does with a hostile packet, panics included, comes out as a packet that could not be decoded.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusty_opus::OpusDecoder;
use rusty_opus::multistream::OpusMSDecoder;

use super::error::Fault;

/// Opus decodes at this rate, in Hz, whatever the rate of what was encoded.
pub(crate) const RATE: u32 = 48_000;

/// The longest packet in frames: 120 ms.
const LONGEST_PACKET: usize = 5760;

/// The identification header (RFC 7845, 5.1), as far as decoding needs it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Head {
    pub channels: u16,
    /// Frames to drop at the start.
    pub pre_skip: u16,
    /// The factor that the header asks to apply to the decoded sound.
    gain: f32,
    /// Channel mapping family: 0 is mono and stereo, 1 surround in Vorbis' order.
    family: u8,
}

impl Head {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let short = || Fault::damaged("its Opus header is cut short");
        let fixed: &[u8; 19] = bytes.get(..19).and_then(|fixed| fixed.try_into().ok()).ok_or_else(short)?;
        if !fixed.starts_with(b"OpusHead") || fixed[8] >= 16 {
            return Err(Fault::unsupported("this version of Opus"));
        }
        let gain = f32::from(i16::from_le_bytes([fixed[16], fixed[17]])) / 256.0;
        let head = Self {
            channels: u16::from(fixed[9]),
            pre_skip: u16::from_le_bytes([fixed[10], fixed[11]]),
            gain: 10f32.powf(gain / 20.0),
            family: fixed[18],
        };
        match (head.family, head.channels) {
            (0, 1 | 2) => Ok(head),
            (1, 1..=8) => {
                let layout = bytes.get(19..21).ok_or_else(short)?;
                // The decoder assumes the division into streams that the surround layouts of the RFC have.
                let standard = [(1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2), (4, 3), (5, 3)];
                if (layout[0], layout[1]) == standard[usize::from(head.channels) - 1] {
                    Ok(head)
                } else {
                    Err(Fault::unsupported("Opus with an unusual layout of channels"))
                }
            }
            (0 | 1, _) => Err(Fault::damaged("its Opus header has an impossible number of channels")),
            _ => Err(Fault::unsupported("Opus with ambisonics or discrete channels")),
        }
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

enum Inner {
    Plain(Box<OpusDecoder>),
    Multistream(OpusMSDecoder),
}

/// A decoder for one stream.
pub(crate) struct Decoder {
    head: Head,
    inner: Inner,
    output: Vec<f32>,
}

/// A packet that could not be decoded; the next one may.
#[derive(Debug)]
pub(crate) struct BadPacket;

impl Decoder {
    pub(crate) fn new(head: Head) -> Result<Self, Fault> {
        let refused = |_| Fault::unsupported("Opus with this layout of channels");
        let channels = usize::from(head.channels);
        let inner = match head.family {
            0 => Inner::Plain(Box::new(OpusDecoder::new(RATE as i32, channels).map_err(refused)?)),
            family => {
                Inner::Multistream(OpusMSDecoder::new(RATE as i32, channels, i32::from(family)).map_err(refused)?)
            }
        };
        Ok(Self { head, inner, output: vec![0.0; LONGEST_PACKET * channels] })
    }

    /// Forgets what was decoded, as after a seek.
    pub(crate) fn reset(&mut self) {
        if let Ok(fresh) = Self::new(self.head) {
            *self = fresh;
        }
    }

    pub(crate) fn channels(&self) -> usize {
        usize::from(self.head.channels)
    }

    /// Decodes one packet into interleaved sound, nominally -1 to 1.
    pub(crate) fn decode(&mut self, packet: &[u8]) -> Result<&[f32], BadPacket> {
        let frames = packet_frames(packet).ok_or(BadPacket)?;
        let channels = self.channels();
        let wanted = frames * channels;
        let (inner, output) = (&mut self.inner, &mut self.output[..wanted]);
        let attempt = catch_unwind(AssertUnwindSafe(|| match inner {
            Inner::Plain(decoder) => decoder.decode(packet, frames, output),
            Inner::Multistream(decoder) => decoder.decode(packet, frames, output),
        }));
        match attempt {
            Ok(Ok(decoded)) => {
                let sound = &mut self.output[..(decoded * channels).min(wanted)];
                if self.head.gain != 1.0 {
                    sound.iter_mut().for_each(|sample| *sample *= self.head.gain);
                }
                Ok(sound)
            }
            Ok(Err(_)) => Err(BadPacket),
            Err(_panic) => {
                // Its state can no longer be trusted.
                self.reset();
                Err(BadPacket)
            }
        }
    }
}

/// The number of frames in a packet at 48 kHz, told by its first two bytes (RFC 6716, 3.1); `None` for more than 120 ms or none.
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
