//! One file of each container goes down the whole line: the genre is in it afterwards, as another reader sees it, and
//! the sound is the same.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::Path;

use common::Library;
use lofty::file::TaggedFileExt;
use lofty::tag::ItemKey;

/// Synthesised sound in each container that is decoded and written.
const WRITTEN: [&str; 19] = [
    "bare.aac",
    "adpcm-ms.wav",
    "adpcm-ima.wav",
    "adpcm-ima.aifc",
    "mp3.mp4",
    "aac.m4a",
    "alac.m4a",
    "cbr.mp3",
    "vbr.mp3",
    "mpeg2.mp3",
    "stereo.flac",
    "vorbis.ogg",
    "celt.opus",
    "flac.ogg",
    "plain.aiff",
    "layer2.mp2",
    "vorbis.mka",
    "mp3.mka",
    "opus.webm",
];
/// Decoded, and not written: what the reason has to name.
const NOT_WRITTEN: [(&str, &str); 2] = [("plain.caf", "Core Audio (CAF)"), ("adpcm-ima.caf", "Core Audio (CAF)")];

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

/// The fixtures are a second or two long.
fn library() -> Library {
    let library = Library::with_config(
        "[tags]\nmin_confidence = 0.0\n[analysis]\nmin_seconds = 0.5\n[library]\nextensions = [\"mp3\", \"mp2\", \"flac\", \"ogg\", \"opus\", \"aiff\", \"wav\", \"m4a\", \"aac\", \"mka\", \"webm\", \"caf\", \"aifc\", \"mp4\"]\n",
    );
    std::fs::create_dir_all(library.music()).unwrap();
    library
}

/// The genres of a file's tags, as lofty reads them.
fn genres(path: &Path) -> Vec<String> {
    let file = lofty::probe::Probe::open(path).unwrap().guess_file_type().unwrap().read();
    let file = file.unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
    file.tags().iter().flat_map(|tag| tag.get_strings(ItemKey::Genre)).map(str::to_owned).collect()
}

#[test]
fn every_container_comes_out_with_its_genre_and_the_same_sound() {
    let library = library();
    let paths = WRITTEN.map(|name| library.put(name, &fixture(name)));
    let wav = library.put("tune.wav", &common::sound::wav(&common::sound::tune(3, 22_050, 4.0), 22_050));
    let before: Vec<_> = paths.iter().map(|path| reclassd::audio::payload_hash(path).unwrap()).collect();
    let run = library.scan(&[]).expect_code(0);
    for (path, before) in paths.iter().zip(before) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(run.field(name, "action"), "written", "{name}: {}", run.field(name, "reason"));
        let genre = run.field(name, "genre");
        // lofty knows neither MPEG layer II nor FLAC in Ogg nor ADPCM nor Matroska, and no APEv2 behind AAC.
        let found = if ["layer2.mp2", "flac.ogg", "bare.aac"].contains(&name)
            || name.starts_with("adpcm")
            || name.ends_with("mka")
            || name.ends_with("webm")
        {
            reclassd::tagging::read(path).unwrap().genres
        } else {
            genres(path)
        };
        assert_eq!(found, [genre], "{name}");
        assert_eq!(reclassd::audio::payload_hash(path).unwrap(), before, "{name}");
    }
    assert_eq!(genres(&wav), [run.field("tune.wav", "genre")]);
    let again = library.scan(&[]).expect_code(0);
    assert!(again.objects().iter().all(|object| object["action"] == "unchanged"));
}

#[test]
fn a_file_whose_name_belongs_to_another_kind_is_called_by_its_own() {
    let library = library();
    library.put("core audio.m4a", &fixture("plain.caf"));
    let caf = library.put("core audio.mp3", &fixture("plain.caf"));
    let names = ["bare.mp3", "really mp4.mp3", "matroska.flac"];
    for (name, kind) in names.into_iter().zip(["bare.aac", "aac.m4a", "vorbis.mka"]) {
        library.put(name, &fixture(kind));
    }
    let before = library.contents();
    let run = library.scan(&[]).expect_code(0);
    for name in ["core audio.m4a", "core audio.mp3"] {
        let reason = run.field(name, "reason");
        assert!(reason.contains("Core Audio (CAF) tags") && reason.contains("not written yet"), "{name}: {reason}");
        assert!(run.object(name)["genre"].is_string(), "{name} is analysed and remembered");
    }
    for name in names {
        assert_eq!(run.field(name, "action"), "written", "{name}: {}", run.field(name, "reason"));
    }
    assert_eq!(library.contents()[&caf], before[&caf]);
}

#[test]
fn what_has_no_editor_is_analysed_and_says_so() {
    let library = library();
    for (name, _) in NOT_WRITTEN {
        library.put(name, &fixture(name));
    }
    let before = library.contents();
    let run = library.scan(&[]).expect_code(0);
    for (name, container) in NOT_WRITTEN {
        let report = run.object(name);
        assert_eq!(report["status"], "skipped", "{name}");
        assert!(report["genre"].is_string(), "{name}");
        let reason = report["reason"].as_str().unwrap();
        assert!(reason.contains(container) && reason.contains("not written yet"), "{reason}");
    }
    assert_eq!(library.contents(), before);
}
