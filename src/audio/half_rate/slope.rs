//! The upper end of a clip at 22,050 Hz, as the resampler shapes it: a filter with the resampler's own impulse
//! response, applied by FFT in blocks that overlap (overlap-save). Without it the last tenth of the spectrum would be
//! louder than that of any other file, and what features find in its quietest bins would be something else.

use std::f32::consts::PI;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::audio::Clip;

/// What the clips were at before, and are at, in Hz.
const FROM: u32 = 44_100;
const TO: u32 = 22_050;
/// Samples on either side of one that have a part in it: the response is 150 dB down there, and the quietest bins of a
/// spectrum are as quiet.
pub(super) const REACH: usize = 256;
const BLOCK: usize = 4096;

struct Filter {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    response: Vec<Complex<f32>>,
}

/// None where the resampler gives no response, which it does.
static FILTER: LazyLock<Option<Filter>> = LazyLock::new(|| {
    // An impulse at an even sample comes out as half of the response to one at the lower rate, since nothing is left
    // above that.
    let mut impulse = Clip { samples: vec![0.0; 8 * BLOCK], sample_rate: FROM };
    impulse.samples[4 * BLOCK] = 2.0;
    let response = impulse.resampled(TO).ok()?;
    let taps = response.samples.get(2 * BLOCK - REACH..=2 * BLOCK + REACH)?;
    let mut planner = RealFftPlanner::new();
    let (forward, inverse) = (planner.plan_fft_forward(BLOCK), planner.plan_fft_inverse(BLOCK));
    let mut padded = vec![0.0; BLOCK];
    padded[..taps.len()].iter_mut().zip(taps).for_each(|(padded, tap)| *padded = tap / BLOCK as f32);
    let mut response = forward.make_output_vec();
    forward.process(&mut padded, &mut response).ok()?;
    Some(Filter { forward, inverse, response })
});

/// Shapes what is to be cut out of some sound.
pub(super) fn apply(sound: &mut [f32], part: Range<usize>) {
    let ends = [end(sound, part.start, true), end(sound, part.end, false)];
    filter(sound);
    let [first, last] = ends;
    if part.len() < 2 * REACH {
        return;
    }
    if let Some(first) = first {
        sound[part.start..part.start + REACH].copy_from_slice(&first);
    }
    if let Some(last) = last {
        sound[part.end - REACH..part.end].copy_from_slice(&last);
    }
}

/// The first or the last samples of a clip that is cut off `at` a place, as they are where the sound is cut first and
/// resampled then: the cut is heard in the uppermost bins, and models know it as it sounds there. None without sound on
/// both sides.
fn end(sound: &[f32], at: usize, is_start: bool) -> Option<Vec<f32>> {
    const AROUND: usize = 512;
    const FADE: usize = 128;
    // More of the side that is kept.
    let (from, to) =
        if is_start { (at.checked_sub(REACH)?, at + AROUND) } else { (at.checked_sub(AROUND)?, at + REACH) };
    let mut around = sound.get(from..to)?.to_vec();
    let cut = 2 * (at - from);
    for i in 0..FADE {
        let height = (0.5 - 0.5 * (PI * (i as f32 + 0.5) / FADE as f32).cos()).clamp(0.0, 1.0);
        let last = around.len() - 1 - i;
        around[i] *= height;
        around[last] *= height;
    }
    // At twice the rate, by a longer spectrum.
    let (mut planner, size) = (RealFftPlanner::new(), around.len());
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(2 * size));
    let (mut spectrum, mut doubled) = (forward.make_output_vec(), inverse.make_input_vec());
    forward.process(&mut around, &mut spectrum).ok()?;
    doubled.iter_mut().zip(&spectrum[..size / 2]).for_each(|(to, from)| *to = *from / size as f32);
    let mut whole = inverse.make_output_vec();
    inverse.process(&mut doubled, &mut whole).ok()?;
    let silent = if is_start { &mut whole[..cut] } else { &mut whole[cut..] };
    silent.fill(0.0);
    let resampled = Clip { samples: whole, sample_rate: FROM }.resampled(TO).ok()?.into_owned().samples;
    let at = cut / 2;
    let wanted = if is_start { at..at + REACH } else { at - REACH..at };
    resampled.get(wanted).map(<[f32]>::to_vec)
}

/// Filters all of it; outside there is silence.
fn filter(samples: &mut [f32]) {
    const FRESH: usize = BLOCK - 2 * REACH;
    let Some(Filter { forward, inverse, response }) = &*FILTER else { return };
    let (mut block, mut spectrum) = (vec![0.0; BLOCK], forward.make_output_vec());
    let (mut for_forward, mut for_inverse) = (forward.make_scratch_vec(), inverse.make_scratch_vec());
    // The samples before the block, as they were.
    let mut before = vec![0.0; REACH];
    for start in (0..samples.len()).step_by(FRESH) {
        let end = (start + FRESH).min(samples.len());
        let ahead = (end + REACH).min(samples.len());
        block[..REACH].copy_from_slice(&before);
        block[REACH..REACH + ahead - start].copy_from_slice(&samples[start..ahead]);
        block[REACH + ahead - start..].fill(0.0);
        let known = block[end - start..end - start + REACH].to_vec();
        let mut pass = || {
            forward.process_with_scratch(&mut block, &mut spectrum, &mut for_forward)?;
            spectrum.iter_mut().zip(response).for_each(|(bin, response)| *bin *= response);
            inverse.process_with_scratch(&mut spectrum, &mut block, &mut for_inverse)
        };
        // Lengths are all that can be wrong, and they are not.
        if pass().is_ok() {
            samples[start..end].copy_from_slice(&block[2 * REACH..2 * REACH + end - start]);
        }
        before = known;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn every_second_sample_of_a_low_sound_becomes_what_resampling_makes_of_all() {
        for length in [1000, 2 * BLOCK, 20_001] {
            let samples: Vec<f32> =
                (0..length).map(|n| (n as f32 * 0.05).sin() + (n as f32 * 1.1).cos() * 0.5).collect();
            let mut halved: Vec<f32> = samples.iter().step_by(2).copied().collect();
            let clip = Clip { samples, sample_rate: FROM };
            let expected = clip.resampled(TO).unwrap();
            filter(&mut halved);
            // At its ends a cut sound is not low.
            for (at, (heard, expected)) in halved.iter().zip(&expected.samples).enumerate().skip(REACH) {
                if at + REACH < halved.len() {
                    assert!((heard - expected).abs() < 5e-4, "{at} of {length}: {heard} {expected}");
                }
            }
        }
    }
}
