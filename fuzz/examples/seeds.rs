//! Writes the seeds of every target into `corpus/`: small files in which every structure that an editor knows occurs once,
//! made by the builders of the product's tests.

use std::fs;
use std::io;
use std::path::Path;

use reclassd_fuzz::tagging::fuzzing::{
    FREE_TEXT, HEAD, LONG_VALUE, NEW_ID3_IS_V23, RIGHT_CHECKSUMS, V23_VALUES_STAND_APART,
};

#[path = "../../src/tagging/fixtures.rs"]
mod fixtures;
#[path = "../../src/tagging/mixtures.rs"]
mod mixtures;

use fixtures::{
    MKV_TRACK, Mkv, Mp4, adts_frames, aiff, ape_item, ape_tag, ape_tag_v1, asf, asf_content, asf_extension, asf_library, asf_object, atom, chunk, comments, data_atom, dsdiff, dsdiff_chunk, dsdiff_texts, dsf, ebml, ebml_void, flac, flac_blocks, flac_frames, frame, freeform, id3v1, id3v2, mkv_tag, mp4, mp4_fragmented, mp4_meta, mpeg_frames, ogg_lay_out, ogg_page, optim_frog, rf64, simple_tag, streaminfo, text, true_audio, wav, wavpack_blocks, with_ebml_crc,
};

