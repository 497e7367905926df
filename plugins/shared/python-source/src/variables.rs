//! Variables: what a name stands for, and what an assignment changes.

use ruff_python_ast::Expr;

use crate::machine::Machine;
use crate::value::{Marks, Shape, Value};

impl<'a> Machine<'a> {
    /// The value of a variable.
    pub(crate) fn variable(&self, name: &str) -> Value {
        // Class bodies are not seen by the functions in them, but the walk is inside of one only while it reads it.
        for scope in self.scopes.iter().rev() {
            if let Some(value) = scope.variables.get(name) {
                return value.clone();
            }
        }
        if name == "__builtins__" {
            return Value::path("builtins", Marks::ODD);
        }
        for module in &self.stars {
            let path = crate::known::canonical(&format!("{module}.{name}"));
            if crate::known::effect(&path).is_some() || crate::effects::is_source(&path) {
                return Value::path(&path, Marks::NONE);
            }
        }
        if crate::known::BUILTINS.contains(&name) {
            return Value::path(&format!("builtins.{name}"), Marks::NONE);
        }
        Value::UNKNOWN
    }

    /// Binds a name in the innermost scope.
    pub(crate) fn bind(&mut self, name: &str, value: Value) {
        let branch = self.branches > 0;
        let global = self.scopes.last().is_some_and(|scope| scope.globals.iter().any(|g| g == name));
        let scope = if global { self.scopes.first_mut() } else { self.scopes.last_mut() };
        let Some(scope) = scope else { return };
        let value = match scope.variables.get(name) {
            Some(before) if branch || global => before.clone().either(value),
            _ => value,
        };
        scope.variables.insert(name.to_owned(), value);
    }

    /// Assigns to a target: a name, a tuple of them, an attribute of an object of the file.
    pub(crate) fn assign(&mut self, target: &'a Expr, value: Value) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), value),
            Expr::Tuple(ruff_python_ast::ExprTuple { elts, .. })
            | Expr::List(ruff_python_ast::ExprList { elts, .. }) => {
                let parts = match &value.shape {
                    Shape::List(items) if items.len() == elts.len() => items.to_vec(),
                    _ => vec![Value::unknown(value.marks); elts.len()],
                };
                for (target, part) in elts.iter().zip(parts) {
                    self.assign(target, part);
                }
            }
            Expr::Starred(starred) => self.assign(&starred.value, Value::unknown(value.marks)),
            Expr::Attribute(attribute) => {
                let owner = self.evaluate(&attribute.value);
                if let Shape::Instance(class) | Shape::Class(class) = owner.shape
                    && let Some(class) = self.classes.get_mut(class)
                {
                    let known = class.members.remove(attribute.attr.as_str());
                    // A function stays callable when an attribute of its name is set, too.
                    let value = known.map_or(value.clone(), |known| known.either(value));
                    class.members.insert(attribute.attr.to_string(), value);
                }
            }
            Expr::Subscript(subscript) => {
                self.evaluate(&subscript.value);
                self.evaluate(&subscript.slice);
            }
            _ => {}
        }
    }
}

/// A default that is a literal.
pub(crate) fn constant(expression: &Expr) -> Option<Value> {
    match expression {
        Expr::StringLiteral(text) => Some(Value::text(text.value.to_str(), Marks::NONE)),
        Expr::BytesLiteral(bytes) => {
            let bytes: Vec<u8> = bytes.value.iter().flat_map(|part| part.as_slice().to_vec()).collect();
            Some(Value::bytes(&bytes, Marks::NONE))
        }
        Expr::NumberLiteral(number) => match &number.value {
            ruff_python_ast::Number::Int(number) => Some(Value::new(Shape::Int(number.as_i64()?), Marks::NONE)),
            _ => None,
        },
        _ => None,
    }
}
