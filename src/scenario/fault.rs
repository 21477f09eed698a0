//! What is wrong with a scenario, and where: all of it, in the words of the person who wrote it.
//!
//! Law: a fault is reported once, at the place the user can change, and says what to write instead.

use super::amount::Amounts;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// A stretch of one of the texts a scenario is made of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place {
    /// Position in `Sources`.
    pub source: usize,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Place {
    /// A stretch of a text.
    pub fn new(source: usize, span: Range<usize>) -> Self {
        Self { source, start: span.start, end: span.end.max(span.start) }
    }
}

/// A text the user gave: the file, a CSV beside it, or a `--set`.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// As the user would name it.
    pub label: String,
    /// Its text.
    pub text: String,
}

/// One thing to put right.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Fault {
    place: Place,
    message: String,
    help: String,
    kind: Kind,
}

/// What a fault is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    /// The text does not parse.
    Syntax,
    /// A missing thing: not worth saying when the text could not be read in full.
    Absence,
    /// A thing that is there and wrong.
    Thing,
}

/// All that is wrong with a scenario. `Display` gives the complete text for a terminal.
#[derive(Clone, Debug)]
pub struct Faults {
    count: usize,
    text: String,
}

impl Faults {
    /// How many faults there are; at least one.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Faults {}

/// More faults than this are counted but not shown: a CSV of another format has one per row.
const MOST: usize = 500;

/// Texts, faults and warnings gathered while a scenario is read.
#[derive(Default, Debug)]
pub(super) struct Check {
    sources: Vec<Source>,
    faults: Vec<Fault>,
    warnings: Vec<String>,
    /// Lines that could not be parsed: what is found there is not to be believed.
    broken: Vec<Place>,
    /// Full names that unknown keys were probably meant to be: they are not missing.
    meant: Vec<String>,
    /// Amounts of money found up to now: all are of one token.
    pub amounts: Amounts,
    /// Faults beyond `MOST`.
    n_dropped: usize,
    /// Where relative paths start.
    pub dir: PathBuf,
    /// Files read up to now, each once; `None` if it could not be read.
    files: Vec<(PathBuf, Option<usize>)>,
    /// Which keys name them: the source, where, and the key.
    named: Vec<(usize, Place, String)>,
}

impl Check {
    /// The text of the file that `key` names at `place`, as a source.
    pub fn read(&mut self, place: &Place, key: &str, name: &str) -> Option<usize> {
        let source = self.read_file(place, name)?;
        let named = (source, place.clone(), key.to_owned());
        if !self.named.contains(&named) {
            self.named.push(named);
        }
        Some(source)
    }

