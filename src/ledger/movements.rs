//! What money moves for: each movement has a type, and each type its own way through the kinds of
//! accounts.
//!
//! Law: a movement takes only the way written here. Money enters the world once, as `Mint`, and
//! never leaves it: what is burned lies in an account from which no movement leads away.

use crate::ids::AccountId;
use crate::units::{MicroBtt, SimTime};

/// What an account is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A user's balance in the application, on the operator's ledger.
    Wallet = 0,
    /// What all open payment channels hold together.
    Escrow = 1,
    /// The operator's hot wallet on the public chain: the stock that withdrawals are paid from.
    Gateway = 2,
    /// The operator's own balance on its ledger: what is withdrawn comes here, what is deposited
    /// is paid out from here.
    Operator = 3,
    /// The pool of welcome gifts and promotions.
    Promo = 4,
    /// Where money goes to be destroyed.
    Burn = 5,
    /// The world beyond: exchanges, speculators, users' own addresses on the public chain.
    Outside = 6,
}

impl Kind {
    /// This kind in a set of kinds.
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Declares [`Movement`] with the name and the way of each, so that none can be forgotten.
macro_rules! movements {
    ($($(#[$doc:meta])* $id:ident $name:literal: $($from:ident)|* => $($to:ident)|*;)*) => {
        /// What money moves for. After each: the kinds of accounts it leads from and to.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Movement { $($(#[$doc])* $id,)* }

        impl Movement {
            /// All of them, in the order in which they are reported.
            pub const ALL: &[Self] = &[$(Self::$id,)*];

            /// The name in result files.
            pub fn name(self) -> &'static str {
                match self { $(Self::$id => $name,)* }
            }

            /// The kinds it leads from, and those it leads to, as sets.
            const fn way(self) -> (u8, u8) {
                match self {
                    $(Self::$id => {
                        (0 $(| Kind::$from.bit())*, 0 $(| Kind::$to.bit())*)
                    })*
                }
            }
        }
    };
}

movements! {
    /// The supply, at construction: from nowhere.
    Mint "mint": => Gateway | Operator | Promo | Outside;
    /// The welcome gift: promo to wallet. 10 BTT at the launch of 9 July 2019 (crypto-mining.club,
    /// quoting the operator's announcement).
    Gift "gift": Promo => Wallet;
    /// Handed out unasked: promo to outside. From February 2019 it went to holders of another coin,
    /// not to users of the client (CoinDesk).
    Airdrop "airdrop": Promo => Outside;
    /// A user buys tokens with money, past the gateway: outside to wallet.
    Purchase "purchase": Outside => Wallet;
    /// Between users: wallet to wallet. Farmers gather in a hub what many clients earned
    /// (UkrainianHulk/bittorrent-utils).
    Sweep "sweep": Wallet => Wallet;
    /// For a service, directly and at once: wallet to wallet.
    Serve "serve": Wallet => Wallet;
    /// A channel is opened: wallet to escrow.
    Fund "fund": Wallet => Escrow;
    /// What a channel paid, when it is settled: escrow to wallet.
    Pay "pay": Escrow => Wallet;
    /// What a channel did not pay, back to who funded it: escrow to wallet.
    Refund "refund": Escrow => Wallet;
    /// What a channel did not pay and the operator keeps: escrow to operator.
    Forfeit "forfeit": Escrow => Operator;
    /// First half of a withdrawal, on the operator's ledger: wallet to operator.
    Withdraw "withdraw": Wallet => Operator;
    /// Second half of a withdrawal, on the public chain: gateway to outside.
    PayOut "pay_out": Gateway => Outside;
    /// First half of a deposit, on the public chain: outside to gateway.
    PayIn "pay_in": Outside => Gateway;
    /// Second half of a deposit, on the operator's ledger: operator to wallet.
    Deposit "deposit": Operator => Wallet;
    /// The operator fills up its hot wallet or its pool of gifts: operator or outside to gateway or
    /// promo. No rule of a run does: what operators did when theirs ran dry was not found. It is
    /// for callers of the library.
    Refill "refill": Operator | Outside => Gateway | Promo;
    /// Destroyed: from anywhere but escrow to burn. No rule of a run does, so the account is empty
    /// there; it is for callers of the library.
    Burn "burn": Wallet | Gateway | Operator | Promo | Outside => Burn;
}

impl Movement {
    /// Whether it leads from an account of one kind to one of the other.
    #[inline]
    pub fn leads(self, from: Kind, to: Kind) -> bool {
        let (start, end) = self.way();
        start & from.bit() != 0 && end & to.bit() != 0
    }

    /// The position in [`Movement::ALL`].
    #[inline]
    pub(super) fn index(self) -> usize {
        usize::from(self as u8)
    }
}

/// How often something moved money, and how much in all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// How much, in µBTT. Wider than an amount: the same money may move many times.
    pub ubtt: u128,
}

impl Tally {
    /// Enters one more.
    ///
    /// # Panics
    /// After 2⁶⁴ entries, or 2¹²⁸ µBTT.
    #[inline]
    pub(super) fn add(&mut self, amount: MicroBtt) {
        self.count = self.count.checked_add(1).expect("movements are counted in 64 bits");
        let sum = self.ubtt.checked_add(amount.0.into());
        self.ubtt = sum.expect("all that ever moved fits 128 bits");
    }
}

/// What moved since it was last asked: one [`Tally`] per movement.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Movements {
    by_kind: [Tally; Movement::ALL.len()],
    /// Payments that reached their payee inside channels. That money lies in escrow until the
    /// channel is settled, and is then entered as [`Movement::Pay`].
    pub claimed: Tally,
}

