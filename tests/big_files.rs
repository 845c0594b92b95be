//! Files of hundreds of megabytes and of several gigabytes are tagged in little memory, and their bytes stay where they
//! belong.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;
#[path = "../src/tagging/fixtures.rs"]
mod fixtures;

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use common::Library;
use fixtures::{comments, id3v2, mpeg_frames, text};

/// The most that a write may hold in memory, in bytes.
const LIMIT: u64 = 64 << 20;
const MIB: usize = 1 << 20;

/// Bytes that no file system stores as a hole.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Runs the program to its end, and gives the peak of its resident memory in bytes: what the kernel told last of it.
fn peak_of(library: &Library, subcommand: &str, arguments: &[&str]) -> u64 {
    let mut child = library.command(subcommand).args(arguments).stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let told = std::fs::read_to_string(&status).unwrap_or_default();
        let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = kib.map_or(peak, |kib| kib * 1024);
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{subcommand} {arguments:?}");
            return peak;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Tags the file by hand in little memory, and compares a few stretches of its audio.
fn tag(library: &Library, path: &Path, audio: &[(u64, Vec<u8>)]) {
    let name = path.to_str().unwrap();
    let before = path.metadata().unwrap();
    let tagged = peak_of(library, "tag", &["--genre", "Free-Folk", name]);
    let shown = library.run("tag", &["--show", "--json", name]).expect_code(0).object(name);
    assert_eq!(shown["genre"], serde_json::json!(["Free-Folk"]));
    let moved = path.metadata().unwrap().len() - before.len();
    let file = File::open(path).unwrap();
    for (offset, bytes) in audio {
        // The audio moves by whole blocks where there was no room in front of it.
        let found = [0, moved].into_iter().any(|by| {
            let mut now = vec![0; bytes.len()];
            file.read_exact_at(&mut now, offset + by).is_ok() && now == *bytes
        });
        assert!(found, "the audio at {offset} is not where it should be");
    }
    println!("{name}: {} MB, at most {} MB held", before.len() >> 20, tagged >> 20);
    assert!((1..LIMIT).contains(&tagged), "{tagged} bytes were held");
}

/// The same way back.
fn undo(library: &Library, path: &Path) {
    let name = path.to_str().unwrap();
    let undone = peak_of(library, "undo", &[name]);
    let shown = library.run("tag", &["--show", "--json", name]).expect_code(0).object(name);
    assert_eq!(shown["genre"], serde_json::json!([]));
    assert!((1..LIMIT).contains(&undone), "{undone} bytes were held");
}

#[test]
fn a_wav_of_300_mb_is_tagged_in_little_memory() {
    let library = Library::new();
    let sound = noise(300 * MIB);
    let path = library.put("long.wav", &fixtures::wav(&[], &sound, &[]));
    tag(&library, &path, &[(1 << 20, sound[(1 << 20) - 44..][..4096].to_vec())]);
    undo(&library, &path);
}

#[test]
fn a_flac_of_60_mb_is_tagged_in_little_memory_with_and_without_padding() {
    let library = Library::new();
    for (name, padding) in [("padded.flac", Some((1, vec![0; 8192]))), ("full.flac", None)] {
        let blocks: Vec<(u8, Vec<u8>)> = std::iter::once(comments(&[b"TITLE=Long"])).chain(padding).collect();
        let head = fixtures::flac(&blocks);
        let sound = noise(60 * MIB);
        let path = library.put(name, &[&head[..], &sound].concat());
        let at = head.len() as u64;
        tag(&library, &path, &[(at, sound[..4096].to_vec()), (at + (59 << 20), sound[59 << 20..][..4096].to_vec())]);
        undo(&library, &path);
    }
}

#[test]
fn a_file_of_more_than_4_gb_is_tagged_and_its_holes_stay_holes() {
    const TEST: &str = "a_file_of_more_than_4_gb_is_tagged_and_its_holes_stay_holes";
    let library = Library::new();
    let head = [id3v2(4, 0, &text(4, "TIT2", "Long"), 0), mpeg_frames(40)].concat();
    let path = library.put("long.mp3", &head);
    let file = File::options().write(true).open(&path).unwrap();
    // Beyond what 32 bits can tell.
    let (offset, sound) = (4 << 30, noise(MIB));
    file.write_all_at(&sound, offset).unwrap();
    let used = |path: &Path| path.metadata().unwrap().blocks() * 512;
    if used(&path) > 16 << 20 {
        common::skipped(TEST, "the file system has no holes");
        return;
    }
    tag(&library, &path, &[(offset, sound)]);
    assert!(used(&path) < 16 << 20, "{} bytes are used", used(&path));
}
