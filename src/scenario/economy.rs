//! `[economy]`: what is exchanged for upload in an arm, besides upload.
//!
//! Law: keys of a token are checked whatever the bundle, and hold only where there is a token: so
//! an arm that changes nothing but `bundle` is the same file without money.

use super::amount::{ALL_BTT, BTT, btt, is_of_2019, needed_btt};
use super::check::{MAX_COUNT, PERIOD_S, Range, TIME_S, Table, number, variant, whole, word_or};
use super::choices::{each, needed};
use super::fault::{Check, Place};
use super::node::{Node, Value};
use super::rows;
use crate::ledger::{
    Between, ChainRules, GatewayRules, Geometric, HISTORY, Outage, PricePath, PriceRow, Rest,
    ServiceRules, Supply,
};
use crate::policy::auction::{Format, Ties};
use crate::policy::choke::market::Combine;
use crate::policy::choke::{ChokerSpec, Slots};
use crate::policy::reputation::Esteem;
use crate::swarm::plan::economy::{
    Airdrop, ChannelRules, ChannelScope, Credit, Economy, Funding, OneHop, Ranks, Route, Token, Usd,
};
use crate::swarm::plan::{ClassPlan, Plan, Role};
use crate::units::{Bytes, MicroBtt, NanoUsd, SimTime, Span, floor_u64};
use std::num::NonZeroU32;
use std::sync::Arc;

/// What `bundle` names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Bundle {
    /// Upload for upload, and nothing else.
    #[default]
    Barter,
    /// The token of 2019 beside barter.
    Btt,
    /// No pay, no slot.
    TokenOnly,
    /// The books of a private tracker.
    Credit,
    /// Everybody is served in turn.
    Altruism,
    /// Reputations that travel one hop.
    OneHop,
}

/// Words of `bundle`.
pub(super) const BUNDLES: [(&str, Bundle); 6] = [
    ("barter", Bundle::Barter),
    ("btt", Bundle::Btt),
    ("token-only", Bundle::TokenOnly),
    ("credit", Bundle::Credit),
    ("altruism", Bundle::Altruism),
    ("one-hop", Bundle::OneHop),
];
/// Words of `combine`; the others are tables.
pub(super) const COMBINES: [(&str, Combine); 2] =
    [("lexicographic", Combine::Lexicographic), ("pay-only", Combine::PayOnly)];
/// Words of `auction`.
pub(super) const FORMATS: [(&str, Format); 4] = [
    ("uniform", Format::Uniform),
    ("first-price", Format::FirstPrice),
    ("posted", Format::Posted),
    ("proportional", Format::Proportional),
];
/// Words of `ties`.
pub(super) const TIES: [(&str, Ties); 4] = [
    ("longest-waiting", Ties::LongestWaiting),
    ("random", Ties::Random),
    ("holder-stays", Ties::HolderStays),
    ("barter", Ties::Barter),
];
/// Words of `channel_rest`.
pub(super) const RESTS: [(&str, Rest); 2] = [("refund", Rest::Refund), ("forfeit", Rest::Forfeit)];
/// Words of `channels`.
pub(super) const SCOPES: [(&str, ChannelScope); 2] =
    [("per-torrent", ChannelScope::Torrent), ("per-pair", ChannelScope::Pair)];

/// Words of `value`.
pub(super) const VALUES: [(&str, Esteem); 3] =
    [("flow", Esteem::Flow), ("net-flow", Esteem::NetFlow), ("ratio", Esteem::Ratio)];
/// Words of `ranks`.
pub(super) const RANKS: [(&str, Ranks); 2] =
    [("always", Ranks::Always), ("seeding", Ranks::Seeding)];

/// What a BTT is worth.
const USD: Range = Range::above(0.0, 1e6, "0.00012");
/// A number of pieces or slots.
const ONE_OR_MORE: Range = Range::from(1.0, 65_534.0, "16");

/// What `[economy]` says.
#[derive(Debug, Default)]
pub(super) struct Money {
    bundle: Bundle,
    /// The rules of a token, of credit and of reputations, if all of them could be read.
    token: Option<Token>,
    credit: Option<Credit>,
    one_hop: Option<OneHop>,
    /// Where `combine` is written.
    combine: Option<Place>,
}

