//! The integration tests, as one binary: one link, one run.

mod cli;
mod plot;
mod report;
mod tidy;
