//! Which command is meant: `modelaudit PATH` is `modelaudit scan PATH`, and options may stand before the command.

use std::ffi::{OsStr, OsString};

use clap::CommandFactory;

use super::Cli;

/// The arguments with their command in first place: `modelaudit -f json x` becomes `modelaudit scan -f json x`.
///
/// The first word that is neither an option nor an option's value decides: if it is a command it is moved to the front, otherwise
/// the command is `scan`. Which options take a value is asked of clap, so that the two can't disagree.
pub fn with_command(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let command = Cli::command();
    match first_word(&command, &args) {
        Word::At(at) if is_command(&command, &args[at]) => args[1..=at].rotate_right(1),
        Word::At(_) | Word::Path => args.insert(1, "scan".into()),
        // `modelaudit`, `modelaudit --help`, `modelaudit --version`: clap's own.
        Word::None if args.len() < 2 || args[1..].iter().any(|a| is_global(a)) => {}
        Word::None => args.insert(1, "scan".into()),
    }
    args
}

/// Where the first word that is not an option stands.
enum Word {
    /// An argument by its index.
    At(usize),
    /// Something after `--`: a path, whatever it looks like.
    Path,
    None,
}

fn first_word(command: &clap::Command, args: &[OsString]) -> Word {
    let mut rest = args.iter().enumerate().skip(1);
    while let Some((at, arg)) = rest.next() {
        let text = arg.to_string_lossy();
        if text == "--" {
            return Word::Path;
        } else if text == "-" || !text.starts_with('-') {
            return Word::At(at);
        } else if value_follows(command, &text) {
            rest.next();
        }
    }
    Word::None
}

fn is_command(command: &clap::Command, word: &OsStr) -> bool {
    word == "help" || command.get_subcommands().any(|c| word == c.get_name() || c.get_all_aliases().any(|a| word == a))
}

fn is_global(arg: &OsStr) -> bool {
    ["-h", "--help", "-V", "--version"].iter().any(|g| arg == *g)
}

/// True if the argument after this option is its value: `-f json`, `-vf json`, `--format json`, but not `-fjson` or `--format=json`.
fn value_follows(command: &clap::Command, option: &str) -> bool {
    let takes_value = |matches: &dyn Fn(&clap::Arg) -> bool| {
        let mut arguments = command.get_subcommands().flat_map(clap::Command::get_arguments);
        arguments.any(|a| a.get_action().takes_values() && !a.is_positional() && matches(a))
    };
    match option.strip_prefix("--") {
        Some(name) => takes_value(&|a| {
            a.get_long() == Some(name) || a.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
        }),
        None => {
            // A cluster of letters ends at the first one that takes a value: what follows it in the same word is the value.
            let mut letters = option.chars().skip(1);
            letters.by_ref().any(|c| takes_value(&|a| a.get_short() == Some(c))) && letters.next().is_none()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(line: &str) -> String {
        let args = line.split_whitespace().map(OsString::from);
        with_command(args).iter().map(|a| a.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn scan_is_understood_and_options_stand_anywhere() {
        let cases = [
            ("m x.pkl", "m scan x.pkl"),
            ("m -", "m scan -"),
            ("m -f json x.pkl", "m scan -f json x.pkl"),
            ("m -fjson x.pkl", "m scan -fjson x.pkl"),
            ("m -f=json x.pkl", "m scan -f=json x.pkl"),
            ("m -vf json x.pkl", "m scan -vf json x.pkl"),
            ("m --format json scan x.pkl", "m scan --format json x.pkl"),
            ("m --format=json scan x.pkl", "m scan --format=json x.pkl"),
            ("m -q scan x.pkl", "m scan -q x.pkl"),
            ("m -b scan x.pkl", "m scan -b scan x.pkl"),
            ("m -o doctor x.pkl", "m scan -o doctor x.pkl"),
            ("m x.pkl doctor", "m scan x.pkl doctor"),
            ("m ./doctor", "m scan ./doctor"),
            ("m -- doctor", "m scan -- doctor"),
            ("m -v", "m scan -v"),
            ("m -h x.pkl", "m scan -h x.pkl"),
            ("m --json doctor", "m doctor --json"),
            ("m --plugin p.wasm rules S201", "m rules --plugin p.wasm S201"),
            ("m scan x.pkl", "m scan x.pkl"),
            ("m doctor", "m doctor"),
            ("m help scan", "m help scan"),
            ("m --help", "m --help"),
            ("m -V", "m -V"),
            ("m", "m"),
        ];
        for (typed, meant) in cases {
            assert_eq!(with(typed), meant, "{typed}");
        }
    }
}
