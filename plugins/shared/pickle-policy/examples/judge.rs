//! Says what the policy thinks of names: `MODULE NAME [PROTOCOL]` as arguments, or one such line each on standard input.

use std::io::BufRead as _;

use modelaudit_pickle_policy::{judge, resolve};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            show(&line.split_whitespace().collect::<Vec<_>>());
        }
    } else {
        show(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// Prints one judgement.
fn show(words: &[&str]) {
    let (module, name) = (words.first().copied().unwrap_or(""), words.get(1).copied().unwrap_or(""));
    let protocol = words.get(2).and_then(|p| p.parse().ok()).unwrap_or(4);
    let resolved = resolve(module, name, protocol);
    println!("{}\t{}\t{:?}", resolved.written, resolved.object, judge(&resolved));
}
