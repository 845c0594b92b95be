//! What a WAV or an AIFF says about its sound, brought into the one form that the demuxer knows. Writers differ in what
//! they append to it and in how they count the bits of a sample; that makes no file a damaged one.

use crate::audio::error::Fault;
use crate::formats::{Codec, Kind, Mark, Support, codec};

use super::MOST_CHANNELS;
use super::adpcm::{Blocks, Variety};

/// A description that the demuxer knows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Described {
    /// MPEG frames, which need no demuxer.
    Mpeg,
    /// Blocks of ADPCM, which need none either.
    Blocks(Blocks),
    /// The contents of the chunk to show it.
    Demuxed(Vec<u8>),
}

/// The same of an AIFF.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AiffDescribed {
    /// The form, and the contents of `COMM`.
    Demuxed([u8; 4], Vec<u8>),
    /// Apple's IMA ADPCM.
    Blocks(Blocks),
}

/// Refuses a codec that is known and not decoded, by its name and that of its container.
pub(super) fn decoded(kind: Kind, mark: Mark<'_>) -> Result<&'static Codec, Fault> {
    let known = codec(kind, mark).ok_or_else(|| match mark {
        Mark::Tag(tag) => Fault::unsupported(format!("sound of the kind {tag:#06x} in {}", kind.name())),
        Mark::Four(mark) => {
            Fault::unsupported(format!("sound of the kind \"{}\" in {}", mark.escape_ascii(), kind.name()))
        }
        Mark::Object(number) => Fault::unsupported(format!("MPEG-4 sound of the kind {number} in {}", kind.name())),
        Mark::Text(text) => Fault::unsupported(format!("sound of the kind \"{text}\" in {}", kind.name())),
    })?;
    match known.support {
        Support::Decoded => Ok(known),
        Support::NotYet => Err(Fault::unsupported(format!("{} in {}", known.name, kind.name()))),
        Support::Protected => Err(Fault::Unsupported {
            what: format!("{} cannot be decoded", known.name),
            advice: "only a copy without protection can be classified",
        }),
    }
}

const PCM: u16 = 1;
const MS_ADPCM: u16 = 2;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const IMA_ADPCM: u16 = 0x11;
const MPEG: [u16; 2] = [0x50, 0x55];
const EXTENSIBLE: u16 = 0xfffe;

/// All but the first two bytes of the identifiers that stand for a plain format tag.
const PLAIN_SUBTYPE: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/// The seven pairs of coefficients of Microsoft's ADPCM, which every file repeats.
const MS_COEFFICIENTS: [(i16, i16); 7] = [(256, 0), (512, -256), (0, 0), (192, 64), (240, 0), (460, -208), (392, -232)];

/// The fields of a WAV's `fmt ` chunk that are looked at.
struct Wave<'a> {
    channels: u16,
    block: u16,
    bits: u16,
    /// What follows the sixteen bytes that all of them have.
    behind: &'a [u8],
}

/// Reads a WAV's `fmt ` chunk.
pub(super) fn wave(description: &[u8]) -> Result<Described, Fault> {
    let Some((common, behind)) = description.split_first_chunk::<16>() else { return Err(cut_short()) };
    let field = |at: usize| u16::from_le_bytes([common[at], common[at + 1]]);
    let wave = Wave { channels: field(2), block: field(12), bits: field(14), behind };
    check_shape(wave.channels, wave.bits)?;
    match field(0) {
        EXTENSIBLE => extensible(common, &wave),
        tag => plain(tag, common, &wave),
    }
}

