//! What expressions amount to.

use ruff_python_ast::{
    Comprehension, Expr, FStringPart, InterpolatedStringElement, InterpolatedStringElements, Number, Operator, UnaryOp,
};
use ruff_text_size::Ranged;

use crate::evidence::Reach;
use crate::machine::Machine;
use crate::value::{HOLE, LONGEST, MOST_ELEMENTS, Marks, Shape, Value};
use crate::{fold, known};

/// Longest known list that a comprehension is computed over.
const LONGEST_COMPREHENSION: usize = 1 << 16;

impl<'a> Machine<'a> {
    /// Evaluates an expression; every call in it is looked at.
    pub(crate) fn evaluate(&mut self, expression: &'a Expr) -> Value {
        self.deep += 1;
        let value = self.evaluate_parts(expression);
        self.deep -= 1;
        value
    }

    fn evaluate_parts(&mut self, expression: &'a Expr) -> Value {
        match expression {
            Expr::StringLiteral(text) => Value::text(text.value.to_str(), Marks::NONE),
            Expr::BytesLiteral(bytes) => {
                let bytes: Vec<u8> = bytes.value.iter().flat_map(|part| part.as_slice().to_vec()).collect();
                Value::bytes(&bytes, Marks::NONE)
            }
            Expr::NumberLiteral(number) => match &number.value {
                Number::Int(number) => {
                    number.as_i64().map_or(Value::UNKNOWN, |number| Value::new(Shape::Int(number), Marks::NONE))
                }
                _ => Value::UNKNOWN,
            },
            Expr::BooleanLiteral(flag) => Value::new(Shape::Bool(flag.value), Marks::NONE),
            Expr::NoneLiteral(_) => Value::new(Shape::None, Marks::NONE),
            Expr::EllipsisLiteral(_) => Value::UNKNOWN,
            Expr::Name(name) => self.variable(name.id.as_str()),
            Expr::Attribute(attribute) => {
                let owner = self.evaluate(&attribute.value);
                self.attribute(&owner, attribute.attr.as_str())
            }
            Expr::Call(call) => self.call(call),
            Expr::BinOp(_) => self.chain(expression),
            Expr::BoolOp(node) => {
                let mut result: Option<Value> = None;
                for value in &node.values {
                    let value = self.evaluate(value);
                    result = Some(match result {
                        Some(before) => before.either(value),
                        None => value,
                    });
                }
                result.unwrap_or(Value::UNKNOWN)
            }
            Expr::UnaryOp(node) => {
                let operand = self.evaluate(&node.operand);
                match (node.op, &operand.shape) {
                    (UnaryOp::USub, Shape::Int(number)) => {
                        number.checked_neg().map_or(Value::UNKNOWN, |n| Value::new(Shape::Int(n), operand.marks))
                    }
                    (UnaryOp::UAdd, _) => operand,
                    (UnaryOp::Invert, Shape::Int(number)) => Value::new(Shape::Int(!number), operand.marks),
                    _ => Value::UNKNOWN,
                }
            }
            Expr::Compare(node) => {
                self.evaluate(&node.left);
                node.comparators.iter().for_each(|e| {
                    self.evaluate(e);
                });
                Value::UNKNOWN
            }
            Expr::Named(node) => {
                let value = self.evaluate(&node.value);
                self.assign(&node.target, value.clone());
                value
            }
            Expr::Lambda(node) => {
                // Its body runs when somebody calls it.
                let reach = std::mem::replace(&mut self.reach, Reach::Later);
                let body = self.evaluate(&node.body);
                self.reach = reach;
                // `(lambda s: exec(s))` is a function for whoever calls it; what it would return is close enough.
                Value::unknown(body.marks)
            }
            Expr::If(node) => {
                self.evaluate(&node.test);
                let (body, other) = (self.evaluate(&node.body), self.evaluate(&node.orelse));
                body.either(other)
            }
            Expr::List(node) => self.list(&node.elts),
            Expr::Tuple(node) => self.list(&node.elts),
            Expr::Set(node) => self.list(&node.elts),
            Expr::Dict(node) => {
                let mut marks = Marks::NONE;
                for item in &node.items {
                    if let Some(key) = &item.key {
                        self.evaluate(key);
                    }
                    marks = marks.and(self.evaluate(&item.value).marks);
                }
                Value::unknown(marks)
            }
            Expr::ListComp(node) => self.comprehension(&node.elt, &node.generators),
            Expr::SetComp(node) => self.comprehension(&node.elt, &node.generators),
            Expr::Generator(node) => self.comprehension(&node.elt, &node.generators),
            Expr::DictComp(node) => {
                self.comprehension(&node.value, &node.generators);
                if let Some(key) = &node.key {
                    self.evaluate(key);
                }
                Value::UNKNOWN
            }
            Expr::Await(node) => self.evaluate(&node.value),
            Expr::Yield(node) => node.value.as_deref().map_or(Value::UNKNOWN, |value| self.evaluate(value)),
            Expr::YieldFrom(node) => self.evaluate(&node.value),
            Expr::FString(node) => {
                let (mut text, mut marks) = (String::new(), Marks::NONE);
                for part in node.value.iter() {
                    match part {
                        FStringPart::Literal(literal) => text.push_str(literal.as_str()),
                        FStringPart::FString(part) => self.interpolated(&part.elements, &mut text, &mut marks),
                    }
                }
                Value::text(&text, marks)
            }
            Expr::TString(node) => {
                let (mut text, mut marks) = (String::new(), Marks::NONE);
                for part in node.value.iter() {
                    self.interpolated(&part.elements, &mut text, &mut marks);
                }
                Value::unknown(marks)
            }
            Expr::Subscript(node) => {
                let value = self.evaluate(&node.value);
                if let Expr::Slice(slice) = node.slice.as_ref() {
                    let mut bound = |bound: &'a Option<Box<Expr>>| match bound {
                        None => Ok(None),
                        Some(bound) => match self.evaluate(bound).shape {
                            Shape::Int(number) => Ok(Some(number)),
                            Shape::None => Ok(None),
                            _ => Err(()),
                        },
                    };
                    let bounds = (bound(&slice.lower), bound(&slice.upper), bound(&slice.step));
                    let (Ok(lower), Ok(upper), Ok(step)) = bounds else { return Value::unknown(value.marks) };
                    let folded = fold::slice(&value, lower, upper, step.unwrap_or(1));
                    return self.folded(folded).unwrap_or(Value::unknown(value.marks));
                }
                let key = self.evaluate(&node.slice);
                self.item(&value, &key)
            }
            Expr::Starred(node) => Value::unknown(self.evaluate(&node.value).marks),
            Expr::Slice(node) => {
                node.lower.iter().chain(&node.upper).chain(&node.step).for_each(|e| {
                    self.evaluate(e);
                });
                Value::UNKNOWN
            }
            Expr::IpyEscapeCommand(node) => {
                self.magic(node.kind, &node.value, node.range().start().to_usize());
                Value::UNKNOWN
            }
        }
    }

    fn interpolated(&mut self, elements: &'a InterpolatedStringElements, text: &mut String, marks: &mut Marks) {
        for element in elements {
            match element {
                InterpolatedStringElement::Literal(literal) => text.push_str(&literal.value),
                InterpolatedStringElement::Interpolation(element) => {
                    let value = self.evaluate(&element.expression);
                    *marks = marks.and(value.marks);
                    if text.len() < LONGEST {
                        text.push_str(&fold::shown(Some(&value)));
                    }
                    if let Some(format) = &element.format_spec {
                        self.interpolated(&format.elements, &mut String::new(), marks);
                    }
                }
            }
        }
    }

    /// A chain of operators, from the left: thousands of pieces make a text, and none of them may cost stack.
    fn chain(&mut self, expression: &'a Expr) -> Value {
        let mut links = Vec::new();
        let mut left = expression;
        while let Expr::BinOp(node) = left {
            links.push((node.op, node.right.as_ref()));
            left = &node.left;
        }
        let mut value = self.evaluate(left);
        for (operator, right) in links.into_iter().rev() {
            let right = self.evaluate(right);
            value = self.binary(operator, &value, &right);
        }
        value
    }

    /// One operator on two values.
    pub(crate) fn binary(&mut self, operator: Operator, left: &Value, right: &Value) -> Value {
        let folded = fold::binary(operator.as_str(), left, right);
        let marks = left.marks.and(right.marks).without(Marks::ODD);
        self.folded(folded).unwrap_or(Value::unknown(marks))
    }

    fn list(&mut self, items: &'a [Expr]) -> Value {
        let (mut values, mut marks) = (Vec::new(), Marks::NONE);
        for item in items {
            let value = self.evaluate(item);
            marks = marks.and(value.marks);
            if values.len() < MOST_ELEMENTS {
                values.push(value);
            }
        }
        if values.len() < items.len() { Value::unknown(marks) } else { Value::list(values) }
    }

    /// A comprehension: computed if it goes over one known list, else read once.
    fn comprehension(&mut self, element: &'a Expr, generators: &'a [Comprehension]) -> Value {
        let Some((first, rest)) = generators.split_first() else { return Value::UNKNOWN };
        let iterated = self.evaluate(&first.iter);
        let size = element.range().len().to_usize() / 8 + 1;
        let items =
            fold::elements(&iterated, LONGEST_COMPREHENSION).filter(|_| rest.is_empty() && first.ifs.is_empty());
        if let Some(items) = items.filter(|items| items.len() == 1 || self.pay(items.len().saturating_mul(size))) {
            let mut values = Vec::with_capacity(items.len());
            for item in items {
                self.assign(&first.target, item);
                values.push(self.evaluate(element));
            }
            let list = Value::list(values);
            return self.folded(Some(list)).unwrap_or(Value::UNKNOWN);
        }
        let marks = iterated.marks.without(Marks::COMPUTED.and(Marks::ODD));
        self.assign(&first.target, Value::unknown(marks));
        for condition in &first.ifs {
            self.evaluate(condition);
        }
        for generator in rest {
            let iterated = self.evaluate(&generator.iter);
            self.assign(&generator.target, Value::unknown(iterated.marks));
            for condition in &generator.ifs {
                self.evaluate(condition);
            }
        }
        let value = self.evaluate(element);
        Value::unknown(marks.and(value.marks))
    }

    /// `owner.name`.
    pub(crate) fn attribute(&self, owner: &Value, name: &str) -> Value {
        let marks = owner.marks;
        match &owner.shape {
            Shape::Path(path) if path.ends_with(".__dict__") && name == "get" => Value::path(path, marks),
            Shape::Path(path) => Value::path(&known::canonical(&format!("{path}.{name}")), marks),
            Shape::Instance(class) | Shape::Class(class) => {
                let member = self.classes.get(*class).and_then(|class| class.members.get(name)).cloned();
                match member {
                    Some(Value { shape: Shape::Function(function), .. })
                        if matches!(owner.shape, Shape::Instance(_)) =>
                    {
                        Value::new(Shape::Method { function, class: *class }, Marks::NONE)
                    }
                    Some(member) => member,
                    None => special(name, marks),
                }
            }
            Shape::Either(choices) => choices
                .iter()
                .map(|choice| self.attribute(choice, name))
                .reduce(Value::either)
                .unwrap_or(Value::unknown(marks)),
            _ => special(name, marks),
        }
    }

    /// `owner[key]`.
    pub(crate) fn item(&self, owner: &Value, key: &Value) -> Value {
        let odd = owner.marks.and(key.marks).and(Marks::ODD);
        match (&owner.shape, &key.shape) {
            (Shape::Path(path), Shape::Text(key)) => match &**path {
                "sys.modules" => Value::path(&known::canonical(key), odd),
                "os.environ" if matches!(&**key, "HOME" | "USERPROFILE") => Value::text("~", Marks::NONE),
                "os.environ" => Value::UNKNOWN,
                // globals()['name'], vars(module)['name']
                "builtins.globals()" | "builtins.locals()" => self.variable(key).marked(odd),
                "builtins" => Value::path(&format!("builtins.{key}"), odd),
                path if path.ends_with(".__globals__") && &**key == "__builtins__" => Value::path("builtins", odd),
                path => match path.strip_suffix(".__dict__") {
                    Some(module) => Value::path(&known::canonical(&format!("{module}.{key}")), odd),
                    None => Value::unknown(owner.marks),
                },
            },
            (_, Shape::Int(index)) => fold::index(owner, *index).unwrap_or(Value::unknown(owner.marks)),
            _ => Value::unknown(owner.marks),
        }
    }
}

/// Attributes by which the internals of the interpreter are reached from any object; others are not known.
fn special(name: &str, marks: Marks) -> Value {
    match name {
        "__class__" | "__globals__" | "__builtins__" | "__subclasses__" | "__mro__" | "__base__" | "__bases__" => {
            Value::path(&format!("?.{name}"), marks)
        }
        _ => Value::unknown(marks),
    }
}

/// A text with no hole in it.
pub(crate) fn whole(text: &str) -> Option<&str> {
    (!text.contains(HOLE)).then_some(text)
}
