//! Makes the tables of `src/tables.rs` out of the texts of the `spdx` crate and of `data/`: a class for each identifier, the names of
//! licences that SPDX does not list, and for each text a sample of its shingles. So a fresh instance finds them ready in its data
//! segment; the texts themselves (4 MB) stay out of it. A mistake in a table stops the build with its line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, process};

use spdx::identifiers::LICENSES;
use spdx::license_id;

#[path = "src/words.rs"]
#[allow(dead_code)]
mod words;

/// Classes: word in the data files, variant of `Class`.
const CLASSES: &[(&str, &str)] = &[
    ("permissive", "Permissive"),
    ("weak-copyleft", "WeakCopyleft"),
    ("strong-copyleft", "StrongCopyleft"),
    ("network-copyleft", "NetworkCopyleft"),
    ("use-restricted", "UseRestricted"),
    ("non-commercial", "NonCommercial"),
    ("unknown", "Unknown"),
];

/// Shingles kept of a text: those with the smallest hashes. Enough that texts which differ in one of their sections differ here.
const SAMPLE: usize = 192;
/// Texts with fewer words prove nothing.
const FEWEST_WORDS: usize = 24;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/words.rs");
    println!("cargo::rerun-if-changed=data");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap_or_default());
    let read =
        |name: &str| fs::read_to_string(root.join("data").join(name)).unwrap_or_else(|e| fail(name, 0, &e.to_string()));
    let mut code = String::new();
    classes(&read("classes.txt"), &mut code);
    named(&read("named.txt"), &mut code);
    texts(&mut code);
    let out = PathBuf::from(env::var("OUT_DIR").unwrap_or_default()).join("tables.rs");
    fs::write(&out, code).unwrap_or_else(|e| fail("tables.rs", 0, &e.to_string()));
}

/// Ends the build with one readable line.
fn fail(file: &str, line: usize, message: &str) -> ! {
    eprintln!("error: licences: {file}:{line}: {message}");
    process::exit(1);
}

/// Lines with something on them, numbered from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(n, l)| (n + 1, l.trim())).filter(|(_, l)| !l.is_empty() && !l.starts_with('#'))
}

fn variant(file: &str, line: usize, word: &str) -> &'static str {
    match CLASSES.iter().find(|(name, _)| *name == word) {
        Some((_, variant)) => variant,
        None => fail(file, line, &format!("no class is called '{word}'")),
    }
}

/// True if a pattern with one `*` at most fits.
fn fits(pattern: &str, id: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == id,
        Some((head, tail)) => id.len() >= head.len() + tail.len() && id.starts_with(head) && id.ends_with(tail),
    }
}

/// One class for each entry of SPDX's list, by its index.
fn classes(text: &str, code: &mut String) {
    let mut patterns = Vec::new();
    for (number, line) in lines(text) {
        let Some((class, list)) = line.split_once(": ") else { fail("classes.txt", number, "no ': '") };
        let class = variant("classes.txt", number, class);
        for pattern in list.split_whitespace() {
            if !LICENSES.iter().any(|l| fits(pattern, l.name)) {
                fail(
                    "classes.txt",
                    number,
                    &format!("'{pattern}' fits no identifier of SPDX {}", spdx::identifiers::VERSION),
                );
            }
            patterns.push((pattern, class));
        }
    }
    write(code, format_args!("pub static CLASSES: [Class; {}] = [\n", LICENSES.len()));
    for license in LICENSES {
        let class = patterns.iter().find(|(pattern, _)| fits(pattern, license.name)).map(|(_, class)| *class);
        if class.is_none() && license_id(license.name).is_some_and(|id| id.is_copyleft()) {
            fail("classes.txt", 0, &format!("'{}' is copyleft and has no class", license.name));
        }
        write(code, format_args!("Class::{},", class.unwrap_or("Permissive")));
    }
    code.push_str("];\n");
}

