//! The extended header: padding size and CRC, which have to follow an edit, and restrictions, which it has to obey.
//!
//! ID3v2.3.0, 3.2 and ID3v2.4.0 structure, 3.2. The two have only the name in common.

use super::{HEADER, Id3v2, Version, synchsafe, unsync};
use crate::tagging::error::Refusal;

const WHAT: &str = "extended header of the ID3v2 tag";

/// An extended header in its plain form.
#[derive(Clone, Debug)]
pub(super) struct ExtendedHeader {
    plain: Vec<u8>,
    version: Version,
    /// Where it ends in the tag's bytes.
    pub(super) end: usize,
    /// Where the CRC stands in `plain`.
    crc: Option<usize>,
    /// The byte of restrictions (2.4).
    restrictions: Option<u8>,
}

impl ExtendedHeader {
    /// Parses the header at the start of the tag's body.
    pub(super) fn parse(tag: &Id3v2) -> Result<Self, Refusal> {
        let end_of = |count: usize| {
            let end = if tag.body_is_unsynchronised() {
                unsync::skip(&tag.raw, HEADER, tag.body_end, count)
            } else {
                Some(HEADER + count).filter(|&end| end <= tag.body_end)
            };
            end.ok_or(Refusal::Truncated { what: WHAT })
        };
        let damaged = |why| Refusal::Damaged { what: WHAT, why };
        let size: [u8; 4] = tag.plain(HEADER..end_of(4)?)[..4].try_into().map_err(|_| damaged("it is cut short"))?;
        if tag.version == Version::V23 {
            let length = match u32::from_be_bytes(size) {
                6 => 10,
                10 => 14,
                _ => return Err(damaged("its size is neither 6 nor 10")),
            };
            let end = end_of(length)?;
            let plain = tag.plain(HEADER..end).into_owned();
            let has_crc = plain[4] & 0x80 != 0;
            if plain[4] & 0x7f != 0 || plain[5] != 0 || has_crc != (length == 14) {
                return Err(damaged("its flags do not fit its size"));
            }
            return Ok(Self { plain, version: tag.version, end, crc: has_crc.then_some(10), restrictions: None });
        }
        let length = synchsafe(&size).filter(|&length| length >= 6).ok_or(damaged("its size is impossible"))?;
        let end = end_of(length)?;
        let plain = tag.raw[HEADER..end].to_vec();
        if plain[4] != 1 || plain[5] & !0x70 != 0 {
            return Err(Refusal::Unsupported { what: WHAT, why: "it has flags that the standard does not define" });
        }
        let (mut at, mut crc, mut restrictions) = (6, None, None);
        for (bit, expected) in [(0x40, 0), (0x20, 5), (0x10, 1)] {
            if plain[5] & bit == 0 {
                continue;
            }
            if plain.get(at) != Some(&expected) || plain.len() < at + 1 + usize::from(expected) {
                return Err(damaged("the data of a flag has the wrong length"));
            }
            match bit {
                0x20 => crc = Some(at + 1),
                0x10 => restrictions = Some(plain[at + 1]),
                _ => {}
            }
            at += 1 + usize::from(expected);
        }
        Ok(Self { plain, version: tag.version, end, crc, restrictions })
    }

    /// Refuses a tag whose content is not what its CRC was made of: something is damaged, and a new CRC would hide it.
    pub(super) fn check(&self, tag: &Id3v2) -> Result<(), Refusal> {
        let Some(at) = self.crc else { return Ok(()) };
        let end = if self.version == Version::V23 { tag.padding } else { tag.body_end };
        let real = crc32(&tag.plain(self.end..end));
        let told = if self.version == Version::V23 {
            self.plain[at..at + 4].iter().fold(0, |value, &byte| value << 8 | u64::from(byte))
        } else {
            self.plain[at..at + 5].iter().fold(0, |value, &byte| value << 7 | u64::from(byte & 0x7f))
        };
        if u64::from(real) == told {
            Ok(())
        } else {
            Err(Refusal::Damaged { what: "ID3v2 tag", why: "its CRC does not match its frames" })
        }
    }

    /// The header for a new body: `frames` in plain form and the number of padding bytes behind them.
    pub(super) fn renewed(&self, frames: &[u8], padding: usize) -> Vec<u8> {
        let mut plain = self.plain.clone();
        match self.version {
            Version::V23 => {
                // A tag is at most 2^28 bytes long.
                plain[6..10].copy_from_slice(&(padding as u32).to_be_bytes());
                if let Some(at) = self.crc {
                    plain[at..at + 4].copy_from_slice(&crc32(frames).to_be_bytes());
                }
            }
            _ => {
                if let Some(at) = self.crc {
                    let crc = crc32_of_two(frames, padding);
                    for (index, byte) in plain[at..at + 5].iter_mut().enumerate() {
                        *byte = (u64::from(crc) >> (7 * (4 - index)) & 0x7f) as u8;
                    }
                }
            }
        }
        plain
    }

    /// What stays: all but the padding size and the CRC.
    pub(super) fn constant_part(&self) -> Vec<u8> {
        let mut plain = self.plain.clone();
        if self.version == Version::V23 {
            plain[6..10].fill(0);
        }
        if let Some(at) = self.crc {
            let length = if self.version == Version::V23 { 4 } else { 5 };
            plain[at..at + length].fill(0);
        }
        plain
    }

    /// Whether text may not be UTF-16 (restriction q).
    pub(super) fn forbids_utf16(&self) -> bool {
        self.restrictions.is_some_and(|byte| byte & 0x20 != 0)
    }

    /// Whether a tag of that many frames and bytes, with texts of at most that many characters, obeys the restrictions
    /// p and r.
    pub(super) fn allows(&self, frames: usize, bytes: usize, characters: usize) -> bool {
        let Some(byte) = self.restrictions else { return true };
        let (max_frames, max_bytes) =
            [(128, 1 << 20), (64, 128 << 10), (32, 40 << 10), (32, 4 << 10)][usize::from(byte >> 6)];
        let max_characters = [usize::MAX, 1024, 128, 30][usize::from(byte >> 3 & 3)];
        frames <= max_frames && bytes <= max_bytes && characters <= max_characters
    }
}

/// CRC-32 as in ISO 3309 (polynomial 0x04C11DB7, reflected). Tags that have one are rare and small: no table.
fn crc32(bytes: &[u8]) -> u32 {
    !update(u32::MAX, bytes.iter().copied())
}

fn crc32_of_two(bytes: &[u8], zeros: usize) -> u32 {
    !update(u32::MAX, bytes.iter().copied().chain(std::iter::repeat_n(0, zeros)))
}

fn update(crc: u32, bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(crc, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 != 0 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_the_one_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32_of_two(b"12", 2), crc32(b"12\0\0"));
    }
}
