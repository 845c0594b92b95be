//! One track as it was heard: its log-mel spectrogram with the beats, its pitch classes, and what the models say along
//! the whole of it.

use super::beats::grid;
use super::pitches::pitch_classes;
use super::spectrogram::{mel_of, shrunk};
use crate::audio::Clip;
use crate::descriptors::Descriptors;
use crate::drawing::axes::Axes;
use crate::drawing::{Anchor, BLUE, Canvas, Colour, DrawError, INK, MUTED, ORANGE, Text, WHITE, magma};
use crate::features::{Extractor, LogMelParameters};

/// Width and height, in pixels.
const SIZE: (u32, u32) = (1600, 1380);
const LEFT: u32 = 130;
const WIDTH: u32 = 1410;
const RATE: u32 = 22_050;
const RANGE: f32 = 80.0;
const TOP: f64 = 11_025.0;
/// Genres whose scores are drawn, each in a colour of its own.
const COLOURS: [Colour; 6] =
    [BLUE, ORANGE, (0x2f, 0x85, 0x5a), (0x80, 0x3f, 0xa5), (0xb8, 0x32, 0x80), (0x7b, 0x61, 0x2d)];
const NOTES: [&str; 12] = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];

/// What the models say of stretches of a track.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    /// From where to where each reaches, in seconds.
    pub windows: Vec<(f64, f64)>,
    /// Genres with their share in each, the most frequent first.
    pub genres: Vec<(String, Vec<f32>)>,
}

/// What is drawn of a track.
pub struct TrackPicture<'a> {
    /// The heading.
    pub title: &'a str,
    /// What stands below it.
    pub subtitle: &'a str,
    /// What was listened to.
    pub clip: &'a Clip,
    /// Where in the track that begins, and how long the track is, in seconds.
    pub start: f64,
    /// How long the track is, in seconds.
    pub duration: f64,
    /// What it sounds like.
    pub descriptors: Option<&'a Descriptors>,
    /// What the models say.
    pub scores: &'a Scores,
}

/// Draws a track as a PNG.
///
/// # Errors
/// [`DrawError`] when there is no memory; the sound's own error in words when it is too short or not to be resampled.
pub fn track(picture: &TrackPicture<'_>) -> Result<Vec<u8>, DrawError> {
    let mut canvas = Canvas::new(SIZE.0, SIZE.1)?;
    canvas.text(picture.title, (60.0, 46.0), &Text { size: 32.0, bold: true, ..Text::of(INK) });
    canvas.text(picture.subtitle, (60.0, 92.0), &Text { size: 22.0, ..Text::of(MUTED) });
    let sound = picture.clip.resampled(RATE).map_err(|error| DrawError::Sound(error.reason()))?;
    spectrogram(&mut canvas, picture, &sound)?;
    chroma(&mut canvas, picture, &sound);
    scores(&mut canvas, picture);
    canvas.encoded()
}

fn heading(canvas: &mut Canvas, text: &str, top: u32) {
    canvas.text(text, (LEFT as f32, top as f32 - 22.0), &Text { size: 22.0, bold: true, ..Text::of(INK) });
}

