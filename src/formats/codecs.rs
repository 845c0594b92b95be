//! The one list of codecs: how each container names them, what people call them, and whether they are decoded. What a
//! decoder cannot do is refused by these names, and the table in the documentation is made of them.

use super::Kind;

/// How a container names a codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark<'a> {
    /// The format tag of a WAV.
    Tag(u16),
    /// The four characters of AIFF-C, CAF, MP4 and QuickTime.
    Four(&'a [u8; 4]),
    /// MPEG-4's number of the kind of an object, inside `mp4a`: AAC and its kin.
    Object(u32),
    /// Matroska's text, or the first bytes of an Ogg stream.
    Text(&'a str),
}

/// Whether sound is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    Decoded,
    NotYet,
    /// Not by us: only who holds the key may.
    Protected,
}

/// A codec in one kind of container.
#[derive(Debug)]
pub(crate) struct Codec {
    pub kind: Kind,
    pub mark: Mark<'static>,
    /// What it is called.
    pub name: &'static str,
    pub support: Support,
}

/// The codec that a container names so; none where nobody here has heard of it.
pub(crate) fn codec(kind: Kind, mark: Mark<'_>) -> Option<&'static Codec> {
    CODECS.iter().find(|codec| codec.kind == kind && codec.mark == mark)
}

/// Those of a kind of container, in order.
pub(super) fn of(kind: Kind) -> impl Iterator<Item = &'static Codec> {
    CODECS.iter().filter(move |codec| codec.kind == kind)
}

const fn tag(tag: u16, name: &'static str, support: Support) -> Codec {
    Codec { kind: Kind::Wave, mark: Mark::Tag(tag), name, support }
}

const fn four(kind: Kind, mark: &'static [u8; 4], name: &'static str, support: Support) -> Codec {
    Codec { kind, mark: Mark::Four(mark), name, support }
}

const fn object(number: u32, name: &'static str, support: Support) -> Codec {
    Codec { kind: Kind::Mp4, mark: Mark::Object(number), name, support }
}

const fn text(kind: Kind, mark: &'static str, name: &'static str, support: Support) -> Codec {
    Codec { kind, mark: Mark::Text(mark), name, support }
}

use Support::{Decoded, NotYet, Protected};

/// Names that several containers share.
const PCM: &str = "PCM";
const FLOAT: &str = "floating point";
const A_LAW: &str = "A-law";
const MU_LAW: &str = "mu-law";
const IMA: &str = "IMA ADPCM";
const MS: &str = "Microsoft ADPCM";
const MP3: &str = "MP3";
const MP2: &str = "MPEG layers I and II";
const AAC: &str = "AAC-LC";
const AC3: &str = "Dolby Digital (AC-3)";
const EAC3: &str = "Dolby Digital Plus";
const DTS: &str = "DTS";
const GSM: &str = "GSM 6.10";
const MACE: &str = "MACE";
const QDESIGN: &str = "QDesign Music";
const AMR: &str = "AMR";
const DRM: &str = "protected (DRM) sound";
const HE_AAC: &str = "HE-AAC (AAC with spectral band replication)";

