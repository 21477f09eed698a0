//! `[protocol]` tables: overrides laid on a preset, one key at a time.

use super::check::{PERIOD_S, Range, TIME_S, Table, number, variant, whole, word, word_or};
use super::fault::Check;
use super::node::{Node, Value};
use super::presets::IN_TURN;
use crate::policy::pick::PickOrder;
use crate::swarm::plan::{
    Choking, ConnectOrder, EndGame, Messages, OptimisticOrder, Overhead, Overlay, Protocol, RankBy,
    Requests, SeedChoker, Slots, TieOrder,
};
use crate::units::{Bytes, Span};

/// Words of `optimistic_order`.
pub(super) const OPTIMISTIC_ORDERS: [(&str, OptimisticOrder); 2] =
    [("longest-waiting", OptimisticOrder::LongestWaiting), ("random", OptimisticOrder::Random)];
/// Words of `ties`.
pub(super) const TIES: [(&str, TieOrder); 2] =
    [("by-chance", TieOrder::ByChance), ("in-order", TieOrder::InOrder)];
/// Words of `connect_order`.
pub(super) const CONNECT_ORDERS: [(&str, ConnectOrder); 2] =
    [("as-told", ConnectOrder::AsTold), ("canonical", ConnectOrder::Canonical)];
/// Words of `rank`.
pub(super) const RANKS: [(&str, RankBy); 2] =
    [("two-rounds", RankBy::TwoRounds), ("last-round", RankBy::LastRound)];
/// Words of `seed_choker`; "round-robin" also has a table with its two numbers.
pub(super) const SEED_CHOKERS: [(&str, SeedChoker); 5] = [
    ("round-robin", ROUND_ROBIN),
    ("most-recent", SeedChoker::MostRecent),
    ("fastest-upload", SeedChoker::FastestUpload),
    ("anti-leech", SeedChoker::AntiLeech),
    ("random", SeedChoker::Random),
];
/// Words of `messages`; "in-turn" also has a table with its numbers.
pub(super) const MESSAGES: [(&str, Messages); 2] =
    [("at-once", Messages::AtOnce), ("in-turn", Messages::InTurn(IN_TURN))];
/// Words of `order`.
pub(super) const ORDERS: [(&str, PickOrder); 4] = [
    ("rarest-first", PickOrder::RarestFirst),
    ("random", PickOrder::Random),
    ("sequential", PickOrder::Sequential),
    ("swarm-rarest", PickOrder::SwarmRarest),
];
/// Words of `end_game`.
pub(super) const END_GAMES: [(&str, EndGame); 3] =
    [("shared", EndGame::Shared), ("strict", EndGame::Strict), ("off", EndGame::Off)];

/// libtorrent's `seeding_piece_quota` and its one minute.
const ROUND_ROBIN: SeedChoker =
    SeedChoker::RoundRobin { quota_pieces: 20, tenure: Span(60 * crate::units::NS_PER_S) };

/// Neighbours: the engine numbers them in 16 bits.
const NEIGHBOURS: Range = Range::from(1.0, 65_000.0, "80");
/// A number of pieces, blocks or weights that may be zero.
const SOME: Range = Range::from(0.0, 65_534.0, "4");
/// A send buffer.
const BUFFER_KIB: Range = Range::from(0.0, 1e6, "10");
/// A number of slots or blocks that may not be zero.
const ONE_OR_MORE: Range = Range::from(1.0, 65_534.0, "4");

/// Lays the overrides of `table` on `protocol`. The preset itself is chosen by the caller.
pub(super) fn apply(check: &mut Check, table: Option<Table<'_>>, protocol: &mut Protocol) {
    let Some(mut t) = table else { return };
    t.get("preset");
    if let Some(ms) = t.number(check, "latency_ms", Range::from(0.0, 60_000.0, "50")) {
        protocol.latency = Span::from_secs(ms / 1000.0);
    }
    if let Some(node) = t.get("overhead") {
        set(&mut protocol.overhead, overhead(check, node));
    }
    if let Some(node) = t.get("messages") {
        set(&mut protocol.messages, messages(check, node));
    }
    if let Some(overlay) = t.table(check, "overlay") {
        apply_overlay(check, overlay, &mut protocol.overlay);
    }
    if let Some(choking) = t.table(check, "choking") {
        apply_choking(check, choking, &mut protocol.choking);
    }
    if let Some(requests) = t.table(check, "requests") {
        apply_requests(check, requests, &mut protocol.requests);
    }
    t.close(check);
}

/// Replaces what was written.
fn set<T>(target: &mut T, written: Option<T>) {
    if let Some(value) = written {
        *target = value;
    }
}

