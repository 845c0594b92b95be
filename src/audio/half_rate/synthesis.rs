//! From subbands to sound (ISO/IEC 11172-3, 2.4.3.2): the polyphase filter, of which the lower sixteen subbands come in
//! and every second sample goes out.

use std::f64::consts::PI;
use std::sync::LazyLock;

use super::SUBBANDS;
use super::hybrid::SLOTS;
use crate::simd::{Lanes, multiversion};

/// Slots that a sample is made of, itself included.
const TAPS: usize = 16;

/// The first half of the window D and its middle (table B.3), in 65,536ths. The other half mirrors it, with the other
/// sign but for every 64th.
#[rustfmt::skip]
const WINDOW: [i32; 257] = [
    0, -1, -1, -1, -1, -1, -1, -2, -2, -2, -2, -3, -3, -4, -4, -5, -5, -6, -7, -7, -8, -9, -10, -11, -13, -14, -16,
    -17, -19, -21, -24, -26, -29, -31, -35, -38, -41, -45, -49, -53, -58, -63, -68, -73, -79, -85, -91, -97, -104,
    -111, -117, -125, -132, -139, -147, -154, -161, -169, -176, -183, -190, -196, -202, -208, 213, 218, 222, 225, 227,
    228, 228, 227, 224, 221, 215, 208, 200, 189, 177, 163, 146, 127, 106, 83, 57, 29, -2, -36, -72, -111, -153, -197,
    -244, -294, -347, -401, -459, -519, -581, -645, -711, -779, -848, -919, -991, -1064, -1137, -1210, -1283, -1356,
    -1428, -1498, -1567, -1634, -1698, -1759, -1817, -1870, -1919, -1962, -2001, -2032, -2057, -2075, -2085, -2087,
    -2080, -2063, 2037, 2000, 1952, 1893, 1822, 1739, 1644, 1535, 1414, 1280, 1131, 970, 794, 605, 402, 185, -45,
    -288, -545, -814, -1095, -1388, -1692, -2006, -2330, -2663, -3004, -3351, -3705, -4063, -4425, -4788, -5153,
    -5517, -5879, -6237, -6589, -6935, -7271, -7597, -7910, -8209, -8491, -8755, -8998, -9219, -9416, -9585, -9727,
    -9838, -9916, -9959, -9966, -9935, -9863, -9750, -9592, -9389, -9139, -8840, -8492, -8092, -7640, -7134, 6574,
    5959, 5288, 4561, 3776, 2935, 2037, 1082, 70, -998, -2122, -3300, -4533, -5818, -7154, -8540, -9975, -11455,
    -12980, -14548, -16155, -17799, -19478, -21189, -22929, -24694, -26482, -28289, -30112, -31947, -33791, -35640,
    -37489, -39336, -41176, -43006, -44821, -46617, -48390, -50137, -51853, -53534, -55178, -56778, -58333, -59838,
    -61289, -62684, -64019, -65290, -66494, -67629, -68692, -69679, -70590, -71420, -72169, -72835, -73415, -73908,
    -74313, -74630, -74856, -74992, 75038,
];

/// The filter for every second sample, the first or the second one of each two.
struct Filter {
    /// What each subband adds to the two halves of a slot's vector.
    matrix: [[Lanes; 2]; SUBBANDS],
    /// What a slot's halves add to the sound: the first half of every even slot back, the second of every odd one.
    window: [Lanes; TAPS],
}

static FILTERS: LazyLock<[Filter; 2]> = LazyLock::new(|| [0, 1].map(Filter::new));

impl Filter {
    fn new(parity: usize) -> Self {
        let window = |at: usize| match at {
            0..=256 => WINDOW[at],
            _ if at.is_multiple_of(64) => WINDOW[512 - at],
            _ => -WINDOW[512 - at],
        };
        let lanes = |of: &dyn Fn(usize) -> f64| {
            let mut lanes = Lanes::ZERO;
            lanes.0.iter_mut().enumerate().for_each(|(lane, value)| *value = of(2 * lane + parity) as f32);
            lanes
        };
        let row = |band: usize, from: usize| lanes(&|i| (PI / 64.0 * ((16 + from + i) * (2 * band + 1)) as f64).cos());
        let mut filter = Self { matrix: [[Lanes::ZERO; 2]; SUBBANDS], window: [Lanes::ZERO; TAPS] };
        for (band, halves) in filter.matrix.iter_mut().enumerate() {
            *halves = [row(band, 0), row(band, 32)];
        }
        for (tap, weights) in filter.window.iter_mut().enumerate() {
            *weights = lanes(&|i| f64::from(window(32 * tap + i)) / 65_536.0);
        }
        filter
    }
}

/// The filter and what it remembers.
pub(super) struct Synthesis {
    filter: &'static Filter,
    /// The vectors of the last slots, and those of the granule behind them.
    slots: [[Lanes; 2]; TAPS - 1 + SLOTS],
}

impl Synthesis {
    /// For the first (0) or the second (1) of each two samples.
    pub(super) fn new(parity: usize) -> Self {
        Self { filter: &FILTERS[parity & 1], slots: [[Lanes::ZERO; 2]; TAPS - 1 + SLOTS] }
    }

    /// Appends the sound of a granule: sixteen samples a slot.
    pub(super) fn append(&mut self, granule: &[Lanes; SLOTS], sound: &mut Vec<f32>) {
        let mut samples = [Lanes::ZERO; SLOTS];
        synthesise(granule, self.filter, &mut self.slots, &mut samples);
        self.slots.copy_within(SLOTS.., 0);
        samples.iter().for_each(|samples| sound.extend_from_slice(&samples.0));
    }
}

multiversion! {
    fn synthesise(
        granule: &[Lanes; SLOTS],
        filter: &Filter,
        slots: &mut [[Lanes; 2]; TAPS - 1 + SLOTS],
        samples: &mut [Lanes; SLOTS],
    ) {
        for (slot, subbands) in granule.iter().enumerate() {
            let mut halves = [Lanes::ZERO; 2];
            for (band, (sample, weights)) in subbands.0.iter().zip(&filter.matrix).enumerate() {
                // Every second sample of every second subband has the other sign, since its frequencies run backwards.
                let sample = Lanes::splat(if slot % 2 == 1 && band % 2 == 1 { -*sample } else { *sample });
                halves[0] = sample.mul_add::<FMA>(weights[0], halves[0]);
                halves[1] = sample.mul_add::<FMA>(weights[1], halves[1]);
            }
            let now = TAPS - 1 + slot;
            slots[now] = halves;
            let mut sound = Lanes::ZERO;
            for (tap, weights) in filter.window.iter().enumerate() {
                sound = slots[now - tap][tap % 2].mul_add::<FMA>(*weights, sound);
            }
            samples[slot] = sound;
        }
    }
}
