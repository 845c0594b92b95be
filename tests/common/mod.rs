//! What the end-to-end tests share: a library in a temporary folder, sound that is synthesised here, and the program
//! itself, run with an environment that knows nothing of the machine's own configuration.
#![allow(dead_code, clippy::unwrap_used)] // each test file uses a part of it; a test may panic

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

pub mod engines;
pub mod journal;
pub mod onnx;
pub mod service;
pub mod sound;

/// A folder of the reference material in `../shared` beside the checkout, or wherever `RECLASSD_SHARED` says; where it
/// is not, `None`, and a word about the test that needs it.
pub fn shared(test: &str, folder: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("RECLASSD_SHARED").map_or_else(beside, PathBuf::from).join(folder);
    if !folder.is_dir() {
        skipped(test, &format!("there is no {}", folder.display()));
        return None;
    }
    Some(folder)
}

/// Says that a test cannot run here, and why, where it is seen without `--nocapture`.
pub fn skipped(test: &str, why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

/// Says that a test cannot run here for want of a GPU, or of what it takes to use it.
pub fn no_gpu(test: &str, why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "no GPU: {test}: {why}");
}

/// Says that a test cannot run here for want of rights or of a network, which nothing that could be installed would
/// change.
pub fn not_allowed(test: &str, why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "not possible here: {test}: {why}");
}

/// A music folder, a state folder and a configuration, gone when dropped.
pub struct Library {
    folder: tempfile::TempDir,
    config: String,
}

impl Library {
    /// An empty library whose configuration takes any confidence for sure, so that synthesised sound gets a genre.
    pub fn new() -> Self {
        let library = Self::with_config("[tags]\nmin_confidence = 0.0\n");
        std::fs::create_dir_all(library.music()).unwrap();
        library
    }

    /// An empty library with this configuration.
    pub fn with_config(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = Self { folder, config: String::new() };
        std::fs::create_dir_all(library.music()).unwrap();
        Self { config: config.to_owned(), ..library }
    }

    pub fn set_config(&mut self, config: &str) {
        self.config = config.to_owned();
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn music(&self) -> PathBuf {
        self.folder.path().join("music")
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("state/reclassd/reclassd.db")
    }

    /// Puts a file into the music folder.
    pub fn put(&self, name: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
        let path = self.music().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The configuration; unless it says otherwise, files that the test made a moment ago count as whole, and
    /// synthesised sound as music.
    fn settled_config(&self) -> String {
        let unless_said = |config: String, section: &str, key: &str, value: &str| {
            let header = format!("[{section}]");
            match config {
                config if config.contains(key) => config,
                config if config.contains(&header) => {
                    config.replacen(&header, &format!("{header}\n{key} = {value}"), 1)
                }
                config => format!("{config}\n{header}\n{key} = {value}\n"),
            }
        };
        let config = unless_said(self.config.clone(), "library", "settle_seconds", "0");
        unless_said(config, "ensemble", "music_only", "false")
    }

    /// The program with this library's configuration and state, ready for more arguments.
    pub fn command(&self, subcommand: &str) -> Command {
        let config = self.folder.path().join("config.toml");
        std::fs::write(&config, self.settled_config()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_reclassd"));
        command.env_clear().env("HOME", self.folder.path()).env("XDG_STATE_HOME", self.folder.path().join("state"));
        command.env("RECLASSD_CONFIG", config).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.current_dir(self.folder.path()).arg(subcommand);
        command
    }

    pub fn run(&self, subcommand: &str, arguments: &[&str]) -> Run {
        Run::of(self.command(subcommand).args(arguments))
    }

    /// Scans the music folder with `--json` and further arguments.
    pub fn scan(&self, arguments: &[&str]) -> Run {
        let music = self.music();
        Run::of(self.command("scan").arg("--json").args(arguments).arg(music))
    }

    /// Every file of the music folder with its bytes, to compare before and after.
    pub fn contents(&self) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
        let files = walkdir::WalkDir::new(self.music()).into_iter().map(Result::unwrap);
        let files = files.filter(|entry| entry.file_type().is_file());
        files.map(|entry| (entry.path().to_owned(), std::fs::read(entry.path()).unwrap())).collect()
    }
}

/// A finished run of the program.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Fails the test, with all that was printed, unless the program ended with this code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The JSON objects of the lines on standard output, a file each; without the sum at the end.
    #[track_caller]
    pub fn objects(&self) -> Vec<Value> {
        let all = self.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        all.filter(|object| object.get("summary").is_none()).collect()
    }

    /// The sum behind them.
    #[track_caller]
    pub fn summary(&self) -> Value {
        let last: Value = serde_json::from_str(self.stdout.lines().last().unwrap()).unwrap();
        last["summary"].clone()
    }

    /// The one JSON object of a file, by the end of its path.
    #[track_caller]
    pub fn object(&self, name: &str) -> Value {
        let objects = self.objects();
        let mut found = objects.iter().filter(|object| object["path"].as_str().unwrap().ends_with(name));
        match (found.next(), found.next()) {
            (Some(object), None) => object.clone(),
            _ => panic!("not exactly one report of {name} in:\n{}\nstderr:\n{}", self.stdout, self.stderr),
        }
    }

    /// The reports' field by file name.
    #[track_caller]
    pub fn field(&self, name: &str, field: &str) -> String {
        let value = self.object(name)[field].clone();
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }
}
