//! How payments travel: with a delay, through one channel per pair of users, and money that comes
//! in through the gateway.

use super::catalogue::library;
use super::money::{crowd, stayers, token, users};
use crate::swarms::s;
use std::sync::Arc;
use swarmecon::ledger::{PricePath, Supply};
use swarmecon::observe::{MoneyRecord, Outcome, Took, Unobserved, WalletRecord};
use swarmecon::policy::auction::Format;
use swarmecon::policy::bid::{AutoBid, BidderSpec, Insolvency};
use swarmecon::scenario::presets;
use swarmecon::swarm::plan::economy::{
    Airdrop, ChannelRules, ChannelScope, Economy, Route, Stall, Token, Trade, Usd,
};
use swarmecon::swarm::plan::{Arrivals, Audit, Plan};
use swarmecon::swarm::run;
use swarmecon::units::{BLOCK, Bytes, MicroBtt, NanoUsd, Price, SimTime, Span};

const PIECE: u64 = 1 << 18;

fn with_token(token: Token, trade: Trade) -> Plan {
    crowd(Some(Economy::Token(Box::new(token))), trade)
}

fn money(outcome: &Outcome) -> &MoneyRecord {
    outcome.money.as_ref().expect("there is money")
}

fn sum(outcome: &Outcome, of: fn(&WalletRecord) -> MicroBtt) -> u64 {
    money(outcome).wallets.iter().map(|wallet| of(wallet).0).sum()
}

/// A token whose payments take so long, while providers risk so many pieces.
fn slow(delay_s: f64, exposure_pieces: u32) -> Token {
    let payment_delay = s(delay_s);
    Token { format: Format::FirstPrice, payment_delay, exposure_pieces, ..token() }
}

/// Money on its way has a home: nothing is lost or made, and no provider risks more than the rules
/// say, however long payments take, get lost besides, or find their requester gone.
#[test]
fn delayed_payments_are_conserved_and_risk_no_more() {
    for (delay_s, exposure, loss) in
        [(0.5, 1, 0.0), (5.0, 1, 0.2), (5.0, 3, 0.0), (60.0, 1, 0.0), (60.0, 4, 0.1)]
    {
        let token = Token { payment_loss: loss, ..slow(delay_s, exposure) };
        let mut plan = with_token(token, users(0.9));
        plan.audit = Audit::EveryEvent;
        let outcome = run(&plan, 7, &mut Unobserved);
        let case = format!("{delay_s} s, {exposure} pieces");
        assert!(money(&outcome).counts.payments > 20, "{case}: payments arrive");
        assert_eq!(sum(&outcome, |w| w.spent), sum(&outcome, |w| w.earned), "{case}");
        let last = money(&outcome).samples.last().expect("rows");
        let gifts = sum(&outcome, |w| w.gift);
        assert_eq!(last.wallets.0 + last.escrow.0, gifts, "{case}: all money is somewhere");
        let most = Bytes(u64::from(exposure) * PIECE) + BLOCK;
        assert!(money(&outcome).counts.unpaid_bytes_most <= most, "{case}");
        for wallet in &money(&outcome).wallets {
            let has = wallet.wallet + wallet.in_channels + wallet.on_its_way;
            assert!(has + wallet.spent <= wallet.gift + wallet.earned, "{case}: {wallet:?}");
        }
    }
}

/// A block asked for twice comes in from one provider when the run of another begins with it: that
/// run is taken away (CANCEL), and the audit finds that what the next one may owe was looked at.
#[test]
fn a_cancelled_block_lets_nobody_owe_more() {
    let bidder = BidderSpec::Fixed(Price::from_btt_per_gib(20.0));
    let trade = Trade { bidder, gift: MicroBtt(40_000), ..users(1.0) };
    let mut plan = with_token(Token { payment_loss: 0.5, ..slow(3.0, 1) }, trade);
    (plan.content, plan.audit) = (Bytes(700_001), Audit::EveryEvent);
    for seed in 0..24 {
        let outcome = run(&plan, seed, &mut Unobserved);
        assert!(outcome.counters.end_game_runs > 0, "seed {seed}: blocks are asked for twice");
        assert!(money(&outcome).counts.tally.strikes > 0, "seed {seed}: some owe too much");
    }
}

