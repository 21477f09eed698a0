//! The CSV files a scenario may name: populations, distributions, arrivals, recordings.
//!
//! Law: columns are exact, and each faulty field is a fault of its own, with its row.

use super::Recorded;
use super::catalogue;
use super::check::{RATE, Range, TIME_S, name_is_good};
use super::fault::{Check, Place};
use super::node::{Node, Value};
use crate::ledger::PriceRow;
use crate::swarm::plan::{Role, Stay, TorrentPlan};
use crate::units::{ByteRate, SimTime, Span, floor_u64, u32_of};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Columns of `population_csv`.
const POPULATION: [&str; 6] =
    ["class", "role", "arrival_s", "upload_kib_per_s", "download_kib_per_s", "stay"];

/// A row of a population: one peer.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub class: String,
    pub role: Role,
    pub arrival: SimTime,
    pub upload: ByteRate,
    pub download: ByteRate,
    pub stay: Stay,
    pub address: Ipv4Addr,
}

/// A row of any of the files.
struct Row {
    number: usize,
    fields: Vec<(String, Place)>,
    place: Place,
}

impl Row {
    /// The field of column `i` as a number in `range`.
    fn number(&self, check: &mut Check, i: usize, column: &str, range: Range) -> Option<f64> {
        let (text, place) = &self.fields[i];
        let row = self.number;
        let help = format!("write a number such as {}", range.example);
        let Ok(x) = text.parse::<f64>() else {
            let message = format!("row {row}: `{column}` is \"{text}\"; it takes a number");
            check.fault(place, message, help);
            return None;
        };
        if range.holds(x) {
            return Some(x);
        }
        let message = format!("row {row}: `{column}` is {x}; it must be {}", range.words(x));
        check.fault(place, message, help);
        None
    }
}

/// The rows of the file `node` names, if it is there and has the `columns`.
fn rows(check: &mut Check, node: &Node, key: &str, columns: &[&str]) -> Option<Vec<Row>> {
    let Value::Text(name) = &node.value else {
        let message = format!("`{key}` is {}; it takes the name of a file", node.kind());
        check.fault(&node.place, message, format!("write `{key} = \"file.csv\"`"));
        return None;
    };
    let source = check.read(&node.place, key, name)?;
    let mut lines = lines(check, source);
    if lines.is_empty() {
        let message = format!("`{name}` is empty");
        let help = format!("its first line is `{}`", columns.join(","));
        check.fault(&node.place, message, help);
        return None;
    }
    let header = lines.remove(0);
    if !header.fields.iter().map(|(f, _)| f.as_str()).eq(columns.iter().copied()) {
        let message = format!("these are not the columns of `{key}`");
        check.fault(&header.place, message, format!("write `{}`", columns.join(",")));
        return None;
    }
    let n = columns.len();
    if lines.is_empty() {
        check.fault(&header.place, "no row follows the header", "write at least one row");
        return None;
    }
    lines.retain(|row| {
        let found = row.fields.len();
        if found != n {
            let message = format!("row {}: {found} fields; it must have {n}", row.number);
            check.fault(&row.place, message, format!("the columns are {}", columns.join(", ")));
        }
        found == n
    });
    Some(lines)
}

/// Splits a source into records, the header as row 0.
fn lines(check: &mut Check, source: usize) -> Vec<Row> {
    let text = check.source(source).text.clone();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records().flatten() {
        let at = record.position().map_or(0, csv::Position::byte);
        let mut start = usize::try_from(at).unwrap_or(0).min(text.len());
        start += text[start..].len() - text[start..].trim_start_matches(['\r', '\n']).len();
        let end = text[start..].find(['\r', '\n']).map_or(text.len(), |n| start + n);
        let place = Place::new(source, start..end);
        let fields = fields(&record, &text[start..end], &place);
        rows.push(Row { number: rows.len(), fields, place });
    }
    rows
}

/// The fields of a record with their places; quoted records are marked as a whole.
fn fields(record: &csv::StringRecord, line: &str, whole: &Place) -> Vec<(String, Place)> {
    if line.contains('"') {
        return record.iter().map(|f| (f.to_owned(), whole.clone())).collect();
    }
    let mut at = whole.start;
    let mut places = Vec::new();
    for part in line.split(',') {
        let lead = part.len() - part.trim_start().len();
        let start = at + lead;
        places.push(Place::new(whole.source, start..start + part.trim().len()));
        at += part.len() + 1;
    }
    record
        .iter()
        .enumerate()
        .map(|(i, f)| (f.to_owned(), places.get(i).cloned().unwrap_or_else(|| whole.clone())))
        .collect()
}

