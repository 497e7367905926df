//! Stub of the compressed plugin, to be replaced.
