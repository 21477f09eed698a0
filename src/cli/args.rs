//! The flags, and the help behind `--help`.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// TOML holds integers up to 2⁶³ − 1, and the seed is written to the manifest.
const MAX_SEED: u64 = i64::MAX.unsigned_abs();

/// Simulates BitTorrent swarms and the economy inside them
///
/// A scenario file describes a swarm and the question it is to answer; `run` simulates it as often
/// as the file says, in every arm, and writes tables and figures into one folder. The same
/// scenario gives the same folder, byte for byte, on any number of threads.
///
/// Exit codes: 0 done; 1 a law was broken or the work could not be completed; 2 the scenario or
/// the flags are at fault.
#[derive(Parser, Debug)]
#[command(
    version,
    max_term_width = 100,
    after_help = "Begin with: \
    swarmecon run scenarios/flash_crowd.toml"
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Simulate a scenario and write its results
    ///
    /// Makes every run of the scenario (arms × replicates), writes the tables and figures, and
    /// prints a short answer with 95 % confidence intervals. Replicate r has the same random
    /// numbers in every arm, so arms are compared pair by pair.
    ///
    /// The results folder is replaced only when the new results are complete; a run that fails or
    /// is killed leaves the previous results as they were. docs/results.md explains every file
    /// and column.
    Run(RunArgs),
    /// Check scenario files without running them
    ///
    /// Reports every fault of every file: where it is, what is wrong and what to write instead.
    /// Ends with exit code 2 if there is any.
    Check(CheckArgs),
    /// Draw the figures of a results folder again
    ///
    /// Reads the CSV files of the folder and nothing else, so that figures can be drawn anew
    /// after the tables were made elsewhere or long ago.
    Plot(PlotArgs),
    /// Reproduce theory and published results, and say which hold
    ///
    /// Runs every check on the simulator as it is and prints a table: result, expected, got,
    /// tolerance, pass or fail. A gate that fails ends the command with exit code 1; a direction
    /// (a number known from memory, or from one other simulator) is shown and decides nothing.
    /// The numbers depend neither on the threads nor on which other checks run.
    Validate(ValidateArgs),
}

/// Flags of `run`.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "Examples:\n  \
    swarmecon run scenarios/flash_crowd.toml\n  \
    swarmecon run scenarios/flash_crowd.toml --replicates 3 --no-plots\n  \
    swarmecon run scenarios/flash_crowd.toml --set size_mib=16 --out results/small\n  \
    swarmecon run scenarios/free_riders.toml --arm tft_rich_00 --arm tft_rich_40\n  \
    swarmecon run scenarios/lingering.toml --set 'classes.leecher.arrivals.poisson.per_s=0.2'\n\n\
    docs/scenario.md explains every key, docs/results.md every file and column.")]
pub struct RunArgs {
    /// The scenario file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Write the results here instead of results/NAME
    ///
    /// NAME is the name of the scenario file without its ending; the default lies in the current
    /// directory. A folder that exists is replaced as a whole, and only if it holds results of
    /// this program or nothing at all.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Use this seed instead of the one in the file
    ///
    /// Another seed gives other random numbers to all runs: a quick look at whether a result
    /// rests on luck.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=MAX_SEED))]
    pub seed: Option<u64>,
    /// Make this many runs per arm instead of the number in the file
    ///
    /// Intervals need at least 2, and are of use from 5 on. The first replicates stay the same
    /// when there are more.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub replicates: Option<u32>,
    /// Use this many threads; 0 or nothing: one per core
    ///
    /// Runs are simulated side by side. The results do not depend on it; the memory in use does.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Run only this arm; may be given several times
    ///
    /// Arms keep the order of the file. Without the file's baseline, the first of the chosen arms
    /// is what the others are compared with.
    #[arg(long = "arm", value_name = "NAME")]
    pub arms: Vec<String>,
    /// Change a key of the scenario; may be given several times
    ///
    /// KEY is a dotted path as in the file, VALUE is TOML (a text without quotes is taken as
    /// one). The change is checked like the file itself.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_override)]
    pub overrides: Vec<(String, String)>,
    /// Write the tables only
    #[arg(long)]
    pub no_plots: bool,
    /// Say nothing but the answer: no progress, no timing
    #[arg(long, short)]
    pub quiet: bool,
}

/// Flags of `check`.
#[derive(clap::Args, Debug)]
pub struct CheckArgs {
    /// The scenario files
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Change a key of every file before it is checked; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_override)]
    pub overrides: Vec<(String, String)>,
}

/// Flags of `plot`.
#[derive(clap::Args, Debug)]
pub struct PlotArgs {
    /// The results folder, such as `results/flash_crowd`
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// Flags of `validate`.
#[derive(clap::Args, Debug)]
pub struct ValidateArgs {
    /// List the checks instead of running them
    #[arg(long)]
    pub list: bool,
    /// Run only this check; may be given several times
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Run only the checks that take less than a minute together
    #[arg(long)]
    pub quick: bool,
    /// Write the table, the curves, the figures and a page into this folder
    ///
    /// A folder that exists is replaced as a whole, and only if it holds results of this program
    /// or nothing at all.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Also write the page into this Markdown file, below its line `<!-- made by swarmecon -->`
    ///
    /// What stands above that line is kept.
    #[arg(long, value_name = "FILE", requires = "out")]
    pub page: Option<PathBuf>,
    /// Use this many threads; 0 or nothing: one per core
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
}

fn parse_override(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE, such as replicates=3")?;
    if key.trim().is_empty() {
        return Err("the key before `=` is missing".to_owned());
    }
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}
