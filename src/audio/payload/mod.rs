//! Where in a file the encoded sound is, and nothing else of the file: no tags, covers, padding, indices or page
//! headers. One file a container. A decoder starts from here, an identity is a hash of some of it, and whoever rewrites
//! tags hashes all of it before and after. Nothing is decoded here.

pub(crate) mod caf;
mod container;
pub(crate) mod flac;
pub(crate) mod matroska;
pub(crate) mod mp4;
pub(crate) mod mpeg;
pub(crate) mod ogg;
pub(crate) mod riff;

use std::ops::Range;
use std::path::Path;

use super::AudioError;
use super::error::{Fault, guard};
use super::source::Source;
use crate::formats as tags;

pub use container::Container;
pub(crate) use container::{Found, find};

/// The encoded sound of a file: its container and the bytes, in order.
///
/// What it is for each container: MP3 and ADTS: everything from the first frame to the last byte before the trailing
/// tags. FLAC: the frames behind the metadata blocks. Ogg: the bodies of the pages behind the header packets, without
/// page headers. MP4: the contents of every `mdat`. WAV: the contents of `data`, AIFF: of `SSND`, CAF: of `data`.
/// Matroska: the clusters. The formats that cannot be decoded here have no payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The kind of file.
    pub container: Container,
    /// Byte ranges of the file, in ascending order.
    pub extents: Vec<Range<u64>>,
}

impl Payload {
    /// The number of bytes in all extents.
    pub fn len(&self) -> u64 {
        self.extents.iter().map(|extent| extent.end - extent.start).sum()
    }

    /// Whether there is no byte of sound.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Finds the encoded sound of a file. An Ogg file is walked page by page for it; the others are read at a few places
/// only.
///
/// # Errors
/// Whatever keeps the container from being understood: see [AudioError]. A file that stops before the end that it
/// declares is an error as well, except in MPEG audio and ADTS, which are not looked into here.
pub fn payload(path: &Path) -> Result<Payload, AudioError> {
    guard(path, || {
        let mut source = Source::open(path)?;
        let found = find(&mut source)?;
        locate(&mut source, &found)
    })
}

/// The BLAKE3 hash of the whole encoded sound, without tags: equal before and after a tag write that left the sound
/// alone.
///
/// # Errors
/// As [payload], and when reading fails.
pub fn payload_hash(path: &Path) -> Result<blake3::Hash, AudioError> {
    guard(path, || hash(&mut Source::open(path)?))
}

fn hash(source: &mut Source) -> Result<blake3::Hash, Fault> {
    const STEP: u64 = 1 << 20;
    let found = find(source)?;
    let payload = locate(source, &found)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(payload.container.name().as_bytes());
    for extent in &payload.extents {
        let mut position = extent.start;
        while position < extent.end {
            let bytes = source.read(position..extent.end.min(position + STEP))?;
            if bytes.is_empty() {
                return Err(Fault::truncated("it became shorter while it was read"));
            }
            hasher.update(&bytes);
            position += bytes.len() as u64;
        }
    }
    Ok(hasher.finalize())
}

/// The payload of a file whose container was found.
pub(crate) fn locate(source: &mut Source, found: &Found) -> Result<Payload, Fault> {
    let extents = match found {
        Found::Mpeg(range) | Found::Adts(range) => vec![range.clone()],
        Found::Flac(start) => vec![flac::Layout::read(source, *start)?.frames],
        Found::Ogg(start) => ogg::bodies(source, *start)?,
        Found::Mp4(start) => mp4::Layout::read(source, *start)?.mdat,
        Found::Riff(start) => vec![riff::wave(source, *start)?.data],
        Found::Aiff(start) => vec![riff::aiff(source, *start)?.data],
        Found::Caf(start) => vec![caf::Layout::read(source, *start)?.data],
        Found::Matroska(start) => matroska::clusters(source, *start)?,
    };
    Ok(Payload { container: found.container(), extents })
}
