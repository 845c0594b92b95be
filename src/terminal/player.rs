//! The owner's player: what was listened to, played by a program that is there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Players that are looked for, and how each is told what to play. mpg123 counts in frames of 1152 samples, and plays
/// MP3 alone.
const KNOWN: [&[&str]; 3] = [
    &["mpv", "--no-video", "--really-quiet", "--no-terminal", "--start={start}", "--length={length}", "{path}"],
    &["ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet", "-ss", "{start}", "-t", "{length}", "-i", "{path}"],
    &["mpg123", "-q", "-k", "{start_frame}", "-n", "{frames}", "{path}"],
];

/// Frames of MP3 a second, at 44.1 kHz.
const MPEG_FRAMES: f64 = 44_100.0 / 1152.0;

/// Starts a player, and stops it.
pub(super) struct Player {
    command: Vec<String>,
    playing: Option<Child>,
}

impl Player {
    /// The configured one, or with an empty `command` the first that is in `folders`.
    pub(super) fn new(command: &[String], folders: &[PathBuf]) -> Self {
        let is_there = |name: &str| folders.iter().any(|folder| folder.join(name).is_file());
        let found = || KNOWN.iter().find(|known| is_there(known[0]));
        let command = match command.is_empty() {
            false => command.to_vec(),
            true => found().map(|known| known.iter().map(|&part| part.to_owned()).collect()).unwrap_or_default(),
        };
        Self { command, playing: None }
    }

    /// Plays a part of a file, in place of what is playing. Says what is going on.
    pub(super) fn play(&mut self, path: &Path, start: f64, length: f64) -> Result<(), String> {
        self.stop();
        let [program, arguments @ ..] = self.command.as_slice() else {
            return Err("no player is there: install mpv, or name one as [review] player".to_owned());
        };
        let arguments = arguments.iter().map(|part| filled_in(part, path, start, length));
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.spawn() {
            Ok(child) => {
                self.playing = Some(child);
                Ok(())
            }
            Err(error) => Err(format!("{program} cannot be started: {error}; see [review] player")),
        }
    }

    /// Whether something is playing; what came to its end is not.
    pub(super) fn is_playing(&mut self) -> bool {
        if let Some(child) = &mut self.playing
            && !matches!(child.try_wait(), Ok(None))
        {
            self.playing = None;
        }
        self.playing.is_some()
    }

    /// Stops what is playing.
    pub(super) fn stop(&mut self) {
        if let Some(mut child) = self.playing.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An argument with what it stands for. A path keeps its bytes.
fn filled_in(part: &str, path: &Path, start: f64, length: f64) -> std::ffi::OsString {
    let numbers = part
        .replace("{start}", &format!("{start:.2}"))
        .replace("{length}", &format!("{length:.2}"))
        .replace("{start_frame}", &format!("{:.0}", start * MPEG_FRAMES))
        .replace("{frames}", &format!("{:.0}", length * MPEG_FRAMES));
    let mut filled = std::ffi::OsString::new();
    for (i, piece) in numbers.split("{path}").enumerate() {
        if i > 0 {
            filled.push(path);
        }
        filled.push(piece);
    }
    filled
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn a_player_is_told_what_to_play_and_from_where() {
        let filled = |part: &str| filled_in(part, Path::new("/m/a b.mp3"), 35.0, 30.0).into_string().unwrap();
        assert_eq!(filled("--start={start}"), "--start=35.00");
        assert_eq!(filled("file://{path}"), "file:///m/a b.mp3");
        assert_eq!(filled("{frames}"), "1148");
    }

    #[test]
    fn a_player_is_found_where_there_is_one_and_its_lack_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().to_owned()];
        let mut none = Player::new(&[], &folders);
        assert!(none.play(Path::new("/x"), 0.0, 1.0).unwrap_err().contains("[review] player"));
        std::fs::write(folder.path().join("ffplay"), "").unwrap();
        assert_eq!(Player::new(&[], &folders).command[0], "ffplay");
        let mut missing = Player::new(&["no-such-player".into(), "{path}".into()], &folders);
        assert!(missing.play(Path::new("/x"), 0.0, 1.0).unwrap_err().contains("no-such-player"));
    }
}
