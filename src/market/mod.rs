//! Small economies without swarms, on the ledger and the auctions of the big one: what theory knows
//! exactly, so that production code can be held against it.
//!
//! Each workload is a plan and a function from (plan, seed) to an outcome; each theory a pure
//! function. Nothing here decides what is right: that is `validate`'s.
pub mod auctions;
pub mod coincidence;
pub mod generosity;
pub mod scrip;
pub mod scrip_theory;
pub mod squeeze;
pub mod two_choices;
