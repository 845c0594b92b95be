//! A library in upheaval: files and folders are made, moved, retagged, replaced and deleted at random while the service
//! runs. At the end the disk, the database and a fresh scan agree, and nothing has grown. `RECLASSD_SOAK` multiplies
//! the upheaval.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::Library;
use common::service::{Service, eventually, files, quick_library};
use common::sound::{flac, tune, vorbis_comment};

const ROUNDS: usize = 3;
const UPHEAVALS: usize = 900;
/// To each so many upheavals: whatever turns up is compared with all that is known of the same recording, and no library
/// has hundreds of copies of each.
const RECORDINGS: usize = 10;
/// From so many songs on, things are only deleted and renamed, or the library would grow with the upheaval.
const MANY_SONGS: usize = 400;
/// Numbers of the shuffle: the same upheaval every time.
const SEED: u64 = 0x5eed;

struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    fn one_of<'a>(&mut self, paths: &'a [PathBuf]) -> Option<&'a PathBuf> {
        if paths.is_empty() { None } else { Some(&paths[self.below(paths.len())]) }
    }
}

/// Sound by recording, encoded once.
struct Sounds(Vec<Vec<i16>>);

impl Sounds {
    fn song(&self, recording: usize, comments: &[&str]) -> Vec<u8> {
        flac(&self.0[recording], 22_050, &[vorbis_comment(comments)])
    }
}

fn walk(library: &Library) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let entries = walkdir::WalkDir::new(library.music()).min_depth(1).into_iter().flatten();
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.file_type().is_dir());
    let paths = |entries: Vec<walkdir::DirEntry>| entries.into_iter().map(walkdir::DirEntry::into_path);
    let is_song = |path: &PathBuf| path.extension().is_some_and(|e| e == "flac" || e == "mp3") && !hidden(path);
    (paths(files).filter(is_song).collect(), paths(folders).collect())
}

fn hidden(path: &Path) -> bool {
    path.file_name().unwrap().as_encoded_bytes().starts_with(b".")
}

fn upheaval(library: &Library, sounds: &Sounds, chance: &mut Chance, number: usize) {
    let (songs, folders) = walk(library);
    let folder = chance.one_of(&folders).cloned().unwrap_or_else(|| library.music());
    let recording = chance.below(sounds.0.len());
    let title = format!("TITLE={number}");
    // The service renames its copies over these files meanwhile, and what was listed may be gone: then nothing happens.
    let _ = match if songs.len() > MANY_SONGS { 16 + chance.below(4) } else { chance.below(20) } {
        0..=6 => fs::write(folder.join(format!("{number}.flac")), sounds.song(recording, &[&title])),
        7 => fs::write(folder.join(format!("{number}.flac")), sounds.song(recording, &[&title, "GENRE=Polka"])),
        8 => fs::write(folder.join(format!("{number}.mp3")), b"no music"),
        9 | 10 => fs::create_dir(folder.join(format!("folder {number}"))),
        11 | 12 => {
            chance.one_of(&songs).map_or(Ok(()), |song| fs::rename(song, folder.join(format!("moved {number}.flac"))))
        }
        13 => {
            let temporary = folder.join(format!(".{number}.Xy"));
            fs::write(&temporary, sounds.song(recording, &[&title, "GENRE=Waltz"])).and_then(|()| {
                chance.one_of(&songs).map_or_else(|| fs::remove_file(&temporary), |song| fs::rename(&temporary, song))
            })
        }
        14 => chance.one_of(&songs).map_or(Ok(()), |song| fs::write(song, sounds.song(recording, &[&title]))),
        15 => chance
            .one_of(&songs)
            .map_or(Ok(()), |song| fs::copy(song, folder.join(format!("copy {number}.flac"))).map(drop)),
        16 | 17 => chance.one_of(&songs).map_or(Ok(()), fs::remove_file),
        18 => fs::rename(&folder, library.music().join(format!("renamed {number}"))),
        _ if folders.len() > 12 => fs::remove_dir_all(&folder),
        _ => Ok(()),
    };
}

/// What must not grow while the library changes.
#[derive(Debug)]
struct Size {
    resident: u64,
    open: usize,
}

/// Waits until disk and database agree, and measures.
fn rest(library: &Library, service: &Service) -> Size {
    let agree = || {
        service.settled("the service to rest", |status| status["models_loaded"] == false);
        let rows = files(library);
        let rows: u64 =
            ["tagged", "kept", "unsure", "skipped", "failed"].map(|s| rows[s].as_u64().unwrap()).iter().sum();
        rows == walk(library).0.len() as u64
    };
    // It may rest for a moment before it hears of the last of it. Only then does the waiting begin.
    if !agree() {
        eventually("disk and database to agree", || agree().then_some(()));
    }
    let (open, watched) = service.open_and_watched();
    assert_eq!(watched, walk(library).1.len() + 3, "the folders, their root, the bell, and the database's folder");
    Size { resident: service.resident(), open }
}

#[test]
fn after_any_upheaval_disk_database_and_scan_agree_and_nothing_has_grown() {
    let scale: usize = std::env::var("RECLASSD_SOAK").ok().map_or(1, |scale| scale.parse().unwrap());
    let library = quick_library("unload_models_after = \"1s\"");
    let recordings = RECORDINGS * scale;
    let sounds = Sounds((0..recordings).map(|seed| tune(seed as u32, 22_050, 1.0)).collect());
    let service = Service::start(&library);
    let mut chance = Chance(SEED);
    let mut sizes = Vec::new();
    for round in 0..ROUNDS {
        for number in 0..UPHEAVALS * scale {
            upheaval(&library, &sounds, &mut chance, round * UPHEAVALS * scale + number);
        }
        sizes.push(rest(&library, &service));
    }
    let scan = library.scan(&[]).expect_code(0);
    let looked_at: Vec<_> = scan.objects().into_iter().filter(|object| object["action"] != "unchanged").collect();
    assert!(looked_at.is_empty(), "the service left work for a scan: {looked_at:?}");
    assert_eq!(scan.objects().len(), walk(&library).0.len());
    for entry in walkdir::WalkDir::new(library.music()).into_iter().flatten() {
        let name = entry.file_name().to_string_lossy();
        assert!(!name.contains(".reclassd-"), "{name} was left behind");
    }
    // One file each may have been listened to by two workers at once, or by another analysis while it was replaced.
    let decoded = service.logged("decoding ");
    assert!(decoded <= 2 * recordings, "{decoded} times for {recordings} recordings");
    let (first, last) = (&sizes[0], &sizes[ROUNDS - 1]);
    assert!(last.resident <= first.resident + 8 * 1024, "memory grew: {sizes:?}");
    assert!(last.open <= first.open, "files were left open: {sizes:?}");
}
