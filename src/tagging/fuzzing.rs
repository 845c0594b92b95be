//! What the fuzz targets (`fuzz/`) call: bytes become a wish and a file, and the edit is judged as the tests judge
//! theirs.
//!
//! Compiled for fuzzing only. A refusal is an answer; a panic is a finding, whether an editor panics or the judgement
//! does.

#![allow(clippy::unwrap_used)] // a target reports what it finds by panicking

use std::fmt;
use std::io;

use super::apetagged::ApeTagged;
use super::asf::AsfFile;
use super::container::Container;
use super::dsd::{DsdiffFile, DsfFile};
use super::edit_check;
use super::editor::{self, EditOptions, Editor, Holding, Id3Values, Id3Version, Layout, Patch};
use super::error::{Problem, Refusal};
use super::fixtures::ogg_page;
use super::flac::FlacFile;
use super::iff::IffFile;
use super::matroska::MatroskaFile;
use super::mp3::Mp3File;
use super::mp4::Mp4File;
use super::ogg::OggFile;
use super::plan::{TagField, TagPlan, Wish};
use super::readers::Voice;
use super::source::Source;
use super::stamp::FileStamp;
use super::state::{OwnFields, TagState};
use crate::formats::Kind;

/// Length of the part of the input that says what is wished for: a byte of options, one for each field, and free text.
pub const HEAD: usize = 16;
/// The option bit behind those of the four fields: a new ID3v2 tag is of version 2.3.
pub const NEW_ID3_IS_V23: u8 = 0x10;
/// The next one: every Ogg page receives the checksum that it should have, which no mutation would ever hit.
pub const RIGHT_CHECKSUMS: u8 = 0x20;

/// The next one: several genres of ID3v2.3 stand apart.
pub const V23_VALUES_STAND_APART: u8 = 0x40;

/// Values to choose from: a text and how often it is repeated. Behind them follows the free text of the input.
const VALUES: [(&str, usize); 28] = [
    ("Rock", 1),
    ("Pop", 1),
    ("Drum & Bass", 1),
    ("Jäzz", 1),
    ("☃𝄞", 1),
    ("\u{feff}mark", 1),
    ("ÿþ", 1),
    ("17", 1),
    ("(9)", 1),
    ("((x", 1),
    ("RX", 1),
    ("R&B/Soul", 1),
    ("Old-Time / Historic", 1),
    ("slash/", 1),
    ("/a//b", 1),
    ("a=b", 1),
    ("zero\0inside", 1),
    ("Unknown", 1),
    ("x", 31),
    ("x", 127),
    ("x", 128),
    ("x", 254),
    ("x", 255),
    ("x", 256),
    ("ö", 513),
    ("x", 1025),
    ("x", 4096),
    ("x", 70_000),
];

/// Number of the free text among the values.
pub const FREE_TEXT: u8 = VALUES.len() as u8;
/// Number of a value of 4096 bytes.
pub const LONG_VALUE: u8 = FREE_TEXT - 2;

/// What an input asks for.
pub struct Case {
    wish: Wish,
    options: EditOptions,
    file: Vec<u8>,
}

impl Case {
    /// Reads an input: none where it is shorter than [`HEAD`].
    pub fn of(input: &[u8]) -> Option<Self> {
        let (head, file) = input.split_at_checked(HEAD)?;
        let (options, fields, text) = (head[0], &head[1..5], String::from_utf8_lossy(&head[5..]));
        let value = |index: usize| match VALUES.get(index % (VALUES.len() + 1)) {
            Some((text, times)) => text.repeat(*times),
            None => text.clone().into_owned(),
        };
        // Two bits for the number of values, the others for the first of them.
        let values = |byte: u8| (0..usize::from(byte & 3)).map(|n| value(usize::from(byte >> 2) + n)).collect();
        let named = TagField::ALL.into_iter().zip(fields).enumerate();
        let named = named.filter(|(bit, _)| options >> bit & 1 != 0).map(|(_, (field, &byte))| (field, values(byte)));
        // Through the plan, since an editor only sees values that went through it.
        let wish = TagPlan::new(&nothing_known(), named).wish;
        let new_id3 = if options & NEW_ID3_IS_V23 != 0 { Id3Version::V23 } else { Id3Version::V24 };
        let mut file = file.to_vec();
        if options & RIGHT_CHECKSUMS != 0 {
            put_checksums_right(&mut file);
        }
        let v23_values = if options & V23_VALUES_STAND_APART != 0 { Id3Values::Nul } else { Id3Values::Slash };
        Some(Self { wish, options: EditOptions { new_id3, v23_values }, file })
    }

