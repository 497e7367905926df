//! ELF: judged by what Linux' loader checks (`fs/binfmt_elf.c`), not by the identification bytes.
//!
//! The kernel reads the magic, `e_type`, `e_machine`, `e_phentsize` and `e_phnum`; it ignores the class, version, ABI and
//! padding bytes, `e_version` and `e_ehsize`. A validator that insists on those misses a file that runs. Object files and
//! files without program headers are not started by the kernel, so for them the identification has to be regular.

use crate::window::{Extent, Order, Window};
use crate::{Executable, Kind};

/// `e_machine`, name, and whether it is the code of an accelerator that no operating system runs on. Source: the registry
/// of the System V ABI, gABI chapter 4, and binutils' `include/elf/common.h`.
const MACHINES: &[(u16, &str, bool)] = &[
    (2, "SPARC", false),
    (3, "x86", false),
    (4, "68k", false),
    (6, "i486", false),
    (8, "MIPS", false),
    (10, "MIPS RS3000", false),
    (15, "PA-RISC", false),
    (18, "SPARC32+", false),
    (20, "PowerPC", false),
    (21, "PowerPC64", false),
    (22, "s390", false),
    (40, "Arm", false),
    (42, "SuperH", false),
    (43, "SPARC V9", false),
    (50, "IA-64", false),
    (62, "x86-64", false),
    (83, "AVR", false),
    (93, "ARC", false),
    (94, "Xtensa", false),
    (164, "Qualcomm Hexagon DSP", true),
    (183, "AArch64", false),
    (189, "MicroBlaze", false),
    (190, "NVIDIA CUDA", true),
    (195, "ARCv2", false),
    (205, "Intel GPU", true),
    (224, "AMD GPU", true),
    (243, "RISC-V", false),
    (247, "eBPF", false),
    (251, "NEC vector engine", true),
    (252, "C-SKY", false),
    (258, "LoongArch", false),
];

/// Where the two classes keep the fields: `e_phoff`, `e_shoff`, `e_phentsize` (the five others follow it), the sizes that
/// the loader demands, and where an entry keeps offset and file size.
struct Layout {
    class: u8,
    wide: bool,
    header: u64,
    phoff: u64,
    shoff: u64,
    counts: u64,
    phentsize: u16,
    shentsize: u16,
    p_offset: u64,
    p_filesz: u64,
}

const LAYOUTS: [Layout; 2] = [
    Layout {
        class: 2,
        wide: true,
        header: 64,
        phoff: 32,
        shoff: 40,
        counts: 54,
        phentsize: 56,
        shentsize: 64,
        p_offset: 8,
        p_filesz: 32,
    },
    Layout {
        class: 1,
        wide: false,
        header: 52,
        phoff: 28,
        shoff: 32,
        counts: 42,
        phentsize: 32,
        shentsize: 40,
        p_offset: 4,
        p_filesz: 16,
    },
];

/// The kernel refuses a program header table of more than 64 KiB.
const PROGRAM_HEADERS_LIMIT: u64 = 65_536;
/// How many program headers are read to find the extent; real files have a dozen.
const EXTENT_ENTRIES: u16 = 128;

pub(crate) fn inspect(window: &Window<'_>) -> Option<Executable> {
    LAYOUTS
        .iter()
        .find_map(|layout| inspect_as(window, layout, Order::Little).or_else(|| inspect_as(window, layout, Order::Big)))
}

fn inspect_as(window: &Window<'_>, layout: &Layout, order: Order) -> Option<Executable> {
    let object = window.u16(16, order)?;
    let machine = window.u16(18, order)?;
    if !(1..=4).contains(&object) || !MACHINES.iter().any(|(id, ..)| *id == machine) {
        return None;
    }
    let word = |at: u64| if layout.wide { window.u64(at, order) } else { window.u32(at, order).map(u64::from) };
    let (phoff, shoff) = (word(layout.phoff)?, word(layout.shoff)?);
    let phentsize = window.u16(layout.counts, order)?;
    let phnum = window.u16(layout.counts + 2, order)?;
    let shentsize = window.u16(layout.counts + 4, order)?;
    let shnum = window.u16(layout.counts + 6, order)?;

    let table = u64::from(phentsize) * u64::from(phnum);
    let loadable = matches!(object, 2 | 3)
        && phentsize == layout.phentsize
        && phnum > 0
        && table <= PROGRAM_HEADERS_LIMIT
        && phoff.checked_add(table).is_some_and(|end| end <= window.size());
    // The data-order byte must fit the order in which the fields made sense.
    let regular = window.array::<4>(4).is_some_and(|[class, data, version, _]| {
        class == layout.class && data == if order == Order::Little { 1 } else { 2 } && version == 1
    });
    let linkable =
        regular && shentsize == layout.shentsize && shnum > 0 && shoff >= layout.header && shoff < window.size();
    if !loadable && !linkable {
        return None;
    }

    let mut extent = Extent::new(window, layout.header);
    if loadable {
        extent.part(phoff, table);
        for index in 0..phnum.min(EXTENT_ENTRIES) {
            let entry = phoff.checked_add(u64::from(index) * u64::from(phentsize))?;
            if let (Some(offset), Some(length)) =
                (word(entry.saturating_add(layout.p_offset)), word(entry.saturating_add(layout.p_filesz)))
            {
                extent.part(offset, length);
            }
        }
    }
    if shentsize == layout.shentsize {
        extent.part(shoff, u64::from(shnum) * u64::from(shentsize));
    }
    Some(Executable { kind: Kind::Elf { machine, object }, extent: extent.bytes(), truncated: extent.truncated() })
}

pub(crate) fn is_accelerator(machine: u16) -> bool {
    MACHINES.iter().any(|(id, _, accelerator)| *id == machine && *accelerator)
}

pub(crate) fn machine_name(machine: u16) -> &'static str {
    MACHINES.iter().find(|(id, ..)| *id == machine).map_or("unknown machine", |(_, name, _)| name)
}

pub(crate) fn object_name(object: u16) -> &'static str {
    match object {
        1 => "object file",
        2 => "executable",
        3 => "shared object",
        _ => "core file",
    }
}
