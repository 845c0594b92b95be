//! Matroska and WebM (RFC 9559): SimpleTags of the genre and our own names in a Tag of the track.
//!
//! The Tags element is changed in its place where unused space (Void) takes up the difference; else it goes to the end
//! of the file, and the index (SeekHead) tells of it. Clusters, and all that tells where they stand, never move. What
//! is about an album, a chapter, a cover or one of several tracks is not touched. Films are refused: only files whose
//! tracks are sound (and perhaps its words) are music. A write that is taken back leaves the file byte for byte what
//! it was.

mod arrange;
mod before;
mod ebml;
mod seek;
mod segment;
mod tags;

#[cfg(test)]
mod tests;

use super::container::Container;
use super::editor::{EditOptions, Editor, Fact, Holding, Layout, Patch, Piece, Scope};
use super::error::{Problem, Refusal};
use super::plan::Wish;
use super::source::Source;
use arrange::Change;
use seek::SeekHead;
use segment::{CLUSTER, SEEK_HEAD, Segment, Sound, TAGS};
pub(crate) use tags::values_of_simple_tag;
use tags::{AllTags, TagsElement};

/// Largest unused space that is used, in bytes.
const VOID_LIMIT: u64 = 16 << 20;

/// A Matroska file, taken apart.
#[derive(Debug)]
pub(crate) struct MatroskaFile {
    segment: Segment,
    /// For each element of the segment whether it is unused space that holds nothing.
    is_free: Vec<bool>,
    sound: Sound,
    seek_heads: Vec<SeekHead>,
    tags: AllTags,
    /// The places of the Tags among the elements.
    places: Vec<usize>,
}

impl MatroskaFile {
    pub(crate) fn parse(source: &dyn Source) -> Result<Self, Problem> {
        let segment = Segment::parse(source)?;
        let sound = Sound::parse(source, &segment)?;
        let mut is_free = Vec::new();
        for element in &segment.elements {
            let is_usable = element.id == ebml::VOID && element.range.end - element.range.start <= VOID_LIMIT;
            is_free.push(is_usable && source.is_zero(element.body..element.range.end)?);
        }
        let mut seek_heads = Vec::new();
        for (number, element) in segment.of(SEEK_HEAD) {
            let raw = source.bytes(element.body..element.range.end, seek::LIMIT, "index (SeekHead)")?;
            seek_heads.push(SeekHead::parse(number, element.width, raw)?);
        }
        let (mut tags, mut places) = (AllTags::default(), Vec::new());
        for (number, element) in segment.of(TAGS) {
            let raw = source.bytes(element.body..element.range.end, tags::LIMIT, "Matroska tags")?;
            tags.elements.push(TagsElement::parse(raw, &sound)?);
            places.push(number);
        }
        tags.check()?;
        Ok(Self { segment, is_free, sound, seek_heads, tags, places })
    }

    /// Everything beside the tags that a write has to leave alone, and in its place.
    fn describe_elements(&self, source: &dyn Source, layout: &mut Layout) -> Result<(), Problem> {
        let scope = Scope::Elements;
        let mut piece = |name: String, digest| layout.pieces.push(Piece { scope, name, field: None, digest });
        piece("EBML header".to_owned(), source.digest(std::slice::from_ref(&self.segment.header))?);
        let (mut clusters, mut places) = (Vec::new(), blake3::Hasher::new());
        for (element, &is_free) in self.segment.elements.iter().zip(&self.is_free) {
            let place = self.segment.position(element.range.start).to_be_bytes();
            match element.id {
                SEEK_HEAD | TAGS => {}
                CLUSTER => {
                    places.update(&place);
                    clusters.push(element.range.clone());
                }
                _ if is_free => {}
                id => {
                    let bytes = source.digest(std::slice::from_ref(&element.range))?;
                    let digest = blake3::hash(&[&place[..], bytes.as_bytes()].concat());
                    piece(format!("element {id:X}"), digest);
                }
            }
        }
        piece("places of the clusters".to_owned(), places.finalize());
        let tags: Vec<u64> =
            self.places.iter().map(|&n| self.segment.position(self.segment.elements[n].range.start)).collect();
        for seek in &self.seek_heads {
            for entry in seek.others(&tags) {
                piece("entry of the SeekHead".to_owned(), blake3::hash(entry));
            }
        }
        layout.audio = clusters;
        let width = (self.segment.size_at.end - self.segment.size_at.start) as u8;
        let value = vec![width, u8::from(self.segment.is_live)];
        layout.facts.push(Fact { scope, name: "size of the segment", value });
        Ok(())
    }

