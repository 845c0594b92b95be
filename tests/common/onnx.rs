//! The smallest ONNX files that have a model's signature: each output is its bias, moved a little by the mean of the
//! input.

/// An output: its name, its shape behind the batch, its bias, and whether a sigmoid comes last.
pub struct Output<'a> {
    pub name: &'a str,
    pub shape: &'a [usize],
    pub bias: Vec<f32>,
    pub sigmoid: bool,
}

/// A graph that takes exactly this shape.
pub fn graph(input: &[usize], outputs: &[Output<'_>]) -> Vec<u8> {
    let mut graph = Message::default();
    graph.constant("shaped", input, &vec![0.0; input.iter().product()]);
    // Fails to load where the input has another shape.
    graph.node("Add", &["x", "shaped"], "same", None);
    graph.node("Flatten", &["same"], "flat", Some(("axis", Attribute::Int(1))));
    graph.node("ReduceMean", &["flat"], "mean", Some(("axes", Attribute::Ints(&[1]))));
    for output in outputs {
        let named = |part: &str| format!("{}_{part}", output.name);
        let size: usize = output.shape.iter().product();
        assert_eq!(output.bias.len(), size);
        graph.constant(&named("weight"), &[1, size], &vec![1e-3; size]);
        graph.constant(&named("bias"), &[1, size], &output.bias);
        graph.node("MatMul", &["mean", &named("weight")], &named("product"), None);
        graph.node("Add", &[&named("product"), &named("bias")], &named("sum"), None);
        let operator = if output.sigmoid { "Sigmoid" } else { "Identity" };
        graph.node(operator, &[&named("sum")], &named("read"), None);
        let shape: Vec<i64> = std::iter::once(1).chain(output.shape.iter().map(|size| *size as i64)).collect();
        graph.integers(&named("shape"), &shape);
        graph.node("Reshape", &[&named("read"), &named("shape")], output.name, None);
    }
    graph.text(2, "tiny");
    graph.message(11, &value_info("x", input));
    for output in outputs {
        let shape: Vec<usize> = std::iter::once(1).chain(output.shape.iter().copied()).collect();
        graph.message(12, &value_info(output.name, &shape));
    }
    let mut operators = Message::default();
    operators.text(1, "").varint(2, 13);
    let mut model = Message::default();
    model.varint(1, 7).message(7, &graph).message(8, &operators);
    model.0
}

enum Attribute<'a> {
    Int(u64),
    Ints(&'a [u64]),
}

/// A Protocol Buffers message in the making.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn push_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn varint(&mut self, field: u64, value: u64) -> &mut Self {
        self.push_varint(field << 3);
        self.push_varint(value);
        self
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) -> &mut Self {
        self.push_varint(field << 3 | 2);
        self.push_varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    fn text(&mut self, field: u64, text: &str) -> &mut Self {
        self.bytes(field, text.as_bytes())
    }

    fn message(&mut self, field: u64, message: &Message) -> &mut Self {
        self.bytes(field, &message.0)
    }

    fn tensor(&mut self, name: &str, data_type: u64, shape: &[usize], raw: &[u8]) {
        let mut tensor = Message::default();
        for &size in shape {
            tensor.varint(1, size as u64);
        }
        tensor.varint(2, data_type).text(8, name).bytes(9, raw);
        self.message(5, &tensor);
    }

    fn constant(&mut self, name: &str, shape: &[usize], numbers: &[f32]) {
        let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.tensor(name, 1, shape, &raw);
    }

    fn integers(&mut self, name: &str, numbers: &[i64]) {
        let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.tensor(name, 7, &[numbers.len()], &raw);
    }

    fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attribute: Option<(&str, Attribute<'_>)>) {
        let mut node = Message::default();
        for input in inputs {
            node.text(1, input);
        }
        node.text(2, output).text(3, output).text(4, operator);
        if let Some((name, attribute)) = attribute {
            let mut message = Message::default();
            message.text(1, name);
            match attribute {
                Attribute::Int(value) => message.varint(3, value).varint(20, 2),
                Attribute::Ints(values) => {
                    for value in values {
                        message.varint(8, *value);
                    }
                    message.varint(20, 7)
                }
            };
            node.message(5, &message);
        }
        self.message(1, &node);
    }
}

/// A float32 value of this name and shape.
fn value_info(name: &str, shape: &[usize]) -> Message {
    let mut dimensions = Message::default();
    for &size in shape {
        let mut dimension = Message::default();
        dimension.varint(1, size as u64);
        dimensions.message(1, &dimension);
    }
    let (mut tensor, mut kind, mut info) = (Message::default(), Message::default(), Message::default());
    tensor.varint(1, 1).message(2, &dimensions);
    kind.message(1, &tensor);
    info.text(1, name).message(2, &kind);
    info
}
