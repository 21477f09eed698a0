//! Loads a scenario, makes one run of its first arm and prints who finished when.
//!
//! `cargo run --release --example run_plan -- scenarios/heterogeneous.toml`

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use swarmecon::experiment::stats;
use swarmecon::observe::Unobserved;
use swarmecon::{scenario, swarm};

/// One run in words.
pub(crate) fn answer(file: &Path) -> Result<String, Box<dyn Error>> {
    // Overrides are pairs of a key and a TOML value, as for `--set`.
    let overrides = [("size_mib".to_owned(), "16".to_owned())];
    let scenario = scenario::load(file, &overrides)?;
    let arm = &scenario.arms[0];

    // A plan and a seed fix every bit of a run.
    let outcome = swarm::run(&arm.plan, scenario.seed, &mut Unobserved);

    let mut text = format!("{}\narm {}\n", scenario.question, arm.name);
    for (number, class) in arm.plan.classes.iter().enumerate() {
        let members = outcome.peers.iter().filter(|peer| peer.class.index() == number);
        let times: Vec<f64> = members
            .filter_map(|peer| Some(peer.completed?.since(peer.arrival).as_secs()))
            .collect();
        if let Some(mean) = stats::mean(&times) {
            writeln!(
                text,
                "{}: {} finished, after {mean:.1} s on average",
                class.name,
                times.len()
            )?;
        }
    }
    writeln!(text, "fingerprint {:016x}, the same on every machine", outcome.fingerprint)?;
    Ok(text)
}

#[expect(clippy::print_stdout, reason = "an example speaks")]
fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).unwrap_or("scenarios/flash_crowd.toml".to_owned());
    print!("{}", answer(Path::new(&file))?);
    Ok(())
}
