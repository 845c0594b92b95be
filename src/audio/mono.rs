//! Decoded channels become one: each channel is rounded to 16 bits, then the channels are averaged.
//!
//! The rounding is that of the loader which made the FMA table (ffmpeg's float to `s16`): `x * 32768` to the nearest
//! integer, ties to even, held within -32768 and 32767. Integer samples of more than 16 bits follow the same rule. It
//! is part of the definition of the features: above a lossy encoder's low-pass the spectrum *is* this rounding noise,
//! and with it decoders agree. A sample is then `sum of the channels / (channels * 32768)`, without a second rounding.

use symphonia::core::audio::conv::IntoSample;
use symphonia::core::audio::{Audio, AudioBuffer, GenericAudioBufferRef, sample::Sample};

/// Adding and subtracting 1.5 * 2^23 leaves a float of that range rounded to the nearest integer, ties to even: two
/// additions that every processor does in parallel, where the rounding instruction is not part of the x86-64 baseline.
const ROUND: f32 = 12_582_912.0;

/// A sample of -1 to 1 as the 16-bit integer it becomes. A sample that is not a number is silence.
#[inline]
fn round16(sample: f32) -> f32 {
    rounded(sample, 32_768.0, 32_767.0)
}

/// A sample as the whole number of `steps` that it becomes, from `-steps` to `most`. A sample that is not a number is
/// silence.
#[inline]
pub(crate) fn rounded(sample: f32, steps: f32, most: f32) -> f32 {
    let scaled = (sample * steps).clamp(-steps, most);
    let rounded = (scaled + ROUND) - ROUND;
    if sample.is_nan() { 0.0 } else { rounded }
}

/// Mixes interleaved sound down: appends one sample a frame to `mono`.
pub(crate) fn mix_interleaved(samples: &[f32], channels: usize, mono: &mut Vec<f32>) {
    let start = mono.len();
    mono.extend(samples.chunks_exact(channels.max(1)).map(|frame| frame.iter().map(|&x| round16(x)).sum::<f32>()));
    scale(&mut mono[start..], channels);
}

/// Mixes a buffer of symphonia's down, whatever its sample type.
pub(crate) fn mix_buffer(buffer: &GenericAudioBufferRef<'_>, mono: &mut Vec<f32>) {
    match buffer {
        GenericAudioBufferRef::F32(buffer) => mix_planes(buffer, mono),
        GenericAudioBufferRef::U8(buffer) => mix_planes(buffer, mono),
        GenericAudioBufferRef::U16(buffer) => mix_planes(buffer, mono),
        GenericAudioBufferRef::U24(buffer) => mix_planes(buffer, mono),
        GenericAudioBufferRef::U32(buffer) => mix_planes(buffer, mono),
        GenericAudioBufferRef::S8(buffer) => mix_planes(buffer, mono),
        GenericAudioBufferRef::S16(buffer) => mix_planes(buffer, mono),
        GenericAudioBufferRef::S24(buffer) => mix_planes(buffer, mono),
        GenericAudioBufferRef::S32(buffer) => mix_planes(buffer, mono),
        GenericAudioBufferRef::F64(buffer) => mix_planes(buffer, mono),
    }
}

fn mix_planes<S: Sample + IntoSample<f32>>(buffer: &AudioBuffer<S>, mono: &mut Vec<f32>) {
    let start = mono.len();
    mono.resize(start + buffer.frames(), 0.0);
    for plane in buffer.iter_planes() {
        for (sum, &sample) in mono[start..].iter_mut().zip(plane) {
            *sum += round16(sample.into_sample());
        }
    }
    scale(&mut mono[start..], buffer.num_planes());
}

/// Sums of 16-bit samples (exact in an `f32` up to 256 channels) become their mean over 32768.
fn scale(sums: &mut [f32], channels: usize) {
    let divisor = channels.max(1) as f32 * 32_768.0;
    for sum in sums {
        *sum /= divisor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded_to_16_bits(sample: f32) -> f32 {
        let mut mono = Vec::new();
        mix_interleaved(&[sample], 1, &mut mono);
        mono[0] * 32_768.0
    }

    #[test]
    fn ties_go_to_the_even_neighbour() {
        for (sample, expected) in [(0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (-0.5, 0.0), (-1.5, -2.0), (0.51, 1.0)] {
            assert_eq!(rounded_to_16_bits(sample / 32_768.0), expected, "{sample}");
        }
    }

    #[test]
    fn loud_samples_saturate_and_nonsense_is_silence() {
        assert_eq!(rounded_to_16_bits(1.0), 32_767.0);
        assert_eq!(rounded_to_16_bits(7.0), 32_767.0);
        assert_eq!(rounded_to_16_bits(-1.0), -32_768.0);
        assert_eq!(rounded_to_16_bits(f32::NEG_INFINITY), -32_768.0);
        assert_eq!(rounded_to_16_bits(f32::NAN), 0.0);
    }

    #[test]
    fn channels_are_rounded_before_they_are_averaged() {
        let mut mono = Vec::new();
        mix_interleaved(&[0.6 / 32_768.0, 0.6 / 32_768.0, 0.6 / 32_768.0, -0.4 / 32_768.0], 2, &mut mono);
        assert_eq!(mono, [1.0 / 32_768.0, 0.5 / 32_768.0]);
    }
}
