//! Where readers look: which tags of a file ffmpeg, TagLib and mutagen read, and which of them wins.
//!
//! One table, [`TABLE`], measured on the readers and compared with them by `tests/readers.rs`. The editors ask it where
//! a genre may go without hiding what another tag says ([`home`](super::home)), the check of a written copy asks it
//! whether a reader sees less than before ([`loss`]), and `docs/tags.md` shows it. exiftool, MediaInfo and tinytag have
//! no row: they show all tags, or fill up each field from the next tag, so that a further tag takes nothing from them.

#[cfg(test)]
mod tests;

use std::fmt;

use super::container::Container;
use super::editor::Scope;
use super::plan::TagField;

/// What a field says to whoever reads the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    Title,
    Artist,
    Album,
    /// The year, or more of the date.
    Date,
    Track,
    /// The comment without a description.
    Comment,
    Genre,
    /// The program that wrote the file.
    Program,
    /// One of our own fields.
    Own,
    /// Tempo, key or mood.
    Heard(TagField),
    /// Anything else, by the name that its tag has for it.
    Other(Scope, String),
}

impl Name {
    /// Those that every kind of tag has a field for, but for the genre.
    pub(crate) const COMMON: [Self; 6] =
        [Self::Title, Self::Artist, Self::Album, Self::Date, Self::Track, Self::Comment];

    /// Whether a write may change what the field says.
    fn may_change(&self) -> bool {
        matches!(self, Self::Genre | Self::Own)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Title => "title",
            Self::Artist => "artist",
            Self::Album => "album",
            Self::Date => "date",
            Self::Track => "track",
            Self::Comment => "comment",
            Self::Genre => "genre",
            Self::Program => "program that wrote it",
            Self::Own => "field of ours",
            Self::Heard(TagField::Bpm) => "tempo",
            Self::Heard(TagField::Key) => "key",
            Self::Heard(_) => "mood",
            Self::Other(_, name) => name,
        })
    }
}

/// One field of one tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Said {
    pub(crate) name: Name,
    pub(crate) value: String,
}

/// One tag of a file as readers take it.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    pub(crate) scope: Scope,
    /// All of its fields; those without a text that we know of have an empty value.
    pub(crate) said: Vec<Said>,
    /// It stands where readers look: an ID3v2 tag behind the audio does not.
    pub(crate) is_in_place: bool,
    /// It holds any text: a picture alone is none.
    pub(crate) has_text: bool,
    /// TagLib passes it over.
    pub(crate) is_empty: bool,
}

impl Voice {
    /// A tag where readers look, of which all that it says is text.
    pub(crate) fn with(scope: Scope, said: Vec<Said>) -> Self {
        Self { scope, is_empty: said.is_empty(), has_text: !said.is_empty(), said, is_in_place: true }
    }

    /// Those of `said` for which the tag has no field.
    pub(crate) fn lacks<'s>(&self, said: &'s [Said]) -> Vec<&'s Said> {
        said.iter().filter(|other| !self.said.iter().any(|own| own.name == other.name)).collect()
    }
}

/// A library that players and servers stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Jellyfin, mpv, VLC's demuxers and many more.
    Ffmpeg,
    /// Navidrome, Kodi, Strawberry, Clementine, Amarok.
    TagLib,
    /// Picard, beets, Quod Libet, Ex Falso, Lidarr's helpers.
    Mutagen,
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ffmpeg => "ffmpeg",
            Self::TagLib => "TagLib",
            Self::Mutagen => "mutagen",
        })
    }
}

/// Where a reader looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The first ID3v2 tag in front of the audio, or in a chunk of its own.
    FirstId3v2,
    /// Every ID3v2 tag there, the first one winning.
    EveryId3v2,
    /// The last APEv2 tag.
    Apev2,
    /// The same, unless an ID3v1 tag stands behind it.
    Apev2AtTheEnd,
    Id3v1,
    Comments,
    /// `LIST/INFO` of a WAV.
    Info,
    /// What the form itself holds: `LIST/INFO` and `bext` of a WAV; `NAME`, `AUTH` and the like of an AIFF.
    Native,
}

