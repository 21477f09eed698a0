//! A scenario file as written: a mirror of its tables, with places instead of types lost.
//!
//! Law: every key of docs/scenario.md is read here, in `protocol` or in `choices`, and no other.

use super::catalogue;
use super::check::{MAX_COUNT, MAX_S, PERIOD_S, Range, TIME_S, Table, name_is_good};
use super::choices::{Coming, Staying, addresses, coming, download, staying, upload};
use super::economy::{self, Money};
use super::fault::{Check, Place};
use super::node::{Entry, Node};
use super::presets;
use super::protocol::{apply, cross_check, span_or};
use super::rows::{self, Person};
use super::trade;
use crate::policy::choke::ChokerSpec;
use crate::swarm::plan::economy::Trade;
use crate::swarm::plan::{Audit, Catalogue, Demand, DownloadDist, Protocol, RateDist, Role};
use crate::units::{Bytes, SimTime, Span, floor_u64};
use std::net::Ipv4Addr;

/// One arm of a file.
#[derive(Debug)]
pub(super) struct File {
    pub content: Option<Bytes>,
    pub piece: Bytes,
    pub horizon: SimTime,
    pub until_horizon: bool,
    pub sample: Span,
    pub audit: Audit,
    pub catalogue: Option<Catalogue>,
    pub money: Money,
    pub population: Population,
    pub classes: Vec<Class>,
    /// One peer per row of `population_csv`.
    pub people: Vec<Person>,
    /// Whether a `population_csv` is named, readable or not.
    pub has_csv: bool,
    /// What peers of `population_csv` without a class table of their own run.
    pub protocol: Protocol,
    /// Their demand, with a catalogue, and their part in the economy.
    pub demand: Option<Demand>,
    pub trade: Trade,
    /// Whether any table says who has the token's client.
    pub has_adoption: bool,
    /// Where to point when something is missing.
    pub place: Place,
}

/// `[population]`: what classes with a share divide among them.
#[derive(Debug, Default)]
pub(super) struct Population {
    pub leechers: Option<(u32, Place)>,
    pub arrivals: Option<(Coming, Place)>,
    /// Whether `arrivals` is written, good or not.
    pub has_arrivals: bool,
    pub arrival_spread: Option<(Span, Place)>,
}

