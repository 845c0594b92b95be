//! Tonal centroid: where a chord lies on the circles of fifths, minor thirds and major thirds.

use super::chroma::{N_CHROMA, normalize_sum};
use super::frame_matrix::FrameMatrix;
use crate::simd::Lanes;

/// Two coordinates a circle.
pub(super) const N_TONNETZ: usize = 6;

/// Half turns a semitone, and the radius, of each circle (Harte, Sandler and Gasser 2006).
const CIRCLES: [(f64, f64); 3] = [(7.0 / 6.0, 1.0), (3.0 / 2.0, 1.0), (2.0 / 3.0, 0.5)];

/// 6 x T from chroma (CENS, 12 x T): sine then cosine of each circle.
pub(super) fn tonnetz(chroma: &FrameMatrix) -> FrameMatrix {
    let mut shares = chroma.clone();
    normalize_sum(&mut shares);
    let mut tonnetz = FrameMatrix::new(N_TONNETZ, chroma.n_frames());
    for (row, (turns, radius)) in CIRCLES.iter().flat_map(|circle| [circle, circle]).enumerate() {
        // cos(pi (x - 1/2)) is the sine.
        let phase = if row % 2 == 0 { 0.5 } else { 0.0 };
        for tile in 0..tonnetz.n_tiles() {
            let mut sum = Lanes::ZERO;
            for pitch_class in 0..N_CHROMA {
                let angle = std::f64::consts::PI * (turns * pitch_class as f64 - phase);
                sum += shares.lanes(pitch_class, tile) * Lanes::splat((radius * angle.cos()) as f32);
            }
            tonnetz.set_lanes(row, tile, sum);
        }
    }
    tonnetz
}
