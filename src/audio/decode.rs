//! A file becomes clips: the windows are placed, sought, decoded and checked for holes.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Fault, guard};
use super::payload::Container;
use super::source::{Bytes, Source};
use super::track::{self, Codec, Format, Track};
use super::{AnalysisWindow, AudioError, Clip};

/// What was decoded of one file.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The windows, in order of time, at the file's own rate, or at half of it where that was enough.
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

/// A file whose windows are placed and not decoded yet. What of it is needed has been asked of the disk, which fetches
/// it meanwhile.
pub struct Opened {
    path: PathBuf,
    bytes: Bytes,
    container: Container,
    track: Box<dyn Track>,
    spans: Vec<Range<u64>>,
    /// Where in the file the windows lie, about.
    places: Vec<Range<u64>>,
}

/// Decodes the windows of a file: mono, at the file's own rate (see [Clip]). Seeks; reads and decodes little else than
/// the windows.
///
/// # Errors
/// Those of [open] and of [Opened::decode].
pub fn decode(path: &Path, window: &AnalysisWindow) -> Result<Recording, AudioError> {
    open(path, window)?.decode()
}

/// How long a file plays, by its headers; none where it cannot be opened.
pub fn length(path: &Path) -> Option<Duration> {
    let opened = open(path, &AnalysisWindow { seconds: 0.0, count: 1 }).ok()?;
    let format = opened.track.format();
    Some(Duration::from_secs_f64(format.total as f64 / f64::from(format.sample_rate)))
}

/// Reads into the system's cache what an identity and the middle of a file take, all at once and in the order in which
/// it lies there: for disks on which each look at another place is dear. What cannot be read is whoever's who needs it.
pub fn warm(path: &Path) {
    /// Tags and covers in front, and the first frames.
    const HEAD: u64 = 256 * 1024;
    /// Half a window of 30 s at 320 kbit/s, and some room.
    const MIDDLE: u64 = 704 * 1024;
    const TAIL: u64 = 320 * 1024;
    let Ok(source) = Source::open(path) else { return };
    let (len, bytes) = (source.len(), source.bytes());
    let middle = len / 2;
    let places = [
        0..HEAD.min(len),
        middle.saturating_sub(MIDDLE)..middle.saturating_add(MIDDLE).min(len),
        len.saturating_sub(TAIL)..len,
    ];
    places.iter().for_each(|place| bytes.will_need(place));
    places.iter().for_each(|place| bytes.fetch(place));
}

/// Opens a file and finds out where its windows are. Reads headers, and an index where the file has one.
///
/// # Errors
/// Any [AudioError] but `Resample`: the file cannot be read, is no sound, is of a kind that is not decoded, or is
/// incomplete.
pub fn open(path: &Path, window: &AnalysisWindow) -> Result<Opened, AudioError> {
    open_at(path, window, u32::MAX)
}

/// The same for those to whom `enough` Hz are enough: what can be decoded at a lower rate for less is, unless that is
/// below it. The clips are what [`Clip::resampled`] would make of those at the file's own rate, as far as two decoders
/// agree.
///
/// # Errors
/// As [open].
pub fn open_at(path: &Path, window: &AnalysisWindow, enough: u32) -> Result<Opened, AudioError> {
    guard(path, || {
        let source = Source::open(path)?;
        let bytes = source.bytes();
        let track::Opened { container, mut track, sound } = track::open(source, enough)?;
        let spans = window.spans(track.format().total, track.format().sample_rate);
        let mut places: Vec<Range<u64>> = spans.iter().map(|span| place(span, track.format().total, &sound)).collect();
        if let (true, Some(first)) = (track.walks(), places.first_mut()) {
            first.start = sound.start;
        }
        places.iter().for_each(|place| bytes.will_need(place));
        // Finding the first window may take looks at several places: whoever decodes should not have to wait for them.
        if let Some(first) = spans.first().filter(|first| first.start > 0) {
            track.seek(first.start)?;
        }
        Ok(Opened { path: path.to_owned(), bytes, container, track, spans, places })
    })
}

impl Opened {
    /// Waits until the disk has fetched what is needed, so that decoding does not wait for it. A place that is not
    /// quite right costs another look at the disk, no more.
    pub fn fetch(&self) {
        self.places.iter().for_each(|place| self.bytes.fetch(place));
    }