/// A payment that takes longer than the run is on its way at its end, and nobody is paid.
#[test]
fn a_payment_that_takes_for_ever_pays_nobody() {
    let mut plan = with_token(slow(1e6, 1), users(1.0));
    plan.audit = Audit::EveryEvent;
    let outcome = run(&plan, 2, &mut Unobserved);
    assert_eq!((sum(&outcome, |w| w.spent), money(&outcome).counts.payments), (0, 0));
    assert!(sum(&outcome, |w| w.on_its_way) > 0, "they did pay");
    assert!(money(&outcome).counts.tally.strikes > 0, "and lost their slots");
}

/// Where no provider comes to the limit and bids do not depend on the balance, when a payment
/// arrives changes nothing but that: the same bytes go the same ways at the same times.
#[test]
fn a_delay_within_the_limit_changes_no_download() {
    let fixed = BidderSpec::Fixed(Price::from_btt_per_gib(20.0));
    let outcome = |delay_s| {
        let trade = Trade { bidder: fixed.clone(), ..users(1.0) };
        run(&with_token(slow(delay_s, 1000), trade), 6, &mut Unobserved)
    };
    let at_once = outcome(0.0);
    let all = sum(&at_once, |w| w.spent);
    for delay_s in [4.0, 60.0] {
        let late = outcome(delay_s);
        assert_eq!(at_once.peers, late.peers, "{delay_s} s");
        let [paid, sent] = [sum(&late, |w| w.spent), sum(&late, |w| w.on_its_way)];
        assert_eq!(paid + sent, all, "{delay_s} s: {sent} are on their way");
        assert!(delay_s < 60.0 || sent > 0, "the last ones have not arrived");
    }
}

fn scoped(mut token: Token, scope: ChannelScope) -> Token {
    token.channels = ChannelRules { scope, ..token.channels };
    token
}

/// Users who meet in one torrent have one channel either way. What is paid through a channel that
/// others may share is entered at once, else when somebody asks: neither those that stay for what
/// they earned, nor refusers, stallers and withdrawals make that a difference.
#[test]
fn channels_per_pair_are_channels_per_torrent_where_there_is_one() {
    let stays = stayers(NanoUsd(500_000_000));
    let habits = [
        users(0.8),
        Trade { withdraws_at: Some(MicroBtt::from_btt(0.1)), ..stays.clone() },
        Trade { pays: false, ..stays.clone() },
        Trade { stalls: Stall::Choke, gift: MicroBtt(40_000), ..stays },
    ];
    for token in [token(), slow(3.0, 2), Token { payment_loss: 0.3, ..token() }] {
        for trade in &habits {
            let outcome = |scope| {
                let mut plan = with_token(scoped(token.clone(), scope), trade.clone());
                plan.classes[2].trade = users(1.0);
                (plan.until_horizon, plan.horizon) = (true, SimTime::from_secs(2000.0));
                run(&plan, 8, &mut Unobserved)
            };
            assert_eq!(outcome(ChannelScope::Pair), outcome(ChannelScope::Torrent));
        }
    }
}