fn plain(tag: u16, common: &[u8; 16], wave: &Wave<'_>) -> Result<Described, Fault> {
    let Codec { name, .. } = decoded(Kind::Wave, Mark::Tag(tag))?;
    let unusual = || Fault::unsupported(format!("{name} of {} bits in WAV", wave.bits));
    let mut shown = common.to_vec();
    shown[..2].copy_from_slice(&tag.to_le_bytes());
    match tag {
        _ if MPEG.contains(&tag) => return Ok(Described::Mpeg),
        // Samples of 12 or 20 bits lie in the upper part of whole bytes.
        PCM => {
            let whole = wave.bits.next_multiple_of(8);
            if !(8..=32).contains(&whole) {
                return Err(unusual());
            }
            shown[14..].copy_from_slice(&whole.to_le_bytes());
        }
        FLOAT if !matches!(wave.bits, 32 | 64) => return Err(unusual()),
        FLOAT => {}
        A_LAW | MU_LAW => shown.extend([0; 2]),
        MS_ADPCM => {
            check_adpcm(name, wave, 7, 1)?;
            check_coefficients(wave.behind)?;
            return Ok(Described::Blocks(blocks(Variety::Microsoft, common, wave, 7, 2)));
        }
        IMA_ADPCM => {
            // Stereo lies there in words of four bytes by turns.
            check_adpcm(name, wave, 4, 4)?;
            return Ok(Described::Blocks(blocks(Variety::Ima, common, wave, 4, 1)));
        }
        _ => return Err(unusual()),
    }
    Ok(Described::Demuxed(shown))
}

/// A description of 40 bytes, which names the format by an identifier.
fn extensible(common: &[u8; 16], wave: &Wave<'_>) -> Result<Described, Fault> {
    let Some(rest) = wave.behind.first_chunk::<24>() else { return Err(cut_short()) };
    let (subtype, tail) = rest[8..].split_at(2);
    let tag = u16::from_le_bytes([subtype[0], subtype[1]]);
    let is_plain = *tail == PLAIN_SUBTYPE;
    if is_plain && !matches!(tag, PCM | FLOAT) {
        return match tag {
            A_LAW | MU_LAW => plain(tag, common, wave),
            _ if MPEG.contains(&tag) => Ok(Described::Mpeg),
            _ => {
                decoded(Kind::Wave, Mark::Tag(tag))?;
                Err(Fault::unsupported("this kind of extensible WAV"))
            }
        };
    }
    let bits = wave.bits.next_multiple_of(8);
    let possible = if tag == FLOAT { matches!(bits, 32 | 64) } else { (8..=32).contains(&bits) };
    if !possible {
        return Err(Fault::unsupported(format!("samples of {} bits in an extensible WAV", wave.bits)));
    }
    let valid = u16::from_le_bytes([rest[2], rest[3]]);
    let valid = if tag == FLOAT || valid == 0 || valid > bits { bits } else { valid };
    let mut shown = common.to_vec();
    shown[14..].copy_from_slice(&bits.to_le_bytes());
    shown.extend([22, 0]);
    shown.extend(valid.to_le_bytes());
    shown.extend(&rest[4..]);
    Ok(Described::Demuxed(shown))
}

/// Refuses ADPCM that the decoder would not read as it was meant. `lead` is the length of a channel's head in each
/// block, `unit` that of the pieces in which the channels take turns behind it.
fn check_adpcm(name: &str, wave: &Wave<'_>, lead: u16, unit: u16) -> Result<(), Fault> {
    if wave.channels > 2 {
        return Err(Fault::unsupported(format!("{name} with more than two channels")));
    }
    if wave.bits != 4 {
        return Err(Fault::unsupported(format!("{name} of {} bits", wave.bits)));
    }
    match wave.block.checked_sub(lead * wave.channels) {
        None | Some(0) => Err(Fault::damaged(format!("it declares blocks of {} bytes", wave.block))),
        Some(sound) if wave.channels == 2 && sound % (unit * 2) != 0 => {
            Err(Fault::unsupported(format!("{name} in blocks of {} bytes", wave.block)))
        }
        Some(_) => Ok(()),
    }
}

/// Blocks of ADPCM: each byte holds two frames of one channel, and each head of `lead` bytes holds `in_lead`.
fn blocks(variety: Variety, common: &[u8; 16], wave: &Wave<'_>, lead: u16, in_lead: u32) -> Blocks {
    let sound = u32::from(wave.block.saturating_sub(lead * wave.channels));
    Blocks {
        variety,
        sample_rate: u32::from_le_bytes([common[4], common[5], common[6], common[7]]),
        channels: wave.channels,
        bytes: wave.block.into(),
        frames: sound * 2 / u32::from(wave.channels) + in_lead,
    }
}

