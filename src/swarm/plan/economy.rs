//! Money in a run: what a token arm has and a barter arm has not.
//!
//! Who trades, and by which policies, is a matter of classes ([`Trade`]); it is drawn in every arm,
//! so that the same users have the token's client in all of them. Whether there is money, and by
//! which rules it moves, is the arm's ([`Economy`]).

use crate::ledger::{GatewayRules, Geometric, PricePath, Rest, ServiceRules, Supply};
use crate::policy::ask::AskerSpec;
use crate::policy::auction::{Format, Ties};
use crate::policy::bid::BidderSpec;
use crate::policy::choke::market::Combine;
use crate::policy::reputation::Esteem;
use crate::policy::stay::StayerSpec;
use crate::units::{Bytes, MicroBtt, NanoUsd, Span};
use std::sync::Arc;

/// What is exchanged for upload, besides upload.
#[derive(Clone, Debug)]
pub enum Economy {
    /// A token: users with its client bid for upload and are paid for theirs.
    Token(Box<Token>),
    /// The books of a private tracker: who has taken more than its grant and what it gave is not
    /// served.
    Credit(Credit),
    /// Clients remember who gave to whom, and serve those first that gave to them, or to those
    /// that did.
    OneHop(OneHop),
}

/// The rules of a token.
#[derive(Clone, Debug)]
pub struct Token {
    /// How bids combine with barter at a provider that sells.
    pub combine: Combine,
    /// How slots are sold.
    pub format: Format,
    /// Which of equal bids goes first.
    pub ties: Ties,
    /// All payments are whole multiples of this; 1 µBTT is the ledger's own unit.
    pub coin: MicroBtt,
    /// Payment channels.
    pub channels: ChannelRules,
    /// The operator's server, which opens and closes them.
    pub service: ServiceRules,
    /// Probability that a payment does not arrive; it is sent again with the next one.
    pub payment_loss: f64,
    /// How long a payment takes from the requester to the provider.
    pub payment_delay: Span,
    /// Pieces' worth a provider delivers without having been paid for them, at most; the block on
    /// its way comes on top. At least 1.
    pub exposure_pieces: u32,
    /// What a BTT is worth outside.
    pub usd: Usd,
    /// Who holds the money before the first user comes.
    pub supply: Supply,
    /// What of it goes to people who are no users.
    pub airdrop: Option<Airdrop>,
    /// How money gets to the public chain and back.
    pub gateway: GatewayRules,
}

/// Money from the promotional pool for the world outside, again and again until the pool is empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Airdrop {
    /// How much each time, or what is left.
    pub amount: MicroBtt,
    /// From one time to the next, and to the first. Above nothing.
    pub every: Span,
}

/// Payment channels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChannelRules {
    /// What is set aside when one is opened.
    pub funding: Funding,
    /// What becomes of the rest when it is closed.
    pub rest: Rest,
    /// How long after that a refund comes.
    pub refund_after: Span,
    /// Whom one serves.
    pub scope: ChannelScope,
}

/// Between whom there is one channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelScope {
    /// A requester and a provider in a swarm, as in the paper.
    Torrent,
    /// A user and another, for all torrents they share.
    Pair,
}

/// The way on which users buy tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// From the operator: they are in the wallet at once.
    Operator,
    /// On the public chain, and from there through the gateway: they are in the wallet when the
    /// chain is final and the operator can credit them.
    Gateway,
}

/// How much money a new channel holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Funding {
    /// Enough for so many pieces at the price of the day, or all there is.
    Pieces(u32),
    /// The whole wallet.
    Wallet,
}

/// What a BTT is worth outside over time.
#[derive(Clone, Debug)]
pub enum Usd {
    /// Given.
    Path(Arc<PricePath>),
    /// A geometric Brownian motion, drawn anew in each replicate.
    Random(Geometric),
}

/// The books of a private tracker, one account per user over all torrents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Credit {
    /// What every user may take before it has given anything, in bytes.
    pub grant: Bytes,
    /// How much of what is taken counts, in percent: 0 is free-leech.
    pub counted_percent: u64,
}

