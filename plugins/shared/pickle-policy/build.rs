//! Compiles the tables under `data/` into sorted arrays, so that a fresh plugin instance (there is one per artifact) finds
//! them ready in its data segment: no parsing, no allocation, a lookup is a binary search. A mistake in a table stops
//! the build with its file and line. README.md says how the tables are written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

/// Groups as in `src/entry.rs`: id in the data file, variant.
const GROUPS: &[(&str, &str)] = &[
    ("process", "Process"),
    ("code-evaluation", "CodeEvaluation"),
    ("sub-interpreter", "SubInterpreter"),
    ("import", "Import"),
    ("reflection", "Reflection"),
    ("registry", "Registry"),
    ("file-system", "FileSystem"),
    ("network", "Network"),
    ("native-code", "NativeCode"),
    ("re-entry", "ReEntry"),
    ("debugger", "Debugger"),
    ("packaging", "Packaging"),
    ("test-framework", "TestFramework"),
    ("decoder", "Decoder"),
    ("scanner-tampering", "ScannerTampering"),
];

/// Severities: word in the data file, variant.
const SEVERITIES: &[(&str, &str)] = &[("critical", "Critical"), ("warning", "Warning"), ("info", "Info")];

/// One line of a table with the section that it stands in.
struct Line {
    place: String,
    section: Vec<String>,
    words: Vec<String>,
}

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap_or_default());
    let data = root.join("data");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", data.display());
    match generate(&data) {
        Ok(code) => {
            let out = PathBuf::from(env::var("OUT_DIR").unwrap_or_default()).join("tables.rs");
            if let Err(e) = fs::write(&out, code) {
                fail(&format!("{}: {e}", out.display()));
            }
        }
        Err(message) => fail(&message),
    }
}

/// Ends the build with one readable line.
fn fail(message: &str) -> ! {
    eprintln!("error: pickle policy: {message}");
    process::exit(1);
}

/// All tables as Rust source.
fn generate(data: &Path) -> Result<String, String> {
    let mut code = String::new();
    let mut modules = BTreeSet::new();
    let dangerous = dangerous(&read(data, "dangerous.txt")?, &mut modules, &mut code)?;
    safe(&read(data, "safe.txt")?, &dangerous, &mut modules, &mut code)?;
    aliases(&read(data, "aliases.txt")?, &read(data, "reexports.txt")?, &mut modules, &mut code)?;
    pairs("WALKS", &read(data, "walks.txt")?, "dotted attribute and the module it is (`-`: not a module)", &mut code)?;
    python2(&read(data, "python2.txt")?, &mut code)?;
    let stdlib = names(&read(data, "stdlib.txt")?);
    list("STDLIB", &stdlib, "modules of the standard library", &mut code);
    // A module stands for its packages, too.
    let mut packages = BTreeSet::new();
    for module in &modules {
        for (end, _) in module.match_indices('.') {
            packages.insert(module[..end].to_owned());
        }
    }
    modules.extend(packages);
    modules.retain(|m| !stdlib.contains(m));
    list("OTHER_MODULES", &modules, "modules outside the standard library that the tables name", &mut code);
    list("PACKAGES", &names(&read(data, "packages.txt")?), "top-level names that the package index holds", &mut code);
    let mut weights = BTreeSet::new();
    for line in read(data, "weights-only.txt")? {
        weights.extend(line.words[1..].iter().map(|name| format!("{}.{name}", line.words[0])));
    }
    list("WEIGHTS_ONLY", &weights, "what `weights_only=True` lets through", &mut code);
    Ok(code)
}

/// Lines of a table: comments dropped, `@` opens a section of fields parted by `|`.
fn read(data: &Path, name: &str) -> Result<Vec<Line>, String> {
    let path = data.join(name);
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut section = Vec::new();
    let mut lines = Vec::new();
    for (number, text) in text.lines().enumerate() {
        let text = text.trim();
        if let Some(head) = text.strip_prefix('@') {
            section = head.split('|').map(|field| field.trim().to_owned()).collect();
        } else if !text.is_empty() && !text.starts_with('#') {
            lines.push(Line {
                place: format!("data/{name}:{}", number + 1),
                section: section.clone(),
                words: text.split_whitespace().map(str::to_owned).collect(),
            });
        }
    }
    Ok(lines)
}

/// The words of a plain list.
fn names(lines: &[Line]) -> BTreeSet<String> {
    lines.iter().flat_map(|line| line.words.iter().cloned()).collect()
}

