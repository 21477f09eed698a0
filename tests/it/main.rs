//! Everything that looks at the crate from outside.
mod cli;
mod report;
