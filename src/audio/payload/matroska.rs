//! Matroska and WebM: the clusters, which hold the frames of every track.

use std::ops::Range;

use crate::audio::error::Fault;
use crate::audio::source::Source;

const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;

/// The most elements at the top of a segment that are believed.
const MOST_ELEMENTS: usize = 1_000_000;

/// The clusters of the file that begins at `start`.
pub(crate) fn clusters(source: &mut Source, start: u64) -> Result<Vec<Range<u64>>, Fault> {
    let mut extents = Vec::new();
    let mut position = start;
    for _ in 0..MOST_ELEMENTS {
        let Some((id, begin, length)) = element(source, position)? else { break };
        position = match (id, length) {
            // The segment is opened, its children are walked.
            (SEGMENT, _) => begin,
            // A live recording does not know the length of its clusters: the rest of the file is one.
            (CLUSTER, None) => {
                extents.push(begin..source.len());
                break;
            }
            (_, None) => return Err(Fault::damaged("an element has no length")),
            (id, Some(length)) => {
                let end = begin.saturating_add(length);
                if end > source.len() {
                    return Err(Fault::truncated("it ends in the middle of the sound"));
                }
                if id == CLUSTER {
                    extents.push(begin..end);
                }
                end
            }
        };
    }
    if extents.is_empty() { Err(Fault::truncated("it stops before the sound begins")) } else { Ok(extents) }
}

/// An element's id, where its contents begin, and their length unless it is unknown.
fn element(source: &mut Source, position: u64) -> Result<Option<(u32, u64, Option<u64>)>, Fault> {
    let bytes = source.peek(position, 12)?;
    let Some(&lead) = bytes.first() else { return Ok(None) };
    let id_length = lead.leading_zeros() as usize + 1;
    let Some(&size_lead) = bytes.get(id_length).filter(|_| id_length <= 4) else { return Ok(None) };
    let id = bytes[..id_length].iter().fold(0, |id, &byte| id << 8 | u32::from(byte));
    let size_length = size_lead.leading_zeros() as usize + 1;
    let Some(size) = bytes.get(id_length..id_length + size_length).filter(|_| size_length <= 8) else {
        return Ok(None);
    };
    let mask = (1u64 << (7 * size_length)) - 1;
    let length = size.iter().fold(0, |size, &byte| size << 8 | u64::from(byte)) & mask;
    Ok(Some((id, position + (id_length + size_length) as u64, (length != mask).then_some(length))))
}