/// Reads `population_csv`: one peer per row.
pub(super) fn population(check: &mut Check, node: &Node) -> Option<Vec<Person>> {
    let before = check.n_faults();
    let rows = rows(check, node, "population_csv", &POPULATION)?;
    let people: Vec<Person> = rows.iter().filter_map(|row| person(check, row)).collect();
    (check.n_faults() == before && !people.is_empty()).then_some(people)
}

fn person(check: &mut Check, row: &Row) -> Option<Person> {
    let (class, class_place) = &row.fields[0];
    let n = row.number;
    let good_name = name_is_good(class);
    if !good_name {
        let message = format!("row {n}: `class` is \"{class}\"; that cannot be a name");
        check.fault(class_place, message, "use letters, digits, `_` and `-`");
    }
    let role = match row.fields[1].0.as_str() {
        "seeder" => Some(Role::Seeder),
        "leecher" => Some(Role::Leecher),
        other => {
            let message = format!("row {n}: `role` is \"{other}\"");
            check.fault(&row.fields[1].1, message, "write seeder or leecher");
            None
        }
    };
    let arrival = row.number(check, 2, POPULATION[2], TIME_S);
    let upload = rate(check, row, 3, RATE);
    let positive = Range { above: role == Some(Role::Leecher), ..RATE };
    let download = rate(check, row, 4, positive);
    let stay = stay(check, row, role);
    Some(Person {
        class: good_name.then(|| class.clone())?,
        role: role?,
        arrival: SimTime::from_secs(arrival?),
        upload: upload?,
        download: download?,
        stay: stay?,
        address: address(n),
    })
}

/// The address of the peer in row `n`, from 1, of a population: in a network of 256 of its own, as
/// those of recorded clients (`scenarios/real/data`). After 255.255.250.1 comes 0.0.1.1.
fn address(n: usize) -> Ipv4Addr {
    let (high, low) = (u32_of((n - 1) / 250), u32_of((n - 1) % 250));
    let network = (127_u32 << 8).wrapping_add(high) << 16;
    Ipv4Addr::from_bits(network + ((low + 1) << 8) + 1)
}

fn rate(check: &mut Check, row: &Row, i: usize, range: Range) -> Option<ByteRate> {
    if row.fields[i].0.is_empty() {
        return Some(ByteRate::UNLIMITED);
    }
    row.number(check, i, POPULATION[i], range).map(ByteRate::from_kib_per_s)
}

fn stay(check: &mut Check, row: &Row, role: Option<Role>) -> Option<Stay> {
    let (text, place) = &row.fields[5];
    match text.as_str() {
        "leave" if role == Some(Role::Seeder) => {
            let message =
                format!("row {}: a seeder that leaves at once is never there", row.number);
            check.fault(place, message, "write forever, or its seconds from arrival to leaving");
            None
        }
        "leave" => Some(Stay::Leave),
        "forever" => Some(Stay::Forever),
        other if other.parse::<f64>().is_ok() => {
            row.number(check, 5, "stay", TIME_S).map(|s| Stay::Linger(Span::from_secs(s)))
        }
        other => {
            let message = format!("row {}: `stay` is \"{other}\"", row.number);
            check.fault(place, message, "write leave, forever, or seconds to linger");
            None
        }
    }
}

/// Reads the `cdf_csv` of `key`: quantile and rate, rising.
pub(super) fn cdf(check: &mut Check, node: &Node, key: &str) -> Option<Arc<Vec<(f64, f64)>>> {
    let key = format!("{key}.cdf_csv");
    let rows = rows(check, node, &key, &["quantile", "kib_per_s"])?;
    let before = check.n_faults();
    let mut points = Vec::new();
    for row in &rows {
        let quantile = row.number(check, 0, "quantile", Range::from(0.0, 1.0, "0.5"));
        let rate = row.number(check, 1, "kib_per_s", RATE);
        points.push((quantile.unwrap_or(0.0), rate.unwrap_or(0.0), row));
    }
    if check.n_faults() > before {
        return None;
    }
    for pair in points.windows(2) {
        let ((q0, r0, _), (q1, r1, row)) = (&pair[0], &pair[1]);
        if q1 <= q0 || r1 < r0 {
            let message = format!("row {}: the distribution falls here", row.number);
            check.fault(&row.place, message, "quantiles rise, and rates do not fall");
        }
    }
    let (first, last) = (&points[0], &points[points.len() - 1]);
    for (found, wanted) in [(first, 0.0), (last, 1.0)] {
        if found.0 != wanted {
            let message = format!("row {}: quantile {} stands at the end", found.2.number, found.0);
            check.fault(&found.2.place, message, "the first quantile is 0 and the last is 1");
        }
    }
    (check.n_faults() == before)
        .then(|| Arc::new(points.iter().map(|(q, r, _)| (*q, *r)).collect()))
}

