//! Plain records of money: the state at a moment, what each user did, what went wrong.

use crate::ids::ClassId;
use crate::units::{Bytes, MicroBtt, Price, SimTime, Span};

/// What moved for one purpose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    /// The purpose.
    pub what: &'static str,
    /// How often.
    pub count: u64,
    /// How much, in µBTT.
    pub ubtt: u128,
}

/// The economy at one moment. Sums are since the previous row.
#[derive(Clone, PartialEq, Debug)]
pub struct MoneySample {
    /// The moment.
    pub at: SimTime,
    /// What was paid for upload.
    pub paid: MicroBtt,
    /// For so much.
    pub paid_bytes: Bytes,
    /// Downloads that offer something now.
    pub bidders: u32,
    /// The highest bid that stands.
    pub highest_bid: Price,
    /// The median of those above nothing.
    pub median_bid: Price,
    /// What a BTT is worth outside.
    pub usd_per_btt: f64,
    /// What all users hold.
    pub wallets: MicroBtt,
    /// What lies in channels.
    pub escrow: MicroBtt,
    /// What the users of each class can spend, by class: wallets, and what channels have left.
    pub spendable: Vec<MicroBtt>,
    /// What is left of the pool of gifts.
    pub promo: MicroBtt,
    /// What moved, by purpose; those that moved.
    pub moved: Vec<Moved>,
}

/// What went wrong in the dealings of a user, and the work they made; or of all users.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UserCounts {
    /// Bids it posted or posted anew.
    pub bids_posted: u64,
    /// Payments it did not make because the wallet was empty.
    pub no_money: u64,
    /// Payments it put off because the channel was not open yet.
    pub waiting: u64,
    /// Payments of its that got lost.
    pub lost: u64,
    /// Payments it refused.
    pub refused: u64,
    /// Times it was turned away because it owed too much.
    pub strikes: u64,
    /// Customers it dropped after they paid.
    pub dropped: u64,
    /// Its regular rounds in which some wanted what it has, and nobody offered anything.
    pub no_bidder: u64,
    /// Its regular rounds in which nobody wanted anything it has.
    pub no_content: u64,
    /// Channels it had the operator's server open and close.
    pub operations: u64,
}

impl std::ops::AddAssign for UserCounts {
    fn add_assign(&mut self, other: Self) {
        self.bids_posted += other.bids_posted;
        self.no_money += other.no_money;
        self.waiting += other.waiting;
        self.lost += other.lost;
        self.refused += other.refused;
        self.strikes += other.strikes;
        self.dropped += other.dropped;
        self.no_bidder += other.no_bidder;
        self.no_content += other.no_content;
        self.operations += other.operations;
    }
}

/// What one user did with money.
#[derive(Clone, PartialEq, Debug)]
pub struct WalletRecord {
    /// Position in the plan's classes.
    pub class: ClassId,
    /// Whether it had a wallet.
    pub trades: bool,
    /// What it was given.
    pub gift: MicroBtt,
    /// What it bought.
    pub bought: MicroBtt,
    /// What it was paid for its upload.
    pub earned: MicroBtt,
    /// What it paid for the upload of others.
    pub spent: MicroBtt,
    /// What it withdrew to the chain.
    pub withdrawn: MicroBtt,
    /// What was left in its channels and the operator kept.
    pub forfeited: MicroBtt,
    /// What the public chain charged it, in sun, a millionth of a TRX.
    pub fees_sun: u64,
    /// Its balance at the end.
    pub wallet: MicroBtt,
    /// What it can still spend from open channels.
    pub in_channels: MicroBtt,
    /// What it has paid that has not arrived.
    pub on_its_way: MicroBtt,
    /// What it earned in channels that are still open.
    pub to_come: MicroBtt,
    /// What it paid for.
    pub bought_bytes: Bytes,
    /// What it was paid for.
    pub sold_bytes: Bytes,
    /// What it took at a price and had not paid when a connection ended.
    pub unpaid: MicroBtt,
    /// For so much.
    pub unpaid_bytes: Bytes,
    /// Payments it made.
    pub payments: u64,
    /// What went wrong, and the work it made.
    pub tally: UserCounts,
}

/// Counts over a whole run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct MoneyCounts {
    /// Payments made.
    pub payments: u64,
    /// What went wrong for all users together, and the work they made.
    pub tally: UserCounts,
    /// Owed and never paid.
    pub unpaid: MicroBtt,
    /// For so much.
    pub unpaid_bytes: Bytes,
    /// The most of that on one connection.
    pub unpaid_bytes_most: Bytes,
    /// Blocks that their customers waited for until their clients gave up.
    pub held_blocks: u64,
    /// Time that seeders stayed because they were paid.
    pub stayed: Span,
    /// Openings and closings of channels submitted to the operator's server.
    pub ledger_operations: u64,
    /// Of these, how many had to wait.
    pub ledger_delayed: u64,
    /// The longest wait.
    pub ledger_longest_wait: Span,
    /// Most operations that were submitted and not carried out at one moment.
    pub ledger_longest_queue: u64,
    /// Deposits from the chain that are credited.
    pub deposits: u64,
    /// Deposits blocked: below the minimum, or not enough.
    pub deposits_blocked: u64,
    /// Deposits that left the chain and are not credited yet.
    pub deposits_waiting: u64,
    /// How long those that are credited took, together.
    pub deposit_time: Span,
    /// The same one by one, as a histogram.
    pub deposit_times: Vec<Took>,
    /// What transfers on the chain cost, in sun, a millionth of a TRX.
    pub chain_fees_sun: u64,
    /// Of these, what the operator paid.
    pub operator_fees_sun: u64,
    /// Withdrawals to the chain.
    pub withdrawals: u64,
    /// How long they took together, from being wanted to being final.
    pub withdrawal_time: Span,
    /// The same one by one, as a histogram.
    pub withdrawal_times: Vec<Took>,
    /// Withdrawals blocked: below the minimum, not enough, the day's cap, the gateway empty.
    pub withdrawals_blocked: [u64; 4],
}

/// A bar of a histogram of durations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Took {
    /// They took longer than this; the first bar holds those that took no time, too.
    pub above: Span,
    /// They took no longer than this; `Span::FOREVER`: no bound.
    pub up_to: Span,
    /// How many; at least one.
    pub count: u64,
}

/// All that a run leaves behind about money.
#[derive(Clone, PartialEq, Debug)]
pub struct MoneyRecord {
    /// The timeline.
    pub samples: Vec<MoneySample>,
    /// One per user, by user id.
    pub wallets: Vec<WalletRecord>,
    /// Over the whole run.
    pub counts: MoneyCounts,
}
