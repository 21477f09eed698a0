//! What users buy again when they run short.

use super::catalogue::library;
use super::money::{crowd, token, users};
use crate::swarms::s;
use std::sync::Arc;
use swarmecon::ledger::{Movement, Supply};
use swarmecon::observe::{MoneyRecord, MoneySample, Outcome, Unobserved};
use swarmecon::policy::auction::Format;
use swarmecon::policy::bid::BidderSpec;
use swarmecon::scenario::presets;
use swarmecon::swarm::plan::economy::{Economy, Route, Token, Trade};
use swarmecon::swarm::plan::{Arrivals, Audit, Plan};
use swarmecon::swarm::run;
use swarmecon::units::{Bytes, MicroBtt, Price, SimTime};

const PIECE: u64 = 1 << 18;

fn money(outcome: &Outcome) -> &MoneyRecord {
    outcome.money.as_ref().expect("there is money")
}

fn bought(outcome: &Outcome) -> Vec<u64> {
    money(outcome).wallets.iter().map(|wallet| wallet.bought.0).collect()
}

/// Five users who pay the seeder alone, `n` µBTT for a KiB of 64 pieces; each buys two pieces'
/// worth when it comes, and as much again when it has less, as long as there is any outside.
fn buyers(n: u64, outside: u64, again: bool) -> Plan {
    let two = MicroBtt(n * 2 * 256);
    let trade = Trade {
        gift: MicroBtt::ZERO,
        bought: two,
        buys_again_below: again.then_some(two),
        bidder: BidderSpec::Fixed(Price::new(MicroBtt(n), Bytes(1024))),
        sells: false,
        ..users(1.0)
    };
    let supply = Supply { promo: MicroBtt::ZERO, outside: MicroBtt(outside), ..Supply::default() };
    let coin = MicroBtt(n * 256);
    let token = Token { format: Format::FirstPrice, coin, supply, ..token() };
    let mut plan = crowd(Some(Economy::Token(Box::new(token))), trade);
    plan.classes[0].trade = Trade { gift: MicroBtt::ZERO, ..users(1.0) };
    plan.classes[1].arrivals = Arrivals::AtOnce { count: 5, at: SimTime::ZERO, spread: s(1.0) };
    (plan.content, plan.sample, plan.audit) = (Bytes(64 * PIECE), s(10.0), Audit::EveryEvent);
    plan
}

/// They never run short, never hold more than they want to and one purchase, and buy whole ones.
#[test]
fn who_buys_again_does_not_run_short() {
    let outcome = run(&buyers(1, 1 << 40, true), 3, &mut Unobserved);
    assert_eq!(money(&outcome).counts.tally.no_money, 0);
    for (row, swarm) in money(&outcome).samples.iter().zip(&outcome.samples).skip(1) {
        let traders_leech = swarm.completed == 0;
        assert!(row.bidders == 5 || !traders_leech, "{row:?}");
    }
    for wallet in money(&outcome).wallets.iter().filter(|wallet| wallet.trades).skip(1) {
        assert!(wallet.bought.0 % 512 == 0 && wallet.spent.0 > 4 * 512, "{wallet:?}");
        let left = wallet.bought - wallet.spent;
        assert!(left < MicroBtt(2 * 512), "{wallet:?}");
    }
}

/// What there is outside is the most that can be bought; who buys once buys once.
#[test]
fn nothing_is_bought_that_is_not_there() {
    let outcome = run(&buyers(1, 7 * 512 + 100, true), 3, &mut Unobserved);
    assert_eq!(bought(&outcome).iter().sum::<u64>(), 7 * 512 + 100);
    assert!(money(&outcome).counts.tally.no_money > 0, "then they run short");
    let once = run(&buyers(1, 1 << 40, false), 3, &mut Unobserved);
    assert_eq!(bought(&once)[1..6], [512; 5]);
}

/// Every amount times a thousand changes nothing else.
#[test]
fn purchases_are_neutral() {
    let scaled = |n: u64| {
        let outcome = run(&buyers(n, n << 40, true), 4, &mut Unobserved);
        (bought(&outcome), Outcome { money: None, ..outcome })
    };
    let (one, outcome) = scaled(1);
    let thousand = one.iter().map(|amount| 1000 * amount).collect::<Vec<_>>();
    assert_eq!(scaled(1000), (thousand, outcome));
}

/// Through the gateway it takes a minute, and nobody buys while something is on its way.
#[test]
fn what_is_on_its_way_is_not_bought_twice() {
    let mut plan = buyers(1, 1 << 40, true);
    plan.classes[1].trade.route = Route::Gateway;
    if let Some(Economy::Token(token)) = &mut plan.economy {
        token.gateway.least_deposit = MicroBtt(1);
        token.supply.operator = MicroBtt(1 << 40);
    }
    let outcome = run(&plan, 3, &mut Unobserved);
    let counts = &money(&outcome).counts;
    assert!(counts.deposits > 10 && counts.deposits_blocked == 0, "{counts:?}");
    assert_eq!(bought(&outcome).iter().sum::<u64>(), 512 * counts.deposits);
    let sent = |row: &MoneySample| {
        let of = row.moved.iter().filter(|moved| moved.what == Movement::PayIn.name());
        of.map(|moved| moved.count).sum::<u64>()
    };
    // A row is taken every 10 s, and a deposit takes 57 s at least.
    let rows: Vec<u64> = money(&outcome).samples.iter().map(sent).collect();
    for minute in rows.windows(5) {
        assert!(minute.iter().sum::<u64>() <= 5, "{rows:?}");
    }
}

/// Who has less than it likes to buys as it comes, and again as its download begins; where nobody
/// sells nothing else is a reason to.
#[test]
fn a_download_that_begins_is_a_reason_to_buy() {
    let mut plan = buyers(1, 1 << 40, true);
    plan.classes[0].trade.sells = false;
    plan.classes[1].trade.buys_again_below = Some(MicroBtt(513));
    let outcome = run(&plan, 3, &mut Unobserved);
    assert_eq!(bought(&outcome)[1..6], [2 * 512; 5]);
}

/// In a catalogue those who want one thing after the other buy again as downloads begin; who has
/// enough at all times buys as if it never did so.
#[test]
fn users_of_a_catalogue_buy_again() {
    let outcome = |below: Option<u64>| {
        let mut plan = library(12, 60.0, &Arc::new(presets::mainline()));
        let supply = Supply { outside: MicroBtt::from_btt(1e6), ..Supply::default() };
        let token = Token { format: Format::FirstPrice, supply, ..token() };
        let bought = MicroBtt::from_btt(2.0);
        let buys_again_below = below.map(MicroBtt);
        let trade = Trade { gift: MicroBtt::ZERO, bought, buys_again_below, ..users(1.0) };
        plan.classes[1].trade = trade;
        plan.economy = Some(Economy::Token(Box::new(token)));
        plan.audit = Audit::EverySample;
        run(&plan, 6, &mut Unobserved)
    };
    let once = outcome(None);
    assert_eq!(once, outcome(Some(1)), "nobody has less than a µBTT");
    let again = outcome(Some(1_900_000));
    let more = bought(&again).iter().filter(|&&amount| amount > 2_000_000).count();
    assert!(more > 6, "{:?}", bought(&again));
    assert!(bought(&again).iter().all(|amount| amount % 2_000_000 == 0), "{:?}", bought(&again));
}
