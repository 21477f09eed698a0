//! The public chain on which a token can be sold: when a transfer is final, and what it costs.
//!
//! Law: a transfer is final a whole number of blocks after the block that takes it in; of two
//! transfers the later one is never final first.
//!
//! Rules and defaults are those of TRON in 2018–2020 (developers.tron.network, resource model;
//! java-tron `ResourceProcessor`, `BandwidthProcessor`). Departs: the two slots skipped when
//! representatives change every 6 h, staked bandwidth, the allowance that all accounts share, the
//! fee for a new account and the chain's own throughput (nominally 2 000 transfers a second, of
//! which a gateway that pays out 1 000 000 BTT a day in parts of 1 000 uses 1 000 a day) are left
//! out.

use crate::ids::AccountId;
use crate::units::{NS_PER_S, SimTime, Span};
use std::ops::AddAssign;

/// The time in which used bandwidth comes back, and the gateway's day.
pub const DAY: Span = Span(86_400 * NS_PER_S);

/// An amount of the chain's own coin in sun, a millionth of a TRX. It is not BTT and has no place
/// in the ledger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Sun(pub u64);

impl AddAssign for Sun {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.checked_add(other.0).expect("fees fit 64 bits");
    }
}

/// What the chain promises and charges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChainRules {
    /// From one block to the next. TRON: 3 s.
    pub block: Span,
    /// Blocks after which a block is irreversible. TRON: 19 of the 27 representatives must have
    /// built on it, 57 s; the wallet of the time told its users to wait a minute (go-btfs
    /// `core/commands/wallet.go`).
    pub finality_blocks: u64,
    /// Bytes an account may send for free within a day. TRON until 2020: 5 000.
    pub free_bytes: u64,
    /// Bytes of a transfer. A token transfer on TRON: about 270 (an estimate).
    pub transfer_bytes: u64,
    /// What a byte costs beyond the free ones. TRON until 2020: 10 sun.
    pub price: Sun,
}

impl Default for ChainRules {
    /// TRON as it was when the token began.
    fn default() -> Self {
        Self {
            block: Span(3 * NS_PER_S),
            finality_blocks: 19,
            free_bytes: 5_000,
            transfer_bytes: 270,
            price: Sun(10),
        }
    }
}

/// What becomes of a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// When it can no longer be undone.
    pub final_at: SimTime,
    /// What the sender paid for it.
    pub fee: Sun,
}

/// The chain, as far as transfers meet each other there: what each sender has used of its free
/// bandwidth.
#[derive(Clone, Debug)]
pub struct Chain {
    rules: ChainRules,
    /// By account; accounts that never sent anything may be missing at the end.
    used: Vec<Used>,
    fees: Sun,
}

/// Free bandwidth an account had used when it last used some.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    bytes: u64,
    at: SimTime,
    /// What it has paid in all.
    fees: Sun,
}

impl Chain {
    /// A chain nobody has used.
    ///
    /// # Panics
    /// If blocks follow each other at once.
    pub fn new(rules: ChainRules) -> Self {
        assert!(rules.block > Span::ZERO, "blocks are some time apart");
        Self { rules, used: Vec::new(), fees: Sun(0) }
    }

    /// A transfer by `sender`, sent now.
    ///
    /// # Panics
    /// If the clock runs back for that sender.
    pub fn send(&mut self, now: SimTime, sender: AccountId) -> Sent {
        let fee = self.charge(now, sender);
        self.fees += fee;
        Sent { final_at: self.final_at(now), fee }
    }

    /// All fees so far.
    pub fn fees(&self) -> Sun {
        self.fees
    }

    /// What an account has paid so far.
    pub fn fees_of(&self, sender: AccountId) -> Sun {
        self.used.get(sender.index()).map_or(Sun(0), |used| used.fees)
    }

    /// The next block takes it in; a block that closes just now is too early.
    fn final_at(&self, now: SimTime) -> SimTime {
        let ChainRules { block, finality_blocks, .. } = self.rules;
        let next = (now.0 / block.0).saturating_add(1);
        SimTime::ZERO + block.times(next.saturating_add(finality_blocks))
    }

