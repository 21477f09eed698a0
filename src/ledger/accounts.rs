//! Accounts and transfers between them, by double entry: what leaves one enters another.
//!
//! Law: the sum of all balances is the supply at construction, at every moment; no balance is
//! negative; every movement has a type, a stamp and a way it may take ([`Movement`]).
//!
//! What the ledger refuses ([`Refused`]) is part of the simulated world. A movement on a way its
//! type does not lead, or with a stamp before the last one, is a fault of the caller and panics.

use super::channels::Channels;
use super::movements::{Entry, Kind, Movement, Movements};
use crate::ids::AccountId;
use crate::units::{MicroBtt, SimTime};

/// Why the ledger did not do it. Nothing has changed then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// The account holds less than that.
    #[error("the account holds less than that")]
    NotEnough,
    /// The channel was funded with less than that: open another.
    #[error("the channel was funded with less than that")]
    Exhausted,
    /// The payer has not signed that much.
    #[error("the payer has not signed that much")]
    Unsigned,
    /// The channel is closed, or settled and takes no more payments.
    #[error("the channel is closed")]
    Closed,
    /// The server has not opened the channel yet.
    #[error("the channel is not open yet")]
    Early,
    /// The channel must be settled before its rest can be released.
    #[error("the channel is not settled yet")]
    Unsettled,
    /// The supply does not fit 64 bits of µBTT.
    #[error("more money than 64 bits of µBTT can hold")]
    Overflow,
}

/// Who holds the money before the first user comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Supply {
    /// For welcome gifts.
    pub promo: MicroBtt,
    /// The operator's balance on its own ledger; it limits what deposits can be credited.
    pub operator: MicroBtt,
    /// The hot wallet's stock; it limits what can be withdrawn.
    pub gateway: MicroBtt,
    /// Everything else there is. 990 · 10⁹ BTT were issued in all, at the start (Binance report of
    /// January 2019).
    pub outside: MicroBtt,
}

/// All money there is: accounts, and the payment channels between them.
///
/// ```
/// use swarmecon::ledger::{Kind, Ledger, Movement, Supply};
/// use swarmecon::units::{MicroBtt, SimTime};
///
/// let promo = MicroBtt::from_btt(1000.0);
/// let mut ledger = Ledger::new(Supply { promo, ..Supply::default() })?;
/// let (alice, bob) = (ledger.open_account(Kind::Wallet), ledger.open_account(Kind::Wallet));
/// let at = SimTime::ZERO;
/// ledger.transfer(at, Movement::Gift, Ledger::PROMO, alice, MicroBtt::from_btt(10.0))?;
///
/// let channel = ledger.open_channel(at, alice, bob, MicroBtt::from_btt(4.0), at)?;
/// ledger.pay(at, channel, MicroBtt::BTT)?;
/// ledger.pay(at, channel, MicroBtt::BTT)?;
/// ledger.close(at, channel)?;
/// assert_eq!(ledger.balance(bob), MicroBtt::from_btt(2.0));
/// assert_eq!(ledger.balance(alice), MicroBtt::from_btt(8.0));
/// ledger.audit();
/// # Ok::<(), swarmecon::ledger::Refused>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ledger {
    /// By account.
    balances: Vec<MicroBtt>,
    /// By account.
    kinds: Vec<Kind>,
    supply: MicroBtt,
    pub(super) moved: Movements,
    journal: Option<Vec<Entry>>,
    /// The last stamp.
    now: SimTime,
    pub(super) channels: Channels,
}

impl Ledger {
    /// What all channels hold.
    pub const ESCROW: AccountId = AccountId(0);
    /// The operator's hot wallet.
    pub const GATEWAY: AccountId = AccountId(1);
    /// The operator's own balance.
    pub const OPERATOR: AccountId = AccountId(2);
    /// The pool of gifts.
    pub const PROMO: AccountId = AccountId(3);
    /// What is destroyed.
    pub const BURN: AccountId = AccountId(4);
    /// The world beyond.
    pub const OUTSIDE: AccountId = AccountId(5);

    /// So many accounts are the house's: the first.
    pub const N_HOUSE: usize = 6;

    /// A ledger with the six accounts above, which hold the whole supply.
    ///
    /// # Errors
    /// `Overflow` if the supply does not fit 64 bits of µBTT: 18 times what was ever issued.
    pub fn new(supply: Supply) -> Result<Self, Refused> {
        Self::build(supply, None)
    }

    /// The same with a journal of every movement: 48 bytes each, for tests and small runs.
    ///
    /// # Errors
    /// As [`Ledger::new`].
    pub fn with_journal(supply: Supply) -> Result<Self, Refused> {
        Self::build(supply, Some(Vec::new()))
    }

