//! Arrays of version 2 (`NDArrayView`): measured, never read.

use modelaudit_plugin::{Finding, Sink, Span, Tensor};
use modelaudit_protobuf::{Malformed, Message, Value, Walker};
use modelaudit_rules::structure::S902;

/// Dimensions that are kept; CNTK's own shapes have at most 12.
const MOST_DIMENSIONS: usize = 64;

/// An array and where its values stand.
pub(crate) struct Array {
    /// The message.
    pub(crate) at: Span,
    kind: u64,
    shape: Vec<u64>,
    /// The packed values, if they are in the message.
    values: Option<Span>,
}

/// `NDArrayView.DataType` with the name here and the bytes of a value: in a message, and behind it.
fn data_type(kind: u64) -> Option<(&'static str, u64)> {
    match kind {
        1 => Some(("f32", 4)),
        2 => Some(("f64", 8)),
        4 => Some(("f16", 2)),
        5 => Some(("i8", 1)),
        6 => Some(("i16", 2)),
        _ => None,
    }
}

impl Array {
    /// Reads the fields of a `NDArrayView`.
    pub(crate) fn read(walker: &mut Walker<'_>, span: Span) -> Result<Self, Malformed> {
        let mut array = Self { at: span, kind: 0, shape: Vec::new(), values: None };
        let mut message = Message::over(span);
        while let Some(field) = walker.next(&mut message)? {
            match (field.number, field.value) {
                (1, Value::Varint(kind)) => array.kind = kind,
                (3, Value::Bytes(shape)) => {
                    let mut shape = Message::over(shape);
                    while let Some(field) = walker.next(&mut shape)? {
                        walker.varints(&field, MOST_DIMENSIONS + 1, &mut array.shape)?;
                    }
                }
                (4..=7, Value::Bytes(values)) => {
                    let mut values = Message::over(values);
                    // The values are one packed list; an unpacked one is refused by no reader, and written by none.
                    while let Some(field) = walker.next(&mut values)? {
                        array.values = field.bytes().or(array.values);
                    }
                }
                _ => {}
            }
        }
        Ok(array)
    }

    /// Bytes that the values take, None if that is no number.
    pub(crate) fn length(&self) -> Option<u64> {
        let (_, width) = data_type(self.kind)?;
        self.shape.iter().try_fold(width, |product, dimension| product.checked_mul(*dimension))
    }

    /// Bytes that the values take behind the message of a file over 2 GiB, where CNTK writes floats and doubles.
    pub(crate) fn length_behind(&self) -> Option<u64> {
        self.length().filter(|_| matches!(self.kind, 1 | 2))
    }

    /// Names the array, or says that its shape contradicts what is there.
    pub(crate) fn report(&self, name: &str, size: u64, sink: &mut dyn Sink) {
        let defect = |text: String| {
            let at = self.at.within(size);
            Finding::new(&S902, text).at(at.offset, at.length).element(name)
        };
        let Some((dtype, _)) = data_type(self.kind) else {
            return sink
                .finding(defect(format!("the array has the data type {}, which CNTK does not have", self.kind)));
        };
        let length = self.length().filter(|length| *length < 1 << 53);
        let (Some(length), true) = (length, self.shape.len() <= MOST_DIMENSIONS) else {
            return sink.finding(defect("the shape of the array is larger than any memory".to_owned()));
        };
        // Small integers are packed as varints of one to five bytes.
        let counted = self.values.filter(|_| self.kind <= 2);
        if let Some(values) = counted.filter(|values| values.length != length) {
            let text = format!("the array holds {} bytes of values, its shape takes {length}", values.length);
            return sink.finding(defect(text));
        }
        let at = match self.values {
            Some(at) => at.within(size),
            None if length == 0 => Span::new(self.at.within(size).offset, 0),
            None => return sink.finding(defect(format!("the array holds no values, its shape takes {length} bytes"))),
        };
        sink.tensor(Tensor { name: name.to_owned(), dtype: dtype.to_owned(), shape: self.shape.clone(), at });
    }

    /// The values stand in the message itself.
    pub(crate) fn is_whole(&self) -> bool {
        self.values.is_some()
    }
}
