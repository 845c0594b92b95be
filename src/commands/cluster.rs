//! `reclassd cluster`: the library in groups of tracks that sound alike, as a list, a table, playlists. How they are
//! found is the library's (`clusters`); here are arguments and how the answer is shown and kept.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use reclassd::clusters::{Clusters, Trait, clusters};
use reclassd::descriptors::Descriptors;
use reclassd::likeness::Atlas;
use reclassd::pipeline::{Action, ByHand, HandError};
use reclassd::playlists::is_group_list;
use reclassd::store::{ListedTrack, Store};
use reclassd::tagging::TagField;
use serde_json::{Value, json};

use super::by_hand::{self, Tally};
use super::interrupt::cancel_on_signal;
use super::output::{JsonPath, display_from_here, display_path, unfinished};
use super::setup::Common;
use super::{Outcome, fold, global_options, lists};

/// Tracks that stand for a group.
const CENTRAL: usize = 3;

#[derive(Args)]
pub struct Arguments {
    /// So many groups [default: as many as are set apart well, 2 to 24]
    #[arg(short = 'k', long = "groups", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    groups: Option<u16>,
    /// Write a row a track into this table: group, name, distance from its middle, path and what is known of the track
    #[arg(long, value_name = "OUT")]
    csv: Option<PathBuf>,
    /// Write each group as a playlist into this folder, the most typical tracks first; lists of groups from before go
    #[arg(long, value_name = "DIR")]
    m3u8: Option<PathBuf>,
    /// Write the name of its group into each file, as RECLASSD_CLUSTER, and nothing else; `reclassd undo` takes it back
    #[arg(long)]
    write_tags: bool,
    /// Write no tag; say into how many files it would be written
    #[arg(short = 'n', long, requires = "write_tags")]
    dry_run: bool,
    /// Print one JSON object a group
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// What is asked for every group.
struct Grouped<'a> {
    store: &'a Store,
    atlas: &'a Atlas,
    found: &'a Clusters,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let config = arguments.common.load()?;
    let store = arguments.common.open_reading_store(&config)?;
    let atlas = Atlas::open(&store, &config)?;
    let found = clusters(&atlas, arguments.groups.map(usize::from))?;
    let hand = ByHand::new(&config, store, arguments.dry_run)?;
    let grouped = Grouped { store: hand.store(), atlas: &atlas, found: &found };
    if arguments.json {
        grouped.print_json()?
    } else {
        grouped.print()?
    }
    if let Some(path) = &arguments.csv {
        grouped.table(path)?;
    }
    if let Some(folder) = &arguments.m3u8 {
        grouped.lists(folder)?;
    }
    if arguments.write_tags { grouped.write_tags(&hand, arguments.json) } else { Ok(Outcome::Done) }
}

