//! Headers of tar archives: the 512-byte block ([`header`]), the records of PAX headers ([`pax`]), and the members in the order in which
//! Python's tarfile meets them ([`Members`]).
//!
//! The tar plugin follows archives the way *every* unpacker might and judges what differs. Who only wants to know what is in an archive
//! whose loader is a Python library (NeMo's `tarfile.extractall`) takes [`Members`]: nothing here fails, a member that breaks off is
//! given as far as it is there.

pub mod header;
mod members;
pub mod pax;

pub use members::{Member, Members};
