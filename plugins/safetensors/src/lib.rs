//! Stub of the safetensors plugin, to be replaced.
