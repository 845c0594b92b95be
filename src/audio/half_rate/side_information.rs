//! What stands at the head of a Layer III frame (ISO/IEC 11172-3, 2.4.1.3 and 2.4.1.7): how its channels are joined,
//! and how each granule of each is packed.

use super::bits::Bits;
use super::{Bad, LINES};

/// Bytes of a frame's header.
const HEADER: usize = 4;
/// Where the first region of a granule with another block than the common one ends: 8 long bands, or 3 short ones of
/// three windows.
const FIRST_REGION: usize = 36;

/// How the two channels of a frame are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Joint {
    /// The first is their sum and the second their difference, each over the root of 2.
    pub(super) middle_side: bool,
    /// Above what the second one holds, both are the first one, at different strengths.
    pub(super) intensity: bool,
}

/// How the lines of a granule were made from sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// One transform of 36 samples, with the window of this number: 0 in the middle of others, 1 before short ones, 3
    /// behind them.
    Long(u8),
    /// Three of 12 samples, one after the other.
    Short,
    /// Two subbands of the first kind, and the others of the second.
    Mixed,
}

impl Default for Block {
    fn default() -> Self {
        Self::Long(0)
    }
}

/// A granule of one channel.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Granule {
    /// Bits of scale factors and lines.
    pub(super) length: usize,
    /// Lines that are packed in pairs.
    pub(super) paired: usize,
    pub(super) global_gain: i32,
    pub(super) scalefac_compress: usize,
    pub(super) block: Block,
    /// The tables of the pairs of three regions.
    pub(super) tables: [usize; 3],
    /// Where the first two regions end, in lines.
    pub(super) regions: [usize; 2],
    pub(super) subblock_gain: [i32; 3],
    pub(super) preflag: bool,
    /// Scale factors count twice as much.
    pub(super) coarse: bool,
    /// The table of the fours.
    pub(super) fours: usize,
}

/// The head of a frame.
#[derive(Debug)]
pub(super) struct SideInformation {
    pub(super) joint: Joint,
    pub(super) channels: usize,
    /// How many bytes of earlier frames the main data begins in.
    pub(super) main_data_begin: usize,
    /// Which scale factors the second granule has in common with the first one, by channel.
    pub(super) shared: [[bool; 4]; 2],
    /// By granule and channel.
    pub(super) granules: [[Granule; 2]; 2],
    /// Where in the frame its own main data begins.
    pub(super) end: usize,
}

impl SideInformation {
    /// Reads the head of a frame of MPEG-1 Layer III, whose bands of long blocks are `bands`.
    pub(super) fn read(frame: &[u8], bands: &[u16; 23]) -> Result<Self, Bad> {
        let (Some(&flags), Some(&mode)) = (frame.get(1), frame.get(3)) else { return Err(Bad) };
        let channels = if mode >> 6 == 3 { 1 } else { 2 };
        let is_joint = mode >> 6 == 1;
        let joint = Joint { middle_side: is_joint && mode & 0x20 != 0, intensity: is_joint && mode & 0x10 != 0 };
        let start = HEADER + if flags & 1 == 0 { 2 } else { 0 };
        let end = start + if channels == 1 { 17 } else { 32 };
        // With what lies behind it, or zeros.
        let mut padded = [0; 32 + super::bits::PADDING];
        let own = frame.get(start..end).ok_or(Bad)?;
        padded[..own.len()].copy_from_slice(own);
        let mut bits = Bits::new(&padded);
        let main_data_begin = bits.read(9) as usize;
        bits.read(if channels == 1 { 5 } else { 3 });
        let mut shared = [[false; 4]; 2];
        for shared in &mut shared[..channels] {
            shared.iter_mut().for_each(|shared| *shared = bits.flag());
        }
        let mut granules = [[Granule::default(); 2]; 2];
        for granule in &mut granules {
            for channel in &mut granule[..channels] {
                *channel = Granule::read(&mut bits, bands)?;
            }
        }
        Ok(Self { joint, channels, main_data_begin, shared, granules, end })
    }
}

impl Granule {
    fn read(bits: &mut Bits<'_>, bands: &[u16; 23]) -> Result<Self, Bad> {
        let length = bits.read(12) as usize;
        let paired = 2 * bits.read(9) as usize;
        let global_gain = bits.read(8) as i32;
        let scalefac_compress = bits.read(4) as usize;
        if paired > LINES {
            return Err(Bad);
        }
        let mut granule = Self { length, paired, global_gain, scalefac_compress, ..Self::default() };
        let is_switched = bits.flag();
        if is_switched {
            let (kind, is_mixed) = (bits.read(2) as u8, bits.flag());
            granule.block = match (kind, is_mixed) {
                (0, _) => return Err(Bad),
                (2, false) => Block::Short,
                (2, true) => Block::Mixed,
                _ => Block::Long(kind),
            };
            granule.tables = [bits.read(5) as usize, bits.read(5) as usize, 0];
            granule.subblock_gain = [0; 3].map(|_: i32| bits.read(3) as i32);
            granule.regions = [FIRST_REGION, LINES];
        } else {
            granule.block = Block::Long(0);
            granule.tables = [0; 3].map(|_: usize| bits.read(5) as usize);
            let (first, second) = (bits.read(4) as usize + 1, bits.read(3) as usize + 1);
            let end = |bands_in: usize| usize::from(bands[bands_in.min(22)]);
            granule.regions = [end(first), end(first + second)];
        }
        granule.preflag = bits.flag();
        granule.coarse = bits.flag();
        granule.fours = usize::from(bits.flag());
        Ok(granule)
    }
}
