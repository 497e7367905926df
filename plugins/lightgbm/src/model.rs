//! The walk over a model: header, trees, and what follows them.

use modelaudit_json::{ErrorKind, Event, Limits, Parser};
use modelaudit_metadata_text::label;
use modelaudit_plugin::{Artifact, Finding, Reader, Sink, Span, clip, escape, quote};
use modelaudit_rules::deployment::S1174;
use modelaudit_rules::structure::{S902, S911};
use modelaudit_rules::tensors::Tally;

use crate::parameters::Judge;
use crate::sizes::Sizes;
use crate::text::{Start, Text};
use crate::tree::Tree;

/// Bytes of a key, of a name, and of any other value that are kept.
const MOST_KEY: usize = 256;
const MOST_NAME: usize = 4 << 10;
const MOST_VALUE: usize = 64 << 10;
/// Strings of pandas' categories that are kept at once.
const JSON_LIMITS: Limits = Limits { depth: 64, text: 64 << 10, keys: 1 << 16, defects: 16 };

/// Where in the model a line stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Header,
    Trees,
    /// Behind the last tree.
    Tail,
    Importances,
    Parameters,
    /// Behind the parameters.
    End,
}

/// A model that is being read.
struct Model<'a, 's> {
    artifact: &'a dyn Artifact,
    text: Text<'a>,
    sink: &'s mut dyn Sink,
    judge: Judge,
    sizes: Sizes,
    tree: Option<Tree>,
    bad: Tally,
    header: Tally,
    features: Option<u64>,
    names: Option<u64>,
    leaves: u64,
    pandas: bool,
}

/// Scans a model.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let mut model = Model {
        artifact,
        text: Text::new(artifact),
        sink,
        judge: Judge::default(),
        sizes: Sizes::default(),
        tree: None,
        bad: Tally::default(),
        header: Tally::default(),
        features: None,
        names: None,
        leaves: 0,
        pandas: false,
    };
    let section = model.walk();
    model.report(section)
}

impl Model<'_, '_> {
    /// Reads line by line; gives the section in which the text ends.
    fn walk(&mut self) -> Section {
        let mut section = Section::Header;
        // The first line names the kind of model and was looked at.
        self.text.start(MOST_KEY);
        while let Some(start) = self.text.start(MOST_KEY) {
            let key = start.key.as_str();
            if key.is_empty() && start.separator.is_none() {
                continue;
            }
            let next = self.section(section, &start);
            match next {
                Some(Section::Trees) => self.begin_tree(&start),
                Some(next) => {
                    self.end_tree();
                    if start.separator.is_some() {
                        self.text.rest(MOST_KEY);
                    }
                    section = next;
                    continue;
                }
                None if key == "pandas_categorical" && start.separator == Some(b':') => {
                    self.end_tree();
                    self.categories();
                    section = Section::End;
                    continue;
                }
                None if self.line(section, &start) => continue,
                None => {
                    self.trailing(start.at);
                    return section;
                }
            }
            section = Section::Trees;
        }
        section
    }

    /// The section that a line begins, if it begins one.
    fn section(&self, now: Section, start: &Start) -> Option<Section> {
        match (start.key.as_str(), start.separator) {
            ("Tree", Some(b'=')) if matches!(now, Section::Header | Section::Trees) => Some(Section::Trees),
            ("end of trees", None) if matches!(now, Section::Header | Section::Trees) => Some(Section::Tail),
            ("feature importances" | "feature_importances", Some(b':')) if now < Section::Importances => {
                Some(Section::Importances)
            }
            ("parameters", Some(b':')) if now < Section::Parameters => Some(Section::Parameters),
            ("end of parameters", None) if now == Section::Parameters => Some(Section::End),
            _ => None,
        }
    }

    fn begin_tree(&mut self, start: &Start) {
        self.end_tree();
        let number = self.sizes.trees();
        self.sizes.tree(start.at, self.text.returns);
        self.text.rest(MOST_KEY);
        self.tree = Some(Tree::new(number, start.at));
        self.sink.progress(start.at);
    }

    fn end_tree(&mut self) {
        let Some(tree) = self.tree.take() else { return };
        self.leaves = self.leaves.saturating_add(tree.leaves());
        tree.check(self.features, &mut self.bad);
    }

