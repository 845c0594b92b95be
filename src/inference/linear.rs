//! A linear classifier as an ONNX graph: what was learned from a library becomes a model like any other. It only writes
//! the graph; what its numbers are is for whoever learned them.

use super::onnx::Graph;

/// A softmax regression on a row of numbers. The first `plain` of them are taken as they are, the rest are
/// probabilities, of which the logarithm is taken; then each is brought to mean 0 and a common scale, kept within
/// bounds, and weighed.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// How many of the row are taken as they are.
    pub plain: usize,
    /// What is added to a probability before its logarithm is taken.
    pub floor: f32,
    /// What is taken off, a number of the row each.
    pub mean: Vec<f32>,
    /// What the rest is multiplied by, a number of the row each.
    pub scale: Vec<f32>,
    /// No scaled number is further from 0, a number of the row each.
    pub bound: Vec<f32>,
    /// Row-major: a row for each number, a column for each label.
    pub weights: Vec<f32>,
    /// A number for each label.
    pub bias: Vec<f32>,
}

impl Linear {
    /// The graph: input `row` (N, numbers), output `logits` (N, labels). None where the sizes do not fit each other.
    pub fn graph(&self) -> Option<Vec<u8>> {
        let (numbers, labels) = (self.mean.len(), self.bias.len());
        let fits = self.plain <= numbers
            && self.scale.len() == numbers
            && self.bound.len() == numbers
            && self.weights.len() == numbers * labels
            && numbers > 0;
        if !fits {
            return None;
        }
        let mut graph = Graph::default();
        graph.input("row", &[numbers]);
        let mut row = "row";
        if self.plain < numbers {
            for (name, value) in [("zero", 0), ("axis", 1), ("plain_end", self.plain as i64), ("end", numbers as i64)] {
                graph.integers(name, &[value]);
            }
            graph.constant("floor", &[1], &[self.floor]);
            graph.node("Slice", &["row", "plain_end", "end", "axis"], "probabilities", &[]);
            graph.node("Add", &["probabilities", "floor"], "floored", &[]);
            graph.node("Log", &["floored"], "logs", &[]);
            row = "logs";
            if self.plain > 0 {
                graph.node("Slice", &["row", "zero", "plain_end", "axis"], "plain", &[]);
                graph.node("Concat", &["plain", "logs"], "joined", &[("axis", super::onnx::Attribute::Int(1))]);
                row = "joined";
            }
        }
        let negative: Vec<f32> = self.bound.iter().map(|bound| -bound).collect();
        let mean: Vec<f32> = self.mean.iter().map(|mean| -mean).collect();
        graph.constant("less_mean", &[numbers], &mean);
        graph.constant("scale", &[numbers], &self.scale);
        graph.constant("bound", &[numbers], &self.bound);
        graph.constant("negative_bound", &[numbers], &negative);
        graph.constant("weights", &[numbers, labels], &self.weights);
        graph.constant("bias", &[labels], &self.bias);
        graph.node("Add", &[row, "less_mean"], "centred", &[]);
        graph.node("Mul", &["centred", "scale"], "scaled", &[]);
        graph.node("Min", &["scaled", "bound"], "below", &[]);
        graph.node("Max", &["below", "negative_bound"], "bounded", &[]);
        graph.node("MatMul", &["bounded", "weights"], "weighed", &[]);
        graph.node("Add", &["weighed", "bias"], "logits", &[]);
        graph.output("logits", &[labels]);
        Some(graph.finish("learned"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::inference::engine::TractGraph as Engine;

    #[test]
    fn the_engine_computes_what_was_learned() {
        let linear = Linear {
            plain: 2,
            floor: 0.5,
            mean: vec![1.0, -1.0, 0.0],
            scale: vec![2.0, 1.0, 1.0],
            bound: vec![3.0; 3],
            weights: vec![1.0, 0.0, 0.0, 1.0, 10.0, -10.0],
            bias: vec![0.25, 0.5],
        };
        let engine = Engine::load(&linear.graph().unwrap(), &[1, 3], &["logits"]).unwrap();
        let said = engine.run(&[100.0, -3.0, 0.5]).unwrap();
        assert_eq!(said, [[3.25, -1.5]], "the first is kept within 3, and the logarithm of 1 is 0");
        let odd = Linear { plain: 4, ..linear.clone() };
        assert!(odd.graph().is_none());
        let logs = Linear { plain: 0, ..linear.clone() }.graph().unwrap();
        Engine::load(&logs, &[1, 3], &["logits"]).unwrap().run(&[0.1, 0.2, 0.7]).unwrap();
        let plain = Linear { plain: 3, ..linear }.graph().unwrap();
        Engine::load(&plain, &[1, 3], &["logits"]).unwrap();
    }
}
