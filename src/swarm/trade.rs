//! Money between the peers of a run: who may trade, what each offers and owes, and the books.
//!
//! The engine calls in here where something happens that money may care about: a user comes, the
//! choker runs, a run of blocks or a piece is in, a connection ends, a seeder would leave. Without
//! an economy none of this exists.
//!
//! Laws: nobody is debited who has no wallet or has switched payments off; what a provider has
//! delivered and not been paid for is worth one piece at most; with empty wallets nothing here
//! changes what happens.

mod airdrop;
mod bid;
mod books;
mod buy;
mod credit;
mod dealings;
mod debts;
mod deposit;
mod entries;
mod line;
mod pair;
mod pay;
mod post;
mod prices;
mod sell;
mod silence;
mod stay;
mod warm;

use bid::Posted;
pub(super) use books::Account;
pub(super) use credit::Credits;
pub(super) use dealings::Dealings;
use debts::{Due, Parcel};
use line::{Line, Lines, Mark};
use post::{Letter, Post};
use silence::Silence;

use super::edges::Stretch;
use super::plan::Plan;
use super::plan::economy::{ChannelScope, Economy, Stall, Token, Trade as Habits, Usd};
use super::population::{Newcomer, Person, entity};
use super::world::Swarm;
use crate::ids::{AccountId, PeerId, UserId};
use crate::ledger::{ChannelId, Gateway, Kind, Ledger, Movement, PricePath, Rest, Service};
use crate::observe::{Observer, UserCounts};
use crate::policy::ask::{Ask, Asker};
use crate::policy::bid::Bidder;
use crate::rng::{Purpose, Stream, stream};
use crate::units::{Bytes, MicroBtt, NanoUsd, Price, SimTime, Span};
use smallvec::SmallVec;
use std::collections::VecDeque;

/// All that has to do with money.
pub(super) struct Trade {
    pub(super) ledger: Ledger,
    /// The operator's server.
    service: Service,
    gateway: Gateway,
    /// What becomes of what a channel did not pay, and how long after its end.
    rest: Rest,
    refund_after: Span,
    /// Whether one channel between two users serves all torrents they share.
    per_pair: bool,
    /// Pieces a provider delivers without having been paid for them.
    exposure: u64,
    /// The smallest amount that is paid.
    coin: MicroBtt,
    /// Payments on their way.
    post: Post,
    usd: PricePath,
    /// The user behind each wallet, by account.
    owners: Vec<UserId>,
    /// By user.
    users: Vec<Trader>,
    /// What went wrong, and the work it made, by user: seldom touched, so apart from the books.
    tallies: Vec<UserCounts>,
    /// By peer.
    peers: Vec<Dealer>,
    lines: Lines,
    posted: Posted,
    /// Whether anybody withdraws what it has earned.
    some_withdraw: bool,
    /// Channels that close when the server gets to it, in order of time.
    closing: VecDeque<Closing>,
    /// Channels that have closed, and whose rest comes back later, in order of time.
    refunding: VecDeque<Closing>,
    /// Providers that have had enough of a requester: handled after the event.
    strikes: Vec<(PeerId, PeerId)>,
    /// What customers of silent providers wait for.
    silence: Silence,
    /// Buffers.
    bids: Vec<Price>,
    pub(super) account: Account,
}

/// A channel that closes, or whose rest comes back.
#[derive(Clone, Copy, Debug)]
struct Closing {
    /// When the server gets to it, or when that is.
    at: SimTime,
    channel: ChannelId,
    payer: UserId,
    /// What it has not paid.
    left: MicroBtt,
}

