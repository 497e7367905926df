//! What is typed, laid over what the configuration file says: what is typed wins, lists are joined with the file's entries first.

use std::time::Duration;

use modelaudit_engine::Options;
use modelaudit_engine::model::Severity;
use modelaudit_engine::policy::Stated;

use crate::args::{ScanArgs, default_results};
use crate::config::Config;
use crate::size::Size;

/// What the engine is told.
pub fn options(args: &ScanArgs, config: Option<&Config>) -> Options {
    let mut options = args.plugins.options();
    if let Some(config) = config {
        lay_under(&mut options, config);
    }
    let stated = |texts: &[String], origin: &str| texts.iter().map(|t| Stated::new(t, origin)).collect::<Vec<_>>();

    let (typed, policy) = (&args.policy, &mut options.policy);
    policy.suppress.extend(stated(&typed.suppress, "--suppress"));
    policy.severity.extend(stated(&typed.severity, "--severity"));
    policy.exclude.extend(stated(&typed.exclude, "--exclude"));
    policy.strict |= typed.strict;
    policy.strict_license |= typed.strict_license;
    policy.fail_on = typed.fail_on.unwrap_or(policy.fail_on);
    options.weights |= typed.weights;
    policy.baseline = typed.baseline.clone().or(policy.baseline.take());
    options.blacklist.extend(typed.blacklist.iter().cloned());

    // A list of the only ones replaces another: the two joined would run what neither wanted alone.
    if !args.selection.scanners.is_empty() {
        policy.only = stated(&args.selection.scanners, "--scanners");
    }
    policy.without.extend(stated(&args.selection.exclude_scanner, "--exclude-scanner"));

    let (typed, limits) = (&args.limits, &mut options.limits);
    limits.timeout = typed.timeout.map_or(limits.timeout, |s| Duration::from_secs(s.into()));
    limits.file_size = typed.max_file_size.map(Size::bytes).or(limits.file_size);
    limits.total_size = typed.max_total_size.map(Size::bytes).or(limits.total_size);
    options.jobs = typed.jobs.unwrap_or(options.jobs);
    let configured = config.and_then(Config::cache_dir);
    options.results = match (&typed.cache_dir, configured) {
        _ if typed.no_cache => None,
        (Some(folder), _) => Some(folder.clone()),
        _ if config.is_some_and(|c| c.no_cache) => None,
        (None, Some(folder)) => Some(folder),
        (None, None) => default_results(),
    };
    options
}

/// Takes over what the file says, as if it had been typed before the rest.
pub fn lay_under(options: &mut Options, config: &Config) {
    let policy = &mut options.policy;
    policy.fail_on = config.fail_on.map_or(policy.fail_on, Severity::from);
    policy.strict |= config.strict;
    policy.strict_license |= config.strict_license;
    policy.licences = config.licences();
    policy.suppress = config.suppress();
    policy.severity = config.severity();
    policy.exclude = config.exclude();
    policy.only = config.scanners();
    policy.without = config.exclude_scanner();
    policy.baseline = config.baseline();
    policy.config = Some(config.shown());
    options.blacklist.clone_from(&config.blacklist);
    options.weights |= config.weights;

    let limits = &mut options.limits;
    limits.timeout = config.timeout.map_or(limits.timeout, |s| Duration::from_secs(s.into()));
    limits.file_size = config.max_file_size.map(Size::bytes);
    limits.total_size = config.max_total_size.map(Size::bytes);
    options.jobs = config.jobs.unwrap_or(options.jobs);

    options.plugin_files.splice(0..0, config.plugin());
    options.plugin_dirs.splice(0..0, config.plugin_dir());
    options.builtin &= !config.no_builtin;
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command, with_command};

    fn args(line: &str) -> ScanArgs {
        let cli = Cli::try_parse_from(with_command(line.split(' ').map(OsString::from))).unwrap();
        let Command::Scan(args) = cli.command else { panic!("not a scan") };
        *args
    }

    #[test]
    fn options_reach_the_engine() {
        let line = "m x -t 7 --max-file-size 10KB --max-total-size 1G -b a -b b -j 3 --plugin p --plugin-dir d \
                    --no-builtin -s S201 -S S1=info --exclude *.x --fail-on critical --strict --strict-license \
                    --scanners a,b --exclude-scanner c --baseline known.json --weights --no-cache";
        let options = options(&args(line), None);
        assert_eq!(options.limits.timeout, Duration::from_secs(7));
        assert_eq!((options.limits.file_size, options.limits.total_size), (Some(10 << 10), Some(1 << 30)));
        assert_eq!((options.blacklist.len(), options.jobs, options.builtin), (2, 3, false));
        assert_eq!((options.plugin_files.len(), options.plugin_dirs.len()), (1, 1));
        assert_eq!((options.weights, options.results), (true, None));
        let policy = options.policy;
        assert_eq!(policy.suppress, [Stated::new("S201", "--suppress")]);
        assert_eq!(policy.severity, [Stated::new("S1=info", "--severity")]);
        assert_eq!(policy.exclude, [Stated::new("*.x", "--exclude")]);
        assert_eq!((policy.fail_on, policy.strict, policy.strict_license), (Severity::Critical, true, true));
        assert_eq!((policy.only.len(), policy.without.len()), (2, 1));
        assert_eq!(policy.baseline, Some("known.json".into()));
    }

    #[test]
    fn what_is_typed_wins_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("modelaudit.toml");
        let text = "timeout = 5\njobs = 2\nfail-on = 'info'\nstrict = true\nsuppress = ['S1']\nscanners = ['zip']\n\
                    blacklist = ['a']\nbaseline = 'old.json'\nplugin = ['p']\nmax-file-size = 9\nno-builtin = true\nweights = true\ncache-dir = 'kept'";
        std::fs::write(&path, text).unwrap();
        let config = Config::read(&path).unwrap();
        let plain = options(&args("m x"), Some(&config));
        assert_eq!((plain.limits.timeout.as_secs(), plain.jobs, plain.builtin), (5, 2, false));
        assert_eq!((plain.policy.fail_on, plain.policy.strict), (Severity::Info, true));
        assert_eq!(plain.policy.baseline, Some(folder.path().join("old.json")));
        assert_eq!((plain.weights, plain.results), (true, Some(folder.path().join("kept"))));
        assert_eq!(plain.policy.config, Some(config.shown()));
        let line = "m x -t 6 -j 0 --fail-on warning -s S2 --scanners pickle -b b --baseline new.json --plugin q";
        let typed = options(&args(line), Some(&config));
        assert_eq!((typed.limits.timeout.as_secs(), typed.jobs, typed.limits.file_size), (6, 0, Some(9)));
        assert_eq!((typed.policy.fail_on, typed.policy.strict), (Severity::Warning, true));
        assert_eq!(typed.policy.suppress.iter().map(|s| s.text.as_str()).collect::<Vec<_>>(), ["S1", "S2"]);
        assert_eq!(typed.policy.only, [Stated::new("pickle", "--scanners")]);
        assert_eq!((typed.policy.baseline, typed.blacklist), (Some("new.json".into()), vec!["a".into(), "b".into()]));
        assert_eq!(typed.plugin_files, [folder.path().join("p"), "q".into()]);
    }
}