/// Users who meet in several torrents open fewer channels, while those last; the books hold at
/// every event, with promises the wallet cannot keep and payments on their way too.
#[test]
fn channels_per_pair_are_fewer_in_a_catalogue() {
    let rule = AutoBid { insolvency: Insolvency::PaperNaive, ..AutoBid::PAPER };
    let naive = BidderSpec::Auto(rule);
    // Few channels are used up at a low price.
    let low = BidderSpec::Fixed(Price::from_btt_per_gib(1.0));
    let opened = |scope, delay_s, bidder: &BidderSpec| {
        let mut plan = library(40, 60.0, &Arc::new(presets::mainline()));
        for class in &mut plan.classes {
            class.trade = Trade { bidder: bidder.clone(), ..users(0.9) };
            if let Some(demand) = &mut class.demand {
                // Everybody fetches everything at the same time.
                (demand.parallel, demand.gap, demand.sessions) = (5, s(10.0), None);
            }
        }
        for torrent in &mut plan.catalogue.as_mut().expect("there is one").torrents {
            torrent.release = SimTime::ZERO;
        }
        plan.economy = Some(Economy::Token(Box::new(scoped(slow(delay_s, 1), scope))));
        plan.audit = Audit::EveryEvent;
        let outcome = run(&plan, 11, &mut Unobserved);
        let counts = &money(&outcome).counts;
        assert!(counts.payments > 100, "{counts:?}");
        let rows = money(&outcome).samples.iter().flat_map(|row| &row.moved);
        let n: u64 = rows.filter(|moved| moved.what == "fund").map(|moved| moved.count).sum();
        n
    };
    for delay_s in [0.0, 2.0] {
        let [pair, torrent] =
            [ChannelScope::Pair, ChannelScope::Torrent].map(|scope| opened(scope, delay_s, &low));
        assert!(10 * pair < 9 * torrent, "{pair} channels per pair, {torrent} per torrent");
        opened(ChannelScope::Pair, delay_s, &naive);
    }
}

/// Users without a gift who buy so much through the gateway, from an operator with so much.
fn depositors(bought: f64, operator: f64) -> Plan {
    let btt = MicroBtt::from_btt;
    let supply = Supply { operator: btt(operator), outside: btt(1e6), ..Supply::default() };
    let route = Route::Gateway;
    let trade = Trade { gift: MicroBtt::ZERO, bought: btt(bought), route, ..users(1.0) };
    let mut plan = with_token(Token { supply, format: Format::FirstPrice, ..token() }, trade);
    plan.audit = Audit::EveryEvent;
    plan
}

/// For the same dollars half as many tokens at twice the price, beside those asked for by number.
#[test]
fn dollars_buy_at_the_price_of_the_moment() {
    let bought = |usd: f64| {
        let usd = Usd::Path(Arc::new(PricePath::constant(usd).expect("a price")));
        let supply = Supply { outside: MicroBtt::from_btt(1e6), ..Supply::default() };
        let bought_for = NanoUsd::from_usd(0.006);
        let bought = MicroBtt::from_btt(3.0);
        let trade = Trade { gift: MicroBtt::ZERO, bought, bought_for, ..users(1.0) };
        let mut plan = with_token(Token { usd, supply, ..token() }, trade);
        plan.audit = Audit::EveryEvent;
        sum(&run(&plan, 3, &mut Unobserved), |w| w.bought)
    };
    assert_eq!(bought(0.000_12), 20 * MicroBtt::from_btt(53.0).0);
    assert_eq!(bought(0.000_24), 20 * MicroBtt::from_btt(28.0).0);
}

/// What is bought on the chain is in the wallets when the chain is final, and not before.
#[test]
fn deposits_are_in_the_wallets_when_they_are_final() {
    let outcome = run(&depositors(50.0, 1e6), 3, &mut Unobserved);
    let counts = &money(&outcome).counts;
    assert_eq!((counts.deposits, counts.deposits_blocked, counts.deposits_waiting), (20, 0, 0));
    // 19 blocks of 3 s after the next one.
    let mean = Span(counts.deposit_time.0 / 20);
    assert!(mean > s(57.0) && mean <= s(60.0), "{mean:?}");
    let early = &money(&outcome).samples[1];
    assert_eq!((early.at, early.bidders, early.wallets), (at(50.0), 0, MicroBtt::ZERO));
    assert_eq!(sum(&outcome, |w| w.bought), 20 * MicroBtt::from_btt(50.0).0);
    assert!(sum(&outcome, |w| w.spent) > 0, "and is spent");
}

