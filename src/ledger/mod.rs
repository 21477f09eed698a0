//! Money: who holds how much, how it moves, and what the world around it allows.
//!
//! Law: the sum of all accounts is the supply, whatever happens. Amounts are whole µBTT of 2019;
//! time is a stamp. The room knows no bytes, peers or swarms, and draws no random numbers.
//!
//! [`Ledger`] is the operator's private ledger with its payment channels.

mod accounts;
mod channels;
mod movements;

pub use accounts::{Ledger, Refused, Supply};
pub use channels::{Channel, ChannelId, Rest};
pub use movements::{Entry, Kind, Movement, Movements, Tally};

#[cfg(test)]
mod tests;
