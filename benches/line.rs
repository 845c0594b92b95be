//! The whole line on one file: `cargo bench --bench line`. A three-minute WAV is synthesised; what is timed is stat,
//! identity, decoding its middle 30 s, both front ends, both models, the vote, the tag decision and the store.
#![allow(clippy::unwrap_used)] // a benchmark may panic

use std::path::PathBuf;
use std::time::Duration;

use divan::Bencher;
use reclassd::config::Config;
use reclassd::pipeline::{Cancel, Line, Settings, Worker};
use reclassd::store::Store;

#[path = "../tests/common/sound.rs"]
#[allow(dead_code)]
mod sound;

fn main() {
    divan::main();
}

fn song(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("song.wav");
    std::fs::write(&path, sound::wav(&sound::tune(1, 44_100, 180.0), 44_100)).unwrap();
    path
}

fn line(folder: &tempfile::TempDir, force: bool) -> Line {
    line_with(folder, force, Config::default())
}

fn line_with(folder: &tempfile::TempDir, force: bool, config: Config) -> Line {
    let store = Store::open(&folder.path().join("reclassd.db"), Duration::from_secs(1)).unwrap();
    Line::new(&config, Settings::new(&config).unwrap().dry_run(true).force(force), store).unwrap()
}

/// A file that nobody has seen before.
#[divan::bench]
fn new_file(bencher: Bencher) {
    let folder = tempfile::tempdir().unwrap();
    let (path, line) = (song(&folder), line(&folder, true));
    let (mut worker, cancel) = (Worker::new(), Cancel::default());
    bencher.bench_local(|| line.process(&mut worker, &path, &cancel).unwrap());
}

/// The same, and what it sounds like.
#[divan::bench]
fn new_file_described(bencher: Bencher) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.analysis.descriptors = true;
    let (path, line) = (song(&folder), line_with(&folder, true, config));
    let (mut worker, cancel) = (Worker::new(), Cancel::default());
    bencher.bench_local(|| line.process(&mut worker, &path, &cancel).unwrap());
}

/// A file that the last scan settled: a stat and a look into the database.
#[divan::bench]
fn unchanged_file(bencher: Bencher) {
    let folder = tempfile::tempdir().unwrap();
    let (path, line) = (song(&folder), line(&folder, false));
    let (mut worker, cancel) = (Worker::new(), Cancel::default());
    line.process(&mut worker, &path, &cancel).unwrap();
    bencher.bench_local(|| line.process(&mut worker, &path, &cancel).unwrap());
}
