//! Brings a spectrogram or a waveform of any length to what a graph takes: patches spread over it, in the graph's shape
//! and scale.

use super::cut::{Cut, Layout, Padding};
use super::resize::bilinear;

/// A spectrogram as it was computed.
pub(super) struct Spectrogram<'a> {
    pub data: &'a [f32],
    pub n_mels: usize,
    pub n_frames: usize,
    /// Which axis of `data` comes first.
    pub layout: Layout,
}

impl Spectrogram<'_> {
    fn cell(&self, frame: usize, band: usize) -> f32 {
        self.data[match self.layout {
            Layout::TimeMel => frame * self.n_mels + band,
            Layout::MelTime => band * self.n_frames + frame,
        }]
    }
}

/// Where `count` stretches of `length` begin in `n`, `count * length <= n`: stretch `i` is centred on the middle of the
/// `i`-th of `count` equal parts, so that they do not overlap.
fn starts(n: usize, length: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |i| (n * (2 * i + 1) - length * count) / (2 * count))
}

/// The patches that a graph is run on, each in the order of its shape.
pub(super) fn patches(spectrogram: &Spectrogram<'_>, cut: &Cut) -> Vec<Vec<f32>> {
    let count = cut.patches.min(spectrogram.n_frames / cut.frames).max(1);
    if spectrogram.n_frames < cut.frames {
        return vec![patch(spectrogram, 0, cut)];
    }
    starts(spectrogram.n_frames, cut.frames, count).map(|start| patch(spectrogram, start, cut)).collect()
}

fn patch(spectrogram: &Spectrogram<'_>, start: usize, cut: &Cut) -> Vec<f32> {
    let Spectrogram { n_mels, n_frames, .. } = *spectrogram;
    let cell = |frame: usize, band: usize| {
        let cell = match (start + frame < n_frames, cut.padding) {
            (true, _) => spectrogram.cell(start + frame, band),
            (false, Padding::Repeat) => spectrogram.cell((start + frame) % n_frames, band),
            (false, Padding::Floor) => cut.floor,
            (false, Padding::Zero) => 0.0,
        };
        (cell - cut.mean) / cut.std
    };
    let (rows, columns) = match cut.layout {
        Layout::TimeMel => (cut.frames, n_mels),
        Layout::MelTime => (n_mels, cut.frames),
    };
    let mut image = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        image.extend((0..columns).map(|column| match cut.layout {
            Layout::TimeMel => cell(row, column),
            Layout::MelTime => cell(column, row),
        }));
    }
    let image = match cut.resize {
        Some(size) => bilinear(&image, [rows, columns], size),
        None => image,
    };
    image.repeat(cut.channels.unwrap_or(1))
}

