//! `[trade]` and `[classes.NAME.trade]`: the part of users in an economy.
//!
//! Law: what a class does with money is the same in every arm that does not change it, with or
//! without a token: so the same users have the token's client in all of them.

use super::amount::{BTT, btt, btt_of, needed_btt, needed_price, price};
use super::check::{Range, TIME_S, Table, number, variant_or, word_or};
use super::fault::{Check, Place};
use super::node::{Node, Value};
use crate::policy::ask::{AskerSpec, Tatonnement};
use crate::policy::bid::{AutoBid, BidderSpec, Insolvency, Shill, Valuation};
use crate::policy::stay::{Elastic, StayerSpec};
use crate::swarm::plan::economy::{Route, Stall, Trade};
use crate::units::{MicroBtt, NanoUsd, Span, floor_u64};

/// Words of `insolvency`.
pub(super) const INSOLVENCIES: [(&str, Insolvency); 2] = [
    ("reserve-by-remaining", Insolvency::ReserveByRemaining),
    ("paper-naive", Insolvency::PaperNaive),
];
/// Words of `buys_through`.
pub(super) const ROUTES: [(&str, Route); 2] =
    [("operator", Route::Operator), ("gateway", Route::Gateway)];
/// The word of `stalls` besides true and false.
pub(super) const SILENTLY: &str = "silently";
/// Ways to write `bidder`, besides words.
const BIDDERS: [&str; 4] = ["auto", "fixed_btt_per_gib", "valuation", "shill"];
/// Ways to write `asker`, besides words.
const ASKERS: [&str; 3] = ["reserve_btt_per_gib", "cost_usd_per_gib", "tatonnement"];
/// An amount of dollars.
const USD: Range = Range::from(0.0, 1e6, "0.01");
/// A share.
const SHARE: Range = Range::from(0.0, 1.0, "0.3");

/// Elasticity as if nothing were written: money moves nobody.
pub(super) const UNMOVED: Elastic = Elastic {
    elasticity_percent: 0,
    // One cent; what an hour of seeding is worth to people was never measured.
    reference_per_hour: NanoUsd(10_000_000),
    most: Span(86_400 * crate::units::NS_PER_S),
    crowding_percent: 100,
};

/// What is written nowhere: people who would use the paper's client if they had it.
pub(super) fn ordinary() -> Trade {
    Trade { bidder: BidderSpec::Auto(AutoBid::PAPER), ..Trade::default() }
}

/// Reads the tables of a class, the file's first; the later one wins.
pub(super) fn trade(check: &mut Check, tables: Vec<Table<'_>>) -> Trade {
    let mut trade = ordinary();
    let mut elastic = UNMOVED;
    let mut again = None;
    for mut t in tables {
        who(check, &mut t, &mut trade);
        again = t.get("buys_again_below_btt").map(|node| node.place.clone()).or(again);
        how(check, &mut t, &mut trade);
        costs(check, &mut t, &mut trade);
        elasticity(check, &mut t, &mut elastic);
        t.close(check);
    }
    if let Some(place) = again {
        check_buying_again(check, &place, &trade);
    }
    if elastic != UNMOVED {
        trade.stayer = StayerSpec::Elastic(elastic);
    }
    trade
}

/// Who is to buy again must be able to have too little, and buy something.
fn check_buying_again(check: &mut Check, place: &Place, trade: &Trade) {
    let (what, instead) = match trade.buys_again_below {
        Some(MicroBtt::ZERO) => ("is 0, and nobody has less than nothing", "write an amount"),
        Some(_) if !trade.buys() => {
            ("is set, and the class buys nothing", "write what it buys as `buys_btt` or `buys_usd`")
        }
        _ => return,
    };
    let help = format!("{instead}, or `buys_again_below_btt = \"never\"`");
    check.fault(place, format!("`buys_again_below_btt` {what}"), help);
}

/// Replaces what was written.
fn set<T>(target: &mut T, written: Option<T>) {
    if let Some(value) = written {
        *target = value;
    }
}

