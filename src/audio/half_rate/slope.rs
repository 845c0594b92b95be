//! The upper end of a clip at 22,050 Hz, as the resampler shapes it: a filter with the resampler's own impulse response, applied by FFT in
//! blocks that overlap (overlap-save). Without it the last tenth of the spectrum would be louder than that of any other file, and what
//! features find in its quietest bins would be something else.

use std::sync::{Arc, LazyLock};

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::audio::Clip;

/// What the clips were at before, and are at, in Hz.
const FROM: u32 = 44_100;
const TO: u32 = 22_050;
/// Samples on either side of one that have a part in it: the response is 100 dB down there.
const REACH: usize = 160;
const BLOCK: usize = 2048;

struct Filter {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    response: Vec<Complex<f32>>,
}

/// None where the resampler gives no response, which it does.
static FILTER: LazyLock<Option<Filter>> = LazyLock::new(|| {
    // An impulse at an even sample comes out as half of the response to one at the lower rate, since nothing is left above that.
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

/// Shapes a clip; outside of it there is silence.
pub(super) fn apply(samples: &mut [f32]) {
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
        let mut filter = || {
            forward.process_with_scratch(&mut block, &mut spectrum, &mut for_forward)?;
            spectrum.iter_mut().zip(response).for_each(|(bin, response)| *bin *= response);
            inverse.process_with_scratch(&mut spectrum, &mut block, &mut for_inverse)
        };
        // Lengths are all that can be wrong, and they are not.
        if filter().is_ok() {
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
            apply(&mut halved);
            // At its ends a cut sound is not low.
            for (at, (heard, expected)) in halved.iter().zip(&expected.samples).enumerate().skip(REACH) {
                if at + REACH < halved.len() {
                    assert!((heard - expected).abs() < 5e-4, "{at} of {length}: {heard} {expected}");
                }
            }
        }
    }
}
