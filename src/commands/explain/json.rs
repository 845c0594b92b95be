//! An explanation as one JSON object: the same steps as for a person.

use std::path::Path;

use reclassd::descriptors::Descriptors;
use reclassd::genre::Ranking;
use reclassd::pipeline::{Explanation, Sound, Step};
use serde_json::{Map, Value, json};

use super::super::output::{JsonPath, ranking_json, round};

pub(super) fn object(path: &Path, explanation: &Explanation, top: usize) -> Value {
    let Explanation { analysis, verdict, tags, decision } = explanation;
    let tally = &analysis.tally;
    let shares = |ranking: &Ranking| {
        let named: Vec<(String, f32)> = ranking.iter().map(|(genre, share)| (genre.to_string(), *share)).collect();
        ranking_json(&named, top)
    };
    let members = analysis.opinions.iter().map(|opinion| {
        json!({"model": opinion.model, "weight": round(opinion.weight), "top": ranking_json(&opinion.ranking, top)})
    });
    let calibration = tally.signs.as_ref().zip(tally.rules.calibration.as_ref()).map(|(signs, calibration)| {
        let parts =
            calibration.parts(signs).into_iter().map(|(sign, part)| (sign.to_owned(), json!(round(part as f32))));
        let parts: Map<String, Value> = parts.collect();
        json!({"bias": calibration.bias, "log_odds": parts, "confidence": round(calibration.confidence(signs) as f32)})
    });
    let kinds = tally.kinds.iter().map(|kind| {
        json!({
            "genre": kind.kind.as_str(), "of": kind.of.as_str(), "share": round(kind.share as f32), "likely": round(kind.likely as f32)
        })
    });
    let mut object = json!(JsonPath::from(path));
    let rest = json!({
        "members": members.collect::<Vec<_>>(),
        "stages": analysis.steps.iter().map(stage).collect::<Vec<_>>(),
        "not_asked": analysis.not_asked,
        "mean": shares(&tally.mean),
        "temperature": round(tally.rules.temperature),
        "tempered": shares(&tally.tempered),
        "calibration": calibration,
        "calibrated": shares(&tally.calibrated),
        "music": tally.music.map(round),
        "families": shares(&tally.families),
        "kinds": kinds.collect::<Vec<_>>(),
        "kinds_from": round(tally.rules.kinds.tell),
        "sound": analysis.sound.as_ref().map(|sound| heard(sound, analysis.not_music.is_none())),
        "descriptors": analysis.descriptors.as_ref().map(Descriptors::to_json),
        "album_tracks": analysis.album.as_ref().map(|album| album.tracks),
        "top": ranking_json(&verdict.named_ranking(), top),
        "genre": verdict.best().map(|genre| genre.as_str()),
        "confidence": (!verdict.is_no_music()).then(|| round(verdict.confidence)),
        "in_the_file": tags.as_ref().ok().map(|state| &state.genres),
        "decision": decision,
    });
    if let (Value::Object(object), Value::Object(rest)) = (&mut object, rest) {
        object.extend(rest);
    }
    object
}

fn stage(step: &Step) -> Value {
    json!({
        "voters": step.voters, "genre": step.best.as_ref().map(|genre| genre.as_str()), "confidence": round(step.confidence),
        "stop": step.stop.map(round)
    })
}

fn heard(sound: &Sound, is_music: bool) -> Value {
    let kinds: Map<String, Value> =
        sound.kinds.iter().map(|(kind, share)| (kind.clone(), json!(round(*share)))).collect();
    json!({"model": sound.model, "kinds": kinds, "music_from": round(sound.music_below), "is_music": is_music})
}
