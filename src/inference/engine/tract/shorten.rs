//! Finds in a graph what [conv_max](super::conv_max) does in one: `Conv`, `Relu`, `BatchNormalization` and `ReduceMax` over the bands, in a
//! row, on the picture that the graph is given. Whatever differs in the least from that is left as it is.

use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto, attribute_proto};

use super::conv_max::{BEFORE, EPSILON, NAME};
use super::timbral::BANDS;

/// Puts one node for each such four. `shape` is that of the graph's input, and `outputs` are the names of what is asked for.
pub(super) fn shorten(graph: &mut GraphProto, shape: &[usize], outputs: &[&str]) {
    if shape.last() != Some(&BANDS) {
        return;
    }
    let found: Vec<(usize, [usize; 3], NodeProto)> = (0..graph.node.len())
        .filter_map(|last| {
            let (others, node) = Four::ending_with(graph, last, outputs)?.as_one(graph)?;
            Some((last, others, node))
        })
        .collect();
    let mut gone = Vec::new();
    for (last, others, node) in found {
        graph.node[last] = node;
        gone.extend(others);
    }
    let mut number = 0..;
    graph.node.retain(|_| number.next().is_none_or(|number: usize| !gone.contains(&number)));
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
    fn ending_with(graph: &GraphProto, max: usize, outputs: &[&str]) -> Option<Self> {
        let only = |reader: usize, op: &str| {
            let name = graph.node[reader].input.first()?;
            let is_output = outputs.contains(&name.as_str()) || graph.output.iter().any(|output| &output.name == name);
            let readers = graph.node.iter().flat_map(|node| &node.input).filter(|input| *input == name).count();
            let from = graph.node.iter().position(|node| node.output.contains(name))?;
            (!is_output && readers == 1 && is(&graph.node[from], op) && graph.node[from].output.len() == 1)
                .then_some(from)
        };
        if !is(&graph.node[max], "ReduceMax") {
            return None;
        }
        let norm = only(max, "BatchNormalization")?;
        let relu = only(norm, "Relu")?;
        Some(Self { conv: only(relu, "Conv")?, relu, norm, max })
    }

    /// The node that stands for them, if they say nothing that it cannot, and the places of those that it stands for beside the last.
    fn as_one(&self, graph: &GraphProto) -> Option<([usize; 3], NodeProto)> {
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
            attribute: vec![
                AttributeProto {
                    name: BEFORE.to_owned(),
                    r#type: attribute_proto::AttributeType::Int as i32,
                    i: before,
                    ..Default::default()
                },
                AttributeProto {
                    name: EPSILON.to_owned(),
                    r#type: attribute_proto::AttributeType::Float as i32,
                    f: epsilon,
                    ..Default::default()
                },
            ],
            ..Default::default()
        };
        Some(([self.conv, self.relu, self.norm], node))
    }
}

fn is(node: &NodeProto, op: &str) -> bool {
    node.op_type == op && matches!(node.domain.as_str(), "" | "ai.onnx")
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn tensor<'a>(graph: &'a GraphProto, name: &str) -> Option<&'a TensorProto> {
    graph.initializer.iter().find(|tensor| tensor.name == name)
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

#[cfg(test)]
mod tests {
    use tract_onnx::pb::{ModelProto, OperatorSetIdProto, TypeProto, ValueInfoProto, type_proto};
    use tract_onnx::prelude::*;

    use super::super::fixtures::{numbers, worst};
    use super::super::runnable;
    use super::*;

    const FRAMES: usize = 20;

    fn constant(name: &str, dims: &[usize], values: Vec<f32>) -> TensorProto {
        TensorProto {
            name: name.to_owned(),
            dims: dims.iter().map(|&dim| dim as i64).collect(),
            data_type: 1,
            float_data: values,
            ..Default::default()
        }
    }

    fn ints(name: &str, ints: &[i64]) -> AttributeProto {
        let r#type = attribute_proto::AttributeType::Ints as i32;
        AttributeProto { name: name.to_owned(), r#type, ints: ints.to_vec(), ..Default::default() }
    }

    fn int(name: &str, i: i64) -> AttributeProto {
        AttributeProto {
            name: name.to_owned(),
            r#type: attribute_proto::AttributeType::Int as i32,
            i,
            ..Default::default()
        }
    }

    fn node(op: &str, input: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
        NodeProto {
            op_type: op.to_owned(),
            input: input.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.to_owned()],
            attribute,
            ..Default::default()
        }
    }

