//! The integration tests, as one binary: one link, one run.

mod tidy;
//! Everything that looks at the crate from outside.
mod cli;
mod report;