impl Money {
    /// The economy of the plan.
    pub fn economy(&self) -> Option<Economy> {
        match self.bundle {
            Bundle::Barter | Bundle::Altruism => None,
            Bundle::Credit => self.credit.map(Economy::Credit),
            Bundle::OneHop => self.one_hop.map(Economy::OneHop),
            Bundle::Btt => self.token.clone().map(|token| Economy::Token(Box::new(token))),
            Bundle::TokenOnly => self.token.clone().map(|token| {
                Economy::Token(Box::new(Token { combine: Combine::PayOnly, ..token }))
            }),
        }
    }

    /// Whether there is a token.
    pub fn has_token(&self) -> bool {
        matches!(self.bundle, Bundle::Btt | Bundle::TokenOnly)
    }

    /// The choker of a class under this economy.
    pub fn choker(&self, role: Role, choker: ChokerSpec) -> ChokerSpec {
        let serves = role == Role::Leecher && !matches!(choker, ChokerSpec::Never);
        if self.bundle == Bundle::Altruism && serves { ChokerSpec::EqualTurns } else { choker }
    }
}

/// Reads `[economy]`; without it there is barter.
pub(super) fn economy(check: &mut Check, table: Option<Table<'_>>, horizon: SimTime) -> Money {
    let Some(mut t) = table else { return Money::default() };
    if !t.has("bundle") {
        let help = "write `bundle = \"btt\"`, or \"barter\", \"token-only\", \"credit\", \
                    \"altruism\", \"one-hop\"";
        check.missing(t.place(), "`economy.bundle` is missing", help);
    }
    let bundle = t.word(check, "bundle", &BUNDLES).unwrap_or_default();
    let token = token(check, &mut t, horizon);
    let inner = t.table(check, "credit");
    let credit = credit(check, inner);
    let inner = t.table(check, "one_hop");
    let one_hop = one_hop(check, inner);
    let combine = t.has("combine").then(|| t.place_of("combine"));
    t.close(check);
    Money { bundle, token, credit: Some(credit), one_hop: Some(one_hop), combine }
}

/// The rules of a token; each key is checked even if another one is wrong.
fn token(check: &mut Check, t: &mut Table<'_>, horizon: SimTime) -> Option<Token> {
    let combine = match t.get("combine") {
        Some(node) => combine(check, node),
        None => Some(Combine::Lexicographic),
    };
    let format = t.word(check, "auction", &FORMATS).unwrap_or(Format::Uniform);
    let ties = t.word(check, "ties", &TIES).unwrap_or(Ties::LongestWaiting);
    let coin_range = Range::from(1.0, 4e9, "1");
    let coin = t.whole(check, "smallest_payment_ubtt", coin_range);
    if coin.is_some() {
        is_of_2019(check, &t.place_of("smallest_payment_ubtt"), "smallest_payment_ubtt");
    }
    let loss_range = Range::from(0.0, 1.0, "0.01");
    let payment_loss = t.number(check, "payment_loss", loss_range).unwrap_or(0.0);
    let funding = match t.get("funding_pieces") {
        Some(node) => funding(check, node),
        None => Some(Funding::Pieces(16)),
    };
    let rest = t.word(check, "channel_rest", &RESTS).unwrap_or(Rest::Refund);
    let scope = t.word(check, "channels", &SCOPES).unwrap_or(ChannelScope::Torrent);
    let payment_delay = t.number(check, "payment_delay_s", TIME_S).map(Span::from_secs);
    let exposure_range = Range { example: "1", ..ONE_OR_MORE };
    let exposure_pieces = t.whole(check, "exposure_pieces", exposure_range).unwrap_or(1);
    let usd = match t.get("usd_per_btt") {
        Some(node) => usd(check, node, horizon),
        None => constant(0.000_12),
    };
    let ledger = t.table(check, "ledger");
    let (service, refund_after) = ledger_rules(check, ledger);
    let pools = t.table(check, "supply");
    let supply = supply(check, pools);
    let drops = t.table(check, "airdrop");
    let airdrop = airdrop(check, drops);
    let gate = t.table(check, "gateway");
    let gateway = gateway(check, gate);
    Some(Token {
        combine: combine?,
        format,
        ties,
        coin: MicroBtt(u64::from(coin.unwrap_or(1))),
        channels: ChannelRules { funding: funding?, rest, refund_after, scope },
        service,
        payment_loss,
        payment_delay: payment_delay.unwrap_or(Span::ZERO),
        exposure_pieces,
        usd: usd?,
        supply: supply?,
        airdrop,
        gateway,
    })
}

