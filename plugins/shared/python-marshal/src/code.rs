//! A code object as its reader wants it: by name of the field.

use crate::Object;
use crate::layout::Field;
use crate::object::{Index, Marshal};

/// A code object.
#[derive(Clone, Copy, Debug)]
pub struct Code<'m> {
    pub(crate) marshal: &'m Marshal,
    pub(crate) fields: &'m [Index],
}

/// A constant of a code object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Constant<'m> {
    /// A text.
    Text(&'m str),
    /// Bytes.
    Bytes(&'m [u8]),
    /// Something else: a number, a nested code object, `None`.
    Other,
}

impl<'m> Code<'m> {
    /// Name of the function: `<lambda>`, `<module>` or what `def` said. Empty if it is not a text.
    pub fn name(&self) -> &'m str {
        self.field(Field::Name).and_then(text).unwrap_or_default()
    }

    /// Name of the source file on the author's machine.
    pub fn file_name(&self) -> &'m str {
        self.field(Field::FileName).and_then(text).unwrap_or_default()
    }

    /// Names of globals, attributes and imported modules, in the order of their first use.
    pub fn names(&self) -> Vec<&'m str> {
        self.items(Field::Names).into_iter().filter_map(text).collect()
    }

    /// The constants, those inside tuples included (one level: CPython folds constant tuples and no deeper ones matter).
    pub fn constants(&self) -> Vec<Constant<'m>> {
        let mut found = Vec::new();
        for object in self.items(Field::Constants) {
            match object {
                Object::Items(items) => {
                    found.extend(items.iter().filter_map(|i| self.marshal.get(*i)).map(constant));
                }
                other => found.push(constant(other)),
            }
        }
        found
    }

    /// The instructions, two bytes each since Python 3.6.
    pub fn instructions(&self) -> &'m [u8] {
        match self.field(Field::Code) {
            Some(Object::Bytes(bytes)) => bytes,
            _ => &[],
        }
    }

    fn field(&self, wanted: Field) -> Option<&'m Object> {
        let objects = self.marshal.layout.fields().iter().filter(|f| **f != Field::Number);
        let position = objects.into_iter().position(|f| *f == wanted)?;
        self.marshal.get(*self.fields.get(position)?)
    }

    fn items(&self, field: Field) -> Vec<&'m Object> {
        match self.field(field) {
            Some(Object::Items(items)) => items.iter().filter_map(|i| self.marshal.get(*i)).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the fields have the types that CPython demands: what tells a fitting layout from one that fits by chance.
    pub(crate) fn is_sound(&self) -> bool {
        self.marshal.layout.fields().iter().filter(|f| **f != Field::Number).all(|field| {
            let object = self.field(*field);
            match field {
                Field::Code => matches!(object, Some(Object::Bytes(_))),
                Field::Bytes => matches!(object, Some(Object::Bytes(_) | Object::Text(_))),
                Field::Constants => matches!(object, Some(Object::Items(_))),
                Field::Names | Field::Variables => {
                    matches!(object, Some(Object::Items(_)))
                        && self.items(*field).into_iter().all(|o| text(o).is_some())
                }
                Field::FileName | Field::Name | Field::QualifiedName => object.is_some_and(|o| text(o).is_some()),
                Field::Number => true,
            }
        })
    }
}

/// A text, or a Python 2 `str` that is UTF-8.
fn text(object: &Object) -> Option<&str> {
    match object {
        Object::Text(text) => Some(text),
        Object::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn constant(object: &Object) -> Constant<'_> {
    match object {
        Object::Text(text) => Constant::Text(text),
        Object::Bytes(bytes) => Constant::Bytes(bytes),
        _ => Constant::Other,
    }
}
