//! Stub of the zip plugin, to be replaced.