fn span(check: &mut Check, t: &mut Table<'_>, key: &'static str, range: Range, to: &mut Span) {
    set(to, t.number(check, key, range).map(Span::from_secs));
}

fn count(check: &mut Check, t: &mut Table<'_>, key: &'static str, range: Range, to: &mut u32) {
    set(to, t.whole(check, key, range));
}

fn flag(check: &mut Check, t: &mut Table<'_>, key: &'static str, to: &mut bool) {
    set(to, t.flag(check, key));
}

fn apply_overlay(check: &mut Check, mut t: Table<'_>, o: &mut Overlay) {
    count(check, &mut t, "numwant", NEIGHBOURS, &mut o.numwant);
    span(check, &mut t, "announce_s", PERIOD_S, &mut o.announce);
    span(check, &mut t, "rerequest_s", PERIOD_S, &mut o.rerequest);
    count(check, &mut t, "min_neighbours", SOME, &mut o.min_neighbours);
    count(check, &mut t, "max_neighbours", NEIGHBOURS, &mut o.max_neighbours);
    count(check, &mut t, "max_initiate", SOME, &mut o.max_initiate);
    span(check, &mut t, "connect_delay_s", TIME_S, &mut o.connect_delay);
    flag(check, &mut t, "either_connects", &mut o.either_connects);
    set(&mut o.connect_order, t.word(check, "connect_order", &CONNECT_ORDERS));
    t.close(check);
}

fn apply_choking(check: &mut Check, mut t: Table<'_>, c: &mut Choking) {
    span(check, &mut t, "rechoke_s", PERIOD_S, &mut c.rechoke);
    span(check, &mut t, "optimistic_s", PERIOD_S, &mut c.optimistic);
    flag(check, &mut t, "optimistic_clock", &mut c.optimistic_clock);
    span(check, &mut t, "optimistic_ahead_s", TIME_S, &mut c.optimistic_ahead);
    flag(check, &mut t, "random_phase", &mut c.random_phase);
    if let Some(node) = t.get("slots") {
        set(&mut c.slots, slots(check, node));
    }
    count(check, &mut t, "optimistic_slots", SOME, &mut c.optimistic_slots);
    count(check, &mut t, "min_uploads", SOME, &mut c.min_uploads);
    set(&mut c.optimistic_order, t.word(check, "optimistic_order", &OPTIMISTIC_ORDERS));
    set(&mut c.ties, t.word(check, "ties", &TIES));
    count(check, &mut t, "new_peer_weight", ONE_OR_MORE, &mut c.new_peer_weight);
    set(&mut c.rank, t.word(check, "rank", &RANKS));
    flag(check, &mut t, "unchoke_on_interest", &mut c.unchoke_on_interest);
    flag(check, &mut t, "choke_on_lost_interest", &mut c.choke_on_lost_interest);
    if let Some(node) = t.get("refill_s") {
        span_or(check, node, "refill_s", (TIME_S, "next-round"), &mut c.refill);
    }
    if let Some(node) = t.get("snub_s") {
        span_or(check, node, "snub_s", (PERIOD_S, "off"), &mut c.snub);
    }
    if let Some(node) = t.get("seed_choker") {
        set(&mut c.seed, seed_choker(check, node));
    }
    t.close(check);
}

fn apply_requests(check: &mut Check, mut t: Table<'_>, r: &mut Requests) {
    set(&mut r.order, t.word(check, "order", &ORDERS));
    count(check, &mut t, "random_first", SOME, &mut r.random_first);
    flag(check, &mut t, "strict_priority", &mut r.strict_priority);
    flag(check, &mut t, "seed_started_list", &mut r.seed_started_list);
    span(check, &mut t, "whole_piece_s", TIME_S, &mut r.whole_piece);
    flag(check, &mut t, "contiguous", &mut r.contiguous);
    span(check, &mut t, "queue_s", TIME_S, &mut r.queue_span);
    count(check, &mut t, "queue_base", SOME, &mut r.queue_base);
    count(check, &mut t, "queue_min", ONE_OR_MORE, &mut r.queue_min);
    count(check, &mut t, "queue_max", ONE_OR_MORE, &mut r.queue_max);
    count(check, &mut t, "queue_start", SOME, &mut r.queue_start);
    span(check, &mut t, "retry_s", TIME_S, &mut r.retry);
    span(check, &mut t, "timeout_s", PERIOD_S, &mut r.timeout);
    set(&mut r.end_game, t.word(check, "end_game", &END_GAMES));
    t.close(check);
}

