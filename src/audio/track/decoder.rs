//! One packet in, mono sound out: symphonia's decoders and the Opus decoder behind one shape.

use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

use crate::audio::error::Fault;
use crate::audio::{mono, opus};

pub(super) enum Decoder {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(opus::Decoder),
}

/// What became of a packet.
pub(super) enum Decoded {
    /// Sound at this rate in Hz, perhaps none yet.
    Sound(u32),
    /// The packet is broken; the next one may not be.
    Bad,
    /// The stream turns into something else here.
    End,
}

impl Decoder {
    /// One of symphonia's decoders for these parameters.
    pub(super) fn symphonia(parameters: &AudioCodecParameters) -> Result<Self, Fault> {
        let options = AudioDecoderOptions::default();
        Ok(Self::Symphonia(symphonia::default::get_codecs().make_audio_decoder(parameters, &options)?))
    }

    pub(super) fn reset(&mut self) {
        match self {
            Self::Symphonia(decoder) => decoder.reset(),
            Self::Opus(decoder) => decoder.reset(),
        }
    }

    /// Decodes `packet` and appends its sound, mixed down, to `mono`.
    pub(super) fn decode(&mut self, packet: &[u8], mono: &mut Vec<f32>) -> Result<Decoded, Fault> {
        match self {
            Self::Symphonia(decoder) => {
                let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, packet);
                match decoder.decode_ref(&packet) {
                    Ok(buffer) => {
                        mono::mix_buffer(&buffer, mono);
                        Ok(Decoded::Sound(buffer.spec().rate()))
                    }
                    Err(Error::ResetRequired) => Ok(Decoded::End),
                    // Among them errors of input and output, though a decoder reads nothing but the packet, and what is called unsupported:
                    // flipped bits look like that.
                    Err(_) => Ok(Decoded::Bad),
                }
            }
            Self::Opus(decoder) => {
                let channels = decoder.channels();
                match decoder.decode(packet) {
                    Ok(sound) => {
                        mono::mix_interleaved(sound, channels, mono);
                        Ok(Decoded::Sound(opus::RATE))
                    }
                    Err(opus::BadPacket) => Ok(Decoded::Bad),
                }
            }
        }
    }
}
