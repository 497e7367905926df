//! The weights of a neural network, which stand in its layers.
//!
//! Each kind of layer has a message of parameters of its own, and in it the weights as `WeightParams`: floats, half floats, or raw bytes of a
//! quantisation (apple/coremltools, mlmodel/format/NeuralNetwork.proto). The hundred kinds need not be known for that: a field of the parameters is
//! taken for weights if its message has the fields of `WeightParams` and no other.

use modelaudit_plugin::{Span, Tensor};
use modelaudit_protobuf::{Message, Value, Walker};

/// Fields of a layer from here on are its parameters.
pub const FIRST_PARAMETERS: u32 = 100;
/// The shortest weights that are named.
const SHORTEST: u64 = 64;
/// Fields of parameters that are looked at; a recurrent layer has some twenty.
const MAX_FIELDS: usize = 64;
/// Fields of `WeightParams`: floatValue, float16Value, rawValue, int8RawValue, quantization, isUpdatable.
const WEIGHTS: [u32; 6] = [1, 2, 30, 31, 40, 50];

/// The weights in the parameters of the layer called `name`.
pub fn weights(walker: &mut Walker<'_>, parameters: Span, name: &str, size: u64) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    let mut message = Message::over(parameters);
    for _ in 0..MAX_FIELDS {
        let Ok(Some(field)) = walker.next(&mut message) else { break };
        let Some(span) = field.bytes().filter(|span| span.length >= SHORTEST && span.end() <= size) else { continue };
        if let Some((dtype, width, at)) = values(walker, span) {
            let name = format!("{name} {}", field.number);
            tensors.push(Tensor { name, dtype: dtype.to_owned(), shape: vec![at.length / width], at });
        }
    }
    tensors
}

/// Type, bytes of an element and place of the values, if the message is one of weights.
fn values(walker: &mut Walker<'_>, span: Span) -> Option<(&'static str, u64, Span)> {
    let mut found = None;
    let mut message = Message::over(span);
    for _ in 0..WEIGHTS.len() {
        let Some(field) = walker.next(&mut message).ok()? else { return found };
        if !WEIGHTS.contains(&field.number) {
            return None;
        }
        if let Value::Bytes(at) = field.value
            && at.length >= SHORTEST / 2
        {
            found = match field.number {
                1 if at.length % 4 == 0 => Some(("f32", 4, at)),
                2 if at.length % 2 == 0 => Some(("f16", 2, at)),
                30 | 31 => Some(("u8", 1, at)),
                _ => found,
            };
        }
    }
    None
}