    fn build(supply: Supply, journal: Option<Vec<Entry>>) -> Result<Self, Refused> {
        let house = [
            (Self::ESCROW, Kind::Escrow, MicroBtt::ZERO),
            (Self::GATEWAY, Kind::Gateway, supply.gateway),
            (Self::OPERATOR, Kind::Operator, supply.operator),
            (Self::PROMO, Kind::Promo, supply.promo),
            (Self::BURN, Kind::Burn, MicroBtt::ZERO),
            (Self::OUTSIDE, Kind::Outside, supply.outside),
        ];
        let mut ledger = Self {
            balances: Vec::new(),
            kinds: Vec::new(),
            supply: MicroBtt::ZERO,
            moved: Movements::default(),
            journal,
            now: SimTime::ZERO,
            channels: Channels::default(),
        };
        for (id, kind, amount) in house {
            assert_eq!(ledger.push_account(kind), id, "the house opens its accounts in order");
            ledger.supply = ledger.supply.checked_add(amount).ok_or(Refused::Overflow)?;
            ledger.balances[id.index()] = amount;
            ledger.enter(Entry {
                at: SimTime::ZERO,
                movement: Movement::Mint,
                from: id,
                to: id,
                amount,
            });
        }
        Ok(ledger)
    }

    /// Opens an empty account. Wallets are the usual; a second account of another kind is for
    /// telling apart, say, two groups outside.
    ///
    /// # Panics
    /// For a second escrow: there is one for all channels.
    pub fn open_account(&mut self, kind: Kind) -> AccountId {
        assert!(kind != Kind::Escrow, "there is one escrow for all channels");
        self.push_account(kind)
    }

    fn push_account(&mut self, kind: Kind) -> AccountId {
        let id = AccountId::from_index(self.balances.len());
        self.balances.push(MicroBtt::ZERO);
        self.kinds.push(kind);
        id
    }

    /// Accounts opened, those of the house included.
    pub fn n_accounts(&self) -> usize {
        self.balances.len()
    }

    /// What the account is for.
    #[inline]
    pub fn kind(&self, account: AccountId) -> Kind {
        self.kinds[account.index()]
    }

    /// What the account holds and can spend.
    #[inline]
    pub fn balance(&self, account: AccountId) -> MicroBtt {
        self.balances[account.index()]
    }

    /// Moves `amount` from one account to another. Nothing at all is moved without an entry.
    ///
    /// # Errors
    /// `NotEnough` if `from` holds less.
    ///
    /// # Panics
    /// If this movement does not lead from the one kind to the other, or from or to escrow
    /// (channels alone do that), or from an account to itself; if the clock runs back.
    pub fn transfer(
        &mut self,
        at: SimTime,
        movement: Movement,
        from: AccountId,
        to: AccountId,
        amount: MicroBtt,
    ) -> Result<(), Refused> {
        assert!(from != Self::ESCROW && to != Self::ESCROW, "channels alone use escrow");
        self.shift(Entry { at, movement, from, to, amount })
    }

    /// As [`Ledger::transfer`], escrow included.
    pub(super) fn shift(&mut self, entry: Entry) -> Result<(), Refused> {
        let Entry { at, movement, from, to, amount } = entry;
        let (source, target) = (self.kind(from), self.kind(to));
        assert!(movement.leads(source, target), "{movement:?} from {source:?} to {target:?}");
        assert!(from != to, "a movement is between two accounts");
        self.tick(at);
        let rest = self.balance(from).checked_sub(amount).ok_or(Refused::NotEnough)?;
        self.balances[from.index()] = rest;
        // Both are parts of the supply, which fits.
        self.balances[to.index()] += amount;
        self.enter(entry);
        Ok(())
    }

    /// The clock of the ledger: stamps never run back.
    #[inline]
    pub(super) fn tick(&mut self, at: SimTime) {
        assert!(at >= self.now, "the clock of the ledger never runs back");
        self.now = at;
    }

    fn enter(&mut self, entry: Entry) {
        if entry.amount == MicroBtt::ZERO {
            return;
        }
        self.moved.add(entry.movement, entry.amount);
        if let Some(journal) = &mut self.journal {
            journal.push(entry);
        }
    }

    /// What moved since the last call, by type; starts anew.
    pub fn take_movements(&mut self) -> Movements {
        std::mem::take(&mut self.moved)
    }

    /// Every movement in order; empty unless made [`Ledger::with_journal`].
    pub fn journal(&self) -> &[Entry] {
        self.journal.as_deref().unwrap_or_default()
    }

    /// The sum of all balances in µBTT, added up anew.
    pub fn total(&self) -> u128 {
        self.balances.iter().map(|balance| u128::from(balance.0)).sum()
    }

    /// The sum of the balances of all accounts of a kind, in µBTT.
    pub fn held_by(&self, kind: Kind) -> u128 {
        let both = self.balances.iter().zip(&self.kinds);
        both.filter(|(_, k)| **k == kind).map(|(balance, _)| u128::from(balance.0)).sum()
    }

