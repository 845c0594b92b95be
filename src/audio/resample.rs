//! A clip at another rate: band-limited, delay-compensated, not rounded. The filter is rubato's FFT resampler (a
//! windowed sinc applied in blocks); below nine tenths of the lower Nyquist frequency it agrees with soxr's HQ, above
//! that no two resamplers agree.

use std::borrow::Cow;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use super::{AudioError, Clip};

/// Shortest FFT block on the side of the lower rate. It sets the width of the transition band: 512 keeps it above 0.88
/// of the lower Nyquist frequency whatever the two rates are.
const SHORTEST_BLOCK: u64 = 512;

/// The longest FFT block that is tried. Two rates without a common divisor need blocks as long as the rates themselves.
const LONGEST_BLOCK: u64 = 1 << 20;

impl Clip {
    /// The clip at `sample_rate` Hz: `ceil(n * to / from)` samples, the first one at the same instant as the first one
    /// here. A clip that has this rate already is borrowed, not copied.
    ///
    /// # Errors
    /// [AudioError::Resample] when a rate is 0 or the two have so little in common that the filter would not fit into
    /// memory.
    pub fn resampled(&self, sample_rate: u32) -> Result<Cow<'_, Clip>, AudioError> {
        if sample_rate == self.sample_rate {
            return Ok(Cow::Borrowed(self));
        }
        let refuse = |why: String| AudioError::Resample { from: self.sample_rate, to: sample_rate, why };
        if sample_rate == 0 || self.sample_rate == 0 {
            return Err(refuse("a rate of 0 Hz".into()));
        }
        if self.samples.is_empty() {
            return Ok(Cow::Owned(Clip { samples: Vec::new(), sample_rate }));
        }
        let chunk = block_length(self.sample_rate, sample_rate);
        if chunk > LONGEST_BLOCK {
            return Err(refuse("the rates have no useful common divisor".into()));
        }
        let mut fft =
            Fft::<f32>::new(self.sample_rate as usize, sample_rate as usize, chunk as usize, 1, FixedSync::Both)
                .map_err(|error| refuse(error.to_string()))?;
        let input =
            InterleavedSlice::new(&self.samples, 1, self.samples.len()).map_err(|error| refuse(error.to_string()))?;
        let output = fft.process_all(&input, self.samples.len(), None).map_err(|error| refuse(error.to_string()))?;
        let mut samples = output.take_data();
        // rubato computes the length in floating point, where an exact ratio can come out one sample too long.
        let exact = (self.samples.len() as u64 * u64::from(sample_rate)).div_ceil(u64::from(self.sample_rate));
        samples.resize(exact as usize, 0.0);
        Ok(Cow::Owned(Clip { samples, sample_rate }))
    }
}

/// The input block in samples: an even number of the shortest pieces that come out whole on both sides, since the
/// resampler's delay is half a block and must be a whole number of output samples.
fn block_length(from: u32, to: u32) -> u64 {
    let (from, to) = (u64::from(from), u64::from(to));
    let divisor = gcd(from, to);
    let (piece_in, piece_out) = (from / divisor, to / divisor);
    let pieces = (2 * SHORTEST_BLOCK).div_ceil(piece_in).max(SHORTEST_BLOCK.div_ceil(piece_out));
    pieces.next_multiple_of(2) * piece_in
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