    /// What the edits of single tags make of the Tags elements.
    fn change(&self, wish: &Wish, patch: &mut Patch) -> Result<Change, Problem> {
        let mut change = Change::default();
        let (home, count) = (self.tags.home(), self.tags.all().count());
        let added = match home {
            None if wish.sets_something() => tags::made(wish, Scope::MatroskaTag(count as u16 + 1)),
            _ => None,
        };
        let mut scopes = self.tags.all().map(|(scope, ..)| scope);
        for (number, element) in self.tags.elements.iter().enumerate() {
            let mut edited = Vec::new();
            for ((n, tag), scope) in element.tags.iter().enumerate().zip(&mut scopes) {
                if !tag.level.is_edited() {
                    continue;
                }
                let Some(edit) = tag.edit(element, wish, scope, home == Some(scope))? else { continue };
                // Those behind it would be counted anew.
                let is_last = scope == Scope::MatroskaTag(count as u16);
                let goes = edit.is_empty && is_last && wish.removes_if_empty(scope);
                patch.removed.extend(goes.then_some(scope));
                patch.changes.extend(edit.changes);
                edited.push((n, (!goes).then_some(edit.bytes)));
            }
            let is_last = number + 1 == self.tags.elements.len();
            let added = added.as_ref().filter(|_| is_last).map(|tag| &tag.bytes[..]);
            if edited.is_empty() && added.is_none() {
                continue;
            }
            let body = element.with(&edited, added);
            if body.len() as u64 > tags::LIMIT {
                return Err(Refusal::TooLarge { what: "Matroska tags", limit: tags::LIMIT }.into());
            }
            let goes = TagsElement::is_empty(&body) && edited.iter().any(|(_, tag)| tag.is_none());
            change.bodies.push((number, (!goes).then_some(body)));
        }
        if let Some(tag) = added {
            patch.created.push(Scope::MatroskaTag(count as u16 + 1));
            patch.changes.extend(tag.changes);
            if self.tags.elements.is_empty() {
                change.created = Some(tag.bytes);
            }
        }
        Ok(change)
    }

    /// What the tags hold after a change.
    fn described(&self, change: &Change) -> Result<(Vec<Fact>, Vec<Piece>), Refusal> {
        let mut after = AllTags::default();
        for (number, element) in self.tags.elements.iter().enumerate() {
            match change.bodies.iter().find(|(known, _)| *known == number) {
                Some((_, Some(body))) => after.elements.push(TagsElement::parse(body.clone(), &self.sound)?),
                Some((_, None)) => {}
                None => after.elements.push(TagsElement::parse(element.raw().to_vec(), &self.sound)?),
            }
        }
        let (mut facts, mut pieces) = (Vec::new(), Vec::new());
        after.describe(&mut facts, &mut pieces);
        Ok((facts, pieces))
    }
}

impl Editor for MatroskaFile {
    fn container(&self) -> Container {
        Container::Matroska
    }

    fn holdings(&self) -> Vec<Holding> {
        self.tags.holdings()
    }

    fn layout(&self, source: &dyn Source) -> Result<Layout, Problem> {
        let mut layout = Layout::default();
        self.describe_elements(source, &mut layout)?;
        self.tags.describe(&mut layout.facts, &mut layout.pieces);
        Ok(layout)
    }

    fn edit(&self, source: &dyn Source, wish: &Wish, _options: EditOptions) -> Result<Patch, Problem> {
        tags::check_values(wish)?;
        let mut patch = Patch::default();
        let change = self.change(wish, &mut patch)?;
        if patch.is_empty() {
            return Ok(Patch::default());
        }
        patch.room = self.room(source)?;
        let before = match wish.room_before() {
            Some((room, length)) => self.as_before(source, room, length, &self.described(&change)?)?,
            None => None,
        };
        patch.splices = match before {
            Some(splices) => splices,
            None => self.arrange(&change)?,
        };
        Ok(patch)
    }
}
