//! From unpacked values to lines of a spectrum (ISO/IEC 11172-3, 2.4.3.4.7): scale factors, gains, and the order of
//! short blocks.

use std::sync::LazyLock;

use super::LINES;
use super::bits::Bits;
use super::side_information::{Block, Granule};

/// Bits of a scale factor in the lower and in the upper bands, by `scalefac_compress` (2.4.2.7).
const LENGTHS: [(u32, u32); 16] = [
    (0, 0),
    (0, 1),
    (0, 2),
    (0, 3),
    (3, 0),
    (1, 1),
    (1, 2),
    (1, 3),
    (2, 1),
    (2, 2),
    (2, 3),
    (3, 1),
    (3, 2),
    (3, 3),
    (4, 2),
    (4, 3),
];
/// What `preflag` adds to the scale factors of long blocks (table B.6).
const PRETAB: [u8; 22] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 2, 0];
/// Where the bands begin and end whose scale factors two granules may share.
const GROUPS: [(usize, usize); 4] = [(0, 6), (6, 11), (11, 16), (16, 21)];
/// The first band of the short blocks in a mixed one, and how many long ones lie before it.
const MIXED: (usize, usize) = (3, 8);

/// Where scale factor bands begin, in lines of long blocks and of one short block (table B.8), and where the last ones
/// end.
#[derive(Debug)]
pub(super) struct Bands {
    pub(super) long: [u16; 23],
    pub(super) short: [u16; 14],
}

impl Bands {
    /// Those of a sample rate of which half is enough for anything; none for others.
    pub(super) fn of(sample_rate: u32) -> Option<&'static Self> {
        match sample_rate {
            44_100 => Some(&AT_44100),
            48_000 => Some(&AT_48000),
            _ => None,
        }
    }
}

static AT_44100: Bands = Bands {
    long: [0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 52, 62, 74, 90, 110, 134, 162, 196, 238, 288, 342, 418, 576],
    short: [0, 4, 8, 12, 16, 22, 30, 40, 52, 66, 84, 106, 136, 192],
};
static AT_48000: Bands = Bands {
    long: [0, 4, 8, 12, 16, 20, 24, 30, 36, 42, 50, 60, 72, 88, 106, 128, 156, 190, 230, 276, 330, 384, 576],
    short: [0, 4, 8, 12, 16, 22, 28, 38, 50, 64, 80, 100, 126, 192],
};

/// The scale factors of a granule of one channel.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ScaleFactors {
    long: [u8; 22],
    /// By band and window.
    short: [[u8; 3]; 13],
}

impl ScaleFactors {
    /// Reads those of a granule. `first` are those of the first granule of the frame, of which the groups in `shared`
    /// are repeated.
    pub(super) fn read(bits: &mut Bits<'_>, granule: &Granule, first: Option<&Self>, shared: &[bool; 4]) -> Self {
        let (lower, upper) = LENGTHS[granule.scalefac_compress & 15];
        let mut factors = Self::default();
        let short = |bits: &mut Bits<'_>, from: usize| {
            let mut short = [[0; 3]; 13];
            for (band, windows) in short.iter_mut().enumerate().take(12).skip(from) {
                let length = if band < 6 { lower } else { upper };
                windows.iter_mut().for_each(|factor| *factor = bits.read(length) as u8);
            }
            short
        };
        match granule.block {
            Block::Short => factors.short = short(bits, 0),
            Block::Mixed => {
                factors.long[..MIXED.1].iter_mut().for_each(|factor| *factor = bits.read(lower) as u8);
                factors.short = short(bits, MIXED.0);
            }
            _ => {
                for (group, (start, end)) in GROUPS.into_iter().enumerate() {
                    match first.filter(|_| shared[group]) {
                        Some(first) => factors.long[start..end].copy_from_slice(&first.long[start..end]),
                        None => {
                            let length = if group < 2 { lower } else { upper };
                            factors.long[start..end].iter_mut().for_each(|factor| *factor = bits.read(length) as u8);
                        }
                    }
                }
            }
        }
        factors
    }

    /// Where the sound of a band lies between two channels, which the scale factors of the second one tell; the last
    /// band is as the one before. The last value, 7, says nothing.
    fn says_where(&self, band: Band) -> bool {
        let position = match band {
            Band::Long(band) => self.long[band.min(20)],
            Band::Short(band, window) => self.short[band.min(11)][window],
        };
        position != 7
    }
}

/// A scale factor band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Band {
    Long(usize),
    /// Of a window.
    Short(usize, usize),
}