fn named(text: &str, code: &mut String) {
    let mut seen = BTreeSet::new();
    code.push_str("pub static NAMED: &[Named] = &[\n");
    for (number, line) in lines(text) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [id, class, title, spellings, phrases] = cells[..] else {
            fail("named.txt", number, "five cells are needed");
        };
        let known = license_id(id).filter(|l| l.name == id);
        let class = match (class, known) {
            ("spdx", Some(_)) => "None".to_owned(),
            ("spdx", None) => fail("named.txt", number, &format!("SPDX does not know '{id}'")),
            (_, Some(_)) => fail("named.txt", number, &format!("SPDX knows '{id}': its class is 'spdx'")),
            (class, None) => format!("Some(Class::{})", variant("named.txt", number, class)),
        };
        let list = |cell: &str| -> Vec<String> {
            cell.split(';').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
        };
        let mut spellings = list(spellings);
        if known.is_none() {
            spellings.insert(0, id.to_owned());
            spellings.push(title.to_owned());
        }
        let mut hashed: Vec<Vec<u32>> = Vec::new();
        for spelling in &spellings {
            let hashes = words::phrase(spelling);
            if hashed.contains(&hashes) {
                continue;
            }
            if !seen.insert(hashes.clone()) {
                fail("named.txt", number, &format!("'{spelling}' stands there twice"));
            }
            hashed.push(hashes);
        }
        let phrases: Vec<Vec<u32>> = list(phrases).iter().map(|p| words::phrase(p)).collect();
        if phrases.iter().any(|p| p.len() < 3) {
            fail("named.txt", number, "a phrase needs three words");
        }
        let lists = |lists: &[Vec<u32>]| {
            let items: Vec<String> = lists.iter().map(|l| format!("&{l:?}")).collect();
            format!("&[{}]", items.join(","))
        };
        write(
            code,
            format_args!(
                "Named {{ id: {id:?}, class: {class}, title: {title:?}, spellings: {}, phrases: {} }},\n",
                lists(&hashed),
                lists(&phrases)
            ),
        );
    }
    code.push_str("];\n");
}

/// True if the text is another identifier's, too, which stands for it: GNU's come under three, and only the notice that applies one says
/// whether later versions are allowed.
fn is_twin(id: &str) -> bool {
    let base = id.trim_end_matches('+').trim_end_matches("-or-later");
    let exists = |id: String| LICENSES.iter().any(|l| l.name == id);
    !id.ends_with("-only") && exists(format!("{base}-only"))
}

/// The text that files hold. SPDX's of LGPL-3.0 has the GPL appended, whose terms it builds on; files of that name do not.
fn own_text(id: spdx::LicenseId) -> &'static str {
    // The appendix that says how to apply the licence is often left out, and none of its terms.
    let text = id.text().split("END OF TERMS AND CONDITIONS").next().unwrap_or_default();
    if id.base() != "LGPL" || id.version() != Some("3.0") {
        return text;
    }
    text.split_once("GNU GENERAL PUBLIC LICENSE").map_or(text, |(own, _)| own)
}

fn texts(code: &mut String) {
    let mut by_sample: BTreeMap<Vec<u32>, (&str, usize)> = BTreeMap::new();
    for license in LICENSES {
        let Some(id) = license_id(license.name).filter(|id| !id.is_deprecated() && !is_twin(id.name)) else { continue };
        let hashes = words::phrase(own_text(id));
        let shingles: BTreeSet<u32> = (0..hashes.len()).filter_map(|at| words::shingle(&hashes[at..])).collect();
        if hashes.len() < FEWEST_WORDS || shingles.len() < FEWEST_WORDS - words::SHINGLE {
            continue;
        }
        let sample: Vec<u32> = shingles.into_iter().take(SAMPLE).collect();
        by_sample.entry(sample).or_insert((license.name, hashes.len()));
    }
    let mut texts: Vec<(&str, usize, Vec<u32>)> =
        by_sample.into_iter().map(|(s, (id, words))| (id, words, s)).collect();
    texts.sort();
    let mut shingles: Vec<(u32, u16)> = Vec::new();
    write(code, format_args!("pub static TEXTS: &[Text] = &[\n"));
    for (index, (id, words, sample)) in texts.iter().enumerate() {
        write(code, format_args!("Text {{ id: {id:?}, words: {words}, sample: {} }},\n", sample.len()));
        shingles.extend(sample.iter().map(|s| (*s, index as u16)));
    }
    code.push_str("];\n");
    shingles.sort_unstable();
    let (hashes, owners): (Vec<u32>, Vec<u16>) = shingles.into_iter().unzip();
    write(code, format_args!("pub static SHINGLES: [u32; {}] = {hashes:?};\n", hashes.len()));
    write(code, format_args!("pub static OWNERS: [u16; {}] = {owners:?};\n", owners.len()));
}

fn write(code: &mut String, text: std::fmt::Arguments<'_>) {
    if code.write_fmt(text).is_err() {
        fail("tables.rs", 0, "a string takes all");
    }
}
