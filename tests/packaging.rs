//! What a package of reclassd is made of: every file that the metadata names is there or is made by the script, and is
//! what it should be.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Library, Run, skipped};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The generated files, in a folder of the test's own.
fn generated() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = repository().join("packaging/assets.sh");
    Run::of(Command::new(script).arg(env!("CARGO_BIN_EXE_reclassd")).arg(folder.path())).expect_code(0);
    folder
}

fn assets() -> Vec<(String, String)> {
    let manifest: toml::Table = fs::read_to_string(repository().join("Cargo.toml")).unwrap().parse().unwrap();
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    let text = |asset: &toml::Value, i: usize| asset[i].as_str().unwrap().to_owned();
    assets.iter().map(|asset| (text(asset, 0), text(asset, 1))).collect()
}

/// The files that an asset's source stands for.
fn files(source: &str, generated: &Path) -> Vec<PathBuf> {
    let source = match source.strip_prefix("target/package/") {
        Some(name) => generated.join(name),
        None => repository().join(source),
    };
    let name = source.file_name().unwrap().to_str().unwrap();
    let Some(end) = name.strip_prefix('*') else { return vec![source] };
    let found = fs::read_dir(source.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    found.filter(|path| path.to_str().unwrap().ends_with(end)).collect()
}

#[test]
fn every_file_of_the_package_is_there() {
    let generated = generated();
    for (source, _) in assets() {
        // What cargo builds is there when it was built; the licences are the test's of the archive.
        if source.starts_with("target/release/") || source.ends_with("LICENCES-OF-CRATES.txt") {
            continue;
        }
        let files = files(&source, generated.path());
        assert!(!files.is_empty(), "{source} stands for no file");
        for file in files {
            assert!(fs::metadata(&file).is_ok_and(|file| file.is_file() && file.len() > 0), "{}", file.display());
        }
    }
}

#[test]
fn what_the_units_start_is_where_the_package_puts_it() {
    let targets: Vec<String> = assets().into_iter().map(|(_, target)| target).collect();
    for unit in ["systemd/reclassd.service", "systemd/reclassd@.service", "systemd/user/reclassd.service"] {
        let text = fs::read_to_string(repository().join(unit)).unwrap();
        let start = text.lines().find_map(|line| line.strip_prefix("ExecStart=/")).unwrap();
        let program = start.split(' ').next().unwrap();
        assert!(targets.iter().any(|target| program == format!("{target}reclassd")), "{unit}: {program}");
        if let Some(config) = text.lines().find_map(|line| line.strip_prefix("Environment=RECLASSD_CONFIG=/")) {
            assert!(targets.iter().any(|target| target == config), "{unit}: {config}");
        }
    }
}

#[test]
fn the_packaged_configuration_is_valid_and_shares_one_database() {
    let generated = generated();
    let config = generated.path().join("config.toml");
    let table: toml::Table = fs::read_to_string(&config).unwrap().parse().unwrap();
    assert_eq!(table["database"]["path"].as_str(), Some("/var/lib/reclassd/reclassd.db"));
    assert_eq!(table["models"]["folder"].as_str(), Some("/var/lib/reclassd/models"));
    let library = Library::new();
    let run = library.run("review", &["--config", config.to_str().unwrap(), "--database", "here.db"]).expect_code(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn every_command_has_a_manual_page() {
    let generated = generated();
    let help = Library::new().run("help", &[]).expect_code(0).stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    assert!(commands.contains(&"watch") && commands.contains(&"scan"), "{help}");
    for command in commands.into_iter().filter(|command| !command.is_empty() && *command != "help") {
        let page = generated.path().join(format!("man/reclassd-{command}.1"));
        let page = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert!(page.contains(".SH SYNOPSIS"), "{command}");
    }
    assert!(generated.path().join("man/reclassd.1").is_file());
}

#[test]
fn bash_completes_commands_and_options() {
    let generated = generated();
    let script = "source \"$0\"; COMP_WORDS=(reclassd \"$1\"); COMP_CWORD=1; _reclassd reclassd \"$1\" reclassd; \
                  echo \"${COMPREPLY[@]}\"";
    let completed = |word: &str| {
        let script_file = generated.path().join("completions/reclassd");
        Command::new("bash").arg("-c").arg(script).arg(script_file).arg(word).stderr(Stdio::null()).output()
    };
    let Ok(output) = completed("wat") else { return skipped("packaging", "there is no bash") };
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "watch");
}

#[test]
fn a_completion_or_a_page_that_cannot_be_made_is_said() {
    let library = Library::new();
    let run = library.run("completions", &["tcsh"]).expect_code(2);
    assert!(run.stderr.contains("bash"), "{}", run.stderr);
    fs::write(library.root().join("file"), "").unwrap();
    let run = library.run("man", &["file/folder"]).expect_code(1);
    assert!(run.stderr.contains("file/folder") && run.stderr.contains("another folder"), "{}", run.stderr);
}

/// What `tar` lists of an archive: kinds, owners, times and names.
fn listed(archive: &Path) -> Vec<String> {
    let mut tar = Command::new("tar");
    tar.args(["--list", "--verbose", "--numeric-owner", "--full-time", "--utc", "--file"]).arg(archive);
    Run::of(&mut tar).expect_code(0).stdout.lines().map(str::to_owned).collect()
}

fn lacks(tools: &[&str]) -> Option<String> {
    let is_there = |tool: &&str| Command::new(tool).arg("--version").stdout(Stdio::null()).status().is_ok();
    tools.iter().find(|tool| !is_there(tool)).map(|tool| format!("there is no {tool}"))
}

/// Packs the tests' own program.
fn release(output: &Path, more: &[&str]) -> Run {
    let mut script = Command::new(repository().join("packaging/release.sh"));
    script
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .args(["--level", "1", "--binary"])
        .arg(env!("CARGO_BIN_EXE_reclassd"));
    Run::of(script.arg("--output").arg(output).args(more))
}

#[test]
fn a_release_archive_holds_what_a_user_needs_and_is_the_same_each_time() {
    if let Some(why) = lacks(&["tar", "gzip", "sha256sum", "readelf", "strip"]) {
        return skipped("packaging", &why);
    }
    let folder = tempfile::tempdir().unwrap();
    let run = release(folder.path(), &[]).expect_code(0);
    assert!(run.stdout.contains("needs glibc 2."), "{}", run.stdout);
    let mut sums = Command::new("sha256sum");
    let run = Run::of(sums.args(["--check", "--strict", "SHA256SUMS"]).current_dir(folder.path())).expect_code(0);
    let archive = run.stdout.strip_suffix(": OK\n").unwrap().to_owned();

    // The same program gives the same archive again.
    let again = tempfile::tempdir().unwrap();
    release(again.path(), &[]).expect_code(0);
    let sums = [&folder, &again].map(|folder| fs::read_to_string(folder.path().join("SHA256SUMS")).unwrap());
    assert_eq!(sums[0], sums[1]);

    // Where `cargo binstall` looks for it.
    let manifest: toml::Table = fs::read_to_string(repository().join("Cargo.toml")).unwrap().parse().unwrap();
    let binstall = &manifest["package"]["metadata"]["binstall"];
    let target = archive.strip_prefix(concat!("reclassd-", env!("CARGO_PKG_VERSION"), "-")).unwrap();
    let target = target.strip_suffix(".tar.gz").unwrap();
    let filled = |key: &str| {
        let given = [("{ name }", "reclassd"), ("{ version }", env!("CARGO_PKG_VERSION")), ("{ target }", target)];
        let named = given.iter().fold(binstall[key].as_str().unwrap().to_owned(), |text, (a, b)| text.replace(a, b));
        named.replace("{ bin }", "reclassd").replace("{ binary-ext }", "")
    };
    assert!(filled("pkg-url").ends_with(&format!("/{archive}")), "{}", filled("pkg-url"));

    let archive = folder.path().join(&archive);
    let names = listed(&archive);
    assert!(names.iter().all(|line| line.contains(" 0/0 ") && line.contains("2023-11-14 22:13:20")), "{names:?}");
    Run::of(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(folder.path())).expect_code(0);
    let program = folder.path().join(filled("bin-dir"));
    let run = Run::of(Command::new(&program).arg("--version").env_clear()).expect_code(0);
    assert_eq!(run.stdout.trim(), concat!("reclassd ", env!("CARGO_PKG_VERSION")));
    for name in [
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "THIRD-PARTY.md",
        "config.example.toml",
        "man/reclassd-scan.1",
        "completions/_reclassd",
        "completions/reclassd",
        "completions/reclassd.fish",
        "systemd/reclassd@.service",
        "systemd/user/reclassd.service",
        "docs/service.md",
        "docs/images/review.png",
        "REQUIRES",
    ] {
        let file = program.with_file_name(name);
        assert!(fs::metadata(&file).is_ok_and(|file| file.len() > 0), "{name}");
    }
    // MIT and its like ask for their text beside a binary; MPL for where the source is.
    let licences = fs::read_to_string(program.with_file_name("LICENCES-OF-CRATES.txt")).unwrap();
    for part in ["symphonia 0.6", "Mozilla Public License", "tract-onnx 0.23", "UBUNTU FONT LICENCE", "Xiph.Org"] {
        assert!(licences.contains(part), "{part}");
    }
}

#[test]
fn an_archive_is_never_made_of_a_program_for_another_system() {
    if let Some(why) = lacks(&["readelf", "sha256sum"]) {
        return skipped("packaging", &why);
    }
    let folder = tempfile::tempdir().unwrap();
    let run = release(folder.path(), &["--target", "mips-unknown-linux-gnu"]).expect_code(1);
    assert!(run.stderr.contains("not for mips-unknown-linux-gnu"), "{}", run.stderr);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
