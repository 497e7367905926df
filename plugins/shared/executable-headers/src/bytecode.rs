//! Bytecode that an interpreter or virtual machine runs: Lua, LuaJIT, DEX, JVM class files, CPython's `.pyc`.

use crate::window::{Extent, Order, Window};
use crate::{Executable, Kind};

/// Bytes that every precompiled chunk since Lua 5.2 holds, to notice a text-mode transfer. Source: `lundump.h`.
const LUA_DATA: [u8; 6] = [0x19, 0x93, b'\r', b'\n', 0x1a, b'\n'];

/// Lua 5.1 to 5.4: `lua_load` refuses a chunk whose header differs from its own build in any byte, so all are checked.
/// Torch7 files carry such chunks for functions.
pub(crate) fn inspect_lua(window: &Window<'_>) -> Option<Executable> {
    let [version, format] = window.array::<2>(4)?;
    let word = |size: u8| size == 4 || size == 8;
    let (sane, header) = match (version, format) {
        (0x51 | 0x52, 0) => {
            let [order, int, size, instruction, number, integral] = window.array::<6>(6)?;
            let fields = order <= 1 && int == 4 && word(size) && instruction == 4 && word(number) && integral <= 1;
            if version == 0x51 { (fields, 12) } else { (fields && window.array::<6>(12)? == LUA_DATA, 18) }
        }
        (0x53, 0) => {
            let [int, size, instruction, integer, number] = window.array::<5>(12)?;
            let fields = int == 4 && word(size) && instruction == 4 && word(integer) && word(number);
            (fields && window.array::<6>(6)? == LUA_DATA, 17)
        }
        (0x54, 0) => {
            let [instruction, integer, number] = window.array::<3>(12)?;
            (instruction == 4 && word(integer) && word(number) && window.array::<6>(6)? == LUA_DATA, 15)
        }
        _ => return None,
    };
    sane.then(|| headed(window, Kind::Lua { version }, header))
}

/// LuaJIT 2: flags, the chunk's name unless stripped, then a first prototype whose counts fit its length (`lj_bcread.c`).
pub(crate) fn inspect_luajit(window: &Window<'_>) -> Option<Executable> {
    const FLAGS: u32 = 0x1f;
    const STRIPPED: u32 = 2;
    if !matches!(window.u8(3)?, 1 | 2) {
        return None;
    }
    let (flags, width) = window.leb32(4)?;
    if flags > FLAGS || width != 1 {
        return None;
    }
    let mut at = 5u64;
    if flags & STRIPPED == 0 {
        let (length, width) = window.leb32(at)?;
        let first = window.u8(at + width)?;
        if !(1..=4096).contains(&length) || !(first.is_ascii_graphic() || first >= 0xc2) {
            return None;
        }
        at += width + u64::from(length);
    }
    let (length, width) = window.leb32(at)?;
    at += width;
    let [proto, parameters, frame, upvalues] = window.array::<4>(at)?;
    let mut counts = [0u64; 3];
    let mut inside = 4u64;
    for count in &mut counts {
        let (value, width) = window.leb32(at + inside)?;
        *count = u64::from(value);
        inside += width;
    }
    let [objects, numbers, instructions] = counts;
    // An instruction takes four bytes, an upvalue two, a constant at least one.
    let needed = inside + u64::from(upvalues) * 2 + objects + numbers + instructions * 4;
    let sane = proto <= 0x3f
        && parameters <= frame
        && frame <= 250
        && instructions > 0
        && needed <= u64::from(length)
        && at.saturating_add(u64::from(length)) <= window.size();
    sane.then(|| headed(window, Kind::LuaJit, at))
}

/// DEX: version digits, header size, endianness tag (the format's specification; ART checks the same).
pub(crate) fn inspect_dex(window: &Window<'_>) -> Option<Executable> {
    let [a, b, c, nul] = window.array::<4>(4)?;
    let size = window.u32(32, Order::Little)?;
    let header = window.u32(36, Order::Little)?;
    let tag = window.u32(40, Order::Little)?;
    let sane = [a, b, c].iter().all(u8::is_ascii_digit)
        && nul == 0
        && matches!(header, 0x70 | 0x78)
        && size >= header
        && matches!(tag, 0x1234_5678 | 0x7856_3412);
    if !sane {
        return None;
    }
    let mut extent = Extent::new(window, u64::from(header));
    extent.part(0, u64::from(size));
    Some(Executable { kind: Kind::Dex, extent: extent.bytes(), truncated: extent.truncated() })
}

/// Constants of a class file's pool that are walked; each narrows a chance hit by four bits.
const CONSTANTS_WALKED: u16 = 16;

/// JVM class file: version, then a constant pool of known tags (JVM specification, chapter 4).
pub(crate) fn inspect_class(window: &Window<'_>) -> Option<Executable> {
    let minor = window.u16(4, Order::Big)?;
    let major = window.u16(6, Order::Big)?;
    let count = window.u16(8, Order::Big)?;
    // 45 is Java 1.1, whose minor is 3; since then it is 0, or all ones for previews. 100 leaves room for 30 years.
    let version = (45..=100).contains(&major) && (minor == 0 || minor == 0xffff || (major == 45 && minor <= 3));
    if !version || count < 2 {
        return None;
    }
    let mut at = 10u64;
    let mut index = 1u16;
    while index < count.min(CONSTANTS_WALKED) {
        // Long and Double take two entries.
        let (length, entries) = match window.u8(at)? {
            1 => (3 + u64::from(window.u16(at + 1, Order::Big)?), 1),
            3 | 4 | 9..=12 | 17 | 18 => (5, 1),
            5 | 6 => (9, 2),
            7 | 8 | 16 | 19 | 20 => (3, 1),
            15 => (4, 1),
            _ => return None,
        };
        at += length;
        index += entries;
        if at >= window.size() {
            break;
        }
    }
    Some(headed(window, Kind::JavaClass { major }, at.min(window.size())))
}

/// Interpreters by magic number: first and last of the range, and where the marshalled code object starts. Source: the list
/// in CPython's `Lib/importlib/_bootstrap_external.py`.
const PYTHON_MAGICS: &[(u16, u16, u64)] = &[
    (3390, 3999, 16),  // 3.7 and later: magic, flags, then time and size or a hash
    (3190, 3389, 12),  // 3.3 to 3.6: magic, time, size
    (3000, 3189, 8),   // 3.0 to 3.2: magic, time
    (62011, 62219, 8), // 2.3 to 2.7
];

/// CPython bytecode: a known magic, flags within what exists, and a marshalled module. A module's code object takes no
/// arguments: its first two counts are zero in the layout of every version.
pub(crate) fn inspect_pyc(window: &Window<'_>) -> Option<Executable> {
    let magic = window.u16(0, Order::Little)?;
    let (_, _, start) = *PYTHON_MAGICS.iter().find(|(first, last, _)| (*first..=*last).contains(&magic))?;
    if start == 16 && window.u32(4, Order::Little)? > 3 {
        return None;
    }
    let tag = window.u8(start)?;
    // `TYPE_CODE`, with or without `FLAG_REF`.
    if tag & 0x7f != b'c' || window.u64(start + 1, Order::Little)? != 0 {
        return None;
    }
    Some(headed(window, Kind::PythonBytecode { magic }, start + 9))
}

/// For formats that do not say how long they are: what follows can not be told apart, so only the header belongs to it.
fn headed(window: &Window<'_>, kind: Kind, header: u64) -> Executable {
    Executable { kind, extent: header.min(window.size()), truncated: false }
}
