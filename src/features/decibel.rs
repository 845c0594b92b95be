//! Power to decibels.

use crate::simd::{Lanes, mul_add};

/// Powers below this count as this: librosa's `amin`, the floor of every decibel value (-100 dB).
const AMIN: f32 = 1e-10;

/// `10 log10(max(1e-10, x))`, good to about one unit in the last place of the result's range.
#[inline(always)]
pub(super) fn power_to_db<const FMA: bool>(power: Lanes) -> Lanes {
    power.map(|x| 10.0 / std::f32::consts::LN_10 * ln::<FMA>(if x > AMIN { x } else { AMIN }))
}

/// The natural logarithm of a normal positive number, without branches so that it vectorises.
///
/// With `x = m * 2^e` and `m` within `[sqrt 1/2, sqrt 2)`: `ln m = 2 atanh((m - 1) / (m + 1))`, whose series is cut
/// where its terms fall below single precision.
#[inline(always)]
fn ln<const FMA: bool>(x: f32) -> f32 {
    const SQRT_HALF_BITS: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
    const ONE_BITS: u32 = 1.0_f32.to_bits();
    // Subtracting the bits of sqrt 1/2 makes the exponent change at sqrt 2 rather than at 2.
    let shifted = x.to_bits().wrapping_sub(SQRT_HALF_BITS);
    let exponent = (shifted as i32 >> 23) as f32;
    let mantissa = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(SQRT_HALF_BITS));
    debug_assert!(SQRT_HALF_BITS < ONE_BITS && (0.7..1.42).contains(&mantissa));
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let z = s * s;
    let mut series = 1.0 / 11.0;
    for coefficient in [1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0] {
        series = mul_add::<FMA>(series, z, coefficient);
    }
    let tail = 2.0 * s * z * series;
    mul_add::<FMA>(exponent, std::f32::consts::LN_2, tail + 2.0 * s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decibels_are_right_over_the_whole_range() {
        let mut x = 1e-12_f32;
        while x < 1e12 {
            let expected = 10.0 * f64::from(x).max(f64::from(AMIN)).log10();
            for db in [power_to_db::<false>(Lanes::splat(x)).0[3], power_to_db::<true>(Lanes::splat(x)).0[7]] {
                assert!((f64::from(db) - expected).abs() < 2e-6 + 2e-7 * expected.abs(), "{x}: {db} {expected}");
            }
            x *= 1.003;
        }
        assert_eq!(power_to_db::<false>(Lanes::splat(1.0)), Lanes::ZERO);
        assert!((power_to_db::<false>(Lanes::ZERO).0[0] + 100.0).abs() < 2e-5);
    }
}
