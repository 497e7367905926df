//! Stub of the pickle plugin, to be replaced.