/// Seconds along a panel.
fn seconds(canvas: &mut Canvas, from: f64, length: f64, bottom: f32) {
    let steps = [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
    let step = steps.into_iter().find(|step| length / step <= 16.0).unwrap_or(1800.0);
    let mut second = (from / step).ceil() * step;
    while second <= from + length {
        let x = LEFT as f32 + WIDTH as f32 * ((second - from) / length.max(1e-3)) as f32;
        canvas.line(&[(x, bottom), (x, bottom + 6.0)], 1.5, MUTED, false);
        let label = format!("{}:{:02}", second as u64 / 60, second as u64 % 60);
        canvas.text(&label, (x, bottom + 19.0), &Text { size: 17.0, anchor: Anchor::Middle, ..Text::of(MUTED) });
        second += step;
    }
}

fn spectrogram(canvas: &mut Canvas, picture: &TrackPicture<'_>, sound: &Clip) -> Result<(), DrawError> {
    let (top, height) = (160, 440);
    let parameters = LogMelParameters { top_db: RANGE, fmax: TOP, ..LogMelParameters::default() };
    let mel = Extractor::new().log_mel(&sound.samples, sound.sample_rate, &parameters);
    let mel = mel.map_err(|error| DrawError::Sound(error.to_string()))?;
    let pixels = shrunk(&mel, RANGE, WIDTH, height);
    canvas.picture((LEFT, top, WIDTH, height), |x, y| magma(pixels[(y * WIDTH + x) as usize]));
    let tempo = picture.descriptors.and_then(|descriptors| descriptors.tempo.ok());
    let length = sound.duration().as_secs_f64();
    let beats = match tempo {
        Some(tempo) => grid(&mel, f64::from(RATE) / 512.0, tempo.bpm),
        None => Vec::new(),
    };
    let said = tempo.map_or_else(|| "no beat".to_owned(), |tempo| format!("beats of {:.2} BPM", tempo.bpm));
    heading(canvas, &format!("Log-mel spectrogram, 80 dB; {said}"), top);
    let (from, bottom) = (top as f32, (top + height) as f32);
    for beat in beats.into_iter().filter(|beat| *beat <= length) {
        let x = LEFT as f32 + WIDTH as f32 * (beat / length.max(1e-3)) as f32;
        canvas.line(&[(x, from), (x, from + 16.0)], 2.0, WHITE, false);
        canvas.line(&[(x, bottom - 16.0), (x, bottom)], 2.0, WHITE, false);
    }
    for hertz in [125.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0] {
        let y = bottom - height as f32 * (mel_of(hertz) / mel_of(TOP)) as f32;
        let label = if hertz < 1000.0 { format!("{hertz:.0} Hz") } else { format!("{:.0} kHz", hertz / 1000.0) };
        canvas.line(&[(LEFT as f32 - 6.0, y), (LEFT as f32, y)], 1.5, MUTED, false);
        canvas.text(&label, (LEFT as f32 - 12.0, y), &Text { size: 17.0, anchor: Anchor::End, ..Text::of(MUTED) });
    }
    seconds(canvas, picture.start, length, bottom);
    Ok(())
}

fn chroma(canvas: &mut Canvas, picture: &TrackPicture<'_>, sound: &Clip) {
    let (top, height) = (694, 264);
    let key = picture.descriptors.and_then(|descriptors| descriptors.key.ok());
    let said = key.map_or_else(|| "no key".to_owned(), |key| format!("{key} ({:.2})", key.confidence));
    heading(canvas, &format!("Pitch classes; {said}"), top);
    let frames = pitch_classes(&sound.samples, sound.sample_rate);
    if !frames.is_empty() {
        canvas.picture((LEFT, top, WIDTH, height), |x, y| {
            let frame = (x as usize * frames.len() / WIDTH as usize).min(frames.len() - 1);
            magma(frames[frame][11 - (y * 12 / height) as usize])
        });
    }
    for (class, name) in NOTES.into_iter().enumerate() {
        let y = (top + height) as f32 - (class as f32 + 0.5) * height as f32 / 12.0;
        let is_tonic = key.is_some_and(|key| key.tonic == class);
        let colour = if is_tonic { ORANGE } else { MUTED };
        let style = Text { size: 17.0, bold: is_tonic, anchor: Anchor::End, ..Text::of(colour) };
        canvas.text(name, (LEFT as f32 - 12.0, y), &style);
    }
    seconds(canvas, picture.start, sound.duration().as_secs_f64(), (top + height) as f32);
}

fn scores(canvas: &mut Canvas, picture: &TrackPicture<'_>) {
    let (top, height) = (1052, 250);
    let Scores { windows, genres } = picture.scores;
    heading(canvas, &format!("What the built-in models say of {} stretches of the whole track", windows.len()), top);
    let length = picture.duration.max(1e-3) as f32;
    let area = (LEFT as f32, top as f32, WIDTH as f32, height as f32);
    let axes = Axes { area, x: (0.0, length), y: (0.0, 1.0) };
    axes.grid(canvas, &[], &[0.0, 0.25, 0.5, 0.75, 1.0], |tick| format!("{:.0} %", tick * 100.0));
    let clip = picture.clip.duration().as_secs_f64();
    for end in [picture.start, picture.start + clip] {
        let (x, y) = axes.at(end as f32, 1.0);
        canvas.line(&[(x, y), (x, y + height as f32)], 1.5, MUTED, true);
    }
    let mut legend = LEFT as f32;
    for ((genre, shares), colour) in genres.iter().zip(COLOURS) {
        let middle = |(from, to): &(f64, f64)| ((from + to) / 2.0) as f32;
        let points: Vec<(f32, f32)> =
            windows.iter().zip(shares).map(|(window, share)| axes.at(middle(window), share.clamp(0.0, 1.0))).collect();
        canvas.line(&points, 2.5, colour, false);
        points.iter().for_each(|point| canvas.dot(*point, 5.0, colour));
        let y = (top + height) as f32 + 56.0;
        canvas.rect((legend, y - 8.0), (16.0, 16.0), colour);
        canvas.text(genre, (legend + 24.0, y), &Text { size: 20.0, ..Text::of(INK) });
        legend += 60.0 + canvas.text_width(genre, 20.0);
    }
    seconds(canvas, 0.0, picture.duration, (top + height) as f32);
    let note = Text { size: 17.0, anchor: Anchor::End, ..Text::of(MUTED) };
    let right = ((LEFT + WIDTH) as f32, (top + height) as f32 + 56.0);
    canvas.text("between the dashed lines: what is drawn above", right, &note);
}
