//! Nodes, attributes and tensors of a graph.

use modelaudit_plugin::{Span, Tensor, clip, escape};
use modelaudit_protobuf::{Field, Malformed, Message};

use crate::probe;
use crate::resolve::Node;
use crate::scan::Scan;

/// Inputs and attributes of a node that are kept; datasets have some dozens.
const MAX_INPUTS: usize = 32;
const MAX_ATTRIBUTES: usize = 4096;
const MAX_STRINGS: usize = 64;
/// Functions that a node names; a `Case` has one for each branch.
const MAX_FUNCTIONS: usize = 64;
/// A nested graph has at least a node with a name and an operator.
const SMALLEST_GRAPH: u64 = 16;
/// What is looked at of a string that may be a graph.
const GRAPH_HEAD: u32 = 4096;
/// Tensors handed to the host.
const MAX_TENSORS: u64 = 100_000;

/// `DataType` of types.proto: number, name, bytes of an element (0: not of a fixed size).
const TYPES: &[(u64, &str, u64)] = &[
    (1, "f32", 4),
    (2, "f64", 8),
    (3, "i32", 4),
    (4, "u8", 1),
    (5, "i16", 2),
    (6, "i8", 1),
    (7, "string", 0),
    (8, "c64", 8),
    (9, "i64", 8),
    (10, "bool", 1),
    (11, "qi8", 1),
    (12, "qu8", 1),
    (13, "qi32", 4),
    (14, "bf16", 2),
    (15, "qi16", 2),
    (16, "qu16", 2),
    (17, "u16", 2),
    (18, "c128", 16),
    (19, "f16", 2),
    (20, "resource", 0),
    (21, "variant", 0),
    (22, "u32", 4),
    (23, "u64", 8),
    (24, "f8_e5m2", 1),
    (25, "f8_e4m3fn", 1),
    (29, "i4", 1),
    (30, "u4", 1),
];

/// Name and bytes of an element (0: not of a fixed size) of a type, if it is known.
pub fn data_type(number: u64) -> Option<(&'static str, u64)> {
    TYPES.iter().find(|(known, ..)| *known == number).map(|(_, name, size)| (*name, *size))
}

/// What an attribute holds, as far as anything is done with it.
#[derive(Default)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Texts: of `s`, of a list, and the strings of a tensor.
    pub strings: Vec<Span>,
    /// Functions that it names.
    pub functions: Vec<Span>,
}

impl Scan<'_, '_> {
    /// Reads a `NodeDef`.
    pub fn node(&mut self, mut message: Message) -> Result<Node, Malformed> {
        let at = message.position();
        let mut node = Node::default();
        let mut attributes = Vec::new();
        while let Some(field) = self.walker.next(&mut message)? {
            let Some(span) = field.bytes() else { continue };
            match field.number {
                1 => node.name = self.name(span),
                2 => node.op = self.name(span),
                3 if node.inputs.len() < MAX_INPUTS => {
                    let input = self.name(span);
                    node.inputs.push(input);
                }
                5 if attributes.len() < MAX_ATTRIBUTES => attributes.push(span),
                _ => self.known(&field, 7, "a node"),
            }
        }
        node.at = Span::new(at, message.position().saturating_sub(at)).within(self.size);
        let name = node.name.clone();
        for span in attributes {
            let mut attribute = self.attribute(Message::over(span), &name)?;
            for span in std::mem::take(&mut attribute.functions) {
                if node.functions.len() < MAX_FUNCTIONS
                    && let Some(function) = self.function_of(span)?
                {
                    node.functions.push(function);
                }
            }
            if node.attributes.len() < 64 && !attribute.strings.is_empty() {
                node.attributes.push(attribute);
            }
        }
        Ok(node)
    }

    /// An entry of the attribute map: key 1, value 2.
    fn attribute(&mut self, mut message: Message, node: &str) -> Result<Attribute, Malformed> {
        let mut attribute = Attribute::default();
        let mut value = None;
        while let Some(field) = self.walker.next(&mut message)? {
            match field.number {
                1 => attribute.name = self.name(field.span()),
                2 => value = field.bytes(),
                _ => {}
            }
        }
        let Some(value) = value else { return Ok(attribute) };
        let mut message = Message::over(value);
        while let Some(field) = self.walker.next(&mut message)? {
            let Some(span) = field.bytes() else { continue };
            match field.number {
                // list: s 2, tensor 8
                1 => {
                    let mut list = Message::over(span);
                    while let Some(item) = self.walker.next(&mut list)? {
                        match (item.number, item.bytes()) {
                            (2, Some(text)) => self.string(text, &mut attribute.strings),
                            (8, Some(tensor)) => self.tensor(Message::over(tensor), node, &mut attribute.strings)?,
                            (9, Some(function)) if attribute.functions.len() < MAX_FUNCTIONS => {
                                attribute.functions.push(function);
                            }
                            _ => {}
                        }
                    }
                }
                2 => self.string(span, &mut attribute.strings),
                8 => self.tensor(Message::over(span), node, &mut attribute.strings)?,
                10 => attribute.functions.push(span),
                _ => {}
            }
        }
        Ok(attribute)
    }

