//! Labels that are likely wrong: confident learning (Northcutt, Jiang and Chuang 2021). A genre in a tag is suspect
//! where a model that had not heard the artist finds another genre as likely as tracks of that one usually are to it,
//! and this one less likely than usual.

use std::path::PathBuf;

use ndarray::Array2;
use serde::Serialize;

use super::examples::{Examples, Source};

/// How much a suspect track counts, of one.
pub(super) const COUNT: f32 = 0.2;

/// What is likelier than this needs no comparison with other tracks.
const MORE_LIKELY_THAN_NOT: f32 = 0.5;

/// A track whose own tag is likely wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suspect {
    /// The file.
    pub path: PathBuf,
    /// What its tags say.
    pub tagged: Vec<String>,
    /// What it sounds like instead.
    pub sounds_like: String,
    /// How likely that is to the model, 0 to 1.
    pub probability: f32,
}

/// The suspects with their places among the examples, the likeliest first. What the owner chose is no suspect.
pub(super) fn find(examples: &Examples, said: &Array2<f32>) -> Vec<(usize, Suspect)> {
    let classes = examples.classes.len();
    let usual: Vec<f32> = (0..classes)
        .map(|class| {
            let of_it = (0..examples.list.len()).filter(|&i| examples.targets[i].contains(&(class as u16)));
            let (sum, n) = of_it.fold((0.0, 0.0), |(sum, n), i| (sum + said[[i, class]], n + 1.0));
            if n > 0.0 { sum / n } else { 1.0 }
        })
        .collect();
    let mut suspects = Vec::new();
    for (i, example) in examples.list.iter().enumerate().filter(|(_, example)| example.source == Source::Tags) {
        let own: Vec<usize> =
            examples.targets[i].iter().map(|&label| usize::from(label)).filter(|&l| l < classes).collect();
        let is_unlikely = !own.is_empty() && own.iter().all(|&class| said[[i, class]] < usual[class]);
        let others = (0..classes).filter(|class| !own.contains(class));
        let likeliest = others.max_by(|&a, &b| said[[i, a]].total_cmp(&said[[i, b]]));
        let Some(other) =
            likeliest.filter(|&other| is_unlikely && said[[i, other]] >= usual[other].min(MORE_LIKELY_THAN_NOT))
        else {
            continue;
        };
        suspects.push((
            i,
            Suspect {
                path: example.path.clone(),
                tagged: own.iter().map(|&class| examples.classes[class].name.clone()).collect(),
                sounds_like: examples.classes[other].name.clone(),
                probability: said[[i, other]],
            },
        ));
    }
    suspects.sort_by(|a, b| b.1.probability.total_cmp(&a.1.probability).then_with(|| a.1.path.cmp(&b.1.path)));
    suspects
}
