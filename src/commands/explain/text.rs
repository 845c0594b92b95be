//! An explanation for a person: charts of the members and of the vote, and below them each step from the one to the
//! other.

use std::io::{Result, Write};
use std::path::Path;

use console::style;
use reclassd::descriptors::{Absent, Descriptors, Mood, Tempo};
use reclassd::genre::{KindsPolicy, Ranking, Tally};
use reclassd::pipeline::{Analysis, Explanation, Sound, Step};

use super::super::bars::chart;
use super::super::output::display_from_here;

/// Kinds that are shown, and genres of a step.
const SHOWN: usize = 3;

pub(super) fn print(out: &mut impl Write, path: &Path, explanation: &Explanation, top: usize) -> Result<()> {
    let verdict = explanation.verdict.named_ranking();
    let analysis = &explanation.analysis;
    let rankings = analysis.opinions.iter().map(|opinion| &opinion.ranking).chain([&verdict]);
    let labels = rankings.flat_map(|ranking| ranking.iter().take(top));
    let width = labels.map(|(label, _)| console::measure_text_width(label)).max().unwrap_or(0);
    writeln!(out, "{}", style(display_from_here(path)).bold())?;
    let all: f32 = analysis.opinions.iter().map(|opinion| opinion.weight).sum();
    for opinion in &analysis.opinions {
        match opinion.weight {
            0.0 => writeln!(out, "\n  {} (no vote)", opinion.model)?,
            weight => writeln!(out, "\n  {} (weight {:.2})", opinion.model, weight / all)?,
        }
        write!(out, "{}", chart(&opinion.ranking, top, width))?;
    }
    let vote = match &analysis.album {
        Some(album) => format!("the vote of the album's {} tracks", album.tracks),
        None if explanation.verdict.is_no_music() => "the vote, were it music".to_owned(),
        None => "the vote".to_owned(),
    };
    writeln!(out, "\n  {}", style(vote).bold())?;
    write!(out, "{}", chart(&verdict, top, width))?;
    writeln!(out)?;
    for (i, step) in analysis.steps.iter().enumerate().filter(|_| analysis.steps.len() + analysis.not_asked.len() > 1) {
        writeln!(out, "  stage {}      {}", i + 1, stage(step, i + 1 == analysis.steps.len()))?;
    }
    if !analysis.not_asked.is_empty() {
        writeln!(out, "  not asked    {}", analysis.not_asked.join(", "))?;
    }
    steps(out, analysis)?;
    if let Some(sound) = &analysis.sound {
        writeln!(out, "  the sound    {}", heard(sound, analysis.not_music.is_some()))?;
    }
    if let Some(descriptors) = &analysis.descriptors {
        described(out, descriptors)?;
    }
    if explanation.verdict.is_no_music() {
        writeln!(out, "  genre        none: it is no music")?;
    } else {
        let best = explanation.verdict.best().map_or("nothing", |genre| genre.as_str());
        writeln!(out, "  confidence   {:.2} that it is {best}", explanation.verdict.confidence)?;
    }
    match &explanation.tags {
        Ok(state) if state.genres.is_empty() => writeln!(out, "  in the file  no genre")?,
        Ok(state) => writeln!(out, "  in the file  {}", state.genres.join(", "))?,
        Err(_) => {}
    }
    writeln!(out, "  a scan       {}", explanation.decision)
}

/// What the sound is like, a line each; what cannot be said with its reason.
fn described(out: &mut impl Write, descriptors: &Descriptors) -> Result<()> {
    let tempo = descriptors.tempo.map(|tempo| {
        let Tempo { bpm, confidence, rival, rival_share } = tempo;
        format!("{bpm:.2} BPM ({confidence:.2}; or {rival:.2}, {rival_share:.2})")
    });
    let key = descriptors.key.map(|key| {
        let (camelot, open_key) = (key.camelot(), key.open_key());
        format!("{key} ({:.2}), Camelot {camelot}, Open Key {open_key}", key.confidence)
    });
    let mood = descriptors.mood.map(|mood| {
        let Mood { quadrant, confidence, valence, arousal } = mood;
        format!("{quadrant} ({confidence:.2}), valence {valence:.2}, arousal {arousal:.2}")
    });
    let plain = |value: std::result::Result<f64, Absent>, unit: &str| value.map(|value| format!("{value:.2}{unit}"));
    for (name, said) in [
        ("tempo", tempo),
        ("beat", plain(descriptors.beat_strength, "")),
        ("key", key),
        ("loudness", plain(descriptors.loudness, " LUFS, of what was listened to")),
        ("energy", plain(descriptors.energy, "")),
        ("dance", plain(descriptors.danceability, "")),
        ("mood", mood),
    ] {
        match said {
            Ok(said) => writeln!(out, "  {name:<11}  {said}")?,
            Err(reason) => writeln!(out, "  {name:<11}  not said: {reason}")?,
        }
    }
    Ok(())
}

