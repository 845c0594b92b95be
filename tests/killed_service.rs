//! A service that is killed at any moment under load: the next start carries on, no file is damaged, nothing is
//! listened to twice without need. `RECLASSD_KILLS` says how often (25).
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::Library;
use common::service::{Service, eventually, files, quick_library};
use common::sound::{flac, tune, vorbis_comment};

const JOBS: usize = 2;

/// The sound of a FLAC file: what lies behind its last metadata block.
fn sound(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let mut at = 4;
    loop {
        let header = &bytes[at..at + 4];
        at += 4 + (usize::from(header[1]) << 16 | usize::from(header[2]) << 8 | usize::from(header[3]));
        if header[0] & 0x80 != 0 {
            return bytes[at..].to_vec();
        }
    }
}

fn title(path: &Path) -> Option<String> {
    use lofty::file::AudioFile;
    let mut file = fs::File::open(path).unwrap();
    let flac = lofty::flac::FlacFile::read_from(&mut file, lofty::config::ParseOptions::new()).unwrap();
    let comments = flac.vorbis_comments().unwrap();
    comments.items().find(|(key, _)| *key == "TITLE").map(|(_, value)| value.to_owned())
}

fn put(library: &Library, number: usize, sounds: &mut HashMap<PathBuf, Vec<u8>>) {
    let bytes = flac(&tune(number as u32, 22_050, 2.0), 22_050, &[vorbis_comment(&[&format!("TITLE={number}")])]);
    let path = library.put(format!("{}/{number}.flac", number % 7), &bytes);
    sounds.insert(path.clone(), sound(&path));
}

#[test]
fn a_service_that_is_killed_again_and_again_finishes_its_work_and_harms_nothing() {
    let kills: usize = std::env::var("RECLASSD_KILLS").ok().map_or(25, |kills| kills.parse().unwrap());
    let library = quick_library("");
    let mut library = library;
    let config =
        "[tags]\nmin_confidence = 0.0\n[library]\nsettle_seconds = 0\n[watch]\npriority = \"normal\"\n[analysis]\n";
    library.set_config(&format!("{config}min_seconds = 0.5\njobs = {JOBS}\n"));
    let mut sounds = HashMap::new();
    let mut moment = 0x5eed_u64;
    let mut written_before_kills = 0;
    for kill in 0..kills {
        for number in 0..6 {
            put(&library, kill * 6 + number, &mut sounds);
        }
        let mut service = Service::start(&library);
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_millis(moment >> 40 & 0x1ff));
        service.child.kill().unwrap();
        service.child.wait().unwrap();
        written_before_kills = service.logged(": tagged ");
    }
    assert!(written_before_kills > 0, "every kill came before any work");
    let service = Service::start(&library);
    eventually("all files to be done", || (files(&library)["tagged"] == sounds.len()).then_some(()));
    service.settled("the rest", |_| true);
    for (path, before) in &sounds {
        assert!(sound(path) == *before, "{} is damaged", path.display());
        assert_eq!(title(path).as_deref(), path.file_stem().unwrap().to_str(), "{}", path.display());
    }
    for entry in walkdir::WalkDir::new(library.music()).into_iter().flatten() {
        let name = entry.file_name().to_string_lossy();
        assert!(!name.starts_with('.'), "{name} was left behind");
    }
    let scan = library.scan(&[]).expect_code(0);
    assert!(scan.objects().iter().all(|object| object["action"] == "unchanged"), "{}", scan.stdout);
    // Only what was in flight at a kill is listened to again.
    let decoded = service.logged("decoding ");
    assert!(decoded <= sounds.len() + kills * JOBS, "{decoded} times for {} files", sounds.len());
}
