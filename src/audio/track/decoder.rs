//! One packet in, mono sound out: symphonia's decoders and the Opus decoder behind one shape.

use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

use crate::audio::error::Fault;
use crate::audio::{mono, opus};

pub(super) enum Decoder {
    Symphonia(Symphonia),
    Opus(opus::Decoder),
}

/// One of symphonia's decoders, and how it fared.
pub(super) struct Symphonia {
    decoder: Box<dyn AudioDecoder>,
    /// Whether it has made sound of any packet.
    has_decoded: bool,
    /// What it said that it cannot do.
    cannot: Option<&'static str>,
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
    pub(super) fn symphonia(parameters: &AudioCodecParameters) -> Result<Self, Error> {
        let options = AudioDecoderOptions::default();
        let decoder = symphonia::default::get_codecs().make_audio_decoder(parameters, &options)?;
        Ok(Self::Symphonia(Symphonia { decoder, has_decoded: false, cannot: None }))
    }

    /// What it knows of the sound.
    pub(super) fn parameters(&self) -> Option<&AudioCodecParameters> {
        match self {
            Self::Symphonia(this) => Some(this.decoder.codec_params()),
            Self::Opus(_) => None,
        }
    }

    /// Why it made sound of no packet at all, if that is because it does not know the codec well enough.
    pub(super) fn cannot(&self) -> Option<&'static str> {
        match self {
            Self::Symphonia(this) => this.cannot.filter(|_| !this.has_decoded),
            Self::Opus(_) => None,
        }
    }

    pub(super) fn reset(&mut self) {
        match self {
            Self::Symphonia(this) => this.decoder.reset(),
            Self::Opus(decoder) => decoder.reset(),
        }
    }

    /// Decodes `packet` and appends its sound, mixed down, to `mono`. `frames` is how many the container says are in
    /// it; what tells that by itself needs no number.
    pub(super) fn decode(&mut self, packet: &[u8], frames: u64, mono: &mut Vec<f32>) -> Result<Decoded, Fault> {
        match self {
            Self::Symphonia(this) => {
                let packet = PacketRef::new(0, Timestamp::ZERO, Duration::new(frames), packet);
                match this.decoder.decode_ref(&packet) {
                    Ok(buffer) => {
                        this.has_decoded = true;
                        mono::mix_buffer(&buffer, mono);
                        Ok(Decoded::Sound(buffer.spec().rate()))
                    }
                    Err(Error::ResetRequired) => Ok(Decoded::End),
                    // Flipped bits look like that as well, in a packet or some.
                    Err(Error::Unsupported(what)) => {
                        this.cannot = Some(what);
                        Ok(Decoded::Bad)
                    }
                    // Among them errors of input and output, though a decoder reads nothing but the packet.
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
