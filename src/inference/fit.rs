//! Brings a spectrogram of any length to what a graph takes: its middle, or patches spread over it. Only cutting and repeating;
//! no value is changed.

use std::borrow::Cow;

use super::manifest::{LogMelInput, MusicnnMelInput, Padding};

/// A spectrogram with exactly the frames that the graph takes: the middle of a longer one, a shorter one padded.
pub(super) fn middle<'a>(data: &'a [f32], n_frames: usize, input: &LogMelInput) -> Cow<'a, [f32]> {
    if n_frames == input.frames {
        return Cow::Borrowed(data);
    }
    let mut fitted = Vec::with_capacity(input.n_mels * input.frames);
    for band in data.chunks_exact(n_frames) {
        if n_frames > input.frames {
            let start = (n_frames - input.frames) / 2;
            fitted.extend_from_slice(&band[start..start + input.frames]);
        } else {
            match input.padding {
                Padding::Repeat => fitted.extend(band.iter().cycle().take(input.frames)),
                Padding::Floor => {
                    fitted.extend_from_slice(band);
                    fitted.extend(std::iter::repeat_n(-input.top_db, input.frames - n_frames));
                }
            }
        }
    }
    Cow::Owned(fitted)
}

/// Patches spread evenly over a spectrogram whose first axis is time: patch `i` of `n` is centred on the middle of the `i`-th of
/// `n` equal parts. A spectrogram too short for that many side by side gives fewer; one shorter than a patch starts again from
/// its first frame, as often as needed.
pub(super) fn patches<'a>(data: &'a [f32], n_mels: usize, input: &MusicnnMelInput) -> Vec<Cow<'a, [f32]>> {
    let (n_frames, length) = (data.len() / n_mels, input.patch_frames);
    if n_frames < length {
        return vec![data.iter().copied().cycle().take(length * n_mels).collect()];
    }
    let count = input.patches.min(n_frames / length);
    let start = |i: usize| (n_frames * (2 * i + 1) / (2 * count)).saturating_sub(length / 2).min(n_frames - length);
    (0..count).map(|i| Cow::Borrowed(&data[start(i) * n_mels..][..length * n_mels])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(frames: usize, padding: Padding) -> LogMelInput {
        LogMelInput {
            sample_rate: 22_050,
            n_fft: 2048,
            hop_length: 512,
            n_mels: 2,
            fmin: 0.0,
            fmax: 11_025.0,
            top_db: 80.0,
            frames,
            padding,
        }
    }

    #[test]
    fn a_long_spectrogram_gives_its_middle() {
        let data = [0.0, 1.0, 2.0, 3.0, 4.0, 10.0, 11.0, 12.0, 13.0, 14.0];
        assert_eq!(*middle(&data, 5, &input(3, Padding::Repeat)), [1.0, 2.0, 3.0, 11.0, 12.0, 13.0]);
    }

    #[test]
    fn a_short_spectrogram_starts_again_or_ends_in_silence() {
        let data = [0.0, 1.0, 10.0, 11.0];
        assert_eq!(
            *middle(&data, 2, &input(5, Padding::Repeat)),
            [0.0, 1.0, 0.0, 1.0, 0.0, 10.0, 11.0, 10.0, 11.0, 10.0]
        );
        assert_eq!(*middle(&data, 2, &input(3, Padding::Floor)), [0.0, 1.0, -80.0, 10.0, 11.0, -80.0]);
    }

    #[test]
    fn patches_are_spread_evenly_and_do_not_overlap() {
        let input = |patch_frames, patches| MusicnnMelInput { sample_rate: 16_000, patch_frames, patches };
        let data: Vec<f32> = (0..60).flat_map(|frame| [frame as f32; 2]).collect();
        let starts = |input: &MusicnnMelInput| -> Vec<f32> {
            let patches = patches(&data, 2, input);
            assert!(patches.iter().all(|patch| patch.len() == input.patch_frames * 2));
            patches.iter().map(|patch| patch[0]).collect()
        };
        assert_eq!(starts(&input(10, 3)), [5.0, 25.0, 45.0]);
        assert_eq!(starts(&input(10, 1)), [25.0]);
        assert_eq!(starts(&input(20, 3)), [0.0, 20.0, 40.0]);
        assert_eq!(starts(&input(25, 3)), [3.0, 33.0]);
        assert_eq!(starts(&input(60, 3)), [0.0]);
        let short = patches(&data[..4], 2, &input(5, 3));
        assert_eq!(short.len(), 1);
        assert_eq!(*short[0], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    }
}
