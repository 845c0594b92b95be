//! Graphs, each shortened and whole: they have to say the same.

use tract_onnx::pb::{ModelProto, OperatorSetIdProto, TypeProto, ValueInfoProto, type_proto};
use tract_onnx::prelude::*;

use super::super::fixtures::{numbers, worst};
use super::super::timbral::BANDS;
use super::super::{conv_block, conv_max, runnable};
use super::*;

const FRAMES: usize = 20;

/// The shape of what is given to the graph of blocks: of odd sides, so that some answers have no neighbour.
const PICTURE: [usize; 4] = [1, 1, 23, 38];

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

fn node(op: &str, input: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: op.to_owned(),
        input: input.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute,
        ..Default::default()
    }
}

/// A graph with an input of this name.
fn graph_of(input: &str) -> GraphProto {
    let mut graph = GraphProto::default();
    let tensor = type_proto::Tensor { elem_type: 1, shape: None };
    let r#type = Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() });
    graph.input.push(ValueInfoProto { name: input.to_owned(), r#type, ..Default::default() });
    graph
}

/// Two layers on one picture, the second one with filters that span a band, and norms of either sign.
fn loudest() -> GraphProto {
    let mut graph = graph_of("mel");
    graph.node.push(node("Unsqueeze", &["mel"], "picture", vec![ints("axes", &[1])]));
    for (layer, filters, height, width) in [("a", 19, 7, 38), ("b", 6, 12, 1)] {
        let named = |what: &str| format!("{layer}.{what}");
        let [kernel, bias, scale, shift, mean, variance] =
            ["kernel", "bias", "scale", "shift", "mean", "variance"].map(named);
        graph.initializer.push(constant(&kernel, &[filters, 1, height, width], numbers(filters * height * width, 5)));
        for (seed, name) in [&bias, &scale, &shift, &mean].into_iter().enumerate() {
            graph.initializer.push(constant(name, &[filters], numbers(filters, 6 + seed as u64)));
        }
        let positive = numbers(filters, 11).iter().map(|value| value + 1.0).collect();
        graph.initializer.push(constant(&variance, &[filters], positive));
        let (before, after) = ((height as i64 - 1) / 2, height as i64 / 2);
        graph.node.extend([
            node("Conv", &["picture", &kernel, &bias], &named("conv"), vec![ints("pads", &[before, 0, after, 0])]),
            node("Relu", &[&named("conv")], &named("relu"), vec![]),
            node("BatchNormalization", &[&named("relu"), &scale, &shift, &mean, &variance], &named("normed"), vec![]),
            node("ReduceMax", &[&named("normed")], &named("max"), vec![ints("axes", &[3]), int("keepdims", 0)]),
        ]);
        graph.output.push(ValueInfoProto { name: named("max"), ..Default::default() });
    }
    graph
}

/// Two pooled blocks, the first one of every second place, and a layer with a way around it.
fn blocks() -> GraphProto {
    let mut graph = graph_of("picture");
    let mut before = "picture".to_owned();
    for (layer, filters, channels, step) in [("a", 6, 1, 2), ("b", 19, 6, 1)] {
        let named = |what: &str| format!("{layer}.{what}");
        let kernel = named("kernel");
        graph.initializer.push(constant(&kernel, &[filters, channels, 3, 3], numbers(filters * channels * 9, 5)));
        let norm = ["scale", "shift", "mean", "variance"].map(named);
        for (seed, name) in norm.iter().enumerate() {
            let above = if seed == 3 { 1.0 } else { 0.0 };
            let values = numbers(filters, 6 + seed as u64).iter().map(|value| value + above).collect();
            graph.initializer.push(constant(name, &[filters], values));
        }
        let [scale, shift, mean, variance] = &norm;
        let pool = vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
        let conv = vec![ints("strides", &[step, step]), ints("pads", &[1; 4])];
        graph.node.extend([
            node("Conv", &[&before, &kernel], &named("conv"), conv),
            node("MaxPool", &[&named("conv")], &named("pool"), pool),
            node("BatchNormalization", &[&named("pool"), scale, shift, mean, variance], &named("normed"), vec![]),
            node("Relu", &[&named("normed")], &named("relu"), vec![]),
        ]);
        before = named("relu");
    }
    graph.initializer.push(constant("c.kernel", &[19, 19, 3, 3], numbers(19 * 19 * 9, 10)));
    graph.initializer.push(constant("c.bias", &[19], numbers(19, 11)));
    graph.node.extend([
        node("Conv", &["b.relu", "c.kernel", "c.bias"], "c.conv", vec![ints("pads", &[1; 4])]),
        node("Add", &["b.relu", "c.conv"], "c.sum", vec![]),
        node("Relu", &["c.sum"], "c.relu", vec![]),
    ]);
    graph.output.push(ValueInfoProto { name: "c.relu".to_owned(), ..Default::default() });
    graph
}

fn answers(graph: GraphProto, shape: &[usize], outputs: &[&str]) -> Vec<Vec<f32>> {
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 11 }];
    let proto = ModelProto { ir_version: 7, graph: Some(graph), opset_import, ..Default::default() };
    let plan = runnable(&proto, shape, outputs).unwrap();
    let picture = Tensor::from_shape(shape, &numbers(shape.iter().product(), 12)).unwrap();
    let answers = plan.run(tvec!(picture.into())).unwrap();
    answers.iter().map(|answer| answer.to_plain_array_view::<f32>().unwrap().iter().copied().collect()).collect()
}