impl Place {
    fn of(self, voices: &[Voice]) -> Vec<&Voice> {
        let is = |wanted: fn(Scope) -> bool| {
            voices.iter().filter(move |voice| voice.is_in_place && wanted(voice.scope)).collect::<Vec<_>>()
        };
        let has_id3v1 = || voices.iter().any(|voice| voice.scope == Scope::Id3v1);
        match self {
            Self::FirstId3v2 => is(|scope| matches!(scope, Scope::Id3v2(_))).into_iter().take(1).collect(),
            Self::EveryId3v2 => is(|scope| matches!(scope, Scope::Id3v2(_))),
            Self::Apev2AtTheEnd if has_id3v1() => Vec::new(),
            Self::Apev2 | Self::Apev2AtTheEnd => {
                is(|scope| matches!(scope, Scope::Apev2(_))).into_iter().next_back().into_iter().collect()
            }
            Self::Id3v1 => is(|scope| scope == Scope::Id3v1),
            Self::Comments => is(|scope| scope == Scope::VorbisComments),
            Self::Info => is(|scope| matches!(scope, Scope::RiffInfo(_))),
            Self::Native => is(|scope| matches!(scope, Scope::RiffInfo(_) | Scope::Chunks)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstId3v2 => "ID3v2",
            Self::EveryId3v2 => "ID3v2 (all)",
            Self::Apev2 => "APEv2",
            Self::Apev2AtTheEnd => "APEv2 without an ID3v1 behind it",
            Self::Id3v1 => "ID3v1",
            Self::Comments => "Vorbis comments",
            Self::Info => "LIST/INFO",
            Self::Native => "the form's own texts",
        })
    }
}

/// What a reader makes of several tags.
#[derive(Clone, Copy, Debug)]
enum Looks {
    /// The first place that holds anything speaks alone.
    First(&'static [Place]),
    /// Each field comes from the first place that holds it.
    Merged(&'static [Place]),
}

/// How one reader treats some containers.
struct Row {
    containers: &'static [Container],
    reader: Reader,
    looks: Looks,
}

use Looks::{First, Merged};
use Place::{Apev2, Apev2AtTheEnd, Comments, EveryId3v2, FirstId3v2, Id3v1, Info, Native};
use Reader::{Ffmpeg, Mutagen, TagLib};

const MP3: &[Container] = &[Container::Mp3];
const AAC: &[Container] = &[Container::Aac];
const AS_MP3: &[Container] = &[Container::Aac, Container::TrueAudio];
const TRUE_AUDIO: &[Container] = &[Container::TrueAudio];
const TAK: &[Container] = &[Container::Tak];
const ONLY_APE: &[Container] = &[Container::Tak, Container::OptimFrog];
const FLAC: &[Container] = &[Container::Flac];
const WITH_ID3V1: &[Container] = &[Container::WavPack, Container::Musepack];
const MONKEYS: &[Container] = &[Container::MonkeysAudio];
const APE: &[Container] = &[Container::WavPack, Container::Musepack, Container::MonkeysAudio];
const WAV: &[Container] = &[Container::Wav];
const AIFF: &[Container] = &[Container::Aiff];
const DSDIFF: &[Container] = &[Container::Dsdiff];

const fn row(containers: &'static [Container], reader: Reader, looks: Looks) -> Row {
    Row { containers, reader, looks }
}

/// Measured in November 2026 with ffmpeg 5.1.9, TagLib 2 (pytaglib 3.2.0) and mutagen 1.48.1. Ogg and MP4 hold one kind
/// of tag that these readers look at, and have no row.
const TABLE: [Row; 25] = [
    row(MP3, Ffmpeg, First(&[EveryId3v2, Id3v1])),
    row(MP3, TagLib, First(&[FirstId3v2, Apev2, Id3v1])),
    row(MP3, Mutagen, Merged(&[FirstId3v2, Id3v1])),
    row(AS_MP3, Ffmpeg, First(&[Apev2AtTheEnd, Id3v1, EveryId3v2])),
    row(AAC, TagLib, First(&[FirstId3v2, Apev2, Id3v1])),
    row(TRUE_AUDIO, TagLib, First(&[FirstId3v2, Id3v1])),
    row(TRUE_AUDIO, Mutagen, Merged(&[FirstId3v2, Id3v1])),
    row(FLAC, Ffmpeg, First(&[Comments, EveryId3v2])),
    row(FLAC, TagLib, First(&[Comments, FirstId3v2, Id3v1])),
    row(FLAC, Mutagen, First(&[Comments])),
    row(WITH_ID3V1, Ffmpeg, First(&[Apev2AtTheEnd, Id3v1, EveryId3v2])),
    row(MONKEYS, Ffmpeg, First(&[Apev2AtTheEnd, EveryId3v2])),
    row(APE, TagLib, First(&[Apev2, Id3v1])),
    row(APE, Mutagen, First(&[Apev2])),
    row(TAK, Ffmpeg, First(&[Apev2AtTheEnd, EveryId3v2])),
    row(ONLY_APE, Mutagen, First(&[Apev2])),
    row(WAV, Ffmpeg, First(&[Native, FirstId3v2])),
    row(WAV, TagLib, First(&[FirstId3v2, Info])),
    row(WAV, Mutagen, First(&[FirstId3v2])),
    row(AIFF, Ffmpeg, Merged(&[FirstId3v2, Native])),
    row(AIFF, TagLib, First(&[FirstId3v2])),
    row(AIFF, Mutagen, First(&[FirstId3v2])),
    row(DSDIFF, Ffmpeg, First(&[Native])),
    row(DSDIFF, TagLib, First(&[FirstId3v2, Native])),
    row(DSDIFF, Mutagen, First(&[FirstId3v2])),
];

impl Row {
    /// What the reader shows of these tags.
    fn view<'v>(&self, voices: &'v [Voice]) -> Vec<&'v Said> {
        let speaks = |voice: &&Voice| if self.reader == TagLib { !voice.is_empty } else { voice.has_text };
        let mut view = match self.looks {
            First(places) => {
                let mut spoken = places.iter().map(|place| place.of(voices));
                let first = spoken.find(|voices| voices.iter().any(speaks)).unwrap_or_default();
                merged(first.into_iter())
            }
            Merged(places) => merged(places.iter().flat_map(|place| place.of(voices))),
        };
        // The others find pictures whichever texts they believe.
        view.retain(|said| self.reader == TagLib || !said.value.is_empty());
        view
    }
}

