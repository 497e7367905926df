//! The 68 opcodes of pickle protocols 0 to 5 (PEP 3154, PEP 574; `pickletools.opcodes` of CPython 3.8 to 3.14).

/// Declares the constants and the table of names from one list.
macro_rules! opcodes {
    ($($(#[$doc:meta])* $name:ident = $byte:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: u8 = $byte;)*
        /// Name of every opcode by its byte, empty for a byte that is none.
        const NAMES: [&str; 256] = {
            let mut names = [""; 256];
            $(names[$byte as usize] = stringify!($name);)*
            names
        };
    };
}

opcodes! {
    MARK = b'('; STOP = b'.'; POP = b'0'; POP_MARK = b'1'; DUP = b'2';
    FLOAT = b'F'; INT = b'I'; BININT = b'J'; BININT1 = b'K'; LONG = b'L'; BININT2 = b'M'; NONE = b'N';
    PERSID = b'P'; BINPERSID = b'Q'; REDUCE = b'R'; STRING = b'S'; BINSTRING = b'T'; SHORT_BINSTRING = b'U';
    UNICODE = b'V'; BINUNICODE = b'X'; APPEND = b'a'; BUILD = b'b'; GLOBAL = b'c'; DICT = b'd'; EMPTY_DICT = b'}';
    APPENDS = b'e'; GET = b'g'; BINGET = b'h'; INST = b'i'; LONG_BINGET = b'j'; LIST = b'l'; EMPTY_LIST = b']';
    OBJ = b'o'; PUT = b'p'; BINPUT = b'q'; LONG_BINPUT = b'r'; SETITEM = b's'; TUPLE = b't'; EMPTY_TUPLE = b')';
    SETITEMS = b'u'; BINFLOAT = b'G'; BINBYTES = b'B'; SHORT_BINBYTES = b'C';
    PROTO = 0x80; NEWOBJ = 0x81; EXT1 = 0x82; EXT2 = 0x83; EXT4 = 0x84; TUPLE1 = 0x85; TUPLE2 = 0x86; TUPLE3 = 0x87;
    NEWTRUE = 0x88; NEWFALSE = 0x89; LONG1 = 0x8a; LONG4 = 0x8b; SHORT_BINUNICODE = 0x8c; BINUNICODE8 = 0x8d;
    BINBYTES8 = 0x8e; EMPTY_SET = 0x8f; ADDITEMS = 0x90; FROZENSET = 0x91; NEWOBJ_EX = 0x92; STACK_GLOBAL = 0x93;
    MEMOIZE = 0x94; FRAME = 0x95; BYTEARRAY8 = 0x96; NEXT_BUFFER = 0x97; READONLY_BUFFER = 0x98;
}

/// Every byte that is an opcode: what a pickle can begin with.
pub fn all() -> impl Iterator<Item = u8> {
    (0..=255).filter(|byte| !name(*byte).is_empty())
}

/// Name of an opcode as `pickletools` spells it; empty if the byte is none.
pub fn name(byte: u8) -> &'static str {
    NAMES[usize::from(byte)]
}

/// How the argument of an opcode is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    /// No argument.
    Nothing,
    /// This many bytes.
    Fixed(u8),
    /// Up to a line feed, once or twice.
    Lines(u8),
    /// A little-endian length of this many bytes, then as many bytes.
    Counted(u8),
    /// No opcode.
    Invalid,
}

/// Layout of the argument that follows an opcode.
pub(crate) fn argument(byte: u8) -> Argument {
    match byte {
        GLOBAL | INST => Argument::Lines(2),
        FLOAT | INT | LONG | PERSID | STRING | UNICODE | GET | PUT => Argument::Lines(1),
        BININT | LONG_BINGET | LONG_BINPUT | EXT4 => Argument::Fixed(4),
        BININT2 | EXT2 => Argument::Fixed(2),
        BININT1 | BINGET | BINPUT | PROTO | EXT1 => Argument::Fixed(1),
        BINFLOAT | FRAME => Argument::Fixed(8),
        LONG1 | SHORT_BINSTRING | SHORT_BINBYTES | SHORT_BINUNICODE => Argument::Counted(1),
        LONG4 | BINSTRING | BINUNICODE | BINBYTES => Argument::Counted(4),
        BINUNICODE8 | BINBYTES8 | BYTEARRAY8 => Argument::Counted(8),
        _ if name(byte).is_empty() => Argument::Invalid,
        _ => Argument::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_68_opcodes() {
        assert_eq!((0..=255u8).filter(|&b| !name(b).is_empty()).count(), 68);
        assert_eq!(name(0x93), "STACK_GLOBAL");
        assert_eq!(name(b'\n'), "");
        assert_eq!(argument(0), Argument::Invalid);
    }
}
