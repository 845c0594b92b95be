//! The Tags element: a list of Tag elements, each with what it is about (Targets) and SimpleTags, which are a name and
//! a text. Only SimpleTags of the genre and of our own names are ever changed; all else stays byte for byte.

use std::ops::Range;

use super::super::editor::{Edited, Fact, Holding, Piece, Revision, Scope, Slot};
use super::super::error::Refusal;
use super::super::plan::{TagField, Wish};
use super::ebml::{self, Element};
use super::segment::Sound;

/// SimpleTags have one form only.
const FORM: &str = "";
/// Largest Tags element, in bytes: it is held in memory.
pub(super) const LIMIT: u64 = 32 << 20;
/// More tags than this are refused.
const MAX_TAGS: usize = 1 << 12;

const TAG: u32 = 0x7373;
const TARGETS: u32 = 0x63c0;
const TARGET_VALUE: u32 = 0x68ca;
const TARGET_TYPE: u32 = 0x63ca;
const TRACK_UID: u32 = 0x63c5;
/// An edition, a chapter, an attachment.
const OTHER_UIDS: [u32; 3] = [0x63c9, 0x63c4, 0x63c6];
const SIMPLE: u32 = 0x67c8;
const NAME: u32 = 0x45a3;
const STRING: u32 = 0x4487;
const BINARY: u32 = 0x4485;

/// The values of TargetTypeValue that matter here.
const TRACK: u64 = 30;
const ALBUM: u64 = 50;
/// What stands at the start of a tag that we make.
const OUR_TARGETS: [u8; 7] = [0x63, 0xc0, 0x84, 0x68, 0xca, 0x81, TRACK as u8];
/// The words that stand for the track, where no value does.
const TRACK_WORDS: [&str; 3] = ["TRACK", "SONG", "CHAPTER"];

/// What a tag is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// The track, by TargetTypeValue 30; ffmpeg puts a word before its names where the level has one.
    Track { has_word: bool },
    /// All of the file, without a level: as ffmpeg writes it.
    Whole,
    /// The one track of sound, by its UID.
    Stream,
    /// The album, by TargetTypeValue 50.
    Album,
    /// A chapter, a cover, one of several tracks, a part or a series.
    Other,
}

impl Level {
    /// Whether its genre is the one of the file.
    pub(super) fn is_edited(self) -> bool {
        matches!(self, Self::Track { .. } | Self::Whole | Self::Stream)
    }
}

/// All Tags elements of the file.
#[derive(Debug, Default)]
pub(super) struct AllTags {
    pub(super) elements: Vec<TagsElement>,
}

/// One Tags element as verbatim bytes of its body.
#[derive(Debug)]
pub(super) struct TagsElement {
    raw: Vec<u8>,
    children: Vec<Element<usize>>,
    has_crc: bool,
    pub(super) tags: Vec<Tag>,
}

/// One Tag.
#[derive(Debug)]
pub(super) struct Tag {
    child: usize,
    width: usize,
    pub(super) level: Level,
    has_crc: bool,
    targets: Option<Range<usize>>,
    /// How many fields stand in front of the targets.
    targets_at: usize,
    fields: Vec<Field>,
}

/// One SimpleTag, or another element beside it.
#[derive(Debug)]
struct Field {
    range: Range<usize>,
    name: String,
    field: Option<TagField>,
    value: String,
}

impl TagsElement {
    pub(super) fn parse(raw: Vec<u8>, sound: &Sound) -> Result<Self, Refusal> {
        let children = ebml::walk(&raw, 0..raw.len())?;
        let has_crc = ebml::has_crc(&raw, &children, raw.len())?;
        let found = children.iter().enumerate().filter(|(_, child)| child.id == TAG);
        let tags: Vec<Tag> = found.map(|(child, tag)| Tag::parse(&raw, child, tag, sound)).collect::<Result<_, _>>()?;
        Ok(Self { raw, children, has_crc, tags })
    }

    /// The body with other tags: those of `edited`, by their numbers, where none goes; and one more at the end.
    pub(super) fn with(&self, edited: &[(usize, Option<Vec<u8>>)], added: Option<&[u8]>) -> Vec<u8> {
        let mut body = Vec::new();
        for (number, child) in self.children.iter().enumerate() {
            if child.id == ebml::CRC {
                continue;
            }
            let tag = self.tags.iter().position(|tag| tag.child == number);
            match tag.and_then(|tag| edited.iter().find(|(known, _)| *known == tag)) {
                Some((_, new)) => body.extend_from_slice(new.as_deref().unwrap_or_default()),
                None => body.extend_from_slice(&self.raw[child.range.clone()]),
            }
        }
        body.extend_from_slice(added.unwrap_or_default());
        ebml::with_crc(body, self.has_crc)
    }

