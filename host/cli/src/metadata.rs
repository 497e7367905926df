//! `modelaudit metadata`: what is known of models, without a word about whether to trust them.

use anyhow::Result;
use modelaudit_engine::{Quiet, Scanner};
use modelaudit_report::metadata::{self, Form, MetadataOptions};

use crate::args::{MetadataArgs, MetadataFormat};
use crate::output::Output;
use crate::{TROUBLE, complain, is_broken_pipe, scan};

/// Scans and writes facts and tensors. The exit code is 2 for a path that could not be read, otherwise 0, whatever was found.
pub fn run(args: &MetadataArgs) -> Result<u8> {
    let output = Output::new(args.output.as_deref(), &args.paths)?;
    let scanner = Scanner::new(args.plugins.options(), modelaudit_builtin::PLUGINS)?;
    let targets: Vec<_> = args.paths.iter().map(scan::target).collect();
    let report = scanner.scan(&targets, &Quiet);
    let form = match args.format {
        MetadataFormat::Table => Form::Table,
        MetadataFormat::Json => Form::Json,
        MetadataFormat::Yaml => Form::Yaml,
    };
    let options = MetadataOptions { form, security_only: args.security_only, tensors: args.tensors };
    match output.write(|out| metadata::write(&report, &options, out)) {
        Err(error) if is_broken_pipe(&error) => {}
        written => written?,
    }
    for error in &report.errors {
        complain(&format!("{}: {}", error.path, error.message));
    }
    Ok(if report.errors.is_empty() { 0 } else { TROUBLE })
}
