//! The integration tests, as one binary: one link, one run.

mod bad_scenarios;
mod books;
mod cli;
mod determinism;
mod examples;
mod laws;
mod plot;
mod readme;
mod report;
mod scenarios;
mod shipped;
mod swarms;
mod tidy;
mod validation;
