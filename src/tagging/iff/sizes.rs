//! The sizes of a form: as they stand in the file, as they have to be, and as a journal keeps them.
//!
//! Where they are right they follow an edit. Where they are wrong, or the last pad byte is missing, a write sets them
//! right. What stood there is kept, with the lengths of tags that had to grow, and an undo brings it back if the file
//! is otherwise the old one.

use super::super::editor::{Scope, Splice};
use super::super::error::Refusal;
use super::super::journal::FieldChange;
use super::chunks::{ELSEWHERE, HEADER, Order};

/// What the journal calls them.
const NAME: &str = "sizes of the form";

/// Where the body of a `ds64` chunk stands, and the two sizes at its start: the form's and the audio's.
pub(super) type Ds64 = (u64, [u8; 16]);

/// The sizes of a form as they stand in the file.
#[derive(Debug)]
pub(super) struct Sizes {
    pub(super) order: Order,
    /// In the form's header.
    pub(super) outer: [u8; 4],
    /// In the header of the chunk of audio, at this place.
    pub(super) audio: (u64, [u8; 4]),
    pub(super) big: Option<Ds64>,
    /// The length of the sound, where its size was never filled in.
    pub(super) open: Option<u64>,
    /// The last chunk is odd and nothing follows it.
    pub(super) lacks_pad: bool,
    /// The form does not end where it says.
    pub(super) miscounted: bool,
}

/// The sizes that a file had before a write, and how long it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OldSizes {
    outer: [u8; 4],
    audio: [u8; 4],
    big: Option<[u8; 16]>,
    pub(super) lacks_pad: bool,
    file: u64,
    /// The lengths of the tags in the ID3 chunks, in their order.
    pub(super) tags: Vec<u64>,
}

impl Sizes {
    pub(super) fn are_right(&self) -> bool {
        self.open.is_none() && !self.lacks_pad && !self.miscounted
    }

    /// The splices after which the form ends at `end`.
    pub(super) fn set(&self, end: u64) -> Result<Vec<Splice>, Refusal> {
        let size = end - HEADER;
        let mut splices = Vec::new();
        let fits = |size: u64| u32::try_from(size).ok().filter(|&size| size < ELSEWHERE).ok_or_else(too_large);
        let elsewhere = |stored: [u8; 4]| self.big.is_some() && self.order.number(stored) == ELSEWHERE;
        if !elsewhere(self.outer) {
            splices.push(Splice { range: 4..8, bytes: self.order.bytes(fits(size)?).to_vec() });
        }
        if let Some((place, old)) = self.big {
            let sound = self.open.filter(|_| elsewhere(self.audio.1)).map_or_else(|| old[8..].to_vec(), bytes);
            splices.push(Splice { range: place..place + 16, bytes: [bytes(size), sound].concat() });
        }
        if let Some(sound) = self.open
            && !elsewhere(self.audio.1)
        {
            let (place, _) = self.audio;
            splices.push(Splice { range: place..place + 4, bytes: self.order.bytes(fits(sound)?).to_vec() });
        }
        Ok(splices)
    }

    /// The splices after which the sizes are these again.
    pub(super) fn put_back(&self, old: &OldSizes) -> Vec<Splice> {
        let mut splices = vec![Splice { range: 4..8, bytes: old.outer.to_vec() }];
        if let (Some((place, _)), Some(sizes)) = (self.big, old.big) {
            splices.push(Splice { range: place..place + 16, bytes: sizes.to_vec() });
        }
        splices.push(Splice { range: self.audio.0..self.audio.0 + 4, bytes: old.audio.to_vec() });
        splices
    }

    /// What a journal keeps of a file of that length, with ID3 tags of those lengths.
    pub(super) fn change(&self, file: u64, tags: impl Iterator<Item = u64>) -> FieldChange {
        let mut old = [self.outer, self.audio.1].concat();
        old.extend([u8::from(self.lacks_pad), u8::from(self.big.is_some())]);
        old.extend(self.big.iter().flat_map(|(_, sizes)| sizes));
        old.extend(std::iter::once(file).chain(tags).flat_map(u64::to_le_bytes));
        FieldChange {
            scope: Scope::Chunks,
            form: String::new(),
            name: NAME.to_owned(),
            position: 0,
            old: Some(old),
            new: None,
        }
    }
}

impl OldSizes {
    /// Reads what [`Sizes::change`] kept.
    pub(super) fn parse(kept: &[u8]) -> Option<Self> {
        let (outer, rest) = kept.split_first_chunk()?;
        let (audio, rest) = rest.split_first_chunk()?;
        let (&[lacks_pad, is_big], rest) = rest.split_first_chunk()?;
        let (big, rest) =
            if is_big == 0 { (None, rest) } else { rest.split_first_chunk().map(|(b, r)| (Some(*b), r))? };
        let mut lengths = rest.chunks_exact(8).filter_map(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
        let (outer, audio, file) = (*outer, *audio, lengths.next()?);
        Some(Self { outer, audio, big, lacks_pad: lacks_pad != 0, file, tags: lengths.collect() })
    }

    /// Whether a file of that length, whose pad bytes are all there, is as long as the one that had these sizes.
    pub(super) fn belong_to(&self, file: u64) -> bool {
        self.file + u64::from(self.lacks_pad) == file
    }
}

fn bytes(size: u64) -> Vec<u8> {
    size.to_le_bytes().to_vec()
}

pub(super) fn too_large() -> Refusal {
    Refusal::TooLarge { what: "form", limit: u64::from(u32::MAX) }
}