/// Who takes part, and with how much.
fn who(check: &mut Check, t: &mut Table<'_>, trade: &mut Trade) {
    set(&mut trade.adoption, t.number(check, "adoption", SHARE));
    set(&mut trade.opt_out, t.number(check, "opt_out", SHARE));
    set(&mut trade.gift, btt(check, t, "gift_btt"));
    set(&mut trade.bought, btt(check, t, "buys_btt"));
    set(&mut trade.bought_for, usd(check, t, "buys_usd"));
    set_or_never(check, t, "buys_again_below_btt", &mut trade.buys_again_below);
    set(&mut trade.route, t.word(check, "buys_through", &ROUTES));
    let range = Range::from(1.0, 100_000.0, "1");
    set(&mut trade.identities, t.whole(check, "identities", range));
    set(&mut trade.identity_cost, usd(check, t, "identity_cost_usd"));
}

/// How it bids and asks.
fn how(check: &mut Check, t: &mut Table<'_>, trade: &mut Trade) {
    if let Some(entry) = t.get("bidder") {
        set(&mut trade.bidder, bidder(check, entry));
    }
    set(&mut trade.pays, t.flag(check, "pays"));
    if let Some(entry) = t.get("asker") {
        set(&mut trade.asker, asker(check, entry));
    }
    set(&mut trade.sells, t.flag(check, "sells"));
    if let Some(node) = t.get("stalls") {
        set(&mut trade.stalls, stalls(check, node));
    }
    set(&mut trade.bans_others, t.flag(check, "bans_others"));
    set(&mut trade.unpaid_ban, t.number(check, "unpaid_ban_s", TIME_S).map(Span::from_secs));
    set(&mut trade.bans_payers, t.number(check, "bans_payers", SHARE));
    set_or_never(check, t, "withdraws_at_btt", &mut trade.withdraws_at);
}

/// An amount, or never.
fn set_or_never(
    check: &mut Check,
    t: &mut Table<'_>,
    key: &'static str,
    target: &mut Option<MicroBtt>,
) {
    let Some(node) = t.get(key) else { return };
    let is_word = |text: &str| !text.starts_with(|c: char| c.is_ascii_digit());
    let amount = match &node.value {
        Value::Text(text) if is_word(text) => {
            word_or(check, node, key, &[("never", None)], "a number of BTT")
        }
        _ => btt_of(check, node, key).map(Some),
    };
    set(target, amount);
}

fn stalls(check: &mut Check, node: &Node) -> Option<Stall> {
    match node.value {
        Value::Bool(true) => Some(Stall::Choke),
        Value::Bool(false) => Some(Stall::Never),
        _ => word_or(check, node, "stalls", &[(SILENTLY, Stall::Silent)], "true, false"),
    }
}

/// What time and data are worth to it.
fn costs(check: &mut Check, t: &mut Table<'_>, trade: &mut Trade) {
    set(&mut trade.hour_worth, usd(check, t, "hour_worth_usd"));
    set(&mut trade.hour_cost, usd(check, t, "hour_cost_usd"));
    set(&mut trade.gib_cost, usd(check, t, "gib_cost_usd"));
}

fn elasticity(check: &mut Check, t: &mut Table<'_>, to: &mut Elastic) {
    set(&mut to.elasticity_percent, hundredths(check, t, "elasticity", 1000.0));
    // It is what is left: more than all of it cannot be.
    set(&mut to.crowding_percent, hundredths(check, t, "crowding_out", 1.0));
    let range = Range::above(0.0, USD.high, "0.01");
    let reference = t.number(check, "reference_usd_per_hour", range).map(NanoUsd::from_usd);
    if let Some(reference) = reference {
        // Less than a billionth of a dollar cannot be compared with anything.
        to.reference_per_hour = reference.max(NanoUsd(1));
    }
    set(&mut to.most, t.number(check, "most_stay_s", TIME_S).map(Span::from_secs));
}

fn usd(check: &mut Check, t: &mut Table<'_>, key: &'static str) -> Option<NanoUsd> {
    t.number(check, key, USD).map(NanoUsd::from_usd)
}

/// A number in steps of 0.01, as a whole number of percent.
fn hundredths(check: &mut Check, t: &mut Table<'_>, key: &'static str, high: f64) -> Option<u64> {
    let x = t.number(check, key, Range::from(0.0, high, "0.5"))?;
    let percent = floor_u64(x * 100.0 + 0.5);
    if (crate::units::f64_of(percent) - x * 100.0).abs() > 1e-6 {
        let message = format!("`{key}` is {x}; it takes steps of 0.01");
        let near = crate::units::f64_of(percent) / 100.0;
        check.fault(&t.place_of(key), message, format!("write `{key} = {near}`"));
        return None;
    }
    Some(percent)
}