    /// A transfer goes either wholly by free bandwidth or wholly by fee (`BandwidthProcessor`).
    fn charge(&mut self, now: SimTime, sender: AccountId) -> Sun {
        if self.used.len() <= sender.index() {
            self.used.resize(sender.index() + 1, Used::default());
        }
        let ChainRules { free_bytes, transfer_bytes, price, .. } = self.rules;
        let used = &mut self.used[sender.index()];
        let after = recovered(*used, now).checked_add(transfer_bytes);
        if let Some(bytes) = after.filter(|after| *after <= free_bytes) {
            (used.bytes, used.at) = (bytes, now);
            return Sun(0);
        }
        let fee = Sun(transfer_bytes.checked_mul(price.0).expect("a fee fits 64 bits"));
        used.fees += fee;
        fee
    }
}

/// What still counts as used: it comes back evenly within a day of the last use
/// (`ResourceProcessor.increase`). Rounded up; TRON rounds to the nearest.
fn recovered(used: Used, now: SimTime) -> u64 {
    assert!(now >= used.at, "transfers of an account are sent in order");
    let left = DAY.0.saturating_sub(now.since(used.at).0);
    let bytes = (u128::from(used.bytes) * u128::from(left)).div_ceil(DAY.0.into());
    u64::try_from(bytes).expect("no more than was used")
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: AccountId = AccountId(3);

    fn secs(seconds: f64) -> SimTime {
        SimTime::from_secs(seconds)
    }

    #[test]
    fn transfers_are_final_nineteen_blocks_after_their_own() {
        let mut chain = Chain::new(ChainRules::default());
        let mut final_s = |at| chain.send(secs(at), USER).final_at.as_secs();
        assert_eq!(final_s(0.0), 60.0, "the block at 0 s is closed");
        assert_eq!(final_s(0.1), 60.0);
        assert_eq!(final_s(2.999), 60.0);
        assert_eq!(final_s(3.0), 63.0);
        assert_eq!(final_s(100.0), 159.0);
    }

    #[test]
    fn finality_takes_between_57_and_60_seconds_and_keeps_the_order() {
        let mut chain = Chain::new(ChainRules::default());
        let mut last = SimTime::ZERO;
        for step in 0..1000_u64 {
            let now = SimTime(step * 77_777_777);
            let done = chain.send(now, USER).final_at;
            let took = done.since(now);
            assert!(took > Span::from_secs(57.0) && took <= Span::from_secs(60.0), "{took:?}");
            assert!(done >= last, "first in, first out");
            last = done;
        }
    }

    #[test]
    fn eighteen_transfers_a_day_are_free() {
        let mut chain = Chain::new(ChainRules::default());
        let free = (0..30).take_while(|_| chain.send(SimTime::ZERO, USER).fee == Sun(0)).count();
        assert_eq!(free, 18, "5 000 / 270");
        assert_eq!(chain.fees(), Sun(2_700));
        assert_eq!(chain.send(SimTime::ZERO, AccountId(0)).fee, Sun(0), "each has its own");
        assert_eq!((chain.fees_of(USER), chain.fees_of(AccountId(0))), (Sun(2_700), Sun(0)));
        // 4 860 bytes are used; 130 of them are back after 130/4 860 of a day, 2 311.1 s.
        assert_eq!(chain.send(secs(2_311.0), USER).fee, Sun(2_700));
        assert_eq!(chain.send(secs(2_312.0), USER).fee, Sun(0));
        assert_eq!(chain.send(secs(2_312.0), USER).fee, Sun(2_700));
        let next = secs(2_312.0 + 86_400.0);
        let free = (0..30).take_while(|_| chain.send(next, USER).fee == Sun(0)).count();
        assert_eq!(free, 18, "all is back a day after the last use");
    }

    #[test]
    fn without_free_bandwidth_every_byte_costs() {
        let rules = ChainRules { free_bytes: 269, price: Sun(140), ..ChainRules::default() };
        let mut chain = Chain::new(rules);
        assert_eq!(chain.send(SimTime::ZERO, USER).fee, Sun(37_800));
    }
}