    /// Whether there is a tag in a body of it.
    pub(super) fn is_empty(body: &[u8]) -> bool {
        let children = ebml::walk(body, 0..body.len()).unwrap_or_default();
        children.iter().all(|child| matches!(child.id, ebml::CRC | ebml::VOID))
    }

    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }
}

impl AllTags {
    /// Every tag with its scope, its element and its number there.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = (Scope, &TagsElement, usize)> {
        let all: Vec<_> = self.elements.iter().flat_map(|of| (0..of.tags.len()).map(move |n| (of, n))).collect();
        (1..=all.len() as u16).zip(all).map(|(number, (element, n))| {
            let is_album = element.tags[n].level == Level::Album;
            (if is_album { Scope::AlbumTag(number) } else { Scope::MatroskaTag(number) }, element, n)
        })
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.elements.iter().map(|element| element.tags.len()).sum::<usize>() > MAX_TAGS {
            return Err(Refusal::Unsupported { what: "Matroska tags", why: "there are too many of them" });
        }
        Ok(())
    }

    /// The genre and our own fields: the last tag in front, since readers show what the last one says, and that of the
    /// album behind all.
    pub(super) fn holdings(&self) -> Vec<Holding> {
        let of = |wanted: fn(Level) -> bool| {
            let tags = self.all().rev().filter(move |(_, element, n)| wanted(element.tags[*n].level));
            tags.flat_map(|(scope, element, n)| element.tags[n].holdings(scope)).collect::<Vec<_>>()
        };
        let mut holdings = of(Level::is_edited);
        holdings.extend(of(|level| level == Level::Album).into_iter().filter(|held| held.field == TagField::Genre));
        holdings
    }

    pub(super) fn describe(&self, facts: &mut Vec<Fact>, pieces: &mut Vec<Piece>) {
        for (scope, element, n) in self.all() {
            let tag = &element.tags[n];
            let targets = tag.targets.clone().map(|range| element.raw[range].to_vec()).unwrap_or_default();
            facts.push(Fact { scope, name: "target", value: targets });
            pieces.extend(tag.fields.iter().map(|field| Piece {
                scope,
                name: field.name.clone(),
                field: field.field.filter(|_| tag.level.is_edited()),
                digest: blake3::hash(&element.raw[field.range.clone()]),
            }));
        }
        for element in &self.elements {
            let beside = element.children.iter().filter(|child| !matches!(child.id, TAG | ebml::CRC));
            pieces.extend(beside.map(|child| Piece {
                scope: Scope::Elements,
                name: "part of the tags".to_owned(),
                field: None,
                digest: blake3::hash(&element.raw[child.range.clone()]),
            }));
        }
    }

    /// Which tag receives what the file lacks; none: one that is made at the end. Readers show what the last tag says,
    /// so it stands behind the genre of an album.
    pub(super) fn home(&self) -> Option<Scope> {
        let all: Vec<(Scope, &Tag)> = self.all().map(|(scope, element, n)| (scope, &element.tags[n])).collect();
        let says_genre = |tag: &Tag| tag.of(TagField::Genre).next().is_some();
        let behind = all.iter().rposition(|(_, tag)| tag.level == Level::Album && says_genre(tag));
        let candidates = &all[behind.map_or(0, |place| place + 1)..];
        let plain = |tag: &Tag| matches!(tag.level, Level::Track { has_word: false } | Level::Whole);
        let holds = |tag: &Tag| tag.fields.iter().any(|field| field.field.is_some());
        let last = |wanted: &dyn Fn(&Tag) -> bool| {
            candidates.iter().rev().find(|(_, tag)| wanted(tag)).map(|(scope, _)| *scope)
        };
        last(&|tag| plain(tag) && holds(tag))
            .or_else(|| last(&|tag| tag.level == Level::Stream && holds(tag)))
            .or_else(|| last(&|tag| tag.level == Level::Track { has_word: false }))
    }
}

impl Tag {
    fn parse(raw: &[u8], child: usize, element: &Element<usize>, sound: &Sound) -> Result<Self, Refusal> {
        let parts = ebml::walk(raw, element.body..element.range.end)?;
        let has_crc = ebml::has_crc(raw, &parts, element.range.end)?;
        let mut found = parts.iter().filter(|part| part.id == TARGETS);
        let targets = found.next();
        if found.next().is_some() {
            return Err(Refusal::Damaged { what: "Matroska tags", why: "one has several targets" });
        }
        let level = targets.map_or(Ok(Level::Whole), |targets| level(raw, targets, sound))?;
        let targets = targets.map(|targets| targets.range.clone());
        let is_field = |part: &&Element<usize>| !matches!(part.id, TARGETS | ebml::CRC);
        let in_front = |part: &&Element<usize>| targets.as_ref().is_some_and(|at| part.range.start < at.start);
        let targets_at = parts.iter().filter(is_field).filter(in_front).count();
        let fields = parts.iter().filter(is_field).map(|part| Field::parse(raw, part)).collect();
        Ok(Self { child, width: element.width, level, has_crc, targets, targets_at, fields })
    }

