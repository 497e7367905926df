//! Mach-O: known CPU, file type, and a load command table whose counts fit each other, as dyld and the kernel demand.

use crate::window::{Extent, Order, Window};
use crate::{Executable, Kind};

/// `cputype` and its name; `0x0100_0000` marks 64 bit, `0x0200_0000` 64 bit with 32-bit pointers. Source: Apple's
/// `mach/machine.h`.
const CPUS: &[(u32, &str)] = &[
    (7, "x86"),
    (0x0100_0007, "x86-64"),
    (12, "Arm"),
    (0x0100_000c, "Arm64"),
    (0x0200_000c, "Arm64_32"),
    (18, "PowerPC"),
    (0x0100_0012, "PowerPC64"),
];

const COMMANDS_MAX: u32 = 10_000;
/// How many load commands are walked to find the extent.
const EXTENT_COMMANDS: u32 = 64;
/// The number of the last load command known today is 0x38 (`mach-o/loader.h`); some room for the next ones.
const COMMAND_MAX: u32 = 0x60;
/// `LC_REQ_DYLD`: dyld must understand the command.
const REQUIRED: u32 = 0x8000_0000;
const SEGMENT: u32 = 1;
const SEGMENT_64: u32 = 0x19;

/// A universal file has a handful of slices; a Java class has at least 45 in the same place.
const SLICES_MAX: u32 = 30;
/// Slices are aligned to a power of two of at most this (32 KiB is the widest in use: 2^14 for Arm64).
const ALIGN_MAX: u32 = 24;

pub(crate) fn inspect_thin(window: &Window<'_>) -> Option<Executable> {
    let (order, wide) = match window.array::<4>(0)? {
        [0xce, 0xfa, 0xed, 0xfe] => (Order::Little, false),
        [0xcf, 0xfa, 0xed, 0xfe] => (Order::Little, true),
        [0xfe, 0xed, 0xfa, 0xce] => (Order::Big, false),
        [0xfe, 0xed, 0xfa, 0xcf] => (Order::Big, true),
        _ => return None,
    };
    let cpu = window.u32(4, order)?;
    let file = window.u32(12, order)?;
    let count = window.u32(16, order)?;
    let size = window.u32(20, order)?;
    let header = if wide { 32 } else { 28 };
    let first = window.u32(header, order)?;
    let first_size = window.u32(header + 4, order)?;
    let sane = CPUS.iter().any(|(id, _)| *id == cpu)
        && (1..=12).contains(&file)
        && (1..=COMMANDS_MAX).contains(&count)
        && u64::from(size) >= u64::from(count) * 8
        && size.is_multiple_of(4)
        && (1..=COMMAND_MAX).contains(&(first & !REQUIRED))
        && first_size >= 8
        && first_size.is_multiple_of(4)
        && first_size <= size;
    if !sane {
        return None;
    }
    let commands_end = header + u64::from(size);
    let mut extent = Extent::new(window, commands_end);
    let mut at = header;
    for _ in 0..count.min(EXTENT_COMMANDS) {
        let (Some(command), Some(length)) = (window.u32(at, order), window.u32(at + 4, order)) else { break };
        match command {
            SEGMENT_64 => {
                if let (Some(offset), Some(bytes)) = (window.u64(at + 40, order), window.u64(at + 48, order)) {
                    extent.part(offset, bytes);
                }
            }
            SEGMENT => {
                if let (Some(offset), Some(bytes)) = (window.u32(at + 32, order), window.u32(at + 36, order)) {
                    extent.part(u64::from(offset), u64::from(bytes));
                }
            }
            _ => {}
        }
        at += u64::from(length);
        if length < 8 || at >= commands_end {
            break;
        }
    }
    Some(Executable { kind: Kind::MachO { cpu, file }, extent: extent.bytes(), truncated: extent.truncated() })
}

pub(crate) fn inspect_fat(window: &Window<'_>) -> Option<Executable> {
    let wide = window.array::<4>(0)? == [0xca, 0xfe, 0xba, 0xbf];
    let entry_size = if wide { 32 } else { 20 };
    let slices = window.u32(4, Order::Big)?;
    if !(1..=SLICES_MAX).contains(&slices) {
        return None;
    }
    let table_end = 8 + u64::from(slices) * entry_size;
    let mut extent = Extent::new(window, table_end);
    for index in 0..u64::from(slices) {
        let at = 8 + index * entry_size;
        // The first slice must be there; a table that is cut behind it is still a universal file.
        let Some(cpu) = window.u32(at, Order::Big) else {
            if index == 0 {
                return None;
            }
            break;
        };
        let (offset, bytes, align) = if wide {
            (window.u64(at + 8, Order::Big)?, window.u64(at + 16, Order::Big)?, window.u32(at + 24, Order::Big)?)
        } else {
            let offset = window.u32(at + 8, Order::Big)?;
            (u64::from(offset), u64::from(window.u32(at + 12, Order::Big)?), window.u32(at + 16, Order::Big)?)
        };
        let sane = CPUS.iter().any(|(id, _)| *id == cpu)
            && align <= ALIGN_MAX
            && offset >= table_end
            && offset.trailing_zeros() >= align
            && bytes > 0;
        if !sane {
            return None;
        }
        extent.part(offset, bytes);
    }
    Some(Executable { kind: Kind::MachOFat { slices }, extent: extent.bytes(), truncated: extent.truncated() })
}

pub(crate) fn cpu_name(cpu: u32) -> &'static str {
    CPUS.iter().find(|(id, _)| *id == cpu).map_or("unknown CPU", |(_, name)| name)
}

pub(crate) fn file_name(file: u32) -> &'static str {
    match file {
        1 => "object file",
        2 => "executable",
        6 => "library",
        8 => "bundle",
        _ => "image",
    }
}