/// The stretches of a waveform that a graph is run on, each `length` samples. With `normalise`, each has mean 0 and
/// variance 1 (`(x - mean) / sqrt(variance + 1e-7)`, as speech networks want it).
pub(super) fn stretches(
    samples: &[f32],
    length: usize,
    count: usize,
    padding: Padding,
    normalise: bool,
) -> Vec<Vec<f32>> {
    let stretch = |start: usize| {
        let inside = samples.iter().skip(start).copied();
        let mut stretch: Vec<f32> = match padding {
            Padding::Repeat => inside.chain(samples.iter().copied().cycle()).take(length).collect(),
            Padding::Floor | Padding::Zero => inside.chain(std::iter::repeat(0.0)).take(length).collect(),
        };
        if normalise {
            let n = length as f64;
            let mean = stretch.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
            let variance = stretch.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / n;
            let scale = 1.0 / (variance + 1e-7).sqrt();
            stretch.iter_mut().for_each(|x| *x = ((f64::from(*x) - mean) * scale) as f32);
        }
        stretch
    };
    if samples.len() < length {
        return vec![stretch(0)];
    }
    starts(samples.len(), length, count.min(samples.len() / length)).map(stretch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(frames: usize, patches: usize, padding: Padding, layout: Layout) -> Cut {
        Cut { frames, patches, padding, floor: -80.0, mean: 0.0, std: 1.0, layout, channels: None, resize: None }
    }

    fn mel_time(data: &[f32]) -> Spectrogram<'_> {
        Spectrogram { data, n_mels: 2, n_frames: data.len() / 2, layout: Layout::MelTime }
    }

    fn time_mel(data: &[f32]) -> Spectrogram<'_> {
        Spectrogram { layout: Layout::TimeMel, ..mel_time(data) }
    }

    #[test]
    fn a_long_spectrogram_gives_its_middle() {
        let data = [0.0, 1.0, 2.0, 3.0, 4.0, 10.0, 11.0, 12.0, 13.0, 14.0];
        let middle = |layout| patches(&mel_time(&data), &cut(3, 1, Padding::Repeat, layout));
        assert_eq!(middle(Layout::MelTime), [[1.0, 2.0, 3.0, 11.0, 12.0, 13.0]]);
        assert_eq!(middle(Layout::TimeMel), [[1.0, 11.0, 2.0, 12.0, 3.0, 13.0]]);
    }

    #[test]
    fn a_short_spectrogram_starts_again_or_ends_in_silence() {
        let data = [0.0, 1.0, 10.0, 11.0];
        let padded = |frames, padding| patches(&mel_time(&data), &cut(frames, 3, padding, Layout::MelTime)).remove(0);
        assert_eq!(padded(5, Padding::Repeat), [0.0, 1.0, 0.0, 1.0, 0.0, 10.0, 11.0, 10.0, 11.0, 10.0]);
        assert_eq!(padded(3, Padding::Floor), [0.0, 1.0, -80.0, 10.0, 11.0, -80.0]);
        assert_eq!(padded(3, Padding::Zero), [0.0, 1.0, 0.0, 10.0, 11.0, 0.0]);
    }

    #[test]
    fn patches_are_spread_evenly_and_do_not_overlap() {
        let data: Vec<f32> = (0..60).flat_map(|frame| [frame as f32; 2]).collect();
        let starts = |frames, n| -> Vec<f32> {
            let patches = patches(&time_mel(&data), &cut(frames, n, Padding::Repeat, Layout::TimeMel));
            assert!(patches.iter().all(|patch| patch.len() == frames * 2));
            patches.iter().map(|patch| patch[0]).collect()
        };
        assert_eq!(starts(10, 3), [5.0, 25.0, 45.0]);
        assert_eq!(starts(10, 1), [25.0]);
        assert_eq!(starts(20, 3), [0.0, 20.0, 40.0]);
        assert_eq!(starts(25, 3), [2.0, 32.0]);
        assert_eq!(starts(60, 3), [0.0]);
        let short = patches(&time_mel(&data[..4]), &cut(5, 3, Padding::Repeat, Layout::TimeMel));
        assert_eq!(short, [[0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]]);
    }

    #[test]
    fn a_patch_is_scaled_and_becomes_an_image_of_channels() {
        let cut = Cut {
            mean: 1.0,
            std: 2.0,
            channels: Some(3),
            resize: Some([1, 4]),
            ..cut(2, 1, Padding::Zero, Layout::MelTime)
        };
        assert_eq!(cut.shape(2), [1, 3, 1, 4]);
        let image = patches(&mel_time(&[1.0, 3.0, 1.0, 3.0]), &cut).remove(0);
        assert_eq!(image, [0.0, 0.25, 0.75, 1.0].repeat(3));
    }

    #[test]
    fn a_waveform_gives_stretches_of_the_wanted_length() {
        let samples: Vec<f32> = (0..10).map(|i| i as f32).collect();
        let at = |length, count, padding| stretches(&samples, length, count, padding, false);
        assert_eq!(at(2, 2, Padding::Zero), [[1.0, 2.0], [6.0, 7.0]]);
        assert_eq!(at(4, 3, Padding::Zero).len(), 2);
        assert_eq!(at(12, 1, Padding::Zero)[0][9..], [9.0, 0.0, 0.0]);
        assert_eq!(at(12, 1, Padding::Repeat)[0][9..], [9.0, 0.0, 1.0]);
        let normal = stretches(&samples, 10, 1, Padding::Zero, true).remove(0);
        let variance = normal.iter().map(|x| x * x).sum::<f32>() / 10.0;
        assert!((variance - 1.0).abs() < 1e-5 && normal.iter().sum::<f32>().abs() < 1e-5);
    }
}
