//! Writes an ONNX file: nodes, constants, one input, outputs. It knows the format and no network.
//!
//! The field numbers are those of the [ONNX specification]'s `onnx.proto`. The same calls give the same bytes.
//!
//! [ONNX specification]: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

use crate::inference::protobuf::Message;

/// The version of the file format, and of the operators: old ones, which every engine in use knows.
const IR_VERSION: u64 = 7;
const OPERATORS_VERSION: u64 = 13;

const FLOAT: u64 = 1;
const INT64: u64 = 7;

/// An attribute of a node.
#[derive(Debug, Clone, Copy)]
pub(in crate::inference) enum Attribute<'a> {
    Float(f32),
    Int(i64),
    Ints(&'a [i64]),
}

/// The first axis of inputs and outputs: as many examples as whoever runs the graph likes.
const BATCH: &str = "N";

/// A graph in the making.
#[derive(Debug, Default)]
pub(in crate::inference) struct Graph {
    nodes: Message,
    constants: Message,
    inputs: Message,
    outputs: Message,
}

impl Graph {
    /// A float32 constant, row-major.
    pub(in crate::inference) fn constant(&mut self, name: &str, shape: &[usize], numbers: &[f32]) {
        debug_assert_eq!(shape.iter().product::<usize>(), numbers.len());
        let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.raw_constant(name, FLOAT, shape, &raw);
    }

    /// A constant list of whole numbers: axes, or a shape.
    pub(in crate::inference) fn integers(&mut self, name: &str, numbers: &[i64]) {
        let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.raw_constant(name, INT64, &[numbers.len()], &raw);
    }

    fn raw_constant(&mut self, name: &str, data_type: u64, shape: &[usize], raw: &[u8]) {
        let mut tensor = Message::default();
        for &size in shape {
            tensor.varint(1, size as u64);
        }
        tensor.varint(2, data_type).text(8, name).bytes(9, raw);
        self.constants.message(5, &tensor);
    }

    /// An operation. It is called by the name of its output.
    pub(in crate::inference) fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, Attribute<'_>)],
    ) {
        let mut node = Message::default();
        for input in inputs {
            node.text(1, input);
        }
        node.text(2, output).text(3, output).text(4, operator);
        for (name, attribute) in attributes {
            let mut message = Message::default();
            message.text(1, name);
            // A negative number is its two's complement in 64 bits.
            match attribute {
                Attribute::Float(value) => message.float(2, *value).varint(20, 1),
                Attribute::Int(value) => message.varint(3, *value as u64).varint(20, 2),
                Attribute::Ints(values) => {
                    for value in *values {
                        message.varint(8, *value as u64);
                    }
                    message.varint(20, 7)
                }
            };
            node.message(5, &message);
        }
        self.nodes.message(1, &node);
    }

    /// A float32 input of shape (N, `shape`).
    pub(in crate::inference) fn input(&mut self, name: &str, shape: &[usize]) {
        self.inputs.message(11, &value_info(name, shape));
    }

    /// A float32 output of shape (N, `shape`).
    pub(in crate::inference) fn output(&mut self, name: &str, shape: &[usize]) {
        self.outputs.message(12, &value_info(name, shape));
    }

    /// The file.
    pub(in crate::inference) fn finish(self, name: &str) -> Vec<u8> {
        let mut graph = Message::default();
        graph.append(&self.nodes).text(2, name).append(&self.constants);
        graph.append(&self.inputs).append(&self.outputs);
        let mut operators = Message::default();
        operators.text(1, "").varint(2, OPERATORS_VERSION);
        let mut model = Message::default();
        model.varint(1, IR_VERSION).text(2, "reclassd").message(7, &graph).message(8, &operators);
        model.as_bytes().to_vec()
    }
}

fn value_info(name: &str, shape: &[usize]) -> Message {
    let mut batch = Message::default();
    batch.text(2, BATCH);
    let mut dimensions = Message::default();
    dimensions.message(1, &batch);
    for &size in shape {
        let mut dimension = Message::default();
        dimension.varint(1, size as u64);
        dimensions.message(1, &dimension);
    }
    let (mut tensor, mut kind, mut info) = (Message::default(), Message::default(), Message::default());
    tensor.varint(1, FLOAT).message(2, &dimensions);
    kind.message(1, &tensor);
    info.text(1, name).message(2, &kind);
    info
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::engine::TractGraph as Engine;

    #[test]
    fn the_engine_reads_what_was_written() {
        let mut graph = Graph::default();
        graph.input("x", &[2]);
        graph.constant("w", &[2, 3], &[1.0, 2.0, 3.0, 10.0, 20.0, 30.0]);
        graph.integers("axes", &[-1]);
        graph.node("MatMul", &["x", "w"], "product", &[]);
        graph.node("LeakyRelu", &["product"], "leaky", &[("alpha", Attribute::Float(0.5))]);
        graph.node("Concat", &["leaky", "x"], "joined", &[("axis", Attribute::Int(-1))]);
        graph.node("Unsqueeze", &["joined", "axes"], "column", &[]);
        graph.node("Transpose", &["column"], "y", &[("perm", Attribute::Ints(&[2, 1, 0]))]);
        graph.output("y", &[5, 1]);
        let engine = Engine::load(&graph.finish("small"), &[1, 2], &["y"]).unwrap();
        assert_eq!(engine.output_lens().unwrap(), [5]);
        assert_eq!(engine.run(&[1.0, -1.0]).unwrap(), [[-4.5, -9.0, -13.5, 1.0, -1.0]]);
    }
}
