//! S2xx: what pickle opcodes do.