/// More slots for sale than anybody has; where links decide how many there are nothing is known.
pub(super) fn check_slots(check: &mut Check, plan: &Plan, money: &Money) {
    let Some(Economy::Token(token)) = &plan.economy else { return };
    let (Combine::SlotSplit { paid }, Some(place)) = (token.combine, &money.combine) else {
        return;
    };
    let slots = plan.classes.iter().map(|class| match class.protocol.choking.slots {
        Slots::Fixed(n) => usize::try_from(n).ok(),
        _ => None,
    });
    let Some(most) = slots.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max()) else {
        return;
    };
    if paid > most {
        let message =
            format!("`slot_split` is {paid}, and nobody has more than {most} upload slots");
        let help =
            format!("write `slot_split = {most}` or less, or raise `protocol.choking.slots`");
        check.fault(place, message, help);
    }
}

/// Warns of a random price that never moves: it does so once a day.
pub(super) fn warn_of_still_price(check: &mut Check, plan: &Plan, arm: &str) {
    let Some(Economy::Token(token)) = &plan.economy else { return };
    if matches!(token.usd, Usd::Random(_)) && plan.horizon < SimTime::from_secs(86_400.0) {
        check.warn(format!(
            "arm `{arm}`: a random `usd_per_btt` moves once a day, and the run is over before: \
             write `horizon_s = 86400` or more, or a price"
        ));
    }
}

/// Warns of deposits that the gateway will refuse, or that the operator cannot credit.
pub(super) fn warn_of_deposits(check: &mut Check, plan: &Plan, arm: &str) {
    let Some(Economy::Token(token)) = &plan.economy else { return };
    // What dollars buy is not known before.
    let deposits = |class: &&ClassPlan| {
        let trade = &class.trade;
        trade.route == Route::Gateway && trade.buys() && trade.bought_for == NanoUsd::ZERO
    };
    for class in plan.classes.iter().filter(deposits) {
        let (name, least) = (&class.name, token.gateway.least_deposit);
        if class.trade.bought < least {
            let least = least.as_btt();
            check.warn(format!(
                "arm `{arm}`: class `{name}` buys less than the gateway takes, and gets nothing: \
                 write `buys_btt = {least}` or more"
            ));
        } else if token.supply.operator < class.trade.bought {
            check.warn(format!(
                "arm `{arm}`: the operator cannot credit what class `{name}` deposits: raise \
                 `economy.supply.operator_btt`"
            ));
        }
    }
}

fn combine(check: &mut Check, node: &Node) -> Option<Combine> {
    if !matches!(node.value, Value::Table(_)) {
        let also = "{ slot_split = 2 }, { weighted_percent = 50 }";
        return word_or(check, node, "combine", &COMBINES, also);
    }
    let (way, inner, _) = variant(check, node, "combine", &["slot_split", "weighted_percent"])?;
    if way == "slot_split" {
        let paid = whole(check, inner, way, Range { example: "2", ..ONE_OR_MORE })?;
        return Some(Combine::SlotSplit { paid: usize::try_from(paid).unwrap_or(usize::MAX) });
    }
    let bid_percent = whole(check, inner, way, Range::from(1.0, 100.0, "50"))?;
    Some(Combine::Weighted { bid_percent: u64::from(bid_percent) })
}

fn funding(check: &mut Check, node: &Node) -> Option<Funding> {
    if matches!(node.value, Value::Text(_)) {
        let known = [("wallet", Funding::Wallet)];
        return word_or(check, node, "funding_pieces", &known, "a whole number");
    }
    whole(check, node, "funding_pieces", ONE_OR_MORE).map(Funding::Pieces)
}

