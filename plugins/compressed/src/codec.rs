//! The codecs as a table: how each is told, named and unpacked.

use crate::stop::Stop;
use crate::unpacker::Unpacker;
use crate::{bzip2, gzip, lz4, lzip, lzma, xz, zfile, zlib, zstd};

/// One compressed format.
pub struct Codec {
    /// Format id.
    pub id: &'static str,
    /// The name people use.
    pub title: &'static str,
    /// Suffixes of file names, and what stands for them once unpacked; longer ones first.
    pub suffixes: &'static [(&'static str, &'static str)],
    /// Format that the content is tried as in any case.
    pub hint: &'static str,
    /// True if the first bytes (up to 32) of a file are a member's.
    pub starts: fn(&[u8]) -> bool,
    /// The same for the bytes behind a member. Loaders join members, the old joblib format has but one.
    pub continues: fn(&[u8]) -> bool,
    /// Packed size below which members are so small that making a decoder for each is all the work: see `unpack`.
    pub small_member: u64,
    /// Unpacks one member from the reader's position on.
    pub member: fn(&mut Unpacker<'_>) -> Result<(), Stop>,
}

/// All codecs. Sources: the formats' specifications (RFC 1952, RFC 1950, RFC 8878, xz-file-format 1.2.1, lzma-file-format, draft-diaz-lzip, LZ4 frame format
/// 1.6.4), and joblib/compressor.py and joblib/numpy_pickle_utils.py for what a compressed pickle may start with.
pub const CODECS: &[Codec] = &[
    Codec {
        id: "gzip",
        title: "gzip",
        suffixes: &[(".tgz", ".tar"), (".taz", ".tar"), (".gzip", ""), (".gz", "")],
        hint: "",
        starts: gzip::starts,
        continues: gzip::starts,
        small_member: 128,
        member: gzip::member,
    },
    Codec {
        id: "bzip2",
        title: "bzip2",
        suffixes: &[(".tbz2", ".tar"), (".tbz", ".tar"), (".tb2", ".tar"), (".bz2", ""), (".bz", "")],
        hint: "",
        starts: bzip2::starts,
        continues: bzip2::starts,
        small_member: 4096,
        member: bzip2::member,
    },
    Codec {
        id: "xz",
        title: "xz",
        suffixes: &[(".txz", ".tar"), (".xz", "")],
        hint: "",
        starts: xz::starts,
        continues: xz::starts,
        small_member: 128,
        member: xz::member,
    },
    Codec {
        id: "lzma",
        title: "LZMA",
        suffixes: &[(".tlz", ".tar"), (".lzma", "")],
        hint: "",
        starts: lzma::starts,
        continues: lzma::starts,
        small_member: 128,
        member: lzma::member,
    },
    Codec {
        id: "lzip",
        title: "lzip",
        suffixes: &[(".tlz", ".tar"), (".lz", "")],
        hint: "",
        starts: lzip::starts,
        continues: lzip::starts,
        small_member: 128,
        member: lzip::member,
    },
    Codec {
        id: "lz4",
        title: "LZ4",
        suffixes: &[(".tlz4", ".tar"), (".lz4", "")],
        hint: "",
        starts: lz4::starts,
        continues: lz4::starts,
        small_member: 128,
        member: lz4::member,
    },
    Codec {
        id: "zstd",
        title: "Zstandard",
        suffixes: &[(".tzst", ".tar"), (".zstd", ""), (".zst", "")],
        hint: "",
        starts: zstd::starts,
        continues: zstd::starts,
        small_member: 128,
        member: zstd::member,
    },
    Codec {
        id: "zlib",
        title: "zlib",
        suffixes: &[(".zlib", ""), (".zz", ""), (".z", "")],
        hint: "",
        starts: zlib::starts,
        continues: zlib::starts,
        small_member: 128,
        member: zlib::member,
    },
    Codec {
        id: "joblib-zfile",
        title: "joblib Z-file",
        suffixes: &[(".z", "")],
        hint: "pickle",
        starts: zfile::starts,
        continues: |_| false,
        small_member: 128,
        member: zfile::member,
    },
];