    /// Two layers on one picture, the second one with filters that span a band, and norms of either sign.
    fn graph() -> GraphProto {
        let mut graph = GraphProto::default();
        let tensor = type_proto::Tensor { elem_type: 1, shape: None };
        let r#type = Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() });
        graph.input.push(ValueInfoProto { name: "mel".to_owned(), r#type, ..Default::default() });
        graph.node.push(node("Unsqueeze", &["mel"], "picture", vec![ints("axes", &[1])]));
        for (layer, filters, height, width) in [("a", 19, 7, 38), ("b", 6, 12, 1)] {
            let named = |what: &str| format!("{layer}.{what}");
            let [kernel, bias, scale, shift, mean, variance] =
                ["kernel", "bias", "scale", "shift", "mean", "variance"].map(named);
            graph.initializer.push(constant(
                &kernel,
                &[filters, 1, height, width],
                numbers(filters * height * width, 5),
            ));
            for (seed, name) in [&bias, &scale, &shift, &mean].into_iter().enumerate() {
                graph.initializer.push(constant(name, &[filters], numbers(filters, 6 + seed as u64)));
            }
            let positive = numbers(filters, 11).iter().map(|value| value + 1.0).collect();
            graph.initializer.push(constant(&variance, &[filters], positive));
            let (before, after) = ((height as i64 - 1) / 2, height as i64 / 2);
            graph.node.extend([
                node("Conv", &["picture", &kernel, &bias], &named("conv"), vec![ints("pads", &[before, 0, after, 0])]),
                node("Relu", &[&named("conv")], &named("relu"), vec![]),
                node(
                    "BatchNormalization",
                    &[&named("relu"), &scale, &shift, &mean, &variance],
                    &named("normed"),
                    vec![],
                ),
                node("ReduceMax", &[&named("normed")], &named("max"), vec![ints("axes", &[3]), int("keepdims", 0)]),
            ]);
            graph.output.push(ValueInfoProto { name: named("max"), ..Default::default() });
        }
        graph
    }

    fn answers(graph: GraphProto, outputs: &[&str]) -> Vec<Vec<f32>> {
        let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 11 }];
        let proto = ModelProto { ir_version: 7, graph: Some(graph), opset_import, ..Default::default() };
        let shape = [1, FRAMES, BANDS];
        let plan = runnable(&proto, &shape, outputs).unwrap();
        let picture = Tensor::from_shape(&shape, &numbers(FRAMES * BANDS, 12)).unwrap();
        let answers = plan.run(tvec!(picture.into())).unwrap();
        answers.iter().map(|answer| answer.to_plain_array_view::<f32>().unwrap().iter().copied().collect()).collect()
    }

    fn operators(graph: &GraphProto) -> Vec<&str> {
        graph.node.iter().map(|node| node.op_type.as_str()).collect()
    }

    #[test]
    fn a_shortened_graph_says_what_the_whole_one_says() {
        let outputs = ["a.max", "b.max"];
        let mut short = graph();
        shorten(&mut short, &[1, FRAMES, BANDS], &outputs);
        assert_eq!(operators(&short), ["Unsqueeze", NAME, NAME]);
        for (whole, short) in answers(graph(), &outputs).iter().zip(answers(short, &outputs)) {
            let off = worst(whole, &short);
            assert!(off < 5e-6, "{off}");
        }
    }

    #[test]
    fn what_differs_from_it_is_left_as_it_is() {
        let outputs = ["a.max", "b.max"];
        let left = |outputs: &[&str], shape: &[usize], change: fn(&mut GraphProto)| {
            let mut graph = graph();
            change(&mut graph);
            shorten(&mut graph, shape, outputs);
            operators(&graph).iter().filter(|&&operator| operator == "Conv").count()
        };
        let shape = [1, FRAMES, BANDS];
        assert_eq!(left(&outputs, &shape, |_| {}), 0);
        assert_eq!(left(&outputs, &[1, FRAMES, 128], |_| {}), 2, "another number of bands");
        assert_eq!(left(&["a.max", "b.max", "b.relu"], &shape, |_| {}), 1, "somebody wants what is between");
        assert_eq!(left(&outputs, &shape, |graph| graph.node[4].attribute[0].ints = vec![2]), 1, "over the frames");
        assert_eq!(left(&outputs, &shape, |graph| graph.node[4].attribute[1].i = 1), 1, "another shape");
        assert_eq!(
            left(&outputs, &shape, |graph| graph.node[1].attribute[0].ints = vec![3, 1, 3, 0]),
            1,
            "padded bands"
        );
        assert_eq!(
            left(&outputs, &shape, |graph| graph.node[1].attribute[0].ints = vec![7, 0, -1, 0]),
            1,
            "cut frames"
        );
        assert_eq!(left(&outputs, &shape, |graph| graph.node[1].attribute.push(ints("strides", &[2, 1]))), 1, "steps");
        assert_eq!(left(&outputs, &shape, |graph| graph.node[2].op_type = "Tanh".to_owned()), 1, "no rectifier");
        assert_eq!(left(&outputs, &shape, |graph| graph.initializer[0].name.clear()), 1, "computed weights");
        assert_eq!(
            left(&outputs, &shape, |graph| graph.node[0].op_type = "Transpose".to_owned()),
            2,
            "another picture"
        );
    }
}
