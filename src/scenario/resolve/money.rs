//! The economy of a plan as a person would write it.

use super::{list, number, numbers, put, span, time, way, word};
use crate::ledger::{GatewayRules, PricePath, ServiceRules, Supply};
use crate::policy::ask::AskerSpec;
use crate::policy::bid::{AutoBid, BidderSpec};
use crate::policy::choke::market::Combine;
use crate::policy::stay::StayerSpec;
use crate::scenario::amount::EXACT_BTT;
use crate::scenario::economy::{COMBINES, FORMATS, RANKS, RESTS, SCOPES, TIES, VALUES};
use crate::scenario::trade::{INSOLVENCIES, ROUTES, SILENTLY, UNMOVED};
use crate::swarm::plan::economy::{Economy, Funding, Stall, Token, Trade, Usd};
use crate::units::{MicroBtt, NanoUsd, Price, Span, f64_of};
use toml::{Table, Value};

/// Nanoseconds in a day, the unit of history.
const DAY_NS: u64 = 86_400 * crate::units::NS_PER_S;

/// `[economy]`.
pub(super) fn economy(economy: &Economy) -> Table {
    let mut t = Table::new();
    match economy {
        Economy::Token(token) => write_token(&mut t, token),
        Economy::Credit(credit) => {
            put(&mut t, "bundle", "credit");
            let rules = numbers(&[
                ("grant_mib", number(credit.grant.as_f64() / 1_048_576.0)),
                ("counted_percent", number(f64_of(credit.counted_percent))),
            ]);
            put(&mut t, "credit", rules);
        }
        Economy::OneHop(rules) => {
            put(&mut t, "bundle", "one-hop");
            let rules = numbers(&[
                ("value", word(&VALUES, |value| *value == rules.value)),
                ("ranks", word(&RANKS, |ranks| *ranks == rules.ranks)),
                ("known_peers", Value::Integer(i64::from(rules.known_peers))),
            ]);
            put(&mut t, "one_hop", rules);
        }
    }
    t
}

fn write_token(t: &mut Table, token: &Token) {
    let is_alone = token.combine == Combine::PayOnly;
    put(t, "bundle", if is_alone { "token-only" } else { "btt" });
    let combine = match token.combine {
        Combine::SlotSplit { paid } => way("slot_split", number(f64_of(paid as u64))),
        Combine::Weighted { bid_percent } => way("weighted_percent", number(f64_of(bid_percent))),
        other => word(&COMBINES, |combine| *combine == other),
    };
    put(t, "combine", combine);
    put(t, "auction", word(&FORMATS, |format| *format == token.format));
    put(t, "ties", word(&TIES, |ties| *ties == token.ties));
    put(t, "smallest_payment_ubtt", number(f64_of(token.coin.0)));
    put(t, "payment_loss", number(token.payment_loss));
    let funding = match token.channels.funding {
        Funding::Pieces(n) => Value::Integer(i64::from(n)),
        Funding::Wallet => Value::String("wallet".into()),
    };
    put(t, "funding_pieces", funding);
    put(t, "channel_rest", word(&RESTS, |rest| *rest == token.channels.rest));
    put(t, "channels", word(&SCOPES, |scope| *scope == token.channels.scope));
    put(t, "payment_delay_s", span(token.payment_delay));
    put(t, "exposure_pieces", i64::from(token.exposure_pieces));
    put(t, "usd_per_btt", usd_per_btt(&token.usd));
    put(t, "ledger", service(&token.service, token.channels.refund_after));
    put(t, "supply", supply(&token.supply));
    if let Some(airdrop) = &token.airdrop {
        let rules = numbers(&[
            ("amount_btt", btt(airdrop.amount)),
            ("every_days", number(airdrop.every.as_secs() / 86_400.0)),
        ]);
        put(t, "airdrop", rules);
    }
    put(t, "gateway", gateway(&token.gateway));
}

