//! Files for tests that hold tags of several kinds, each of which says something else.

#![allow(dead_code, missing_docs)]

use super::fixtures::{
    adts_frames, aiff, ape_item, ape_tag, chunk, comments, dsdiff, dsdiff_chunk, dsdiff_texts, dsf, flac, frame, id3v2,
    mpeg_frames, tak, text, true_audio, wav, wavpack_blocks,
};

/// What a tag holds: nothing (it is there), a picture, texts, or a genre alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filling {
    Nothing,
    Picture,
    Texts,
    Genre,
}

use Filling::{Genre, Nothing, Picture, Texts};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0";

fn lead(filling: Filling) -> Vec<u8> {
    let frames = match filling {
        Nothing => Vec::new(),
        Picture => frame(3, "APIC", [0, 0], &[b"\0image/png\0\x03\0", PNG].concat()),
        Genre => text(3, "TCON", "Jazz"),
        Texts => [
            text(3, "TIT2", "Title of ID3v2"),
            text(3, "TPE1", "Artist of ID3v2"),
            text(3, "TALB", "Album of ID3v2"),
            text(3, "TYER", "2002"),
            text(3, "TRCK", "2"),
            frame(3, "TXXX", [0, 0], b"\0CUSTOM\0of ID3v2"),
        ]
        .concat(),
    };
    id3v2(3, 0, &frames, 400)
}

fn apev2(filling: Filling) -> Vec<u8> {
    ape_tag(&match filling {
        Nothing => Vec::new(),
        Picture => vec![ape_item("Cover Art (Front)", &[b"a.png\0", PNG].concat(), 2)],
        Genre => vec![ape_item("Genre", b"Folk", 0)],
        Texts => vec![
            ape_item("Title", b"Title of APEv2", 0),
            ape_item("Artist", b"Artist of APEv2", 0),
            ape_item("Album", b"Album of APEv2", 0),
            ape_item("Year", b"2003", 0),
            ape_item("Track", b"3", 0),
            ape_item("Custom", b"of APEv2", 0),
        ],
    })
}

fn native(filling: Filling) -> (u8, Vec<u8>) {
    let texts: [&[u8]; 6] = [
        b"TITLE=Title of FLAC",
        b"ARTIST=Artist of FLAC",
        b"ALBUM=Album of FLAC",
        b"DATE=2004",
        b"TRACKNUMBER=4",
        b"CUSTOM=of FLAC",
    ];
    match filling {
        Nothing => comments(&[]),
        Picture => comments(&[b"METADATA_BLOCK_PICTURE=AAAA"]),
        Genre => comments(&[b"GENRE=Blues"]),
        Texts => comments(&texts),
    }
}

fn tail() -> Vec<u8> {
    let mut tag = b"TAG".to_vec();
    for (text, end) in [("Title of ID3v1", 33), ("Artist of ID3v1", 63), ("Album of ID3v1", 93), ("2001", 97)] {
        tag.extend(text.as_bytes());
        tag.resize(end, 0);
    }
    tag.resize(126, 0);
    tag.extend([1, 255]);
    tag
}

/// A header of Monkey's Audio 3.99 and no sound.
fn monkeys_audio() -> Vec<u8> {
    let mut file = b"MAC \x96\x0f\0\0".to_vec();
    for number in [52u32, 24, 4, 0, 400, 0, 0] {
        file.extend(number.to_le_bytes());
    }
    file.extend([0; 16]);
    file.extend([0xd0, 7, 0, 0]);
    for number in [73_728u32, 73_000, 1] {
        file.extend(number.to_le_bytes());
    }
    file.extend([16, 0, 2, 0]);
    file.extend(44_100u32.to_le_bytes());
    file.extend((0..404u32).map(|n| (n * 7) as u8));
    file
}

/// A header of Musepack SV7 and no sound.
fn musepack() -> Vec<u8> {
    let mut file = b"MP+\x17\x64\0\0\0\0\0\0\x40".to_vec();
    file.extend([0; 16]);
    file.extend((0..400u32).map(|n| (n * 7) as u8));
    file
}

fn label(filling: Option<Filling>) -> String {
    filling.map_or_else(|| "none".to_owned(), |filling| format!("{filling:?}").to_lowercase())
}