    /// Whole-ledger laws, in time proportional to accounts and channels.
    ///
    /// # Panics
    /// If the balances do not add up to the supply, or escrow is not what the channels hold.
    pub fn audit(&self) {
        let (total, supply) = (self.total(), u128::from(self.supply.0));
        assert!(total == supply, "balances add up to {total} µBTT of a supply of {supply}");
        let (escrow, held) = (self.balance(Self::ESCROW).0, self.channels.audit());
        assert!(u128::from(escrow) == held, "escrow holds {escrow} µBTT, its channels {held}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: SimTime = SimTime::ZERO;

    fn supply() -> Supply {
        let [promo, operator, gateway, outside] = [1000, 200, 300, 5000].map(MicroBtt);
        Supply { promo, operator, gateway, outside }
    }

    #[test]
    fn the_supply_is_minted_once_and_stays() {
        let mut ledger = Ledger::with_journal(supply()).expect("fits");
        assert_eq!(ledger.total(), 6500);
        assert_eq!(ledger.journal().len(), 4, "one entry for each account that got something");
        assert_eq!(ledger.take_movements().of(Movement::Mint).ubtt, 6500);
        let user = ledger.open_account(Kind::Wallet);
        ledger.transfer(AT, Movement::Gift, Ledger::PROMO, user, MicroBtt(10)).expect("enough");
        ledger.transfer(AT, Movement::Burn, user, Ledger::BURN, MicroBtt(4)).expect("enough");
        assert_eq!(ledger.balance(user), MicroBtt(6));
        assert_eq!(ledger.held_by(Kind::Burn), 4);
        assert_eq!(ledger.total(), 6500);
        ledger.audit();
    }

    #[test]
    fn more_than_all_money_is_no_supply() {
        let half = MicroBtt(u64::MAX / 2 + 1);
        let supply = Supply { promo: half, outside: half, ..Supply::default() };
        assert_eq!(Ledger::new(supply).err(), Some(Refused::Overflow));
        let most = Supply { promo: half, outside: MicroBtt(half.0 - 1), ..Supply::default() };
        assert_eq!(Ledger::new(most).expect("fits").total(), u128::from(u64::MAX));
    }

    #[test]
    fn a_balance_never_goes_below_nothing() {
        let mut ledger = Ledger::new(supply()).expect("fits");
        let user = ledger.open_account(Kind::Wallet);
        let mut gift = |amount| ledger.transfer(AT, Movement::Gift, Ledger::PROMO, user, amount);
        assert_eq!(gift(MicroBtt(1001)), Err(Refused::NotEnough));
        assert_eq!(gift(MicroBtt(1000)), Ok(()));
        assert_eq!(gift(MicroBtt(1)), Err(Refused::NotEnough));
        assert_eq!(gift(MicroBtt(0)), Ok(()));
        assert_eq!(ledger.balance(user), MicroBtt(1000));
    }

    #[test]
    fn movements_are_counted_until_taken() {
        let mut ledger = Ledger::with_journal(supply()).expect("fits");
        let user = ledger.open_account(Kind::Wallet);
        ledger.take_movements();
        for amount in [3, 0, 4] {
            let amount = MicroBtt(amount);
            ledger.transfer(AT, Movement::Purchase, Ledger::OUTSIDE, user, amount).expect("enough");
        }
        let bought = ledger.take_movements().of(Movement::Purchase);
        assert_eq!((bought.count, bought.ubtt), (2, 7), "nothing at all is no movement");
        assert_eq!(ledger.take_movements(), Movements::default());
        let last = ledger.journal().last().expect("there are entries");
        assert_eq!((last.from, last.to, last.amount), (Ledger::OUTSIDE, user, MicroBtt(4)));
    }

    #[test]
    #[should_panic(expected = "Gift from Operator to Wallet")]
    fn gifts_come_from_the_pool() {
        let mut ledger = Ledger::new(supply()).expect("fits");
        let user = ledger.open_account(Kind::Wallet);
        let _ = ledger.transfer(AT, Movement::Gift, Ledger::OPERATOR, user, MicroBtt(1));
    }

    #[test]
    #[should_panic(expected = "channels alone use escrow")]
    fn escrow_is_closed_to_transfers() {
        let mut ledger = Ledger::new(supply()).expect("fits");
        let user = ledger.open_account(Kind::Wallet);
        let _ = ledger.transfer(AT, Movement::Fund, user, Ledger::ESCROW, MicroBtt(0));
    }

    #[test]
    #[should_panic(expected = "never runs back")]
    fn stamps_are_in_order() {
        let mut ledger = Ledger::new(supply()).expect("fits");
        let user = ledger.open_account(Kind::Wallet);
        for at in [SimTime(2), SimTime(1)] {
            let _ = ledger.transfer(at, Movement::Gift, Ledger::PROMO, user, MicroBtt(1));
        }
    }

    #[test]
    #[should_panic(expected = "add up to 6501 µBTT of a supply of 6500")]
    fn money_from_nowhere_is_found() {
        let mut ledger = Ledger::new(supply()).expect("fits");
        ledger.balances[0] += MicroBtt(1);
        ledger.audit();
    }

    #[test]
    #[should_panic(expected = "escrow holds 1 µBTT, its channels 0")]
    fn money_no_channel_holds_is_found() {
        let mut ledger = Ledger::new(supply()).expect("fits");
        ledger.balances[Ledger::ESCROW.index()] += MicroBtt(1);
        ledger.balances[Ledger::PROMO.index()] -= MicroBtt(1);
        ledger.audit();
    }
}