fn usd_per_btt(usd: &Usd) -> Value {
    let path = match usd {
        Usd::Random(law) => {
            let law = numbers(&[
                ("start", number(law.start_usd)),
                ("drift_per_year", signed(law.drift_per_year)),
                ("volatility_per_year", number(law.volatility_per_year)),
            ]);
            return way("random", law);
        }
        Usd::Path(path) => path,
    };
    if let Some(usd) = path.as_constant() {
        return number(usd);
    }
    let (rows, between, clock) = path.as_replay().expect("files make no other path");
    let (begins, faster) = (clock.begins, clock.times_faster);
    let day = u32::try_from(begins.0 / DAY_NS).unwrap_or(u32::MAX);
    if **path == PricePath::historical(day, between) {
        return way("history_from_day", i64::from(day));
    }
    if **path == PricePath::compressed(day, faster, between) {
        let clock = [("from_day", day), ("times_faster", faster)];
        return way("history", numbers(&clock.map(|(key, n)| (key, Value::Integer(n.into())))));
    }
    assert_eq!((begins, faster), (Span::ZERO, 1), "only history has another clock");
    way("rows", list(rows, |row| Value::Array(vec![time(row.at), number(row.usd)])))
}

/// A number that may be below 0.
fn signed(x: f64) -> Value {
    if x < 0.0 { Value::Float(x) } else { number(x) }
}

fn service(rules: &ServiceRules, refund_after: Span) -> Value {
    let per_second = match rules.per_second {
        Some(n) => Value::Integer(i64::from(n.get())),
        None => Value::String("unlimited".into()),
    };
    let outages =
        list(&rules.outages, |outage| Value::Array(vec![time(outage.start), span(outage.length)]));
    numbers(&[
        ("per_second", per_second),
        ("latency_s", span(rules.latency)),
        ("refund_after_s", span(refund_after)),
        ("outages_s", outages),
    ])
}

fn supply(pools: &Supply) -> Value {
    let mut t = Table::new();
    put(&mut t, "promo_btt", btt(pools.promo));
    put(&mut t, "gateway_btt", btt(pools.gateway));
    put(&mut t, "operator_btt", btt(pools.operator));
    // What is left of all there is may have a fraction no float can hold; it need not be said.
    let outside = btt(pools.outside);
    if outside.is_integer() || pools.outside.as_btt() <= EXACT_BTT {
        put(&mut t, "outside_btt", outside);
    }
    Value::Table(t)
}

fn gateway(rules: &GatewayRules) -> Value {
    numbers(&[
        ("least_withdrawal_btt", btt(rules.least_withdrawal)),
        ("least_deposit_btt", btt(rules.least_deposit)),
        ("daily_cap_btt", btt(rules.daily_cap)),
        ("block_s", span(rules.chain.block)),
        ("finality_blocks", number(f64_of(rules.chain.finality_blocks))),
        ("free_bytes_per_day", number(f64_of(rules.chain.free_bytes))),
        ("transfer_bytes", number(f64_of(rules.chain.transfer_bytes))),
        ("sun_per_byte", number(f64_of(rules.chain.price.0))),
    ])
}

/// Whole BTT as such: a float could not hold all of them.
fn btt(amount: MicroBtt) -> Value {
    let whole = amount.0 / MicroBtt::BTT.0;
    match i64::try_from(whole) {
        Ok(int) if amount.0.is_multiple_of(MicroBtt::BTT.0) => Value::Integer(int),
        _ => Value::Float(amount.as_btt()),
    }
}

fn usd(amount: NanoUsd) -> Value {
    number(amount.as_usd())
}

fn price(price: Price) -> Value {
    number(price.as_btt_per_gib())
}

fn percent(percent: u64) -> Value {
    number(f64_of(percent))
}

