//! A graph that was written for one example takes many at once: the first axis of its input and outputs is given a name
//! in place of the size 1. Whether its nodes go along with that shows only when it runs, and is the caller's to find
//! out.
//!
//! The field numbers are those of the [ONNX specification]'s `onnx.proto`; what is not named here is copied as it is.
//!
//! [ONNX specification]: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

use crate::inference::protobuf::{Fields, Message, Value};

/// What the axis is called.
const BATCH: &str = "N";

/// `ModelProto.graph`.
const GRAPH: u64 = 7;
/// `GraphProto.input`, `.output`, and the shapes in between, which would no longer be true.
const INPUT: u64 = 11;
const OUTPUT: u64 = 12;
const VALUE_INFO: u64 = 13;
/// `ValueInfoProto.type`, `TypeProto.tensor_type`, `TypeProto.Tensor.shape`.
const SHAPE: [u64; 3] = [2, 1, 2];
/// `TensorShapeProto.dim`, and `.dim_value` and `.dim_param` of one.
const DIM: u64 = 1;
const DIM_VALUE: u64 = 1;
const DIM_PARAM: u64 = 2;

/// The same graph with an open first axis. An error says that this is no ONNX file.
pub(super) fn with_open_batch(onnx: &[u8]) -> Result<Vec<u8>, String> {
    at(onnx, &[GRAPH], &|graph| {
        let mut opened = Message::default();
        for field in Fields(graph) {
            match field? {
                (VALUE_INFO, _) => {}
                (number @ (INPUT | OUTPUT), Value::Bytes(value)) => {
                    opened.bytes(number, &at(value, &SHAPE, &with_open_first_axis)?);
                }
                (number, value) => {
                    opened.value(number, value);
                }
            }
        }
        Ok(opened.as_bytes().to_vec())
    })
}

/// What becomes of a message.
type Replace<'a> = &'a dyn Fn(&[u8]) -> Result<Vec<u8>, String>;

/// A message with one that lies in it, behind these fields, replaced.
fn at(message: &[u8], path: &[u64], replace: Replace<'_>) -> Result<Vec<u8>, String> {
    let Some((next, path)) = path.split_first() else { return replace(message) };
    let mut replaced = Message::default();
    for field in Fields(message) {
        match field? {
            (number, Value::Bytes(inner)) if number == *next => replaced.bytes(number, &at(inner, path, replace)?),
            (number, value) => replaced.value(number, value),
        };
    }
    Ok(replaced.as_bytes().to_vec())
}

fn with_open_first_axis(shape: &[u8]) -> Result<Vec<u8>, String> {
    let mut opened = Message::default();
    let mut is_first = true;
    for field in Fields(shape) {
        match field? {
            (DIM, Value::Bytes(dim)) if std::mem::take(&mut is_first) && is_one(dim) => {
                opened.message(DIM, Message::default().text(DIM_PARAM, BATCH));
            }
            (number, value) => {
                opened.value(number, value);
            }
        }
    }
    Ok(opened.as_bytes().to_vec())
}

fn is_one(dim: &[u8]) -> bool {
    Fields(dim).any(|field| field == Ok((DIM_VALUE, Value::Varint(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of one field that is a message.
    fn wrapped(field: u64, inner: &Message) -> Message {
        let mut outer = Message::default();
        outer.message(field, inner);
        outer
    }

    fn value_info(first: &Message) -> Message {
        let mut shape = Message::default();
        shape.message(DIM, first).message(DIM, Message::default().varint(DIM_VALUE, 518));
        let kind = wrapped(2, &wrapped(1, &wrapped(2, &shape)));
        let mut info = Message::default();
        info.text(1, "x").append(&kind);
        info
    }

    fn model(first: &Message, between: Option<&Message>) -> Vec<u8> {
        let mut graph = Message::default();
        graph.text(2, "g").message(INPUT, &value_info(first)).message(OUTPUT, &value_info(first));
        if let Some(between) = between {
            graph.message(VALUE_INFO, between);
        }
        let mut model = Message::default();
        model.varint(1, 8).message(GRAPH, &graph).float(99, 0.5);
        model.as_bytes().to_vec()
    }

    #[test]
    fn only_the_first_axis_is_opened_and_all_else_stays() {
        let (mut one, mut named, mut two) = (Message::default(), Message::default(), Message::default());
        one.varint(DIM_VALUE, 1);
        named.text(DIM_PARAM, BATCH);
        two.varint(DIM_VALUE, 2);
        let opened = model(&named, None);
        assert_eq!(with_open_batch(&model(&one, Some(&value_info(&one)))).unwrap(), opened);
        assert_eq!(with_open_batch(&opened).unwrap(), opened, "open already");
        assert_eq!(with_open_batch(&model(&two, None)).unwrap(), model(&two, None), "two at a time, by its own will");
    }

    #[test]
    fn what_is_no_onnx_file_is_an_error() {
        assert!(with_open_batch(b"\x3a\xff").is_err());
    }
}
