//! A log-mel spectrogram as pixels, and where a frequency stands on it.

use crate::features::LogMel;

/// The loudness of each pixel, 0 to 1: the mean of the cells that it covers.
pub(crate) fn shrunk(mel: &LogMel, range_db: f32, width: u32, height: u32) -> Vec<f32> {
    let range = |pixel: u32, pixels: u32, cells: usize| {
        let at = |pixel: u32| (u64::from(pixel) * cells as u64 / u64::from(pixels)) as usize;
        let first = at(pixel).min(cells - 1);
        first..at(pixel + 1).clamp(first + 1, cells)
    };
    let mut picture = Vec::with_capacity((width * height) as usize);
    for y in 0..height {
        let bands = range(height - 1 - y, height, mel.n_mels);
        for x in 0..width {
            let frames = range(x, width, mel.n_frames);
            let cells = bands.len() * frames.len();
            let sum: f32 = bands.clone().map(|band| mel.band(band)[frames.clone()].iter().sum::<f32>()).sum();
            picture.push(1.0 + sum / cells as f32 / range_db);
        }
    }
    picture
}

/// Slaney's mel scale, in which the bands are spaced: linear up to 1 kHz and logarithmic above.
pub(crate) fn mel_of(hertz: f64) -> f64 {
    if hertz < 1000.0 { hertz * 3.0 / 200.0 } else { 15.0 + 27.0 * (hertz / 1000.0).ln() / 6.4_f64.ln() }
}
