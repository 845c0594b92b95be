//! The kinds of files, by name, and what is done with each.

use std::fmt;

/// What the bytes of a file show it to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)] // [Kind::name] says what they are
pub enum Kind {
    // Analysed.
    Mpeg,
    Adts,
    Flac,
    Ogg,
    Mp4,
    QuickTime,
    Wave,
    Aiff,
    Caf,
    Matroska,
    // Sound that is not analysed.
    FreeFormatMpeg,
    WavPack,
    MonkeysAudio,
    Musepack,
    OldMusepack,
    FloatMonkeysAudio,
    Adif,
    WindowsMedia,
    Dsf,
    Dsdiff,
    TrueAudio,
    OptimFrog,
    Tak,
    LosslessAudio,
    Shorten,
    RealAudio,
    Amr,
    SunAudio,
    Wave64,
    BigEndianWave,
    IffSound,
    CreativeVoice,
    Ac3,
    Dts,
    Midi,
    SoundFont,
    // Pictures that move, whatever they sound like.
    MpegProgram,
    MpegTransport,
    MpegVideo,
    Avi,
    FlashVideo,
    // No sound.
    Empty,
    OnlyTags,
    Picture,
    IffOther,
    RiffOther,
    Program,
    Archive,
    Document,
    Playlist,
    Zeros,
    Text,
    BehindTag,
    Unknown,
}

/// What may be expected of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the kinds in each are listed where it is told
pub enum Class {
    Analysed,
    NotAnalysed,
    Film,
    NoSound,
}

/// Who may have the tags of a kind written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagging {
    /// Scans, the service and the owner.
    Written,
    /// The owner, by `reclassd tag`: no scan has an opinion on it.
    ByHand,
    /// Nobody yet.
    NotYet,
}

impl Kind {
    /// Every kind that is a sound file, in the order of the documentation.
    pub const SOUND: [Self; 36] = [
        Self::Mpeg,
        Self::Flac,
        Self::Ogg,
        Self::Mp4,
        Self::Wave,
        Self::Aiff,
        Self::Caf,
        Self::Matroska,
        Self::QuickTime,
        Self::Adts,
        Self::FreeFormatMpeg,
        Self::WavPack,
        Self::MonkeysAudio,
        Self::Musepack,
        Self::OldMusepack,
        Self::FloatMonkeysAudio,
        Self::Adif,
        Self::WindowsMedia,
        Self::Dsf,
        Self::Dsdiff,
        Self::TrueAudio,
        Self::OptimFrog,
        Self::Tak,
        Self::LosslessAudio,
        Self::Shorten,
        Self::RealAudio,
        Self::Amr,
        Self::SunAudio,
        Self::Wave64,
        Self::BigEndianWave,
        Self::IffSound,
        Self::CreativeVoice,
        Self::Ac3,
        Self::Dts,
        Self::Midi,
        Self::SoundFont,
    ];

    /// What people call it; of what is no sound file, what it is: "it is a picture".
    pub fn name(self) -> &'static str {
        match self {
            Self::Mpeg => "MP3 (MPEG audio, layers I to III)",
            Self::Adts => "AAC (ADTS)",
            Self::Flac => "FLAC",
            Self::Ogg => "Ogg",
            Self::Mp4 => "MP4",
            Self::QuickTime => "QuickTime (of before MP4)",
            Self::Wave => "WAV",
            Self::Aiff => "AIFF",
            Self::Caf => "Core Audio (CAF)",
            Self::Matroska => "Matroska",
            Self::FreeFormatMpeg => "free-format MP3 (with a bitrate of its own)",
            Self::WavPack => "WavPack",
            Self::MonkeysAudio => "Monkey's Audio",
            Self::Musepack => "Musepack",
            Self::OldMusepack => "Musepack SV4 to SV6",
            Self::FloatMonkeysAudio => "Monkey's Audio of floating point",
            Self::Adif => "AAC (ADIF)",
            Self::WindowsMedia => "Windows Media Audio (WMA)",
            Self::Dsf => "DSD (DSF)",
            Self::Dsdiff => "DSD (DSDIFF)",
            Self::TrueAudio => "True Audio (TTA)",
            Self::OptimFrog => "OptimFROG",
            Self::Tak => "TAK",
            Self::LosslessAudio => "Lossless Audio (LA)",
            Self::Shorten => "Shorten",
            Self::RealAudio => "RealAudio",
            Self::Amr => "AMR",
            Self::SunAudio => "Sun audio (AU)",
            Self::Wave64 => "Wave64",
            Self::BigEndianWave => "RIFX WAVE (WAV with its bytes the other way round)",
            Self::IffSound => "IFF sound of the Amiga (8SVX and its kin)",
            Self::CreativeVoice => "Creative Voice",
            Self::Ac3 => "Dolby Digital (AC-3)",
            Self::Dts => "DTS",
            Self::Midi => "MIDI (notes, not sound)",
            Self::SoundFont => "SoundFont (instruments, not music)",
            Self::MpegProgram => "a film (MPEG program stream)",
            Self::MpegTransport => "a film (MPEG transport stream)",
            Self::MpegVideo => "a film (MPEG video)",
            Self::Avi => "a film (AVI)",
            Self::FlashVideo => "a film (Flash video)",
            Self::Empty => "it has no bytes",
            Self::OnlyTags => "there are tags in it, but no sound",
            Self::Picture => "it is a picture",
            Self::IffOther => "it is an IFF file without sound (a picture, most likely)",
            Self::RiffOther => "it is a RIFF file of another kind than WAVE",
            Self::Program => "it is a program",
            Self::Archive => "it is an archive",
            Self::Document => "it is a document",
            Self::Playlist => "it is a playlist",
            Self::Zeros => "it begins with zeros, as a download that has not arrived does",
            Self::Text => "it is text",
            Self::BehindTag => "it begins with a tag, but no known kind of sound follows",
            Self::Unknown => "its contents are no known kind of sound",
        }
    }

    /// What may be expected of it.
    pub fn class(self) -> Class {
        match self {
            Self::Mpeg | Self::Adts | Self::Flac | Self::Ogg | Self::Mp4 | Self::QuickTime => Class::Analysed,
            Self::Wave | Self::Aiff | Self::Caf | Self::Matroska => Class::Analysed,
            Self::MpegProgram | Self::MpegTransport | Self::MpegVideo | Self::Avi | Self::FlashVideo => Class::Film,
            Self::Empty | Self::OnlyTags | Self::Picture | Self::IffOther | Self::RiffOther => Class::NoSound,
            Self::Program | Self::Archive | Self::Document | Self::Playlist => Class::NoSound,
            Self::Zeros | Self::Text | Self::BehindTag | Self::Unknown => Class::NoSound,
            _ => Class::NotAnalysed,
        }
    }

    /// Who may have its tags written.
    pub fn tagging(self) -> Tagging {
        match self {
            Self::Mpeg | Self::Flac | Self::Ogg | Self::Mp4 | Self::Wave | Self::Aiff => Tagging::Written,
            Self::Adts | Self::Matroska => Tagging::Written,
            Self::FreeFormatMpeg | Self::WavPack | Self::MonkeysAudio | Self::Musepack => Tagging::ByHand,
            Self::TrueAudio | Self::OptimFrog | Self::Tak | Self::Dsf | Self::Dsdiff => Tagging::ByHand,
            Self::WindowsMedia => Tagging::ByHand,
            _ => Tagging::NotYet,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