/// Reads a CSV of arrivals.
pub(super) fn arrivals(check: &mut Check, node: &Node) -> Option<Vec<SimTime>> {
    let before = check.n_faults();
    let rows = rows(check, node, "arrivals.csv", &["arrival_s"])?;
    let times: Vec<SimTime> = rows
        .iter()
        .filter_map(|row| row.number(check, 0, "arrival_s", TIME_S))
        .map(SimTime::from_secs)
        .collect();
    (check.n_faults() == before).then_some(times)
}

/// Reads `recorded_csv`; `classes` are those it can be of, if known.
pub(super) fn recorded(
    check: &mut Check,
    node: &Node,
    classes: Option<&[String]>,
) -> Vec<Recorded> {
    let columns = ["repetition", "class", "download_time_s"];
    let Some(rows) = rows(check, node, "recorded_csv", &columns) else { return Vec::new() };
    let mut recorded = Vec::new();
    for row in &rows {
        let repetition = row.number(check, 0, columns[0], Range::from(0.0, 1e6, "1"));
        let time = row.number(check, 2, columns[2], TIME_S);
        let (class, place) = &row.fields[1];
        if let Some(classes) = classes.filter(|c| !c.contains(class)) {
            let message = format!("row {}: no class `{class}` in the scenario", row.number);
            check.fault(place, message, format!("its classes are {}", classes.join(", ")));
        }
        if let (Some(repetition), Some(download_time_s)) = (repetition, time) {
            let repetition = u32::try_from(floor_u64(repetition)).unwrap_or(u32::MAX);
            recorded.push(Recorded { repetition, class: class.clone(), download_time_s });
        }
    }
    recorded
}

/// Reads `torrents_csv`: one torrent per row.
pub(super) fn torrents(check: &mut Check, node: &Node) -> Option<Vec<TorrentPlan>> {
    let before = check.n_faults();
    let columns = catalogue::COLUMNS.map(|(column, _)| column);
    let rows = rows(check, node, "torrents_csv", &columns)?;
    let mut torrents = Vec::new();
    for row in &rows {
        let mut values = [0.0; 4];
        let mut is_good = true;
        for (i, (column, range)) in catalogue::COLUMNS.into_iter().enumerate() {
            let value = row.number(check, i, column, range);
            is_good &= value.is_some();
            values[i] = value.unwrap_or(0.0);
        }
        if is_good {
            torrents.extend(catalogue::torrent(check, values, &row.fields[1].1));
        }
    }
    (check.n_faults() == before).then_some(torrents)
}

/// Reads a CSV of prices: USD per BTT over the time of the run.
pub(super) fn prices(check: &mut Check, node: &Node) -> Option<Vec<PriceRow>> {
    let before = check.n_faults();
    let rows = rows(check, node, "usd_per_btt.csv", &["time_s", "usd"])?;
    let mut prices: Vec<PriceRow> = Vec::new();
    for row in &rows {
        let at = row.number(check, 0, "time_s", TIME_S);
        let usd = row.number(check, 1, "usd", Range::above(0.0, 1e6, "0.00012"));
        let (Some(at), Some(usd)) = (at, usd) else { continue };
        let at = SimTime::from_secs(at);
        if prices.last().is_some_and(|last| last.at >= at) {
            let message = format!("row {}: `time_s` is not above the one before", row.number);
            check.fault(&row.fields[0].1, message, "write the prices in the order of time");
        }
        prices.push(PriceRow { at, usd });
    }
    (check.n_faults() == before).then_some(prices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_a_network_of_its_own() {
        let rows = [1, 2, 250, 251, 32_256 * 250 + 250, 33_024 * 250, 33_024 * 250 + 1];
        let text: Vec<String> = rows.into_iter().map(|n| address(n).to_string()).collect();
        assert_eq!(text[..4], ["127.0.1.1", "127.0.2.1", "127.0.250.1", "127.1.1.1"]);
        assert_eq!(text[4..], ["253.0.250.1", "255.255.250.1", "0.0.1.1"]);
    }
}