/// `[classes.NAME]`.
#[derive(Debug)]
pub(super) struct Class {
    pub name: String,
    pub place: Place,
    /// Keys that say who the peers are, as opposed to how they behave.
    pub who: Vec<(&'static str, Place)>,
    pub role: Role,
    pub count: Option<(u32, Place)>,
    pub share: Option<(f64, Place)>,
    pub arrivals: Option<(Coming, Place)>,
    pub has_arrivals: bool,
    pub upload: Option<RateDist>,
    pub download: Option<DownloadDist>,
    pub upload_share: f64,
    pub stay: Option<Staying>,
    pub patience: Option<Span>,
    pub choker: ChokerSpec,
    pub super_seed: bool,
    pub addresses: Vec<Ipv4Addr>,
    pub demand: Option<Demand>,
    pub trade: Trade,
    pub protocol: Protocol,
}

/// Words of `choker`.
pub(super) const CHOKERS: [(&str, ChokerSpec); 6] = [
    ("tit-for-tat", ChokerSpec::TitForTat),
    ("equal-turns", ChokerSpec::EqualTurns),
    ("never", ChokerSpec::Never),
    ("bittyrant", ChokerSpec::BitTyrant),
    ("propshare", ChokerSpec::PropShare),
    ("fairtorrent", ChokerSpec::FairTorrent),
];
/// Words of `audit`.
pub(super) const AUDITS: [(&str, Audit); 3] =
    [("end", Audit::End), ("every-sample", Audit::EverySample), ("every-event", Audit::EveryEvent)];
/// Words of `role`.
const ROLES: [(&str, Role); 2] = [("leecher", Role::Leecher), ("seeder", Role::Seeder)];
/// Keys of a class that `population_csv` answers.
const WHO: [&str; 8] = [
    "role",
    "count",
    "share",
    "arrivals",
    "upload_kib_per_s",
    "download_kib_per_s",
    "stay",
    "addresses",
];
/// Keys that hold for the whole file and are read by `mod.rs`.
pub(super) const WHOLE_FILE: [&str; 5] = ["seed", "replicates", "baseline", "recorded_csv", "arms"];
/// Pieces a torrent can have.
pub(super) const MAX_PIECES: u64 = 65_534;

/// Reads one arm: the file with the arm's overrides laid on top.
pub(super) fn read(check: &mut Check, root: &Node) -> File {
    let mut t = Table::open(check, root, &root.place, "");
    for key in WHOLE_FILE {
        t.get(key);
    }
    let (mut content, piece) = content(check, &mut t, root);
    let horizon = horizon(check, &mut t);
    let until_horizon = t.flag(check, "until_horizon").unwrap_or(false);
    let sample_s = t.number(check, "sample_s", PERIOD_S).unwrap_or(10.0);
    let audit = t.word(check, "audit", &AUDITS).unwrap_or(Audit::End);
    let table = t.table(check, "catalogue");
    let has_catalogue = table.is_some();
    let catalogue = catalogue::catalogue(check, table, (content, piece));
    if content.is_none() {
        content = catalogue.as_ref().and_then(|c| c.torrents.first()).map(|t| t.content);
    }
    let table = t.table(check, "economy");
    let money = economy::economy(check, table, horizon);
    let csv = t.get("population_csv");
    let people = csv.and_then(|node| rows::population(check, node)).unwrap_or_default();
    let table = t.table(check, "population");
    let population = population(check, table, horizon);
    let protocol = protocol(check, root, None, false);
    t.get("protocol");
    let file_demand = t.table(check, "demand");
    check_demand(check, file_demand.as_ref(), has_catalogue);
    let demand = demand(check, root, None, has_catalogue);
    t.get("trade");
    let trade = trade(check, root, None);
    let mut classes = Vec::new();
    if let Some(node) = t.get("classes") {
        drop(t.table(check, "classes"));
        for entry in node.entries() {
            if !name_is_good(&entry.key) {
                let message = format!("`{}` cannot be the name of a class", entry.key);
                check.fault(&entry.place, message, "use letters, digits, `_` and `-`");
            }
            // Of a population that could not be read any class may be.
            let from_csv =
                people.iter().any(|p| p.class == entry.key) || (csv.is_some() && people.is_empty());
            let mut read = class(check, entry, root, horizon, from_csv);
            read.choker = money.choker(read.role, read.choker);
            classes.push(read);
        }
    } else if csv.is_none() {
        let help = "write a `[classes.NAME]` table per kind of peer, or name a `population_csv`";
        check.missing(&root.place, "the file has no peers", help);
    }
    t.close(check);
    File {
        content,
        piece,
        horizon,
        until_horizon,
        sample: Span::from_secs(sample_s),
        audit,
        catalogue,
        money,
        population,
        classes,
        people,
        has_csv: csv.is_some(),
        protocol,
        demand,
        trade,
        has_adoption: has_adoption(root),
        place: root.place.clone(),
    }
}

/// Size of the content and of a piece.
fn content(check: &mut Check, t: &mut Table<'_>, root: &Node) -> (Option<Bytes>, Bytes) {
    let units = [("size_mib", 1_048_576.0), ("size_kib", 1024.0), ("size_bytes", 1.0)];
    let written: Vec<&str> = units.iter().map(|(k, _)| *k).filter(|k| t.has(k)).collect();
    // Listed torrents bring their own sizes.
    let is_listed = root
        .get("catalogue")
        .is_some_and(|c| catalogue::WAYS[1..].iter().any(|key| c.get(key).is_some()));
    if written.is_empty() && !is_listed {
        let help = "write `size_mib = 64`, or the same in `size_kib` or `size_bytes`";
        check.missing(t.place(), "the size of the content is missing", help);
    }
    for key in written.iter().skip(1) {
        let message = format!("both `{}` and `{key}` are written", written[0]);
        check.fault(&t.place_of(key), message, "keep one of them");
    }
    let mut content = None;
    for (key, unit) in units {
        let range = Range::above(0.0, 17_592_186_044_416.0 / unit, "64");
        if let Some(size) = t.number(check, key, range) {
            content = Some(Bytes(floor_u64(size * unit + 0.5)));
        }
    }
    let piece_range = Range::from(16.0, 1_048_576.0, "256");
    let kib = t.number(check, "piece_kib", piece_range).unwrap_or(256.0);
    if kib % 16.0 != 0.0 {
        let message = format!("`piece_kib` is {kib}, not a multiple of 16");
        let help = "a piece is made of 16 KiB blocks: write 16, 32, 64, 128, 256 …";
        check.fault(&t.place_of("piece_kib"), message, help);
    }
    let piece = Bytes::from_kib(floor_u64(kib));
    if let Some(size) = content
        && size.0.div_ceil(piece.0) > MAX_PIECES
    {
        let message = format!(
            "the content has {} pieces; at most {MAX_PIECES} are possible",
            size.0.div_ceil(piece.0)
        );
        let least = size.0.div_ceil(MAX_PIECES).div_ceil(16 * 1024) * 16;
        let key = if t.has("piece_kib") { "piece_kib" } else { written[0] };
        check.fault(&t.place_of(key), message, format!("write `piece_kib = {least}` or more"));
    }
    (content, piece)
}

fn horizon(check: &mut Check, t: &mut Table<'_>) -> SimTime {
    if !t.has("horizon_s") {
        let help = "write when the run ends at the latest, for example `horizon_s = 7200`";
        check.missing(t.place(), "`horizon_s` is missing", help);
    }
    let range = Range::above(0.0, MAX_S, "7200");
    t.number(check, "horizon_s", range).map_or(SimTime::NEVER, SimTime::from_secs)
}

fn population(check: &mut Check, t: Option<Table<'_>>, horizon: SimTime) -> Population {
    let Some(mut t) = t else { return Population::default() };
    let range = Range::from(1.0, MAX_COUNT, "100");
    let leechers = t.whole(check, "leechers", range).map(|n| (n, t.place_of("leechers")));
    let arrivals = t.get("arrivals").and_then(|n| {
        let found = coming(check, n, horizon)?;
        Some((found, n.place.clone()))
    });
    let spread = t
        .number(check, "arrival_spread_s", TIME_S)
        .map(|s| (Span::from_secs(s), t.place_of("arrival_spread_s")));
    let has_arrivals = t.has("arrivals");
    t.close(check);
    Population { leechers, arrivals, has_arrivals, arrival_spread: spread }
}

/// The protocol of a class: its preset, the file's overrides, large view, its own overrides.
fn protocol(
    check: &mut Check,
    root: &Node,
    class: Option<(&Node, &str)>,
    large_view: bool,
) -> Protocol {
    let tables = [
        root.entry("protocol").map(|e| (e, "protocol".to_owned())),
        class.and_then(|(node, name)| {
            node.entry("protocol").map(|e| (e, format!("classes.{name}.protocol")))
        }),
    ];
    let known: [(&'static str, &str); 2] = presets::PRESETS.map(|p| (p, p));
    let mut preset = presets::PRESETS[0];
    for (entry, path) in tables.iter().flatten() {
        let mut t = Table::open(check, &entry.node, &entry.place, path);
        preset = t.word(check, "preset", &known).unwrap_or(preset);
    }
    let mut protocol = presets::by_name(preset).expect("every word of `preset` has a preset");
    for (i, table) in tables.iter().enumerate() {
        if i == 1 && large_view {
            presets::large_view(&mut protocol.overlay);
        }
        let Some((entry, path)) = table else { continue };
        let t = Table::open(check, &entry.node, &entry.place, path);
        apply(check, Some(t), &mut protocol);
    }
    let nodes: Vec<Option<&Node>> =
        tables.iter().map(|t| t.as_ref().map(|(e, _)| &e.node)).collect();
    cross_check(check, &nodes, &protocol, class.map_or(root, |(node, _)| node));
    protocol
}

/// The tables called `key` that hold for a class: the file's, and its own.
fn layers<'a>(
    check: &mut Check,
    root: &'a Node,
    class: Option<(&'a Node, &str)>,
    key: &str,
) -> Vec<Table<'a>> {
    let of_file = root.entry(key).map(|e| (e, key.to_owned()));
    let of_class = class
        .and_then(|(node, name)| node.entry(key).map(|e| (e, format!("classes.{name}.{key}"))));
    let entries = [of_file, of_class].into_iter().flatten();
    entries.map(|(e, path)| Table::open(check, &e.node, &e.place, &path)).collect()
}

/// What the users of a class ask for, if they do.
fn demand(
    check: &mut Check,
    root: &Node,
    class: Option<(&Node, &str)>,
    wants: bool,
) -> Option<Demand> {
    let tables = layers(check, root, class, "demand");
    catalogue::demand(check, tables).filter(|_| wants)
}

/// What the users of a class ask for; its own table may say so.
fn class_demand(
    check: &mut Check,
    t: &mut Table<'_>,
    root: &Node,
    class: (&Node, &str),
    role: Role,
) -> Option<Demand> {
    let own = t.table(check, "demand");
    let has_catalogue = root.get("catalogue").is_some();
    check_demand(check, own.as_ref(), has_catalogue);
    if let (Some(table), Role::Seeder) = (&own, role) {
        let help = "remove it; the users of this class publish the torrents in turn";
        check.fault(table.place(), "a seeder asks for nothing", help);
    }
    demand(check, root, Some(class), has_catalogue && role == Role::Leecher)
}

/// Demand is for something to choose from.
fn check_demand(check: &mut Check, table: Option<&Table<'_>>, has_catalogue: bool) {
    if let Some(table) = table.filter(|_| !has_catalogue) {
        let help = "write `[catalogue]` with `torrents = 120`, or remove it";
        check.fault(table.place(), "`demand` is for a catalogue, and there is none", help);
    }
}

/// The part of a class in the economy.
fn trade(check: &mut Check, root: &Node, class: Option<(&Node, &str)>) -> Trade {
    let tables = layers(check, root, class, "trade");
    trade::trade(check, tables)
}

/// Whether the file or a class says who has the token's client.
fn has_adoption(root: &Node) -> bool {
    let says = |node: &Node| node.at(&["trade", "adoption"]).is_some();
    let classes = root.get("classes").map(Node::entries).unwrap_or_default();
    says(root) || classes.iter().any(|class| says(&class.node))
}

/// Reads one class.
fn class(check: &mut Check, entry: &Entry, root: &Node, horizon: SimTime, from_csv: bool) -> Class {
    let name = entry.key.clone();
    let mut t = Table::open(check, &entry.node, &entry.place, &format!("classes.{name}"));
    let who = WHO.iter().filter(|k| t.has(k)).map(|k| (*k, t.place_of(k))).collect();
    let role = t.word(check, "role", &ROLES).unwrap_or(Role::Leecher);
    let count = t
        .whole(check, "count", Range::from(0.0, MAX_COUNT, "20"))
        .map(|n| (n, t.place_of("count")));
    let share =
        t.number(check, "share", Range::from(0.0, 1.0, "0.5")).map(|s| (s, t.place_of("share")));
    let has_arrivals = t.has("arrivals");
    let arrivals = t.get("arrivals").and_then(|n| {
        let found = coming(check, n, horizon)?;
        Some((found, n.place.clone()))
    });
    let up = t.get("upload_kib_per_s");
    if up.is_none() && !from_csv {
        let message = format!("`{}` is missing", t.name_of("upload_kib_per_s"));
        check.missing(t.place(), message, "write it, for example `upload_kib_per_s = 100`");
    }
    let upload = up.and_then(|n| upload(check, n));
    let download = match t.get("download_kib_per_s") {
        Some(n) => download(check, n),
        None => Some(DownloadDist::Rate(RateDist::Fixed(crate::units::ByteRate::UNLIMITED))),
    };
    let share_range = Range::above(0.0, 1.0, "0.2");
    let upload_share = t.number(check, "upload_share", share_range).unwrap_or(1.0);
    let stay = match t.get("stay") {
        Some(n) => staying(check, n, role),
        None => Some(Staying::Rule(default_stay(role))),
    };
    let patience = patience(check, &mut t, role);
    let choker = t.word(check, "choker", &CHOKERS);
    if choker.is_some() && role == Role::Seeder {
        check.warn(format!(
            "class `{name}`: `choker` has no effect on a seeder; its rule is \
             `protocol.choking.seed_choker`"
        ));
    }
    let large_view = t.flag(check, "large_view").unwrap_or(false);
    let super_seed = t.flag(check, "super_seed").unwrap_or(false);
    let addresses = t.get("addresses").and_then(|n| addresses(check, n)).unwrap_or_default();
    t.get("protocol");
    let protocol = protocol(check, root, Some((&entry.node, &name)), large_view);
    let demand = class_demand(check, &mut t, root, (&entry.node, &name), role);
    t.get("trade");
    let trade = trade(check, root, Some((&entry.node, &name)));
    let place = t.place().clone();
    t.close(check);
    Class {
        name,
        place,
        who,
        role,
        count,
        share,
        arrivals,
        has_arrivals,
        upload,
        download,
        upload_share,
        stay,
        patience,
        choker: choker.unwrap_or(ChokerSpec::TitForTat),
        super_seed,
        addresses,
        demand,
        trade,
        protocol,
    }
}

/// What a peer does that says nothing: a leecher leaves when done, an origin stays.
fn default_stay(role: Role) -> crate::swarm::plan::Stay {
    match role {
        Role::Leecher => crate::swarm::plan::Stay::Leave,
        Role::Seeder => crate::swarm::plan::Stay::Forever,
    }
}

fn patience(check: &mut Check, t: &mut Table<'_>, role: Role) -> Option<Span> {
    let node = t.get("patience_s")?;
    if role == Role::Seeder {
        let help = "remove it; when a seeder leaves is said by `stay`";
        check.fault(&node.place, "`patience_s` does not apply to a seeder", help);
        return None;
    }
    let mut patience = None;
    span_or(check, node, "patience_s", (PERIOD_S, "never"), &mut patience);
    patience
}