static CODECS: &[Codec] = &[
    // RFC 2361 and its successors.
    tag(0x0001, PCM, Decoded),
    tag(0x0003, FLOAT, Decoded),
    tag(0x0006, A_LAW, Decoded),
    tag(0x0007, MU_LAW, Decoded),
    tag(0x0002, MS, Decoded),
    tag(0x0011, IMA, Decoded),
    tag(0x0050, MP2, Decoded),
    tag(0x0055, MP3, Decoded),
    tag(0x0010, "OKI ADPCM", NotYet),
    tag(0x0017, "Dialogic ADPCM", NotYet),
    tag(0x0020, "Yamaha ADPCM", NotYet),
    tag(0x0022, "TrueSpeech", NotYet),
    tag(0x0031, GSM, NotYet),
    tag(0x0042, "G.723.1", NotYet),
    tag(0x0040, "G.721 ADPCM", NotYet),
    tag(0x0045, "G.726 ADPCM", NotYet),
    tag(0x0064, "G.726 ADPCM", NotYet),
    tag(0x0069, "Xbox ADPCM", NotYet),
    tag(0x00ff, "AAC", NotYet),
    tag(0x1600, "AAC", NotYet),
    tag(0x1602, "AAC", NotYet),
    tag(0x706d, "AAC", NotYet),
    tag(0x0160, "Windows Media Audio", NotYet),
    tag(0x0161, "Windows Media Audio", NotYet),
    tag(0x0162, "Windows Media Audio", NotYet),
    tag(0x0163, "Windows Media Audio", NotYet),
    tag(0x0200, "Creative ADPCM", NotYet),
    tag(0x0270, "ATRAC3", NotYet),
    tag(0x2000, AC3, NotYet),
    tag(0x2001, DTS, NotYet),
    tag(0x566f, "Vorbis", NotYet),
    tag(0x674f, "Vorbis", NotYet),
    tag(0x6771, "Vorbis", NotYet),
    tag(0x704f, "Opus", NotYet),
    tag(0xf1ac, "FLAC", NotYet),
    // AIFF-C; plain AIFF is the first.
    four(Kind::Aiff, b"NONE", PCM, Decoded),
    four(Kind::Aiff, b"none", PCM, Decoded),
    four(Kind::Aiff, b"twos", PCM, Decoded),
    four(Kind::Aiff, b"sowt", PCM, Decoded),
    four(Kind::Aiff, b"raw ", PCM, Decoded),
    four(Kind::Aiff, b"in24", PCM, Decoded),
    four(Kind::Aiff, b"in32", PCM, Decoded),
    four(Kind::Aiff, b"23ni", PCM, Decoded),
    four(Kind::Aiff, b"fl32", FLOAT, Decoded),
    four(Kind::Aiff, b"FL32", FLOAT, Decoded),
    four(Kind::Aiff, b"fl64", FLOAT, Decoded),
    four(Kind::Aiff, b"FL64", FLOAT, Decoded),
    four(Kind::Aiff, b"alaw", A_LAW, Decoded),
    four(Kind::Aiff, b"ALAW", A_LAW, Decoded),
    four(Kind::Aiff, b"ulaw", MU_LAW, Decoded),
    four(Kind::Aiff, b"ULAW", MU_LAW, Decoded),
    four(Kind::Aiff, b"ima4", IMA, Decoded),
    four(Kind::Aiff, b"MAC3", MACE, NotYet),
    four(Kind::Aiff, b"MAC6", MACE, NotYet),
    four(Kind::Aiff, b"GSM ", GSM, NotYet),
    four(Kind::Aiff, b"QDMC", QDESIGN, NotYet),
    four(Kind::Aiff, b"QDM2", QDESIGN, NotYet),
    four(Kind::Aiff, b"Qclp", "QCELP", NotYet),
    four(Kind::Aiff, b"dwvw", "delta with variable word width", NotYet),
    // Apple's specification of CAF.
    four(Kind::Caf, b"lpcm", PCM, Decoded),
    four(Kind::Caf, b"alaw", A_LAW, NotYet),
    four(Kind::Caf, b"ulaw", MU_LAW, NotYet),
    four(Kind::Caf, b"ima4", IMA, Decoded),
    four(Kind::Caf, b"aac ", AAC, Decoded),
    four(Kind::Caf, b"alac", "ALAC", Decoded),
    four(Kind::Caf, b".mp3", MP3, Decoded),
    four(Kind::Caf, b".mp1", MP2, NotYet),
    four(Kind::Caf, b".mp2", MP2, NotYet),
    four(Kind::Caf, b"aach", HE_AAC, NotYet),
    four(Kind::Caf, b"aacp", HE_AAC, NotYet),
    four(Kind::Caf, b"aacl", "low-delay AAC", NotYet),
    four(Kind::Caf, b"aace", "low-delay AAC", NotYet),
    four(Kind::Caf, b"opus", "Opus", NotYet),
    four(Kind::Caf, b"flac", "FLAC", NotYet),
    four(Kind::Caf, b"ac-3", AC3, NotYet),
    four(Kind::Caf, b"ec-3", EAC3, NotYet),
    four(Kind::Caf, b"ms\0\x02", MS, NotYet),
    four(Kind::Caf, b"ms\0\x11", "IMA ADPCM in blocks of WAV", NotYet),
    four(Kind::Caf, b"MAC3", MACE, NotYet),
    four(Kind::Caf, b"MAC6", MACE, NotYet),
    four(Kind::Caf, b"QDMC", QDESIGN, NotYet),
    four(Kind::Caf, b"QDM2", QDESIGN, NotYet),
    four(Kind::Caf, b"samr", AMR, NotYet),
    four(Kind::Caf, b"ilbc", "iLBC", NotYet),
    // The registration authority of MP4, and QuickTime's own.
    object(2, AAC, Decoded),
    object(34, MP3, Decoded),
    object(32, MP2, Decoded),
    object(33, MP2, Decoded),
    four(Kind::Mp4, b".mp3", MP3, Decoded),
    four(Kind::Mp4, b"alac", "ALAC", Decoded),
    four(Kind::Mp4, b"fLaC", "FLAC", Decoded),
    four(Kind::Mp4, b"Opus", "Opus", Decoded),
    four(Kind::Mp4, b"lpcm", PCM, Decoded),
    four(Kind::Mp4, b"raw ", PCM, Decoded),
    four(Kind::Mp4, b"sowt", PCM, Decoded),
    four(Kind::Mp4, b"twos", PCM, Decoded),
    four(Kind::Mp4, b"in24", PCM, Decoded),
    four(Kind::Mp4, b"in32", PCM, Decoded),
    four(Kind::Mp4, b"fl32", FLOAT, Decoded),
    four(Kind::Mp4, b"fl64", FLOAT, Decoded),
    object(5, HE_AAC, NotYet),
    object(29, HE_AAC, NotYet),
    object(1, "AAC Main", NotYet),
    object(3, "AAC SSR", NotYet),
    object(4, "AAC LTP", NotYet),
    object(23, "low-delay AAC", NotYet),
    object(39, "low-delay AAC", NotYet),
    object(42, "xHE-AAC", NotYet),
    object(36, "MPEG-4 ALS", NotYet),
    four(Kind::Mp4, b"alaw", A_LAW, NotYet),
    four(Kind::Mp4, b"ulaw", MU_LAW, NotYet),
    four(Kind::Mp4, b"ima4", IMA, NotYet),
    four(Kind::Mp4, b"ms\0\x02", MS, NotYet),
    four(Kind::Mp4, b"ms\0\x11", IMA, NotYet),
    four(Kind::Mp4, b"ac-3", AC3, NotYet),
    four(Kind::Mp4, b"ec-3", EAC3, NotYet),
    four(Kind::Mp4, b"ac-4", "Dolby AC-4", NotYet),
    four(Kind::Mp4, b"dtsc", DTS, NotYet),
    four(Kind::Mp4, b"dtsh", DTS, NotYet),
    four(Kind::Mp4, b"dtsl", DTS, NotYet),
    four(Kind::Mp4, b"dtse", DTS, NotYet),
    four(Kind::Mp4, b"samr", AMR, NotYet),
    four(Kind::Mp4, b"sawb", AMR, NotYet),
    four(Kind::Mp4, b"mha1", "MPEG-H", NotYet),
    four(Kind::Mp4, b"mhm1", "MPEG-H", NotYet),
    four(Kind::Mp4, b"MAC3", MACE, NotYet),
    four(Kind::Mp4, b"MAC6", MACE, NotYet),
    four(Kind::Mp4, b"QDMC", QDESIGN, NotYet),
    four(Kind::Mp4, b"QDM2", QDESIGN, NotYet),
    four(Kind::Mp4, b"Qclp", "QCELP", NotYet),
    four(Kind::Mp4, b"drms", DRM, Protected),
    four(Kind::Mp4, b"enca", DRM, Protected),
    four(Kind::Mp4, b"p608", DRM, Protected),
    // RFC 9559's list of codecs.
    text(Kind::Matroska, "A_VORBIS", "Vorbis", Decoded),
    text(Kind::Matroska, "A_OPUS", "Opus", Decoded),
    text(Kind::Matroska, "A_AAC", AAC, Decoded),
    text(Kind::Matroska, "A_FLAC", "FLAC", Decoded),
    text(Kind::Matroska, "A_ALAC", "ALAC", Decoded),
    text(Kind::Matroska, "A_MPEG/L3", MP3, Decoded),
    text(Kind::Matroska, "A_MPEG/L2", MP2, Decoded),
    text(Kind::Matroska, "A_PCM", PCM, Decoded),
    text(Kind::Matroska, "A_AC3", AC3, NotYet),
    text(Kind::Matroska, "A_EAC3", EAC3, NotYet),
    text(Kind::Matroska, "A_TRUEHD", "Dolby TrueHD", NotYet),
    text(Kind::Matroska, "A_DTS", DTS, NotYet),
    text(Kind::Matroska, "A_WAVPACK4", "WavPack", NotYet),
    text(Kind::Matroska, "A_TTA1", "True Audio (TTA)", NotYet),
    text(Kind::Matroska, "A_MPC", "Musepack", NotYet),
    text(Kind::Matroska, "A_REAL", "RealAudio", NotYet),
    text(Kind::Ogg, "\u{1}vorbis", "Vorbis", Decoded),
    text(Kind::Ogg, "OpusHead", "Opus", Decoded),
    text(Kind::Ogg, "\u{7f}FLAC", "FLAC", Decoded),
    text(Kind::Ogg, "Speex   ", "Speex", NotYet),
];
