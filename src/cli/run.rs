//! `swarmecon run`: from a scenario file to a results folder and a short answer.

use super::args::RunArgs;
use super::progress::{Progress, Watch};
use super::{Failure, complain};
use crate::experiment::{Design, Stopped, pool};
use crate::observe::Outcome;
use crate::report::{ReportError, Writer, cautions, schema, table};
use crate::scenario::{self, Scenario};
use crate::swarm::{self, plan::Plan};
use anyhow::anyhow;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How to carry out an experiment; what it is lies in the scenario.
#[derive(Clone, Debug)]
pub struct Options {
    /// The results folder.
    pub target: PathBuf,
    /// Threads; 0: one per core.
    pub n_threads: usize,
    /// Whether figures are drawn.
    pub plots: bool,
    /// Whether progress and timing are left out.
    pub quiet: bool,
}

/// Does what the flags say.
///
/// # Errors
/// When the scenario or the flags are at fault, or the work cannot be completed.
pub fn command(args: &RunArgs, out: &mut impl Write) -> Result<(), Failure> {
    let mut scenario = scenario::load(&args.file, &args.overrides)
        .map_err(|faults| Failure::User(anyhow!("{faults}")))?;
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    scenario.replicates = args.replicates.unwrap_or(scenario.replicates);
    keep_arms(&mut scenario, &args.arms)?;
    if !args.quiet {
        // The answer repeats them; who runs for an hour wants to know before.
        scenario.warnings.iter().for_each(|warning| complain(&format!("warning: {warning}")));
    }
    let default_target = || Path::new("results").join(&scenario.name);
    let options = Options {
        target: args.out.clone().unwrap_or_else(default_target),
        n_threads: args.threads,
        plots: !args.no_plots,
        quiet: args.quiet,
    };
    execute(&scenario, &options, |plan, seed, watch| swarm::run(plan, seed, watch), out)
}

/// Makes all runs with `runner` and writes what they give. A test's runner needs no engine.
///
/// # Errors
/// When the folder cannot be written or a run breaks a law.
pub fn execute<R>(
    scenario: &Scenario,
    options: &Options,
    runner: R,
    out: &mut impl Write,
) -> Result<(), Failure>
where
    R: Fn(&Plan, u64, &mut Watch<'_>) -> Outcome + Sync,
{
    // Before the first event: what cannot be written is known at once.
    let mut writer =
        Writer::create(&options.target, &Design::of(scenario)).map_err(Failure::user)?;
    let n_runs = scenario.arms.len() * scenario.replicates as usize;
    let progress = Progress::new(n_runs, options.quiet);
    let watched = |plan: &Plan, seed: u64| progress.watch(plan, |watch| runner(plan, seed, watch));
    let ran =
        pool::run_all(scenario, options.n_threads, watched, |design, run| writer.take(design, run));
    progress.clear();
    let results = ran.map_err(stopped)?;
    let cautions = cautions::of(&results);
    let folder = writer.finish(&results, &cautions).map_err(Failure::work)?;
    let drawn = if options.plots {
        crate::plot::draw(folder.path()).map(|figures| figures.len())
    } else {
        Ok(0)
    };
    folder.commit().map_err(Failure::work)?;
    let mut text = table::text(&results, &cautions);
    text += &files_in_words(scenario, &options.target, *drawn.as_ref().unwrap_or(&0));
    out.write_all(text.as_bytes()).map_err(Failure::work)?;
    if !options.quiet {
        complain(&progress.timing(&results));
    }
    drawn.map(|_| ()).map_err(|error| {
        let error = anyhow::Error::new(error);
        Failure::Work(error.context("the tables are complete, the figures could not be drawn"))
    })
}

fn stopped(stopped: Stopped<ReportError>) -> Failure {
    match stopped {
        Stopped::Law(law) => {
            let advice = "a law of the simulation is broken; this is a fault of the program, \
                          please report it with the scenario";
            Failure::Work(anyhow::Error::new(law).context(advice))
        }
        Stopped::Sink(error) => Failure::work(error),
        Stopped::Threads(error) => Failure::user(error),
    }
}

/// Drops the arms that were not asked for.
fn keep_arms(scenario: &mut Scenario, names: &[String]) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    let known: Vec<String> = scenario.arms.iter().map(|arm| arm.name.clone()).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        let known = known.join(", ");
        return Err(Failure::User(anyhow!("--arm {name}: no such arm; there are: {known}")));
    }
    let baseline = known[scenario.baseline].clone();
    scenario.arms.retain(|arm| names.contains(&arm.name));
    let place = scenario.arms.iter().position(|arm| arm.name == baseline);
    scenario.baseline = place.unwrap_or(0);
    Ok(())
}

fn files_in_words(scenario: &Scenario, target: &Path, n_figures: usize) -> String {
    let mut files = vec![
        schema::MANIFEST,
        schema::PEERS,
        schema::TIMELINE,
        schema::SUMMARY,
        schema::COMPARISON,
    ];
    let design = Design::of(scenario);
    if design.has_token() {
        files.extend([schema::LEDGER, schema::PRICES, schema::WALLETS]);
    }
    if design.has_crossings() {
        files.push(schema::SETTLEMENT);
    }
    if design.lists_torrents() {
        files.push(schema::TORRENTS);
    }
    if design.has_values() {
        files.push(schema::WELFARE);
    }
    if design.is_about_money() {
        files.push(schema::DECOMPOSITION);
    }
    if !scenario.recorded.is_empty() {
        files.extend([schema::RECORDED, schema::RECORDED_DOWNLOADS]);
    }
    let figures = match n_figures {
        0 => String::new(),
        1 => " and 1 figure".to_owned(),
        n => format!(" and {n} figures"),
    };
    format!("\nResults in {}: {}{figures}\n", target.display(), files.join(", "))
}
