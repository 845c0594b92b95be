//! Mel-frequency cepstral coefficients: the discrete cosine transform of the log-mel spectrum.

use super::frame_matrix::FrameMatrix;
use crate::simd::{Lanes, multiversion};

/// Coefficients that are kept.
pub(super) const N_MFCC: usize = 20;
/// Mel bands that they are made from.
pub(super) const N_MELS: usize = 128;
/// The log-mel spectrum is cut this far below its loudest value.
const TOP_DB: f32 = 80.0;

/// The first rows of the orthonormal DCT-II, transposed: 128 x 20.
pub(super) struct Mfcc {
    basis: Vec<[f32; N_MFCC]>,
}

impl Mfcc {
    pub(super) fn new() -> Self {
        let n = N_MELS as f64;
        let cell = |band: usize, k: usize| {
            let angle = std::f64::consts::PI * (k * (2 * band + 1)) as f64 / (2.0 * n);
            if k == 0 { 1.0 / n.sqrt() } else { angle.cos() * (2.0 / n).sqrt() }
        };
        Self { basis: (0..N_MELS).map(|band| std::array::from_fn(|k| cell(band, k) as f32)).collect() }
    }

    /// 20 x T from the tiles of a mel spectrum in decibels (128 [`Lanes`] a tile) whose loudest value is `loudest`.
    pub(super) fn matrix(&self, mel_db: &[Lanes], loudest: f32, n_frames: usize) -> FrameMatrix {
        let mut mfcc = FrameMatrix::new(N_MFCC, n_frames);
        for (tile, bands) in mel_db.chunks_exact(N_MELS).enumerate() {
            let coefficients = transform(&self.basis, bands, loudest - TOP_DB);
            for (k, &lanes) in coefficients.iter().enumerate() {
                mfcc.set_lanes(k, tile, lanes);
            }
        }
        mfcc
    }
}

multiversion! {
    fn transform(basis: &[[f32; N_MFCC]], bands: &[Lanes], floor: f32) -> [Lanes; N_MFCC] {
        // A few sums at a time, so that they stay in registers.
        const GROUP: usize = 5;
        let mut coefficients = [Lanes::ZERO; N_MFCC];
        for (group, coefficients) in coefficients.chunks_exact_mut(GROUP).enumerate() {
            let mut sums = [Lanes::ZERO; GROUP];
            for (row, &band) in basis.iter().zip(bands) {
                let band = band.max(Lanes::splat(floor));
                for i in 0..GROUP {
                    sums[i] = band.mul_add::<FMA>(Lanes::splat(row[group * GROUP + i]), sums[i]);
                }
            }
            coefficients.copy_from_slice(&sums);
        }
        coefficients
    }
}
