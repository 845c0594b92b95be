//! The identity of a file's sound: equal for copies, moved and retagged files, different for other sound or another
//! encoding of it.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use super::error::{Fault, guard};
use super::payload::{self, Container, Found, ogg};
use super::source::Source;
use super::{AudioError, Payload};

/// A 128-bit hash of the encoded sound without its tags.
///
/// BLAKE3, cut to 16 bytes, over: the container's name, the length of the payload in bytes (little-endian, 64 bits),
/// and 64 KiB of the payload at its start, its middle and its end; a payload of up to 192 KiB is hashed whole. Payload
/// is what [Payload] says, except in Ogg, where walking all pages would read all of the file: there the length is that
/// of the pages, headers included, and what is hashed are the bodies of the pages that begin at the start, from the
/// middle on, and up to the end. (A tag writer renumbers pages and so changes their checksums, but neither their
/// lengths nor their bodies.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AudioId([u8; 16]);

/// Bytes hashed at each of the three places.
const SAMPLE: u64 = 64 * 1024;

/// Changed whenever the definition is, so that old and new identities cannot be taken for one another.
const VERSION: &[u8] = b"reclassd audio id 1";

impl AudioId {
    /// The identity of these bytes, as stored.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for AudioId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is no [AudioId]: not 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an audio id is 32 hexadecimal digits")]
pub struct ParseAudioIdError;

impl FromStr for AudioId {
    type Err = ParseAudioIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return Err(ParseAudioIdError);
        }
        let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8).ok_or(ParseAudioIdError);
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

/// The identity of a file's sound. Reads a few hundred KiB at most, and decodes nothing.
///
/// # Errors
/// Whatever keeps the container from being understood: see [AudioError]. Formats that cannot be decoded have no
/// identity.
pub fn identify(path: &Path) -> Result<AudioId, AudioError> {
    guard(path, || identity(&mut Source::open(path)?))
}

fn identity(source: &mut Source) -> Result<AudioId, Fault> {
    match payload::find(source)? {
        Found::Ogg(start) => {
            let pages = ogg::audio_pages(source, start)?;
            let mut hash = Hash::new(Container::Ogg, pages.end - pages.start);
            for place in places(pages.end - pages.start) {
                let (mut position, end) = (pages.start + place.start, pages.start + place.end);
                while let Some(page) = ogg::next_page(source, position..end)? {
                    hash.add(source, page.body())?;
                    position = page.end();
                }
            }
            Ok(hash.finish())
        }
        found => {
            let payload = payload::locate(source, &found)?;
            let mut hash = Hash::new(payload.container, payload.len());
            for place in places(payload.len()) {
                hash.add_place(source, &payload, place)?;
            }
            Ok(hash.finish())
        }
    }
}

/// The parts of a payload that are hashed.
fn places(length: u64) -> Vec<Range<u64>> {
    if length <= 3 * SAMPLE {
        return std::iter::once(0..length).collect();
    }
    let middle = length / 2 - SAMPLE / 2;
    vec![0..SAMPLE, middle..middle + SAMPLE, length - SAMPLE..length]
}

struct Hash(blake3::Hasher);

impl Hash {
    fn new(container: Container, length: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(VERSION).update(container.name().as_bytes()).update(&length.to_le_bytes());
        Self(hasher)
    }

    /// Adds a stretch of the file.
    fn add(&mut self, source: &mut Source, range: Range<u64>) -> Result<(), Fault> {
        self.0.update(&source.read(range)?);
        Ok(())
    }

    /// Adds a stretch of the payload, which may lie in several extents of the file.
    fn add_place(&mut self, source: &mut Source, payload: &Payload, place: Range<u64>) -> Result<(), Fault> {
        let mut before = 0;
        for extent in &payload.extents {
            let length = extent.end - extent.start;
            let start = place.start.clamp(before, before + length) - before;
            let end = place.end.clamp(before, before + length) - before;
            if start < end {
                self.add(source, extent.start + start..extent.start + end)?;
            }
            before += length;
        }
        Ok(())
    }

    fn finish(self) -> AudioId {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0.finalize().as_bytes()[..16]);
        AudioId(id)
    }
}
