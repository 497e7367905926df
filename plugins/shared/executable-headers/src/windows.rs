//! Two Windows files that start programs without being images: installer packages and shell links.

use crate::window::{Extent, Order, Window};
use crate::{Executable, Kind};

/// The class ids of an installer database (`000C1084-...`), a transform and a patch, as they stand in the root entry of the
/// compound file. Other compound files (old Office documents) have others and are none of our business. Source: [MS-CFB],
/// and the Windows SDK's `msidefs.h`.
const INSTALLER_CLASSES: [[u8; 16]; 3] = [installer_class(0x84), installer_class(0x82), installer_class(0x86)];

const fn installer_class(low: u8) -> [u8; 16] {
    [low, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46]
}

const COMPOUND_MAGIC: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

pub(crate) fn inspect_installer(window: &Window<'_>) -> Option<Executable> {
    if window.array::<8>(0)? != COMPOUND_MAGIC || window.u16(0x1c, Order::Little)? != 0xfffe {
        return None;
    }
    let shift = window.u16(0x1e, Order::Little)?;
    if !matches!(shift, 9 | 12) {
        return None;
    }
    // The root entry is the first of the directory; sectors count from behind the header.
    let directory = (u64::from(window.u32(0x30, Order::Little)?) + 1) << shift;
    let class = window.array::<16>(directory.checked_add(0x50)?)?;
    if !INSTALLER_CLASSES.contains(&class) {
        return None;
    }
    let extent = Extent::new(window, directory.saturating_add(128));
    Some(Executable { kind: Kind::Msi, extent: extent.bytes(), truncated: false })
}

/// Header size and the class id that every shell link starts with. Source: [MS-SHLLINK] 2.1.
const LINK_HEAD: [u8; 20] = [0x4c, 0, 0, 0, 1, 0x14, 2, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];

/// A link that starts something has an item list, a link info or an expandable string as its target.
const TARGETS: u32 = 0x1 | 0x2 | 0x200;

pub(crate) fn inspect_shortcut(window: &Window<'_>) -> Option<Executable> {
    let flags = window.u32(20, Order::Little)?;
    // 27 flags are defined; the last ten bytes of the header are reserved and zero. The signature without a target stands
    // in tables of file types.
    let sane = flags >> 27 == 0 && flags & TARGETS != 0;
    if !sane || window.array::<20>(0)? != LINK_HEAD || window.array::<10>(0x42)? != [0; 10] {
        return None;
    }
    Some(Executable { kind: Kind::Shortcut, extent: 0x4c, truncated: false })
}
