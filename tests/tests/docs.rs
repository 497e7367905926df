//! The documentation is true: transcripts in it run, every command line in it is one, links lead somewhere.
//!
//! `TRYCMD=overwrite cargo test --release --workspace --test docs` writes down what is printed now; read the diff.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use modelaudit_tests::{binary, root, target_dir};

/// The pages, and the README.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = fs::read_dir(root().join("docs")).unwrap().map(|e| e.unwrap().path()).collect();
    pages.retain(|p| p.extension().is_some_and(|e| e == "md"));
    pages.sort();
    assert!(pages.len() >= 7, "{pages:?}");
    pages.push(root().join("README.md"));
    pages
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(drop).unwrap()
        }
    }
}

/// What the commands of the pages find where they run: models, a configuration, a baseline.
fn workplace(at: &Path) {
    copy_folder(&root().join("tests/cmd/scan.in"), at);
    fs::write(at.join("modelaudit.toml"), "exclude = [\".git/\", \"*.log\"]\n").unwrap();
}

#[test]
fn transcripts() {
    // Copies, for the commands write files beside what they scan.
    let folder = target_dir().join("docs-transcripts");
    let _ = fs::remove_dir_all(&folder);
    let cases = trycmd::TestCases::new();
    cases.register_bin("modelaudit", binary()).env("COLUMNS", "100").env("NO_COLOR", "1");
    cases.env("XDG_CACHE_HOME", "/dev/null/cache").env("XDG_CONFIG_HOME", "/nowhere");
    let mut pages = pages();
    // The README shows what it shows without a prompt that could be run.
    pages.retain(|p| !p.ends_with("README.md"));
    for page in &pages {
        let copy = folder.join(page.file_name().unwrap());
        workplace(&copy.with_extension("in"));
        if page.ends_with("docs/usage.md") || page.ends_with("docs/outputs.md") {
            // Pages that do not speak of it need not show that it is passed over.
            fs::remove_file(copy.with_extension("in").join("modelaudit.toml")).unwrap();
        }
        fs::copy(page, &copy).unwrap();
        cases.case(&copy);
    }
    // Its checks are made when it is dropped.
    drop(cases);
    if std::env::var_os("TRYCMD").is_some_and(|v| v == "overwrite") {
        for page in &pages {
            fs::copy(folder.join(page.file_name().unwrap()), page).unwrap();
        }
    }
}

/// Everything in a page that starts like a command of ours: in code, after a prompt, or as a step of a pipeline.
fn commands(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced || line.starts_with("    ") {
            let mut line = line.trim();
            for start in ["$ ", "- ", "run: ", "script: "] {
                line = line.strip_prefix(start).unwrap_or(line).trim_start();
            }
            found.push(line.to_owned());
        } else {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found.retain(|command| command.starts_with("modelaudit "));
    // What follows is the shell's.
    let alone = |command: &str| {
        let end = [" > ", " >> ", " | ", " && ", " #"].iter().filter_map(|mark| command.find(mark)).min();
        command[..end.unwrap_or(command.len())].trim().to_owned()
    };
    // What stands for something else is written in capitals or brackets, or left out with dots.
    let placeholder = |word: &str| {
        word.contains("...")
            || word.starts_with('<')
            || (word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase()))
    };
    let is_whole = |command: &String| !command.split([' ', '=', '[', ']', '|', '@']).any(placeholder);
    found.iter().map(|command| alone(command)).filter(is_whole).collect()
}

#[test]
fn every_command_line_is_one() {
    let folder = tempfile::tempdir().unwrap();
    workplace(folder.path());
    let mut seen = 0;
    for page in pages() {
        for line in commands(&fs::read_to_string(&page).unwrap()) {
            let output = Command::new(binary())
                .args(line.split_whitespace().skip(1).map(|word| word.trim_matches(['"', '\''])))
                .current_dir(folder.path())
                .env("XDG_CONFIG_HOME", "/nowhere")
                .stdin(Stdio::null())
                .env("XDG_CACHE_HOME", folder.path().join("cache"))
                .output()
                .unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            let wrong = stderr.contains("For more information, try '--help'") || output.status.code().is_none();
            assert!(!wrong, "{}: {line}\n{stderr}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} command lines were found");
}

#[test]
fn links_between_pages_lead_somewhere() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.contains(' ') {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link}", page.display());
            if !anchor.is_empty() {
                let anchors: Vec<String> = headings(&fs::read_to_string(&target).unwrap());
                assert!(anchors.iter().any(|a| a == anchor), "{}: {link}", page.display());
            }
        }
    }
}

/// The anchors that GitHub makes of a page's headings.
fn headings(text: &str) -> Vec<String> {
    let heading = |line: &str| {
        let title = line.strip_prefix('#')?.trim_start_matches('#').trim().to_lowercase();
        let plain: String = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).collect();
        Some(plain.replace(' ', "-"))
    };
    text.lines().filter_map(heading).collect()
}

/// The hook runs with file names behind its entry and arguments, as pre-commit does it.
#[test]
fn the_pre_commit_hook_runs() {
    let hooks = fs::read_to_string(root().join(".pre-commit-hooks.yaml")).unwrap();
    let value = |key: &str| {
        hooks.lines().find_map(|l| l.trim().trim_start_matches("- ").strip_prefix(key)).unwrap().trim().to_owned()
    };
    assert_eq!((value("id:"), value("language:")), ("modelaudit".to_owned(), "system".to_owned()));
    let folder = tempfile::tempdir().unwrap();
    workplace(folder.path());
    let entry = value("entry:");
    let mut words = entry.split_whitespace();
    assert_eq!(words.next(), Some("modelaudit"));
    let arguments: Vec<&str> = words.collect();
    let run = |files: &[&str]| {
        let mut command = Command::new(binary());
        command.args(&arguments).args(["--config", "modelaudit.toml"]).args(files).current_dir(folder.path());
        command.output().unwrap()
    };
    let good = run(&["good/a.npy", "good/b.npy"]);
    assert_eq!((good.status.code(), good.stdout.len(), good.stderr.len()), (Some(0), 0, 0));
    assert_eq!(run(&["good/a.npy", "models/slip.zip"]).status.code(), Some(1));
}
