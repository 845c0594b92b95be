//! A file keeps its identity whatever happens to its tags, and loses it when its sound changes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audio_support;
#[path = "common/journal.rs"]
mod journal;

use std::collections::HashSet;
use std::path::Path;

use audio_support::*;
use journal::NoJournal;
use reclassd::audio::{AudioId, identify, payload, payload_hash};
use reclassd::tagging::{self, TagField, TagPlan, WriteOptions, Written};

/// What must stay equal over a tag write: the identity and the hash of the whole payload.
fn identities(path: &Path) -> (AudioId, blake3::Hash) {
    (identify(path).unwrap(), payload_hash(path).unwrap())
}

/// The fixtures whose sound can be found.
fn sounds() -> Vec<std::path::PathBuf> {
    let mut paths = fixtures();
    paths.retain(|path| !path.file_name().unwrap().to_string_lossy().starts_with("refused"));
    paths
}

#[test]
fn every_sound_has_its_own_identity() {
    let ids: HashSet<AudioId> = sounds().iter().map(|path| identify(path).unwrap()).collect();
    // Fragmented or not, the frames in an MP4 file are the same.
    let twins = identify(&fixture("aac.m4a")).unwrap() == identify(&fixture("fragmented.m4a")).unwrap();
    assert_eq!(ids.len() + usize::from(twins), sounds().len());
}

#[test]
fn an_identity_survives_being_written_down() {
    let id = identify(&fixture("cbr.mp3")).unwrap();
    assert_eq!(id.to_string().parse::<AudioId>(), Ok(id));
    assert_eq!(AudioId::from_bytes(*id.as_bytes()), id);
    assert!("".parse::<AudioId>().is_err() && "ä".repeat(16).parse::<AudioId>().is_err());
    assert!(
        id.to_string().replace('0', "g").replace('a', "+").parse::<AudioId>().is_err()
            || !id.to_string().contains(['0', 'a'])
    );
}

#[test]
fn tags_around_bare_frames_do_not_count() {
    let scratch = Scratch::new();
    for name in ["cbr.mp3", "vbr.mp3", "bare.mp3", "layer2.mp2", "bare.aac", "stereo.flac"] {
        let plain = identities(&fixture(name));
        let body = bytes(name);
        let mut id3v1 = b"TAG".to_vec();
        id3v1.resize(128, b'x');
        let lyrics = b"LYRICSBEGININD0000200000021LYRICS200".to_vec();
        let mut ape = b"APETAGEX\xd0\x07\x00\x00".to_vec();
        ape.extend(*b"\x30\0\0\0\0\0\0\0");
        ape.extend(0x8000_0000u32.to_le_bytes());
        ape.resize(32, 0);
        let ape = [ape.clone(), vec![b'y'; 16], ape].concat();
        let tagged = [
            [id3v2(3000), body.clone()].concat(),
            [id3v2(300), id3v2(9), body.clone()].concat(),
            [body.clone(), id3v1.clone()].concat(),
            [body.clone(), ape.clone()].concat(),
            [id3v2(0), body.clone(), ape.clone(), lyrics, id3v1.clone()].concat(),
        ];
        for (number, file) in tagged.iter().enumerate() {
            assert_eq!(identities(&scratch.write("tagged", file)), plain, "{name} {number}");
        }
    }
}