    fn read_file(&mut self, place: &Place, name: &str) -> Option<usize> {
        let path = self.dir.join(name);
        if let Some((_, source)) = self.files.iter().find(|(p, _)| *p == path) {
            return *source;
        }
        let help = "paths are relative to the scenario file";
        let read = match std::fs::read(&path) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).ok();
                if text.is_none() {
                    self.fault(place, format!("`{name}` is not UTF-8 text"), "save it as UTF-8");
                }
                text.map(|text| self.add_source(path.display().to_string(), text))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.fault(place, format!("there is no file `{name}`"), help);
                None
            }
            Err(error) => {
                self.fault(place, format!("cannot read `{name}`: {}", error.kind()), help);
                None
            }
        };
        self.files.push((path, read));
        read
    }

    /// The text of a file that need not be read.
    pub fn add_file(&mut self, path: PathBuf, text: &str) {
        let source = self.add_source(path.display().to_string(), text.to_owned());
        self.files.push((path, Some(source)));
    }

    /// Takes a text in and returns its position.
    pub fn add_source(&mut self, label: String, text: String) -> usize {
        self.sources.push(Source { label, text });
        self.sources.len() - 1
    }

    /// A text taken in before.
    pub fn source(&self, source: usize) -> &Source {
        &self.sources[source]
    }

    /// Something wrong at `place`; `help` says what to write instead.
    pub fn fault(&mut self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.push(place, message.into(), help.into(), Kind::Thing);
    }

    /// Something that should be written at or below `place` and is not.
    pub fn missing(&mut self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.push(place, message.into(), help.into(), Kind::Absence);
    }

    /// A key nobody knows, probably meant to be the one of the full name `meant`.
    pub fn unknown(&mut self, place: &Place, message: String, help: String, meant: String) {
        self.meant.push(meant);
        self.push(place, message, help, Kind::Thing);
    }

    /// A text that does not parse, at `place`.
    pub fn syntax(&mut self, place: &Place, message: String) {
        let help = if message.contains("duplicate") {
            "remove one of the two, or give it another name"
        } else {
            "values are TOML: \"text in quotes\", 1.5, true, [1, 2], { key = 1 }"
        };
        self.push(place, message, help.to_owned(), Kind::Syntax);
        let lines = self.lines_of(place);
        self.broken.push(lines);
    }

    fn push(&mut self, place: &Place, message: String, help: String, kind: Kind) {
        let fault = Fault { place: place.clone(), message, help, kind };
        // Arms share most of the file: its faults turn up once per arm.
        if self.faults.contains(&fault) {
            return;
        }
        if self.faults.len() < MOST {
            self.faults.push(fault);
        } else {
            self.n_dropped += 1;
        }
    }

    /// News that is no fault.
    pub fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// How many faults were found up to now.
    pub fn n_faults(&self) -> usize {
        self.faults.len()
    }

    /// The warnings, or all faults as one text.
    pub fn finish(mut self) -> Result<Vec<String>, Faults> {
        if self.faults.is_empty() {
            return Ok(self.warnings);
        }
        let mut faults = std::mem::take(&mut self.faults);
        faults.retain(|fault| self.is_worth_saying(fault));
        faults.sort_by_key(|f| (f.place.source, f.place.start));
        let mut text = String::new();
        for fault in &faults {
            text.push_str(&self.render(fault));
            text.push_str("\n\n");
        }
        let count = faults.len() + self.n_dropped;
        let noun = if count == 1 { " fault" } else { " faults" };
        let label = &self.sources[0].label;
        text.push_str(label);
        text.push_str(": ");
        text.push_str(&count.to_string());
        text.push_str(noun);
        if self.n_dropped > 0 {
            text.push_str(", of which the first ");
            text.push_str(&faults.len().to_string());
            text.push_str(" are shown");
        }
        Err(Faults { count, text })
    }

    /// Whether a fault is no mere echo of another one.
    fn is_worth_saying(&self, fault: &Fault) -> bool {
        let place = &fault.place;
        let in_broken = self.broken.iter().any(|line| {
            line.source == place.source && (line.start..line.end).contains(&place.start)
        });
        match fault.kind {
            Kind::Syntax => true,
            Kind::Thing => !in_broken,
            Kind::Absence => {
                let meant = |name: &String| fault.message == format!("`{name}` is missing");
                self.broken.is_empty() && !self.meant.iter().any(meant)
            }
        }
    }

    fn render(&self, fault: &Fault) -> String {
        let source = &self.sources[fault.place.source];
        let len = source.text.len();
        let start = fault.place.start.min(len);
        let end = first_line_end(source, start, fault.place.end.min(len));
        let snippet = Snippet::source(&source.text)
            .path(&source.label)
            .annotation(AnnotationKind::Primary.span(start..end));
        let mut group = Level::ERROR.primary_title(&fault.message).element(snippet);
        if !fault.help.is_empty() {
            group = group.element(Level::HELP.message(&fault.help));
        }
        let names = self.names_of(fault.place.source);
        if !names.is_empty() {
            group = group.element(Level::NOTE.message(&names));
        }
        let text = Renderer::plain().render(&[group]);
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    /// Who named a file, and where; empty for what no key named.
    fn names_of(&self, source: usize) -> String {
        let names = self
            .named
            .iter()
            .filter(|(named, ..)| *named == source)
            .map(|(_, at, key)| format!("`{key}` names the file, at {}", self.where_is(at)));
        names.collect::<Vec<_>>().join("; ")
    }

    /// File, line and column of `place`, in words.
    pub fn where_is(&self, place: &Place) -> String {
        let Source { label, text } = &self.sources[place.source];
        let before = &text[..place.start.min(text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |start| start.chars().count()) + 1;
        format!("{label}:{line}:{column}")
    }

    fn lines_of(&self, place: &Place) -> Place {
        let text = &self.sources[place.source].text;
        let at = place.start.min(text.len());
        let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
        let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
        Place { source: place.source, start, end: end + 1 }
    }
}

/// Long values and tables are marked on their first line only.
fn first_line_end(source: &Source, start: usize, end: usize) -> usize {
    let end = end.max(start);
    source.text[start..end].find('\n').map_or(end, |n| start + n)
}

/// The word among `known` that is nearest to `word`, if any is near.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let limit = 1 + word.chars().count() / 3;
    known
        .iter()
        .map(|k| (distance(word, k), *k))
        .min_by_key(|(d, _)| *d)
        .filter(|(d, _)| *d <= limit)
        .map(|(_, k)| k)
}

/// Edits from one word to the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let change = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_word_is_found_and_far_ones_are_not() {
        let known = ["upload_kib_per_s", "download_kib_per_s", "stay"];
        assert_eq!(nearest("uplod_kib_per_s", &known), Some("upload_kib_per_s"));
        assert_eq!(nearest("colour", &known), None);
    }
}
