//! `modelaudit completions` and `modelaudit man`: the table of arguments, written for a shell and for `man`.

use anyhow::{Result, anyhow};
use clap::CommandFactory;
use clap_mangen::Man;
use modelaudit_engine::nearest::hint;

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::output::Output;

/// Writes the completions.
pub fn completions(args: &CompletionsArgs) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "modelaudit", &mut script);
    Output::Stdout.write(|out| out.write_all(&script))?;
    Ok(0)
}

/// Writes a manual page.
pub fn page(args: &ManArgs) -> Result<u8> {
    let mut command = Cli::command();
    command.build();
    let page = match &args.command {
        None => command,
        Some(name) => {
            let unknown = || {
                let known = command.get_subcommands().map(clap::Command::get_name);
                anyhow!("there is no command {name}{}", hint(name, known, "modelaudit --help lists them"))
            };
            let command = command.find_subcommand(name).ok_or_else(unknown)?;
            // `man` looks a page up by the name in its title.
            command.clone().display_name(format!("modelaudit-{}", command.get_name()))
        }
    };
    let page = Man::new(page).source(format!("modelaudit {}", modelaudit_report::VERSION));
    Output::Stdout.write(|out| page.render(&mut &mut *out))?;
    Ok(0)
}