#[test]
fn flac_plays_behind_a_cover_whose_length_is_told_wrongly() {
    let scratch = Scratch::new();
    let plain = bytes("stereo.flac");
    let number = |number: usize| (number as u32).to_be_bytes();
    let with_cover = |data: &[u8], declared: usize, told: usize| {
        let cover = [&number(3)[..], &number(9), b"image/png", &number(0), &[0; 16], &number(told), data].concat();
        [&plain[..42], &[6], &number(declared)[1..], &cover, &plain[42..]].concat()
    };
    let large: Vec<u8> = (0..(1u32 << 24) + 300).map(|n| (n * 7) as u8).collect();
    let small: Vec<u8> = (0..3000u32).map(|n| (n * 7) as u8).collect();
    let right = identities(&fixture("stereo.flac"));
    for (name, file) in [
        // More than the field can say: its upper bits are gone.
        ("overflow", with_cover(&large, 300 + 41, large.len())),
        ("short", with_cover(&small, 700, small.len())),
        // Nothing tells where the picture ends.
        ("nothing", with_cover(&small, 700, 500)),
        ("overflow and nothing", with_cover(&large, 300 + 41, 300)),
    ] {
        let path = scratch.write("cover.flac", &file);
        assert_eq!(identities(&path), right, "{name}");
        let (with, without) = (whole(&path), whole(&fixture("stereo.flac")));
        assert!(with.clips[0].samples == without.clips[0].samples, "{name}");
    }
    // What is cut off is still told to be cut off.
    let cut = with_cover(&large, 300 + 41, large.len());
    let path = scratch.write("cut.flac", &cut[..1 << 20]);
    assert!(identify(&path).unwrap_err().to_string().contains("incomplete"));
}

#[test]
fn flac_in_ogg_plays_whatever_block_is_marked_as_the_last_one() {
    let scratch = Scratch::new();
    let plain = bytes("flac.ogg");
    let right = identities(&fixture("flac.ogg"));
    // The second page, behind its header.
    let page = 1 + plain[1..].windows(4).position(|mark| mark == b"OggS").unwrap();
    let at = page + 27 + usize::from(plain[page + 26]);
    assert_eq!(plain[at] & 0x7f, 4, "the comments");
    // The mark of the last block, and how many headers there are, in the first page.
    for (mark, declared) in [(0x04, plain[36]), (0x84, 0), (0x04, 0), (0x84, 1), (0x84, 9)] {
        let mut file = plain.clone();
        (file[at], file[36]) = (mark, declared);
        let path = scratch.write("x.ogg", &file);
        assert_eq!(identities(&path), right, "{mark:x} {declared}");
        let (with, without) = (whole(&path), whole(&fixture("flac.ogg")));
        assert!(with.clips[0].samples == without.clips[0].samples, "{mark:x} {declared}");
    }
}

#[test]
fn metadata_blocks_of_flac_do_not_count() {
    let scratch = Scratch::new();
    let plain = bytes("stereo.flac");
    let mut more = plain[..42].to_vec();
    // A picture of 20,000 bytes behind the description of the stream.
    more.extend([6, 0, 0x4e, 0x20]);
    more.resize(more.len() + 20_000, 1);
    more.extend(&plain[42..]);
    assert_eq!(identities(&scratch.write("more.flac", &more)), identities(&fixture("stereo.flac")));
}

#[test]
fn chunks_around_the_sound_do_not_count() {
    let scratch = Scratch::new();
    let plain = wav16(&(0..9000).map(|n| (n % 77) as i16).collect::<Vec<_>>(), 1, 8000);
    let format = plain[12..36].to_vec();
    let data = plain[36..].to_vec();
    let list = chunk(b"LIST", b"INFOIGNR\x04\x00\x00\x00Jazz", u32::to_le_bytes);
    let id3 = chunk(b"id3 ", &id3v2(501), u32::to_le_bytes);
    let expected = identities(&scratch.write("plain.wav", &plain));
    let before = riff(&[format.clone(), list.clone(), data.clone()]);
    let after = riff(&[format, data, id3, list]);
    assert_eq!(identities(&scratch.write("before.wav", &before)), expected);
    assert_eq!(identities(&scratch.write("after.wav", &after)), expected);

    let aiff = bytes("plain.aiff");
    let mut tagged = aiff[..12].to_vec();
    tagged.extend(chunk(b"NAME", b"a title", u32::to_be_bytes));
    tagged.extend(&aiff[12..]);
    tagged.extend(chunk(b"ID3 ", &id3v2(99), u32::to_be_bytes));
    let length = (tagged.len() - 8) as u32;
    tagged[4..8].copy_from_slice(&length.to_be_bytes());
    assert_eq!(identities(&scratch.write("tagged.aiff", &tagged)), identities(&fixture("plain.aiff")));
}

