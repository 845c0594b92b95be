//! Finds in a graph what operators of our own do in one. Whatever differs in the least from what they do is left as it
//! is.

mod blocks;
mod loudest;

use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto, attribute_proto};

/// Puts one node for each row of nodes that an operator of ours stands for. `shape` is that of the graph's input, and
/// `outputs` are the names of what is asked for.
pub(super) fn shorten(graph: &mut GraphProto, shape: &[usize], outputs: &[&str]) {
    let reader = Reader { graph, outputs };
    let found: Vec<Found> = (0..graph.node.len())
        .filter_map(|last| loudest::ending_with(&reader, last, shape).or_else(|| blocks::ending_with(&reader, last)))
        .collect();
    let mut gone = Vec::new();
    for Found { last, others, node } in found {
        graph.node[last] = node;
        gone.extend(others);
    }
    let mut number = 0..;
    graph.node.retain(|_| number.next().is_none_or(|number: usize| !gone.contains(&number)));
}

/// A row of nodes that one stands for: the place of the last, where that one goes, and of the others.
struct Found {
    last: usize,
    others: Vec<usize>,
    node: NodeProto,
}

/// A graph, and what is asked of it.
struct Reader<'a> {
    graph: &'a GraphProto,
    outputs: &'a [&'a str],
}

impl Reader<'_> {
    /// The place of the node of this kind that makes an input of the node at `reader`, if nobody else reads what it
    /// makes.
    fn only(&self, reader: usize, input: usize, op: &str) -> Option<usize> {
        let graph = self.graph;
        let name = graph.node[reader].input.get(input)?;
        let is_output = self.outputs.contains(&name.as_str()) || graph.output.iter().any(|output| &output.name == name);
        let readers = graph.node.iter().flat_map(|node| &node.input).filter(|input| *input == name).count();
        let from = graph.node.iter().position(|node| node.output.contains(name))?;
        (!is_output && readers == 1 && is(&graph.node[from], op) && graph.node[from].output.len() == 1).then_some(from)
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

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: attribute_proto::AttributeType::Int as i32,
        i,
        ..Default::default()
    }
}

fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: attribute_proto::AttributeType::Float as i32,
        f,
        ..Default::default()
    }
}

/// Whether all numbers of an attribute are these, which they are where it is not there.
fn ints_are(node: &NodeProto, name: &str, ints: &[i64]) -> bool {
    attribute(node, name).is_none_or(|found| found.ints == ints)
}

#[cfg(test)]
mod tests;