/// From the mean of the members to the confidence, each step with its number.
fn steps(out: &mut impl Write, analysis: &Analysis) -> Result<()> {
    let tally = &analysis.tally;
    let alone = if analysis.album.is_some() { "the track alone: " } else { "" };
    writeln!(out, "  mean         {alone}{}", first(&tally.mean))?;
    if tally.rules.temperature != 1.0 {
        writeln!(out, "  temperature  {:.2}: {}", tally.rules.temperature, first(&tally.tempered))?;
    }
    if let (Some(signs), Some(calibration)) = (&tally.signs, &tally.rules.calibration) {
        let parts = calibration.parts(signs).into_iter().filter(|(_, part)| part.abs() >= 0.005);
        let parts: String = parts.map(|(sign, part)| format!(", {sign} {part:+.2}")).collect();
        writeln!(out, "  calibration  {} (log-odds {:+.2}{parts})", first(&tally.calibrated), calibration.bias)?;
    }
    if let Some(music) = tally.music {
        writeln!(out, "  if music     {:.1} % that it is: {}", music * 100.0, first(&tally.families))?;
    }
    let Some((family, _)) = tally.families.first() else { return Ok(()) };
    if !tally.kinds.is_empty() {
        writeln!(out, "  kinds        of {family}: {}", kinds(tally))?;
    }
    Ok(())
}

fn first(ranking: &Ranking) -> String {
    let shares = ranking.iter().take(SHOWN).map(|(genre, share)| format!("{genre} {:.1} %", share * 100.0));
    shares.collect::<Vec<_>>().join(", ")
}

/// What the kinds have of the family, how likely each is, and which is named.
fn kinds(tally: &Tally) -> String {
    let mut kinds: Vec<_> = tally.kinds.iter().collect();
    kinds.sort_by(|a, b| b.likely.total_cmp(&a.likely));
    let said = kinds.iter().take(SHOWN);
    let said = said.map(|k| format!("{} {:.0} % said, {:.0} % likely", k.kind, k.share * 100.0, k.likely * 100.0));
    let said = said.collect::<Vec<_>>().join("; ");
    let is_named = tally.ranking.first().map(|(genre, _)| genre) != tally.families.first().map(|(genre, _)| genre);
    match tally.rules.kinds.policy {
        KindsPolicy::WhenSure if !is_named => format!("{said}; none reaches {:.2}", tally.rules.kinds.tell),
        _ => said,
    }
}

fn heard(sound: &Sound, is_no_music: bool) -> String {
    let kinds = sound.kinds.iter().map(|(kind, share)| format!("{kind} {:.0} %", share * 100.0));
    let kinds = kinds.collect::<Vec<_>>().join(", ");
    let from = sound.music_below * 100.0;
    if is_no_music {
        format!("{kinds}: not music, which it would be from {from:.0} %")
    } else {
        format!("{kinds} (music from {from:.0} %)")
    }
}

/// Who voted in a stage, and why it was enough or not.
fn stage(step: &Step, was_last: bool) -> String {
    let best = step.best.as_ref().map_or("nothing", |genre| genre.as_str());
    let said = format!("{}: {best} {:.2}", step.voters.join(" + "), step.confidence);
    match step.stop {
        Some(stop) if step.confidence >= stop => format!("{said}, sure enough (from {stop:.2}): stopped here"),
        Some(_) if was_last => format!("{said}, and no music: stopped here"),
        Some(stop) => format!("{said}, below {stop:.2}: went on"),
        None => format!("{said}, the last stage"),
    }
}
