use super::*;
use crate::place::is_unsafe;
use crate::samples;

fn text(report: &ScanReport, options: TextOptions) -> String {
    let mut out = Vec::new();
    write(report, &options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn plain(report: &ScanReport) -> String {
    text(report, TextOptions::default())
}

#[test]
fn one_of_each_kind() {
    let report = samples::everything();
    let verbose = TextOptions { verbose: true, ..TextOptions::default() };
    let quiet = TextOptions { quiet: true, ..TextOptions::default() };
    let narrow = TextOptions { width: 60, color: true, ..TextOptions::default() };
    for (name, options) in [
        ("text.txt", TextOptions::default()),
        ("verbose.txt", verbose),
        ("quiet.txt", quiet),
        ("narrow-color.txt", narrow),
    ] {
        samples::assert_golden(name, text(&report, options).as_bytes());
    }
}

#[test]
fn all_is_well_in_one_line() {
    assert_eq!(plain(&samples::report(vec![samples::clean()], false)), "CLEAN  models/clean.pkl, 2.0 KiB in 42 ms\n");
    assert_eq!(
        plain(&samples::report(vec![samples::clean(), samples::unrecognised(false)], false)),
        "CLEAN  2 files, 4.0 KiB in 42 ms; 1 of them is of no known format, so not understood\n"
    );
    assert_eq!(
        plain(&samples::report(vec![samples::info(), samples::clean()], false)),
        "CLEAN  2 files, 4.0 KiB in 42 ms\n1 note: --verbose shows it\n"
    );
}

#[test]
fn the_headline_says_what_matters() {
    let headline = |files: Vec<FileReport>, errors| {
        let report = samples::report(files, errors);
        let line = plain(&report).lines().next().unwrap().to_owned();
        assert_eq!(line, verdict(&report));
        line
    };
    use samples::{clean, critical, gap, unrecognised, warning};
    let cases = [
        (vec![critical()], false, "CRITICAL  models/evil.pkl should not be loaded"),
        (vec![critical(), clean()], false, "CRITICAL  1 of 2 files should not be loaded"),
        (
            vec![critical(), critical(), warning(), gap()],
            true,
            "CRITICAL  2 of 4 files should not be loaded, 1 more needs a look before loading, 1 could only be scanned in part; \
             1 error",
        ),
        (vec![warning(), warning()], false, "WARNING  2 of 2 files need a look before they are loaded"),
        (
            vec![gap()],
            false,
            "INCOMPLETE  models/trunc.pkl could only be scanned in part; nothing was found in that part",
        ),
        (vec![clean()], true, "INCOMPLETE  nothing was found in 1 file; 1 error"),
        (vec![], true, "INCOMPLETE  nothing was scanned; 1 error"),
        (vec![], false, "UNRECOGNISED  no file was found"),
        (vec![unrecognised(true)], false, "UNRECOGNISED  models/named.txt is of no known format, so not understood"),
    ];
    let mut cut = warning();
    cut.artifacts[0].gaps = gap().artifacts[0].gaps.clone();
    let cut =
        (vec![cut], false, "WARNING  models/a.zip needs a look before it is loaded, and could only be scanned in part");
    let mut stdin = clean();
    stdin.path = "-".to_owned();
    let stdin = (vec![stdin], false, "CLEAN  standard input, 2.0 KiB in 42 ms");
    for (files, errors, expected) in cases.into_iter().chain([cut, stdin]) {
        assert_eq!(headline(files, errors), expected);
    }
}

#[test]
fn the_worst_file_comes_first() {
    let text = plain(&samples::everything());
    assert!(text.find("\nmodels/evil.pkl\n") < text.find("\nmodels/a.zip\n"), "{text}");
}

#[test]
fn a_rule_is_explained_once_and_repeats_are_counted() {
    let mut file = samples::critical();
    let finding = file.artifacts[0].findings[0].clone();
    file.artifacts[0].findings = vec![finding; 12];
    let report = samples::report(vec![file, samples::critical()], false);
    let text = plain(&report);
    assert_eq!(text.matches("why   ").count(), 1);
    assert_eq!(text.matches("calls posix.system").count(), 6);
    assert!(text.contains("... and 7 more of S201 (--verbose shows them)"), "{text}");
    let all = self::text(&report, TextOptions { verbose: true, ..TextOptions::default() });
    assert_eq!(all.matches("calls posix.system").count(), 13);
}

#[test]
fn quiet_is_silent_when_the_exit_code_is_0() {
    let quiet = TextOptions { quiet: true, ..TextOptions::default() };
    assert_eq!(text(&samples::report(vec![samples::info()], false), quiet), "");
    let text = text(&samples::everything(), quiet);
    assert!(
        text.starts_with("CRITICAL  ") && text.contains("S201") && text.contains("nosuch.pkl") && !text.contains("why"),
        "{text}"
    );
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    let mut report = samples::report(vec![samples::hostile()], true);
    report.errors[0].path = samples::HOSTILE.to_owned();
    report.errors[0].message = samples::HOSTILE.repeat(5000);
    report.files[0].named = true;
    for verbose in [false, true] {
        let text = text(&report, TextOptions { verbose, ..TextOptions::default() });
        assert!(!text.contains(|c| c != '\n' && is_unsafe(c)), "{text:?}");
        assert!(text.lines().all(|l| l.chars().count() < 1000), "{text}");
        // A line break in a name would let it forge a line of the report.
        assert!(!text.lines().any(|l| l.starts_with('"')), "{text}");
    }
}

#[test]
fn a_place_without_an_offset_still_names_the_element() {
    let mut file = samples::critical();
    file.artifacts[0].findings[0].at = None;
    file.artifacts[0].findings[0].element = Some("Lambda".to_owned());
    let text = plain(&samples::report(vec![file], false));
    assert!(text.contains("at    models/evil.pkl, in Lambda\n"), "{text}");
}

#[test]
fn a_broken_pipe_is_passed_on() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = write(&samples::everything(), &TextOptions::default(), &mut Closed).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn many_files_that_need_a_look_are_listed_at_the_end() {
    let named = |file: FileReport, n: usize| FileReport { path: format!("models/{n}.bin"), ..file };
    let files = |critical: usize, clean: usize| {
        let mut files: Vec<FileReport> = (0..critical).map(|n| named(samples::critical(), n)).collect();
        files.extend((critical..critical + clean).map(|n| named(samples::clean(), n)));
        files.extend([samples::warning(), samples::gap()]);
        samples::report(files, false)
    };
    let table = |report: &ScanReport| {
        let text = plain(report);
        text.split_once("\nfiles that need a look\n").map(|(_, rest)| rest.split("\n\n").next().unwrap().to_owned())
    };
    assert_eq!(table(&files(1, 60)), None, "three are read as they are");
    assert_eq!(
        table(&files(2, 60)).unwrap(),
        "  critical    1 critical  pickle  2.0 KiB  models/0.bin\n  critical    1 critical  pickle  2.0 KiB  models/1.bin\n  \
         warning     1 warning   zip     2.0 KiB  models/a.zip\n  incomplete  1 gap       pickle  2.0 KiB  models/trunc.pkl"
    );
    let long = table(&files(60, 0)).unwrap();
    assert_eq!((long.lines().count(), long.lines().last()), (51, Some("  ... and 12 more")));
    let quiet = text(&files(9, 0), TextOptions { quiet: true, ..TextOptions::default() });
    assert!(!quiet.contains("need a look\n  critical"));
}
