//! Sixteen numbers side by side, and one compiled version of a loop for each instruction set: what the features and the
//! embedded engine compute with.
//!
//! In the features, [`Lanes`] holds the same quantity (say, bin 37) of sixteen consecutive frames; a *tile* is a slice
//! of `Lanes`, one a bin. Loops over tiles have no shuffles, so plain Rust vectorises well: one AVX-512 register, two
//! of AVX2, four of NEON.
//!
//! A build for plain x86-64 may only use SSE2. [`multiversion!`] therefore compiles a function three times and picks a
//! version by what the processor reports. It is no SIMD library: there are no intrinsics here.

use std::ops::{Add, AddAssign, Div, Mul, Sub};

/// Numbers side by side; in the features, the frames of a tile.
pub(crate) const LANES: usize = 16;

/// Sixteen numbers; in the features one value of each of [`LANES`] consecutive frames, frame (that is, time) being the
/// index.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Lanes(pub [f32; LANES]);

impl Lanes {
    pub(crate) const ZERO: Self = Self::splat(0.0);

    #[inline(always)]
    pub(crate) const fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    // Plain loops: `array::from_fn` is not always inlined, and would then be compiled for the baseline.
    #[inline(always)]
    pub(crate) fn map(mut self, f: impl Fn(f32) -> f32) -> Self {
        for x in &mut self.0 {
            *x = f(*x);
        }
        self
    }

    #[inline(always)]
    pub(crate) fn zip(mut self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        for (x, y) in self.0.iter_mut().zip(other.0) {
            *x = f(*x, y);
        }
        self
    }

    // `f32::min` and `max` must treat NaN specially, which costs three instructions instead of one; no lane is ever
    // NaN.
    #[inline(always)]
    pub(crate) fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    pub(crate) fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    /// The largest of the lanes.
    #[inline(always)]
    pub(crate) fn largest(self) -> f32 {
        self.0.iter().fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a })
    }

    /// `self * factor + addend`, fused where the processor can.
    #[inline(always)]
    pub(crate) fn mul_add<const FMA: bool>(self, factor: Self, addend: Self) -> Self {
        let mut sum = addend;
        for lane in 0..LANES {
            sum.0[lane] = mul_add::<FMA>(self.0[lane], factor.0[lane], addend.0[lane]);
        }
        sum
    }
}

macro_rules! lanewise {
    ($($operator:ident $method:ident $symbol:tt),*) => {$(
        impl $operator for Lanes {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.zip(other, |a, b| a $symbol b)
            }
        }
    )*};
}
lanewise!(Add add +, Sub sub -, Mul mul *, Div div /);

impl AddAssign for Lanes {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// `a * b + c`. Without hardware for it, [`f32::mul_add`] would call a slow exact routine: then it is two roundings.
#[inline(always)]
pub(crate) fn mul_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// What the processor offers beyond the baseline of the build.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Level {
    /// What every processor of the target has: SSE2 on x86-64, NEON on aarch64.
    Baseline,
    /// AVX2 with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// How many [`Lanes`] its registers hold.
    pub(crate) const fn registers(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 32,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 8,
            Self::Baseline if cfg!(target_arch = "aarch64") => 8,
            Self::Baseline => 4,
        }
    }
}

/// The best level of this processor (the standard library asks it once and remembers).
pub(crate) fn level() -> Level {
    #[cfg(test)]
    if let Some(level) = forced::level() {
        return level;
    }
    detect()
}

fn detect() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        if avx2 && avx512 {
            return Level::Avx512;
        }
        if avx2 {
            return Level::Avx2;
        }
    }
    Level::Baseline
}

/// Whether the baseline itself has fused multiply-add.
pub(crate) const BASELINE_FMA: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

/// Compiles a function once for each [`Level`] and calls the best one. Inside its body the constant `FMA` says whether
/// fused multiply-add is fast. Whatever the body calls must be `#[inline(always)]` to be compiled for the level too.
macro_rules! multiversion {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, clippy::extra_unused_type_parameters)]
        $vis fn $name($($argument: $type),*) $(-> $output)? {
            #[inline(always)]
            fn body<const FMA: bool>($($argument: $type),*) $(-> $output)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn avx512($($argument: $type),*) $(-> $output)? {
                body::<true>($($argument),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($argument: $type),*) $(-> $output)? {
                body::<true>($($argument),*)
            }

            // Calling a function compiled for features that the caller may lack is the one unsafe thing here.
            #[allow(unsafe_code)]
            match $crate::simd::level() {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `level` says Avx512 only where the processor has all the features named above.
                $crate::simd::Level::Avx512 => unsafe { avx512($($argument),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `level` says Avx2 only where the processor has AVX2 and FMA.
                $crate::simd::Level::Avx2 => unsafe { avx2($($argument),*) },
                $crate::simd::Level::Baseline => {
                    body::<{ $crate::simd::BASELINE_FMA }>($($argument),*)
                }
            }
        }
    };
}
pub(crate) use multiversion;

/// Lets a test run what a lesser processor would run.
#[cfg(test)]
pub(crate) mod forced {
    use std::cell::Cell;

    use super::Level;

    thread_local! {
        static LEVEL: Cell<Option<Level>> = const { Cell::new(None) };
    }

    pub(crate) fn level() -> Option<Level> {
        LEVEL.get()
    }

    /// Calls `f` once for every level that this processor has, on this thread.
    pub(crate) fn each_level(mut f: impl FnMut(Level)) {
        let mut levels = vec![Level::Baseline];
        #[cfg(target_arch = "x86_64")]
        match super::detect() {
            Level::Avx512 => levels.extend([Level::Avx2, Level::Avx512]),
            Level::Avx2 => levels.push(Level::Avx2),
            Level::Baseline => {}
        }
        for level in levels {
            LEVEL.set(Some(level));
            f(level);
        }
        LEVEL.set(None);
    }
}
