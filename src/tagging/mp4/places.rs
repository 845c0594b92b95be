//! What in an MPEG-4 file may tell places of it besides the tables that we know: what kind of file it says it is, and
//! atoms that are on no list.
//!
//! Cameras keep tables of their own, with absolute offsets. Nothing tells them from harmless atoms, so the lists name
//! those that hold none by their definition; where one more is found, nothing in the file may move. Nothing here edits
//! anything.

use super::super::error::Refusal;
use super::atoms::Atom;

/// Sound, films and phones: brands whose files are made of the atoms that are listed below. Compared without regard to
/// case and without what fills them up.
const KNOWN_BRANDS: [&str; 62] = [
    "M4A", "M4B", "M4P", "M4R", "M4V", "M4VH", "M4VP", "mp41", "mp42", "mp71", "mp4", "mp21", "isom", "iso2", "iso3",
    "iso4", "iso5", "iso6", "iso7", "iso8", "iso9", "isoa", "isob", "isoc", "avc1", "hvc1", "av01", "qt", "3gp1",
    "3gp2", "3gp3", "3gp4", "3gp5", "3gp6", "3gp7", "3gp8", "3gp9", "3ge6", "3ge7", "3ge9", "3gg6", "3gg9", "3gh9",
    "3gm9", "3gr6", "3gr9", "3gs6", "3gs9", "3gt9", "3g2a", "3g2b", "3g2c", "mmp4", "MSNV", "NDAS", "dash", "f4a",
    "f4b", "f4v", "f4p", "kddi", "dby1",
];

/// Pictures, and sequences of them (HEIF, AVIF, JPEG 2000), which tell places in ways of their own.
const PICTURES: [&str; 16] = [
    "avif", "avis", "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "mif2", "msf1", "jp2",
    "jpx", "mjp2",
];

/// What cameras call their raw files.
const CAMERA_RAW: &str = "crx";

/// Atoms that tell no places in the file, by the atom that holds them. `mdat` is told apart by its name, `stco`,
/// `co64`, `tfhd` and `tfra` are followed, and those that tell places (`iloc`, `saio`) are refused elsewhere.
const KNOWN_ATOMS: [(&[u8; 4], &[&[u8; 4]]); 9] = [
    (
        TOP,
        &[
            b"ftyp", b"mdat", b"moov", b"meta", b"udta", b"pdin", b"pnot", b"PICT", b"moof", b"styp", b"sidx", b"ssix",
            b"mfra", b"emsg", b"prft",
        ],
    ),
    (b"moof", &[b"mfhd", b"traf", b"pssh"]),
    (b"traf", &[b"tfhd", b"tfdt", b"trun", b"sdtp", b"sbgp", b"sgpd", b"subs"]),
    (b"mfra", &[b"tfra", b"mfro"]),
    (b"moov", &[b"mvhd", b"iods", b"trak", b"udta", b"meta", b"ctab", b"clip", b"pssh", b"ainf", b"prfl", b"mvex"]),
    (
        b"trak",
        &[
            b"tkhd", b"mdia", b"edts", b"tref", b"udta", b"meta", b"load", b"clip", b"matt", b"kmat", b"imap", b"tapt",
            b"txas", b"trgr", b"ludt",
        ],
    ),
    (b"mdia", &[b"mdhd", b"hdlr", b"minf", b"elng", b"udta"]),
    (b"minf", &[b"vmhd", b"smhd", b"hmhd", b"nmhd", b"sthd", b"gmhd", b"hdlr", b"dinf", b"stbl"]),
    (
        b"stbl",
        &[
            b"stsd", b"stts", b"ctts", b"cslg", b"stsc", b"stsz", b"stz2", b"stco", b"co64", b"stss", b"stsh", b"stps",
            b"padb", b"stdp", b"sdtp", b"sbgp", b"sgpd", b"csgp", b"subs", b"senc", b"saiz",
        ],
    ),
];

/// Free space, wherever it stands.
const FREE: [&[u8; 4]; 3] = [b"free", b"skip", b"wide"];

/// The file itself, as what holds atoms.
pub(super) const TOP: &[u8; 4] = b"file";

/// Atoms with long names that tell no places: Adobe's XMP, and what Sony's players are told of a file.
const KNOWN_LONG_NAMES: [u128; 3] = [
    0xbe7a_cfcb_97a9_42e8_9c71_9994_91e3_afac,
    0x5052_4f46_21d2_4fce_bb88_695c_fac9_c740,
    0x5553_4d54_21d2_4fce_bb88_695c_fac9_c740,
];

/// The first atom of `atoms`, which `holder` holds, that is on no list, as its owner could look for it. `long_name`
/// gives what stands at the start of the body of one of them.
pub(super) fn stranger<'a, N: 'a>(
    holder: &[u8; 4],
    atoms: impl IntoIterator<Item = &'a Atom<N>>,
    long_name: impl Fn(&Atom<N>) -> Option<u128>,
) -> Option<String> {
    let known = KNOWN_ATOMS.iter().find(|(name, _)| *name == holder).map_or(&[][..], |(_, known)| known);
    let holder = if holder == TOP { String::new() } else { format!("{}/", String::from_utf8_lossy(holder)) };
    let path = format!("atom {holder}");
    atoms.into_iter().find_map(|atom| match &atom.kind {
        b"uuid" => match long_name(atom) {
            Some(name) if KNOWN_LONG_NAMES.contains(&name) => None,
            Some(name) => Some(format!("{path}uuid {name:032x}")),
            None => Some(format!("{path}uuid")),
        },
        kind if known.contains(&kind) || FREE.contains(&kind) => None,
        kind => Some(format!("{path}{}", String::from_utf8_lossy(kind))),
    })
}

/// What the body of the `ftyp` atom says: a refusal where files of its brand are no music, or the brand where it is on
/// no list. A further structure of a compatible brand is an atom that is on no list, so only the major brand has to be
/// on one.
pub(super) fn check_brands(ftyp: &[u8]) -> Result<Option<String>, Refusal> {
    let brand = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.trim_end_matches([' ', '\0']).to_owned()
    };
    let (brands, _) = ftyp.as_chunks::<4>();
    let Some((major, rest)) = brands.split_first() else { return Ok(None) };
    let major = brand(major);
    let is = |brand: &str, known: &str| brand.eq_ignore_ascii_case(known);
    // Behind the major brand stands its version.
    if is(&major, CAMERA_RAW) || rest.iter().skip(1).any(|bytes| is(&brand(bytes), CAMERA_RAW)) {
        return Err(Refusal::Unsupported { what: "MP4", why: "it is a camera's raw file" });
    }
    if PICTURES.iter().any(|known| is(&major, known)) {
        return Err(Refusal::Unsupported { what: "MP4", why: "it is a picture, or a sequence of pictures" });
    }
    let is_known = major.is_empty() || KNOWN_BRANDS.iter().any(|known| is(&major, known));
    Ok((!is_known).then(|| format!("brand {major}")))
}