fn bidder(check: &mut Check, node: &Node) -> Option<BidderSpec> {
    if !matches!(node.value, Value::Table(_)) {
        let known = [
            ("auto", BidderSpec::Auto(AutoBid::PAPER)),
            ("never", BidderSpec::Never),
            ("hoarder", BidderSpec::Hoarder),
        ];
        let also = "{ auto = { spending_percent = 50 } }, { fixed_btt_per_gib = 10 }, \
                    { valuation = { btt_per_hour = 2 } }, { shill = { start_btt_per_gib = 5 } }";
        return word_or(check, node, "bidder", &known, also);
    }
    let words = "\"auto\", \"never\", \"hoarder\"";
    let (way, inner, place) = variant_or(check, node, "bidder", &BIDDERS, words)?;
    match way {
        "auto" => auto(check, inner, &place).map(BidderSpec::Auto),
        "fixed_btt_per_gib" => price(check, inner, way).map(BidderSpec::Fixed),
        "valuation" => {
            let mut t = Table::open(check, inner, &place, "bidder.valuation");
            let per_hour = needed_btt(check, &mut t, "btt_per_hour", BTT);
            let repost = percent(check, &mut t, "repost_percent").unwrap_or(10);
            t.close(check);
            Some(BidderSpec::Valuation(Valuation { per_hour: per_hour?, repost_percent: repost }))
        }
        _ => {
            let mut t = Table::open(check, inner, &place, "bidder.shill");
            let start = needed_price(check, &mut t, "start_btt_per_gib");
            let range = Range::from(0.0, 100.0, "10");
            let step = t.whole(check, "step_percent", range).unwrap_or(10);
            t.close(check);
            Some(BidderSpec::Shill(Shill { start: start?, step_percent: u64::from(step) }))
        }
    }
}

fn auto(check: &mut Check, node: &Node, place: &Place) -> Option<AutoBid> {
    let mut t = Table::open(check, node, place, "bidder.auto");
    let before = check.n_faults();
    let mut rule = AutoBid::PAPER;
    // Nobody can offer more than it has: the paper's rate is 0 to 1.
    let share = Range::from(0.0, 100.0, "100");
    let spending = t.whole(check, "spending_percent", share).map(u64::from);
    set(&mut rule.spending_percent, spending);
    set(&mut rule.repost_percent, percent(check, &mut t, "repost_percent"));
    set(&mut rule.insolvency, t.word(check, "insolvency", &INSOLVENCIES));
    t.close(check);
    (check.n_faults() == before).then_some(rule)
}

fn percent(check: &mut Check, t: &mut Table<'_>, key: &'static str) -> Option<u64> {
    t.whole(check, key, Range::from(0.0, 1000.0, "10")).map(u64::from)
}

fn asker(check: &mut Check, node: &Node) -> Option<AskerSpec> {
    if !matches!(node.value, Value::Table(_)) {
        let known = [("free", AskerSpec::Free), ("withhold", AskerSpec::Withhold)];
        let also = "{ reserve_btt_per_gib = 5 }, { cost_usd_per_gib = 0.002 }, \
                    { tatonnement = { start_btt_per_gib = 1 } }";
        return word_or(check, node, "asker", &known, also);
    }
    let words = "\"free\", \"withhold\"";
    let (way, inner, place) = variant_or(check, node, "asker", &ASKERS, words)?;
    match way {
        "reserve_btt_per_gib" => price(check, inner, way).map(AskerSpec::Reserve),
        "cost_usd_per_gib" => {
            number(check, inner, way, USD).map(|usd| AskerSpec::Cost(NanoUsd::from_usd(usd)))
        }
        _ => {
            let mut t = Table::open(check, inner, &place, "asker.tatonnement");
            let start = needed_price(check, &mut t, "start_btt_per_gib");
            let range = Range::from(1.0, 1000.0, "5");
            let step = t.whole(check, "step_percent", range).unwrap_or(5);
            t.close(check);
            Some(AskerSpec::Tatonnement(Tatonnement::new(start?, u64::from(step))))
        }
    }
}
