//! Stub of the pytorch plugin, to be replaced.
