//! What is said in the end: a ranking of genres, how sure it is, and whether that is enough.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Genre, Ranking};

/// The program's word on one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Every genre that some model could say, the likeliest first; the probabilities sum to 1. Empty if nobody voted.
    pub ranking: Ranking,
    /// How likely the first genre is right, 0 to 1; 0 if nobody voted, and of what is no music.
    pub confidence: f32,
    /// Why the first genre should not be written; none when the verdict is sure.
    pub doubt: Option<Doubt>,
}

/// Why a verdict is unsure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// The confidence is below the threshold.
    LowConfidence {
        /// The confidence that was asked for.
        threshold: f32,
    },
    /// No model could be asked.
    NoVote,
    /// It is no music.
    NotMusic(NotMusic),
}

/// A sound that is no music.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NotMusic {
    /// What it is instead: `speech`, `noise`.
    pub sound: String,
    /// How likely it is music after all, 0 to 1.
    pub music: f32,
}

impl Verdict {
    /// Judges a ranking: sure when its first genre reaches `threshold`.
    pub fn new(ranking: Ranking, threshold: f32) -> Self {
        let confidence = ranking.first().map_or(0.0, |(_, p)| p.clamp(0.0, 1.0));
        let (confidence, doubt) = if ranking.is_empty() {
            (0.0, Some(Doubt::NoVote))
        } else if confidence >= threshold {
            (confidence, None)
        } else {
            (confidence, Some(Doubt::LowConfidence { threshold }))
        };
        Self { ranking, confidence, doubt }
    }

    /// The same of a sound that is no music: whatever the models call it, it has no genre.
    pub fn of_no_music(self, not_music: NotMusic) -> Self {
        Self { confidence: 0.0, doubt: Some(Doubt::NotMusic(not_music)), ..self }
    }

    /// Whether the first genre is worth writing.
    pub fn is_sure(&self) -> bool {
        self.doubt.is_none()
    }

    /// Whether it is a sound that has no genre.
    pub fn is_no_music(&self) -> bool {
        matches!(self.doubt, Some(Doubt::NotMusic(_)))
    }

    /// The likeliest genre, sure or not; none of what is no music.
    pub fn best(&self) -> Option<&Genre> {
        self.ranking.first().map(|(genre, _)| genre).filter(|_| !self.is_no_music())
    }

    /// The ranking with plain names, as it is stored and shown.
    pub fn named_ranking(&self) -> Vec<(String, f32)> {
        self.ranking.iter().map(|(genre, share)| (genre.to_string(), *share)).collect()
    }

    /// The genre to write: the likeliest one of a sure verdict.
    pub fn genre(&self) -> Option<&Genre> {
        self.best().filter(|_| self.is_sure())
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LowConfidence { threshold } => write!(f, "confidence below {threshold}"),
            Self::NoVote => f.write_str("no model could be asked"),
            Self::NotMusic(NotMusic { sound, .. }) => write!(f, "sounds like {sound}, not music"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn ranking(first: f32) -> Ranking {
        vec![(Genre::new("Jazz").unwrap(), first), (Genre::new("Blues").unwrap(), 1.0 - first)]
    }

    #[test]
    fn a_confidence_at_the_threshold_is_sure_and_just_below_is_not() {
        let sure = Verdict::new(ranking(0.7), 0.7);
        assert!(sure.is_sure());
        assert_eq!(sure.genre().unwrap().as_str(), "Jazz");
        let unsure = Verdict::new(ranking(0.699_999), 0.7);
        assert_eq!(unsure.doubt, Some(Doubt::LowConfidence { threshold: 0.7 }));
        assert_eq!((unsure.genre(), unsure.best().unwrap().as_str()), (None, "Jazz"));
    }

    #[test]
    fn nobody_voting_is_unsure_even_without_a_threshold() {
        let verdict = Verdict::new(vec![], 0.0);
        assert_eq!((verdict.confidence, verdict.doubt), (0.0, Some(Doubt::NoVote)));
    }

    #[test]
    fn what_is_no_music_is_unsure_however_sure_the_models_are_of_its_genre() {
        let verdict = Verdict::new(ranking(1.0), 0.0).of_no_music(NotMusic { sound: "speech".into(), music: 0.1 });
        assert!(!verdict.is_sure() && verdict.genre().is_none());
        assert_eq!((verdict.best(), verdict.confidence), (None, 0.0), "it has no genre, not one at a low confidence");
        assert_eq!(verdict.doubt.unwrap().to_string(), "sounds like speech, not music");
    }

    #[test]
    fn a_verdict_survives_the_store() {
        let verdict = Verdict::new(ranking(0.5), 0.7);
        let json = serde_json::to_string(&verdict).unwrap();
        assert!(json.contains(r#"["Jazz",0.5]"#), "{json}");
        assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), verdict);
    }
}
