//! PyTorch.
mod torchscript;
pub use torchscript::inspect;