/// A price that never changes.
fn constant(usd: f64) -> Option<Usd> {
    PricePath::constant(usd).ok().map(|path| Usd::Path(Arc::new(path)))
}

fn usd(check: &mut Check, node: &Node, horizon: SimTime) -> Option<Usd> {
    let key = "usd_per_btt";
    if !matches!(node.value, Value::Table(_)) {
        is_of_2019(check, &node.place, key);
        return constant(number(check, node, key, USD)?);
    }
    let ways = ["history_from_day", "history", "random", "csv", "rows"];
    let (way, inner, place) = variant(check, node, key, &ways)?;
    // What is known of the past has been brought to BTT of 2019.
    if way != "history_from_day" {
        is_of_2019(check, &inner.place, key);
    }
    let path = match way {
        "history_from_day" => {
            PricePath::historical(whole(check, inner, way, history_days())?, Between::Linear)
        }
        "history" => {
            let mut t = Table::open(check, inner, &place, "usd_per_btt.history");
            needed(check, &mut t, "from_day", history_days());
            let day = t.whole(check, "from_day", history_days());
            // A day of the table in a tenth of a second.
            let range = Range::from(1.0, 1e6, "5558");
            let times_faster = t.whole(check, "times_faster", range).unwrap_or(1);
            t.close(check);
            PricePath::compressed(day?, times_faster, Between::Linear)
        }
        "random" => {
            let mut t = Table::open(check, inner, &place, "usd_per_btt.random");
            let start = needed(check, &mut t, "start", USD);
            let yearly = Range::from(-10.0, 10.0, "0.0");
            let drift = t.number(check, "drift_per_year", yearly).unwrap_or(0.0);
            let spread = Range::from(0.0, 10.0, "1.5");
            let volatility = needed(check, &mut t, "volatility_per_year", spread);
            t.close(check);
            let law = Geometric {
                start_usd: start?,
                drift_per_year: drift,
                volatility_per_year: volatility?,
            };
            if horizon < SimTime::NEVER && !stays_finite(law, horizon) {
                let message = "this price leaves the range of numbers before the horizon";
                let help = "lower `volatility_per_year`, `drift_per_year` or `horizon_s`";
                check.fault(&place, message, help);
                return None;
            }
            return Some(Usd::Random(law));
        }
        "csv" => replay(check, inner, rows::prices)?,
        _ => replay(check, inner, price_rows)?,
    };
    Some(Usd::Path(Arc::new(path)))
}

/// Days of the recorded prices: after the last of them there is nothing to replay.
fn history_days() -> Range {
    Range::from(0.0, HISTORY.last().map_or(0.0, |known| f64::from(known.day)), "412")
}

/// Whether a price stays within what floats hold, 12 standard deviations either way.
fn stays_finite(law: Geometric, horizon: SimTime) -> bool {
    let years = horizon.as_secs() / (365.25 * 86_400.0) + 0.01;
    let Geometric { drift_per_year: mu, volatility_per_year: sigma, .. } = law;
    let moves = (mu - sigma * sigma / 2.0).abs() * years + 12.0 * sigma * libm::sqrt(years);
    // exp(709) is the largest float; prices begin between e⁻²¹ and e¹⁴.
    moves + libm::log(law.start_usd).abs() < 700.0
}

/// Prices at known times, linear in between.
fn replay(
    check: &mut Check,
    node: &Node,
    read: impl Fn(&mut Check, &Node) -> Option<Vec<PriceRow>>,
) -> Option<PricePath> {
    let rows = read(check, node)?;
    match PricePath::replay(rows, Between::Linear) {
        Ok(path) => Some(path),
        Err(error) => {
            let help = "prices above 0 at rising times";
            check.fault(&node.place, format!("these are no prices: {error}"), help);
            None
        }
    }
}