/// One user in the economy: a cache line that changes with each payment, and the rest.
#[derive(Debug)]
#[repr(C, align(64))]
struct Trader {
    /// Its wallet; `None` without the token's client, or with payments switched off.
    wallet: Option<AccountId>,
    /// What of its channels it can still spend.
    in_channels: MicroBtt,
    /// What comes back from channels that close.
    returning: MicroBtt,
    /// What its downloads under way lack, all together.
    remaining: Bytes,
    /// It withdraws its balance to the chain whenever that reaches this; more than there is: never.
    withdraws_at: MicroBtt,
    sums: Sums,
    /// What it has sent that has not arrived.
    on_its_way: MicroBtt,
    /// Since when it has wanted a withdrawal that was blocked; `NEVER`: there is none.
    wants_since: SimTime,
    /// Whether it has no wallet and serves nobody who has one.
    shuns: bool,
    /// Whether something it has deposited is still on its way.
    awaits_deposit: bool,
}

/// What a user gave and took, for the books. What it earned is in those of its peers.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct Sums {
    payments: u64,
    spent: MicroBtt,
    bought_bytes: Bytes,
    gift: MicroBtt,
    bought: MicroBtt,
    withdrawn: MicroBtt,
    /// Left in its channels and kept by the operator.
    forfeited: MicroBtt,
    /// Taken at a price and never paid.
    unpaid: MicroBtt,
    unpaid_bytes: Bytes,
}

/// A payment changes the first line of its payer's books and no other.
const _: () = assert!(std::mem::offset_of!(Trader, sums) + std::mem::offset_of!(Sums, gift) == 64);

/// One peer in the economy, by cache line: two for what it buys, two for what it sells, one each
/// for new providers and for its income, and the rest.
#[repr(C, align(64))]
struct Dealer {
    /// What came in of pieces not verified yet: seldom more than four.
    parcels: SmallVec<[Parcel; INLINE_PARCELS]>,
    /// Where its lines stand.
    stretch: Stretch,
    /// Its lines on which something of the run under way came for free.
    n_free: u16,
    /// Whether it takes payments for its upload.
    sells: bool,
    /// Whether it stalls, or ever had debtors: else neither those nor whom it dropped need to be
    /// looked at.
    is_wary: bool,
    /// Whether it pays what is due at once, and the payment always arrives (`Swarm::pays_plainly`).
    pays_plainly: bool,
    /// Whether its bid is a fixed one, and stands: that changes only if it runs out of money.
    stands: bool,
    /// Whether something is overdue: else `overdue` need not be looked at.
    is_behind: bool,
    /// Whether what is overdue is paid with the next piece, whoever that comes from.
    pays_arrears: bool,
    /// Whether any payment of its is on its way: else `letters` need not be looked at.
    has_letters: bool,
    /// Whether `ask` stands.
    has_asked: bool,
    /// Who pays it what now: those that hold a slot by their bids.
    customers: SmallVec<[(PeerId, Price); 4]>,
    /// What it asks, as of its last regular round, if it has asked.
    ask: Ask,
    /// Its slots for the providers it has lines to: those it has bought from or is buying from.
    dealt: Vec<u16>,
    /// The last price it was told.
    heard: Price,
    /// What was due to a provider and could not be paid, by slot.
    overdue: Vec<(u16, Due)>,
    /// What it was paid, and for how much.
    income: MicroBtt,
    sold_bytes: Bytes,
    income_since: SimTime,
    /// What a slot of its own last brought.
    last_price: Price,
    user: UserId,
    /// Whether it drops customers once they have paid.
    stalls: Stall,
    /// Requesters that did not pay.
    debtors: Vec<PeerId>,
    /// Customers it has dropped after they paid; it does not look at their bids again.
    dropped: Vec<PeerId>,
    /// Requesters it does not serve at all for having owed too much, and until when.
    banned: Vec<(PeerId, SimTime)>,
    /// How much longer it has stayed for money than it meant to.
    stayed: Span,
    bidder: Option<Box<dyn Bidder>>,
    asker: Option<Box<dyn Asker>>,
    /// What it has paid that is on its way, in order.
    letters: VecDeque<Letter>,
    /// Which payments get lost.
    luck: Stream,
}

/// Parcels of a peer that need no memory elsewhere.
const INLINE_PARCELS: usize = 6;

/// What a purchase and what a sale look at end where a cache line does.
const _: () = assert!(std::mem::offset_of!(Dealer, customers) == 128);
const _: () = assert!(std::mem::offset_of!(Dealer, dealt) == 256);
const _: () = assert!(std::mem::offset_of!(Dealer, income) == 320);