    /// The name in a `NameAttrList`.
    fn function_of(&mut self, span: Span) -> Result<Option<String>, Malformed> {
        let (mut message, mut name) = (Message::over(span), None);
        while let Some(field) = self.walker.next(&mut message)? {
            if let (1, Some(span)) = (field.number, field.bytes()) {
                name = Some(self.name(span));
            }
        }
        Ok(name)
    }

    /// A `TensorProto`: names it, and keeps its strings.
    fn tensor(&mut self, mut message: Message, node: &str, strings: &mut Vec<Span>) -> Result<(), Malformed> {
        let (mut dtype, mut shape, mut content) = (0, Vec::new(), None);
        while let Some(field) = self.walker.next(&mut message)? {
            match (field.number, field.bytes()) {
                (1, None) => dtype = field.varint().unwrap_or(0),
                (2, Some(span)) => self.shape(Message::over(span), &mut shape)?,
                (4, Some(span)) => content = Some(span),
                (8, Some(span)) => self.string(span, strings),
                (15, Some(span)) => self.variant(Message::over(span), strings)?,
                _ => {}
            }
        }
        if self.dtypes.len() < 64 && dtype != 0 {
            self.dtypes.insert(data_type(dtype).map_or_else(|| format!("tf-{dtype}"), |(name, _)| name.to_owned()));
        }
        let Some(span) = content.filter(|span| span.length > 0 && span.end() <= self.size) else { return Ok(()) };
        let known = data_type(dtype);
        if let Some((_, size)) = known.filter(|(_, size)| *size > 0) {
            self.parameters = self.parameters.saturating_add(span.length / size);
        }
        if self.tensors < MAX_TENSORS {
            let dtype = known.map_or_else(|| format!("tf-{dtype}"), |(name, _)| name.to_owned());
            self.sink.tensor(Tensor { name: node.to_owned(), dtype, shape, at: span });
        }
        self.tensors += 1;
        Ok(())
    }

    /// `TensorShapeProto`: dim 2 with size 1.
    fn shape(&mut self, mut message: Message, shape: &mut Vec<u64>) -> Result<(), Malformed> {
        while let Some(field) = self.walker.next(&mut message)? {
            let (2, Some(span)) = (field.number, field.bytes()) else { continue };
            let mut dim = Message::over(span);
            let mut size = 0;
            while let Some(part) = self.walker.next(&mut dim)? {
                if part.number == 1 {
                    size = part.varint().unwrap_or(0);
                }
            }
            if shape.len() < 64 {
                shape.push(size);
            }
        }
        Ok(())
    }

    /// `VariantTensorDataProto`: metadata 2 and tensors 3, of which the strings may be graphs; nested ones are left at one level.
    fn variant(&mut self, mut message: Message, strings: &mut Vec<Span>) -> Result<(), Malformed> {
        while let Some(field) = self.walker.next(&mut message)? {
            match (field.number, field.bytes()) {
                (2, Some(span)) => self.string(span, strings),
                (3, Some(span)) => {
                    let mut tensor = Message::over(span);
                    while let Some(part) = self.walker.next(&mut tensor)? {
                        if let (8, Some(text)) = (part.number, part.bytes()) {
                            self.string(text, strings);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Keeps a string, and puts it on the list if it is a graph: `DatasetFromGraph` and others run graphs out of strings.
    fn string(&mut self, span: Span, strings: &mut Vec<Span>) {
        if strings.len() < MAX_STRINGS {
            strings.push(span);
        }
        self.maybe_graph(span);
    }

    /// Puts bytes on the list if they are a graph.
    pub fn maybe_graph(&mut self, span: Span) {
        // Any field of the graph may come first: node 1, library 2, version 3, versions 4.
        if span.length < SMALLEST_GRAPH || !matches!(self.walker.read(span, 1).first(), Some(0x0a | 0x12 | 0x18 | 0x22))
        {
            return;
        }
        let head = self.walker.read(span, GRAPH_HEAD);
        if probe::is_graph_def(&head, span.length) {
            self.nested(span);
        }
    }

    /// A short text out of the graph, fit for a message.
    pub fn name(&mut self, span: Span) -> String {
        clip(&escape(&self.walker.text(span, 1024)), 512)
    }

    /// A field that was not used: with a number far from the schema's and a size, it hides something.
    pub fn known(&mut self, field: &Field, largest: u32, place: &str) {
        let span = field.span();
        if field.number > largest + 20 && span.length >= 1024 && span.end() <= self.size {
            let number = field.number.to_string();
            self.hidden
                .add(&number, span, || format!("of {place} holds {} bytes and is not part of TensorFlow", span.length));
            self.sink.embed(&format!("unknown field at offset {}", field.at), span, "");
        }
    }
}
