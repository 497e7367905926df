//! S5xx: executables and scripts inside a model file.
