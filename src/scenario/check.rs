//! One rule, one fault: typed reading of tables, where what is not asked for is not known.
//!
//! Law: reading goes on after a fault, so that one pass finds them all.

use super::fault::{Check, Place, nearest};
use super::node::{Node, Value};
use crate::units::floor_u64;

/// Numbers a key takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    /// Smallest value.
    pub low: f64,
    /// Whether the smallest value itself is refused.
    pub above: bool,
    /// Largest value.
    pub high: f64,
    /// A value that makes sense, for the help.
    pub example: &'static str,
}

impl Range {
    /// `low..=high`.
    pub const fn from(low: f64, high: f64, example: &'static str) -> Self {
        Self { low, above: false, high, example }
    }

    /// `(low, high]`.
    pub const fn above(low: f64, high: f64, example: &'static str) -> Self {
        Self { low, above: true, high, example }
    }

    /// Whether `x` is one of them.
    pub fn holds(self, x: f64) -> bool {
        let low = if self.above { x > self.low } else { x >= self.low };
        low && x <= self.high
    }

    /// What `x` would have to be, after "must be".
    pub fn words(self, x: f64) -> String {
        match (x > self.high, self.above) {
            (true, _) => format!("at most {}", self.high),
            (false, true) => format!("above {}", self.low),
            (false, false) => format!("at least {}", self.low),
        }
    }
}

/// The longest time a file can state, in seconds: thirty years.
pub(super) const MAX_S: f64 = 1e9;
/// The largest number of anything a file can state.
pub(super) const MAX_COUNT: f64 = 1e7;
/// A period or a length of time that cannot be zero.
pub(super) const PERIOD_S: Range = Range::above(0.0, MAX_S, "30");
/// A length of time or a point in time.
pub(super) const TIME_S: Range = Range::from(0.0, MAX_S, "10");
/// A rate of bytes.
pub(super) const RATE: Range = Range::from(0.0, 1e9, "100");
/// A rate of bytes that cannot be zero.
pub(super) const POSITIVE_RATE: Range = Range::above(0.0, 1e9, "100");

