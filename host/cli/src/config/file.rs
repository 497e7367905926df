//! What stands in a configuration file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use modelaudit_engine::model::Severity;
use modelaudit_engine::nearest::hint;
use modelaudit_engine::policy::Stated;
use modelaudit_report::Format;
use modelaudit_report::place::printable;
use serde::{Deserialize, Deserializer, de};
use toml::de::DeTable;

use super::SCHEMA;
use crate::size::Size;

/// The largest file that is read: settings are small, and anything else is a mistake.
const LIMIT: u64 = 1 << 20;

/// The settings of a file. Its keys are those of the schema; a test holds the two together.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Where it was read from.
    #[serde(skip)]
    pub path: PathBuf,
    pub fail_on: Option<FailOn>,
    #[serde(default)]
    pub strict: bool,
    #[serde(default)]
    pub strict_license: bool,
    #[serde(default)]
    suppress: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    pub blacklist: Vec<String>,
    #[serde(default)]
    known_bad: Vec<PathBuf>,
    baseline: Option<PathBuf>,
    #[serde(default, deserialize_with = "format")]
    pub format: Option<Format>,
    #[serde(default)]
    pub verbose: bool,
    #[serde(default)]
    pub quiet: bool,
    #[serde(default, deserialize_with = "seconds")]
    pub timeout: Option<u32>,
    #[serde(default, deserialize_with = "size")]
    pub max_file_size: Option<Size>,
    #[serde(default, deserialize_with = "size")]
    pub max_total_size: Option<Size>,
    pub jobs: Option<usize>,
    #[serde(default)]
    pub weights: bool,
    cache_dir: Option<PathBuf>,
    #[serde(default)]
    pub no_cache: bool,
    #[serde(default)]
    scanners: Vec<String>,
    #[serde(default)]
    exclude_scanner: Vec<String>,
    #[serde(default)]
    plugin: Vec<PathBuf>,
    #[serde(default)]
    plugin_dir: Vec<PathBuf>,
    #[serde(default)]
    pub no_builtin: bool,
    #[serde(default)]
    severity: BTreeMap<String, String>,
    #[serde(default)]
    ignore: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    license: BTreeMap<String, String>,
}

/// A severity that can make a scan fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    Info,
    Warning,
    Critical,
}

impl From<FailOn> for Severity {
    fn from(level: FailOn) -> Self {
        match level {
            FailOn::Info => Self::Info,
            FailOn::Warning => Self::Warning,
            FailOn::Critical => Self::Critical,
        }
    }
}

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = printable(&path.to_string_lossy()).into_owned();
        let meta = std::fs::metadata(path).with_context(|| format!("can't read the configuration {shown}"))?;
        if !meta.is_file() || meta.len() > LIMIT {
            bail!("can't read the configuration {shown}: it is no regular file of at most {LIMIT} bytes");
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("can't read the configuration {shown}"))?;
        let config = Self::parse(&text).map_err(|(line, why)| anyhow!("{shown}:{line}: {why}"))?;
        Ok(Self { path: path.to_owned(), ..config })
    }

    /// Reads a text; an error has its line.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let line = |at: usize| 1 + text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count();
        let told = |e: toml::de::Error| (line(e.span().map_or(0, |s| s.start)), one_line(e.message()));
        // Keys first, so that a slip gets a hint rather than a list of all keys.
        let table = DeTable::parse(text).map_err(told)?;
        let known = known_keys();
        for key in table.get_ref().keys() {
            let name: &str = key.get_ref();
            if !known.iter().any(|k| k == name) {
                let hint = hint(name, known.iter().cloned(), "modelaudit config init writes all keys");
                return Err((line(key.span().start), format!("unknown key '{}'{hint}", printable(name))));
            }
        }
        ::toml::from_str(text).map_err(told)
    }

    /// A path of the file, which stands relative to it.
    fn beside(&self, path: &Path) -> PathBuf {
        self.path.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    /// Its path as reports show it.
    pub fn shown(&self) -> String {
        printable(&self.path.to_string_lossy()).into_owned()
    }

    fn stated(&self, texts: impl IntoIterator<Item = impl Into<String>>) -> Vec<Stated> {
        let origin = self.shown();
        texts.into_iter().map(|text| Stated::new(text, &origin)).collect()
    }

    /// Accepted rules: those of `suppress`, then those of `ignore`.
    pub fn suppress(&self) -> Vec<Stated> {
        let ignored = self.ignore.iter().flat_map(|(glob, rules)| rules.iter().map(move |r| format!("{r}@{glob}")));
        self.stated(self.suppress.iter().cloned().chain(ignored))
    }

    /// Changed severities.
    pub fn severity(&self) -> Vec<Stated> {
        self.stated(self.severity.iter().map(|(rule, level)| format!("{rule}={level}")))
    }

    /// The table of licences.
    pub fn licences(&self) -> Vec<Stated> {
        self.stated(self.license.iter().map(|(id, level)| format!("{id}={level}")))
    }

    /// Patterns of paths to leave out.
    pub fn exclude(&self) -> Vec<Stated> {
        self.stated(self.exclude.iter())
    }

    /// The only plugins to run.
    pub fn scanners(&self) -> Vec<Stated> {
        self.stated(self.scanners.iter())
    }

    /// Plugins not to run.
    pub fn exclude_scanner(&self) -> Vec<Stated> {
        self.stated(self.exclude_scanner.iter())
    }

    /// The baseline.
    pub fn baseline(&self) -> Option<PathBuf> {
        self.baseline.as_deref().map(|p| self.beside(p))
    }

    /// The folder of results.
    pub fn cache_dir(&self) -> Option<PathBuf> {
        self.cache_dir.as_deref().map(|p| self.beside(p))
    }

    /// Lists of bad files.
    pub fn known_bad(&self) -> Vec<PathBuf> {
        self.known_bad.iter().map(|p| self.beside(p)).collect()
    }

    /// Third-party plugins.
    pub fn plugin(&self) -> Vec<PathBuf> {
        self.plugin.iter().map(|p| self.beside(p)).collect()
    }

    /// Folders of third-party plugins.
    pub fn plugin_dir(&self) -> Vec<PathBuf> {
        self.plugin_dir.iter().map(|p| self.beside(p)).collect()
    }
}