/// Refuses coefficients of a file's own. Those that are left out are the usual ones.
fn check_coefficients(behind: &[u8]) -> Result<(), Fault> {
    let Some(table) = behind.get(4..) else { return Ok(()) };
    let count = table.get(..2).map_or(0, |count| usize::from(u16::from_le_bytes([count[0], count[1]])));
    let given = table.get(2..).unwrap_or_default().chunks_exact(4).take(count);
    let given = given.map(|pair| (i16::from_le_bytes([pair[0], pair[1]]), i16::from_le_bytes([pair[2], pair[3]])));
    if given.zip(MS_COEFFICIENTS).all(|(given, usual)| given == usual) && count <= MS_COEFFICIENTS.len() {
        return Ok(());
    }
    Err(Fault::unsupported("Microsoft ADPCM with coefficients of its own"))
}

/// Reads an AIFF's `COMM` chunk; `form` is `AIFF` or `AIFC`.
pub(super) fn aiff(form: [u8; 4], description: &[u8]) -> Result<AiffDescribed, Fault> {
    let Some((common, behind)) = description.split_first_chunk::<18>() else { return Err(cut_short()) };
    let (channels, bits) = (u16::from_be_bytes([common[0], common[1]]), u16::from_be_bytes([common[6], common[7]]));
    check_shape(channels, bits)?;
    let mark = match behind.first_chunk::<4>() {
        Some(mark) if &form != b"AIFF" => mark,
        Some(_) | None => b"NONE",
    };
    let Codec { name, .. } = decoded(Kind::Aiff, Mark::Four(mark))?;
    let with = |bits: u16| {
        let mut shown = common.to_vec();
        shown[6..8].copy_from_slice(&bits.to_be_bytes());
        shown
    };
    let packed = |mark: &[u8; 4], bits: u16| {
        // The mark, and an empty name.
        let shown = [&with(bits)[..], mark, &[0, 0]].concat();
        Ok(AiffDescribed::Demuxed(*b"AIFC", shown))
    };
    let unusual =
        || Err(Fault::unsupported(format!("{name} of {bits} bits in AIFF-C of the kind \"{}\"", mark.escape_ascii())));
    match mark {
        b"ima4" if channels > 2 => Err(Fault::unsupported(format!("{name} with more than two channels"))),
        b"ima4" => Ok(AiffDescribed::Blocks(Blocks::apple(extended(common), channels))),
        b"NONE" | b"none" | b"twos" if !(1..=32).contains(&bits) => unusual(),
        b"NONE" | b"none" | b"twos" => Ok(AiffDescribed::Demuxed(*b"AIFF", with(bits))),
        b"in24" => Ok(AiffDescribed::Demuxed(*b"AIFF", with(24))),
        b"in32" => Ok(AiffDescribed::Demuxed(*b"AIFF", with(32))),
        // The order of bytes matters for samples of several.
        b"sowt" => match bits {
            1..=8 => Ok(AiffDescribed::Demuxed(*b"AIFF", with(8))),
            9..=16 => packed(b"sowt", 16),
            25..=32 => packed(b"23ni", 32),
            _ => unusual(),
        },
        b"23ni" => packed(mark, 32),
        b"raw " if bits > 8 => unusual(),
        b"raw " => packed(mark, 8),
        mark => packed(mark, bits),
    }
}

/// The rate in a `COMM` chunk, an 80-bit floating-point number; what is no rate is 0.
fn extended(common: &[u8; 18]) -> u32 {
    let [.., a, b, c, d, e, f, g, h] = *common;
    let exponent = i32::from(u16::from_be_bytes([common[8], common[9]])) - 0x3fff;
    let mantissa = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    if (0..=31).contains(&exponent) { (mantissa >> (63 - exponent)) as u32 } else { 0 }
}

fn cut_short() -> Fault {
    Fault::damaged("the description of its sound is cut short")
}

