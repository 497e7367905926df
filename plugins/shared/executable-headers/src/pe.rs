//! PE: `MZ`, whose `e_lfanew` points at `PE\0\0`, a machine that Windows knows, a sane section count and optional header.
//!
//! Nothing of the DOS stub is required: the loader ignores all of it but `e_lfanew`, and hand-made files let the headers
//! overlap. `MZ` alone stands in every 64 KiB of random bytes, so who searches for hidden images looks for `PE\0\0` with a
//! machine behind it and asks [`find_start`] for the `MZ` that points there.

use modelaudit_plugin::{Artifact, Span};

use crate::window::{Extent, Order, Window};
use crate::{Executable, Kind};

/// `IMAGE_FILE_HEADER.Machine` and its name. Source: Microsoft's PE format specification, "Machine types".
const MACHINES: &[(u16, &str)] = &[
    (0x014c, "x86"),
    (0x8664, "x86-64"),
    (0xaa64, "Arm64"),
    (0xa641, "Arm64EC"),
    (0xa64e, "Arm64X"),
    (0x01c0, "Arm"),
    (0x01c2, "Thumb"),
    (0x01c4, "Armv7"),
    (0x0200, "IA-64"),
    (0x0ebc, "EFI byte code"),
    (0x5032, "RISC-V 32"),
    (0x5064, "RISC-V 64"),
    (0x6232, "LoongArch 32"),
    (0x6264, "LoongArch 64"),
];

/// Offset of `e_lfanew` in the DOS header.
const E_LFANEW: u64 = 0x3c;
/// The furthest that `PE\0\0` stands behind its `MZ` here. The loader allows more; linkers write less than 1 KiB.
const E_LFANEW_MAX: u32 = 1 << 20;
/// Windows loads at most this many sections.
const SECTIONS_MAX: u16 = 96;
/// `IMAGE_FILE_DLL`.
const DLL: u16 = 0x2000;
/// The first bytes of every APE: a DOS header that a shell reads as an assignment, of a value that starts with a line end (as
/// opposed to a text that speaks of it). Source: cosmopolitan `ape/ape.S`.
const APE: &[u8; 8] = b"MZqFpD='";

pub(crate) fn inspect(window: &Window<'_>) -> Option<Executable> {
    let image = inspect_image(window);
    let value = matches!(window.array::<9>(0), Some([.., b'\n' | b'\r']));
    if window.array::<8>(0).as_ref() == Some(APE) && (value || image.is_some()) {
        let (extent, truncated) =
            image.map_or((window.size().min(4096), false), |image| (image.extent, image.truncated));
        return Some(Executable { kind: Kind::Ape, extent, truncated });
    }
    image
}

fn inspect_image(window: &Window<'_>) -> Option<Executable> {
    let lfanew = window.u32(E_LFANEW, Order::Little)?;
    // Below 4 the signature would overlap the `MZ`.
    if !(4..=E_LFANEW_MAX).contains(&lfanew) {
        return None;
    }
    let header = u64::from(lfanew);
    if window.array::<4>(header)? != *b"PE\0\0" {
        return None;
    }
    let machine = window.u16(header + 4, Order::Little)?;
    let sections = window.u16(header + 6, Order::Little)?;
    let optional_size = window.u16(header + 20, Order::Little)?;
    let characteristics = window.u16(header + 22, Order::Little)?;
    let magic = window.u16(header + 24, Order::Little)?;
    // The fixed part of the optional header, before the data directories.
    let optional_min = match magic {
        0x10b => 96,
        0x20b => 112,
        _ => return None,
    };
    if machine_known(machine).is_none() || sections > SECTIONS_MAX || optional_size < optional_min {
        return None;
    }
    let table = header + 24 + u64::from(optional_size);
    let mut extent = Extent::new(window, table);
    extent.part(table, u64::from(sections) * 40);
    for index in 0..u64::from(sections) {
        let entry = table + index * 40;
        let size = window.u32(entry + 16, Order::Little);
        let offset = window.u32(entry + 20, Order::Little);
        if let (Some(size), Some(offset)) = (size, offset) {
            extent.part(u64::from(offset), u64::from(size));
        }
    }
    let kind = Kind::Pe { machine, library: characteristics & DLL != 0 };
    Some(Executable { kind, extent: extent.bytes(), truncated: extent.truncated() })
}

/// How far [`find_start`] looks back: a first, cheap window that holds every linker's output, and a second one for
/// stretched DOS stubs.
pub const SEARCH_BACK: [u64; 2] = [4 << 10, 64 << 10];

/// The `MZ` whose `e_lfanew` points at the `PE\0\0` that stands at `signature`, looking back at most `reach` bytes.
pub fn find_start(artifact: &dyn Artifact, signature: u64, reach: u64) -> Option<u64> {
    let start = signature.saturating_sub(reach);
    // `e_lfanew` may stand behind the signature where the headers overlap.
    let end = signature.saturating_add(E_LFANEW + 4).min(artifact.size());
    let bytes = artifact.read_span(Span::new(start, end.saturating_sub(start)), (64 << 10) + 64)?;
    let target = usize::try_from(signature.checked_sub(start)?).ok()?;
    // Nearest first: the image's own header, not one that merely encloses it.
    (0..target.saturating_sub(3)).rev().find_map(|at| {
        if bytes.get(at..at + 2)? != b"MZ" {
            return None;
        }
        let field = at + E_LFANEW as usize;
        let lfanew = u32::from_le_bytes(bytes.get(field..field + 4)?.try_into().ok()?);
        (u64::from(lfanew) == (target - at) as u64).then_some(start + at as u64)
    })
}

fn machine_known(machine: u16) -> Option<&'static str> {
    MACHINES.iter().find(|(id, _)| *id == machine).map(|(_, name)| *name)
}

pub(crate) fn machine_name(machine: u16) -> &'static str {
    machine_known(machine).unwrap_or("unknown machine")
}
