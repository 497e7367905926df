//! Stub of the numpy plugin, to be replaced.
