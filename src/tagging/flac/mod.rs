//! FLAC (RFC 9639): metadata blocks in their order, with the comment block replaced and the padding adjusted.
//!
//! The comments speak for the file. ID3v2 in front and tags behind the frames, which some taggers put there, only have
//! the fields changed that they hold, unless there are no comments and an ID3v2 tag says what new ones would hide.
//! Blocks other than the comments are never held in memory, however large their pictures are.

mod blocks;

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::container::Container;
use super::editor::{EditOptions, Edited, Editor, Fact, Holding, Layout, Patch, Piece, ROOM, SHIFT, Scope, Splice};
use super::error::{Problem, Refusal};
use super::home::{self, Draft, Home};
use super::journal::{Room, Space};
use super::mp3::OuterTags;
use super::plan::Wish;
use super::readers::Voice;
use super::source::Source;
use super::vorbis::VorbisComments;
use blocks::{Block, Blocks, HEADER, LAST, MAX_BLOCK, PADDING, VORBIS_COMMENT};

const MAGIC: u64 = 4;

/// A FLAC file, taken apart.
#[derive(Debug)]
pub(crate) struct FlacFile {
    outer: OuterTags,
    blocks: Vec<Block>,
    comments: Option<VorbisComments>,
    frames: Range<u64>,
}

impl FlacFile {
    pub(crate) fn parse(source: &dyn Source) -> Result<Self, Problem> {
        let outer = OuterTags::parse(source)?;
        let Blocks { blocks, comments, frames } = Blocks::find(source, outer.inner.start + MAGIC..outer.inner.end)?;
        Ok(Self { outer, blocks, comments, frames })
    }

    /// The blocks as the edited file has them, with the new comments, or without any, and the padding adjusted.
    fn rearranged(&self, source: &dyn Source, comments: Option<Vec<u8>>) -> Result<Vec<NewBlock>, Problem> {
        if comments.as_ref().is_some_and(|comments| comments.len() as u64 > MAX_BLOCK) {
            return Err(Refusal::TooLarge { what: "block of Vorbis comments", limit: MAX_BLOCK }.into());
        }
        let mut blocks: Vec<NewBlock> = self.blocks.iter().cloned().map(NewBlock::Old).collect();
        let is_comments = |block: &Block| block.kind == VORBIS_COMMENT;
        // Behind the STREAMINFO, where the reference encoder has it but for a seek table.
        let place = self.blocks.iter().position(is_comments).unwrap_or(1);
        let replaced = place..place + usize::from(self.comments.is_some());
        blocks.splice(replaced, comments.map(NewBlock::Comments));
        let old_len: u64 = self.blocks.iter().map(|block| HEADER + block.len()).sum();
        let new_len: u64 = blocks.iter().map(|block| HEADER + block.len()).sum();

        // Padding nearest behind the comments first: then the fewest other blocks move.
        let mut paddings = Vec::new();
        for index in (place..blocks.len()).chain(0..place) {
            let NewBlock::Old(block) = &blocks[index] else { continue };
            if block.kind == PADDING && source.is_zero(block.body.clone())? {
                paddings.push((index, block.len()));
            }
        }
        // Behind a block that is larger than it says readers find the frames, and nothing else.
        let is_larger = |block: &NewBlock| matches!(block, NewBlock::Old(block) if block.len() > block.declared);
        let end = blocks.len() - usize::from(blocks.last().is_some_and(is_larger));
        if new_len == old_len {
            return Ok(blocks);
        }
        if new_len > old_len {
            let grown = new_len - old_len;
            if let Some(&(index, length)) = paddings.iter().find(|(_, length)| *length >= grown) {
                blocks[index] = NewBlock::Padding(length - grown);
                return Ok(blocks);
            }
            // A block of padding that goes altogether frees its header as well.
            if let Some(&(index, _)) = paddings.iter().find(|(_, length)| length + HEADER == grown) {
                blocks.remove(index);
                return Ok(blocks);
            }
        } else {
            let shrunk = old_len - new_len;
            if let Some(&(index, length)) = paddings.iter().find(|(_, length)| length + shrunk <= MAX_BLOCK) {
                blocks[index] = NewBlock::Padding(length + shrunk);
                return Ok(blocks);
            }
            if shrunk >= HEADER {
                blocks.insert(end, NewBlock::Padding(shrunk - HEADER));
                return Ok(blocks);
            }
        }
        // The audio has to move: by whole file-system blocks, and with room for the next time.
        let usable = paddings.iter().find(|(_, length)| *length <= MAX_BLOCK / 2);
        let (index, present) = usable.copied().unwrap_or_else(|| {
            blocks.insert(end, NewBlock::Padding(0));
            (end, 0)
        });
        let without: u64 = blocks.iter().map(|block| HEADER + block.len()).sum::<u64>() - present;
        let missing = (without + ROOM as u64).saturating_sub(old_len);
        blocks[index] = NewBlock::Padding(old_len + missing.next_multiple_of(SHIFT as u64) - without);
        Ok(blocks)
    }

