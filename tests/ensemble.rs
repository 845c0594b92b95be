//! Who is asked and who decides, as a user sees it: stages, albums, models that build on others.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::onnx::{Output, graph};
use common::sound::{flac, tune, vorbis_comment};
use common::{Library, Run};
use sha2::{Digest, Sha256};

const ANY: &str = "[tags]\nmin_confidence = 0.0\n";

fn song(seed: u32, comments: &[&str]) -> Vec<u8> {
    flac(&tune(seed, 22_050, 6.0), 22_050, &[vorbis_comment(comments)])
}

fn explain(library: &Library, name: &str) -> Run {
    let path = library.music().join(name);
    Run::of(library.command("explain").arg(path)).expect_code(0)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Installs a model that is fed what `logmel-cnn` says and the 518, and whose word is always Jazz.
fn install_joined(library: &Library, parts: &str, size: usize) {
    let folder = library.root().join(".local/share/reclassd/models/joined");
    std::fs::create_dir_all(&folder).unwrap();
    let bias = vec![5.0, -5.0];
    let model = graph(&[1, size], &[Output { name: "logits", shape: &[2], bias, sigmoid: false }]);
    let manifest = format!(
        "name = \"joined\"\nversion = \"1\"\nlicence = \"MIT\"\nsha256 = \"{}\"\nlabels = [\"Jazz\", \"Blues\"]\n\
         [input.joined]\nparts = [{parts}]\n[output]\nname = \"logits\"\nkind = \"logits\"\n",
        digest(&model)
    );
    std::fs::write(folder.join("model.onnx"), model).unwrap();
    std::fs::write(folder.join("model.toml"), manifest).unwrap();
}

fn progressive(stop: &str) -> String {
    format!(
        "{ANY}[ensemble]\nstrategy = \"progressive\"\n[[ensemble.stages]]\nweights = {{ fma518-mlp = 1.0 }}\nstop = {stop}\n\
         [[ensemble.stages]]\nweights = {{ fma518-mlp = 0.4, logmel-cnn = 0.6 }}\n"
    )
}

#[test]
fn a_progressive_vote_that_is_sure_asks_nobody_else_and_says_so() {
    let library = Library::with_config(&progressive("0.0"));
    library.put("song.flac", &song(1, &[]));
    let said = explain(&library, "song.flac").stdout;
    assert!(said.contains("stage 1") && said.contains("stopped here"), "{said}");
    let not_asked = said.lines().find(|line| line.contains("not asked")).unwrap();
    assert!(not_asked.contains("logmel-cnn"), "{said}");
    assert!(!said.contains("logmel-cnn (weight"), "{said}");
}

#[test]
fn a_progressive_vote_that_is_unsure_goes_on_to_the_vote_of_all() {
    let mut library = Library::with_config(&progressive("1.0"));
    library.put("song.flac", &song(1, &[]));
    let said = explain(&library, "song.flac").stdout;
    assert!(said.contains("below 1.00: went on") && said.contains("the last stage"), "{said}");
    assert!(said.contains("fma518-mlp (weight 0.40)") && said.contains("logmel-cnn (weight 0.60)"), "{said}");
    let staged = library.scan(&["--dry-run"]).expect_code(0).object("song.flac");
    let weights = "[ensemble.weights]\nfma518-mlp = 0.4\nlogmel-cnn = 0.6\n";
    library.set_config(&format!("{ANY}[models]\nenabled = [\"fma518-mlp\", \"logmel-cnn\"]\n{weights}"));
    let voted = library.scan(&["--dry-run"]).expect_code(0).object("song.flac");
    assert_eq!((&staged["genre"], &staged["confidence"]), (&voted["genre"], &voted["confidence"]));
}

#[test]
fn stages_that_cannot_be_gone_through_are_refused_before_the_scan() {
    for (stages, word) in [
        ("[[ensemble.stages]]\nweights = { nobody = 1.0 }\n", "nobody"),
        ("[[ensemble.stages]]\nweights = { fma518-mlp = 0.0 }\n", "above 0"),
        ("[[ensemble.stages]]\nweights = { fma518-mlp = 1.0 }\nstop = 1.5\n", "0 to 1"),
        ("[[ensemble.stages]]\nweights = { fma518-mlp = 1.0 }\nsotp = 0.5\n", "sotp"),
    ] {
        let library = Library::with_config(&format!("[ensemble]\nstrategy = \"progressive\"\n{stages}"));
        let run = library.scan(&[]);
        assert_ne!(run.code, Some(0), "{stages}");
        assert!(run.stderr.contains(word), "{}", run.stderr);
    }
}

#[test]
fn a_model_that_builds_on_others_is_fed_what_they_say_now_and_from_memory() {
    let parts =
        "{ model = \"logmel-cnn\", output = \"scores\", size = 13 }, { features = \"fma518\", sample_rate = 22050 }";
    let mut library = Library::with_config(&format!("{ANY}[models]\nenabled = [\"joined\"]\n"));
    install_joined(&library, parts, 13 + 518);
    library.put("song.flac", &song(1, &[]));
    let first = library.scan(&["--dry-run"]).expect_code(0).object("song.flac");
    assert_eq!(first["genre"], "Jazz");
    // It is heard for the others' sake and has no vote.
    let path = library.music().join("song.flac");
    let said = Run::of(library.command("explain").arg("--force").arg(path)).expect_code(0).stdout;
    assert!(said.contains("logmel-cnn (no vote)"), "{said}");

    // Everything that another model of this kind needs is remembered: the file is not decoded again.
    let swapped =
        "{ features = \"fma518\", sample_rate = 22050 }, { model = \"logmel-cnn\", output = \"scores\", size = 13 }";
    install_joined(&library, swapped, 518 + 13);
    library.set_config(&format!("{ANY}[models]\nenabled = [\"joined\"]\n[log]\nlevel = \"debug\"\n"));
    let again = library.scan(&["--dry-run"]).expect_code(0);
    assert!(!again.stderr.contains("decoding"), "{}", again.stderr);
    assert_eq!(again.object("song.flac")["confidence"], first["confidence"]);
}

#[test]
fn a_model_that_builds_on_one_that_is_not_there_says_which() {
    let library = Library::with_config(&format!("{ANY}[models]\nenabled = [\"joined\"]\n"));
    install_joined(&library, "{ model = \"elsewhere\", output = \"embedding\", size = 7 }", 7);
    let run = library.scan(&[]);
    assert_ne!(run.code, Some(0));
    assert!(run.stderr.contains("joined") && run.stderr.contains("elsewhere"), "{}", run.stderr);
}

#[test]
fn an_album_gets_one_genre_and_loose_songs_their_own() {
    let library = Library::with_config(&format!("{ANY}[ensemble]\nalbum = true\n"));
    for seed in 1..=4 {
        library.put(format!("album/{seed}.flac"), &song(seed, &["ALBUM=One"]));
        library.put(format!("loose/{seed}.flac"), &song(seed, &[&format!("ALBUM=Single {seed}")]));
        library.put(format!("untitled/{seed}.flac"), &song(seed, &[]));
    }
    let run = library.scan(&["--jobs", "3"]).expect_code(0);
    let of = |folder: &str| -> Vec<(String, String)> {
        let reports = run.objects().into_iter();
        let reports = reports.filter(|report| report["path"].as_str().unwrap().contains(folder));
        reports.map(|report| (report["genre"].to_string(), report["confidence"].to_string())).collect()
    };
    for folder in ["/album/", "/untitled/"] {
        let album = of(folder);
        assert_eq!(album.len(), 4);
        assert!(album.iter().all(|track| *track == album[0]), "{album:?}");
    }
    let loose = of("/loose/");
    assert!(loose.iter().any(|track| *track != loose[0]), "{loose:?}");
    let said = explain(&library, "album/1.flac").stdout;
    assert!(said.contains("the album's 4 tracks"), "{said}");

    // Nothing is done twice, and a new track is a reason to look at the album again.
    let unchanged = |run: &Run| run.objects().iter().filter(|report| report["action"] == "unchanged").count();
    assert_eq!(unchanged(&library.scan(&[]).expect_code(0)), 12);
    library.put("album/5.flac", &song(5, &["ALBUM=One"]));
    let run = library.scan(&[]).expect_code(0);
    assert_eq!(unchanged(&run), 8);
    let voices: std::collections::BTreeSet<String> = run
        .objects()
        .iter()
        .filter(|report| report["path"].as_str().unwrap().contains("/album/"))
        .map(|report| report["confidence"].to_string())
        .collect();
    assert_eq!(voices.len(), 1, "{voices:?}");
}

#[test]
fn an_album_that_is_still_being_copied_waits() {
    let library = Library::with_config(&format!("{ANY}[ensemble]\nalbum = true\n[library]\nsettle_seconds = 3000\n"));
    let old = library.put("album/1.flac", &song(1, &["ALBUM=One"]));
    library.put("album/2.flac", &song(2, &["ALBUM=One"]));
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    std::fs::File::options().append(true).open(old).unwrap().set_modified(long_ago).unwrap();
    let report = library.scan(&[]).expect_code(0).object("1.flac");
    assert_eq!(report["status"], "skipped");
    assert!(report["reason"].as_str().unwrap().contains("album"), "{report}");
}
