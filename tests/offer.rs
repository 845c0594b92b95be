//! What a scan asks: one question, once, and only somebody who can answer.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use common::sound::{tune, wav};
use common::{Library, Run};

/// The whole of what a terminal shows of a scan whose owner types this.
fn scan_on_a_terminal(test: &str, library: &Library, typed: &str) -> Option<String> {
    let scan = library.command("scan");
    let program = scan.get_program().to_str().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join("script"));
    let Some(script) = places.find(|script| script.is_file()) else {
        common::skipped(test, "script (bsdutils) is not there: no terminal to ask on");
        return None;
    };
    let mut terminal = Command::new(script);
    let line = format!("{program} scan --dry-run {}", library.music().display());
    terminal.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_clear();
    terminal.envs(scan.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // Nothing to fetch with.
    terminal.env("PATH", "/nowhere");
    terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = terminal.spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn library() -> Library {
    let library = Library::new();
    library.put("a.wav", &wav(&tune(1, 22_050, 5.0), 22_050));
    library
}

#[test]
fn the_first_scan_on_a_terminal_offers_musicnn_and_takes_no_for_an_answer() {
    let library = library();
    let test = "the_first_scan_on_a_terminal_offers_musicnn_and_takes_no_for_an_answer";
    let Some(first) = scan_on_a_terminal(test, &library, "n\n") else { return };
    assert!(first.contains("musicnn") && first.contains("[y/N]") && first.contains("would tag"), "{first}");
    let second = scan_on_a_terminal(test, &library, "").unwrap();
    assert!(!second.contains("[y/N]"), "{second}");
}

#[test]
fn an_installation_that_fails_does_not_stop_the_scan() {
    let library = library();
    let test = "an_installation_that_fails_does_not_stop_the_scan";
    let Some(shown) = scan_on_a_terminal(test, &library, "y\n") else { return };
    assert!(shown.contains("goes on without it") && shown.contains("would tag"), "{shown}");
}

#[test]
fn nobody_is_asked_who_could_not_answer() {
    let library = library();
    let run = library.scan(&["--dry-run"]).expect_code(0);
    assert!(!run.stderr.contains("musicnn"), "{}", run.stderr);
    let music = library.music();
    let run = Run::of(library.command("scan").arg("--dry-run").arg(music)).expect_code(0);
    assert!(!run.stderr.contains("musicnn") && !run.stdout.contains("musicnn"), "{}{}", run.stdout, run.stderr);
}
