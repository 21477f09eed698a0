//! A plan as a scenario file that leaves nothing open: what a manifest holds and a hash covers.
//!
//! Law: loading the resolved table gives the same plan, bit for bit. CSV files are written out.

mod money;

use super::catalogue;
use super::file::AUDITS;
use super::protocol::{
    CONNECT_ORDERS, END_GAMES, OPTIMISTIC_ORDERS, ORDERS, RANKS, SEED_CHOKERS, TIES,
};
use super::trade::ordinary;
use crate::swarm::plan::{
    Arrivals, Catalogue, Choking, ClassPlan, Demand, DownloadDist, Messages, Overhead, Overlay,
    Plan, Protocol, RateDist, Requests, Role, SeedChoker, Slots, Stay, TorrentPlan,
};
use crate::units::{ByteRate, SimTime, Span, f64_of, floor_u64};
use toml::{Table, Value};

/// The plan as a person would write it, every default included.
pub(super) fn resolve(plan: &Plan) -> Table {
    let common = plan.classes.first().map(|c| c.protocol.clone());
    let nobody = money::trade(&ordinary());
    let mut classes = Table::new();
    for class in &plan.classes {
        let own = common.as_ref().is_none_or(|c| **c != *class.protocol);
        let mut t = class_table(class, own);
        if plan.catalogue.is_some() && class.role == Role::Leecher {
            put(&mut t, "demand", demand(class.demand.as_ref()));
        }
        // Those that have nothing to do with money, as all without an economy, do not speak of it.
        let trade = money::trade(&class.trade);
        if trade != nobody {
            put(&mut t, "trade", trade);
        }
        classes.insert(class.name.clone(), Value::Table(t));
    }
    let mut t = Table::new();
    put(&mut t, "size_bytes", number(plan.content.as_f64()));
    put(&mut t, "piece_kib", number(plan.piece.as_f64() / 1024.0));
    put(&mut t, "horizon_s", time(plan.horizon));
    put(&mut t, "until_horizon", plan.until_horizon);
    put(&mut t, "sample_s", span(plan.sample));
    put(&mut t, "audit", word(&AUDITS, |a| *a == plan.audit));
    if let Some(all) = &plan.catalogue {
        put(&mut t, "catalogue", torrents(all));
    }
    if let Some(economy) = &plan.economy {
        put(&mut t, "economy", money::economy(economy));
    }
    if let Some(protocol) = common {
        put(&mut t, "protocol", protocol_table(&protocol));
    }
    put(&mut t, "classes", classes);
    t
}

fn put(table: &mut Table, key: &str, value: impl Into<Value>) {
    table.insert(key.to_owned(), value.into());
}

/// `{ key = value }`.
fn way(key: &str, value: impl Into<Value>) -> Value {
    let mut table = Table::new();
    put(&mut table, key, value);
    Value::Table(table)
}

/// A table of numbers.
fn numbers(entries: &[(&str, Value)]) -> Value {
    Value::Table(entries.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect())
}

/// Whole numbers without a point, as a person writes them.
fn number(x: f64) -> Value {
    let whole = floor_u64(x);
    match i64::try_from(whole) {
        Ok(int) if f64_of(whole) == x && x < 9e15 => Value::Integer(int),
        _ => Value::Float(x),
    }
}

fn span(span: Span) -> Value {
    number(span.as_secs())
}

fn time(at: SimTime) -> Value {
    number(at.as_secs())
}

/// The shortest decimal that means this rate.
fn rate(rate: ByteRate) -> Value {
    if rate.is_unlimited() {
        return Value::String("unlimited".into());
    }
    let exact = rate.as_kib_per_s();
    let short = (0..=9)
        .filter_map(|digits| format!("{exact:.digits$}").parse::<f64>().ok())
        .find(|x| ByteRate::from_kib_per_s(*x) == rate);
    number(short.unwrap_or(exact))
}

/// The word of a value.
fn word<T>(words: &[(&str, T)], is: impl Fn(&T) -> bool) -> Value {
    let (word, _) = words.iter().find(|(_, v)| is(v)).expect("every value has its word");
    Value::String((*word).to_owned())
}

fn list<T>(items: &[T], write: impl Fn(&T) -> Value) -> Value {
    Value::Array(items.iter().map(write).collect())
}