impl Trader {
    /// A user that has not come yet.
    fn new(habits: &Habits, seed: u64, entity: u64) -> Self {
        Self {
            wallet: None,
            shuns: shuns(habits, seed, entity),
            withdraws_at: habits.withdraws_at.unwrap_or(MicroBtt(u64::MAX)),
            wants_since: SimTime::NEVER,
            in_channels: MicroBtt::ZERO,
            returning: MicroBtt::ZERO,
            on_its_way: MicroBtt::ZERO,
            remaining: Bytes::ZERO,
            awaits_deposit: false,
            sums: Sums::default(),
        }
    }
}

impl Trade {
    /// The economy of a run, if it has a token.
    pub(super) fn new(
        plan: &Plan,
        seed: u64,
        users: &[Person],
        peers: &[Newcomer],
    ) -> Option<Box<Self>> {
        let Some(Economy::Token(token)) = &plan.economy else { return None };
        let dealer = |peer: &Newcomer| {
            let habits = &plan.classes[users[peer.user.index()].class.index()].trade;
            Dealer {
                user: peer.user,
                sells: false,
                n_free: 0,
                heard: Price::ZERO,
                bidder: habits.bidder.make(),
                asker: habits.asker.make(),
                last_price: Price::ZERO,
                customers: SmallVec::new(),
                parcels: SmallVec::new(),
                dealt: Vec::new(),
                stretch: Stretch::default(),
                pays_plainly: false,
                stands: false,
                is_behind: false,
                pays_arrears: false,
                overdue: Vec::new(),
                stalls: habits.stalls,
                is_wary: habits.stalls != Stall::Never,
                debtors: Vec::new(),
                dropped: Vec::new(),
                banned: Vec::new(),
                ask: Ask { reserve: Price::ZERO, slots: 0 },
                has_asked: false,
                income: MicroBtt::ZERO,
                sold_bytes: Bytes::ZERO,
                income_since: SimTime::ZERO,
                stayed: Span::ZERO,
                letters: VecDeque::new(),
                has_letters: false,
                luck: stream(seed, Purpose::Payment, peer.entity),
            }
        };
        let trader = |person: &Person| {
            let habits = &plan.classes[person.class.index()].trade;
            Trader::new(habits, seed, entity(person.class, person.member))
        };
        Some(Box::new(Self {
            ledger: Ledger::new(token.supply).expect("the scenario checks that the supply fits"),
            service: Service::new(token.service.clone()),
            gateway: Gateway::new(token.gateway),
            rest: token.channels.rest,
            refund_after: token.channels.refund_after,
            per_pair: token.channels.scope == ChannelScope::Pair,
            exposure: u64::from(token.exposure_pieces),
            coin: token.coin,
            post: Post::new(token.payment_delay),
            usd: usd(token, plan, seed),
            // The first accounts are the house's, and nobody's.
            owners: vec![UserId(u32::MAX); Ledger::N_HOUSE],
            users: users.iter().map(trader).collect(),
            tallies: vec![UserCounts::default(); users.len()],
            peers: peers.iter().map(dealer).collect(),
            lines: Lines::default(),
            posted: Posted::new(peers.len()),
            some_withdraw: plan.classes.iter().any(|class| class.trade.withdraws_at.is_some()),
            closing: VecDeque::new(),
            refunding: VecDeque::new(),
            strikes: Vec::new(),
            silence: Silence::default(),
            bids: Vec::new(),
            account: Account::default(),
        }))
    }

    /// What a BTT is worth now.
    fn btt(&self, now: SimTime) -> NanoUsd {
        NanoUsd::from_usd(self.usd.at(now))
    }

    /// What a user can spend: its wallet, and what it has set aside and not spent. What it has
    /// earned is in its wallet when the channel it was paid through is closed.
    fn balance(&self, user: UserId) -> MicroBtt {
        let trader = &self.users[user.index()];
        let wallet = trader.wallet.map_or(MicroBtt::ZERO, |wallet| self.ledger.balance(wallet));
        wallet + trader.in_channels + trader.returning
    }

