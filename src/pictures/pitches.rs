//! How loud each of the twelve pitch classes is over time, for the eye: the magnitudes of a spectrum with fine bins,
//! folded to one octave.

use realfft::RealFftPlanner;

/// Points of the transform: 2.7 Hz a bin at 22,050 Hz, less than half a semitone from 110 Hz up.
const POINTS: usize = 8192;
const HOP: usize = 2048;
/// What is folded, in Hz: below there is no telling semitones apart, above there are harmonics alone.
const FROM: f64 = 65.0;
const TO: f64 = 2100.0;

/// Frames of twelve shares of the loudest, C first.
pub(super) fn pitch_classes(samples: &[f32], sample_rate: u32) -> Vec<[f32; 12]> {
    let transform = RealFftPlanner::<f32>::new().plan_fft_forward(POINTS);
    let (mut input, mut output) = (transform.make_input_vec(), transform.make_output_vec());
    let hertz = f64::from(sample_rate) / POINTS as f64;
    let class_of = |bin: usize| {
        let note = 69.0 + 12.0 * (bin as f64 * hertz / 440.0).log2();
        (note.round() as i64).rem_euclid(12) as usize
    };
    let bins = (FROM / hertz).ceil() as usize..((TO / hertz) as usize).min(output.len());
    let mut frames = Vec::new();
    for start in (0..samples.len()).step_by(HOP) {
        for (at, place) in input.iter_mut().enumerate() {
            let window = 0.5 - 0.5 * (std::f32::consts::TAU * at as f32 / POINTS as f32).cos();
            *place = samples.get(start + at).map_or(0.0, |sample| sample * window);
        }
        let mut classes = [0.0_f32; 12];
        if transform.process(&mut input, &mut output).is_ok() {
            for bin in bins.clone() {
                classes[class_of(bin)] += output[bin].norm_sqr();
            }
        }
        // As the ear has it, and not as power: the second loudest note is to be seen beside the loudest.
        let loudest = classes.iter().fold(0.0_f32, |a, b| a.max(*b));
        frames.push(classes.map(|class| if loudest > 1e-9 { (class / loudest).sqrt() } else { 0.0 }));
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_its_pitch_class() {
        let tone = |i: usize| (i as f32 / 22_050.0 * 440.0 * std::f32::consts::TAU).sin() * 0.5;
        let samples: Vec<f32> = (0..22_050).map(tone).collect();
        let frames = pitch_classes(&samples, 22_050);
        let loudest = (0..12).max_by(|a, b| frames[2][*a].total_cmp(&frames[2][*b]));
        assert_eq!(loudest, Some(9));
        assert!(pitch_classes(&[0.0; 9000], 22_050).iter().flatten().all(|share| *share == 0.0));
        assert!(pitch_classes(&[], 22_050).is_empty());
    }
}