    fn of(&self, field: TagField) -> impl Iterator<Item = (usize, &Field)> {
        self.fields.iter().enumerate().filter(move |(_, known)| known.field == Some(field))
    }

    fn holdings(&self, scope: Scope) -> Vec<Holding> {
        let holding = |field| {
            let values = self.of(field).map(|(_, known)| known.value.clone()).collect();
            let name = self.of(field).next()?.1.name.clone();
            Some(Holding { scope, field, name, values, joined: false })
        };
        TagField::ALL.into_iter().filter_map(holding).collect()
    }

    /// The tag with the wish fulfilled; none where it is so already. `receives`: what it lacks goes into it.
    pub(super) fn edit(
        &self,
        element: &TagsElement,
        wish: &Wish,
        scope: Scope,
        receives: bool,
    ) -> Result<Option<Edited>, Refusal> {
        let raw = &element.raw;
        let mut revision = Revision::new(scope, FORM, self.fields.len());
        let targets = wish.targets(scope, FORM);
        let stored = |(number, field): (usize, &Field)| (number, raw[field.range.clone()].to_vec());
        let before = targets.raw.iter();
        revision.put_back(
            before.map(|(field, before)| (name_of(*field).to_owned(), self.of(*field).map(stored).collect(), *before)),
        );
        for (field, values) in targets.values {
            let old: Vec<(usize, &Field)> = self.of(field).collect();
            if old.iter().map(|(_, known)| &known.value).eq(values) {
                continue;
            }
            if old.is_empty() && !receives && !targets.had_them {
                continue;
            }
            let first = old.first().map(|(_, known)| &raw[known.range.clone()]);
            let new = (0..).zip(values).map(|(number, value)| match first.filter(|_| number == 0) {
                Some(first) => with_text(first, value),
                None => simple(field, value),
            });
            revision.replace(name_of(field), old.iter().copied().map(stored).collect(), new.collect());
        }
        if revision.changes.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.edited(raw, revision)))
    }

    fn edited(&self, raw: &[u8], revision: Revision) -> Edited {
        let targets = self.targets.clone().map(|range| &raw[range]);
        let is_behind = |slot: &Slot| matches!(slot, Slot::Kept(number) if *number >= self.targets_at);
        let place = match self.targets_at {
            0 => 0,
            _ => revision.slots.iter().position(is_behind).unwrap_or(revision.slots.len()),
        };
        let mut body = Vec::new();
        for (number, slot) in revision.slots.iter().enumerate() {
            if number == place {
                body.extend_from_slice(targets.unwrap_or_default());
            }
            match slot {
                Slot::Kept(number) => body.extend_from_slice(&raw[self.fields[*number].range.clone()]),
                Slot::New(field) => body.extend_from_slice(field),
            }
        }
        if place == revision.slots.len() {
            body.extend_from_slice(targets.unwrap_or_default());
        }
        let bytes = ebml::render(TAG, self.width, &ebml::with_crc(body, self.has_crc));
        Edited { bytes, changes: revision.changes, is_empty: revision.slots.is_empty() }
    }
}

/// A tag for the track that holds what is wished for; none where that is nothing.
pub(super) fn made(wish: &Wish, scope: Scope) -> Option<Edited> {
    let mut revision = Revision::new(scope, FORM, 0);
    for (field, values) in wish.targets(scope, FORM).values {
        let new = values.iter().map(|value| simple(field, value)).collect::<Vec<_>>();
        revision.insert(revision.slots.len(), name_of(field), new);
    }
    if revision.changes.is_empty() {
        return None;
    }
    let mut body = OUR_TARGETS.to_vec();
    for slot in &revision.slots {
        if let Slot::New(field) = slot {
            body.extend_from_slice(field);
        }
    }
    Some(Edited { bytes: ebml::render(TAG, 1, &body), changes: revision.changes, is_empty: false })
}

/// Refuses texts that end before their end: a text may be followed by zeros.
pub(super) fn check_values(wish: &Wish) -> Result<(), Refusal> {
    let values = TagField::ALL.into_iter().filter_map(|field| wish.values(field)).flatten();
    match values.into_iter().find(|value| value.contains('\0')) {
        Some(value) => Err(Refusal::Value { what: "SimpleTag", value: value.clone() }),
        None => Ok(()),
    }
}

