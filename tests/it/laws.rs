//! Laws: what must hold in every run, whatever the scenario, and cases small enough to be worked
//! out by hand.

mod addresses;
mod behaviour;
pub mod catalogue;
mod crowds;
mod exact;
mod fuzz;
mod habits;
mod hashing;
mod luck;
mod messages;
pub mod money;
mod newcomers;
pub mod payments;
mod picks;
mod purchases;
mod reading;
mod redundant;
mod reputation;
mod scaling;
mod staying;
mod turns;
mod unpaid;
mod wallets;