fn at(seconds: f64) -> SimTime {
    SimTime::from_secs(seconds)
}

/// An operator with too little of its own leaves deposits in limbo; money that never comes in is
/// barter.
#[test]
fn deposits_that_are_not_credited_buy_nothing() {
    let trade = |plan: &Plan| plan.classes[1].trade.clone();
    let limbo = depositors(50.0, 120.0);
    let outcome = run(&limbo, 3, &mut Unobserved);
    let counts = &money(&outcome).counts;
    assert_eq!((counts.deposits, counts.deposits_waiting), (2, 18));
    assert_eq!(sum(&outcome, |w| w.bought), 2 * MicroBtt::from_btt(50.0).0);
    let barter = run(&crowd(None, trade(&limbo)), 3, &mut Unobserved);
    let empty = run(&depositors(50.0, 0.0), 3, &mut Unobserved);
    assert_eq!(empty.peers, barter.peers);
    // Below the minimum of 10 BTT nothing is even sent.
    let mut little = run(&depositors(9.0, 1e6), 3, &mut Unobserved);
    assert_eq!(money(&little).counts.deposits_blocked, 20);
    little.money = None;
    assert_eq!(little.fingerprint, barter.fingerprint);
    assert_eq!(little.peers, barter.peers);
}

/// The operator credits a deposit in limbo as soon as somebody's withdrawal brings it the money,
/// whenever the timeline is looked at.
#[test]
fn withdrawals_let_deposits_out_of_limbo() {
    let outcome = |sample_s| {
        let mut plan = depositors(50.0, 100.0);
        let Some(Economy::Token(token)) = &mut plan.economy else { panic!("a token") };
        token.supply.gateway = MicroBtt::from_btt(1e4);
        token.gateway.least_withdrawal = MicroBtt::BTT;
        plan.classes[1].trade.withdraws_at = Some(MicroBtt::from_btt(5.0));
        (plan.sample, plan.until_horizon, plan.horizon) = (s(sample_s), true, at(900.0));
        run(&plan, 3, &mut Unobserved)
    };
    let [often, seldom] = [7.0, 900.0].map(outcome);
    let counts = &money(&often).counts;
    assert!(counts.withdrawals > 0 && counts.deposits > 2, "{counts:?}");
    assert!(counts.deposit_time.0 / counts.deposits > s(61.0).0, "some waited");
    // Nobody waits while the operator could credit another.
    let has = 100_000_000 + sum(&often, |w| w.withdrawn) - sum(&often, |w| w.bought);
    assert!(counts.deposits_waiting == 0 || has < 50_000_000, "it holds {has}: {counts:?}");
    assert_eq!(money(&often).wallets, money(&seldom).wallets);
    assert_eq!(often.peers, seldom.peers);
}

/// Twenty users with a gift who withdraw as soon as they hold 5 BTT, from a hot wallet that is
/// empty until the ten others come, who deposit.
pub fn leavers_and_depositors() -> Plan {
    let mut plan = depositors(50.0, 1e6);
    let Some(Economy::Token(token)) = &mut plan.economy else { panic!("a token") };
    token.supply.promo = MicroBtt::from_btt(1e6);
    token.gateway.least_withdrawal = MicroBtt::from_btt(11.0);
    token.gateway.daily_cap = MicroBtt::from_btt(300.0);
    plan.classes[2].trade = plan.classes[1].trade.clone();
    plan.classes[2].arrivals = Arrivals::AtOnce { count: 10, at: at(150.0), spread: s(120.0) };
    let early = &mut plan.classes[1].trade;
    (early.gift, early.bought) = (MicroBtt::from_btt(10.0), MicroBtt::ZERO);
    early.withdraws_at = Some(MicroBtt::from_btt(5.0));
    (plan.until_horizon, plan.horizon) = (true, at(1500.0));
    plan
}

