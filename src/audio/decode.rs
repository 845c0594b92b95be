//! A file becomes clips: the windows are placed, sought, decoded and checked for holes.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use super::error::{Fault, guard};
use super::payload::Container;
use super::source::Source;
use super::track::{self, Codec, Track};
use super::{AnalysisWindow, AudioError, Clip};

/// What was decoded of one file.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The windows, in order of time, at the file's own rate.
    pub clips: Vec<Clip>,
    /// How the sound was encoded.
    pub codec: Codec,
    /// The kind of file that it was in.
    pub container: Container,
    /// Sample rate of the file in Hz.
    pub source_rate: u32,
    /// Channels of the file, before they were mixed down.
    pub channels: u16,
    /// Length of the whole recording.
    pub duration: Duration,
}

/// Packets that [probe] tries before it gives up on hearing something.
const PROBED_PACKETS: usize = 64;

/// Decodes the windows of a file: mono, at the file's own rate (see [Clip]). Seeks; reads and decodes little else than the windows.
///
/// # Errors
/// Any [AudioError] but `Resample`: the file cannot be read, is no sound, is of a kind that is not decoded, is incomplete, or more than
/// 5 % (and a quarter of a second) of a window cannot be decoded.
pub fn decode(path: &Path, window: &AnalysisWindow) -> Result<Recording, AudioError> {
    guard(path, || {
        let (container, mut track) = track::open(Source::open(path)?)?;
        let format = track.format().clone();
        let clips = window
            .spans(format.total, format.sample_rate)
            .into_iter()
            .map(|span| clip(track.as_mut(), span))
            .collect::<Result<_, _>>()?;
        Ok(Recording {
            clips,
            codec: format.codec,
            container,
            source_rate: format.sample_rate,
            channels: format.channels,
            duration: Duration::from_secs_f64(format.total as f64 / f64::from(format.sample_rate)),
        })
    })
}

/// Opens a file as [decode] does and decodes its first packets: a check that it still plays, for whoever has rewritten it.
///
/// # Errors
/// As [decode].
pub fn probe(path: &Path) -> Result<(), AudioError> {
    guard(path, || {
        let (_, mut track) = track::open(Source::open(path)?)?;
        let mut mono = Vec::new();
        for _ in 0..PROBED_PACKETS {
            if track.decode(&mut mono)?.is_none() || !mono.is_empty() {
                break;
            }
        }
        if mono.is_empty() { Err(Fault::damaged("its first packets cannot be decoded")) } else { Ok(()) }
    })
}

/// Decodes the frames of `span`. Frames that cannot be decoded are silent; too many of them are an error.
fn clip(track: &mut dyn Track, span: Range<u64>) -> Result<Clip, Fault> {
    let sample_rate = track.format().sample_rate;
    if span.start > 0 {
        track.seek(span.start)?;
    }
    let wanted = span.end - span.start;
    // Grown as sound arrives, since the length is what the file says.
    let mut samples: Vec<f32> = Vec::with_capacity(wanted.min(1 << 22) as usize);
    let mut silent = 0;
    let mut packet = Vec::new();
    while (samples.len() as u64) < wanted {
        packet.clear();
        let Some(start) = track.decode(&mut packet)? else { break };
        let at = i128::from(start) - i128::from(span.start);
        let expected = samples.len() as i128;
        let hole = (at - expected).clamp(0, i128::from(wanted) - expected);
        if !packet.is_empty() && hole > 0 {
            silent += hole as u64;
            refuse_holes(silent, wanted, sample_rate)?;
            samples.resize(samples.len() + hole as usize, 0.0);
        }
        // What lies before the wanted place: the run-in, and encoder delay.
        let known = usize::try_from(samples.len() as i128 - at).unwrap_or(usize::MAX);
        let left = (wanted - samples.len() as u64) as usize;
        samples.extend(packet.iter().skip(known).take(left));
    }
    refuse_holes(silent + (wanted - samples.len() as u64), wanted, sample_rate)?;
    if samples.is_empty() {
        return Err(Fault::Empty("its sound has no samples"));
    }
    Ok(Clip { samples, sample_rate })
}

/// Refuses a window of which more than 5 % and more than a quarter of a second are missing.
fn refuse_holes(missing: u64, wanted: u64, sample_rate: u32) -> Result<(), Fault> {
    if missing > (wanted / 20).max(u64::from(sample_rate) / 4).min(wanted / 2) {
        let percent = missing * 100 / wanted.max(1);
        return Err(Fault::damaged(format!("{percent} % of its sound cannot be decoded")));
    }
    Ok(())
}
