//! Stub of the executables plugin, to be replaced.
