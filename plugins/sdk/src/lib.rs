//! Write a modelaudit scanner plugin.
//!
//! A plugin has two layers. Its logic is ordinary Rust over two traits: [`Artifact`] (the bytes under scan) and
//! [`Sink`] (where findings go). `cargo test` and fuzzers drive it natively through [`testing`]. One line,
//! [`export!`], makes a WebAssembly component of it, which the host runs in a sandbox.
//!
//! ```
//! use modelaudit_plugin::{Artifact, Finding, Format, Magic, Manifest, Plugin, Rule, Severity, Sink};
//!
//! struct Acme;
//!
//! const EVAL: Rule = Rule {
//!     id: "ACME-001",
//!     title: "script in an ACME model",
//!     severity: Severity::Critical,
//!     why: "the ACME runtime runs the script when the model is loaded",
//!     remedy: "ask the author for a model without a script",
//!     references: &["CWE-94"],
//! };
//!
//! impl Plugin for Acme {
//!     fn describe() -> Manifest {
//!         Manifest {
//!             name: "acme",
//!             version: "1.0.0",
//!             summary: "scans ACME models",
//!             homepage: "https://example.org",
//!             formats: vec![Format::new("acme", "ACME model").extensions(&["acme"]).magic(Magic::at(0, b"ACME\x01"))],
//!             anchors: vec![],
//!             rules: vec![EVAL],
//!         }
//!     }
//!
//!     fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
//!         if artifact.size() < 16 {
//!             return Err("shorter than its header of 16 bytes".to_owned());
//!         }
//!         if artifact.read(8, 4) == b"eval" {
//!             sink.finding(Finding::new(&EVAL, "the header asks for eval").at(8, 4));
//!         }
//!         Ok(())
//!     }
//! }
//!
//! modelaudit_plugin::export!(Acme);
//!
//! let report = modelaudit_plugin::testing::scan::<Acme>(b"ACME\x01\0\0\0eval\0\0\0\0", "acme");
//! assert_eq!(report.findings[0].rule, "ACME-001");
//! ```

mod artifact;
#[cfg(target_arch = "wasm32")]
pub mod bindings;
mod manifest;
mod reader;
mod sink;
mod slice;
pub mod testing;
mod text;

pub use artifact::{Artifact, Hit, READ_LIMIT, Span};
pub use manifest::{Format, Magic, Manifest, Rule, Severity};
pub use reader::{EndOfData, Reader};
pub use sink::{ChildWriter, Finding, Sink, Tensor};
pub use slice::Slice;
pub use text::{clip, escape, quote};

/// A scanner or analyser. The methods have no `self`: every scan is a fresh instance, there is nothing to remember.
pub trait Plugin {
    /// What the plugin is, understands and may report. Called once at load; must be the same every time.
    fn describe() -> Manifest;

    /// Ids of the plugin's formats that the first bytes (`head`, up to 4 KiB) of a file of `size` bytes fit. Only asked for
    /// formats without a magic; must be cheap.
    fn probe(head: &[u8], size: u64) -> Vec<String> {
        let _ = (head, size);
        Vec::new()
    }

    /// Scans one artifact as `format` (empty for an analyser).
    ///
    /// # Errors
    /// Why the artifact could not be understood at all, in one line: it ends as *incomplete*. What was put into the sink
    /// before stands.
    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String>;
}

/// Makes the component out of a [`Plugin`]: `modelaudit_plugin::export!(MyPlugin);` once in the crate. Does nothing on
/// other targets than WebAssembly, so the same crate is tested natively.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[allow(missing_docs)]
            struct Component;
            impl $crate::bindings::Guest for Component {
                fn describe() -> $crate::bindings::Manifest {
                    $crate::bindings::describe::<$plugin>()
                }
                fn probe(head: Vec<u8>, size: u64) -> Vec<String> {
                    $crate::bindings::probe::<$plugin>(&head, size)
                }
                fn scan(input: &$crate::bindings::HostArtifact, format: String) -> Result<(), String> {
                    $crate::bindings::scan::<$plugin>(input, &format)
                }
            }
    $crate::bindings::export_component!(Component with_types_in $crate::bindings);
        };
    };
}