fn class_table(class: &ClassPlan, own_protocol: bool) -> Table {
    let mut t = Table::new();
    put(&mut t, "role", class.role.name());
    match &class.arrivals {
        Arrivals::AtOnce { count, at, spread } => {
            put(&mut t, "count", i64::from(*count));
            let window = numbers(&[("at_s", time(*at)), ("spread_s", span(*spread))]);
            put(&mut t, "arrivals", way("at_once", window));
        }
        Arrivals::Poisson { per_s, from, until } => {
            let process = numbers(&[
                ("per_s", number(*per_s)),
                ("from_s", time(*from)),
                ("until_s", time(*until)),
            ]);
            put(&mut t, "arrivals", way("poisson", process));
        }
        Arrivals::Decaying { per_s, tau, from, until } => {
            let process = numbers(&[
                ("per_s", number(*per_s)),
                ("tau_s", span(*tau)),
                ("from_s", time(*from)),
                ("until_s", time(*until)),
            ]);
            put(&mut t, "arrivals", way("decaying", process));
        }
        Arrivals::At(times) => {
            put(&mut t, "arrivals", way("at_s", list(times, |at| time(*at))));
        }
        Arrivals::Around { times, spread } => {
            let mut around = Table::new();
            put(&mut around, "at_s", list(times, |at| time(*at)));
            put(&mut around, "spread_s", span(*spread));
            put(&mut t, "arrivals", way("around", around));
        }
    }
    put(&mut t, "upload_kib_per_s", rates(&class.upload));
    let download = match &class.download {
        DownloadDist::Rate(dist) => rates(dist),
        DownloadDist::TimesUpload(factor) => way("times_upload", number(*factor)),
    };
    put(&mut t, "download_kib_per_s", download);
    put(&mut t, "upload_share", number(class.upload_share));
    put(&mut t, "stay", stay(&class.stay));
    if class.role == Role::Leecher {
        let patience = class.patience.map_or(Value::String("never".into()), span);
        put(&mut t, "patience_s", patience);
        put(&mut t, "choker", class.choker.name());
    }
    put(&mut t, "super_seed", class.super_seed);
    if !class.addresses.is_empty() {
        put(&mut t, "addresses", list(&class.addresses, |a| Value::String(a.to_string())));
    }
    if own_protocol {
        put(&mut t, "protocol", protocol_table(&class.protocol));
    }
    t
}

fn torrents(all: &Catalogue) -> Table {
    let mut t = Table::new();
    let row = |torrent: &TorrentPlan| Value::Array(catalogue::row(torrent).map(number).to_vec());
    put(&mut t, "each", list(&all.torrents, row));
    put(&mut t, "again", all.again);
    put(&mut t, "fading_s", all.fading.map_or(Value::String("never".into()), span));
    t
}

fn demand(demand: Option<&Demand>) -> Table {
    let mut t = Table::new();
    let Some(demand) = demand else {
        put(&mut t, "every_s", "once");
        return t;
    };
    put(&mut t, "every_s", span(demand.gap));
    put(&mut t, "parallel", i64::from(demand.parallel));
    if let Some(sessions) = demand.sessions {
        put(&mut t, "online_s", span(sessions.online));
        put(&mut t, "offline_s", span(sessions.offline));
    }
    t
}

fn rates(dist: &RateDist) -> Value {
    let two = |a: (&str, f64), b: (&str, f64)| numbers(&[(a.0, number(a.1)), (b.0, number(b.1))]);
    match dist {
        RateDist::Fixed(fixed) => rate(*fixed),
        RateDist::Uniform { low, high } => way("uniform", two(("low", *low), ("high", *high))),
        RateDist::LogNormal { median, sigma } => {
            way("log_normal", two(("median", *median), ("sigma", *sigma)))
        }
        RateDist::Pareto { minimum, shape } => {
            way("pareto", two(("minimum", *minimum), ("shape", *shape)))
        }
        RateDist::Empirical(points) => {
            way("cdf", list(points, |(q, r)| Value::Array(vec![number(*q), number(*r)])))
        }
        RateDist::PerPeer(rates) => way("each", list(rates, |r| rate(*r))),
    }
}

fn stay(rule: &Stay) -> Value {
    match rule {
        Stay::Leave => Value::String("leave".into()),
        Stay::Forever => Value::String("forever".into()),
        Stay::Linger(time) => way("linger_s", span(*time)),
        Stay::LingerExp(mean) => way("linger_exp_s", span(*mean)),
        Stay::UntilRatio(ratio) => way("until_ratio", number(*ratio)),
        Stay::AfterCopies(copies) => way("after_copies", number(*copies)),
        Stay::PerPeer(rules) => way("each", list(rules, stay)),
    }
}

