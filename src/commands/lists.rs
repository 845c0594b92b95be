//! What `similar`, `cluster` and `playlist` share: a track as JSON, and a playlist as a file.

use std::path::Path;

use anyhow::Context;
use reclassd::descriptors::Descriptors;
use reclassd::playlists::{self, Saved};
use reclassd::store::ListedTrack;
use serde_json::{Value, json};

use super::output::{display_path, round};
use super::setup;

/// Adds what is known of a track to an object.
pub fn describe(object: &mut Value, track: &ListedTrack) {
    object["genre"] = json!(track.genre);
    object["confidence"] = json!(track.confidence.map(round));
    object["artist"] = json!(track.credits.artist);
    object["title"] = json!(track.credits.title);
    object["album"] = json!(track.credits.album);
    object["seconds"] = json!(track.duration.map(|d| d.as_millis() as f64 / 1000.0));
    object["descriptors"] = json!(track.described.as_deref().and_then(Descriptors::from_row).map(|d| d.to_json()));
}

/// By what the list of a group is made.
pub fn of_group(number: usize, name: &str) -> String {
    format!("{}{number}: {name}", playlists::GROUP)
}

/// Writes a playlist and says so.
pub fn save<'t>(
    path: &Path,
    tracks: impl IntoIterator<Item = &'t ListedTrack>,
    by: &str,
    over_others: bool,
) -> anyhow::Result<()> {
    let absolute = std::path::absolute(path).with_context(|| display_path(path))?;
    let folder = setup::canonical(absolute.parent().unwrap_or(Path::new("/")))?;
    // The tracks are found from where the list really is.
    let real = std::fs::canonicalize(&absolute).ok();
    let folder = real.as_deref().and_then(Path::parent).unwrap_or(&folder);
    let tracks: Vec<&ListedTrack> = tracks.into_iter().collect();
    let (contents, left_out) = playlists::contents(tracks.iter().copied(), folder, by);
    for path in &left_out {
        tracing::warn!(
            "{}: left out of the list: a line break in a name cannot stand in a playlist",
            display_path(path)
        );
    }
    let number = tracks.len() - left_out.len();
    match playlists::save(path, &contents, over_others)? {
        Saved::Written => eprintln!("{number} tracks to {}", display_path(path)),
        Saved::Unchanged => eprintln!("{}: unchanged, {number} tracks", display_path(path)),
    }
    Ok(())
}
