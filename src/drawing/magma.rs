//! Colours for amounts: from dark to bright in steps that look equal.

use super::{Colour, blend};

/// Steps of magma, a perceptual colour map (Nathaniel Smith and Stefan van der Walt, CC0), from silence to the loudest.
const COLOURS: [Colour; 9] = [
    (0, 0, 4),
    (28, 16, 68),
    (79, 18, 123),
    (129, 37, 129),
    (181, 54, 122),
    (229, 80, 100),
    (251, 135, 97),
    (254, 194, 135),
    (252, 253, 191),
];

/// The colour of a share, 0 to 1.
pub(crate) fn magma(share: f32) -> Colour {
    let at = share.clamp(0.0, 1.0) * (COLOURS.len() - 1) as f32;
    let step = (at as usize).min(COLOURS.len() - 2);
    blend(COLOURS[step], COLOURS[step + 1], at - step as f32)
}