/// A span, or the word for none, written over what was there.
pub(super) fn span_or(
    check: &mut Check,
    node: &Node,
    key: &str,
    (range, none): (Range, &'static str),
    to: &mut Option<Span>,
) {
    if matches!(node.value, Value::Text(_)) {
        set(to, word_or(check, node, key, &[(none, None)], "a number of seconds"));
    } else {
        set(to, number(check, node, key, range).map(|s| Some(Span::from_secs(s))));
    }
}

fn slots(check: &mut Check, node: &Node) -> Option<Slots> {
    if matches!(node.value, Value::Text(_)) {
        let known = [("auto", Slots::Auto), ("all", Slots::All)];
        return word_or(check, node, "slots", &known, "a whole number");
    }
    if let Value::Int(0) = node.value {
        let help = "a peer that never serves is `choker = \"never\"`; one slot is `slots = 1`";
        check.fault(&node.place, "`slots` is 0; it must be at least 1", help);
        return None;
    }
    whole(check, node, "slots", ONE_OR_MORE).map(Slots::Fixed)
}

fn overhead(check: &mut Check, node: &Node) -> Option<Overhead> {
    if matches!(node.value, Value::Table(_)) {
        let (_, inner, _) = variant(check, node, "overhead", &["factor"])?;
        let range = Range::above(0.0, 1.0, "0.96");
        return number(check, inner, "factor", range).map(Overhead::Factor);
    }
    let known = [("none", Overhead::None), ("tcp-ip", Overhead::TcpIp)];
    word_or(check, node, "overhead", &known, "{ factor = 0.96 }")
}

fn messages(check: &mut Check, node: &Node) -> Option<Messages> {
    if !matches!(node.value, Value::Table(_)) {
        return word(check, node, "messages", &MESSAGES);
    }
    let (_, inner, place) = variant(check, node, "messages", &["in_turn"])?;
    let mut rules = IN_TURN;
    let mut t = Table::open(check, inner, &place, "messages.in_turn");
    span(check, &mut t, "tick_s", Range::above(0.0, 1.0, "0.5"), &mut rules.tick);
    if let Some(kib) = t.whole(check, "buffer_kib", BUFFER_KIB) {
        rules.buffer = Bytes::from_kib(u64::from(kib));
    }
    span(check, &mut t, "buffer_s", TIME_S, &mut rules.buffer_span);
    span(check, &mut t, "rate_s", TIME_S, &mut rules.rate_span);
    span(check, &mut t, "grace_s", TIME_S, &mut rules.grace);
    span(check, &mut t, "reconnect_s", TIME_S, &mut rules.reconnect);
    t.close(check);
    Some(Messages::InTurn(rules))
}

fn seed_choker(check: &mut Check, node: &Node) -> Option<SeedChoker> {
    if !matches!(node.value, Value::Table(_)) {
        return word(check, node, "seed_choker", &SEED_CHOKERS);
    }
    let (_, inner, place) = variant(check, node, "seed_choker", &["round_robin"])?;
    let mut t = Table::open(check, inner, &place, "seed_choker.round_robin");
    let quota = t.whole(check, "quota_pieces", SOME).unwrap_or(20);
    let tenure_s = t.number(check, "tenure_s", TIME_S).unwrap_or(60.0);
    t.close(check);
    Some(SeedChoker::RoundRobin { quota_pieces: quota, tenure: Span::from_secs(tenure_s) })
}

/// Faults that only two keys together make; `root` holds the scenario's table, `class` its own.
pub(super) fn cross_check(check: &mut Check, tables: &[Option<&Node>], p: &Protocol, class: &Node) {
    let place = |path: &[&str]| {
        tables.iter().rev().flatten().find_map(|t| t.at(path)).map(|n| n.place.clone())
    };
    let optimistic = place(&["choking", "optimistic_slots"]);
    let at = |found: Option<super::fault::Place>| found.unwrap_or_else(|| class.place.clone());
    if let Slots::Fixed(n) = p.choking.slots
        && p.choking.optimistic_slots >= n
    {
        let message = format!(
            "{} of {n} upload slots are optimistic; at least one must be a regular one",
            p.choking.optimistic_slots
        );
        let help = format!(
            "write `optimistic_slots` below {n}, or `slots` above {}",
            p.choking.optimistic_slots
        );
        check.fault(&at(optimistic.or_else(|| place(&["choking", "slots"]))), message, help);
    }
    let (min, max) = (p.requests.queue_min, p.requests.queue_max);
    if min > max {
        let found = place(&["requests", "queue_min"]).or_else(|| place(&["requests", "queue_max"]));
        let message = format!("`queue_min` is {min}, above `queue_max`, which is {max}");
        check.fault(&at(found), message, format!("write `queue_min` of at most {max}"));
    }
}
