//! What was recognised, and how to say it.

use crate::Shebang;
use crate::{elf, macho, pe};

/// An executable that was recognised by its whole header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executable {
    /// What it is.
    pub kind: Kind,
    /// How many bytes belong to it, as far as its own header says; never more than there are. At least the header itself.
    pub extent: u64,
    /// Its header names bytes that are not there any more: the file was cut.
    pub truncated: bool,
}

/// A kind of executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Windows image (`.exe`, `.dll`, `.sys`, `.pyd`).
    Pe {
        /// `IMAGE_FILE_HEADER.Machine`.
        machine: u16,
        /// A library (`IMAGE_FILE_DLL`), not a program.
        library: bool,
    },
    /// Actually Portable Executable (cosmopolitan libc, llamafile): a DOS header that is a shell script, too.
    Ape,
    /// Linux or BSD image, library, object file.
    Elf {
        /// `e_machine`.
        machine: u16,
        /// `e_type`: 1 object, 2 program, 3 shared object, 4 core.
        object: u16,
    },
    /// Mach-O of one architecture.
    MachO {
        /// `cputype`.
        cpu: u32,
        /// `filetype`: 2 program, 6 library, 8 bundle ...
        file: u32,
    },
    /// Universal Mach-O: several architectures in one file.
    MachOFat {
        /// Number of slices.
        slices: u32,
    },
    /// WebAssembly, a core module or a component.
    WebAssembly {
        /// A component, not a core module.
        component: bool,
    },
    /// Lua bytecode of the reference implementation.
    Lua {
        /// `0x51` for 5.1 and so on.
        version: u8,
    },
    /// LuaJIT bytecode.
    LuaJit,
    /// Android bytecode.
    Dex,
    /// JVM bytecode.
    JavaClass {
        /// Major version of the class file format; 52 is Java 8.
        major: u16,
    },
    /// CPython bytecode (`.pyc`).
    PythonBytecode {
        /// The first two bytes, which name the interpreter's version.
        magic: u16,
    },
    /// Windows installer package.
    Msi,
    /// Windows shell link (`.lnk`).
    Shortcut,
    /// A script with a shebang line.
    Script(Shebang),
}

impl Kind {
    /// A few words for a message: `Windows PE executable (x86-64)`.
    pub fn title(&self) -> String {
        match self {
            Self::Pe { machine, library } => {
                let what = if *library { "library" } else { "executable" };
                format!("Windows PE {what} ({})", pe::machine_name(*machine))
            }
            Self::Ape => "Actually Portable Executable (APE)".to_owned(),
            Self::Elf { machine, object } => {
                format!("ELF {} ({})", elf::object_name(*object), elf::machine_name(*machine))
            }
            Self::MachO { cpu, file } => format!("Mach-O {} ({})", macho::file_name(*file), macho::cpu_name(*cpu)),
            Self::MachOFat { slices } => format!("universal Mach-O executable of {slices} architecture(s)"),
            Self::WebAssembly { component: false } => "WebAssembly module".to_owned(),
            Self::WebAssembly { component: true } => "WebAssembly component".to_owned(),
            Self::Lua { version } => format!("Lua {}.{} bytecode", version >> 4, version & 15),
            Self::LuaJit => "LuaJIT bytecode".to_owned(),
            Self::Dex => "Android DEX bytecode".to_owned(),
            Self::JavaClass { major } => format!("Java class file (format version {major})"),
            Self::PythonBytecode { magic } => format!("Python bytecode file (magic {magic})"),
            Self::Msi => "Windows installer package (MSI)".to_owned(),
            Self::Shortcut => "Windows shortcut (LNK)".to_owned(),
            Self::Script(shebang) => format!("{} script", shebang.interpreter.name),
        }
    }

    /// Code for a GPU or another accelerator, which belongs into compiled models (TensorRT engines, ONNX EPContext nodes,
    /// Triton and QNN caches) and which no operating system starts.
    pub fn is_accelerator(&self) -> bool {
        matches!(self, Self::Elf { machine, .. } if elf::is_accelerator(*machine))
    }

    /// Machine code for the operating system's own loader.
    pub fn is_native(&self) -> bool {
        match self {
            Self::Pe { .. } | Self::Ape | Self::MachO { .. } | Self::MachOFat { .. } => true,
            Self::Elf { .. } => !self.is_accelerator(),
            _ => false,
        }
    }
}
