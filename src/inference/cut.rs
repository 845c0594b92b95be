//! How a graph's input is cut out of a spectrogram or a waveform: how long it is, how many there are, what fills a
//! short one up, and in which shape it is handed over. Only the description; `fit` does it.

/// What a graph takes of a spectrogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Cut {
    /// Frames of a patch: at least 1.
    pub frames: usize,
    /// Patches of one stretch of sound, spread evenly over it: at least 1. A short stretch gives fewer.
    pub patches: usize,
    /// What a spectrogram with too few frames is filled up with.
    pub padding: Padding,
    /// The quietest cell that there can be, for [`Padding::Floor`].
    pub floor: f32,
    /// Taken away from each cell.
    pub mean: f32,
    /// What each cell is divided by, after that: above 0.
    pub std: f32,
    /// Which axis is time.
    pub layout: Layout,
    /// The size of the axis before those two, each channel the same; none is no such axis.
    pub channels: Option<usize>,
    /// The size of those two axes, where a patch is brought to another one (bilinear).
    pub resize: Option<[usize; 2]>,
}

/// How what is too short is brought to the length that a graph takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// It starts again from its beginning, as often as needed: what averages over time then stays what it was.
    Repeat,
    /// The quietest cell follows: `-top_db`, or what silence becomes.
    Floor,
    /// Zeros follow, before mean and standard deviation are taken into account.
    Zero,
}

/// Which of a spectrogram's axes comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Frames, then bands.
    TimeMel,
    /// Bands, then frames.
    MelTime,
}

impl Cut {
    /// The shape of the graph's input for spectrograms of so many bands, with a batch of 1.
    pub(super) fn shape(&self, n_mels: usize) -> Vec<usize> {
        let [rows, columns] = self.resize.unwrap_or(match self.layout {
            Layout::TimeMel => [self.frames, n_mels],
            Layout::MelTime => [n_mels, self.frames],
        });
        std::iter::once(1).chain(self.channels).chain([rows, columns]).collect()
    }
}
