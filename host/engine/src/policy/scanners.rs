//! Which plugins are switched off.

use super::{PolicyError, Stated};
use crate::nearest::hint;

/// Names of the plugins that do not run, sorted. `_` and `-`, upper and lower case are the same.
///
/// # Errors
/// A name that no plugin has.
pub fn off(only: &[Stated], without: &[Stated], plugins: &[String]) -> Result<Vec<String>, PolicyError> {
    let named =
        |list: &[Stated]| -> Result<Vec<String>, PolicyError> { list.iter().map(|s| find(s, plugins)).collect() };
    let (only, without) = (named(only)?, named(without)?);
    let is_off = |name: &&String| without.contains(name) || (!only.is_empty() && !only.contains(name));
    let mut off: Vec<String> = plugins.iter().filter(is_off).cloned().collect();
    off.sort();
    Ok(off)
}

fn find(stated: &Stated, plugins: &[String]) -> Result<String, PolicyError> {
    let plain = |name: &str| name.trim().to_lowercase().replace('_', "-");
    let wanted = plain(&stated.text);
    plugins.iter().find(|p| plain(p) == wanted).cloned().ok_or_else(|| {
        let hint = hint(&wanted, plugins.iter().cloned(), "modelaudit doctor lists them");
        stated.error(format!("there is no such scanner{hint}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_mistakes() {
        let plugins = ["pickle", "zip", "keras-zip"].map(str::to_owned);
        let off = |only: &[&str], without: &[&str]| {
            let stated = |list: &[&str]| list.iter().map(|t| Stated::new(*t, "--scanners")).collect::<Vec<_>>();
            off(&stated(only), &stated(without), &plugins)
        };
        assert!(off(&[], &[]).unwrap().is_empty());
        assert_eq!(off(&["Pickle"], &[]).unwrap(), ["keras-zip", "zip"]);
        assert_eq!(off(&[], &["keras_zip"]).unwrap(), ["keras-zip"]);
        assert_eq!(off(&["zip", "pickle"], &["zip"]).unwrap(), ["keras-zip", "zip"]);
        let error = off(&["pickel"], &[]).unwrap_err().to_string();
        assert_eq!(error, "--scanners: pickel: there is no such scanner; did you mean pickle?");
    }
}