/// Reputations that travel one hop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OneHop {
    /// What is made of what was given and taken.
    pub value: Esteem,
    /// Who ranks by it.
    pub ranks: Ranks,
    /// How many of those it dealt with a user names to others; with 0 nothing travels a hop.
    pub known_peers: u32,
}

/// Who ranks by reputation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ranks {
    /// Everybody that serves.
    Always,
    /// Seeders; leechers serve as under barter.
    Seeding,
}

/// What a provider does to a customer that has paid for something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stall {
    /// It goes on.
    Never,
    /// It chokes it, and does not look at its bids again.
    Choke,
    /// The same, but it does not say so: the customer waits until its client gives up.
    Silent,
}

/// The part of a class in the economy.
#[derive(Clone, Debug)]
pub struct Trade {
    /// Share of the class that has the token's client, in `[0, 1]`.
    pub adoption: f64,
    /// Share of those that switch its payments off, in `[0, 1]`.
    pub opt_out: f64,
    /// Welcome gift, from the promotional pool.
    pub gift: MicroBtt,
    /// What each user buys when it first comes.
    pub bought: MicroBtt,
    /// For how much it buys more then, at the price of the moment.
    pub bought_for: NanoUsd,
    /// It buys as much again whenever it can spend less than this, as a download begins or money
    /// is to be set aside for a provider.
    pub buys_again_below: Option<MicroBtt>,
    /// On which way.
    pub route: Route,
    /// Identities a user registers, each with a gift of its own; 1 is honest.
    pub identities: u32,
    /// What each further identity costs.
    pub identity_cost: NanoUsd,
    /// What it offers.
    pub bidder: BidderSpec,
    /// Whether it pays what it owes.
    pub pays: bool,
    /// What it asks.
    pub asker: AskerSpec,
    /// Whether it takes payments for its upload; who does not serves as under barter, whatever is
    /// bid.
    pub sells: bool,
    /// Whether it drops a customer as soon as that has paid for something: pay-and-stall.
    pub stalls: Stall,
    /// Whether it serves only those who may pay.
    pub bans_others: bool,
    /// How long it serves a requester that owes too much neither for pay nor by barter, whatever
    /// that pays meanwhile; with none it does not look at its bids until it has paid.
    pub unpaid_ban: Span,
    /// Share of those without a wallet that serve nobody who has one, in `[0, 1]`.
    pub bans_payers: f64,
    /// It withdraws its balance to the chain when it is paid and that has reached this.
    pub withdraws_at: Option<MicroBtt>,
    /// How much longer it stays because it is paid.
    pub stayer: StayerSpec,
    /// What an hour of waiting for a download is worth to the user; for welfare only.
    pub hour_worth: NanoUsd,
    /// What an hour of seeding costs the user.
    pub hour_cost: NanoUsd,
    /// What a GiB of upload costs the user, as an hour of seeding does.
    pub gib_cost: NanoUsd,
}

impl Trade {
    /// Whether a user buys anything when it first comes.
    pub fn buys(&self) -> bool {
        self.bought > MicroBtt::ZERO || self.bought_for > NanoUsd::ZERO
    }
}

impl Default for Trade {
    /// Ordinary users: nobody has the client.
    fn default() -> Self {
        Self {
            adoption: 0.0,
            opt_out: 0.0,
            gift: MicroBtt::from_btt(10.0),
            bought: MicroBtt::ZERO,
            bought_for: NanoUsd::ZERO,
            buys_again_below: None,
            route: Route::Operator,
            identities: 1,
            identity_cost: NanoUsd::ZERO,
            bidder: BidderSpec::Never,
            pays: true,
            asker: AskerSpec::Free,
            sells: true,
            stalls: Stall::Never,
            bans_others: false,
            unpaid_ban: Span::ZERO,
            bans_payers: 0.0,
            withdraws_at: None,
            stayer: StayerSpec::Unmoved,
            hour_worth: NanoUsd::ZERO,
            hour_cost: NanoUsd::ZERO,
            gib_cost: NanoUsd::ZERO,
        }
    }
}

impl Trade {
    /// How long a user seeds for nothing where a token is offered.
    pub fn base_stay(&self, without_token: Span) -> Span {
        self.stayer.base(without_token)
    }
}