/// The variant of a word, or what is wrong.
fn variant(table: &[(&str, &'static str)], word: &str, place: &str) -> Result<&'static str, String> {
    table.iter().find(|(id, _)| *id == word).map(|(_, v)| *v).ok_or_else(|| format!("{place}: unknown word '{word}'"))
}

/// `DANGEROUS`, `COMPONENTS` and `LAST_COMPONENTS`; returns the keys of the first.
fn dangerous(lines: &[Line], modules: &mut BTreeSet<String>, code: &mut String) -> Result<BTreeSet<String>, String> {
    let mut tables: [BTreeMap<String, (String, String)>; 3] = Default::default();
    for line in lines {
        let [group, called, imported, source, why] = line.section.as_slice() else {
            return Err(format!("{}: the section needs `group | called | imported | source | why`", line.place));
        };
        if source.is_empty() || why.is_empty() {
            return Err(format!("{}: the section needs a source and a reason", line.place));
        }
        let (group, place) = (variant(GROUPS, group, &line.place)?, &line.place);
        let (called, imported) = (variant(SEVERITIES, called, place)?, variant(SEVERITIES, imported, place)?);
        let module = &line.words[0];
        if line.words.len() < 2 {
            return Err(format!("{place}: a module without names"));
        }
        for word in &line.words[1..] {
            let (by_new, name) = match word.strip_prefix('+') {
                Some(rest) if !rest.is_empty() => (true, rest),
                _ => (false, word.as_str()),
            };
            let (table, key) = match (module.as_str(), name) {
                ("*", _) => (1, name.to_owned()),
                ("?", _) => (2, name.to_owned()),
                (_, "*") => (0, module.clone()),
                _ => (0, format!("{module}.{name}")),
            };
            if table == 0 {
                modules.insert(module.clone());
            }
            let entry = format!(
                "Entry {{ module: {module:?}, name: {name:?}, group: Group::{group}, called: Severity::{called}, imported: \
                 Severity::{imported}, dangerous_by_new: {by_new}, source: {source:?}, why: {why:?} }}"
            );
            if let Some((_, first)) = tables[table].insert(key.clone(), (entry, place.clone())) {
                return Err(format!("{place}: {key} stands already at {first}"));
            }
        }
    }
    let what = ["dangerous names by joined path", "components that are dangerous in any name", "last components"];
    for ((table, name), what) in tables.iter().zip(["DANGEROUS", "COMPONENTS", "LAST_COMPONENTS"]).zip(what) {
        let _ = writeln!(code, "/// {what}.\npub(crate) static {name}: &[(&str, Entry)] = &[");
        for (key, (entry, _)) in table {
            let _ = writeln!(code, "    ({key:?}, {entry}),");
        }
        code.push_str("];\n");
    }
    Ok(tables[0].keys().cloned().collect())
}

/// `SAFE`, `SAFE_MODULES` and `CLASS_PACKAGES`.
fn safe(
    lines: &[Line],
    dangerous: &BTreeSet<String>,
    modules: &mut BTreeSet<String>,
    code: &mut String,
) -> Result<(), String> {
    let mut names: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut families: BTreeMap<String, String> = BTreeMap::new();
    let mut packages = BTreeSet::new();
    for line in lines {
        let [role, source] = line.section.as_slice() else {
            return Err(format!("{}: the section needs `role | source`", line.place));
        };
        if source.is_empty() {
            return Err(format!("{}: the section needs a source", line.place));
        }
        if role == "package-classes" {
            modules.extend(line.words.iter().cloned());
            packages.extend(line.words.iter().cloned());
            continue;
        }
        let checked = role.starts_with("check:");
        let role = match (role.as_str(), role.strip_prefix("check:")) {
            ("class", _) => "Role::Class".to_owned(),
            ("callable", _) => "Role::Callable".to_owned(),
            (_, Some(tag)) => format!("Role::Checked({tag:?})"),
            _ => return Err(format!("{}: unknown role '{role}'", line.place)),
        };
        let module = &line.words[0];
        modules.insert(module.clone());
        for name in &line.words[1..] {
            if matches!(name.as_str(), "*" | "**") {
                families.insert(module.clone(), format!("({module:?}, {role}, {})", name == "**"));
                continue;
            }
            let key = format!("{module}.{name}");
            if !checked && dangerous.contains(&key) {
                return Err(format!("{}: {key} stands in dangerous.txt, too", line.place));
            }
            if let Some((_, first)) = names.insert(key.clone(), (role.clone(), line.place.clone())) {
                return Err(format!("{}: {key} stands already at {first}", line.place));
            }
        }
    }
    code.push_str("/// Safe names by joined path.\npub(crate) static SAFE: &[(&str, Role)] = &[\n");
    for (key, (role, _)) in &names {
        let _ = writeln!(code, "    ({key:?}, {role}),");
    }
    code.push_str(
        "];\n/// Modules whose direct names are safe; true: every public name, false: names written like a class.\n",
    );
    code.push_str("pub(crate) static SAFE_MODULES: &[(&str, Role, bool)] = &[\n");
    for family in families.values() {
        let _ = writeln!(code, "    {family},");
    }
    code.push_str("];\n");
    list("CLASS_PACKAGES", &packages, "packages whose names are safe as classes", code);
    Ok(())
}

/// `MODULE_ALIASES` and `OBJECT_ALIASES`.
fn aliases(
    lines: &[Line],
    reexports: &[Line],
    modules: &mut BTreeSet<String>,
    code: &mut String,
) -> Result<(), String> {
    let mut module_rows: BTreeMap<String, String> = BTreeMap::new();
    let mut object_rows: BTreeMap<String, String> = BTreeMap::new();
    for line in lines {
        let (key, row) = match (line.section.as_slice(), line.words.as_slice()) {
            ([kind, reason], [from, to]) if kind == "module" => {
                modules.extend([from.clone(), to.clone()]);
                (from, (&mut module_rows, format!("({from:?}, {to:?}, {reason:?})")))
            }
            ([kind, reason], [from, module, name]) if kind == "object" => {
                (from, (&mut object_rows, format!("({from:?}, {module:?}, {name:?}, {reason:?})")))
            }
            _ => return Err(format!("{}: not an alias", line.place)),
        };
        if row.0.insert(key.clone(), row.1).is_some() {
            return Err(format!("{}: {key} stands there twice", line.place));
        }
    }
    for line in reexports {
        let [from, module, name] = line.words.as_slice() else {
            return Err(format!("{}: needs three words", line.place));
        };
        object_rows
            .entry(from.clone())
            .or_insert_with(|| format!("({from:?}, {module:?}, {name:?}, \"handed on by another module\")"));
    }
    code.push_str("/// Modules under another name: written, canonical, reason.\n");
    code.push_str("pub(crate) static MODULE_ALIASES: &[(&str, &str, &str)] = &[\n");
    for row in module_rows.values() {
        let _ = writeln!(code, "    {row},");
    }
    code.push_str("];\n/// Objects under another name: written path, canonical module, canonical name, reason.\n");
    code.push_str("pub(crate) static OBJECT_ALIASES: &[(&str, &str, &str, &str)] = &[\n");
    for row in object_rows.values() {
        let _ = writeln!(code, "    {row},");
    }
    code.push_str("];\n");
    Ok(())
}

/// `PYTHON2_NAMES` and `PYTHON2_MODULES`.
fn python2(lines: &[Line], code: &mut String) -> Result<(), String> {
    let mut names = BTreeMap::new();
    let mut modules = BTreeMap::new();
    for line in lines {
        let [module, name, new_module, new_name] = line.words.as_slice() else {
            return Err(format!("{}: needs four words", line.place));
        };
        if name == "*" {
            modules.insert(module.clone(), format!("({module:?}, {new_module:?})"));
        } else {
            let key = format!("{module}.{name}");
            names.insert(key.clone(), format!("({key:?}, {new_module:?}, {new_name:?})"));
        }
    }
    code.push_str("/// `_compat_pickle.NAME_MAPPING`: joined Python 2 name, module and name of Python 3.\n");
    code.push_str("pub(crate) static PYTHON2_NAMES: &[(&str, &str, &str)] = &[\n");
    for row in names.values() {
        let _ = writeln!(code, "    {row},");
    }
    code.push_str("];\n/// `_compat_pickle.IMPORT_MAPPING`: module of Python 2, module of Python 3.\n");
    code.push_str("pub(crate) static PYTHON2_MODULES: &[(&str, &str)] = &[\n");
    for row in modules.values() {
        let _ = writeln!(code, "    {row},");
    }
    code.push_str("];\n");
    Ok(())
}

/// A sorted array of pairs.
fn pairs(name: &str, lines: &[Line], what: &str, code: &mut String) -> Result<(), String> {
    let mut rows = BTreeMap::new();
    for line in lines {
        let [key, value] = line.words.as_slice() else {
            return Err(format!("{}: needs two words", line.place));
        };
        rows.insert(key, value);
    }
    let _ = writeln!(code, "/// {what}.\npub(crate) static {name}: &[(&str, &str)] = &[");
    for (key, value) in rows {
        let _ = writeln!(code, "    ({key:?}, {value:?}),");
    }
    code.push_str("];\n");
    Ok(())
}

/// A sorted array of names.
fn list(name: &str, names: &BTreeSet<String>, what: &str, code: &mut String) {
    let _ = writeln!(code, "/// {what}.\npub(crate) static {name}: &[&str] = &[");
    for n in names {
        let _ = writeln!(code, "    {n:?},");
    }
    code.push_str("];\n");
}