impl Grouped<'_> {
    fn central(&self, group: usize) -> anyhow::Result<Vec<ListedTrack>> {
        Ok(self.found.central(self.store, self.atlas, group, CENTRAL)?)
    }

    fn print(&self) -> anyhow::Result<()> {
        let mut out = fold::stdout();
        let (number, all) = (self.found.clusters.len(), self.atlas.len());
        let chosen = self.found.silhouettes.iter().find(|(k, _)| *k == number);
        let chosen =
            chosen.map_or_else(String::new, |(_, mean)| format!(", as many as are set apart well ({mean:.2})"));
        writeln!(out, "{number} groups of {all} recordings{chosen}")?;
        for (group, cluster) in self.found.clusters.iter().enumerate() {
            let share = 100.0 * cluster.recordings as f64 / all.max(1) as f64;
            writeln!(out, "\n{:>3}  {}  ({}, {share:.0} %)", group + 1, cluster.name, cluster.recordings)?;
            for (what, traits) in [("genres", &cluster.genres), ("moods", &cluster.moods)] {
                if !traits.is_empty() {
                    writeln!(out, "     {what:<9}  {}", traits.iter().map(said).collect::<Vec<_>>().join(", "))?;
                }
            }
            for (nth, track) in self.central(group)?.iter().enumerate() {
                let what = if nth == 0 { "typical" } else { "" };
                writeln!(out, "     {what:<9}  {}", display_from_here(&track.path))?;
            }
        }
        Ok(out.flush()?)
    }

    fn print_json(&self) -> anyhow::Result<()> {
        let mut out = BufWriter::new(std::io::stdout().lock());
        for (group, cluster) in self.found.clusters.iter().enumerate() {
            let traits = |traits: &[Trait], what: &str| -> Vec<Value> {
                let object = |of: &Trait| json!({what: of.name, "share": rounded(of.share), "lift": rounded(of.lift)});
                traits.iter().map(object).collect()
            };
            let central = self.central(group)?;
            let central = central.iter().map(|track| {
                let mut object = json!(JsonPath::from(track.path.as_path()));
                lists::describe(&mut object, track);
                object
            });
            let object = json!({
                "group": group + 1,
                "name": cluster.name,
                "recordings": cluster.recordings,
                "genres": traits(&cluster.genres, "genre"),
                "moods": traits(&cluster.moods, "mood"),
                "typical": central.collect::<Vec<_>>(),
            });
            writeln!(out, "{object}")?;
        }
        let silhouettes = self.found.silhouettes.iter();
        let silhouettes = silhouettes.map(|(k, mean)| json!({"groups": k, "silhouette": rounded(*mean)}));
        let summary = json!({
            "groups": self.found.clusters.len(),
            "recordings": self.atlas.len(),
            "explained": rounded(self.found.explained),
            "silhouettes": silhouettes.collect::<Vec<_>>(),
        });
        writeln!(out, "{}", json!({ "summary": summary }))?;
        Ok(out.flush()?)
    }

    fn table(&self, path: &Path) -> anyhow::Result<()> {
        let unfinished = unfinished(path);
        let shown = || display_path(&unfinished);
        let mut rows = 0;
        let mut writer = csv::Writer::from_path(&unfinished).with_context(shown)?;
        let head = ["group", "name", "distance", "path", "genre", "artist", "title", "album", "bpm", "key", "mood"];
        writer.write_record(head).with_context(shown)?;
        let mut failed = None;
        for (group, cluster) in self.found.clusters.iter().enumerate() {
            let number = (group + 1).to_string();
            self.found.tracks(self.store, self.atlas, group, |track, distance| {
                rows += 1;
                let record = record(&number, &cluster.name, distance, &track);
                failed = writer.write_record(&record).err();
                failed.is_none()
            })?;
            if let Some(error) = failed.take() {
                return Err(error).with_context(shown);
            }
        }
        writer.into_inner().map_err(|error| error.into_error()).with_context(shown)?;
        std::fs::rename(&unfinished, path).with_context(|| display_path(path))?;
        eprintln!("{rows} tracks to {}", display_path(path));
        Ok(())
    }

    /// Writes the name of its group into every file.
    fn write_tags(&self, hand: &ByHand, json: bool) -> anyhow::Result<Outcome> {
        let cancel = cancel_on_signal()?;
        hand.recover()?;
        let (mut tally, mut broken) = (Tally::default(), None);
        for (group, cluster) in self.found.clusters.iter().enumerate() {
            let fields = [(TagField::OwnCluster, vec![cluster.name.clone()])];
            self.found.tracks(self.store, self.atlas, group, |track, _| {
                match hand.describe(&track.path, &fields) {
                    Ok(Action::Written | Action::WouldWrite) => tally.done += 1,
                    Ok(_) => tally.unchanged += 1,
                    // The database concerns every file.
                    Err(HandError::Store(error)) => broken = Some(error),
                    Err(error) => {
                        tally.failed += 1;
                        eprintln!("reclassd: {}: {}", display_from_here(&track.path), by_hand::reason(&error));
                    }
                }
                broken.is_none() && !cancel.is_requested()
            })?;
            if let Some(error) = broken.take() {
                return Err(error.into());
            }
        }
        tally.interrupted = cancel.is_requested();
        if !json && !global_options::quiet() {
            writeln!(std::io::stdout().lock(), "\n{}", tally.sentence("marked", "would be marked", hand.is_dry_run()))?;
        }
        Ok(tally.outcome())
    }

    fn lists(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder).with_context(|| display_path(folder))?;
        let mut written = Vec::new();
        for (group, cluster) in self.found.clusters.iter().enumerate() {
            let name = format!("{:02} {}.m3u8", group + 1, cluster.name.replace('/', "-"));
            let mut tracks = Vec::new();
            self.found.tracks(self.store, self.atlas, group, |track, _| {
                // The list says no more of a track; a library's descriptors would take ten times the room.
                tracks.push(ListedTrack { described: None, ..track });
                true
            })?;
            lists::save(&folder.join(&name), &tracks, &lists::of_group(group + 1, &cluster.name), false)?;
            written.push(name);
        }
        for entry in std::fs::read_dir(folder).with_context(|| display_path(folder))? {
            let path = entry?.path();
            let is_written = path.file_name().is_some_and(|name| written.iter().any(|known| name == known.as_str()));
            if !is_written && is_group_list(&path) {
                std::fs::remove_file(&path).with_context(|| display_path(&path))?;
            }
        }
        Ok(())
    }
}

fn said(of: &Trait) -> String {
    format!("{} {:.0} % (x{:.1})", of.name, of.share * 100.0, of.lift)
}

fn rounded(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

fn record(group: &str, name: &str, distance: f32, track: &ListedTrack) -> [String; 11] {
    let described = track.described.as_deref().and_then(Descriptors::from_row);
    let tempo = described.as_ref().and_then(|d| d.tempo.ok()).map(|tempo| format!("{:.2}", tempo.bpm));
    let key = described.as_ref().and_then(|d| d.key.ok()).map(|key| key.to_string());
    let mood = described.as_ref().and_then(|d| d.mood.ok()).map(|mood| mood.quadrant.to_string());
    let credits = &track.credits;
    [
        group.to_owned(),
        name.to_owned(),
        format!("{distance:.4}"),
        track.path.to_string_lossy().into_owned(),
        track.genre.clone().unwrap_or_default(),
        credits.artist.clone().unwrap_or_default(),
        credits.title.clone().unwrap_or_default(),
        credits.album.clone().unwrap_or_default(),
        tempo.unwrap_or_default(),
        key.unwrap_or_default(),
        mood.unwrap_or_default(),
    ]
}