#[test]
fn sound_from_a_pipe_is_the_same_recording_when_its_sizes_are_right_and_a_tag_stands_behind_it() {
    let scratch = Scratch::new();
    let right = wav16(&(0..9000).map(|n| (n % 77) as i16).collect::<Vec<_>>(), 1, 8000);
    let expected = identities(&scratch.write("right.wav", &right));
    let id3 = chunk(b"id3 ", &id3v2(501), u32::to_le_bytes);
    assert_eq!(identities(&scratch.write("tagged.wav", &[right.clone(), id3].concat())), expected);
    // ffmpeg, lame, SoX, a recorder that was switched off.
    for (outer, size) in [(u32::MAX, u32::MAX), (0x8000_0023, 0x7fff_ffff), (0x7fff_f024, 0x7fff_f000), (36, 0)] {
        let mut piped = right.clone();
        piped[4..8].copy_from_slice(&outer.to_le_bytes());
        piped[40..44].copy_from_slice(&size.to_le_bytes());
        assert_eq!(identities(&scratch.write("piped.wav", &piped)), expected, "{size:x}");
    }
    let ds64 = chunk(b"ds64", &[0; 28], u32::to_le_bytes);
    let mut long = [b"RF64\xff\xff\xff\xffWAVE", &ds64[..], &right[12..]].concat();
    let data = 40 + ds64.len();
    long[data..data + 4].fill(0xff);
    assert_eq!(identities(&scratch.write("long.wav", &long)), expected);
}

#[test]
fn a_write_that_sets_wrong_sizes_right_leaves_the_recording_what_it_is() {
    let scratch = Scratch::new();
    let right = wav16(&(0..9000).map(|n| (n % 77) as i16).collect::<Vec<_>>(), 1, 8000);
    let odd = riff(&[format(1, 1, 8000, 8), chunk(b"data", &[9; 8001], u32::to_le_bytes)]);
    let id3 = |order| chunk(b"ID3 ", &id3v2(501), order);
    let with = |outer: u32, size: u32| {
        let mut file = right.clone();
        file[4..8].copy_from_slice(&outer.to_le_bytes());
        file[40..44].copy_from_slice(&size.to_le_bytes());
        file
    };
    let size = (right.len() - 44) as u32;
    let files = [
        ("behind.wav", [right.clone(), id3(u32::to_le_bytes)].concat()),
        ("behind.aiff", [bytes("plain.aiff"), id3(u32::to_be_bytes)].concat()),
        ("short.wav", with(size + 28, size)),
        ("pad.wav", odd[..odd.len() - 1].to_vec()),
        ("ffmpeg.wav", with(u32::MAX, u32::MAX)),
        ("lame.wav", with(0x8000_0023, 0x7fff_ffff)),
        ("sox.wav", with(0x7fff_f024, 0x7fff_f000)),
        ("off.wav", with(36, 0)),
    ];
    for (name, file) in files {
        let path = scratch.write(name, &file);
        let before = identities(&path);
        let state = tagging::read(&path).unwrap();
        let plan = TagPlan::new(&state, [(TagField::Genre, vec!["Rock".to_owned()])]);
        let written = tagging::write(&path, &plan, &WriteOptions::default(), &NoJournal).unwrap();
        assert!(matches!(written, Written::Changed(_)), "{name}");
        assert_eq!(identities(&path), before, "{name}");
    }
}

#[test]
fn boxes_around_the_sound_do_not_count() {
    let scratch = Scratch::new();
    for name in ["aac.m4a", "alac.m4a", "long.m4a"] {
        let plain = bytes(name);
        let first = u32::from_be_bytes(plain[..4].try_into().unwrap()) as usize;
        let free = [&20_008u32.to_be_bytes()[..], b"free", &vec![0; 20_000]].concat();
        let file = [&plain[..first], &free, &plain[first..], &free].concat();
        assert_eq!(identities(&scratch.write("more.m4a", &file)), identities(&fixture(name)), "{name}");
    }
}

