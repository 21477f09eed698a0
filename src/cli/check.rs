//! `swarmecon check`: every fault of every file, and nothing run.

use super::args::CheckArgs;
use super::{Failure, complain};
use crate::scenario::{self, Scenario};
use anyhow::anyhow;
use std::io::Write;
use std::path::Path;

/// Does what the flags say.
///
/// # Errors
/// When a file has a fault.
pub fn command(args: &CheckArgs, out: &mut impl Write) -> Result<(), Failure> {
    let mut n_faulty = 0;
    for path in &args.files {
        match scenario::load(path, &args.overrides) {
            Ok(scenario) => {
                let text = in_words(path, &scenario);
                out.write_all(text.as_bytes()).map_err(Failure::work)?;
            }
            Err(faults) => {
                n_faulty += 1;
                complain(&faults.to_string());
            }
        }
    }
    if n_faulty > 0 {
        let n_files = args.files.len();
        return Err(Failure::User(anyhow!("{n_faulty} of {n_files} scenario files have faults")));
    }
    Ok(())
}

fn in_words(path: &Path, scenario: &Scenario) -> String {
    let arms: Vec<&str> = scenario.arms.iter().map(|arm| arm.name.as_str()).collect();
    let mut text = format!(
        "{}: ok; arms: {}; replicates: {}\n",
        path.display(),
        arms.join(", "),
        scenario.replicates
    );
    for warning in &scenario.warnings {
        text += "  warning: ";
        text += warning;
        text += "\n";
    }
    text
}