/// Calls `each` for the bands of a block with their place among the unpacked values, as far as `until`.
fn each_band(block: Block, bands: &Bands, until: usize, mut each: impl FnMut(Band, usize, usize)) {
    let (long, short) = match block {
        Block::Short => (0, 0),
        Block::Mixed => (MIXED.1, MIXED.0),
        _ => (22, 13),
    };
    for band in 0..long {
        let (start, end) = (usize::from(bands.long[band]), usize::from(bands.long[band + 1]));
        if start >= until {
            return;
        }
        each(Band::Long(band), start, end);
    }
    for band in short..13 {
        let (start, end) = (usize::from(bands.short[band]), usize::from(bands.short[band + 1]));
        if 3 * start >= until {
            return;
        }
        for window in 0..3 {
            let from = 3 * start + window * (end - start);
            each(Band::Short(band, window), from, from + end - start);
        }
    }
}

/// How many values have to be unpacked to know the first `lines` of the spectrum: those of short blocks lie mixed up
/// within their band.
pub(super) fn enough(block: Block, bands: &Bands, lines: usize) -> usize {
    match block {
        Block::Long(_) => lines,
        _ => bands.short.iter().map(|start| 3 * usize::from(*start)).find(|end| *end >= lines).unwrap_or(LINES),
    }
}

/// Powers of the fourth root of 2, from the smallest that is not 0 to a float.
static ROOTS: LazyLock<Vec<f32>> =
    LazyLock::new(|| (LEAST..=MOST).map(|quarters| (f64::from(quarters) / 4.0).exp2() as f32).collect());
const LEAST: i32 = -500;
/// Beyond what a granule can say: 255 less 210.
const MOST: i32 = 45;

/// Adds a granule's lines to a spectrum. `values` are as they were unpacked, 0 from `last` on; `share` is what a band
/// is multiplied by.
pub(super) fn add(
    values: &[f32; LINES],
    last: usize,
    granule: &Granule,
    factors: &ScaleFactors,
    bands: &Bands,
    share: Share<'_>,
    into: &mut [f32; LINES],
) {
    let roots = ROOTS.as_slice();
    let step = if granule.coarse { 4 } else { 2 };
    each_band(granule.block, bands, last, |band, start, end| {
        let quarters = match band {
            Band::Long(band) => {
                let pretab = if granule.preflag { PRETAB[band] } else { 0 };
                -step * i32::from(factors.long[band] + pretab)
            }
            Band::Short(band, window) => {
                -step * i32::from(factors.short[band][window]) - 8 * granule.subblock_gain[window]
            }
        };
        let quarters = (granule.global_gain - 210 + quarters).clamp(LEAST, MOST);
        let gain = roots[(quarters - LEAST) as usize] * share.of(band);
        match band {
            Band::Long(_) => {
                for (line, value) in into[start..end].iter_mut().zip(&values[start..end]) {
                    *line += gain * value;
                }
            }
            Band::Short(band, window) => {
                let first = 3 * usize::from(bands.short[band]) + window;
                for (line, value) in into[first..].iter_mut().step_by(3).zip(&values[start..end]) {
                    *line += gain * value;
                }
            }
        }
    });
}

/// How much of a channel's lines is in the mean of both.
#[derive(Clone, Copy)]
pub(super) enum Share<'a> {
    /// The same of all.
    All(f32),
    /// Of the sum of two channels, where the second one may say instead that a band is theirs together.
    Joined(&'a Together),
}

/// The bands of a sum of two channels in which the second one holds nothing, but says where between both the sound
/// lies: their mean is then half of the first, wherever that is.
pub(super) struct Together {
    factors: ScaleFactors,
    /// From which place on the second channel holds nothing.
    last: usize,
    /// The same for short blocks, by window: from which band on.
    empty_from: [usize; 3],
    bands: &'static Bands,
}

impl Together {
    /// What the second channel says of a granule.
    pub(super) fn new(
        values: &[f32; LINES],
        last: usize,
        block: Block,
        factors: ScaleFactors,
        bands: &'static Bands,
    ) -> Self {
        let mut empty_from = [0; 3];
        each_band(block, bands, last, |band, start, end| {
            if let Band::Short(band, window) = band
                && values[start..end].iter().any(|value| *value != 0.0)
            {
                empty_from[window] = band + 1;
            }
        });
        Self { factors, last, empty_from, bands }
    }

    fn holds(&self, band: Band) -> bool {
        let is_empty = match band {
            Band::Long(band) => usize::from(self.bands.long[band]) >= self.last,
            Band::Short(band, window) => band >= self.empty_from[window],
        };
        is_empty && self.factors.says_where(band)
    }
}

impl Share<'_> {
    fn of(self, band: Band) -> f32 {
        match self {
            Self::All(share) => share,
            Self::Joined(together) if together.holds(band) => 0.5,
            Self::Joined(_) => std::f32::consts::FRAC_1_SQRT_2,
        }
    }
}
