//! The folder of a validation: the table, the curves, and a page for people.
//!
//! Law: no times of day, no durations, no paths of a machine; the same checks give the same bytes.

use super::folder::{Folder, FolderError};
use super::manifest::FIRST_KEY;
use super::schema::{CHECKS, CURVES, CheckRow, CurveRow, MANIFEST};
use super::table::plural;
use super::writer::{ReportError, write_all};
use crate::validate::finding::short;
use crate::validate::{Axis, Report};
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::Path;

/// The page in the folder.
pub const PAGE: &str = "README.md";
/// The line of a document below which the page is put.
pub const MARKER: &str = "<!-- made by swarmecon -->";

/// Writes the table, the curves, the page and the manifest into `folder`.
///
/// # Errors
/// When the disk refuses them.
pub fn write(folder: &Folder, reports: &[Report]) -> Result<(), ReportError> {
    write_all(folder, CHECKS, reports.iter().flat_map(check_rows))?;
    write_all(folder, CURVES, reports.iter().flat_map(curve_rows))?;
    put(&folder.path().join(PAGE), &format!("# Validation\n\n{}", page(reports, "")))?;
    let names: Vec<String> = reports.iter().map(|r| format!("\"{}\"", r.check.name)).collect();
    let version = env!("CARGO_PKG_VERSION");
    let text = format!("{FIRST_KEY} = \"{version}\"\nchecks = [{}]\n", names.join(", "));
    put(&folder.path().join(MANIFEST), &text)
}

/// Puts the page into `document` below its marker, or at its end, and makes it if there is none;
/// `folder` is where the figures are, as seen from there.
///
/// # Errors
/// When the file cannot be read or written.
pub fn write_page(document: &Path, reports: &[Report], folder: &str) -> Result<(), ReportError> {
    let io = |action| {
        let path = document.to_path_buf();
        move |source| FolderError::Io { action, path, source }
    };
    let before = match std::fs::read_to_string(document) {
        Err(error) if error.kind() == ErrorKind::NotFound => "# Validation".to_owned(),
        read => read.map_err(io("read"))?,
    };
    let above = before.split(MARKER).next().unwrap_or_default().trim_end();
    let text = format!("{above}\n\n{MARKER}\n\n{}", page(reports, folder));
    // Under a temporary name first: the document is whole at every moment.
    let temporary = document.with_extension("md.part");
    put(&temporary, &text)?;
    std::fs::rename(&temporary, document).map_err(io("replace"))?;
    Ok(())
}

fn put(path: &Path, text: &str) -> Result<(), ReportError> {
    std::fs::write(path, text).map_err(|source| {
        FolderError::Io { action: "write", path: path.to_path_buf(), source }.into()
    })
}

/// `pass` or `fail`.
fn verdict(passed: bool) -> String {
    if passed { "pass" } else { "fail" }.to_owned()
}

fn check_rows(report: &Report) -> impl Iterator<Item = CheckRow> + '_ {
    report.findings.lines.iter().map(|line| CheckRow {
        check: report.check.name.to_owned(),
        kind: line.kind.name().to_owned(),
        result: line.what.clone(),
        source: report.check.source.to_owned(),
        expected: line.expected.clone(),
        got: short(line.got),
        tolerance: line.tolerance.clone(),
        verdict: verdict(line.passed),
    })
}

fn scale(axis: Axis) -> String {
    if axis.is_log { "log" } else { "linear" }.to_owned()
}

/// Six significant digits: enough to draw, and the same on every machine.
fn rounded(x: f64) -> f64 {
    format!("{x:.5e}").parse().expect("a number that was written can be read")
}

fn curve_rows(report: &Report) -> impl Iterator<Item = CurveRow> + '_ {
    let curves = report
        .findings
        .panels
        .iter()
        .flat_map(|panel| panel.curves.iter().map(move |curve| (panel, curve)));
    curves.flat_map(move |(panel, curve)| {
        curve.points.iter().map(move |&(x, y)| CurveRow {
            check: report.check.name.to_owned(),
            panel: panel.title.clone(),
            x_name: panel.x.name.to_owned(),
            x_scale: scale(panel.x),
            y_name: panel.y.name.to_owned(),
            y_scale: scale(panel.y),
            curve: curve.name.clone(),
            role: curve.role.name().to_owned(),
            x: rounded(x),
            y: rounded(y),
        })
    })
}

/// How many gates hold, and which do not; for directions the same.
pub fn tally(reports: &[Report]) -> String {
    let lines = || reports.iter().flat_map(|report| &report.findings.lines);
    let of = |is_gate: bool| {
        let chosen = || lines().filter(|line| (line.kind.name() == "gate") == is_gate);
        (chosen().filter(|line| line.passed).count(), chosen().count())
    };
    let ((gates, n_gates), (directions, n_directions)) = (of(true), of(false));
    format!(
        "{gates} of {n_gates} gates and {directions} of {n_directions} directions hold in {}.",
        plural(reports.len(), "check", "checks")
    )
}

/// A cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The page: a section per check.
fn page(reports: &[Report], folder: &str) -> String {
    let mut text = format!("{}\n", tally(reports));
    for report in reports {
        let (check, findings) = (&report.check, &report.findings);
        let _ = write!(text, "\n## {}\n\n{}\n\n", check.name, check.claim);
        let _ = write!(text, "*Source:* {}.\n\n{}\n\n", check.source, findings.note);
        text += "| | result | expected | tolerance | got |\n|---|---|---|---|---|\n";
        for line in &findings.lines {
            let is = match (line.passed, line.is_failure()) {
                (true, _) => "holds",
                (false, true) => "**fails**",
                (false, false) => "does not hold",
            };
            let kind = line.kind.name();
            let (what, got) = (cell(&line.what), short(line.got));
            let (expected, tolerance) = (&line.expected, &line.tolerance);
            let _ = writeln!(text, "| {kind} {is} | {what} | {expected} | {tolerance} | {got} |");
        }
        if !findings.panels.is_empty() {
            let slash = if folder.is_empty() { "" } else { "/" };
            let _ = write!(text, "\n![{0}]({folder}{slash}{0}.svg)\n", check.name);
        }
    }
    text
}