impl Movements {
    /// What moved for one purpose.
    pub fn of(&self, movement: Movement) -> Tally {
        self.by_kind[movement.index()]
    }

    /// Enters one more.
    #[inline]
    pub(super) fn add(&mut self, movement: Movement, amount: MicroBtt) {
        self.by_kind[movement.index()].add(amount);
    }
}

/// One movement in the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When.
    pub at: SimTime,
    /// What for.
    pub movement: Movement,
    /// The account it left; for a `Mint`, the account it entered.
    pub from: AccountId,
    /// The account it entered.
    pub to: AccountId,
    /// How much, in µBTT; never nothing.
    pub amount: MicroBtt,
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 7] = [
        Kind::Wallet,
        Kind::Escrow,
        Kind::Gateway,
        Kind::Operator,
        Kind::Promo,
        Kind::Burn,
        Kind::Outside,
    ];

    fn ways(movement: Movement) -> Vec<(Kind, Kind)> {
        let pairs = KINDS.iter().flat_map(|&from| KINDS.iter().map(move |&to| (from, to)));
        pairs.filter(|&(from, to)| movement.leads(from, to)).collect()
    }

    #[test]
    fn movements_take_the_ways_their_documents_say() {
        assert_eq!(ways(Movement::Gift), [(Kind::Promo, Kind::Wallet)]);
        assert_eq!(ways(Movement::Fund), [(Kind::Wallet, Kind::Escrow)]);
        assert_eq!(ways(Movement::Pay), [(Kind::Escrow, Kind::Wallet)]);
        assert_eq!(ways(Movement::PayOut), [(Kind::Gateway, Kind::Outside)]);
        assert_eq!(ways(Movement::Deposit), [(Kind::Operator, Kind::Wallet)]);
        assert_eq!(ways(Movement::Refill).len(), 4);
        assert_eq!(ways(Movement::Mint), [], "no account mints");
    }

    #[test]
    fn nothing_leaves_the_burn_account_and_every_account_has_a_way_in() {
        for &movement in Movement::ALL {
            for kind in KINDS {
                assert!(!movement.leads(Kind::Burn, kind), "{movement:?} brings money back");
            }
        }
        for to in KINDS {
            let into = |&movement: &Movement| KINDS.iter().any(|&from| movement.leads(from, to));
            assert!(Movement::ALL.iter().any(into), "no way into {to:?}");
        }
    }

    #[test]
    fn positions_and_names_are_in_order_and_different() {
        for (at, movement) in Movement::ALL.iter().enumerate() {
            assert_eq!(movement.index(), at);
            let same = Movement::ALL.iter().filter(|other| other.name() == movement.name());
            assert_eq!(same.count(), 1, "{}", movement.name());
        }
    }

    #[test]
    fn tallies_are_wider_than_amounts() {
        let mut tally = Tally::default();
        tally.add(MicroBtt(u64::MAX));
        tally.add(MicroBtt(u64::MAX));
        assert_eq!(tally, Tally { count: 2, ubtt: 2 * u128::from(u64::MAX) });
    }
}
