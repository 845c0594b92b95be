//! Finds what [conv_block](super::super::conv_block) does in one, in either of two rows: `Conv`, `MaxPool`,
//! `BatchNormalization` and `Relu`, or `Conv`, `Add` of what that read, and `Relu`. The convolution has 3 x 3 taps and
//! silence around.

use tract_onnx::pb::{GraphProto, NodeProto};

use super::super::conv_block::{AROUND, EPSILON, NAME, POOLED, STEP};
use super::{Found, Reader, attribute, float, int, ints_are, is, tensor};

/// The node that stands for the row whose last one is at `relu`, if there is such a row.
pub(super) fn ending_with(reader: &Reader, relu: usize) -> Option<Found> {
    is(&reader.graph.node[relu], "Relu").then_some(())?;
    pooled(reader, relu).or_else(|| around(reader, relu))
}

fn pooled(reader: &Reader, relu: usize) -> Option<Found> {
    let graph = reader.graph;
    let norm = reader.only(relu, 0, "BatchNormalization")?;
    let pool = reader.only(norm, 0, "MaxPool")?;
    let conv = reader.only(pool, 0, "Conv")?;
    let trains = attribute(&graph.node[norm], "training_mode").is_some_and(|mode| mode.i != 0);
    let [picture, kernel] = graph.node[conv].input.as_slice() else { return None };
    let numbers = graph.node[norm].input.get(1..5)?;
    if trains || numbers.iter().any(|name| tensor(graph, name).is_none()) || !is_two_by_two(&graph.node[pool]) {
        return None;
    }
    let step = step(graph, &graph.node[conv])?;
    let epsilon = attribute(&graph.node[norm], EPSILON).map_or(1e-5, |epsilon| epsilon.f);
    let input = [picture, kernel].into_iter().chain(numbers).cloned().collect();
    let node =
        node(&graph.node[relu], input, [int(STEP, step), int(POOLED, 1), int(AROUND, 0), float(EPSILON, epsilon)]);
    Some(Found { last: relu, others: vec![conv, pool, norm], node })
}

fn around(reader: &Reader, relu: usize) -> Option<Found> {
    let graph = reader.graph;
    let add = reader.only(relu, 0, "Add")?;
    let (conv, way) =
        [(0, 1), (1, 0)].into_iter().find_map(|(sum, way)| Some((reader.only(add, sum, "Conv")?, way)))?;
    let [picture, kernel, bias] = graph.node[conv].input.as_slice() else { return None };
    let &[filters, channels, ..] = tensor(graph, kernel)?.dims.as_slice() else { return None };
    tensor(graph, bias)?;
    if graph.node[add].input.get(way) != Some(picture) || filters != channels || step(graph, &graph.node[conv])? != 1 {
        return None;
    }
    let input = vec![picture.clone(), kernel.clone(), bias.clone()];
    let node = node(&graph.node[relu], input, [int(STEP, 1), int(POOLED, 0), int(AROUND, 1), float(EPSILON, 0.0)]);
    Some(Found { last: relu, others: vec![conv, add], node })
}

fn node(last: &NodeProto, input: Vec<String>, attribute: [tract_onnx::pb::AttributeProto; 4]) -> NodeProto {
    NodeProto {
        name: last.name.clone(),
        op_type: NAME.to_owned(),
        input,
        output: last.output.clone(),
        attribute: attribute.to_vec(),
        ..Default::default()
    }
}

/// Places from one answer to the next of a convolution that the operator can do.
fn step(graph: &GraphProto, conv: &NodeProto) -> Option<i64> {
    let three = matches!(tensor(graph, &conv.input[1])?.dims.as_slice(), &[_, _, 3, 3]);
    let plain = ints_are(conv, "dilations", &[1, 1])
        && attribute(conv, "group").is_none_or(|group| group.i == 1)
        && attribute(conv, "auto_pad").is_none_or(|pad| pad.s == b"NOTSET")
        && attribute(conv, "pads").is_some_and(|pads| pads.ints == [1; 4]);
    let step = match attribute(conv, "strides").map(|strides| strides.ints.as_slice()) {
        None | Some(&[1, 1]) => 1,
        Some(&[2, 2]) => 2,
        _ => return None,
    };
    (three && plain).then_some(step)
}

/// Whether a pool keeps the loudest of each two by two, and no more.
fn is_two_by_two(pool: &NodeProto) -> bool {
    let two = |name: &str| attribute(pool, name).is_some_and(|found| found.ints == [2, 2]);
    two("kernel_shape")
        && two("strides")
        && ints_are(pool, "pads", &[0; 4])
        && ints_are(pool, "dilations", &[1, 1])
        && attribute(pool, "ceil_mode").is_none_or(|mode| mode.i == 0)
        && attribute(pool, "auto_pad").is_none_or(|pad| matches!(pad.s.as_slice(), b"NOTSET" | b"VALID"))
}
