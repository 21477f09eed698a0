//! The books of each user: what came in is what went out and what is left.

use super::catalogue::library;
use super::money::{crowd, token, users};
use crate::swarms::s;
use std::sync::Arc;
use swarmecon::ledger::{ChainRules, GatewayRules, Rest, Sun, Supply};
use swarmecon::observe::{MoneyRecord, Unobserved, WalletRecord};
use swarmecon::policy::auction::Format;
use swarmecon::policy::bid::BidderSpec;
use swarmecon::scenario::presets;
use swarmecon::swarm::plan::Audit;
use swarmecon::swarm::plan::economy::{ChannelRules, ChannelScope, Economy, Route, Token, Trade};
use swarmecon::swarm::run;
use swarmecon::units::{Bytes, MicroBtt, Price, SimTime};

/// Buyers who deposit over a chain that charges each transfer, and withdraw what they earn; the
/// operator keeps what channels leave, if `rest` says so.
fn books(rest: Rest, scope: ChannelScope, delay_s: f64, horizon_s: f64) -> MoneyRecord {
    let btt = MicroBtt::from_btt;
    let chain = ChainRules { free_bytes: 0, price: Sun(10), ..ChainRules::default() };
    let gateway = GatewayRules { least_withdrawal: MicroBtt(1), chain, ..GatewayRules::default() };
    let supply =
        Supply { promo: btt(1e6), operator: btt(1e6), gateway: btt(1e6), outside: btt(1e6) };
    let channels = ChannelRules { rest, scope, ..token().channels };
    let trade = Trade {
        gift: btt(2.0),
        bought: btt(50.0),
        route: Route::Gateway,
        withdraws_at: Some(btt(51.0)),
        ..users(0.8)
    };
    let payment_delay = s(delay_s);
    let format = Format::FirstPrice;
    let token = Token { supply, gateway, channels, payment_delay, format, ..token() };
    let mut plan = crowd(Some(Economy::Token(Box::new(token))), trade);
    plan.horizon = SimTime::from_secs(horizon_s);
    run(&plan, 3, &mut Unobserved).money.expect("there is money")
}

#[test]
fn what_came_in_went_out_or_is_left_in_each_wallet() {
    let mut seen = [0; 5];
    for (rest, scope, delay_s, horizon_s) in [
        (Rest::Forfeit, ChannelScope::Torrent, 0.0, 5000.0),
        (Rest::Forfeit, ChannelScope::Pair, 0.0, 150.0),
        (Rest::Forfeit, ChannelScope::Torrent, 5.0, 150.0),
        (Rest::Refund, ChannelScope::Torrent, 0.0, 5000.0),
    ] {
        let money = books(rest, scope, delay_s, horizon_s);
        for w in &money.wallets {
            let came = w.gift + w.bought + w.earned;
            let left = w.wallet + w.in_channels + w.on_its_way + w.to_come;
            assert_eq!(came, w.spent + w.withdrawn + w.forfeited + left, "{w:?}");
        }
        let sum = |of: fn(&WalletRecord) -> u64| money.wallets.iter().map(of).sum::<u64>();
        assert_eq!(sum(|w| w.forfeited.0) > 0, rest == Rest::Forfeit);
        let parts: [fn(&WalletRecord) -> u64; 5] = [
            |w| w.bought.0,
            |w| w.withdrawn.0,
            |w| w.forfeited.0,
            |w| w.on_its_way.0,
            |w| w.to_come.0,
        ];
        for (all, part) in seen.iter_mut().zip(parts) {
            *all += sum(part);
        }
    }
    assert!(seen.iter().all(|&all| all > 0), "each part of the books is used: {seen:?}");
}

/// Each deposit is one transfer of 270 bytes at 10 sun, paid by who makes it; each withdrawal one
/// of the operator's.
#[test]
fn fees_are_paid_by_who_sends() {
    let money = books(Rest::Refund, ChannelScope::Torrent, 0.0, 5000.0);
    for w in &money.wallets {
        assert_eq!(w.fees_sun, if w.trades { 2_700 } else { 0 }, "{w:?}");
    }
    let counts = &money.counts;
    let paid: u64 = money.wallets.iter().map(|w| w.fees_sun).sum();
    assert!(paid > 0 && counts.withdrawals > 0);
    assert_eq!(counts.operator_fees_sun, 2_700 * counts.withdrawals);
    assert_eq!(paid + counts.operator_fees_sun, counts.chain_fees_sun);
}

/// Users who come and go, of whom some have no wallet and the others all bid the same: who is away
/// bids nothing, so nobody is taken to bid what all do that has nothing to pay with.
#[test]
fn who_is_away_or_has_no_wallet_bids_nothing() {
    for (adoption, opt_out) in [(0.7, 0.0), (1.0, 0.3)] {
        let mut plan = library(20, 60.0, &Arc::new(presets::mainline()));
        let bidder = BidderSpec::Fixed(Price::from_btt_per_gib(300.0));
        plan.classes[1].trade = Trade { opt_out, bidder, ..users(adoption) };
        let token = Token { format: Format::FirstPrice, ..token() };
        plan.economy = Some(Economy::Token(Box::new(token)));
        plan.audit = Audit::EveryEvent;
        for seed in 1..=4 {
            let money = run(&plan, seed, &mut Unobserved).money.expect("there is money");
            let (traders, others): (Vec<_>, Vec<_>) = money.wallets.iter().partition(|w| w.trades);
            assert!(traders.iter().any(|w| w.spent > MicroBtt::ZERO), "some is paid for");
            let owes = |w: &&&WalletRecord| w.unpaid_bytes > Bytes::ZERO;
            assert_eq!(others.iter().filter(owes).count(), 0, "of {}", others.len());
            assert!(others.len() > 1, "the publisher and somebody else");
        }
    }
}
