//! What was not paid: the rest of a channel that comes back later, and requesters that are banned
//! for a while.

use super::money::{crowd, token, users};
use crate::swarms::{class, kib, plain, plan, s};
use std::sync::Arc;
use swarmecon::ledger::Movement;
use swarmecon::observe::{Moved, Outcome, Unobserved};
use swarmecon::policy::auction::Format;
use swarmecon::policy::bid::BidderSpec;
use swarmecon::swarm::plan::economy::{ChannelRules, ChannelScope, Economy, Token, Trade};
use swarmecon::swarm::plan::{Audit, Plan, Role, Slots};
use swarmecon::swarm::run;
use swarmecon::units::{Bytes, MicroBtt, Price, SimTime};

fn with_token(token: Token, trade: Trade) -> Plan {
    crowd(Some(Economy::Token(Box::new(token))), trade)
}

/// A token whose channels give their rest back so many seconds after they are closed.
fn returning(after_s: f64, scope: ChannelScope) -> Token {
    let base = token();
    let channels = ChannelRules { refund_after: s(after_s), scope, ..base.channels };
    Token { channels, ..base }
}

/// Users who bid the same whatever they have.
fn steady() -> Trade {
    let bidder = BidderSpec::Fixed(Price::from_btt_per_gib(20.0));
    Trade { bidder, ..users(0.9) }
}

fn strikes(outcome: &Outcome) -> u64 {
    outcome.money.as_ref().expect("there is money").counts.tally.strikes
}

/// Refunds so far, row by row.
fn refunds(outcome: &Outcome) -> Vec<u128> {
    let is_refund = |moved: &&Moved| moved.what == Movement::Refund.name();
    let rows = outcome.money.as_ref().expect("there is money").samples.iter();
    rows.scan(0, |sum, row| {
        *sum += row.moved.iter().filter(is_refund).map(|moved| moved.ubtt).sum::<u128>();
        Some(*sum)
    })
    .collect()
}

/// Where nobody runs short, all refunds come so much later, to the row, and nothing else changes.
#[test]
fn a_late_refund_is_the_same_refund_later() {
    const ROWS: usize = 10;
    for scope in [ChannelScope::Torrent, ChannelScope::Pair] {
        let outcome = |after_s| {
            let mut plan = with_token(returning(after_s, scope), steady());
            (plan.until_horizon, plan.horizon) = (true, SimTime::from_secs(2000.0));
            run(&plan, 5, &mut Unobserved)
        };
        // A row is taken every 50 s.
        let [at_once, later] = [0.0, 500.0].map(outcome);
        assert_eq!(at_once.peers, later.peers, "{scope:?}");
        let [early, late] = [&at_once, &later].map(refunds);
        assert!(early.len() > 2 * ROWS && early[ROWS] > 0, "{scope:?}: some come back");
        assert_eq!(late[ROWS..], early[..early.len() - ROWS], "{scope:?}");
        assert_eq!(late[ROWS - 1], 0, "{scope:?}");
        let last = |outcome: &Outcome| {
            let row = outcome.money.as_ref().expect("there is money").samples.last().cloned();
            row.map(|row| row.escrow)
        };
        assert_eq!(last(&at_once), Some(MicroBtt::ZERO), "{scope:?}: all channels are closed");
        assert_eq!(last(&later), Some(MicroBtt::ZERO), "{scope:?}: all is back");
    }
}

/// What has not come back is still its user's, whoever runs short meanwhile.
#[test]
fn what_is_to_come_back_is_conserved() {
    for (after_s, loss) in [(30.0, 0.2), (3600.0, 0.0), (1e5, 0.0)] {
        for scope in [ChannelScope::Torrent, ChannelScope::Pair] {
            let token = Token { payment_loss: loss, ..returning(after_s, scope) };
            let mut plan = with_token(token, Trade { gift: MicroBtt(90_000), ..users(0.9) });
            plan.audit = Audit::EveryEvent;
            let outcome = run(&plan, 7, &mut Unobserved);
            let money = outcome.money.as_ref().expect("there is money");
            let sum = |of: fn(&swarmecon::observe::WalletRecord) -> MicroBtt| -> u64 {
                money.wallets.iter().map(|wallet| of(wallet).0).sum()
            };
            let holds = sum(|w| w.wallet) + sum(|w| w.in_channels) + sum(|w| w.on_its_way);
            let unclaimed = sum(|w| w.gift) - holds;
            // Earned and in a channel that is not closed; all others have their refund to wait for.
            assert!(unclaimed <= sum(|w| w.earned), "{after_s} s, {scope:?}");
            assert!(after_s < 1e5 || sum(|w| w.in_channels) > 0, "{scope:?}: it is to come");
            assert!(money.counts.payments > 100, "{after_s} s, {scope:?}");
        }
    }
}

/// Who does not pay is served a piece, then nothing for as long as it is banned, and then by
/// barter: it is done that much later, up to a round of the choker.
#[test]
fn who_does_not_pay_is_banned_for_a_while() {
    let done = |ban_s| {
        let mut rules = plain();
        (rules.choking.slots, rules.choking.optimistic_slots) = (Slots::Fixed(1), 0);
        let round_s = rules.choking.rechoke.as_secs();
        let rules = Arc::new(rules);
        let mut seeder = class(Role::Seeder, 1, kib(64.0), &rules);
        seeder.trade = Trade { unpaid_ban: s(ban_s), ..users(1.0) };
        let mut taker = class(Role::Leecher, 1, kib(1.0), &rules);
        taker.trade = Trade { pays: false, ..steady() };
        taker.trade.adoption = 1.0;
        let mut plan = plan(Bytes(8 << 20), Bytes(1 << 18), vec![seeder, taker]);
        let token = Token { format: Format::FirstPrice, ..token() };
        plan.economy = Some(Economy::Token(Box::new(token)));
        plan.audit = Audit::EveryEvent;
        let outcome = run(&plan, 1, &mut Unobserved);
        assert_eq!(strikes(&outcome), 1, "its bids are not looked at again");
        (outcome.peers[1].completed.expect("in the end").as_secs(), round_s)
    };
    let (at_once, round_s) = done(0.0);
    for ban_s in [100.0, 400.0] {
        let longer = done(ban_s).0 - at_once;
        assert!((longer - ban_s).abs() <= round_s, "{longer} s longer, banned for {ban_s} s");
    }
}

/// A ban is for those that owe: where all pay in time nobody is banned.
#[test]
fn who_pays_in_time_is_not_banned() {
    let [free, ban] = [0.0, 300.0].map(|ban_s| {
        let mut token = token();
        token.service.latency = s(0.0);
        let mut plan = with_token(token, Trade { unpaid_ban: s(ban_s), ..steady() });
        plan.audit = Audit::EveryEvent;
        run(&plan, 3, &mut Unobserved)
    });
    assert_eq!((strikes(&free), &free), (0, &ban), "nobody owes");
}
