//! `swarmecon validate`: theory and published results, reproduced one by one.

use super::args::ValidateArgs;
use super::{Failure, complain};
use crate::experiment::Workers;
use crate::report::table::plural;
use crate::report::{Folder, validation};
use crate::validate::finding::short;
use crate::validate::{self, Check, Ctx, Line, Report};
use anyhow::{Context, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

/// Where the results go, and on how many threads they are made.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The results folder, if there is to be one.
    pub target: Option<PathBuf>,
    /// A document to put the page into.
    pub page: Option<PathBuf>,
    /// Threads; 0: one per core.
    pub n_threads: usize,
}

/// Does what the flags say.
///
/// # Errors
/// When a check is not known, a gate fails, or the folder cannot be written.
pub fn command(args: &ValidateArgs, out: &mut impl Write) -> Result<(), Failure> {
    let checks =
        validate::chosen(&validate::all(), &args.only, args.quick).map_err(Failure::user)?;
    if checks.is_empty() {
        let only = args.only.join(", ");
        return Err(Failure::User(anyhow!("--quick leaves nothing of --only {only}")));
    }
    if args.list {
        return out.write_all(list(&checks).as_bytes()).map_err(Failure::work);
    }
    let options =
        Options { target: args.out.clone(), page: args.page.clone(), n_threads: args.threads };
    execute(&checks, &options, out)
}

/// Runs `checks`, prints the table and writes the folder.
///
/// # Errors
/// When a gate fails, or the folder cannot be written.
pub fn execute(checks: &[Check], options: &Options, out: &mut impl Write) -> Result<(), Failure> {
    // Before the first run: what cannot be written is known at once.
    let folder = options.target.as_deref().map(Folder::open).transpose().map_err(Failure::user)?;
    let home = options.page.as_deref().map(home_of).transpose().map_err(Failure::User)?;
    let workers = Workers::new(options.n_threads).map_err(Failure::user)?;
    let begun = Instant::now();
    let bar = bar(checks.len());
    let after_run = || bar.tick();
    let reports = validate::run(checks, &Ctx::new(&workers, &after_run), &|check| {
        bar.inc(1);
        bar.set_message(check.name);
    });
    bar.finish_and_clear();
    let mut text = table(&reports);
    if let Some(folder) = folder {
        validation::write(&folder, &reports).map_err(Failure::work)?;
        crate::plot::draw_validation(folder.path()).map_err(Failure::work)?;
        let target = folder.target().to_path_buf();
        folder.commit().map_err(Failure::work)?;
        if let (Some(page), Some(home)) = (&options.page, &home) {
            let beside = seen_from(home, &target).map_err(Failure::work)?;
            validation::write_page(page, &reports, &beside).map_err(Failure::work)?;
        }
        let _ = writeln!(
            text,
            "\nResults in {}",
            options.target.as_deref().unwrap_or(&target).display()
        );
    }
    out.write_all(text.as_bytes()).map_err(Failure::work)?;
    let (n, seconds) = (plural(checks.len(), "check", "checks"), begun.elapsed().as_secs_f64());
    complain(&format!("{n} in {seconds:.1} s"));
    failures(&reports)
}

fn bar(n_checks: usize) -> ProgressBar {
    // The bar's target is standard error, which hides it when that is not a terminal.
    let bar = ProgressBar::new(u64::try_from(n_checks).unwrap_or(u64::MAX));
    let style = ProgressStyle::with_template("{spinner} {pos}/{len} checks, {elapsed}, {msg}")
        .expect("the template is well formed");
    bar.set_style(style);
    if !bar.is_hidden() {
        bar.enable_steady_tick(Duration::from_millis(250));
    }
    bar
}

/// A gate that fails is a failure of the work.
fn failures(reports: &[Report]) -> Result<(), Failure> {
    let failed = reports.iter().flat_map(|report| {
        let lines = report.findings.lines.iter().filter(|line| line.is_failure());
        lines.map(|line| format!("{}: {}", report.check.name, line.what))
    });
    let failed: Vec<String> = failed.collect();
    if failed.is_empty() {
        return Ok(());
    }
    let n = failed.len();
    let word = if n == 1 { "gate does" } else { "gates do" };
    Err(Failure::Work(anyhow!("{n} {word} not hold:\n  {}", failed.join("\n  "))))
}

/// Names and claims.
fn list(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let quick = if check.is_quick { "quick" } else { "full " };
        let _ = writeln!(text, "{:<width$}  {quick}  {}", check.name, check.claim);
    }
    text
}

/// What is printed for a line, column by column.
fn cells(line: &Line) -> [String; 6] {
    let verdict = if line.passed { "pass" } else { "FAIL" };
    let verdict = if line.is_failure() || line.passed { verdict } else { "off" };
    [
        verdict.to_owned(),
        line.kind.name().to_owned(),
        line.what.clone(),
        line.expected.clone(),
        line.tolerance.clone(),
        short(line.got),
    ]
}

/// The answer: a block per check.
fn table(reports: &[Report]) -> String {
    let head = ["", "kind", "result", "expected", "tolerance", "got"].map(str::to_owned);
    let lines = reports.iter().flat_map(|report| &report.findings.lines);
    let mut widths = head.clone().map(|cell| cell.chars().count());
    for cells in lines.map(cells) {
        for (width, cell) in widths.iter_mut().zip(&cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let row = |cells: &[String; 6]| {
        let mut text = String::new();
        for (column, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
            let _ = match column {
                3.. => write!(text, "  {cell:>width$}"),
                _ => write!(text, "  {cell:<width$}"),
            };
        }
        format!("{}\n", text.trim_end())
    };
    let mut text = String::new();
    for report in reports {
        let (check, findings) = (&report.check, &report.findings);
        let _ = write!(text, "{}: {}\n  {}\n", check.name, check.claim, check.source);
        text += &row(&head);
        findings.lines.iter().for_each(|line| text += &row(&cells(line)));
        text += "\n";
    }
    text + &validation::tally(reports) + "\n"
}

/// The folder in which the document `page` is, or will be.
fn home_of(page: &Path) -> anyhow::Result<PathBuf> {
    if page.is_dir() {
        bail!("--page {}: it is a folder; name a Markdown file", page.display());
    }
    let home = match page.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    home.canonicalize().with_context(|| {
        format!("--page {}: its folder cannot be used; name one that exists", page.display())
    })
}

/// The folder `target` as a link in a document in the folder `home` names it.
fn seen_from(home: &Path, target: &Path) -> Result<String, std::io::Error> {
    let target = target.canonicalize()?;
    let home: Vec<Component<'_>> = home.components().collect();
    let there: Vec<Component<'_>> = target.components().collect();
    let n_common = home.iter().zip(&there).take_while(|(a, b)| a == b).count();
    let mut parts = vec!["..".to_owned(); home.len() - n_common];
    let rest = there[n_common..].iter();
    parts.extend(rest.map(|part| part.as_os_str().to_string_lossy().into_owned()));
    Ok(parts.join("/"))
}
