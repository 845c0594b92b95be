//! `reclassd watch` as a user sees it: the stories of `src/watch/settling_stories.rs` with real files, a real kernel and the whole
//! service behind it.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::Path;

use common::Library;
use common::service::{Service, eventually};
use common::sound::{flac, tune, vorbis_comment};

fn song(seed: u32, comments: &[&str]) -> Vec<u8> {
    flac(&tune(seed, 22_050, 4.0), 22_050, &[vorbis_comment(comments)])
}

fn genres(path: &Path) -> Vec<String> {
    use lofty::file::AudioFile;
    let Ok(mut file) = std::fs::File::open(path) else { return Vec::new() };
    let Ok(flac) = lofty::flac::FlacFile::read_from(&mut file, lofty::config::ParseOptions::new()) else {
        return Vec::new();
    };
    let Some(comments) = flac.vorbis_comments() else { return Vec::new() };
    let genres = comments.items().filter(|(key, _)| key.eq_ignore_ascii_case("GENRE"));
    genres.map(|(_, value)| value.to_owned()).collect()
}

fn library() -> Library {
    Library::with_config(
        "[tags]\nmin_confidence = 0.0\n[library]\nsettle_seconds = 1\n[watch]\nunload_models_after = \"2s\"\n",
    )
}

fn tagged(path: &Path) {
    eventually(&format!("{} to be tagged", path.display()), || (genres(path).len() == 1).then_some(()));
}

#[test]
fn what_was_there_and_what_turns_up_is_tagged() {
    let library = library();
    let old = library.put("old/song.flac", &song(1, &[]));
    let service = Service::start(&library);
    tagged(&old);
    let new = library.put("new/album/song.flac", &song(2, &[]));
    tagged(&new);
    let status = service.settled("both to be written", |status| status["counts"]["written"] == 2);
    assert_eq!(status["watch"]["watches"], 4, "{status}");
    assert_eq!(service.logged("decoding "), 2, "{}", service.log());
    let (code, took) = service.stop();
    assert_eq!(code, Some(0));
    assert!(took.as_secs() < 20);
}
