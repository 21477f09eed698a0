//! The integration tests, as one binary: one link, one run.

mod tidy;
