//! `manifest.toml`: all that is needed to make the folder again, and what to beware of.
//!
//! No times of day and no paths: the manifest of a re-run is the same file.

use super::cautions::Caution;
use crate::experiment::Results;
use crate::observe::Counters;
use serde::Serialize;

/// The first key of every manifest: by it a folder is known to hold results.
pub const FIRST_KEY: &str = "swarmecon";

#[derive(Serialize)]
struct Manifest<'a> {
    swarmecon: &'static str,
    scenario: &'a str,
    question: &'a str,
    seed: u64,
    replicates: u32,
    baseline: &'a str,
    cautions: Vec<String>,
    arms: Vec<ArmEntry<'a>>,
    runs: Vec<RunEntry<'a>>,
}

#[derive(Serialize)]
struct ArmEntry<'a> {
    name: &'a str,
    plan_blake3: String,
    plan: &'a toml::Table,
}

#[derive(Serialize)]
struct RunEntry<'a> {
    arm: &'a str,
    replicate: u32,
    seed: String,
    fingerprint: String,
    end_s: f64,
    work: Work,
}

#[derive(Serialize)]
struct Work {
    events: u64,
    stale_events: u64,
    pending_max: u64,
    pieces: u64,
    runs: u64,
    runs_cut: u64,
    end_game_runs: u64,
    rechokes: u64,
    unchokes: u64,
    reshares: u64,
    rate_changes: u64,
    interest_checks: u64,
    connections: u64,
    announces: u64,
}

/// The text of the manifest.
///
/// # Errors
/// When the resolved plan or a counter does not fit TOML.
pub fn text(results: &Results, cautions: &[Caution]) -> Result<String, toml::ser::Error> {
    let design = &results.design;
    let mut arms = Vec::new();
    for arm in &design.arms {
        let plan_blake3 = plan_hash(&arm.resolved)?;
        arms.push(ArmEntry { name: &arm.name, plan_blake3, plan: &arm.resolved });
    }
    let runs = results.runs.iter().map(|run| RunEntry {
        arm: &design.arms[run.cell.arm].name,
        replicate: run.cell.replicate,
        // 64 bits do not fit a TOML integer: hexadecimal text.
        seed: format!("{:016x}", run.cell.seed),
        fingerprint: format!("{:016x}", run.fingerprint),
        end_s: run.end.as_secs(),
        work: Work::of(&run.counters),
    });
    let manifest = Manifest {
        swarmecon: env!("CARGO_PKG_VERSION"),
        scenario: &design.name,
        question: &design.question,
        seed: design.seed,
        replicates: design.replicates,
        baseline: &design.arms[design.baseline].name,
        cautions: cautions.iter().map(ToString::to_string).collect(),
        arms,
        runs: runs.collect(),
    };
    toml::to_string_pretty(&manifest)
}

/// BLAKE3 of the resolved plan written as a TOML document of its own.
///
/// # Errors
/// When the plan does not fit TOML.
pub fn plan_hash(plan: &toml::Table) -> Result<String, toml::ser::Error> {
    Ok(blake3::hash(toml::to_string(plan)?.as_bytes()).to_hex().to_string())
}

impl Work {
    fn of(counters: &Counters) -> Self {
        // Taken apart in full, so that a new counter cannot be forgotten here.
        let Counters {
            events,
            stale_events,
            pending_max,
            pieces,
            runs,
            runs_cut,
            end_game_runs,
            rechokes,
            unchokes,
            reshares,
            rate_changes,
            interest_checks,
            connections,
            announces,
        } = *counters;
        Self {
            events,
            stale_events,
            pending_max,
            pieces,
            runs,
            runs_cut,
            end_game_runs,
            rechokes,
            unchokes,
            reshares,
            rate_changes,
            interest_checks,
            connections,
            announces,
        }
    }
}
