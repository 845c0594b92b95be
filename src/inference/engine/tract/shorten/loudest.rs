//! Finds what [conv_max](super::super::conv_max) does in one: `Conv`, `Relu`, `BatchNormalization` and `ReduceMax` over
//! the bands, in a row, on the picture that the graph is given.

use tract_onnx::pb::{GraphProto, NodeProto};

use super::super::conv_max::{BEFORE, EPSILON, NAME};
use super::super::timbral::BANDS;
use super::{Found, Reader, attribute, float, int, is, tensor};

/// The node that stands for the four whose last one is at `max`, if there are such four. `shape` is that of the graph's
/// input.
pub(super) fn ending_with(reader: &Reader, max: usize, shape: &[usize]) -> Option<Found> {
    (shape.last() == Some(&BANDS)).then_some(())?;
    Four::ending_with(reader, max)?.as_one(reader.graph)
}

/// The places of the four nodes.
struct Four {
    conv: usize,
    relu: usize,
    norm: usize,
    max: usize,
}

impl Four {
    /// The four whose last one is the node at `max`, if nobody else reads what is between them.
    fn ending_with(reader: &Reader, max: usize) -> Option<Self> {
        is(&reader.graph.node[max], "ReduceMax").then_some(())?;
        let norm = reader.only(max, 0, "BatchNormalization")?;
        let relu = reader.only(norm, 0, "Relu")?;
        Some(Self { conv: reader.only(relu, 0, "Conv")?, relu, norm, max })
    }

    /// The node that stands for them, if they say nothing that it cannot.
    fn as_one(&self, graph: &GraphProto) -> Option<Found> {
        let [conv, norm, max] = [self.conv, self.norm, self.max].map(|place| &graph.node[place]);
        let [picture, kernel, bias] = conv.input.as_slice() else { return None };
        let constants = [kernel, bias].into_iter().chain(&norm.input[1..]);
        if norm.input.len() != 5 || constants.clone().any(|name| tensor(graph, name).is_none()) {
            return None;
        }
        let &[_, 1, height, width] = tensor(graph, kernel)?.dims.as_slice() else { return None };
        let plain = |name: &str| attribute(conv, name).is_none_or(|found| found.ints.iter().all(|&each| each == 1));
        let group = attribute(conv, "group").is_none_or(|group| group.i == 1);
        let auto_pad = attribute(conv, "auto_pad").is_none_or(|pad| pad.s == b"NOTSET");
        let before = match attribute(conv, "pads").map(|pads| pads.ints.as_slice()) {
            Some(&[before, 0, after, 0]) if before >= 0 && after >= 0 && before + after == height - 1 => before,
            None if height == 1 => 0,
            _ => return None,
        };
        let over_bands = attribute(max, "axes").is_some_and(|axes| axes.ints == [3]) && max.input.len() == 1;
        let keeps = attribute(max, "keepdims").is_none_or(|keep| keep.i != 0);
        let trains = attribute(norm, "training_mode").is_some_and(|mode| mode.i != 0);
        let fits = (1..=BANDS as i64).contains(&width) && plain("strides") && plain("dilations") && group && auto_pad;
        if !fits || !over_bands || keeps || trains || !is_the_picture(graph, picture) {
            return None;
        }
        let epsilon = attribute(norm, EPSILON).map_or(1e-5, |epsilon| epsilon.f);
        let node = NodeProto {
            name: max.name.clone(),
            op_type: NAME.to_owned(),
            input: [picture].into_iter().chain(constants).cloned().collect(),
            output: max.output.clone(),
            attribute: vec![int(BEFORE, before), float(EPSILON, epsilon)],
            ..Default::default()
        };
        Some(Found { last: self.max, others: vec![self.conv, self.relu, self.norm], node })
    }
}

/// Whether this is the graph's input with a channel, and at most normed: then its bands are those of the input.
fn is_the_picture(graph: &GraphProto, name: &str) -> bool {
    let mut name = name;
    // A graph has no circles; a broken one that has is given up after as many steps as it has nodes.
    for _ in 0..=graph.node.len() {
        if graph.input.iter().any(|input| input.name == name) {
            return true;
        }
        let Some(node) = graph.node.iter().find(|node| node.output.first().is_some_and(|output| output == name)) else {
            return false;
        };
        match node.input.first() {
            Some(input) if is(node, "BatchNormalization") || is(node, "Unsqueeze") => name = input,
            _ => return false,
        }
    }
    false
}
