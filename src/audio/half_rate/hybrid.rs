//! From lines to subbands (ISO/IEC 11172-3, 2.4.3.4.10): butterflies against aliasing, the inverse transform with its
//! window, and overlap with the granule before. Sixteen subbands lie side by side, so that each kind of block is one
//! small matrix for all of them.

use std::f64::consts::PI;
use std::sync::LazyLock;

use super::side_information::Block;
use super::{LINES, SUBBANDS};
use crate::simd::{Lanes, multiversion};

/// Lines a subband, and samples of it a granule.
pub(super) const SLOTS: usize = 18;
/// The coefficients of the butterflies (table B.9).
const BUTTERFLIES: [f64; 8] = [-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037];

/// One sample (or line) of each subband.
type Subbands = [Lanes; SLOTS];

/// What a block of 18 lines becomes: 36 samples, the second half of which overlap with the next granule.
type Transform = [[f32; SLOTS]; 2 * SLOTS];

/// By kind of block: long with its four windows, of which the third is that of short ones.
static TRANSFORMS: LazyLock<[Transform; 4]> = LazyLock::new(|| [0, 1, 2, 3].map(transform));
static ROTATIONS: LazyLock<[(f32, f32); 8]> = LazyLock::new(|| {
    BUTTERFLIES.map(|c| {
        let length = (1.0 + c * c).sqrt();
        ((1.0 / length) as f32, (c / length) as f32)
    })
});

fn transform(kind: u8) -> Transform {
    let mut matrix = [[0.0; SLOTS]; 2 * SLOTS];
    if kind == 2 {
        for window in 0..3 {
            for i in 0..12 {
                let height = (PI / 12.0 * (i as f64 + 0.5)).sin();
                for k in 0..6 {
                    let angle = PI / 24.0 * ((2 * i + 7) * (2 * k + 1)) as f64;
                    matrix[6 + 6 * window + i][3 * k + window] += (height * angle.cos()) as f32;
                }
            }
        }
        return matrix;
    }
    for (i, row) in matrix.iter_mut().enumerate() {
        let long = (PI / 36.0 * (i as f64 + 0.5)).sin();
        let short = |from: usize| (PI / 12.0 * ((i - from) as f64 + 0.5)).sin();
        let height = match (kind, i) {
            (1, 18..24) | (3, 12..18) => 1.0,
            (1, 24..30) => short(18),
            (3, 6..12) => short(6),
            (1, 30..) | (3, ..6) => 0.0,
            _ => long,
        };
        for (k, weight) in row.iter_mut().enumerate() {
            let angle = PI / 72.0 * ((2 * i + 19) * (2 * k + 1)) as f64;
            *weight = (height * angle.cos()) as f32;
        }
    }
    matrix
}

/// The subbands of one channel, over time.
pub(super) struct Hybrid {
    /// What the granule before adds to the one that is made now.
    overlap: Subbands,
    now: Subbands,
}

impl Hybrid {
    pub(super) fn new() -> Self {
        Self { overlap: [Lanes::ZERO; SLOTS], now: [Lanes::ZERO; SLOTS] }
    }

    /// Begins a granule.
    pub(super) fn begin(&mut self) {
        self.now = self.overlap;
        self.overlap = [Lanes::ZERO; SLOTS];
    }

    /// Adds the sound of some lines to it.
    pub(super) fn add(&mut self, lines: &mut [f32; LINES], block: Block) {
        let transforms = &*TRANSFORMS;
        let (kind, edges) = match block {
            Block::Short => (2, 0),
            Block::Mixed => (2, 1),
            Block::Long(kind) => (usize::from(kind & 3), SUBBANDS),
        };
        for edge in (1..=edges).map(|edge| edge * SLOTS) {
            for (i, (cosine, sine)) in ROTATIONS.iter().enumerate() {
                let (below, above) = (lines[edge - 1 - i], lines[edge + i]);
                lines[edge - 1 - i] = below * cosine - above * sine;
                lines[edge + i] = above * cosine + below * sine;
            }
        }
        let mut spectrum = [Lanes::ZERO; SLOTS];
        for (subband, lines) in lines.chunks_exact(SLOTS).take(SUBBANDS).enumerate() {
            for (slot, line) in spectrum.iter_mut().zip(lines) {
                slot.0[subband] = *line;
            }
        }
        if block == Block::Mixed {
            let mut low = spectrum;
            low.iter_mut().for_each(|slot| slot.0[2..].fill(0.0));
            spectrum.iter_mut().for_each(|slot| slot.0[..2].fill(0.0));
            add(&low, &transforms[0], &mut self.now, &mut self.overlap);
        }
        add(&spectrum, &transforms[kind], &mut self.now, &mut self.overlap);
    }

    /// The granule: a sample of each subband, one after the other.
    pub(super) fn granule(&self) -> &Subbands {
        &self.now
    }
}

multiversion! {
    fn add(spectrum: &Subbands, transform: &Transform, now: &mut Subbands, next: &mut Subbands) {
        let sums = now.iter_mut().chain(next.iter_mut());
        for (sum, weights) in sums.zip(transform) {
            let mut of = *sum;
            for (line, weight) in spectrum.iter().zip(weights) {
                of = line.mul_add::<FMA>(Lanes::splat(*weight), of);
            }
            *sum = of;
        }
    }
}