/// A table being read.
pub(super) struct Table<'a> {
    node: &'a Node,
    /// Where to point when something is missing.
    place: Place,
    /// As the user would write it; empty for the whole file.
    path: String,
    asked: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// Begins to read `node`; anything but a table is a fault and reads as an empty one.
    pub fn open(check: &mut Check, node: &'a Node, place: &Place, path: &str) -> Self {
        if !matches!(node.value, Value::Table(_)) {
            let message = format!("`{path}` is {}; it takes a table", node.kind());
            check.fault(&node.place, message, format!("write it as `[{path}]` with keys below"));
        }
        Self { node, place: place.clone(), path: path.to_owned(), asked: Vec::new() }
    }

    /// Where the table was written.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Where `key` was written, or the table if it was not.
    pub fn place_of(&self, key: &str) -> Place {
        self.node.get(key).map_or_else(|| self.place.clone(), |n| n.place.clone())
    }

    /// The full name of a key.
    pub fn name_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Whether `key` is written.
    pub fn has(&self, key: &str) -> bool {
        self.node.get(key).is_some()
    }

    /// The value of `key`; makes the key known.
    pub fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.node.get(key)
    }

    /// The table below `key`.
    pub fn table(&mut self, check: &mut Check, key: &'static str) -> Option<Table<'a>> {
        self.get(key)?;
        let entry = self.node.entry(key)?;
        Some(Table::open(check, &entry.node, &entry.place, &self.name_of(key)))
    }

    /// A number in `range`.
    pub fn number(&mut self, check: &mut Check, key: &'static str, range: Range) -> Option<f64> {
        let node = self.get(key)?;
        number(check, node, key, range)
    }

    /// A whole number in `range`.
    pub fn whole(&mut self, check: &mut Check, key: &'static str, range: Range) -> Option<u32> {
        let node = self.get(key)?;
        whole(check, node, key, range)
    }

    /// `true` or `false`.
    pub fn flag(&mut self, check: &mut Check, key: &'static str) -> Option<bool> {
        let node = self.get(key)?;
        if let Value::Bool(yes) = node.value {
            return Some(yes);
        }
        let message = format!("`{key}` is {}; it takes true or false", node.kind());
        check.fault(&node.place, message, format!("write `{key} = true` or `{key} = false`"));
        None
    }

    /// A string.
    pub fn text(&mut self, check: &mut Check, key: &'static str) -> Option<&'a str> {
        let node = self.get(key)?;
        if let Value::Text(text) = &node.value {
            return Some(text);
        }
        let message = format!("`{key}` is {}; it takes a string", node.kind());
        check.fault(&node.place, message, format!("write `{key} = \"…\"`"));
        None
    }

    /// One of the words in `known`, as its value.
    pub fn word<T: Clone>(
        &mut self,
        check: &mut Check,
        key: &'static str,
        known: &[(&'static str, T)],
    ) -> Option<T> {
        let node = self.get(key)?;
        word(check, node, key, known)
    }

    /// Ends the reading: keys nobody asked for are unknown.
    pub fn close(self, check: &mut Check) {
        for entry in self.node.entries() {
            if self.asked.contains(&entry.key.as_str()) {
                continue;
            }
            let key = &entry.key;
            let message = if self.path.is_empty() {
                format!("unknown key `{key}`")
            } else {
                format!("unknown key `{key}` in `{}`", self.path)
            };
            if let Some(near) = nearest(key, &self.asked) {
                let help = format!("did you mean `{near}`?");
                check.unknown(&entry.place, message, help, self.name_of(near));
            } else {
                let help = format!("known here: {}", self.asked.join(", "));
                check.fault(&entry.place, message, help);
            }
        }
    }
}

/// `node` as a number in `range`.
pub(super) fn number(check: &mut Check, node: &Node, key: &str, range: Range) -> Option<f64> {
    let x = match node.value {
        Value::Int(x) => float_of(x),
        Value::Float(x) => x,
        _ => {
            let message = format!("`{key}` is {}; it takes a number", node.kind());
            let help = format!("write a number, for example `{key} = {}`", range.example);
            check.fault(&node.place, message, help);
            return None;
        }
    };
    if range.holds(x) {
        return Some(x);
    }
    let help = format!("for example `{key} = {}`", range.example);
    if x.is_finite() {
        let message = format!("`{key}` is {x}; it must be {}", range.words(x));
        check.fault(&node.place, message, help);
    } else {
        check.fault(&node.place, format!("`{key}` is not a finite number"), help);
    }
    None
}

/// `node` as a whole number in `range`.
pub(super) fn whole(check: &mut Check, node: &Node, key: &str, range: Range) -> Option<u32> {
    if !matches!(node.value, Value::Int(_)) {
        let found = match node.value {
            Value::Float(x) if x.is_finite() => format!("{x:?}"),
            _ => node.kind().to_owned(),
        };
        let message = format!("`{key}` is {found}; it takes a whole number");
        let help = format!("write a whole number, for example `{key} = {}`", range.example);
        check.fault(&node.place, message, help);
        return None;
    }
    let x = number(check, node, key, range)?;
    Some(u32::try_from(floor_u64(x)).expect("ranges of whole numbers fit 32 bits"))
}

/// `node` as one of the words in `known`.
pub(super) fn word<T: Clone>(
    check: &mut Check,
    node: &Node,
    key: &str,
    known: &[(&'static str, T)],
) -> Option<T> {
    word_or(check, node, key, known, "")
}

/// As `word`, where the help names what `also` could be written.
pub(super) fn word_or<T: Clone>(
    check: &mut Check,
    node: &Node,
    key: &str,
    known: &[(&'static str, T)],
    also: &str,
) -> Option<T> {
    let words: Vec<&str> = known.iter().map(|(w, _)| *w).collect();
    let mut list = words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ");
    if !also.is_empty() {
        list.push_str(" or ");
        list.push_str(also);
    }
    let Value::Text(text) = &node.value else {
        let message = format!("`{key}` is {}; it takes one of a few words", node.kind());
        check.fault(&node.place, message, format!("write one of {list}"));
        return None;
    };
    if let Some((_, value)) = known.iter().find(|(w, _)| w == text) {
        return Some(value.clone());
    }
    let message = format!("`{key}` is \"{text}\", which is not one of its words");
    let help = match nearest(text, &words) {
        Some(near) => format!("did you mean \"{near}\"? it takes one of {list}"),
        None => format!("write one of {list}"),
    };
    check.fault(&node.place, message, help);
    None
}

/// The one variant of a choice written as `{ variant = … }`, with its value and place.
pub(super) fn variant<'a>(
    check: &mut Check,
    node: &'a Node,
    key: &str,
    known: &[&'static str],
) -> Option<(&'static str, &'a Node, Place)> {
    variant_or(check, node, key, known, "")
}

/// As `variant`, where the help names the words that `also` could be written.
pub(super) fn variant_or<'a>(
    check: &mut Check,
    node: &'a Node,
    key: &str,
    known: &[&'static str],
    also: &str,
) -> Option<(&'static str, &'a Node, Place)> {
    let entries = node.entries();
    let mut list = known.iter().map(|k| format!("{{ {k} = … }}")).collect::<Vec<_>>().join(", ");
    if !also.is_empty() {
        list.push_str(" or ");
        list.push_str(also);
    }
    if !matches!(node.value, Value::Table(_)) {
        let message = format!("`{key}` is {}; it takes a table", node.kind());
        check.fault(&node.place, message, format!("write one of {list}"));
        return None;
    }
    if entries.len() != 1 {
        let message = format!("`{key}` names {} ways; it takes exactly one", entries.len());
        check.fault(&node.place, message, format!("keep one of {list}"));
        return None;
    }
    let entry = &entries[0];
    if let Some(way) = known.iter().find(|k| **k == entry.key) {
        return Some((way, &entry.node, entry.place.clone()));
    }
    let help = match nearest(&entry.key, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write one of {list}"),
    };
    check.fault(&entry.place, format!("unknown way `{}` of `{key}`", entry.key), help);
    None
}

/// An integer of a file as a float.
fn float_of(x: i64) -> f64 {
    // Beyond 2^53 a count is refused anyway; the seed does not pass here.
    let magnitude = crate::units::f64_of(x.unsigned_abs());
    if x < 0 { -magnitude } else { magnitude }
}

/// A name of a class or an arm: it becomes a column value and a part of file names.
pub(super) fn name_is_good(name: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    !name.is_empty() && name.len() <= 64 && name.bytes().all(good)
}

/// Splits `total` by `shares` that sum to 1: whole parts first, then the largest remainders,
/// the earlier one on a tie.
pub(super) fn largest_remainder(total: u32, shares: &[f64]) -> Vec<u32> {
    let exact: Vec<f64> = shares.iter().map(|s| s * f64::from(total)).collect();
    // A millionth absorbs shares like 0.1 × 30 = 3.0000000000000004 and 2.9999999999999996.
    let whole = |x: f64| floor_u64(x + 1e-6);
    let mut counts: Vec<u32> =
        exact.iter().map(|x| u32::try_from(whole(*x)).unwrap_or(total)).collect();
    let given: u32 = counts.iter().sum();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    let rest = |i: usize| exact[i] - f64::from(u32::try_from(whole(exact[i])).unwrap_or(total));
    order.sort_by(|a, b| rest(*b).total_cmp(&rest(*a)).then(a.cmp(b)));
    let missing = total.saturating_sub(given);
    for i in order.into_iter().cycle().take(usize::try_from(missing).unwrap_or(0)) {
        counts[i] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn largest_remainders_take_what_is_left() {
        assert_eq!(largest_remainder(100, &[0.9, 0.1]), [90, 10]);
        assert_eq!(largest_remainder(10, &[0.25, 0.25, 0.5]), [3, 2, 5]);
        assert_eq!(largest_remainder(7, &[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]), [3, 2, 2]);
        assert_eq!(largest_remainder(3, &[0.0, 1.0]), [0, 3]);
        assert_eq!(largest_remainder(0, &[1.0]), [0]);
    }

    #[test]
    fn parts_sum_to_the_whole() {
        for total in 0..200 {
            for shares in [vec![0.6, 0.3, 0.1], vec![0.05; 20], vec![0.123, 0.877]] {
                let counts = largest_remainder(total, &shares);
                assert_eq!(counts.iter().sum::<u32>(), total);
                for (count, share) in counts.iter().zip(&shares) {
                    assert!((f64::from(*count) - share * f64::from(total)).abs() < 1.0 + 1e-6);
                }
            }
        }
    }
}
