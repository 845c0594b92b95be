//! Zero-crossing rate: the share of a frame's samples at which the sign changes.

use super::frame_matrix::FrameMatrix;
use super::spectral::{HOP_LENGTH, N_FFT};
use crate::simd::multiversion;

/// Samples at most this far from zero count as zero, and zero counts as positive.
const THRESHOLD: f32 = 1e-10;

/// 1 x T. Frames are centred with the end samples repeated as padding, so nothing crosses out there; the first sample
/// of a frame has no sample before it and never counts.
pub(super) fn zcr(samples: &[f32]) -> FrameMatrix {
    let n_frames = super::stft::frame_count(samples.len(), HOP_LENGTH);
    // A frame is four blocks of one hop; block b of the padded clip starts at sample (b - 2) * 512.
    let blocks_a_frame = N_FFT / HOP_LENGTH;
    let crossings: Vec<u32> = (0..n_frames + blocks_a_frame)
        .map(|block| {
            let first = (block * HOP_LENGTH) as isize - (N_FFT / 2) as isize;
            let start = first.max(1) as usize;
            let end = usize::try_from(first + HOP_LENGTH as isize).unwrap_or(0).min(samples.len());
            if start < end { count_crossings(&samples[start - 1..end]) } else { 0 }
        })
        .collect();
    let mut zcr = FrameMatrix::new(1, n_frames);
    for (frame, rate) in zcr.row_mut(0).iter_mut().enumerate() {
        let first = (frame * HOP_LENGTH) as isize - (N_FFT / 2) as isize;
        let uncounted = usize::try_from(first)
            .ok()
            .filter(|&first| first > 0 && first < samples.len())
            .map_or(0, |first| count_crossings(&samples[first - 1..=first]));
        let total: u32 = crossings[frame..frame + blocks_a_frame].iter().sum();
        *rate = (total - uncounted) as f32 / N_FFT as f32;
    }
    zcr
}

multiversion! {
    /// Sign changes from one sample to the next.
    fn count_crossings(samples: &[f32]) -> u32 {
        samples.iter().zip(&samples[1..]).map(|(&a, &b)| u32::from((a < -THRESHOLD) != (b < -THRESHOLD))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alternating_signal_crosses_at_every_sample_that_counts() {
        let samples: Vec<f32> = (0..4096).map(|i| if i % 2 == 0 { 0.5 } else { -0.5 }).collect();
        let rates = zcr(&samples);
        assert_eq!(rates.n_frames(), 9);
        // The first frame holds 1,024 samples of the clip, the padding before them does not cross.
        assert_eq!(rates.row(0)[0], 1023.0 / 2048.0);
        assert_eq!(rates.row(0)[4], 2047.0 / 2048.0);
        assert_eq!(rates.row(0)[8], 1023.0 / 2048.0);
    }

    #[test]
    fn silence_and_specks_below_the_threshold_do_not_cross() {
        let samples: Vec<f32> = (0..1000).map(|i| if i % 2 == 0 { 1e-11 } else { -1e-11 }).collect();
        assert_eq!(zcr(&samples).row(0), [0.0, 0.0]);
        assert_eq!(zcr(&[0.25]).row(0), [0.0]);
    }
}