/// Every field of these tags; of a field that several hold, what the first of them says.
fn merged<'v>(voices: impl Iterator<Item = &'v Voice>) -> Vec<&'v Said> {
    let mut view: Vec<&Said> = Vec::new();
    for voice in voices {
        let known = view.len();
        let new = |said: &&Said| !view[..known].iter().any(|known| known.name == said.name);
        let new: Vec<&Said> = voice.said.iter().filter(new).collect();
        view.extend(new);
    }
    view
}

/// Something that a reader saw before a write and would not see after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    /// None: whoever it is, since it would stand nowhere.
    pub(crate) reader: Option<Reader>,
    pub(crate) said: Said,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reader {
            Some(reader) => write!(f, "{reader} would no longer see the {}", self.said.name)?,
            None => write!(f, "nobody would see the {} any more", self.said.name)?,
        }
        if self.said.value.is_empty() { Ok(()) } else { write!(f, " {:?}", self.said.value) }
    }
}

/// The first thing that a reader sees in the tags `before` and not in those `after`. The genre and our own fields do
/// not count.
pub(crate) fn loss(container: Container, before: &[Voice], after: &[Voice]) -> Option<Loss> {
    TABLE.iter().filter(|row| row.containers.contains(&container)).find_map(|row| {
        let now = row.view(after);
        let mut lost = row.view(before).into_iter().filter(|said| !said.name.may_change() && !now.contains(said));
        lost.next().map(|said| Loss { reader: Some(row.reader), said: said.clone() })
    })
}

/// The first thing that some tag says before and none says after: what an undo must not do, which else makes of the
/// file what it was, whoever could read that. Tempo, key and mood may go with it; that those of others stay is checked
/// byte by byte.
pub(crate) fn gone(before: &[Voice], after: &[Voice]) -> Option<Loss> {
    let is_there = |said: &&Said| after.iter().any(|voice| voice.said.contains(said));
    let may_go = |said: &&Said| said.name.may_change() || matches!(said.name, Name::Heard(_));
    let mut lost = before.iter().flat_map(|voice| &voice.said).filter(|said| !may_go(said) && !is_there(said));
    lost.next().map(|said| Loss { reader: None, said: said.clone() })
}

/// The tags that may receive what a file lacks, the one that most readers believe first. The container's own kind of
/// tag is made where it is missing.
pub(crate) fn homes(container: Container, voices: &[Voice]) -> Vec<Scope> {
    let is_id3v2 = |voice: &&Voice| matches!(voice.scope, Scope::Id3v2(_));
    let lead = voices.iter().filter(is_id3v2).find(|voice| voice.is_in_place).map(|voice| voice.scope);
    let apev2 = Apev2.of(voices).first().map(|voice| voice.scope);
    match container {
        Container::Mp3 => {
            let first = voices.iter().find(is_id3v2).map_or(Scope::Id3v2(1), |voice| voice.scope);
            std::iter::once(first).chain(apev2).collect()
        }
        // Behind ID3v2 mutagen finds no AAC any more; APEv2 is in nobody's way.
        Container::Aac => {
            let first = voices.iter().find(is_id3v2).map(|voice| voice.scope);
            let new = first.is_none().then_some(Scope::Apev2(1));
            first.into_iter().chain(apev2.or(new)).collect()
        }
        // Who reads the one kind of tag here does not read the other: whichever is there.
        Container::TrueAudio => {
            let first = voices.iter().find(is_id3v2).map(|voice| voice.scope);
            let new = first.is_none().then_some(Scope::Id3v2(1));
            first.into_iter().chain(apev2).chain(new).collect()
        }
        Container::WavPack | Container::MonkeysAudio | Container::Musepack | Container::Tak | Container::OptimFrog => {
            std::iter::once(apev2.unwrap_or(Scope::Apev2(1))).chain(lead).collect()
        }
        _ => std::iter::once(Scope::VorbisComments).chain(lead).collect(),
    }
}