    /// Edits the file with one editor and judges the result. What the editor refuses, it refuses with a reason.
    fn run<E: Editor>(&self, parse: fn(&dyn Source) -> Result<E, Problem>) -> Result<(), Refusal> {
        match edit_check::try_edit(parse, &self.file, &self.wish, self.options) {
            Ok((edited, patch)) => {
                assert!(!patch.is_empty() || edited == self.file, "a patch without changes changes nothing");
                // An editor that is not the one of the file's container knows nothing of what tells that.
                let (old, new) = (Container::of(&self.file).unwrap(), Container::of(&edited).unwrap());
                if parse(&self.file).is_ok_and(|editor| editor.container() == old) {
                    assert_eq!(old, new, "the edited file is told to be another container");
                }
                Ok(())
            }
            Err(Problem::Refused(reason)) => Err(reason),
            // All of the file is in memory: nothing can fail but a read behind its end.
            Err(Problem::Io(error)) => panic!("an editor reads where nothing is: {error}"),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |value: &String| match value.char_indices().nth(40) {
            Some((end, _)) => format!("{:?} and so on, {} bytes", &value[..end], value.len()),
            None => format!("{value:?}"),
        };
        let Wish::Set(fields) = &self.wish else { return f.write_str("a restoration") };
        for (field, values) in fields {
            writeln!(f, "{field:?}: [{}]", values.iter().map(short).collect::<Vec<_>>().join(", "))?;
        }
        writeln!(f, "a new tag would be {:?}", self.options.new_id3)?;
        write!(f, "{} bytes: b\"{}\"", self.file.len(), self.file.escape_ascii())
    }
}

/// The state of a file of which nothing is known: a wish does not depend on it.
fn nothing_known() -> TagState {
    TagState {
        container: Container::Foreign(Kind::Unknown),
        stamp: FileStamp { size: 0, mtime_seconds: 0, mtime_nanoseconds: 0, inode: 0, device: 0 },
        genres: Vec::new(),
        own: OwnFields::default(),
        fields: Vec::new(),
    }
}

fn put_checksums_right(file: &mut [u8]) {
    let mut at = 0;
    while let Some(distance) = file[at..].windows(5).position(|bytes| bytes == b"OggS\0") {
        at += distance;
        let page = &file[at..];
        let Some(lacing) = page.get(26).and_then(|&count| page.get(27..27 + usize::from(count))) else { break };
        let start = 27 + lacing.len();
        let end = start + lacing.iter().map(|&lace| usize::from(lace)).sum::<usize>();
        let Some(body) = page.get(start..end) else {
            at += 1;
            continue;
        };
        let number = |at: usize| page[at..at + 4].iter().rev().fold(0, |n, &byte| n << 8 | u32::from(byte));
        let granule = i64::from(number(6)) | i64::from(number(10)) << 32;
        let sound = ogg_page(page[5], granule, number(14), number(18), lacing, body);
        file[at..at + end].copy_from_slice(&sound);
        at += end;
    }
}

impl Editor for Box<dyn Editor> {
    fn container(&self) -> Container {
        (**self).container()
    }

    fn holdings(&self) -> Vec<Holding> {
        (**self).holdings()
    }

    fn holds_own_fields(&self) -> bool {
        (**self).holds_own_fields()
    }

    fn voices(&self) -> Vec<Voice> {
        (**self).voices()
    }

    fn layout(&self, source: &dyn Source) -> Result<Layout, Problem> {
        (**self).layout(source)
    }

    fn audio_digest(&self, source: &dyn Source, layout: &Layout) -> io::Result<blake3::Hash> {
        (**self).audio_digest(source, layout)
    }

    fn edit(&self, source: &dyn Source, wish: &Wish, options: EditOptions) -> Result<Patch, Problem> {
        (**self).edit(source, wish, options)
    }
}

fn run<E: Editor>(input: &[u8], parse: fn(&dyn Source) -> Result<E, Problem>) -> Result<(), Refusal> {
    Case::of(input).map_or(Ok(()), |case| case.run(parse))
}

/// The editor that the file's own bytes choose. All of these answer the reason where an editor refuses.
pub fn any(input: &[u8]) -> Result<(), Refusal> {
    run(input, editor::open)
}

/// MP3, whatever the bytes between the tags are.
pub fn mp3(input: &[u8]) -> Result<(), Refusal> {
    run(input, Mp3File::parse)
}

/// AAC and True Audio, whatever the bytes between the tags are.
pub fn id3_in_front(input: &[u8]) -> Result<(), Refusal> {
    run(input, |source| {
        let container = match Container::of(source)? {
            Container::TrueAudio => Container::TrueAudio,
            _ => Container::Aac,
        };
        Mp3File::parse_as(source, container)
    })
}

/// ASF.
pub fn asf(input: &[u8]) -> Result<(), Refusal> {
    run(input, AsfFile::parse)
}

/// DSF and DSDIFF.
pub fn dsd(input: &[u8]) -> Result<(), Refusal> {
    let dsf = run(input, DsfFile::parse);
    dsf.or(run(input, DsdiffFile::parse))
}

/// FLAC.
pub fn flac(input: &[u8]) -> Result<(), Refusal> {
    run(input, FlacFile::parse)
}

/// Ogg with any codec.
pub fn ogg(input: &[u8]) -> Result<(), Refusal> {
    run(input, OggFile::parse)
}

/// MPEG-4.
pub fn mp4(input: &[u8]) -> Result<(), Refusal> {
    run(input, Mp4File::parse)
}

/// Matroska and WebM.
pub fn matroska(input: &[u8]) -> Result<(), Refusal> {
    run(input, MatroskaFile::parse)
}

/// WAV and AIFF.
pub fn iff(input: &[u8]) -> Result<(), Refusal> {
    run(input, IffFile::parse)
}

/// Audio with an APEv2 tag behind it, whatever the audio is.
pub fn apev2(input: &[u8]) -> Result<(), Refusal> {
    run(input, |source| {
        let container = match Container::of(source)? {
            own @ (Container::WavPack | Container::MonkeysAudio | Container::Musepack) => own,
            own @ (Container::Tak | Container::OptimFrog) => own,
            _ => Container::WavPack,
        };
        ApeTagged::parse(source, container)
    })
}