    /// Reads the rest of a line inside a section; false if the section has no such line.
    fn line(&mut self, section: Section, start: &Start) -> bool {
        match section {
            Section::Header => self.header_line(start),
            Section::Trees => {
                let Some(tree) = self.tree.as_mut() else { return false };
                if start.separator == Some(b'=') && tree.line(&start.key, start.at, &mut self.text, &mut self.bad) {
                    return true;
                }
                self.other(start, "a line among the trees");
                true
            }
            Section::Importances => self.importance(start),
            Section::Parameters => {
                self.parameter(start);
                true
            }
            Section::Tail | Section::End => false,
        }
    }

    fn header_line(&mut self, start: &Start) -> bool {
        let at = start.at;
        if start.separator != Some(b'=') {
            // A flag such as average_output.
            self.other(start, "a line of the header");
            return true;
        }
        match start.key.as_str() {
            "feature_names" => self.feature_names(at),
            "feature_infos" => {
                let mut count = 0u64;
                let mut odd = None;
                self.text.words(MOST_NAME, |word| {
                    count += 1;
                    let plain = |b: &u8| {
                        b.is_ascii_alphanumeric() || matches!(b, b'[' | b']' | b':' | b'.' | b'+' | b'-' | b'_')
                    };
                    if odd.is_none() && !word.iter().all(plain) {
                        odd = Some(String::from_utf8_lossy(word).into_owned());
                    }
                });
                if let Some(text) = odd {
                    self.judge.text("the range of a feature", &text, Span::new(at, 13), self.sink);
                }
                self.count_features("feature_infos", count, at);
            }
            "tree_sizes" => {
                self.sizes.begin(at);
                let (sizes, mut odd) = (&mut self.sizes, false);
                self.text.words(MOST_KEY, |word| {
                    let size = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
                    odd |= size.is_none();
                    sizes.push(size.unwrap_or(0));
                });
                if odd {
                    self.header.add("tree_sizes", Span::new(at, 10), || "holds what is no size".to_owned());
                }
            }
            key => {
                let (value, length) = self.text.rest(MOST_VALUE);
                let span = Span::new(at, key.len() as u64 + 1 + length);
                match key {
                    "version" => self.sink.fact_text("format_version", &clip(&escape(&value), 32)),
                    "objective" => self.sink.fact_text("objective", &clip(&escape(&value), 200)),
                    "max_feature_idx" => {
                        self.features =
                            value.parse::<i64>().ok().and_then(|last| u64::try_from(last.checked_add(1)?).ok());
                        if self.features.is_none() {
                            self.header.add(key, span, || format!("is {}, no number of a feature", quote(&value)));
                        }
                    }
                    // LightGBM divides by the second of them.
                    "num_class" | "num_tree_per_iteration" if !value.parse::<i64>().is_ok_and(|n| n > 0) => {
                        self.header.add(key, span, || format!("is {}, it has to be 1 at least", quote(&value)));
                    }
                    "num_class" => self.sink.fact("classes", &value.parse::<i64>().unwrap_or(0).to_string()),
                    _ => {}
                }
                self.judge.parameter(key, &value, span, self.sink);
            }
        }
        true
    }

    fn feature_names(&mut self, at: u64) {
        let mut count = 0u64;
        let (judge, sink) = (&mut self.judge, &mut *self.sink);
        let mut start = String::new();
        self.text.words(MOST_NAME, |word| {
            count += 1;
            let name = String::from_utf8_lossy(word);
            if start.len() < MOST_VALUE {
                start.push(' ');
                start.push_str(&name);
            }
            judge.text("the name of a feature", &name, Span::new(at, 13), sink);
        });
        self.names = Some(count);
        // A command of several words: all names as one line, which no name can be the first word of.
        let before = self.judge.count();
        if before == 0 {
            self.judge.text("the list of feature names", &format!("names:{start}"), Span::new(at, 13), self.sink);
        }
        self.count_features("feature_names", count, at);
    }

    fn count_features(&mut self, key: &str, count: u64, at: u64) {
        if let Some(features) = self.features.filter(|features| *features != count) {
            let span = Span::new(at, key.len() as u64);
            self.header.add(key, span, || format!("has {count} entries, the model has {features} features"));
        }
    }

    /// `[key: value]`.
    fn parameter(&mut self, start: &Start) {
        let (rest, length) = match start.separator {
            Some(_) => self.text.rest(MOST_VALUE),
            None => (String::new(), 0),
        };
        let span = Span::new(start.at, start.key.len() as u64 + 1 + length).within(self.artifact.size());
        let key = start.key.trim_start_matches('[').to_owned();
        let value = rest.strip_suffix(']').unwrap_or(&rest).trim();
        if key == "boosting" {
            self.sink.fact_text("boosting", &clip(&escape(value), 32));
        }
        if start.separator.is_none() {
            self.judge.text("a line among the parameters", &key, span, self.sink);
        } else {
            self.judge.parameter(&key, value, span, self.sink);
        }
    }