/// `trade` of a class.
pub(super) fn trade(trade: &Trade) -> Table {
    let mut t = Table::new();
    put(&mut t, "adoption", number(trade.adoption));
    put(&mut t, "opt_out", number(trade.opt_out));
    put(&mut t, "gift_btt", btt(trade.gift));
    put(&mut t, "buys_btt", btt(trade.bought));
    put(&mut t, "buys_usd", usd(trade.bought_for));
    put(&mut t, "buys_again_below_btt", btt_or_never(trade.buys_again_below));
    put(&mut t, "buys_through", word(&ROUTES, |route| *route == trade.route));
    put(&mut t, "identities", i64::from(trade.identities));
    put(&mut t, "identity_cost_usd", usd(trade.identity_cost));
    put(&mut t, "bidder", bidder(&trade.bidder));
    put(&mut t, "pays", trade.pays);
    put(&mut t, "asker", asker(&trade.asker));
    put(&mut t, "sells", trade.sells);
    let stalls = match trade.stalls {
        Stall::Silent => Value::String(SILENTLY.into()),
        other => Value::Boolean(other == Stall::Choke),
    };
    put(&mut t, "stalls", stalls);
    put(&mut t, "bans_others", trade.bans_others);
    put(&mut t, "unpaid_ban_s", span(trade.unpaid_ban));
    put(&mut t, "bans_payers", number(trade.bans_payers));
    put(&mut t, "withdraws_at_btt", btt_or_never(trade.withdraws_at));
    let elastic = match &trade.stayer {
        StayerSpec::Elastic(elastic) => *elastic,
        // Files know no other.
        StayerSpec::Unmoved | StayerSpec::Custom(_) => UNMOVED,
    };
    put(&mut t, "elasticity", number(f64_of(elastic.elasticity_percent) / 100.0));
    put(&mut t, "reference_usd_per_hour", usd(elastic.reference_per_hour));
    put(&mut t, "most_stay_s", span(elastic.most));
    put(&mut t, "crowding_out", number(f64_of(elastic.crowding_percent) / 100.0));
    put(&mut t, "hour_worth_usd", usd(trade.hour_worth));
    put(&mut t, "hour_cost_usd", usd(trade.hour_cost));
    put(&mut t, "gib_cost_usd", usd(trade.gib_cost));
    t
}

fn btt_or_never(amount: Option<MicroBtt>) -> Value {
    amount.map_or(Value::String("never".into()), btt)
}

fn bidder(spec: &BidderSpec) -> Value {
    match spec {
        BidderSpec::Auto(AutoBid { spending_percent, repost_percent, insolvency }) => {
            let rule = numbers(&[
                ("spending_percent", percent(*spending_percent)),
                ("repost_percent", percent(*repost_percent)),
                ("insolvency", word(&INSOLVENCIES, |i| i == insolvency)),
            ]);
            way("auto", rule)
        }
        BidderSpec::Fixed(bid) => way("fixed_btt_per_gib", price(*bid)),
        BidderSpec::Valuation(rule) => {
            let rule = numbers(&[
                ("btt_per_hour", btt(rule.per_hour)),
                ("repost_percent", percent(rule.repost_percent)),
            ]);
            way("valuation", rule)
        }
        BidderSpec::Shill(rule) => {
            let rule = numbers(&[
                ("start_btt_per_gib", price(rule.start)),
                ("step_percent", percent(rule.step_percent)),
            ]);
            way("shill", rule)
        }
        BidderSpec::Never | BidderSpec::Hoarder | BidderSpec::Custom(_) => {
            Value::String(spec.name())
        }
    }
}

fn asker(spec: &AskerSpec) -> Value {
    match spec {
        AskerSpec::Reserve(reserve) => way("reserve_btt_per_gib", price(*reserve)),
        AskerSpec::Cost(per_gib) => way("cost_usd_per_gib", usd(*per_gib)),
        AskerSpec::Tatonnement(rule) => {
            let rule = numbers(&[
                ("start_btt_per_gib", price(rule.reserve())),
                ("step_percent", percent(rule.step_percent())),
            ]);
            way("tatonnement", rule)
        }
        AskerSpec::Free | AskerSpec::Withhold | AskerSpec::Custom(_) => Value::String(spec.name()),
    }
}