    /// Decodes the windows.
    ///
    /// # Errors
    /// [AudioError] when the file cannot be read, or more than 5 % (and a quarter of a second) of a window cannot be
    /// decoded.
    pub fn decode(mut self) -> Result<Recording, AudioError> {
        guard(&self.path, || {
            let format = self.track.format().clone();
            let mut clips = Vec::with_capacity(self.spans.len());
            for (number, span) in self.spans.iter().enumerate() {
                // The first one was sought when the file was opened.
                if number > 0 && span.start > 0 {
                    self.track.seek(span.start)?;
                }
                clips.push(clip(self.track.as_mut(), span)?);
            }
            Ok(Recording {
                clips,
                codec: format.codec,
                container: self.container,
                source_rate: self.track.source_rate(),
                channels: format.channels,
                duration: Duration::from_secs_f64(format.total as f64 / f64::from(format.sample_rate)),
            })
        })
    }
}

/// Where in the file the frames of a window lie: in proportion, with some room on either side for bit rates that vary.
fn place(span: &Range<u64>, total: u64, sound: &Range<u64>) -> Range<u64> {
    const ROOM: u64 = 64 * 1024;
    let length = sound.end.saturating_sub(sound.start);
    let at = |frame: u64| (u128::from(length) * u128::from(frame) / u128::from(total.max(1))) as u64;
    let (start, end) = (at(span.start), at(span.end).min(length));
    let room = (end.saturating_sub(start) / 16).saturating_add(ROOM);
    sound.start + start.saturating_sub(room)..sound.start + end.saturating_add(room).min(length)
}

/// Opens a file as [decode] does and decodes its first packets: a check that it still plays, for whoever has rewritten
/// it.
///
/// # Errors
/// As [decode].
pub fn probe(path: &Path) -> Result<(), AudioError> {
    guard(path, || {
        let mut track = track::open(Source::open(path)?, u32::MAX)?.track;
        let mut mono = Vec::new();
        for _ in 0..PROBED_PACKETS {
            if track.decode(&mut mono)?.is_none() || !mono.is_empty() {
                break;
            }
        }
        if mono.is_empty() { Err(Fault::damaged("its first packets cannot be decoded")) } else { Ok(()) }
    })
}

/// Decodes the frames of `span`, which the track was positioned for. Frames that cannot be decoded are silent; too many
/// of them are an error.
fn clip(track: &mut dyn Track, span: &Range<u64>) -> Result<Clip, Fault> {
    let Format { sample_rate, total, .. } = *track.format();
    // What lies around it has a part in its ends.
    let before = track.margin().min(span.start);
    let after = track.margin().min(total.saturating_sub(span.end));
    let length = span.end - span.start;
    let span = span.start - before..span.end + after;
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
            refuse_holes(track, silent, wanted)?;
            samples.resize(samples.len() + hole as usize, 0.0);
        }
        // What lies before the wanted place: the run-in, and encoder delay.
        let known = usize::try_from(samples.len() as i128 - at).unwrap_or(usize::MAX);
        let left = (wanted - samples.len() as u64) as usize;
        samples.extend(packet.iter().skip(known).take(left));
    }
    refuse_holes(track, silent + (wanted - samples.len() as u64), wanted)?;
    if samples.is_empty() {
        return Err(Fault::Empty("its sound has no samples"));
    }
    let start = (before as usize).min(samples.len());
    let end = (start + length as usize).min(samples.len());
    track.finish(&mut samples, start..end);
    samples.truncate(end);
    samples.drain(..start);
    Ok(Clip { samples, sample_rate })
}

/// Refuses a window of which more than 5 % and more than a quarter of a second are missing.
fn refuse_holes(track: &dyn Track, missing: u64, wanted: u64) -> Result<(), Fault> {
    let Format { codec, sample_rate, .. } = *track.format();
    if missing > (wanted / 20).max(u64::from(sample_rate) / 4).min(wanted / 2) {
        if let Some(why) = track.cannot() {
            return Err(Fault::unsupported(format!("this form of {codec} ({why})")));
        }
        let percent = missing * 100 / wanted.max(1);
        return Err(Fault::damaged(format!("{percent} % of its sound cannot be decoded")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_sought_where_it_lies_in_proportion() {
        let sound = 1_000_000..11_000_000;
        let place = |span: Range<u64>| super::place(&span, 300, &sound);
        assert_eq!(place(135..165), 5_371_964..6_628_036);
        assert_eq!(place(0..300), sound);
        assert_eq!(super::place(&(0..10), 0, &(5..5)), 5..5);
    }

    #[test]
    fn a_file_that_is_not_there_is_warmed_without_a_word() {
        warm(Path::new("/nowhere/song.mp3"));
    }
}