    /// `name=count`; the name may hold any of the separators.
    fn importance(&mut self, start: &Start) -> bool {
        let Some(separator) = start.separator else { return false };
        let (rest, _) = self.text.rest(MOST_NAME);
        let line = format!("{}{}{rest}", start.key, separator as char);
        let Some((name, count)) = line.rsplit_once('=') else { return false };
        if count.parse::<f64>().is_err() && rest.len() < MOST_NAME {
            return false;
        }
        if self.names.is_none() {
            self.judge.text("the name of a feature", name, Span::new(start.at, 1), self.sink);
        }
        true
    }

    /// A line that no version of LightGBM writes there.
    fn other(&mut self, start: &Start, place: &str) {
        let (rest, length) = match start.separator {
            Some(_) => self.text.rest(MOST_VALUE),
            None => (String::new(), 0),
        };
        let separator = start.separator.map_or(String::new(), |byte| (byte as char).to_string());
        let span = Span::new(start.at, start.key.len() as u64 + 1 + length).within(self.artifact.size());
        self.judge.text(place, &format!("{}{separator}{rest}", start.key), span, self.sink);
    }

    /// The categories of pandas: JSON up to the end of the line.
    fn categories(&mut self) {
        self.pandas = true;
        let from = self.text.position();
        self.text.rest(0);
        let span = Span::new(from, self.text.position().saturating_sub(from));
        let mut parser = Parser::with_limits(Reader::over(self.artifact, span), JSON_LIMITS);
        loop {
            match parser.event() {
                Ok(Some(Event::String(text) | Event::Key(text))) => {
                    let (text, at) = (text.value.to_owned(), text.at);
                    self.judge.text("a category of pandas", &text, at, self.sink);
                }
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) if error.kind == ErrorKind::End && span.end() >= self.artifact.size() => {
                    self.sink.incomplete("the file ends early: the categories of pandas break off");
                    return;
                }
                Err(error) => {
                    let finding = Finding::new(&S902, format!("the categories of pandas are no JSON: {error}"));
                    self.sink.finding(finding.at(span.offset, span.length).element("pandas_categorical"));
                    self.sink.incomplete("the categories of pandas were not read to their end");
                    return;
                }
            }
        }
    }

    /// Whatever follows the model is not looked at as a part of it.
    fn trailing(&mut self, at: u64) {
        self.end_tree();
        let span = Span::new(at, self.artifact.size().saturating_sub(at));
        let head = self.artifact.read(at, 256);
        let line = head.split(|b| *b == b'\n').next().unwrap_or_default();
        let message = format!("{} bytes follow the model: {}", span.length, quote(line));
        self.sink.finding(Finding::new(&S911, message).at(span.offset, span.length));
        self.sink.embed("after the model", span, "");
    }

    fn report(mut self, section: Section) -> Result<(), String> {
        // A tree at the end of a file that was cut is not complete, and nothing is wrong with it but that.
        let cut_tree = self.tree.take().map(|tree| tree.leaves());
        let trees = self.sizes.trees();
        self.bad.report(&S1174, None, "tree", self.sink);
        self.header.report(&S902, None, "header line", self.sink);
        self.sizes.report(section > Section::Trees, self.sink);
        if let Some((at, byte)) = self.text.binary {
            let message = format!("the text holds the byte {byte:#04x} at offset {at}, which no model has");
            self.sink.finding(Finding::new(&S902, message).at(at, 1).detail("byte", label(&format!("{byte:#04x}"))));
        }
        self.sink.fact_number("trees", trees);
        self.sink.fact_number("leaves", self.leaves.saturating_add(cut_tree.unwrap_or(0)));
        if let Some(features) = self.features.or(self.names) {
            self.sink.fact_number("feature_count", features);
        }
        match section {
            Section::Header => Err("the model is cut off: it ends in its header".to_owned()),
            Section::Trees => {
                let promised = self.sizes.promised().map_or(String::new(), |promised| format!(" of {promised}"));
                Err(format!("the model is cut off: it ends in tree {trees}{promised}"))
            }
            Section::Parameters => Err("the model is cut off: it ends in its parameters".to_owned()),
            Section::Tail | Section::Importances | Section::End => Ok(()),
        }
    }
}