/// Refuses numbers of channels and of bits that the demuxer would multiply out of range.
fn check_shape(channels: u16, bits: u16) -> Result<(), Fault> {
    if !(1..=MOST_CHANNELS).contains(&channels) || bits > 64 {
        return Err(Fault::damaged(format!("it declares {channels} channels of {bits} bits")));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn fmt(tag: u16, channels: u16, block: u16, bits: u16, behind: &[u8]) -> Vec<u8> {
        let mut chunk = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
        chunk.extend(8000u32.to_le_bytes());
        chunk.extend(16_000u32.to_le_bytes());
        chunk.extend([block.to_le_bytes(), bits.to_le_bytes()].concat());
        chunk.extend(behind);
        chunk
    }

    #[track_caller]
    fn refusal(description: &[u8]) -> String {
        match wave(description) {
            Err(Fault::Unsupported { what, .. }) => what.replace(" is not decoded yet", ""),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_writers_append_to_a_description_changes_nothing() {
        for (tag, bits) in [(PCM, 16), (FLOAT, 32), (A_LAW, 8), (MU_LAW, 8)] {
            let shortest = wave(&fmt(tag, 1, bits / 8, bits, &[])).unwrap();
            for behind in [&[0, 0][..], &[2, 0, 9, 9], &[0; 24], &[1; 7]] {
                assert_eq!(wave(&fmt(tag, 1, bits / 8, bits, behind)).unwrap(), shortest, "{tag} {behind:?}");
            }
        }
        let Described::Demuxed(twelve) = wave(&fmt(PCM, 1, 2, 12, &[])).unwrap() else { panic!() };
        assert_eq!(twelve[14..16], [16, 0], "12 bits lie in 16");
    }

    #[test]
    fn a_codec_that_is_not_decoded_is_called_by_its_name() {
        assert_eq!(refusal(&fmt(0x31, 1, 65, 0, &[2, 0, 0x40, 1])), "GSM 6.10 in WAV");
        assert_eq!(refusal(&fmt(0x2000, 2, 1, 0, &[])), "Dolby Digital (AC-3) in WAV");
        assert_eq!(refusal(&fmt(0x7777, 2, 1, 0, &[])), "sound of the kind 0x7777 in WAV");
        let guid = [&[22, 0, 0, 0, 0, 0, 0, 0, 0x31, 0][..], &PLAIN_SUBTYPE].concat();
        assert_eq!(refusal(&fmt(EXTENSIBLE, 1, 65, 0, &guid)), "GSM 6.10 in WAV");
        assert_eq!(refusal(&fmt(IMA_ADPCM, 4, 2048, 4, &[])), "IMA ADPCM with more than two channels");
        let mut own = vec![32, 0, 0xf4, 3, 7, 0];
        own.extend(MS_COEFFICIENTS.iter().flat_map(|(a, b)| [a.to_le_bytes(), b.to_le_bytes()].concat()));
        assert!(wave(&fmt(MS_ADPCM, 2, 1024, 4, &own)).is_ok());
        own[6] ^= 1;
        assert_eq!(refusal(&fmt(MS_ADPCM, 2, 1024, 4, &own)), "Microsoft ADPCM with coefficients of its own");
    }

    #[test]
    fn rates_of_80_bits_are_read() {
        let rate = |bytes: [u8; 10]| extended(&[&[0; 8][..], &bytes].concat().try_into().unwrap());
        assert_eq!(rate([0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]), 44_100);
        assert_eq!(rate([0x40, 0x0b, 0xfa, 0, 0, 0, 0, 0, 0, 0]), 8000);
        assert_eq!(rate([0xff; 10]), 0);
    }

    #[test]
    fn impossible_blocks_of_adpcm_are_refused_before_the_decoder_sees_them() {
        for (tag, block) in [(MS_ADPCM, 0), (MS_ADPCM, 14), (IMA_ADPCM, 8), (IMA_ADPCM, 3)] {
            assert!(matches!(wave(&fmt(tag, 2, block, 4, &[])), Err(Fault::Damaged(_))), "{tag} {block}");
        }
        assert!(matches!(wave(&fmt(IMA_ADPCM, 2, 8 + 12, 4, &[])), Err(Fault::Unsupported { .. })));
    }
}