/// The keys that the schema knows.
pub fn known_keys() -> Vec<String> {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("the schema is ours and is JSON");
    let properties = schema["properties"].as_object().expect("the schema has properties");
    properties.keys().cloned().collect()
}

fn one_line(text: &str) -> String {
    printable(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
}

fn format<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Format>, D::Error> {
    let name = String::deserialize(from)?;
    let known = Format::ALL.map(Format::name);
    let unknown = || format!("there is no format '{name}'{}", hint(&name, known, &known.join(", ")));
    Format::from_name(&name).map(Some).ok_or_else(|| de::Error::custom(unknown()))
}

fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    match u32::deserialize(from)? {
        0 => Err(de::Error::custom("timeout is at least 1 second")),
        seconds => Ok(Some(seconds)),
    }
}

/// A number of bytes, or a text with a unit.
fn size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Size>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u64),
        Text(String),
    }
    let text = match Written::deserialize(from).map_err(|_| de::Error::custom("a size is 10GB or a number of bytes"))? {
        Written::Number(bytes) => bytes.to_string(),
        Written::Text(text) => text,
    };
    text.parse().map(Some).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::template::toml;

    fn error(text: &str) -> String {
        let (line, why) = Config::parse(text).expect_err("it was taken");
        assert!(!why.contains('\n'), "{why}");
        format!("{line}: {why}")
    }

    #[test]
    fn every_key_of_the_schema_is_taken_and_no_other() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        for key in known_keys() {
            let property = &schema["properties"][&key];
            let example = property["examples"].get(0).or(property.get("default")).unwrap_or(&property["enum"][0]);
            let text = match example.as_object() {
                Some(table) => {
                    table.iter().fold(format!("[{key}]\n"), |text, (k, v)| text + &format!("{k:?} = {}\n", toml(v)))
                }
                None => format!("{key} = {}", toml(example)),
            };
            Config::parse(&text).unwrap_or_else(|(_, why)| panic!("{text}: {why}"));
        }
        // The struct has no key that the schema does not know: serde names them all for one that it does not know.
        let told = ::toml::from_str::<Config>("nothing = 1").unwrap_err().message().to_owned();
        let fields: Vec<&str> = told.split('`').skip(3).step_by(2).collect();
        let mut known = known_keys();
        known.sort();
        let mut taken: Vec<String> = fields.iter().map(|f| (*f).to_owned()).collect();
        taken.sort();
        assert_eq!(taken, known);
    }

    #[test]
    fn slips_are_told_with_their_line() {
        assert_eq!(error("\nstrct = true"), "2: unknown key 'strct'; did you mean strict, strict-license?");
        assert_eq!(error("frobnicate = 1"), "1: unknown key 'frobnicate'; modelaudit config init writes all keys");
        assert!(error("strict = 1").starts_with("1: invalid type"));
        assert!(error("a = 1\na = 2").starts_with("2: "));
        assert!(error("strict = true\ntimeout = 0").starts_with("2: timeout is at least"));
        assert!(error("fail-on = 'never'").contains("info"));
        assert!(error("format = 'htlm'").contains("did you mean html?"));
        assert!(error("max-file-size = '10XB'").contains("unknown unit"));
        assert!(error("max-file-size = true").contains("a size is 10GB"));
        assert!(error("severity = 3").starts_with("1: "));
    }

    #[test]
    fn paths_stand_relative_to_the_file_and_words_know_their_origin() {
        let text = "baseline = 'b.json'\nplugin = ['/p.wasm', 'q.wasm']\nsuppress = ['S1']\n[ignore]\n'x/*' = ['S2', 'S3']\n\
                    [severity]\nS4 = 'info'\n[license]\n'MIT' = 'warning'";
        let config = Config { path: "conf/modelaudit.toml".into(), ..Config::parse(text).unwrap() };
        assert_eq!(config.baseline(), Some("conf/b.json".into()));
        assert_eq!(config.plugin(), [PathBuf::from("/p.wasm"), "conf/q.wasm".into()]);
        let stated = |t: &str| Stated::new(t, "conf/modelaudit.toml");
        assert_eq!(config.suppress(), [stated("S1"), stated("S2@x/*"), stated("S3@x/*")]);
        assert_eq!((config.severity(), config.licences()), (vec![stated("S4=info")], vec![stated("MIT=warning")]));
    }
}
