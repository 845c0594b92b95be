//! `reclassd models` as a user meets it: the list, a package client that is missing or gives the wrong file, and models
//! that are checked and removed.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::sound::{tune, wav};
use common::{Library, Run};
use sha2::{Digest, Sha256};

fn models(library: &Library) -> PathBuf {
    library.root().join(".local/share/reclassd/models")
}

/// A copy of a built-in model under the name `mine`, as if someone had put it there.
fn put_model(library: &Library) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/logmel-cnn");
    let folder = models(library).join("mine");
    std::fs::create_dir_all(&folder).unwrap();
    let manifest = std::fs::read_to_string(source.join("model.toml")).unwrap();
    std::fs::write(folder.join("model.toml"), manifest.replace("\"logmel-cnn\"", "\"mine\"")).unwrap();
    std::fs::copy(source.join("model.onnx"), folder.join("model.onnx")).unwrap();
    folder
}

/// The list of digests that an installation writes.
fn seal(folder: &Path) {
    let line = |file: &str| {
        let digest = Sha256::digest(std::fs::read(folder.join(file)).unwrap());
        format!("{}  {file}\n", digest.iter().map(|b| format!("{b:02x}")).collect::<String>())
    };
    std::fs::write(folder.join("SHA256SUMS"), ["model.toml", "model.onnx"].map(line).concat()).unwrap();
}

