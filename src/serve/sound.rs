//! What a track sounds like in a browser: its file, by parts, where browsers can play it, and else the part that was
//! listened to as a WAV.

use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use bytes::Bytes;

use super::app::block;
use super::beneath::Beneath;
use super::http::{Channel, Response};
use super::problem::{Kind, Problem};
use super::reply::Reply;
use super::shapes::{Audio, Window};
use crate::audio::{self, AnalysisWindow, Clip};
use crate::store::QueuedTrack;

/// Bytes that are sent at once.
const PIECE: u64 = 128 * 1024;

/// What is heard of a track: told by its ending and its codec, so that no file is opened for a list.
pub fn described(row: &QueuedTrack, window: &Window) -> Audio {
    match played_as(row) {
        Some(r#type) => Audio { form: "file", r#type, start: window.start, length: window.length },
        None => Audio { form: "window", r#type: "audio/wav", start: 0.0, length: window.length },
    }
}

/// The media type of a file that browsers can play.
pub fn played_as(row: &QueuedTrack) -> Option<&'static str> {
    let ending = row.path.extension()?.to_str()?.to_ascii_lowercase();
    let is_one_of = |codecs: &[&str]| row.codec.as_deref().is_some_and(|codec| codecs.contains(&codec));
    match ending.as_str() {
        "mp3" if is_one_of(&["MP3"]) => Some("audio/mpeg"),
        "flac" if is_one_of(&["FLAC"]) => Some("audio/flac"),
        "ogg" | "oga" | "opus" if is_one_of(&["Vorbis", "Opus", "FLAC"]) => Some("audio/ogg"),
        "m4a" | "m4b" | "mp4" if is_one_of(&["AAC"]) => Some("audio/mp4"),
        "wav" | "wave" if is_one_of(&["PCM"]) => Some("audio/wav"),
        _ => None,
    }
}

/// What tells one state of a file from another.
pub fn tag(metadata: &Metadata, what: &str) -> HeaderValue {
    let words = format!(
        "\"{:x}-{:x}-{:x}-{:x}{what}\"",
        metadata.ino(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec()
    );
    HeaderValue::from_str(&words).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether the client has it already.
pub fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let tag = tag.to_str().unwrap_or_default();
    known.is_some_and(|known| {
        known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag || one.trim() == "*")
    })
}

/// An answer that says so.
pub fn unchanged(tag: HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.headers_mut().insert(ETAG, tag);
    response
}

/// A file or a part of it.
///
/// # Errors
/// [`Problem`] where the part is not there.
pub fn file(open: Beneath, media_type: &'static str, headers: &HeaderMap) -> Reply {
    let metadata = open.file.metadata().map_err(|error| Problem::new(Kind::Conflict, error.to_string()))?;
    let (tag, length) = (tag(&metadata, ""), metadata.len());
    if is_known(headers, &tag) {
        return Ok(unchanged(tag));
    }
    // Of another state of the file a part would not fit to what the client has.
    let fits = headers.get(IF_RANGE).is_none_or(|known| known == tag);
    let wanted = headers.get(RANGE).filter(|_| fits).and_then(|value| value.to_str().ok());
    let part = match wanted.map(|wanted| part(wanted, length)) {
        Some(Part::Is(first, last)) => Some((first, last)),
        Some(Part::Outside) => return Ok(no_such_part(length)),
        Some(Part::NotUnderstood) | None => None,
    };
    let (first, end) = part.map_or((0, length), |(first, last)| (first, last + 1));
    let (body, sender) = Channel::new(2, Some(end - first));
    let source = Arc::new(open.file);
    tokio::spawn(async move {
        let mut at = first;
        while at < end {
            let (source, size) = (Arc::clone(&source), PIECE.min(end - at));
            let piece = block(move || read(&source, at, size)).await;
            let Ok(piece) = piece else { return };
            at += piece.len() as u64;
            if piece.is_empty() || sender.send(piece).await.is_err() {
                return;
            }
        }
    });
    let mut response = Response::new(Body::new(body));
    if let Some((first, last)) = part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        if let Ok(range) = HeaderValue::from_str(&format!("bytes {first}-{last}/{length}")) {
            response.headers_mut().insert(CONTENT_RANGE, range);
        }
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(ETAG, tag);
    Ok(response)
}

fn read(file: &File, at: u64, size: u64) -> Result<Bytes, Problem> {
    let mut piece = vec![0; usize::try_from(size).unwrap_or(0)];
    let read = file.read_at(&mut piece, at).map_err(|error| Problem::new(Kind::Conflict, error.to_string()))?;
    piece.truncate(read);
    Ok(Bytes::from(piece))
}

/// Bytes that are in memory, or a part of them.
///
/// # Errors
/// [`Problem`] where the part is not there.
pub fn part_of(bytes: Vec<u8>, media_type: &'static str, headers: &HeaderMap) -> Reply {
    let length = bytes.len() as u64;
    let bytes = Bytes::from(bytes);
    let wanted = headers.get(RANGE).filter(|_| headers.get(IF_RANGE).is_none()).and_then(|value| value.to_str().ok());
    let (status, range, bytes) = match wanted.map(|wanted| part(wanted, length)) {
        Some(Part::Is(first, last)) => {
            let range = format!("bytes {first}-{last}/{length}");
            (StatusCode::PARTIAL_CONTENT, Some(range), bytes.slice(first as usize..=last as usize))
        }
        Some(Part::Outside) => return Ok(no_such_part(length)),
        Some(Part::NotUnderstood) | None => (StatusCode::OK, None, bytes),
    };
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Some(Ok(range)) = range.map(|range| HeaderValue::from_str(&range)) {
        headers.insert(CONTENT_RANGE, range);
    }
    Ok(response)
}

fn no_such_part(length: u64) -> Response {
    let problem = Problem::new(Kind::Range, format!("the file has {length} bytes"));
    let mut response = axum::response::IntoResponse::into_response(problem);
    if let Ok(range) = HeaderValue::from_str(&format!("bytes */{length}")) {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
    response
}

/// What a `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// From this byte to that, both of them in it.
    Is(u64, u64),
    Outside,
    /// Another unit, or several parts: all of it is sent.
    NotUnderstood,
}

fn part(wanted: &str, length: u64) -> Part {
    let Some((first, last)) = wanted.trim().strip_prefix("bytes=").and_then(|part| part.trim().split_once('-')) else {
        return Part::NotUnderstood;
    };
    let number =
        |text: &str| (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<u64>().ok());
    match (first.is_empty(), number(first).flatten(), last.is_empty(), number(last).flatten()) {
        (true, None, false, Some(0)) => Part::Outside,
        (true, None, false, Some(_)) if length == 0 => Part::Outside,
        (true, None, false, Some(tail)) => Part::Is(length - tail.min(length), length - 1),
        (false, Some(first), _, _) if first >= length => Part::Outside,
        (false, Some(first), true, None) => Part::Is(first, length - 1),
        (false, Some(first), false, Some(last)) if last >= first => Part::Is(first, last.min(length - 1)),
        _ => Part::NotUnderstood,
    }
}

/// The part that was listened to as a WAV: one channel of 16 bits.
///
/// # Errors
/// [`Problem`] where it cannot be decoded.
pub fn window(open: &Beneath, window: &AnalysisWindow) -> Result<Vec<u8>, Problem> {
    Ok(wav(&clip(open, window)?))
}

/// The part that was listened to.
///
/// # Errors
/// [`Problem`] where it cannot be decoded.
pub fn clip(open: &Beneath, window: &AnalysisWindow) -> Result<Clip, Problem> {
    let unfit = |error: audio::AudioError| Problem::new(Kind::Unfit, error.reason());
    let recording = audio::decode(&open.held(), window).map_err(unfit)?;
    let clip = recording.clips.into_iter().next();
    clip.ok_or_else(|| Problem::new(Kind::Unfit, "there is no sound in it"))
}

fn wav(clip: &Clip) -> Vec<u8> {
    let data = u32::try_from(clip.samples.len() * 2).unwrap_or(u32::MAX - 36);
    let mut bytes = Vec::with_capacity(44 + data as usize);
    bytes.extend(b"RIFF");
    bytes.extend((36 + data).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(clip.sample_rate.to_le_bytes());
    bytes.extend((clip.sample_rate * 2).to_le_bytes());
    bytes.extend(2_u16.to_le_bytes());
    bytes.extend(16_u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(data.to_le_bytes());
    for sample in &clip.samples {
        bytes.extend(((sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16).to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_a_player_that_seeks_asks_for() {
        assert_eq!(part("bytes=0-", 100), Part::Is(0, 99));
        assert_eq!(part("bytes=10-19", 100), Part::Is(10, 19));
        assert_eq!(part("bytes=90-500", 100), Part::Is(90, 99));
        assert_eq!(part("bytes=-10", 100), Part::Is(90, 99));
        assert_eq!(part("bytes=-500", 100), Part::Is(0, 99));
        for outside in ["bytes=100-", "bytes=200-300", "bytes=-0"] {
            assert_eq!(part(outside, 100), Part::Outside, "{outside}");
        }
        for other in ["bytes=20-10", "bytes=0-1,5-6", "lines=1-2", "bytes=", "bytes=a-b", "bytes=+1-2", "bytes=-"] {
            assert_eq!(part(other, 100), Part::NotUnderstood, "{other}");
        }
        assert_eq!((part("bytes=0-", 0), part("bytes=-5", 0)), (Part::Outside, Part::Outside));
    }

    #[test]
    fn a_window_is_a_wav_that_any_player_reads() {
        let bytes = wav(&Clip { samples: vec![0.0, 0.5, -1.0, 2.0], sample_rate: 8000 });
        assert_eq!(
            (bytes.len(), &bytes[..4], &bytes[40..44]),
            (52, b"RIFF".as_slice(), 8_u32.to_le_bytes().as_slice())
        );
        assert_eq!(&bytes[44..], [0, 0, 0, 0x40, 0, 0x80, 0xff, 0x7f]);
    }
}
