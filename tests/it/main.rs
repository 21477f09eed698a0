//! The integration tests, as one binary: one link, one run.

mod bad_scenarios;
mod cli;
mod determinism;
mod laws;
mod plot;
mod report;
mod scenarios;
mod swarms;
mod tidy;