    /// The padding as it is, which the journal keeps.
    fn room(&self, source: &dyn Source) -> Result<Room, Problem> {
        let mut spaces = Vec::new();
        for (place, block) in (0..).zip(&self.blocks) {
            if block.kind == PADDING && source.is_zero(block.body.clone())? {
                spaces.push(Space::new(1, place, block.len()));
            }
        }
        Ok(Room { levels: 1 + u8::from(self.comments.is_some()), spaces, parts: Vec::new() })
    }

    /// The blocks with the new comments, or without any, and the padding that there was, so that the file has the
    /// length that it had. None where that cannot be: others have been at the file since. `lengths` are those of the
    /// file, now and then.
    fn arranged_as_before(
        &self,
        source: &dyn Source,
        comments: Option<Vec<u8>>,
        room: &Room,
        lengths: (u64, u64),
    ) -> Result<Option<Vec<NewBlock>>, Problem> {
        let mut blocks = Vec::new();
        let mut comments = comments.map(NewBlock::Comments);
        for block in &self.blocks {
            match block.kind {
                VORBIS_COMMENT => blocks.extend(comments.take()),
                PADDING if source.is_zero(block.body.clone())? => {}
                _ => blocks.push(NewBlock::Old(block.clone())),
            }
        }
        if comments.is_some() {
            return Ok(None);
        }
        for space in room.spaces.iter().filter(|space| space.length <= MAX_BLOCK) {
            let place = (space.place as usize).min(blocks.len());
            blocks.insert(place, NewBlock::Padding(space.length));
        }
        let old_len: u64 = self.blocks.iter().map(|block| HEADER + block.len()).sum();
        let new_len: u64 = blocks.iter().map(|block| HEADER + block.len()).sum();
        let (now, then) = lengths;
        Ok((now + new_len == then + old_len).then_some(blocks))
    }

    fn draft(&self, source: &dyn Source, wish: &Wish, home: Home<'_>, options: EditOptions) -> Result<Draft, Problem> {
        let (mut patch, mut outer) = (Patch::default(), Patch::default());
        let outer_voices = self.outer.edit(wish, home, options, &mut outer)?;
        let mut voices: Vec<Voice> = self.comments.iter().map(VorbisComments::voice).collect();
        let (empty, scope) = (VorbisComments::empty(), Scope::VorbisComments);
        let comments = self.comments.as_ref().unwrap_or(&empty);
        if let Some(Edited { bytes, changes, is_empty }) = comments.edit(wish, home.insertion(scope))? {
            let goes = is_empty && wish.removes_if_empty(scope);
            patch.removed.extend(goes.then_some(scope));
            if self.comments.is_none() {
                patch.created.push(scope);
            }
            patch.changes.extend(changes);
            patch.room = Some(self.room(source)?);
            voices = if goes { Vec::new() } else { vec![VorbisComments::parse(bytes.clone())?.voice()] };
            let comments = (!goes).then_some(bytes);
            let before = match wish.room_before() {
                Some((room, length)) => {
                    self.arranged_as_before(source, comments.clone(), room, (outer.new_len(source.len()), length))?
                }
                None => None,
            };
            let blocks = before.map_or_else(|| self.rearranged(source, comments), Ok)?;
            self.splices(&blocks, &mut patch.splices);
        }
        patch.append(outer);
        voices.extend(outer_voices);
        patch.splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
        Ok(Draft { patch, voices })
    }

