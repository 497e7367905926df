//! Which configuration file is believed.
//!
//! A file that is named is believed. One that is only found is not, if it may have come with what is scanned: whoever made the
//! model would then say what is reported of it. So a found file counts only if nothing that is scanned lies in its folder or
//! below, and it lies in no folder that is scanned. That a file is passed over can't be used against anyone: who can put
//! one there could also leave it away.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use modelaudit_report::place::printable;

use super::{Config, NAME};
use crate::args::ConfigurationArgs;

/// What came of the search.
#[derive(Debug, Default)]
pub struct Choice {
    /// The settings, if there are any.
    pub config: Option<Config>,
    /// What to tell the user: a file that was found is used or is not.
    pub notes: Vec<String>,
}

/// Finds the settings for a scan of these paths.
pub fn find(args: &ConfigurationArgs, scanned: &[PathBuf]) -> Result<Choice> {
    if args.no_config {
        return Ok(Choice::default());
    }
    if let Some(path) = &args.config {
        if !path.exists() {
            let path = printable(&path.to_string_lossy()).into_owned();
            bail!("there is no configuration {path}; modelaudit config init {path} writes one");
        }
        return Ok(Choice { config: Some(Config::read(path)?), notes: Vec::new() });
    }
    search(&places(), scanned)
}

/// Where a file is looked for: the working directory, then the user's configuration folder.
pub fn places() -> Vec<PathBuf> {
    use etcetera::BaseStrategy;
    let users = etcetera::choose_base_strategy().ok().map(|s| s.config_dir().join("modelaudit").join(NAME));
    std::iter::once(PathBuf::from(NAME)).chain(users).collect()
}

fn search(places: &[PathBuf], scanned: &[PathBuf]) -> Result<Choice> {
    let mut choice = Choice::default();
    for place in places.iter().filter(|p| p.symlink_metadata().is_ok()) {
        let shown = printable(&place.to_string_lossy()).into_owned();
        if came_with(place, scanned) {
            choice.notes.push(format!(
                "{shown} is not used: it may have come with what is scanned; --config {shown} trusts it"
            ));
            continue;
        }
        choice.config = Some(Config::read(place)?);
        choice.notes.push(format!("settings of {shown} are used; --no-config does without"));
        break;
    }
    Ok(choice)
}

/// True if the file may have come with what is scanned: it lies beside, above or in it. Links are followed first.
fn came_with(config: &Path, scanned: &[PathBuf]) -> bool {
    let folder = config.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // What can't be resolved can't be told from what is scanned.
    let (Ok(folder), Ok(file)) = (folder.canonicalize(), config.canonicalize()) else { return true };
    let real_folder = file.parent().unwrap_or(&file);
    scanned.iter().filter_map(|path| path.canonicalize().ok()).any(|path| {
        path.starts_with(&folder)
            || path.starts_with(real_folder)
            || folder.starts_with(&path)
            || file.starts_with(&path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree with a configuration in `work`, `work/models` and `users`.
    fn tree() -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        for folder in ["work/models", "users", "elsewhere"] {
            std::fs::create_dir_all(tree.path().join(folder)).unwrap();
            std::fs::write(tree.path().join(folder).join("m.pkl"), "x").unwrap();
        }
        for folder in ["work", "work/models", "users"] {
            std::fs::write(tree.path().join(folder).join(NAME), "strict = true").unwrap();
        }
        tree
    }

    fn chosen(tree: &Path, places: &[&str], scanned: &[&str]) -> (Option<PathBuf>, usize) {
        let at = |paths: &[&str]| paths.iter().map(|p| tree.join(p)).collect::<Vec<_>>();
        let choice = search(&at(places), &at(scanned)).unwrap();
        let path = choice.config.map(|c| c.path.strip_prefix(tree).unwrap().to_owned());
        (path, choice.notes.len())
    }

    #[test]
    fn a_found_file_counts_only_away_from_what_is_scanned() {
        let tree = tree();
        let places = ["work/modelaudit.toml", "users/modelaudit.toml"];
        let (own, users) = (Some(PathBuf::from(places[0])), Some(PathBuf::from(places[1])));
        let chosen = |scanned: &[&str]| chosen(tree.path(), &places, scanned);
        assert_eq!(chosen(&["elsewhere"]), (own.clone(), 1));
        assert_eq!(chosen(&["elsewhere/m.pkl", "nosuch"]), (own.clone(), 1));
        assert_eq!(chosen(&[]), (own, 1), "standard input");
        for scanned in ["work", "work/models", "work/models/m.pkl", "work/modelaudit.toml", "work/../work/models"] {
            assert_eq!(chosen(&["elsewhere", scanned]), (users.clone(), 2), "{scanned}");
        }
        assert_eq!(chosen(&["."]), (None, 2), "everything above is scanned");
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_help() {
        let tree = tree();
        let at = |path: &str| tree.path().join(path);
        // The working directory's file is a link into what is scanned, and the other way round.
        std::os::unix::fs::symlink(at("work/models/modelaudit.toml"), at("elsewhere/modelaudit.toml")).unwrap();
        assert_eq!(chosen(tree.path(), &["elsewhere/modelaudit.toml"], &["work/models"]), (None, 1));
        std::os::unix::fs::symlink(at("work/models"), at("users/link")).unwrap();
        assert_eq!(chosen(tree.path(), &["work/modelaudit.toml"], &["users/link/m.pkl"]), (None, 1));
        std::os::unix::fs::symlink(at("nowhere"), at("users/dangling.toml")).unwrap();
        assert_eq!(chosen(tree.path(), &["users/dangling.toml"], &["elsewhere"]), (None, 1));
    }

    #[test]
    fn what_is_named_is_believed_or_is_an_error() {
        let tree = tree();
        let named = |path: &str| ConfigurationArgs { config: Some(tree.path().join(path)), no_config: false };
        let found = find(&named("work/modelaudit.toml"), &[tree.path().join("work")]).unwrap();
        assert!(found.config.unwrap().strict && found.notes.is_empty());
        let error = find(&named("nosuch.toml"), &[]).unwrap_err().to_string();
        assert!(error.contains("config init"), "{error}");
    }
}
