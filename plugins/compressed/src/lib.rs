//! Compressed streams: gzip, bzip2, xz, LZMA, lzip, LZ4, Zstandard, zlib, and joblib's old Z-files.
//!
//! A compressed pickle is loaded as readily as a plain one (`joblib.load` tries seven of these by their first bytes, whatever the
//! name says), and a scanner of pickles sees noise. This plugin unpacks, in blocks and in constant memory, and hands the content
//! over as one child; the host finds out what that is. A gzip file called `model.pkl` is ordinary joblib, so names are not judged.
//!
//! What a stream hides from a reader is shown, too: members behind the first, bytes behind the last, checksums that are wrong where
//! loaders do not look, and bombs. What came out of a broken stream before the break is handed over: a pickle that ended there has run.

mod bzip2;
mod codec;
mod gzip;
mod inflate;
mod lz4;
mod lzip;
mod lzma;
mod lzma_stream;
mod output;
mod skippable;
mod stop;
mod unpacker;
mod xxh32;
mod xz;
mod xz_check;
mod zfile;
mod zlib;
mod zstd;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::files::S410;
use modelaudit_rules::structure::{S902, S904, S910, S911};

use codec::CODECS;

/// The plugin.
pub struct Compressed;

impl Plugin for Compressed {
    fn describe() -> Manifest {
        // The digit of a bzip2 header is 1 to 9: the mask lets 0x30 to 0x3f pass, the scan looks again.
        let bzip2 = |tail: &[u8]| {
            let bytes = [b"BZh0", tail].concat();
            let mask: Vec<u8> = (0..bytes.len()).map(|index| if index == 3 { 0xf0 } else { 0xff }).collect();
            Magic::masked(0, &bytes, &mask)
        };
        Manifest {
            name: "compressed",
            version: env!("CARGO_PKG_VERSION"),
            summary: "unpacks gzip, bzip2, xz, LZMA, lzip, LZ4, Zstandard, zlib and joblib's old Z-files",
            homepage: env!("CARGO_PKG_HOMEPAGE"),
            formats: vec![
                Format::new("gzip", "gzip").extensions(&["gz", "tgz"]).magic(Magic::at(0, b"\x1f\x8b\x08")),
                Format::new("bzip2", "bzip2")
                    .extensions(&["bz2", "tbz2"])
                    .magic(bzip2(bzip2::BLOCK))
                    .magic(bzip2(bzip2::END)),
                Format::new("xz", "xz").extensions(&["xz", "txz"]).magic(Magic::at(0, b"\xfd7zXZ\0")),
                Format::new("lzma", "LZMA").extensions(&["lzma", "tlz"]).first_bytes([0x5d]),
                Format::new("lzip", "lzip").extensions(&["lz"]).magic(Magic::at(0, b"LZIP\x01")),
                Format::new("lz4", "LZ4").extensions(&["lz4"]).magic(Magic::at(0, lz4::MAGIC)),
                Format::new("zstd", "Zstandard")
                    .extensions(&["zst", "zstd", "tzst"])
                    .magic(Magic::at(0, zstd::MAGIC))
                    .magic(Magic::masked(0, b"\x50\x2a\x4d\x18", b"\xf0\xff\xff\xff")),
                Format::new("zlib", "zlib")
                    .extensions(&["zlib", "zz"])
                    // Deflate with a window of 256 bytes to 32 KiB.
                    .first_bytes([0x08, 0x18, 0x28, 0x38, 0x48, 0x58, 0x68, 0x78]),
                Format::new("joblib-zfile", "joblib Z-file").first_bytes(*b"Z"),
            ],
            anchors: vec![],
            rules: vec![S410, S902, S904, S910, S911],
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        let found = [("zlib", zlib::probe(head)), ("lzma", lzma::probe(head)), ("joblib-zfile", zfile::starts(head))];
        found.iter().filter(|(_, fits)| *fits).map(|(id, _)| (*id).to_owned()).collect()
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let id = if format == "zstd" && skippable::lead_to_lz4(artifact) { "lz4" } else { format };
        let codec = CODECS.iter().find(|codec| codec.id == id).ok_or_else(|| format!("no codec is called '{id}'"))?;
        unpacker::unpack(artifact, codec, sink)
    }
}

modelaudit_plugin::export!(Compressed);