/// A file and its name.
type Seed = (&'static str, Vec<u8>);

/// What the seeds ask for: one genre and our fields, two, two as a list, none at all, a long one that fits nowhere, and the genre alone.
fn heads() -> [(&'static str, [u8; HEAD]); 7] {
    let head = |options: u8, fields: [u8; 4]| {
        let mut head = [0; HEAD];
        head[0] = options | RIGHT_CHECKSUMS;
        head[1..5].copy_from_slice(&fields);
        head[5..].copy_from_slice(b"free text!!");
        head
    };
    // Two bits for the number of values, the others for the first.
    let values = |count: u8, first: u8| first << 2 | count;
    let (one, two) = (values(1, 0), values(2, 0));
    [
        ("one", head(0x0f, [one, one, values(1, 2), values(1, FREE_TEXT)])),
        ("two", head(0x0f | NEW_ID3_IS_V23, [two, two, one, one])),
        ("list", head(0x0f | NEW_ID3_IS_V23 | V23_VALUES_STAND_APART, [two, two, one, one])),
        ("none", head(0x0f, [0; 4])),
        ("long", head(0x03, [values(1, LONG_VALUE), values(1, LONG_VALUE), 0, 0])),
        ("odd", head(0x01, [values(3, 3), 0, 0, 0])),
        ("free", head(0x01 | NEW_ID3_IS_V23, [values(1, FREE_TEXT), 0, 0, 0])),
    ]
}

/// CRC-32 as in ISO 3309, which extended headers hold.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 != 0 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// All of our fields in a tag of that version.
fn own_frames(version: u8) -> Vec<u8> {
    let id = if version == 2 { "TXX" } else { "TXXX" };
    let own = [("RECLASSD_GENRE", "Rock"), ("RECLASSD_CONFIDENCE", "0.87"), ("RECLASSD_MODEL", "x")];
    own.iter().flat_map(|(name, value)| text(version, id, &format!("{name}\0{value}"))).collect()
}

fn id3_tags() -> Vec<Seed> {
    let title = |version: u8| text(version, if version == 2 { "TT2" } else { "TIT2" }, "Title");
    let genre = |version: u8, value: &str| text(version, if version == 2 { "TCO" } else { "TCON" }, value);
    let v24 = [title(4), genre(4, "Rock\0Pop")].concat();
    let utf16 = frame(3, "TCON", [0, 0], b"\x01\xff\xfeR\0\xff\0");
    let comment = frame(3, "COMM", [0, 0], b"\0eng\0\xff\xe0\xff\0text");
    let grouped = frame(4, "TCON", [0, 0x43], &[9, 0, 0, 0, 5, 3, b'R', 0xc3, 0xb6, 0xff, 0]);
    let compressed = frame(3, "TCON", [0, 0x80], b"\0\0\0\x05\0Rock");
    let plain_size = [&b"APIC\0\0\0\x96\0\0"[..], &[1; 150]].concat();
    let extended = |content: &[u8]| {
        let header = [&[0, 0, 0, 10, 0x80, 0, 0, 0, 0, 20][..], &crc32(content).to_be_bytes()].concat();
        [&header, content].concat()
    };
    let restricted = [&[0, 0, 0, 8, 1, 0x10, 1, 0x60][..], &v24].concat();
    vec![
        ("v22", id3v2(2, 0, &[title(2), genre(2, "(17)Rock"), own_frames(2)].concat(), 20)),
        ("v22-unsync", id3v2(2, 0x80, &[frame(2, "PIC", [0; 2], b"\xff\0\xff\xe0\xff"), genre(2, "9")].concat(), 9)),
        ("v23", id3v2(3, 0, &[title(3), genre(3, "Old/New"), own_frames(3)].concat(), 300)),
        ("v23-unsync", id3v2(3, 0x80, &[comment, utf16].concat(), 40)),
        ("v23-extended", id3v2(3, 0x40, &extended(&[title(3), genre(3, "Old")].concat()), 20)),
        ("v23-compressed", id3v2(3, 0, &[compressed, title(3)].concat(), 0)),
        ("v24", id3v2(4, 0, &[v24.clone(), own_frames(4)].concat(), 100)),
        ("v24-unsync", id3v2(4, 0x80, &[grouped, title(4)].concat(), 60)),
        ("v24-footer", id3v2(4, 0x10, &v24, 0)),
        ("v24-plain-sizes", id3v2(4, 0, &[plain_size, genre(4, "Old")].concat(), 10)),
        ("v24-restricted", id3v2(4, 0x40, &restricted, 0)),
    ]
}

fn ape_items() -> Vec<u8> {
    let own = [("RECLASSD_GENRE", "Old\0Two"), ("RECLASSD_CONFIDENCE", "0.5"), ("RECLASSD_MODEL", "x")];
    let mut items = vec![ape_item("Title", b"T", 0), ape_item("GENRE", b"Old\0Two", 1)];
    items.extend(own.map(|(name, value)| ape_item(name, value.as_bytes(), 0)));
    items.push(ape_item("Cover Art (Front)", b"a.png\0\x89PNG", 2));
    ape_tag(&items)
}

/// The tags that are found behind audio.
fn tails() -> Vec<Seed> {
    let lyrics = b"LYRICSBEGININD0000200000020LYRICS200".to_vec();
    let enhanced = [b"TAG+".to_vec(), vec![b' '; 223], id3v1(17)].concat();
    let appended = id3v2(4, 0x10, &text(4, "TCON", "Old"), 0);
    vec![
        ("v1", id3v1(17)),
        ("ape", ape_items()),
        ("ape-1", ape_tag_v1(&[ape_item("Title", b"T", 0), ape_item("Genre", b"Old/Two", 0)])),
        ("ape-v1", [ape_items(), id3v1(17)].concat()),
        ("lyrics", [ape_items(), lyrics, id3v1(255)].concat()),
        ("enhanced", enhanced),
        ("appended", appended),
    ]
}

/// Tags of several kinds in one file, by the extension of its name.
fn mixed(extensions: &[&str]) -> Vec<Seed> {
    let mut files = mixtures::mixtures();
    files.retain(|(name, _)| extensions.iter().any(|extension| name.ends_with(extension)));
    files.into_iter().map(|(name, bytes)| (&*name.leak(), bytes)).collect()
}

fn mp3_seeds() -> Vec<Seed> {
    let frames = mpeg_frames(1);
    let mut seeds = vec![("bare", frames.clone())];
    seeds.extend(id3_tags().into_iter().map(|(name, tag)| (name, [&tag[..], &frames[..40]].concat())));
    seeds.extend(tails().into_iter().map(|(name, tail)| (name, [&frames[..40], &tail].concat())));
    let stacked = [id3v2(3, 0, &text(3, "TCON", "Old"), 0), id3v2(4, 0, &text(4, "TCON", "Other"), 5)].concat();
    seeds.extend(mixed(&[".mp3"]));
    seeds.push(("stacked", [stacked, frames, ape_items(), id3v1(9)].concat()));
    seeds
}

/// Kinds that hold MPEG frames and are no MP3, and an MP3 whose frames have no lengths.
fn foreign_seeds() -> Vec<Seed> {
    let frames = mpeg_frames(4);
    let holding = |mark: &[u8]| [mark, &[7; 20], &frames].concat();
    let mut free = frames.clone();
    free.chunks_mut(417).for_each(|frame| frame[2] &= 0x0f);
    let behind_a_tag = [id3v2(3, 0, &text(3, "TCON", "Old"), 5), holding(b".snd\0\0\0\x18")].concat();
    vec![
        ("sun", holding(b".snd\0\0\0\x18")),
        ("sun-behind-tag", behind_a_tag),
        ("rifx", holding(b"RIFX\0\0\x10\0WAVEfmt ")),
        ("caf", holding(b"caff\0\x01\0\0desc")),
        ("film", holding(b"\0\0\x01\xba\x44")),
        ("picture", holding(b"FORM\0\0\x10\0ILBM")),
        ("free", [free, id3v1(17)].concat()),
        ("junk", [vec![3; 700], frames].concat()),
    ]
}

fn ape_seeds() -> Vec<Seed> {
    let audio = wavpack_blocks();
    let mut seeds = vec![("bare", audio.clone())];
    seeds.extend(tails().into_iter().map(|(name, tail)| (name, [&audio[..], &tail].concat())));
    let lead = id3v2(3, 0, &text(3, "TCON", "Old"), 10);
    seeds.extend(mixed(&[".wv", ".ape", ".mpc", ".tak"]));
    seeds.push(("frog", [optim_frog(), ape_items()].concat()));
    seeds.push(("lead", [lead, b"MAC ".to_vec(), vec![9; 30], ape_items()].concat()));
    seeds.push(("musepack", [b"MPCK".to_vec(), vec![9; 30], ape_items()].concat()));
    seeds
}

fn aac_seeds() -> Vec<Seed> {
    let lead = id3v2(3, 0, &text(3, "TCON", "Old"), 10);
    let mut seeds = mixed(&[".aac", ".tta"]);
    for (name, sound) in [("adts", adts_frames(9)), ("true", true_audio())] {
        seeds.push((name, sound.clone()));
        seeds.push((
            if name == "adts" { "adts-all" } else { "true-all" },
            [lead.clone(), sound, ape_items(), id3v1(9)].concat(),
        ));
    }
    seeds
}

fn asf_seeds() -> Vec<Seed> {
    let content = asf_content(&[
        ("WM/Genre", 0, "Old"),
        ("WM/Genre", 0, "Other"),
        ("RECLASSD_GENRE", 0, "Old"),
        ("X", 3, "1234"),
    ]);
    let library = asf_library(&[("WM/Genre", 0, "Third"), ("WM/Genre", 1, "of a stream")]);
    let padding = |length: usize| asf_object("padding", &vec![0; length]);
    let extension = asf_extension(&[library, padding(40)].concat());
    vec![
        ("bare", asf(&[])),
        ("content", asf(std::slice::from_ref(&content))),
        ("padding", asf(&[content.clone(), padding(300)])),
        ("extension", asf(&[extension.clone(), content, padding(0)])),
        ("library", asf(&[extension])),
        ("protected", asf(&[asf_object("encryption", b"x")])),
    ]
}

fn dsd_seeds() -> Vec<Seed> {
    let tag = id3v2(4, 0, &[text(4, "TIT2", "Title"), text(4, "TCON", "Old"), own_frames(4)].concat(), 30);
    let (in_chunk, texts) = (dsdiff_chunk("ID3 ", &tag), dsdiff_texts("Title", "Artist"));
    vec![
        ("dsf", dsf(&[])),
        ("dsf-tag", dsf(&tag)),
        ("dsdiff", dsdiff(&[], &[])),
        ("dsdiff-texts", dsdiff(&[], std::slice::from_ref(&texts))),
        ("dsdiff-tag", dsdiff(&[], &[texts, in_chunk.clone()])),
        ("dsdiff-tag-first", dsdiff(&[in_chunk], &[])),
    ]
}

fn flac_seeds() -> Vec<Seed> {
    let padding = |length: usize| (1, vec![0; length]);
    let entries: [&[u8]; 6] =
        [b"TITLE=T", b"genre=Old", b"no equals sign", b"RECLASSD_GENRE=Old", b"RECLASSD_MODEL=x", b"L=\xe4\xff"];
    let (tags, picture) = (comments(&entries), (6, vec![7; 60]));
    let lead = id3v2(3, 0, &text(3, "TCON", "Old"), 10);
    // A picture of 300 bytes, of which its block's header tells 90.
    let number = |number: u32| number.to_be_bytes();
    let cover = [&number(3)[..], &number(9), b"image/png", &number(0), &[0; 16], &number(300), &[7; 300]].concat();
    let large = |last: u8| [&[6 | last, 0, 0, 90], &cover[..]].concat();
    let blocks = |blocks: &[Vec<u8>]| {
        let mut start = flac_blocks(&[streaminfo(1)]);
        start[4] = 0;
        [start, blocks.concat(), flac_frames(1)].concat()
    };
    let (first, last) = {
        let last = flac_blocks(std::slice::from_ref(&tags))[4..].to_vec();
        ([&[4], &last[1..]].concat(), last)
    };
    let mut seeds = vec![
        ("large-cover", blocks(&[first, large(0x80)])),
        ("large-cover-first", blocks(&[large(0), last])),
        ("bare", flac(&[])),
        ("comments", flac(std::slice::from_ref(&tags))),
        ("padding", flac(&[tags.clone(), padding(300), picture.clone()])),
        ("paddings", flac(&[padding(3), picture.clone(), tags.clone(), padding(0), padding(60)])),
        ("filled-padding", flac(&[(1, vec![1; 20]), tags.clone()])),
        ("padding-first", [flac_blocks(&[streaminfo(1), padding(200), tags.clone()]), flac_frames(1)].concat()),
        ("outer", [lead, flac(&[tags, picture]), ape_items(), id3v1(17)].concat()),
    ];
    seeds.extend(mixed(&[".flac"]));
    seeds
}

/// Header packets on pages of up to `segments` segments, and two pages of audio.
fn ogg(first: &[u8], headers: &[Vec<u8>], segments: usize, first_number: u32) -> Vec<u8> {
    let mut file = ogg_page(2, 0, 7, first_number, &[first.len() as u8], first);
    let pages = ogg_lay_out(7, first_number.wrapping_add(1), headers, segments);
    let next = first_number.wrapping_add(1 + pages.len() as u32);
    file.extend(pages.concat());
    file.extend(ogg_page(0, 960, 7, next, &[20, 255], &[5; 275]));
    file.extend(ogg_page(5, 1920, 7, next.wrapping_add(1), &[9], &[6; 9]));
    file
}

fn ogg_seeds() -> Vec<Seed> {
    let entries: [&[u8]; 5] = [b"TITLE=T", b"genre=Old", b"", b"RECLASSD_GENRE=Old", b"RECLASSD_CONFIDENCE=0.5"];
    let block = |kind: u8, body: &[u8]| [&[kind], &(body.len() as u32).to_be_bytes()[1..], body].concat();
    let body = comments(&entries).1;
    let vorbis = |behind: &[u8]| [b"\x03vorbis".to_vec(), body.clone(), vec![1], behind.to_vec()].concat();
    let opus = |behind: &[u8]| [b"OpusTags".to_vec(), body.clone(), behind.to_vec()].concat();
    let setup = [b"\x05vorbis".to_vec(), vec![3; 300]].concat();
    let (vorbis_head, opus_head) = (b"\x01vorbis and what follows", b"OpusHead and what follows");
    let mut speex_head = b"Speex   ".to_vec();
    speex_head.resize(80, 0);
    speex_head[68] = 1;
    let chain =
        [ogg(opus_head, &[opus(b"")], 255, 0), ogg(vorbis_head, &[vorbis(b""), setup.clone()], 255, 0)].concat();
    let beside = {
        let ours = ogg(opus_head, &[opus(b"")], 1, 0);
        let head = ours.len().min(27 + 1 + opus_head.len());
        let other = |flags, number| ogg_page(flags, 5, 77, number, &[9], b"skeleton!");
        [&other(2, 0)[..], &ours[..head], &other(0, 1), &ours[head..], b"junk", &other(4, 2)].concat()
    };
    // Frames of FLAC behind headers of which none is marked as the last one.
    let unmarked = |declared: u8, headers: &[Vec<u8>]| {
        let first = [&b"\x7fFLAC\x01\0\0"[..], &[declared], b"fLaC"].concat();
        let pages = ogg_lay_out(7, 1, headers, 255);
        let next = 1 + pages.len() as u32;
        let frame = ogg_page(4, 960, 7, next, &[30], &[&[0xff, 0xf8][..], &[5; 28]].concat());
        [ogg_page(2, 0, 7, 0, &[first.len() as u8], &first), pages.concat(), frame].concat()
    };
    vec![
        ("flac-unmarked", unmarked(1, &[block(4, &body)])),
        ("flac-behind", unmarked(0, &[block(2, &[7; 30]), block(4, &body), block(0x81, &[0; 40])])),
        ("vorbis", ogg(vorbis_head, &[vorbis(b""), setup.clone()], 255, 0)),
        ("vorbis-padded", ogg(vorbis_head, &[vorbis(&[0; 100]), setup.clone()], 255, 0)),
        ("vorbis-pages", ogg(vorbis_head, &[vorbis(b""), setup], 1, u32::MAX - 2)),
        ("opus", ogg(opus_head, &[opus(b"")], 255, 0)),
        ("opus-padded", ogg(opus_head, &[opus(&[0; 100])], 255, 0)),
        ("opus-binary", ogg(opus_head, &[opus(b"\x01binary")], 3, 0)),
        ("opus-pages", ogg(opus_head, &[opus(b"")], 1, 0)),
        ("flac", ogg(b"\x7fFLAC\x01\0\0\x02fLaC", &[block(4, &body), block(0x81, &[0; 40])], 255, 0)),
        ("speex", ogg(&speex_head, &[body.clone(), b"further header".to_vec()], 255, 0)),
        ("chain", chain),
        ("beside", beside),
        ("outer", [ogg(opus_head, &[opus(b"")], 255, 0), id3v1(17)].concat()),
    ]
}

fn mp4_seeds() -> Vec<Seed> {
    let named = |name: &[u8; 4], text: &str| atom(name, &data_atom(1, text.as_bytes()));
    let number = atom(b"gnre", &data_atom(0, &[0, 18]));
    let own = [freeform("RECLASSD_GENRE", &["Old", "Two"]), freeform("RECLASSD_MODEL", &["x"])].concat();
    let items = [named(b"\xa9nam", "Title"), named(b"\xa9gen", "Old"), number, own].concat();
    let tagged = |free: &[u8]| atom(b"udta", &mp4_meta(&[&atom(b"ilst", &items)[..], free].concat()));
    let free = |length: usize| atom(b"free", &vec![0; length]);
    let mut no_size = mp4(&tagged(b""), true, false);
    let last = no_size.len() - fixtures::mp4_audio().len() - 8;
    no_size[last..last + 4].fill(0);
    let vendor = atom(b"uuid", &[&[0x85; 16][..], &[1; 40]].concat());
    let like = |change: &dyn Fn(&mut Mp4)| {
        let mut file = Mp4 { udta: tagged(b""), ..Mp4::default() };
        change(&mut file);
        file.build()
    };
    vec![
        ("silent", like(&|it| it.handler = *b"vide")),
        ("picture", like(&|it| it.brands = b"avis\0\0\0\0avif".to_vec())),
        ("no-map", like(&|it| it.mapped = false)),
        ("elsewhere", like(&|it| it.data = b"\0\0\0\0file:///x".to_vec())),
        ("vendor", like(&|it| it.in_moov = vendor.clone())),
        ("vendor-last", like(&|it| (it.in_moov, it.moov_first) = (vendor.clone(), false))),
        ("vendor-free", like(&|it| (it.front, it.udta) = (vendor.clone(), tagged(&free(300))))),
        ("vendor-behind", like(&|it| (it.back, it.behind_moov) = (vendor.clone(), free(900)))),
        ("free-everywhere", {
            let udta = [free(20), tagged(&free(3)), free(60)].concat();
            like(&|it| (it.udta, it.behind_moov) = (udta.clone(), free(0)))
        }),
        ("bare", mp4(b"", true, false)),
        ("bare-last", mp4(b"", false, true)),
        ("udta", mp4(&atom(b"udta", &[atom(b"name", b"kept"), vec![0; 4]].concat()), true, false)),
        ("meta", mp4(&atom(b"udta", &mp4_meta(b"")), true, true)),
        ("tagged", mp4(&tagged(b""), true, false)),
        ("tagged-free", mp4(&tagged(&free(300)), true, true)),
        ("tagged-little-free", mp4(&[tagged(&free(0)), free(3)].concat(), false, false)),
        ("free-behind", [mp4(&tagged(b""), false, false), free(200)].concat()),
        ("no-size", no_size),
        ("fragments", mp4_fragmented(&Mp4 { udta: tagged(b""), ..Mp4::default() }, true, |_| None)),
        ("fragments-based", mp4_fragmented(&Mp4 { udta: tagged(&free(60)), ..Mp4::default() }, false, Some)),
        ("fragments-absolute", mp4_fragmented(&Mp4 { udta: tagged(&free(900)), ..Mp4::default() }, true, |_| Some(0))),
    ]
}

/// A `LIST/INFO` body.
fn info() -> Vec<u8> {
    let items: [(&str, &[u8]); 4] = [("INAM", b"Title\0"), ("IGNR", b"Old\0"), ("ISFT", b"x"), ("IGNR", b"Twice")];
    [b"INFO".to_vec(), items.iter().flat_map(|(name, text)| chunk(name, text, false)).collect()].concat()
}

fn wav_seeds() -> Vec<Seed> {
    let (info, sound) = (info(), [7; 21]);
    let tag = id3v2(3, 0, &[text(3, "TIT2", "Title"), text(3, "TCON", "Old"), own_frames(3)].concat(), 30);
    let mut no_pad = wav(&[], &sound, &[]);
    no_pad.pop();
    let size = (no_pad.len() - 8) as u32;
    no_pad[4..8].copy_from_slice(&size.to_le_bytes());
    let sized = |file: &[u8], at: usize, size: u32| {
        let mut file = file.to_vec();
        file[at..at + 4].copy_from_slice(&size.to_le_bytes());
        file
    };
    let bare = wav(&[], &sound, &[]);
    // Of the last chunk, which holds the sound: from ffmpeg, lame, SoX, and a recorder that was switched off.
    let piped = |outer: u32, size: u32| sized(&sized(&bare, 4, outer), 40, size);
    let mut piped_rf64 = rf64(&sound, &[]);
    piped_rf64[20..44].fill(0);
    let unpadded = [&b"INFO"[..], &chunk("INAM", b"Title", false), b"ISFT\x03\0\0\0odd"].concat();
    vec![
        ("bare", bare.clone()),
        ("no-pad", no_pad),
        ("tag-behind", [&bare[..], &chunk("id3 ", &tag, false)].concat()),
        ("list-behind", [&bare[..], &chunk("JUNK", b"odd", false), &chunk("LIST", &info, false), b"\0\0"].concat()),
        ("8-short", sized(&wav(&[], &sound, &[("LIST", &info)]), 4, 60)),
        ("8-long", sized(&bare, 4, bare.len() as u32)),
        ("no-size", sized(&wav(&[("LIST", &info)], &sound, &[]), 4, 0)),
        ("pad-not-counted", sized(&bare, 4, bare.len() as u32 - 9)),
        ("piped", piped(u32::MAX, u32::MAX)),
        ("piped-lame", piped(0x8000_0023, 0x7fff_ffff)),
        ("piped-sox", piped(0x7fff_f024, 0x7fff_f000)),
        ("switched-off", piped(36, 0)),
        ("piped-rf64", piped_rf64),
        ("silent", wav(&[], b"", &[("ID3 ", &tag), ("LIST", &info)])),
        ("list-unpadded", wav(&[("LIST", &unpadded)], &sound, &[])),
        ("list-empty", wav(&[("LIST", b"INFO")], &sound, &[("id3 ", &tag)])),
        ("list-and-empty-tag", wav(&[("LIST", &info)], &sound, &[("id3 ", &id3v2(4, 0, &[], 40))])),
        ("two-forms", [bare.clone(), wav(&[], &sound, &[("id3 ", &tag)])].concat()),
        ("list", wav(&[("LIST", &info)], &sound, &[("bext", b"odd")])),
        ("tag", wav(&[], &sound, &[("id3 ", &tag)])),
        ("both", wav(&[("id3 ", &[&tag[..], b"behind"].concat()), ("LIST", &info)], &sound, &[("ID3 ", &tag)])),
        ("rf64", rf64(&sound, &[("LIST", &info), ("id3 ", &tag)])),
        ("behind", [wav(&[], &sound, &[("LIST", &info)]), b"behind".to_vec()].concat()),
    ]
}

fn aiff_seeds() -> Vec<Seed> {
    let sound = [7; 21];
    let tag = id3v2(4, 0, &[text(4, "TIT2", "Title"), text(4, "TCON", "Old"), own_frames(4)].concat(), 30);
    let mut compressed = aiff(&[("NAME", b"odd")], &sound, &[("ID3 ", &tag)]);
    compressed[8..12].copy_from_slice(b"AIFC");
    let bare = aiff(&[], &sound, &[]);
    let sized = |file: &[u8], size: usize| [&file[..4], &(size as u32).to_be_bytes(), &file[8..]].concat();
    vec![
        ("bare", bare.clone()),
        ("tag-behind", [&bare[..], &chunk("ID3 ", &tag, true)].concat()),
        ("8-short", sized(&bare, bare.len() - 16)),
        ("no-pad", sized(&bare[..bare.len() - 1], bare.len() - 8)),
        ("silent", aiff(&[], b"", &[("ID3 ", &tag)])),
        ("tag", aiff(&[], &sound, &[("ID3 ", &tag)])),
        ("tag-first", aiff(&[("ID3 ", &tag)], &sound, &[("NAME", b"odd")])),
        ("aifc", compressed),
    ]
}

fn matroska_seeds() -> Vec<Seed> {
    let album = mkv_tag(Some(50), &[simple_tag("TITLE", "Album"), simple_tag("GENRE", "Pop")]);
    let track = mkv_tag(Some(30), &[simple_tag("genre", "Old"), ebml_void(5), simple_tag("RECLASSD_GENRE", "Old")]);
    let whole = mkv_tag(None, &[simple_tag("ARTIST", "A"), simple_tag("GENRE", "Old")]);
    let stream = ebml(0x7373, &[ebml(0x63c0, &ebml(0x63c5, &MKV_TRACK)), simple_tag("GENRE", "Old")].concat());
    let tags = |tags: &[&[u8]]| ebml(0x1254_c367, &tags.concat());
    let like = |change: &dyn Fn(&mut Mkv)| {
        let mut file = Mkv::default();
        change(&mut file);
        file.build()
    };
    let checked = ebml(0x1254_c367, &with_ebml_crc(&[&whole[..], &track].concat()));
    vec![
        ("bare", like(&|_| {})),
        ("webm", like(&|it| (it.doc_type, it.back) = ("webm", vec![tags(&[&whole])]))),
        ("front", like(&|it| it.front = vec![tags(&[&album, &track]), ebml_void(60)])),
        ("front-full", like(&|it| it.front = vec![tags(&[&track, &album])])),
        ("checked", like(&|it| (it.front, it.crc) = (vec![checked.clone()], true))),
        ("stream", like(&|it| it.front = vec![tags(&[&stream])])),
        ("several", like(&|it| (it.front, it.back) = (vec![tags(&[&track]), tags(&[&album])], vec![tags(&[&whole])]))),
        ("no-index", like(&|it| (it.seek, it.void, it.front) = (false, 0, vec![ebml_void(400)]))),
        ("live", like(&|it| (it.live, it.front) = (true, vec![tags(&[&whole]), ebml_void(200)]))),
        ("full-index", like(&|it| it.void = 0)),
        ("film", like(&|it| it.tracks = vec![1, 2])),
        ("two-tracks", like(&|it| (it.tracks, it.front) = (vec![2, 2, 0x11], vec![tags(&[&stream])]))),
    ]
}

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let targets: [(&str, Vec<Seed>); 12] = [
        ("mp3", mp3_seeds()),
        ("flac", flac_seeds()),
        ("ogg", ogg_seeds()),
        ("mp4", mp4_seeds()),
        ("wav", wav_seeds()),
        ("aiff", aiff_seeds()),
        ("apev2", ape_seeds()),
        ("aac", aac_seeds()),
        ("dsd", dsd_seeds()),
        ("asf", asf_seeds()),
        ("matroska", matroska_seeds()),
        ("any", foreign_seeds()),
    ];
    let everything = corpus.join("any");
    fs::create_dir_all(&everything)?;
    for (target, seeds) in targets {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (name, file) in seeds {
            for (wish, head) in heads() {
                let input = [&head[..], &file].concat();
                fs::write(folder.join(format!("seed-{name}-{wish}")), &input)?;
                fs::write(everything.join(format!("seed-{target}-{name}-{wish}")), &input)?;
            }
        }
    }
    Ok(())
}
