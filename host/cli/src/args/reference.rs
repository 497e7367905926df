//! The options as docs/usage.md shows them, made of the table that the help is made of:
//! `UPDATE=1 cargo test --release --workspace --bin modelaudit` writes them anew.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};

use super::Cli;

const BEGIN: &str = "<!-- options: begin -->\n";
const END: &str = "<!-- options: end -->\n";

fn reference() -> String {
    let mut root = Cli::command();
    root.build();
    let mut text = String::new();
    for command in root.get_subcommands().filter(|c| c.get_name() != "help") {
        section(&mut text, "modelaudit", command);
    }
    text
}

fn section(text: &mut String, parent: &str, command: &Command) {
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").replace('\n', "\n    ");
    let _ = write!(text, "\n### {name}\n\n{about}.\n\n    {usage}\n");
    let subcommands: Vec<&Command> = command.get_subcommands().filter(|c| c.get_name() != "help").collect();
    let arguments: Vec<&Arg> = command.get_arguments().filter(|a| a.get_id() != "help").collect();
    let mut headings: Vec<Option<&str>> = Vec::new();
    for argument in &arguments {
        if !headings.contains(&argument.get_help_heading()) {
            headings.push(argument.get_help_heading());
        }
    }
    for heading in headings {
        let title = heading.unwrap_or("argument").to_lowercase();
        let _ = write!(text, "\n| {title} | |\n| --- | --- |\n");
        for argument in arguments.iter().filter(|a| a.get_help_heading() == heading) {
            let _ = writeln!(text, "| {} | {} |", names(argument), meaning(argument));
        }
    }
    if let Some(after) = command.get_after_help() {
        let _ = write!(text, "\n```text\n{after}\n```\n");
    }
    for subcommand in subcommands {
        section(text, &name, subcommand);
    }
}

fn names(argument: &Arg) -> String {
    let value = || {
        let names = argument.get_value_names().unwrap_or_default();
        names.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(" ")
    };
    if argument.is_positional() {
        return format!("`{}`", value());
    }
    let short = argument.get_short().map(|c| format!("`-{c}`, ")).unwrap_or_default();
    let long = argument.get_long().unwrap_or_default();
    match argument.get_action().takes_values() {
        true => format!("{short}`--{long} {}`", value()),
        false => format!("{short}`--{long}`"),
    }
}

fn meaning(argument: &Arg) -> String {
    let mut text = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let values = argument.get_possible_values();
    if !values.is_empty() && argument.get_action().takes_values() {
        let names: Vec<_> = values.iter().map(|v| format!("`{}`", v.get_name())).collect();
        let _ = write!(text, ": {}", names.join(", "));
    }
    if let Some(default) = argument.get_default_values().first().filter(|_| argument.get_action().takes_values()) {
        let _ = write!(text, " [default: {}]", default.to_string_lossy());
    }
    text.replace('\n', " ").replace('|', "\\|").replace('*', "\\*")
}

#[test]
fn the_options_of_the_documentation_are_those_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/usage.md");
    let page = std::fs::read_to_string(&path).expect("docs/usage.md is there");
    let (before, rest) = page.split_once(BEGIN).expect("the begin of the options is marked");
    let (old, after) = rest.split_once(END).expect("the end of the options is marked");
    let new = reference();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{new}{END}{after}")).expect("docs/usage.md can be written");
        return;
    }
    assert_eq!(old, new, "docs/usage.md is behind the program: run this test with UPDATE=1");
}

#[test]
fn every_argument_says_what_it_does() {
    fn check(command: &Command) {
        for argument in command.get_arguments().filter(|a| a.get_id() != "help" && a.get_id() != "version") {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.len() > 5, "{} {}", command.get_name(), argument.get_id());
        }
        command.get_subcommands().for_each(check);
    }
    let mut root = Cli::command();
    root.build();
    check(&root);
}

/// A transcript shows each option: what nobody runs breaks unseen.
#[test]
fn every_option_stands_in_a_transcript() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cmd");
    let files = std::fs::read_dir(folder).expect("tests/cmd is there").map(|e| e.expect("it can be read").path());
    let transcripts: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|e| e == "trycmd"))
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).expect("a transcript is text");
            text.lines().filter(|l| l.starts_with("$ modelaudit")).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let shown = |argument: &Arg| {
        let long = argument.get_long().map(|l| format!("--{l}"));
        let short = argument.get_short().map(|s| format!("-{s}"));
        let mut words = transcripts.iter().flat_map(|line| line.split([' ', '=']));
        words.any(|word| Some(word) == long.as_deref() || Some(word) == short.as_deref())
    };
    fn missing(command: &Command, shown: &dyn Fn(&Arg) -> bool, found: &mut Vec<String>) {
        let options = command.get_arguments().filter(|a| !a.is_positional());
        found.extend(options.filter(|a| !shown(a)).map(|a| format!("{} {}", command.get_name(), a.get_id())));
        command.get_subcommands().for_each(|c| missing(c, shown, found));
    }
    let mut root = Cli::command();
    root.build();
    let mut found = Vec::new();
    missing(&root, &shown, &mut found);
    assert!(found.is_empty(), "no transcript under tests/cmd shows {found:?}");
}
