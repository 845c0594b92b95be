//! The tags behind the audio of an MP3 (and, put there by careless taggers, of a FLAC): ID3v1, Lyrics3, APEv2, ID3v2
//! with a footer.
//!
//! They are peeled off from the end. What is not recognised counts as audio, which is never changed either.

use std::io;
use std::ops::Range;

use super::apev2::{self, Apev2};
use super::error::{Problem, Refusal};
use super::id3v1::Id3v1;
use super::id3v2::{self, Id3v2};
use super::readers::Voice;
use super::source::Source;

/// More tags than this behind the audio are no accident of a tagger.
const MAX_TAGS: usize = 16;

/// A tag behind the audio.
#[derive(Debug)]
pub(crate) enum TailTag {
    Id3v1(Id3v1),
    /// Copied, never looked into: Lyrics3v2, the "enhanced" ID3v1.
    Opaque,
    Apev2(Apev2),
    Id3v2(Id3v2),
}

/// All tags behind the audio.
pub(crate) struct Tail {
    /// In file order, each with its place.
    pub(crate) tags: Vec<(Range<u64>, TailTag)>,
    /// Where the first of them starts, or the file ends.
    pub(crate) start: u64,
}

impl Tail {
    /// The tags at the end of the file that start at or behind `limit`.
    pub(crate) fn parse(source: &dyn Source, limit: u64) -> Result<Self, Problem> {
        let mut tail = Self { tags: Vec::new(), start: source.len() };
        while let Some((range, tag)) = last_tag(source, limit, tail.start)? {
            if tail.tags.len() == MAX_TAGS {
                return Err(
                    Refusal::Unsupported { what: "end of the file", why: "more than 16 tags stand there" }.into()
                );
            }
            tail.start = range.start;
            tail.tags.push((range, tag));
        }
        tail.tags.reverse();
        Ok(tail)
    }
}

fn last_tag(source: &dyn Source, start: u64, end: u64) -> Result<Option<(Range<u64>, TailTag)>, Problem> {
    let room = end - start;
    // What tells itself by its end, or by both ends, comes first. The few letters at the start of an ID3v1 tag may
    // stand in audio just there, in front of another tag.
    if let Some(first) = id3v2::start_of_appended_tag(source, end)?.filter(|&first| first >= start) {
        let raw = source.bytes(first..end, id3v2::LIMIT, "ID3v2 tag at the end")?;
        return Ok(Some((first..end, TailTag::Id3v2(Id3v2::parse(raw)?))));
    }
    if room >= 32 && source.window(end - 32, 8)? == apev2::MAGIC {
        let (range, tag) = Apev2::parse(source, start, end)?;
        return Ok(Some((range, TailTag::Apev2(tag))));
    }
    if let Some(first) = lyrics3(source, start, end)? {
        return Ok(Some((first..end, TailTag::Opaque)));
    }
    if let Some(tag) = id3v1(source, start, end)? {
        return Ok(Some((end - 128..end, TailTag::Id3v1(tag))));
    }
    // The "enhanced" tag stands right in front of an ID3v1 tag.
    if room >= 227 && source.window(end - 227, 4)? == b"TAG+" && source.window(end, 3)? == b"TAG" {
        return Ok(Some((end - 227..end, TailTag::Opaque)));
    }
    Ok(None)
}

/// The ID3v1 tag that ends at `end`.
fn id3v1(source: &dyn Source, start: u64, end: u64) -> io::Result<Option<Id3v1>> {
    if end - start < 128 {
        return Ok(None);
    }
    let tag = source.window(end - 128, 128)?;
    // "APETAGEX" holds "TAG" as well, and an APE footer may lie just there.
    let inside_ape = end - start >= 131 && source.window(end - 131, 8)? == apev2::MAGIC;
    Ok((tag.starts_with(b"TAG") && !inside_ape).then(|| Id3v1::parse(&tag)))
}

/// The start of the Lyrics3v2 block that ends at `end`: six digits of length, then the word.
fn lyrics3(source: &dyn Source, start: u64, end: u64) -> io::Result<Option<u64>> {
    if end - start < 15 {
        return Ok(None);
    }
    let tail = source.window(end - 15, 15)?;
    let (digits, word) = tail.split_at(6);
    if word != b"LYRICS200" || !digits.iter().all(u8::is_ascii_digit) {
        return Ok(None);
    }
    let length = digits.iter().fold(0, |value, &digit| value * 10 + u64::from(digit - b'0'));
    let first = (end - 15).checked_sub(length).filter(|&first| first >= start);
    let Some(first) = first else { return Ok(None) };
    Ok((source.window(first, 11)? == b"LYRICSBEGIN").then_some(first))
}

impl TailTag {
    /// The genre that an ID3v1 tag names.
    pub(crate) fn id3v1_genre(&self) -> Option<&'static str> {
        match self {
            Self::Id3v1(tag) => tag.genre(),
            _ => None,
        }
    }

    /// An ID3v1 tag as readers take it.
    pub(crate) fn id3v1_voice(&self) -> Option<Voice> {
        match self {
            Self::Id3v1(tag) => Some(tag.voice()),
            _ => None,
        }
    }
}