fn operators(graph: &GraphProto) -> Vec<&str> {
    graph.node.iter().map(|node| node.op_type.as_str()).collect()
}

#[test]
fn a_shortened_graph_says_what_the_whole_one_says() {
    let filters: (_, &[usize], &[&str]) = (loudest(), &[1, FRAMES, BANDS], &["a.max", "b.max"]);
    for (whole, shape, outputs) in [filters, (blocks(), &PICTURE, &["c.relu"])] {
        let mut short = whole.clone();
        shorten(&mut short, shape, outputs);
        assert!(operators(&short).iter().all(|&name| ["Unsqueeze", conv_max::NAME, conv_block::NAME].contains(&name)));
        for (whole, short) in answers(whole, shape, outputs).iter().zip(answers(short, shape, outputs)) {
            let off = worst(whole, &short);
            assert!(off < 5e-6, "{off}");
        }
    }
}

#[test]
fn filters_that_differ_from_those_of_musicnn_are_left_as_they_are() {
    let outputs = ["a.max", "b.max"];
    let left = |outputs: &[&str], shape: &[usize], change: fn(&mut GraphProto)| {
        let mut graph = loudest();
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
    assert_eq!(left(&outputs, &shape, |graph| graph.node[1].attribute[0].ints = vec![3, 1, 3, 0]), 1, "padded bands");
    assert_eq!(left(&outputs, &shape, |graph| graph.node[1].attribute[0].ints = vec![7, 0, -1, 0]), 1, "cut frames");
    assert_eq!(left(&outputs, &shape, |graph| graph.node[1].attribute.push(ints("strides", &[2, 1]))), 1, "steps");
    assert_eq!(left(&outputs, &shape, |graph| graph.node[2].op_type = "Tanh".to_owned()), 1, "no rectifier");
    assert_eq!(left(&outputs, &shape, |graph| graph.initializer[0].name.clear()), 1, "computed weights");
    assert_eq!(left(&outputs, &shape, |graph| graph.node[0].op_type = "Transpose".to_owned()), 2, "another picture");
}

#[test]
fn blocks_that_differ_from_the_common_ones_are_left_as_they_are() {
    let left = |outputs: &[&str], change: fn(&mut GraphProto)| {
        let mut graph = blocks();
        change(&mut graph);
        shorten(&mut graph, &PICTURE, outputs);
        operators(&graph).iter().filter(|&&operator| operator == "Conv").count()
    };
    let outputs = ["c.relu"];
    assert_eq!(left(&outputs, |_| {}), 0);
    assert_eq!(left(&["c.relu", "a.pool"], |_| {}), 1, "somebody wants what is between");
    assert_eq!(left(&outputs, |graph| graph.node[0].attribute[0].ints = vec![2, 1]), 1, "two kinds of steps");
    assert_eq!(left(&outputs, |graph| graph.node[0].attribute[0].ints = vec![3, 3]), 1, "larger steps");
    assert_eq!(left(&outputs, |graph| graph.node[0].attribute[1].ints = vec![0; 4]), 1, "no silence around");
    assert_eq!(left(&outputs, |graph| graph.node[0].attribute.push(ints("dilations", &[2, 2]))), 1, "spread taps");
    assert_eq!(left(&outputs, |graph| graph.node[0].attribute.push(int("group", 2))), 1, "groups");
    assert_eq!(left(&outputs, |graph| graph.node[1].attribute[0].ints = vec![3, 3]), 1, "a larger pool");
    assert_eq!(left(&outputs, |graph| graph.node[1].attribute.push(int("ceil_mode", 1))), 1, "a pool beyond the edge");
    assert_eq!(left(&outputs, |graph| graph.node[2].attribute.push(int("training_mode", 1))), 1, "a norm that learns");
    assert_eq!(left(&outputs, |graph| graph.node[3].op_type = "Tanh".to_owned()), 1, "no rectifier");
    assert_eq!(left(&outputs, |graph| graph.initializer[0].dims[2] = 5), 1, "other taps");
    assert_eq!(left(&outputs, |graph| graph.node[9].input[0] = "a.relu".to_owned()), 1, "another way around");
    assert_eq!(left(&outputs, |graph| graph.node[8].attribute[0].ints = vec![1, 1, 0, 0]), 1, "another size");
}