/// What one SimpleTag says, by its bytes alone.
pub(crate) fn values_of_simple_tag(bytes: &[u8]) -> Option<Vec<String>> {
    let elements = ebml::walk(bytes, 0..bytes.len()).ok()?;
    let simple = elements.first().filter(|element| element.id == SIMPLE)?;
    let parts = ebml::walk(bytes, simple.body..simple.range.end).ok()?;
    let part = parts.iter().find(|part| part.id == STRING)?;
    Some(vec![text(&bytes[part.body..part.range.end])])
}

/// What a tag is about, by its targets.
fn level(raw: &[u8], targets: &Element<usize>, sound: &Sound) -> Result<Level, Refusal> {
    let parts = ebml::walk(raw, targets.body..targets.range.end)?;
    let numbers = |ids: &[u32]| {
        let parts = parts.iter().filter(|part| ids.contains(&part.id));
        // A UID of 0 is any.
        parts.map(|part| ebml::number(&raw[part.body..part.range.end])).filter(|&uid| uid != 0).collect::<Vec<_>>()
    };
    let word = parts.iter().find(|part| part.id == TARGET_TYPE).map(|part| text(&raw[part.body..part.range.end]));
    let is_track = |word: &String| TRACK_WORDS.iter().any(|known| known.eq_ignore_ascii_case(word));
    let value = parts.iter().find(|part| part.id == TARGET_VALUE).map(|part| {
        // An element without bytes says what is the default.
        if part.body == part.range.end { ALBUM } else { ebml::number(&raw[part.body..part.range.end]) }
    });
    let value = value.or(word.as_ref().map(|word| if is_track(word) { TRACK } else { ALBUM }));
    let streams = numbers(&[TRACK_UID]);
    if !numbers(&OTHER_UIDS).is_empty() {
        return Ok(Level::Other);
    }
    Ok(match (&streams[..], value) {
        ([], None) => Level::Whole,
        ([], Some(TRACK)) => Level::Track { has_word: word.is_some() },
        ([], Some(ALBUM)) => Level::Album,
        ([uid], None | Some(TRACK | ALBUM)) if sound.uids == [*uid] => Level::Stream,
        _ => Level::Other,
    })
}

/// The name that a field has here.
fn name_of(field: TagField) -> &'static str {
    match field {
        TagField::Genre => "GENRE",
        // As the list of official tags has it.
        TagField::Key => "INITIAL_KEY",
        field => field.plain_name().unwrap_or_default(),
    }
}

/// A SimpleTag. Its language and that it is the default are what they are where nothing says so.
fn simple(field: TagField, value: &str) -> Vec<u8> {
    let parts = [ebml::render(NAME, 1, name_of(field).as_bytes()), ebml::render(STRING, 1, value.as_bytes())];
    ebml::render(SIMPLE, 1, &parts.concat())
}

/// A SimpleTag that says something else, with all that stands beside its text: a language, tags in it.
fn with_text(bytes: &[u8], value: &str) -> Vec<u8> {
    let read = || {
        let elements = ebml::walk(bytes, 0..bytes.len()).ok()?;
        let simple = elements.into_iter().next()?;
        let parts = ebml::walk(bytes, simple.body..simple.range.end).ok()?;
        Some((simple, parts))
    };
    let Some((simple, parts)) = read() else { return bytes.to_vec() };
    let has_crc = parts.first().is_some_and(|part| part.id == ebml::CRC);
    let (mut body, mut is_said) = (Vec::new(), false);
    let mut say = |body: &mut Vec<u8>, width| {
        if !is_said {
            body.extend(ebml::render(STRING, width, value.as_bytes()));
        }
        is_said = true;
    };
    for part in parts {
        match part.id {
            ebml::CRC => {}
            STRING | BINARY => say(&mut body, part.width),
            _ => body.extend_from_slice(&bytes[part.range]),
        }
    }
    say(&mut body, 1);
    ebml::render(SIMPLE, simple.width, &ebml::with_crc(body, has_crc))
}

impl Field {
    fn parse(raw: &[u8], part: &Element<usize>) -> Self {
        let mut parsed = Self { range: part.range.clone(), name: "part".to_owned(), field: None, value: String::new() };
        // What is inside a foreign SimpleTag is its own business, even where it is damaged.
        let Ok(parts) = ebml::walk(raw, part.body..part.range.end) else { return parsed };
        let said = |id| {
            let part = parts.iter().find(|part| part.id == id)?;
            Some(text(&raw[part.body..part.range.end]))
        };
        if let Some(name) = said(NAME).filter(|_| part.id == SIMPLE) {
            let is_ours = |field: &TagField| name_of(*field).eq_ignore_ascii_case(&name);
            parsed.field = TagField::ALL.into_iter().find(is_ours).or_else(|| TagField::of_plain_name(&name));
            parsed.value = said(STRING).unwrap_or_default();
            parsed.name = name;
        }
        parsed
    }
}

/// A text, which may end with zeros.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned()
}