    /// Whether a user can spend anything.
    #[inline]
    fn has_money(&self, user: UserId) -> bool {
        self.users[user.index()].in_channels > MicroBtt::ZERO || self.balance(user) > MicroBtt::ZERO
    }
}

/// The path of the price in this run.
fn usd(token: &Token, plan: &Plan, seed: u64) -> PricePath {
    match &token.usd {
        Usd::Path(path) => PricePath::clone(path),
        Usd::Random(motion) => {
            let days = usize::try_from(plan.horizon.0 / 86_400_000_000_000).expect("few days") + 2;
            let mut luck = stream(seed, Purpose::TokenPrice, 0);
            let normals: Vec<f64> = (0..days).map(|_| luck.normal()).collect();
            PricePath::geometric(*motion, &normals).expect("the scenario checks the motion")
        }
    }
}

/// Whether the user with this name has the token's client, and whether it lets it pay. Drawn in
/// every arm alike; who adopts at one share does at every larger one.
pub(super) fn adopts(habits: &Habits, seed: u64, entity: u64) -> (bool, bool) {
    let mut luck = stream(seed, Purpose::Adoption, entity);
    let (client, consent) = (luck.unit(), luck.unit());
    let adopter = client < habits.adoption;
    (adopter, adopter && consent >= habits.opt_out)
}

/// Whether the user with this name trades with nobody and serves nobody who does: proposed for
/// another client in 2019 (`BiglyBT` issue 786).
fn shuns(habits: &Habits, seed: u64, entity: u64) -> bool {
    let mut luck = stream(seed, Purpose::Adoption, entity);
    let trades = adopts(habits, seed, entity).1;
    let [_, _, third] = [luck.unit(), luck.unit(), luck.unit()];
    !trades && third < habits.bans_payers
}

impl<'a, O: Observer> Swarm<'a, O> {
    /// The rules of the token, if there is one.
    pub(super) fn token(&self) -> Option<&'a Token> {
        match &self.plan.economy {
            Some(Economy::Token(token)) => Some(token),
            _ => None,
        }
    }

    /// The part of a peer's class in the economy. Borrows from the plan, not from the swarm.
    pub(super) fn habits(&self, p: PeerId) -> &'a Habits {
        &self.class(p).trade
    }

    /// The wallet of a peer's user.
    fn wallet(&self, p: PeerId) -> Option<AccountId> {
        self.trade.as_ref()?.users[self.user(p).index()].wallet
    }

    /// A user comes for the first time: one that trades opens a wallet, with a gift for each of its
    /// identities and what it buys.
    pub(super) fn open_wallet(&mut self, u: UserId) {
        let user = &self.users[u.index()];
        let (entity, class) = (user.entity(), user.class);
        let habits = &self.plan.classes[class.index()].trade;
        let now = self.now;
        let Some(trade) = &mut self.trade else { return };
        let (_, trades) = adopts(habits, self.seed, entity);
        if !trades {
            return;
        }
        trade.close_due(now);
        let ledger = &mut trade.ledger;
        let wallet = ledger.open_account(Kind::Wallet);
        let mut sums = Sums::default();
        for identity in 0..habits.identities {
            let account = if identity == 0 { wallet } else { ledger.open_account(Kind::Wallet) };
            let gift = habits.gift.min(ledger.balance(Ledger::PROMO));
            if gift == MicroBtt::ZERO {
                continue; // nothing given, or the pool is empty
            }
            ledger.transfer(now, Movement::Gift, Ledger::PROMO, account, gift).expect("enough");
            if account != wallet {
                ledger.transfer(now, Movement::Sweep, account, wallet, gift).expect("just given");
            }
            sums.gift += gift;
        }
        let trader = &mut trade.users[u.index()];
        (trader.wallet, trader.sums) = (Some(wallet), sums);
        trade.owners.resize(trade.ledger.n_accounts(), u);
        self.buy(u);
    }
}