    /// The differences between the blocks as they are and as they are to be. Runs of blocks that only move are not
    /// copied into memory: they lie between the splices.
    fn splices(&self, blocks: &[NewBlock], splices: &mut Vec<Splice>) {
        let mut at = self.outer.inner.start + MAGIC;
        let (mut pending, mut pending_from) = (Vec::new(), at);
        for (index, block) in blocks.iter().enumerate() {
            let last = if index + 1 == blocks.len() { LAST } else { 0 };
            match block {
                NewBlock::Old(old) => {
                    // Blocks that are gone lie between `at` and this one.
                    at = old.body.end;
                    pending.extend(header(old.kind | last, old.declared));
                    let was_last = self.blocks.last() == Some(old);
                    if pending.len() as u64 == HEADER
                        && pending_from + HEADER == old.body.start
                        && was_last == (last != 0)
                    {
                        // Nothing changes here.
                    } else {
                        splices
                            .push(Splice { range: pending_from..old.body.start, bytes: std::mem::take(&mut pending) });
                    }
                    pending.clear();
                    pending_from = at;
                }
                NewBlock::Comments(bytes) => {
                    pending.extend(header(VORBIS_COMMENT | last, bytes.len() as u64));
                    pending.extend_from_slice(bytes);
                }
                NewBlock::Padding(length) => {
                    pending.extend(header(PADDING | last, *length));
                    pending.resize(pending.len() + *length as usize, 0);
                }
            }
        }
        let end = self.frames.start;
        if !pending.is_empty() || pending_from < end {
            splices.push(Splice { range: pending_from..end, bytes: pending });
        }
    }
}

fn header(kind: u8, length: u64) -> [u8; HEADER as usize] {
    // Every length was parsed from 24 bits or checked against them.
    let [_, a, b, c] = (length as u32).to_be_bytes();
    [kind, a, b, c]
}

/// A block of the edited file.
#[derive(Debug)]
enum NewBlock {
    Old(Block),
    Comments(Vec<u8>),
    Padding(u64),
}

impl NewBlock {
    fn len(&self) -> u64 {
        match self {
            Self::Old(block) => block.len(),
            Self::Comments(bytes) => bytes.len() as u64,
            Self::Padding(length) => *length,
        }
    }
}

impl Editor for FlacFile {
    fn container(&self) -> Container {
        Container::Flac
    }

    fn holdings(&self) -> Vec<Holding> {
        let mut holdings: Vec<Holding> = self.comments.iter().flat_map(VorbisComments::holdings).collect();
        holdings.extend(self.outer.holdings());
        holdings
    }

    fn layout(&self, source: &dyn Source) -> Result<Layout, Problem> {
        let mut layout = Layout { audio: vec![self.frames.clone()], ..Layout::default() };
        self.outer.describe(source, &mut layout)?;
        let scope = Scope::FlacBlocks;
        for block in &self.blocks {
            if block.kind == VORBIS_COMMENT {
                continue;
            }
            if block.kind == PADDING && source.is_zero(block.body.clone())? {
                continue;
            }
            let digest = source.digest(std::slice::from_ref(&block.body))?;
            layout.pieces.push(Piece { scope, name: format!("block of type {}", block.kind), field: None, digest });
        }
        if let Some(comments) = &self.comments {
            comments.describe(&mut layout.facts, &mut layout.pieces);
            // Where the comments stand among the other blocks that count.
            let before = self.blocks.iter().take_while(|block| block.kind != VORBIS_COMMENT);
            let before = before.filter(|block| block.kind != PADDING).count();
            let value = (before as u64).to_be_bytes().to_vec();
            layout.facts.push(Fact { scope: Scope::VorbisComments, name: "place among the blocks", value });
        }
        Ok(layout)
    }

    fn voices(&self) -> Vec<Voice> {
        self.comments.iter().map(VorbisComments::voice).chain(self.outer.voices()).collect()
    }

    fn edit(&self, source: &dyn Source, wish: &Wish, options: EditOptions) -> Result<Patch, Problem> {
        home::find(Container::Flac, &self.voices(), wish, |wish, home| self.draft(source, wish, home, options))
    }
}