/// `[[0, 0.00012], [86400, 0.00015]]`: seconds and USD.
fn price_rows(check: &mut Check, node: &Node) -> Option<Vec<PriceRow>> {
    each(check, node, "rows", "[[0, 0.00012]]", |check, row| {
        let (at, usd) = pair(check, row, "rows", "[0, 0.00012]")?;
        let at = SimTime::from_secs(number(
            check,
            at,
            "rows",
            Range { example: "[[0, 0.00012]]", ..TIME_S },
        )?);
        Some(PriceRow {
            at,
            usd: number(check, usd, "rows", Range { example: "[[0, 0.00012]]", ..USD })?,
        })
    })
}

/// A list of two.
fn pair<'a>(
    check: &mut Check,
    node: &'a Node,
    key: &str,
    example: &str,
) -> Option<(&'a Node, &'a Node)> {
    if let Value::List(items) = &node.value
        && let [a, b] = items.as_slice()
    {
        return Some((a, b));
    }
    let message = format!("`{key}` lists pairs, and this is none");
    check.fault(&node.place, message, format!("write `{key} = [{example}]`"));
    None
}

/// What the server can do, and how long after a channel is closed its rest comes back.
fn ledger_rules(check: &mut Check, table: Option<Table<'_>>) -> (ServiceRules, Span) {
    let mut rules =
        ServiceRules { per_second: None, latency: Span::from_secs(1.0), outages: Vec::new() };
    let Some(mut t) = table else { return (rules, Span::ZERO) };
    if let Some(node) = t.get("per_second") {
        let range = Range::from(1.0, 4e9, "100");
        rules.per_second = if matches!(node.value, Value::Text(_)) {
            let known = [("unlimited", None)];
            word_or(check, node, "per_second", &known, "a whole number").flatten()
        } else {
            whole(check, node, "per_second", range).and_then(NonZeroU32::new)
        };
    }
    if let Some(s) = t.number(check, "latency_s", TIME_S) {
        rules.latency = Span::from_secs(s);
    }
    let refund_after = t.number(check, "refund_after_s", TIME_S).map(Span::from_secs);
    if let Some(node) = t.get("outages_s") {
        let is_empty = matches!(&node.value, Value::List(items) if items.is_empty());
        let read = |check: &mut Check, row: &Node| {
            let (start, length) = pair(check, row, "outages_s", "[3600, 600]")?;
            let start = SimTime::from_secs(number(
                check,
                start,
                "outages_s",
                Range { example: "[[3600, 600]]", ..TIME_S },
            )?);
            let length = Span::from_secs(number(
                check,
                length,
                "outages_s",
                Range { example: "[[3600, 600]]", ..PERIOD_S },
            )?);
            Some(Outage { start, length })
        };
        if !is_empty {
            rules.outages =
                each(check, node, "outages_s", "[[3600, 600]]", read).unwrap_or_default();
        }
    }
    t.close(check);
    (rules, refund_after.unwrap_or(Span::ZERO))
}

fn supply(check: &mut Check, table: Option<Table<'_>>) -> Option<Supply> {
    let all = MicroBtt(floor_u64(ALL_BTT) * MicroBtt::BTT.0);
    let billion = MicroBtt(1_000_000_000 * MicroBtt::BTT.0);
    let million = MicroBtt(1_000_000 * MicroBtt::BTT.0);
    let (mut promo, mut gateway, mut operator) = (billion, million, MicroBtt::ZERO);
    let mut outside = None;
    let mut place = None;
    if let Some(mut t) = table {
        place = Some(t.place().clone());
        promo = btt(check, &mut t, "promo_btt").unwrap_or(promo);
        gateway = btt(check, &mut t, "gateway_btt").unwrap_or(gateway);
        operator = btt(check, &mut t, "operator_btt").unwrap_or(operator);
        outside = btt(check, &mut t, "outside_btt");
        t.close(check);
    }
    let rest = all.checked_sub(promo + gateway + operator);
    if let (None, None, Some(place)) = (outside, rest, &place) {
        let help = "write less, or say with `outside_btt` how much there is elsewhere";
        check.fault(place, "these pools hold more than all 990 billion BTT", help);
        return None;
    }
    let outside = outside.or(rest).unwrap_or(MicroBtt::ZERO);
    Some(Supply { promo, operator, gateway, outside })
}

