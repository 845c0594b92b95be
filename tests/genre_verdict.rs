//! From scores of the models that are compiled in to a verdict: the whole way that a file's genre takes.
#![allow(clippy::unwrap_used)] // a test may panic

use reclassd::genre::{Ballot, Doubt, Rules, Taxonomy, Verdict, vote};
use reclassd::inference::{Ensemble, Scores};

fn judge(ensemble: &Ensemble, scores: &[Scores]) -> Verdict {
    let taxonomy = Taxonomy::builtin().unwrap();
    let ballots: Vec<Ballot> = ensemble
        .members
        .iter()
        .zip(scores)
        .map(|(member, scores)| {
            let genres = taxonomy.canonical_all(&member.model.manifest().labels).unwrap();
            Ballot::new(&genres, &[&scores.probabilities], member.weight).unwrap()
        })
        .collect();
    let rules = Rules { temperature: ensemble.temperature, ..Rules::plain(ensemble.tell) };
    Verdict::new(vote(&ballots, &taxonomy, &rules).ranking, ensemble.threshold)
}

fn scores_of(ensemble: &Ensemble, genre: &str, p: f32) -> Vec<Scores> {
    let one = |labels: &[String]| {
        let rest = (1.0 - p) / (labels.len() - 1) as f32;
        let probabilities = labels.iter().map(|l| if l == genre { p } else { rest }).collect();
        Scores { probabilities, embedding: None }
    };
    ensemble.members.iter().map(|m| one(&m.model.manifest().labels)).collect()
}

#[test]
fn models_that_agree_are_believed_and_models_that_guess_are_not() {
    let ensemble = Ensemble::builtin().unwrap();
    let sure = judge(&ensemble, &scores_of(&ensemble, "Classical", 0.97));
    assert_eq!(sure.genre().unwrap().as_str(), "Classical");
    assert!((0.9..=1.0).contains(&sure.confidence), "{}", sure.confidence);

    let guess = judge(&ensemble, &scores_of(&ensemble, "Classical", 0.2));
    assert_eq!(guess.best().unwrap().as_str(), "Classical");
    assert!(matches!(guess.doubt, Some(Doubt::LowConfidence { .. })), "{:?}", guess.doubt);
    let sum: f32 = guess.ranking.iter().map(|(_, p)| p).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
}

#[test]
fn the_ensemble_has_a_name_for_the_tag() {
    let ensemble = Ensemble::builtin().unwrap();
    assert_eq!(ensemble.id(), format!("{} {}", ensemble.name, ensemble.version));
    assert!(ensemble.id().starts_with("reclassd-builtin "));
}
