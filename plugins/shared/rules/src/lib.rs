//! The rule catalogue of the built-in plugins: one place says what a rule is, whichever plugin reports it.
//!
//! Codes up to three digits after the `S` are the field's (shared/reference/cli.md, section 4) and keep their meaning; what the
//! field has no code for gets a free number of the same hundred and says so in its `why`.

pub mod archives;
pub mod checkpoints;
pub mod code;
pub mod configuration;
pub mod containers;
pub mod deployment;
pub mod embedded;
pub mod encodings;
pub mod files;
pub mod flax;
pub mod frameworks;
pub mod graphs;
pub mod identity;
pub mod keras;
pub mod licences;
pub mod network;
pub mod other_formats;
pub mod padding;
pub mod pickle;
pub mod policy;
pub mod programs;
pub mod programs_in_models;
pub mod python;
pub mod secrets;
pub mod structure;
pub mod tensors;
