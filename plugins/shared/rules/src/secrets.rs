//! S7xx: secrets in model files.
