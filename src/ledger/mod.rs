//! Money: who holds how much, how it moves, and what the world around it allows.
//!
//! Law: the sum of all accounts is the supply, whatever happens. Amounts are whole µBTT of 2019;
//! time is a stamp. The room knows no bytes, peers or swarms, and draws no random numbers.
//!
//! [`Ledger`] is the operator's private ledger with its payment channels. [`Service`] is how long
//! that ledger takes, [`Gateway`] how money gets from it to the public [`Chain`] and back,
//! [`PricePath`] what a token is worth out there; [`DenominationGuard`] keeps the tokens of 2019
//! and 2021 apart.

mod accounts;
mod chain;
mod channels;
mod denomination;
mod latency;
mod movements;
mod price;
mod service;
mod settlement;

pub use accounts::{Ledger, Refused, Supply};
pub use chain::{Chain, ChainRules, DAY, Sent, Sun};
pub use channels::{Channel, ChannelId, Rest};
pub use denomination::{BadAmount, Denomination, DenominationGuard};
pub use latency::Latencies;
pub use movements::{Entry, Kind, Movement, Movements, Tally};
pub use price::{BadPrice, Between, Clock, Geometric, HISTORY, Known, PricePath, PriceRow};
pub use service::{Outage, Service, ServiceCounts, ServiceRules};
pub use settlement::{Blocked, Crossings, Gateway, GatewayRules, Order};

#[cfg(test)]
mod tests;
