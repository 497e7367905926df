//! Stub of the embedded-pickle plugin, to be replaced.