/// Every mixture of ID3v2 in front, a tag of the container's own kind, and ID3v1, by a name with the container's
/// extension.
pub fn mixtures() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut add = |extension: &str, kinds: [&str; 2], fillings: [Option<Filling>; 2], has_v1: bool, body: Vec<u8>| {
        let [front, own] = fillings.map(label);
        let v1 = if has_v1 { ", ID3v1" } else { "" };
        let name = format!("{} {front}, {} {own}{v1}.{extension}", kinds[0], kinds[1]);
        let front = fillings[0].map(lead).unwrap_or_default();
        files.push((name, [front, body, if has_v1 { tail() } else { Vec::new() }].concat()));
    };
    let ape = |filling: Option<Filling>| filling.map(apev2).unwrap_or_default();
    for has_v1 in [false, true] {
        for front in [None, Some(Nothing), Some(Picture), Some(Texts)] {
            for own in [None, Some(Picture), Some(Texts), Some(Genre)] {
                let body = [mpeg_frames(40), ape(own)].concat();
                add("mp3", ["ID3v2", "APEv2"], [front, own], has_v1, body);
            }
        }
        for front in [None, Some(Picture), Some(Texts)] {
            for own in [None, Some(Nothing), Some(Picture), Some(Texts), Some(Genre)] {
                let body = flac(&own.map(native).into_iter().collect::<Vec<_>>());
                add("flac", ["ID3v2", "comments"], [front, own], has_v1, body);
            }
        }
        for front in [None, Some(Texts)] {
            for own in [None, Some(Picture), Some(Texts), Some(Genre)] {
                let kinds = ["ID3v2", "APEv2"];
                add("wv", kinds, [front, own], has_v1, [wavpack_blocks(), ape(own)].concat());
                add("mpc", kinds, [front, own], has_v1, [musepack(), ape(own)].concat());
                add("ape", kinds, [front, own], has_v1, [monkeys_audio(), ape(own)].concat());
                if !matches!(own, None | Some(Texts)) {
                    continue;
                }
                add("aac", kinds, [front, own], has_v1, [adts_frames(40), ape(own)].concat());
                add("tta", kinds, [front, own], has_v1, [true_audio(), ape(own)].concat());
                // Nobody but MediaInfo reads OptimFROG, and nobody reads these behind ID3v2.
                if front.is_none() {
                    add("tak", kinds, [front, own], has_v1, [tak(), ape(own)].concat());
                }
            }
        }
    }
    files
}

/// The same for ID3 chunks and the texts of the form itself.
pub fn forms() -> Vec<(String, Vec<u8>)> {
    let info = |items: &[(&str, &[u8])]| {
        [b"INFO".to_vec(), items.iter().flat_map(|(name, text)| chunk(name, text, false)).collect()].concat()
    };
    let software = info(&[("ISFT", b"Encoder\0")]);
    let texts = info(&[
        ("INAM", b"Title of INFO\0"),
        ("IART", b"Artist of INFO\0"),
        ("IPRD", b"Album of INFO\0"),
        ("ICRD", b"2005\0"),
        ("IPRT", b"5\0"),
    ]);
    let broadcast = [b"A description".to_vec(), vec![0; 589]].concat();
    let (sound, tag) = ([3; 801], lead(Texts));
    let mut files = Vec::new();
    let own: [(&str, &str, &[u8]); 4] = [
        ("nothing", "", &[]),
        ("its encoder", "LIST", &software),
        ("texts", "LIST", &texts),
        ("a description", "bext", &broadcast),
    ];
    for (label, name, body) in own {
        let chunks: Vec<(&str, &[u8])> = if name.is_empty() { Vec::new() } else { vec![(name, body)] };
        files.push((format!("{label}, no ID3.wav"), wav(&chunks, &sound, &[])));
        files.push((format!("{label}, ID3.wav"), wav(&chunks, &sound, &[("id3 ", &tag)])));
    }
    let texts: [(&str, &[u8]); 2] = [("NAME", b"Title of AIFF"), ("AUTH", b"Artist of AIFF")];
    for (label, own) in [("nothing", &[][..]), ("texts", &texts[..])] {
        files.push((format!("{label}, no ID3.aiff"), aiff(own, &sound, &[])));
        files.push((format!("{label}, ID3.aiff"), aiff(own, &sound, &[("ID3 ", &tag)])));
    }
    files.push(("no ID3.dsf".to_owned(), dsf(&[])));
    files.push(("ID3.dsf".to_owned(), dsf(&tag)));
    for (label, own) in [("nothing", Vec::new()), ("texts", vec![dsdiff_texts("Title of DIIN", "Artist of DIIN")])] {
        files.push((format!("{label}, no ID3.dff"), dsdiff(&[], &own)));
        let tagged = [own, vec![dsdiff_chunk("ID3 ", &tag)]].concat();
        files.push((format!("{label}, ID3.dff"), dsdiff(&[], &tagged)));
    }
    files
}