/// Airdrops bring outside what they take from the pool, and gifts fail as soon as it is empty;
/// where the pool is large enough they change nothing for users.
#[test]
fn airdrops_take_gifts_from_users_and_nothing_else() {
    let btt = MicroBtt::from_btt;
    let dropping = |amount: f64, every: f64, pool: f64| {
        let airdrop = (amount > 0.0).then(|| Airdrop { amount: btt(amount), every: s(every) });
        let supply = Supply { promo: btt(pool), ..Supply::default() };
        let mut plan = with_token(Token { supply, airdrop, ..token() }, users(1.0));
        plan.audit = Audit::EveryEvent;
        run(&plan, 3, &mut Unobserved)
    };
    let dropped = |outcome: &Outcome| {
        let rows = money(outcome).samples.iter().flat_map(|row| &row.moved);
        let own: Vec<_> = rows.filter(|moved| moved.what == "airdrop").collect();
        let sum: u128 = own.iter().map(|moved| moved.ubtt).sum();
        (own.iter().map(|moved| moved.count).sum::<u64>(), u64::try_from(sum).expect("fits"))
    };
    let gifts = |outcome: &Outcome| sum(outcome, |wallet| wallet.gift);
    let left = |outcome: &Outcome| money(outcome).samples.last().expect("a row").promo.0;
    let given = |outcome: &Outcome| {
        money(outcome).wallets.iter().filter(|w| w.gift > MicroBtt::ZERO).count()
    };

    // Twenty users, 10 BTT each, over two minutes. 205 BTT do for all; without 95 they do not.
    let none = dropping(0.0, 30.0, 205.0);
    assert_eq!((dropped(&none), given(&none), left(&none)), ((0, 0), 20, btt(5.0).0));
    let some = dropping(95.0, 30.0, 205.0);
    let (n, sum) = dropped(&some);
    assert!(given(&some) < 20 && (2..=3).contains(&n), "{} users, {n} airdrops", given(&some));
    assert_eq!((gifts(&some) + sum, left(&some)), (btt(205.0).0, 0), "the last gets what is left");

    // A pool that is large enough: the same swarm.
    let same = |outcome: &Outcome| (outcome.peers.clone(), money(outcome).wallets.clone());
    let rich = dropping(95.0, 30.0, 1e6);
    assert_eq!(same(&rich), same(&dropping(0.0, 30.0, 1e6)));
    let (n, sum) = dropped(&rich);
    assert_eq!((sum, left(&rich)), (n * btt(95.0).0, btt(1e6).0 - gifts(&rich) - sum));
    let end = rich.end.as_secs();
    assert!((end / 30.0 - 1.0..=end / 30.0).contains(&f64::from(u32::try_from(n).expect("few"))));
}

/// Every crossing is in one bar of its histogram, every block has one reason, and who was blocked
/// has waited since then.
#[test]
fn latencies_and_reasons_add_up() {
    let outcome = run(&leavers_and_depositors(), 3, &mut Unobserved);
    let counts = &money(&outcome).counts;
    let [minimum, balance, cap, empty] = counts.withdrawals_blocked;
    assert!(minimum > 0 && cap > 0 && empty > 0 && balance == 0, "{counts:?}");
    for (bars, n, sum) in [
        (&counts.deposit_times, counts.deposits, counts.deposit_time),
        (&counts.withdrawal_times, counts.withdrawals, counts.withdrawal_time),
    ] {
        let count = bars.iter().map(|bar| bar.count).sum::<u64>();
        assert!(n > 3 && count == n, "{bars:?} do not hold {n}");
        let bound = |of: fn(&Took) -> Span| bars.iter().map(|bar| of(bar).0 * bar.count).sum();
        let (least, most): (u64, u64) = (bound(|bar| bar.above), bound(|bar| bar.up_to));
        assert!(least < sum.0 && sum.0 <= most, "{sum:?} is not within {bars:?}");
    }
    let shortest = counts.withdrawal_times[0];
    assert!(shortest.above < s(57.0) && shortest.up_to >= s(57.0), "{shortest:?}");
    let longest = counts.withdrawal_times.last().expect("some").above;
    assert!(longest > s(61.0), "some were blocked before: {counts:?}");
}

