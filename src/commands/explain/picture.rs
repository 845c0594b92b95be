//! `explain --png`: the track as it was heard, as a picture. What is drawn is `pictures`'; here it is fetched: the
//! sound, and what the built-in models say of stretches of the whole track.

use std::path::Path;

use anyhow::Context;
use reclassd::audio::{self, AnalysisWindow};
use reclassd::config::Config;
use reclassd::features::Extractor;
use reclassd::genre::Taxonomy;
use reclassd::inference::Ensemble;
use reclassd::pictures::{Scores, TrackPicture, track};
use reclassd::pipeline::{Explanation, ask_model};

use super::super::output::{display_path, write_whole};

/// Stretches of a track at the most, and the seconds of each.
const STRETCHES: u32 = 16;
const SECONDS: f64 = 10.0;
/// Genres that are drawn.
const GENRES: usize = 6;

pub(super) fn save(png: &Path, path: &Path, explanation: &Explanation, config: &Config) -> anyhow::Result<()> {
    let window = AnalysisWindow { seconds: config.analysis.window_seconds, count: 1 };
    let recording = audio::decode(path, &window)?;
    let clip = recording.clips.first().with_context(|| format!("{}: holds no sound", display_path(path)))?;
    let duration = recording.duration.as_secs_f64().max(clip.duration().as_secs_f64());
    let scores = scores(path, duration)?;
    let descriptors = explanation.analysis.descriptors.as_ref();
    let genre = match explanation.verdict.best() {
        Some(best) if !explanation.verdict.is_no_music() => {
            format!("{best}, confidence {:.2}", explanation.verdict.confidence)
        }
        _ => "no music".to_owned(),
    };
    let mood = descriptors.and_then(|descriptors| descriptors.mood.ok());
    let mood = mood.map_or_else(String::new, |mood| format!("; {} ({:.2})", mood.quadrant, mood.confidence));
    let title = path.file_name().map(|name| display_path(Path::new(name))).unwrap_or_default();
    let picture = track(&TrackPicture {
        title: &title,
        subtitle: &format!("{genre}{mood}"),
        clip,
        start: ((duration - clip.duration().as_secs_f64()) / 2.0).max(0.0),
        duration,
        descriptors,
        scores: &scores,
    });
    write_whole(png, &picture.with_context(|| display_path(path))?)?;
    eprintln!("a picture to {}", display_path(png));
    Ok(())
}

/// What the built-in models say of stretches of the track: the mean by their weights, of those that hear sound by
/// themselves.
fn scores(path: &Path, duration: f64) -> anyhow::Result<Scores> {
    let recording = audio::decode(path, &AnalysisWindow { seconds: SECONDS, count: STRETCHES })?;
    let taxonomy = Taxonomy::builtin()?;
    let mut extractor = Extractor::new();
    let mut scores = Scores::default();
    let mut rows: Vec<Vec<(String, f32)>> = Vec::new();
    let ensemble = Ensemble::builtin()?;
    let number = recording.clips.len();
    for (nth, clip) in recording.clips.iter().enumerate() {
        let mut shares: Vec<(String, f32)> = Vec::new();
        let mut weights = 0.0;
        for member in ensemble.members.iter().filter(|member| member.weight > 0.0) {
            // Too short a rest of the track, or a model that is fed with what others say.
            let Ok(said) = ask_model(&member.model, clip, &mut extractor) else { continue };
            weights += member.weight;
            for (label, share) in member.model.manifest().labels.iter().zip(said.probabilities) {
                let genre = taxonomy.canonical(label).map_or_else(|| label.clone(), |genre| genre.to_string());
                match shares.iter_mut().find(|(known, _)| *known == genre) {
                    Some((_, sum)) => *sum += member.weight * share,
                    None => shares.push((genre, member.weight * share)),
                }
            }
        }
        if weights > 0.0 {
            shares.iter_mut().for_each(|(_, share)| *share /= weights);
            let (length, middle) = (clip.duration().as_secs_f64(), duration * (nth as f64 + 0.5) / number as f64);
            scores.windows.push((middle - length / 2.0, middle + length / 2.0));
            rows.push(shares);
        }
    }
    let mut genres: Vec<String> = rows.iter().flatten().map(|(genre, _)| genre.clone()).collect();
    genres.sort();
    genres.dedup();
    let share_in = |row: &[(String, f32)], genre: &str| {
        row.iter().find(|(known, _)| known == genre).map_or(0.0, |(_, share)| *share)
    };
    let along = |genre: String| {
        let shares: Vec<f32> = rows.iter().map(|row| share_in(row, &genre)).collect();
        (genre, shares)
    };
    let mut genres: Vec<(String, Vec<f32>)> = genres.into_iter().map(along).collect();
    genres.sort_by(|a, b| b.1.iter().sum::<f32>().total_cmp(&a.1.iter().sum()));
    genres.truncate(GENRES);
    Ok(Scores { genres, ..scores })
}
