//! `modelaudit cache`: what is kept of earlier scans.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use modelaudit_engine::result_cache::{self, CacheStats};
use modelaudit_report::amount::{count, size};
use modelaudit_report::json;
use modelaudit_report::place::printable;
use serde::Serialize;

use crate::args::{CacheArgs, CacheCommand, default_results};
use crate::output::Output;

#[derive(Serialize)]
struct Answer {
    folder: PathBuf,
    #[serde(flatten)]
    stats: CacheStats,
}

/// Shows, or removes, results of earlier scans. The exit code is 0.
pub fn run(args: &CacheArgs) -> Result<u8> {
    let Some(folder) = args.cache_dir.clone().or_else(default_results) else {
        bail!("this system names no cache folder; say which with --cache-dir DIR");
    };
    let trouble = || format!("the cache {} can't be worked on", folder.display());
    let (did, stats) = match args.command {
        CacheCommand::Stats => ("", result_cache::stats(&folder).with_context(trouble)?),
        CacheCommand::Clear => ("removed ", result_cache::remove(&folder, None).with_context(trouble)?),
        CacheCommand::Cleanup { max_age } => {
            let age = Duration::from_secs(u64::from(max_age) * 24 * 3600);
            ("removed ", result_cache::remove(&folder, Some(age)).with_context(trouble)?)
        }
    };
    let answer = Answer { folder, stats };
    Output::Stdout.write(|out| if args.json { json::pretty(&answer, out) } else { text(did, &answer, out) })?;
    Ok(0)
}

fn text(did: &str, answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let CacheStats { entries, bytes } = answer.stats;
    let folder = answer.folder.to_string_lossy();
    writeln!(out, "{did}{}, {} in {}", count(entries, "result"), size(bytes), printable(&folder))
}