/// Gifts to people who are no users; none unless both keys are written.
fn airdrop(check: &mut Check, table: Option<Table<'_>>) -> Option<Airdrop> {
    let mut t = table?;
    let range = Range { above: true, example: "1000000", ..BTT };
    let amount = needed_btt(check, &mut t, "amount_btt", range);
    // A minute and a half at least: each is an event.
    let days = needed(check, &mut t, "every_days", Range::from(0.001, 10_000.0, "30"));
    t.close(check);
    Some(Airdrop { amount: amount?, every: Span::from_secs(days? * 86_400.0) })
}

fn gateway(check: &mut Check, table: Option<Table<'_>>) -> GatewayRules {
    let mut rules = GatewayRules::default();
    let Some(mut t) = table else { return rules };
    for (key, to) in [
        ("least_withdrawal_btt", &mut rules.least_withdrawal),
        ("least_deposit_btt", &mut rules.least_deposit),
        ("daily_cap_btt", &mut rules.daily_cap),
    ] {
        *to = btt(check, &mut t, key).unwrap_or(*to);
    }
    let (least, cap) = (rules.least_withdrawal, rules.daily_cap);
    if cap < least {
        let written = ["daily_cap_btt", "least_withdrawal_btt"].into_iter().find(|key| t.has(key));
        let place = t.place_of(written.unwrap_or("daily_cap_btt"));
        let (least, cap) = (least.as_btt(), cap.as_btt());
        let message = format!(
            "nothing can ever be withdrawn: no less than {least} BTT may be, and no more than \
             {cap} in a day"
        );
        let help = format!(
            "write `daily_cap_btt = {least}` or more, or `least_withdrawal_btt = {cap}` or less"
        );
        check.fault(&place, message, help);
    }
    chain(check, &mut t, &mut rules.chain);
    t.close(check);
    rules
}

/// The public chain behind the gateway.
fn chain(check: &mut Check, t: &mut Table<'_>, rules: &mut ChainRules) {
    // A millisecond to a day.
    if let Some(s) = t.number(check, "block_s", Range::from(0.001, 86_400.0, "3")) {
        rules.block = Span::from_secs(s);
    }
    // So that what all transfers of a run cost fits 64 bits.
    for (key, high, example, to) in [
        ("finality_blocks", 1e6, "19", &mut rules.finality_blocks),
        ("free_bytes_per_day", 1e9, "5000", &mut rules.free_bytes),
        ("transfer_bytes", 1e5, "270", &mut rules.transfer_bytes),
        ("sun_per_byte", 1e6, "10", &mut rules.price.0),
    ] {
        let n = t.whole(check, key, Range::from(0.0, high, example));
        *to = n.map_or(*to, u64::from);
    }
}

fn credit(check: &mut Check, table: Option<Table<'_>>) -> Credit {
    let mut rules = Credit { grant: Bytes::from_kib(1024 * 1024), counted_percent: 100 };
    let Some(mut t) = table else { return rules };
    let range = Range::above(0.0, 1e9, "1024");
    if let Some(mib) = t.number(check, "grant_mib", range) {
        rules.grant = Bytes(floor_u64(mib * 1_048_576.0 + 0.5));
    }
    let percent = Range::from(0.0, 1000.0, "100");
    if let Some(counted) = t.whole(check, "counted_percent", percent) {
        rules.counted_percent = u64::from(counted);
    }
    t.close(check);
    rules
}

fn one_hop(check: &mut Check, table: Option<Table<'_>>) -> OneHop {
    let mut rules = OneHop { value: Esteem::Flow, ranks: Ranks::Always, known_peers: 2000 };
    let Some(mut t) = table else { return rules };
    rules.value = t.word(check, "value", &VALUES).unwrap_or(rules.value);
    rules.ranks = t.word(check, "ranks", &RANKS).unwrap_or(rules.ranks);
    let range = Range::from(0.0, MAX_COUNT, "2000");
    rules.known_peers = t.whole(check, "known_peers", range).unwrap_or(rules.known_peers);
    t.close(check);
    rules
}
