//! What an operator of the Flex delegate really runs.
//!
//! Its custom code is `Flex` and the name of a TensorFlow operation, and by the first four letters alone the delegate takes it. What
//! it runs stands in the custom options: a FlexBuffer with a vector of two strings, the operation's name and its `NodeDef`
//! (tensorflow/lite/delegates/flex/kernel.cc, `OpNode::InitializeNodeDef` and `BuildEagerOp`). So the custom code is a label that
//! anybody may change. Layout of FlexBuffers: google.github.io/flatbuffers, "FlexBuffers": values from the end of the bytes to the front.

/// `FBT_STRING` and `FBT_VECTOR` of flexbuffers.h.
const STRING: u8 = 5;
const VECTOR: u8 = 10;

/// The first string of a FlexBuffer that is a vector: the operation that the delegate runs. None if there is none.
pub fn operation(options: &[u8]) -> Option<&[u8]> {
    let (&width, rest) = options.split_last()?;
    let (&kind, rest) = rest.split_last()?;
    if kind >> 2 != VECTOR {
        return None;
    }
    let root = rest.len().checked_sub(usize::from(width))?;
    let vector = indirect(options, root, width)?;
    let width = 1u8 << (kind & 3);
    let count = number(options, vector.checked_sub(usize::from(width))?, width)?;
    let types = usize::try_from(count).ok()?.checked_mul(usize::from(width))?.checked_add(vector)?;
    if count == 0 {
        return None;
    }
    let kind = *options.get(types)?;
    if kind >> 2 != STRING {
        return None;
    }
    let text = indirect(options, vector, width)?;
    let width = 1u8 << (kind & 3);
    let length = usize::try_from(number(options, text.checked_sub(usize::from(width))?, width)?).ok()?;
    options.get(text..text.checked_add(length)?)
}

/// Where the offset at `at` leads: to the front.
fn indirect(bytes: &[u8], at: usize, width: u8) -> Option<usize> {
    at.checked_sub(usize::try_from(number(bytes, at, width)?).ok()?)
}

/// A little-endian number of 1, 2, 4 or 8 bytes.
fn number(bytes: &[u8], at: usize, width: u8) -> Option<u64> {
    if !matches!(width, 1 | 2 | 4 | 8) {
        return None;
    }
    let bytes = bytes.get(at..at.checked_add(usize::from(width))?)?;
    Some(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::operation;

    /// As the converter writes it: both strings, then the vector with their offsets and types, then the root.
    const WRITTEN: &[u8] = b"\x09WriteFile\0\x04node\0\x02\x11\x07\x14\x14\x04\x28\x01";

    #[test]
    fn the_operation_is_found() {
        assert_eq!(operation(WRITTEN), Some(b"WriteFile".as_slice()));
    }

    #[test]
    fn what_is_no_such_vector_has_none() {
        for end in 0..WRITTEN.len() {
            assert_ne!(operation(&WRITTEN[..end]), Some(b"WriteFile".as_slice()), "{end}");
        }
        let mut bytes = WRITTEN.to_vec();
        for index in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let saved = std::mem::replace(&mut bytes[index], value);
                let _ = operation(&bytes);
                bytes[index] = saved;
            }
        }
        assert_eq!(operation(b"\0\0\x28\xff"), None);
    }
}