/// The file with a comment header (and, in Vorbis, the setup header behind it) that now fills `extra` more pages, every
/// later page renumbered.
fn retag_ogg(file: &[u8], extra: usize) -> Vec<u8> {
    let pages = pages(file);
    // Header pages are those whose position is 0, up to the first that has sound.
    let sound = header_pages(&pages);
    let serial = &pages[0].0[14..18];
    let mut out = Vec::new();
    put_page(&mut out, &pages[0].0, &pages[0].1, 0);
    let mut number = 1;
    let mut headers: Vec<Vec<u8>> = vec![Vec::new()];
    for (head, body) in &pages[1..sound] {
        let mut at = 0;
        for &length in &head[27..] {
            headers.last_mut().unwrap().extend(&body[at..at + usize::from(length)]);
            at += usize::from(length);
            if length < 255 {
                headers.push(Vec::new());
            }
        }
    }
    headers.pop();
    let longer = headers[0].len() + extra * 255 * 255;
    headers[0].resize(longer, b'z');
    let lacing: Vec<u8> = headers
        .iter()
        .flat_map(|header| std::iter::repeat_n(255, header.len() / 255).chain([(header.len() % 255) as u8]))
        .collect();
    let body = headers.concat();
    let (mut at, mut continued) = (0, 0);
    for part in lacing.chunks(255) {
        let length: usize = part.iter().map(|&length| usize::from(length)).sum();
        let ends = part.iter().any(|&length| length < 255);
        let mut head = b"OggS\0".to_vec();
        head.push(continued);
        head.extend(if ends { [0; 8] } else { [0xff; 8] });
        head.extend(serial);
        head.extend([0; 8]);
        head.push(part.len() as u8);
        head.extend(part);
        put_page(&mut out, &head, &body[at..at + length], number);
        (at, number, continued) = (at + length, number + 1, u8::from(part.last() == Some(&255)));
    }
    for (head, body) in &pages[sound..] {
        put_page(&mut out, head, body, number);
        number += 1;
    }
    out
}

#[test]
fn the_comment_header_of_ogg_does_not_count_however_many_pages_it_fills() {
    let scratch = Scratch::new();
    for name in ["vorbis.ogg", "mono8.ogg", "long.ogg", "celt.opus", "silk.opus", "long.opus", "surround.opus"] {
        let plain = identities(&fixture(name));
        for extra in [0, 1, 3] {
            let path = scratch.write("retagged.ogg", &retag_ogg(&bytes(name), extra));
            assert_eq!(identities(&path), plain, "{name}, {extra} pages more");
            assert_eq!(whole(&path).clips, whole(&fixture(name)).clips, "{name}, {extra} pages more");
        }
    }
}

#[test]
fn other_sound_has_another_identity() {
    let scratch = Scratch::new();
    for path in sounds() {
        let plain = identities(&path);
        let extents = payload(&path).unwrap().extents;
        let file = std::fs::read(&path).unwrap();
        // Small payloads are hashed whole: any changed byte of them shows.
        for part in [0, extents.len() / 2, extents.len() - 1] {
            let extent = &extents[part];
            for at in [extent.start, (extent.start + extent.end) / 2, extent.end - 1] {
                let mut other = file.clone();
                other[at as usize] ^= 0x01;
                let changed = scratch.write("changed", &other);
                // What the change breaks beyond recognition has no identity at all.
                if let Ok(id) = identify(&changed) {
                    assert_ne!(id, plain.0, "{} at {at}", path.display());
                }
                if let Ok(hash) = payload_hash(&changed) {
                    assert_ne!(hash, plain.1, "{} at {at}", path.display());
                }
            }
        }
    }
}

#[test]
fn long_payloads_are_told_apart_by_length_start_middle_and_end() {
    let scratch = Scratch::new();
    let samples: Vec<i16> = (0..1_000_000).map(|n: i64| (n * n % 4001) as i16).collect();
    let plain = wav16(&samples, 1, 44_100);
    let id = |file: &[u8]| identify(&scratch.write("long.wav", file)).unwrap();
    let expected = id(&plain);
    for at in [44, plain.len() / 2, plain.len() - 1] {
        let mut other = plain.clone();
        other[at] ^= 1;
        assert_ne!(id(&other), expected, "at {at}");
    }
    assert_ne!(id(&wav16(&samples[..999_999], 1, 44_100)), expected);
}