/// However payments travel: without money it is barter to the bit, and every amount times a
/// thousand changes nothing else.
#[test]
fn slow_and_shared_channels_keep_the_laws_of_a_token() {
    let travels = || scoped(slow(2.0, 2), ChannelScope::Pair);
    let penniless = Trade { gift: MicroBtt::ZERO, ..users(1.0) };
    let barter = run(&crowd(None, penniless.clone()), 3, &mut Unobserved);
    let mut empty = run(&with_token(travels(), penniless), 3, &mut Unobserved);
    empty.money = None;
    assert_eq!(empty, barter);

    let scaled = |n: u64| {
        let supply = Supply { promo: MicroBtt(n * 1_000_000_000), ..Supply::default() };
        let token = Token { coin: MicroBtt(n), supply, ..travels() };
        let trade = Trade { gift: MicroBtt(n * 3_333_333), ..users(0.9) };
        let outcome = run(&with_token(token, trade), 4, &mut Unobserved);
        let money = [sum(&outcome, |w| w.spent), sum(&outcome, |w| w.on_its_way)];
        (Outcome { money: None, ..outcome }, money)
    };
    let (one, money) = scaled(1);
    assert!(money.iter().all(|&amount| amount > 0), "some is paid, some on its way: {money:?}");
    assert_eq!(scaled(1000), (one, money.map(|amount| 1000 * amount)));
}

/// Who has spent all it had bids no more. Only the seeder sells, and only whole pieces cost
/// anything: a gift buys two of 64.
#[test]
fn who_has_no_money_left_bids_nothing() {
    let bidder = BidderSpec::Fixed(Price::new(MicroBtt(1), Bytes(1024)));
    let buyer = Trade { gift: MicroBtt(2 * 256), bidder, sells: false, ..users(1.0) };
    let coin = MicroBtt(256);
    let mut plan = with_token(Token { format: Format::FirstPrice, coin, ..token() }, buyer);
    plan.classes[0].trade = Trade { gift: MicroBtt::ZERO, ..users(1.0) };
    plan.classes[1].arrivals = Arrivals::AtOnce { count: 5, at: SimTime::ZERO, spread: s(1.0) };
    (plan.content, plan.sample) = (Bytes(64 * PIECE), s(10.0));
    let outcome = run(&plan, 3, &mut Unobserved);
    let mut left = sum(&outcome, |w| w.gift);
    for (row, swarm) in money(&outcome).samples.iter().zip(&outcome.samples).skip(1) {
        left -= row.paid.0;
        assert_eq!(row.bidders > 0, left > 0 && swarm.leechers > 0, "{left} µBTT left: {row:?}");
    }
    assert_eq!(left, 0, "they spend all they have");
    let first = &outcome.samples[10];
    assert!(first.leechers == 15 && first.at < at(101.0), "and want more then: {first:?}");
}

/// What a requester has to do with its providers stands where its connections do, and those move
/// when it gets more than the 64 there was room for: those who came first when 110 others come.
#[test]
fn dealings_go_on_when_connections_move() {
    let mut plan = with_token(token(), users(1.0));
    let rules = Arc::new(presets::libtorrent());
    for class in &mut plan.classes {
        class.protocol = Arc::clone(&rules);
    }
    plan.classes[1].arrivals = Arrivals::AtOnce { count: 110, at: SimTime::ZERO, spread: s(60.0) };
    (plan.audit, plan.sample) = (Audit::EverySample, s(5.0));
    let outcome = run(&plan, 3, &mut Unobserved);
    assert!(2 * outcome.counters.connections > 64 * 121, "more than 64 neighbours on average");
    assert_eq!(sum(&outcome, |w| w.spent), sum(&outcome, |w| w.earned));
    assert!(money(&outcome).counts.payments > 1000, "they trade");
}