/// A folder with a `pip` that is this shell script.
fn pip(library: &Library, script: &str) -> PathBuf {
    let folder = library.root().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let pip = folder.join("pip");
    std::fs::write(&pip, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&pip, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn install_with(library: &Library, path: impl AsRef<Path>) -> Run {
    Run::of(library.command("models").args(["install", "musicnn"]).env("PATH", path.as_ref()))
}

fn assert_nothing_installed(library: &Library) {
    let entries = std::fs::read_dir(models(library)).map(|entries| entries.count());
    assert_eq!(entries.unwrap_or(0), 0);
}

#[test]
fn the_list_says_what_there_is_and_what_could_be() {
    let library = Library::new();
    put_model(&library);
    let run = library.run("models", &[]).expect_code(0);
    for word in ["fma518-mlp", "logmel-cnn", "mine", "installed", "Pop Rock", "models install musicnn"] {
        assert!(run.stdout.contains(word), "{word}: {}", run.stdout);
    }
    let objects = library.run("models", &["--json"]).expect_code(0).objects();
    assert!(objects.len() >= 3);
    assert_eq!(objects[0]["source"], "built-in");
    assert_eq!(objects[0]["part"], "votes");
    let weights: f64 = objects.iter().filter_map(|model| model["weight"].as_f64()).sum();
    assert!((weights - 1.0).abs() < 1e-3, "{weights}");
    let mine = objects.last().unwrap();
    assert_eq!((&mine["name"], &mine["source"], &mine["part"]), (&"mine".into(), &"installed".into(), &"none".into()));
    assert_eq!(mine["genres"].as_array().unwrap().len(), 13);
    assert!(mine["graph_bytes"].as_u64().unwrap() > 100_000);
    assert_eq!(library.run("models", &["list", "--json"]).expect_code(0).objects(), objects);
}

#[test]
fn without_a_package_client_it_says_what_to_do() {
    let library = Library::new();
    let run = install_with(&library, "/nowhere").expect_code(1);
    for word in ["pip", "musicnn-0.1.0-py3-none-any.whl", "--from"] {
        assert!(run.stderr.contains(word), "{}", run.stderr);
    }
    assert_nothing_installed(&library);
}

#[test]
fn what_the_package_client_complains_of_is_passed_on() {
    let library = Library::new();
    let script = r#"[ "$1" = --version ] && exit 0; echo 'ERROR: no route to the index' >&2; exit 1"#;
    let run = install_with(&library, pip(&library, script)).expect_code(1);
    assert!(run.stderr.contains("pip download") && run.stderr.contains("no route to the index"), "{}", run.stderr);
    assert_nothing_installed(&library);
}

#[test]
fn a_file_of_another_content_than_the_known_one_is_refused() {
    let library = Library::new();
    // The last argument is the folder to put it into.
    let script = r#"[ "$1" = --version ] && exit 0
        for into; do :; done; echo evil > "$into/musicnn-0.1.0-py3-none-any.whl""#;
    let run = install_with(&library, pip(&library, script)).expect_code(1);
    assert!(run.stderr.contains("SHA-256") && run.stderr.contains("nothing was installed"), "{}", run.stderr);
    assert_nothing_installed(&library);

    let wheel = library.root().join("mine.whl");
    std::fs::write(&wheel, b"PK").unwrap();
    let run = library.run("models", &["install", "musicnn", "--from", wheel.to_str().unwrap()]).expect_code(1);
    assert!(run.stderr.contains("mine.whl") && run.stderr.contains("SHA-256"), "{}", run.stderr);
    assert_nothing_installed(&library);
}

#[test]
fn what_cannot_be_asked_for_is_wrong_use() {
    let library = Library::new();
    for (arguments, word) in [
        (&["install", "vggish"][..], "musicnn"),
        (&["install", "musicnn", "--from", "missing.whl"], "missing.whl"),
        (&["remove", "fma518-mlp"], "built in"),
        (&["remove", "musicnn-msd"], "no model `musicnn-msd` is installed"),
        (&["remove", "../../reclassd"], "is installed"),
        (&["verify", "nobody"], "nobody"),
    ] {
        let run = library.run("models", arguments).expect_code(2);
        assert!(run.stderr.contains(word), "{arguments:?}: {}", run.stderr);
    }
    assert!(library.run("models", &["verify"]).expect_code(0).stdout.contains("no model is installed"));
}

#[test]
fn a_changed_file_is_found_and_the_model_can_be_removed() {
    let library = Library::new();
    let folder = put_model(&library);
    library.run("models", &["verify"]).expect_code(0);
    seal(&folder);
    let run = library.run("models", &["verify", "mine"]).expect_code(0);
    assert!(run.stdout.starts_with("ok") && run.stdout.contains("model.toml"), "{}", run.stdout);

    let manifest = std::fs::read_to_string(folder.join("model.toml")).unwrap();
    std::fs::write(folder.join("model.toml"), manifest + "\n# mine\n").unwrap();
    let run = library.run("models", &["verify"]).expect_code(1);
    assert!(run.stdout.starts_with("failed") && run.stdout.contains("model.toml"), "{}", run.stdout);

    let run = library.run("models", &["remove", "mine"]).expect_code(0);
    assert_eq!(run.stdout, "removed  mine\n");
    assert_nothing_installed(&library);
}

#[test]
fn a_damaged_model_does_not_hide_the_others() {
    let library = Library::new();
    let folder = put_model(&library);
    std::fs::write(folder.join("model.toml"), "name = 1").unwrap();
    let run = library.run("models", &[]).expect_code(1);
    assert!(run.stdout.contains("logmel-cnn") && run.stderr.contains("mine"), "{}{}", run.stdout, run.stderr);
    library.run("models", &["remove", "mine"]).expect_code(0);
}

#[test]
fn an_installed_model_votes_when_it_is_enabled_and_says_so_when_it_is_gone() {
    let mut library = Library::new();
    library.put("a.wav", &wav(&tune(1, 22_050, 5.0), 22_050));
    library.scan(&["--dry-run"]).expect_code(0);
    put_model(&library);
    library.set_config("[models]\nenabled = [\"fma518-mlp\", \"mine\"]\n[tags]\nmin_confidence = 0.0\n");
    let file = library.music().join("a.wav");
    let run = library.run("explain", &[file.to_str().unwrap()]).expect_code(0);
    assert!(run.stdout.contains("mine (weight 0."), "{}", run.stdout);
    library.scan(&[]).expect_code(0);
    let written = std::fs::read(&file).unwrap();
    let builtin = reclassd::inference::Ensemble::builtin().unwrap();
    let mine = builtin.members.iter().find(|member| member.model.manifest().name == "logmel-cnn").unwrap();
    let name = format!("{} + mine {}", builtin.id(), mine.model.manifest().version);
    assert!(
        written.windows(name.len()).any(|window| window == name.as_bytes()),
        "RECLASSD_MODEL does not name the model"
    );

    let run = library.run("models", &["remove", "mine"]).expect_code(0);
    assert!(run.stderr.contains("[models] enabled"), "{}", run.stderr);
    let run = library.scan(&[]).expect_code(2);
    assert!(run.stderr.contains("mine") && run.stderr.contains("reclassd models"), "{}", run.stderr);
}
