//! The matrix that every feature family ends in: rows of one quantity, time along the row.

use crate::simd::{LANES, Lanes};

/// `n_rows` x `n_frames`, row-major: time is the second axis. Rows are padded to whole tiles, so that a tile can be
/// stored without asking how many of its lanes are frames; the padding is never handed out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FrameMatrix {
    data: Vec<f32>,
    n_rows: usize,
    n_frames: usize,
}

impl FrameMatrix {
    /// A matrix of zeros.
    pub(super) fn new(n_rows: usize, n_frames: usize) -> Self {
        Self { data: vec![0.0; n_rows * n_frames.next_multiple_of(LANES)], n_rows, n_frames }
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(super) fn n_frames(&self) -> usize {
        self.n_frames
    }

    /// How many tiles a row is long.
    pub(super) fn n_tiles(&self) -> usize {
        self.n_frames.div_ceil(LANES)
    }

    fn stride(&self) -> usize {
        self.n_frames.next_multiple_of(LANES)
    }

    /// One row over time.
    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.stride()..][..self.n_frames]
    }

    /// One row over time.
    pub(super) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        let stride = self.stride();
        &mut self.data[row * stride..][..self.n_frames]
    }

    /// Sixteen frames of one row.
    pub(super) fn lanes(&self, row: usize, tile: usize) -> Lanes {
        let start = row * self.stride() + tile * LANES;
        Lanes(std::array::from_fn(|l| self.data[start..start + LANES][l]))
    }

    /// Stores sixteen frames of one row.
    pub(super) fn set_lanes(&mut self, row: usize, tile: usize, lanes: Lanes) {
        let start = row * self.stride() + tile * LANES;
        self.data[start..start + LANES].copy_from_slice(&lanes.0);
    }
}
