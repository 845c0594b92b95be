//! Integrated loudness by EBU R 128 (ITU-R BS.1770, with gating), of the window that was listened to. It is no loudness
//! of the whole file and nothing to level a library by.

use ebur128::{Channel, EbuR128, Mode};

use super::absent::Absent;
use crate::audio::Clip;

/// In LUFS, as if the mono mix came from both loudspeakers: exact for a recording whose channels are alike, up to 3 LU
/// too low for one whose channels have nothing in common.
pub(super) fn loudness(clip: &Clip) -> Result<f64, Absent> {
    let mut meter = EbuR128::new(1, clip.sample_rate, Mode::I).map_err(|_| Absent::NoFeatures)?;
    meter.set_channel(0, Channel::DualMono).map_err(|_| Absent::NoFeatures)?;
    meter.add_frames_f32(&clip.samples).map_err(|_| Absent::NoFeatures)?;
    let loudness = meter.loudness_global().map_err(|_| Absent::NoFeatures)?;
    // Minus infinity where no block passes the gate.
    if loudness.is_finite() { Ok(loudness) } else { Err(Absent::Silent) }
}
