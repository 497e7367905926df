//! Stub of the tar plugin, to be replaced.
