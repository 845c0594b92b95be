//! What was said before anything was learned: the voters' own word for each genre, as log-odds that are a linear function of a row, so that
//! they can go into the weights of what is learned. Learning then starts from the vote and not from nothing.

use std::collections::BTreeMap;

use ndarray::Array2;

use super::examples::Examples;
use super::scaling::Scaling;
use super::softmax::Softmax;
use crate::genre::Genre;
use crate::inference::{Part, PartOutput, SaidPart};
use crate::pipeline::StoredAnswers;

/// The voters' word, as a linear function of scaled rows.
pub(super) struct Prior {
    /// A row for each number of a row, a column for each label.
    pub(super) weights: Array2<f32>,
    /// A number for each label.
    pub(super) bias: Vec<f32>,
}

impl Prior {
    /// The weighted mean of the logarithms of what the voters say who have a word for a genre. What nobody has a word for is given what the
    /// others have on average: nothing is known of it.
    pub(super) fn new(examples: &Examples, scaling: &Scaling, stored: &StoredAnswers) -> Self {
        let (width, labels) = (examples.rows.ncols(), examples.labels());
        let mut weights = Array2::zeros((width, labels));
        let mut bias = vec![0.0_f32; labels];
        let starts = starts(&examples.parts);
        let mut weight_of = vec![0.0_f32; labels];
        for (name, genres, weight) in stored.speakers() {
            let Some(&start) = starts.get(name) else { continue };
            for (label, class) in examples.classes.iter().enumerate() {
                let word = |genre: &Genre| *genre == class.genre && !class.is_detached && class.parent.is_none();
                let Some(at) = genres.iter().position(word).map(|at| start + at) else { continue };
                // log p = scaled / scale + mean
                if scaling.scale[at] > 0.0 {
                    weights[[at, label]] += weight / scaling.scale[at];
                }
                bias[label] += weight * scaling.mean[at];
                weight_of[label] += weight;
            }
        }
        for label in (0..labels).filter(|&label| weight_of[label] > 0.0) {
            weights.column_mut(label).mapv_inplace(|w| w / weight_of[label]);
            bias[label] /= weight_of[label];
        }
        let said: Vec<f32> = (0..labels).filter(|&label| weight_of[label] > 0.0).map(|label| bias[label]).collect();
        let average = said.iter().sum::<f32>() / said.len().max(1) as f32;
        (0..labels).filter(|&label| weight_of[label] <= 0.0).for_each(|label| bias[label] = average);
        Self { weights, bias }
    }

    /// What was said before of every row.
    pub(super) fn of(&self, rows: &Array2<f32>) -> Array2<f32> {
        let mut said = rows.dot(&self.weights);
        said.rows_mut().into_iter().for_each(|mut row| row.iter_mut().zip(&self.bias).for_each(|(x, b)| *x += b));
        said
    }

    /// What was learned, with the voters' word in its weights.
    pub(super) fn with(&self, learned: &Softmax) -> Softmax {
        let Softmax { weights, bias, trust } = learned;
        let bias = bias.iter().zip(&self.bias).map(|(own, before)| own + trust * before).collect();
        Softmax { weights: weights + &(&self.weights * *trust), bias, trust: 0.0 }
    }
}

/// Where the scores of each model begin in a row.
fn starts(parts: &[Part]) -> BTreeMap<&str, usize> {
    let mut starts = BTreeMap::new();
    let mut at = 0;
    for part in parts {
        if let Part::Said(SaidPart { model, output: PartOutput::Scores, .. }) = part {
            starts.insert(model.as_str(), at);
        }
        at += part.size();
    }
    starts
}