fn protocol_table(p: &Protocol) -> Table {
    let mut t = Table::new();
    put(&mut t, "latency_ms", number(f64_of(p.latency.0) / 1e6));
    let overhead = match p.overhead {
        Overhead::None => Value::String("none".into()),
        Overhead::Factor(factor) => way("factor", number(factor)),
        Overhead::TcpIp => Value::String("tcp-ip".into()),
    };
    put(&mut t, "overhead", overhead);
    put(&mut t, "messages", messages(p.messages));
    put(&mut t, "overlay", overlay(&p.overlay));
    put(&mut t, "choking", choking(&p.choking));
    put(&mut t, "requests", requests(&p.requests));
    t
}

fn messages(m: Messages) -> Value {
    let Messages::InTurn(rules) = m else { return Value::String("at-once".into()) };
    let numbers = numbers(&[
        ("tick_s", span(rules.tick)),
        ("buffer_kib", number(rules.buffer.as_f64() / 1024.0)),
        ("buffer_s", span(rules.buffer_span)),
        ("rate_s", span(rules.rate_span)),
        ("grace_s", span(rules.grace)),
        ("reconnect_s", span(rules.reconnect)),
    ]);
    way("in_turn", numbers)
}

fn overlay(o: &Overlay) -> Table {
    let mut t = Table::new();
    put(&mut t, "numwant", i64::from(o.numwant));
    put(&mut t, "announce_s", span(o.announce));
    put(&mut t, "rerequest_s", span(o.rerequest));
    put(&mut t, "min_neighbours", i64::from(o.min_neighbours));
    put(&mut t, "max_neighbours", i64::from(o.max_neighbours));
    put(&mut t, "max_initiate", i64::from(o.max_initiate));
    put(&mut t, "connect_delay_s", span(o.connect_delay));
    put(&mut t, "either_connects", o.either_connects);
    put(&mut t, "connect_order", word(&CONNECT_ORDERS, |order| *order == o.connect_order));
    t
}

fn choking(c: &Choking) -> Table {
    let mut t = Table::new();
    put(&mut t, "rechoke_s", span(c.rechoke));
    put(&mut t, "optimistic_s", span(c.optimistic));
    put(&mut t, "optimistic_clock", c.optimistic_clock);
    put(&mut t, "optimistic_ahead_s", span(c.optimistic_ahead));
    put(&mut t, "random_phase", c.random_phase);
    let slots = match c.slots {
        Slots::Fixed(n) => Value::Integer(i64::from(n)),
        Slots::Auto => Value::String("auto".into()),
        Slots::All => Value::String("all".into()),
    };
    put(&mut t, "slots", slots);
    put(&mut t, "optimistic_slots", i64::from(c.optimistic_slots));
    put(&mut t, "min_uploads", i64::from(c.min_uploads));
    put(&mut t, "optimistic_order", word(&OPTIMISTIC_ORDERS, |o| *o == c.optimistic_order));
    put(&mut t, "ties", word(&TIES, |ties| *ties == c.ties));
    put(&mut t, "new_peer_weight", i64::from(c.new_peer_weight));
    put(&mut t, "rank", word(&RANKS, |r| *r == c.rank));
    put(&mut t, "unchoke_on_interest", c.unchoke_on_interest);
    put(&mut t, "choke_on_lost_interest", c.choke_on_lost_interest);
    put(&mut t, "refill_s", c.refill.map_or(Value::String("next-round".into()), span));
    put(&mut t, "snub_s", c.snub.map_or(Value::String("off".into()), span));
    let seed = match c.seed {
        SeedChoker::RoundRobin { quota_pieces, tenure } => {
            let quota = Value::Integer(i64::from(quota_pieces));
            way("round_robin", numbers(&[("quota_pieces", quota), ("tenure_s", span(tenure))]))
        }
        other => word(&SEED_CHOKERS, |s| *s == other),
    };
    put(&mut t, "seed_choker", seed);
    t
}

fn requests(r: &Requests) -> Table {
    let mut t = Table::new();
    put(&mut t, "order", word(&ORDERS, |o| *o == r.order));
    put(&mut t, "random_first", i64::from(r.random_first));
    put(&mut t, "strict_priority", r.strict_priority);
    put(&mut t, "seed_started_list", r.seed_started_list);
    put(&mut t, "whole_piece_s", span(r.whole_piece));
    put(&mut t, "contiguous", r.contiguous);
    put(&mut t, "queue_s", span(r.queue_span));
    put(&mut t, "queue_base", i64::from(r.queue_base));
    put(&mut t, "queue_min", i64::from(r.queue_min));
    put(&mut t, "queue_max", i64::from(r.queue_max));
    put(&mut t, "queue_start", i64::from(r.queue_start));
    put(&mut t, "retry_s", span(r.retry));
    put(&mut t, "timeout_s", span(r.timeout));
    put(&mut t, "end_game", word(&END_GAMES, |e| *e == r.end_game));
    t
}
