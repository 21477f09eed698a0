//! The integration tests, as one binary: one link, one run.

mod bad_scenarios;
mod cli;
mod examples;
mod plot;
mod readme;
mod report;
mod scenarios;
mod shipped;
mod tidy;
