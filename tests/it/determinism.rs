//! Determinism: the same plan and seed give the same run, bit for bit, on any machine, on any
//! number of threads, watched or not.
//!
//! `determinism/golden.txt` holds what six small scenarios came to, two of
//! them with a token. A change of the engine that
//! changes results changes it: `UPDATE_EXPECT=1 cargo test --test it determinism` writes it anew;
//! read the difference, and say in docs/changelog.md what changed, why and by how much.

use crate::laws::{catalogue, money};
use crate::swarms::{self, Diary, class, kib, plan, s};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use swarmecon::ledger::{GatewayRules, ServiceRules, Supply};
use swarmecon::observe::{MoneyRecord, Outcome, Unobserved};
use swarmecon::policy::auction::Format;
use swarmecon::scenario::presets;
use swarmecon::swarm::plan::economy::{ChannelRules, ChannelScope, Economy, Route, Token, Trade};
use swarmecon::swarm::plan::{
    Arrivals, ChokerSpec, ClassPlan, DownloadDist, Overhead, Plan, Protocol, RateDist, Role, Stay,
};
use swarmecon::swarm::run;
use swarmecon::units::{Bytes, MicroBtt, NanoUsd, SimTime};

const GOLDEN: &str = "tests/it/determinism/golden.txt";

/// Thirty leechers behind drawn links, and a seeder.
fn crowd(rules: Protocol) -> Plan {
    let rules = Arc::new(rules);
    let seeder = class(Role::Seeder, 1, kib(150.0), &rules);
    let mut leechers = class(Role::Leecher, 30, kib(0.0), &rules);
    leechers.arrivals = Arrivals::AtOnce { count: 30, at: SimTime::ZERO, spread: s(10.0) };
    leechers.upload = RateDist::LogNormal { median: 60.0, sigma: 0.7 };
    leechers.download = DownloadDist::TimesUpload(4.0);
    let mut plan = plan(Bytes(8_000_001), Bytes::from_kib(128), vec![seeder, leechers]);
    plan.sample = s(20.0);
    plan
}

/// Peers come and go: Poisson arrivals, impatient leechers, seeders that leave.
fn churn() -> Plan {
    let mut plan = crowd(presets::mainline());
    let [seeder, leechers] = plan.classes.as_mut_slice() else { panic!("two classes") };
    seeder.stay = Stay::AfterCopies(6.0);
    let until = SimTime::from_secs(600.0);
    leechers.arrivals = Arrivals::Poisson { per_s: 0.08, from: SimTime::ZERO, until };
    (leechers.stay, leechers.patience) = (Stay::LingerExp(s(60.0)), Some(s(400.0)));
    plan.horizon = SimTime::from_secs(2000.0);
    plan
}

/// Strategic clients and free riders among the honest ones.
fn strategists() -> Plan {
    let mut rules = presets::libtorrent();
    (rules.latency, rules.overhead) = (s(0.05), Overhead::None);
    let mut plan = crowd(rules);
    plan.classes[0].super_seed = true;
    let honest: ClassPlan = plan.classes[1].clone();
    for choker in [
        ChokerSpec::BitTyrant,
        ChokerSpec::PropShare,
        ChokerSpec::FairTorrent,
        ChokerSpec::EqualTurns,
        ChokerSpec::Never,
    ] {
        let arrivals = Arrivals::AtOnce { count: 5, at: SimTime::ZERO, spread: s(10.0) };
        let mut class = ClassPlan { choker, arrivals, ..honest.clone() };
        let mut rules = (*class.protocol).clone();
        if matches!(class.choker, ChokerSpec::Never) {
            presets::large_view(&mut rules.overlay);
        }
        class.protocol = Arc::new(rules);
        plan.classes.push(class);
    }
    plan
}

/// Automatic bids, a slow ledger, money that comes and goes through the gateway, and seeders that
/// stay for it.
fn token_through_the_gateway() -> Plan {
    let gateway = GatewayRules { least_withdrawal: MicroBtt::BTT, ..GatewayRules::default() };
    let house = MicroBtt::from_btt(1e3);
    let base = money::token();
    let supply = Supply { gateway: house, operator: house, outside: house, ..base.supply };
    let service = ServiceRules { latency: s(5.0), ..base.service };
    let token = Token { service, supply, gateway, ..base };
    let trade = Trade {
        bought: MicroBtt::from_btt(20.0),
        route: Route::Gateway,
        withdraws_at: Some(MicroBtt::from_btt(12.0)),
        ..money::stayers(NanoUsd(1_000))
    };
    money::crowd(Some(Economy::Token(Box::new(token))), trade)
}

/// Users with one wallet for several downloads at a time, a channel per pair of them, and payments
/// that get lost.
fn token_in_a_catalogue() -> Plan {
    let mut plan = catalogue::library(40, 300.0, &Arc::new(presets::mainline()));
    let base = money::token();
    let channels = ChannelRules { scope: ChannelScope::Pair, ..base.channels };
    // Few bid for a slot here: by the uniform price all would be for nothing.
    let format = Format::FirstPrice;
    let token = Token { channels, format, payment_loss: 0.1, ..base };
    plan.economy = Some(Economy::Token(Box::new(token)));
    plan.classes.iter_mut().for_each(|class| class.trade = money::users(0.9));
    plan
}

fn scenarios() -> [(&'static str, Plan); 6] {
    [
        ("mainline", crowd(presets::mainline())),
        ("libtorrent", crowd(presets::libtorrent())),
        ("churn", churn()),
        ("strategists", strategists()),
        ("token, gateway", token_through_the_gateway()),
        ("token, catalogue", token_in_a_catalogue()),
    ]
}

/// FNV-1a of what these values are written as.
fn digest(values: impl Iterator<Item = impl Debug>) -> u64 {
    let text = values.map(|value| format!("{value:?};")).collect::<Vec<_>>().concat();
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// What money came to, in a few lines: each wallet, each row and each price to the last digit.
fn of_money(money: &MoneyRecord) -> Vec<String> {
    let wallets = digest(money.wallets.iter().map(|w| {
        let came = (w.class, w.trades, w.gift, w.bought, w.earned, w.sold_bytes);
        let went = (w.spent, w.bought_bytes, w.withdrawn, w.unpaid, w.unpaid_bytes);
        (came, went, w.wallet, w.in_channels, w.on_its_way)
    }));
    let rows = digest(money.samples.iter().map(|row| {
        let bids = (row.bidders, row.highest_bid, row.median_bid, row.usd_per_btt);
        let moved: Vec<_> = row.moved.iter().map(|m| (m.what, m.count, m.ubtt)).collect();
        let held = (row.wallets, row.escrow, row.promo);
        (row.at, row.paid, row.paid_bytes, bids, held, moved)
    }));
    let (c, tally) = (&money.counts, &money.counts.tally);
    let failed = [tally.no_money, tally.waiting, tally.lost, tally.strikes];
    let paid: u64 = money.wallets.iter().map(|w| w.spent.0).sum();
    vec![
        format!("  paid {paid} in {}, bids {}, failed {failed:?}", c.payments, tally.bids_posted),
        format!(
            "  operations {}, deposits {}, withdrawals {}, stayed {}",
            c.ledger_operations, c.deposits, c.withdrawals, c.stayed.0
        ),
        format!("  wallets {wallets:016x}, rows {rows:016x}"),
    ]
}

/// What a run came to, in a few lines.
fn summary(name: &str, outcome: &Outcome) -> String {
    let done = swarms::completions(outcome);
    let ns = |at: Option<&SimTime>| at.map_or_else(|| "never".to_owned(), |at| at.0.to_string());
    let sent: u64 = outcome.peers.iter().map(|p| p.uploaded.0).sum();
    let n_peers = outcome.peers.len();
    let [first, middle, last] = [done.first(), done.get(done.len() / 2), done.last()].map(ns);
    let mut lines = vec![
        name.to_owned(),
        format!("  fingerprint {:016x}", outcome.fingerprint),
        format!("  events {}", outcome.counters.events),
        format!("  peers {n_peers}, completed {}", done.len()),
        format!("  first copy {}", ns(outcome.torrents[0].first_copy.as_ref())),
        format!("  done {first}, {middle}, {last}"),
        format!("  bytes sent {sent}, end {}", outcome.end.0),
    ];
    lines.extend(outcome.money.iter().flat_map(of_money));
    lines.push(String::new());
    lines.join("\n")
}

#[test]
fn golden_runs_are_as_committed() {
    let mut found = String::new();
    for (name, plan) in scenarios() {
        let outcome = run(&plan, 1, &mut Unobserved);
        if plan.catalogue.is_none() {
            swarms::check_laws(&plan, &outcome);
        }
        found.push_str(&summary(name, &outcome));
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(GOLDEN, found).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap();
    assert_eq!(golden, found, "results have changed; the head of this file says what to do");
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_one_does_not() {
    for (name, plan) in scenarios() {
        let [a, b, c] = [1, 1, 2].map(|seed| run(&plan, seed, &mut Unobserved));
        assert_eq!(a, b, "{name}");
        assert_ne!(a.fingerprint, c.fingerprint, "{name}: the seed makes no difference");
        assert_ne!(a.peers, c.peers, "{name}: the seed makes no difference");
    }
}

#[test]
fn who_is_watched_behaves_the_same() {
    for (name, plan) in scenarios() {
        let mut diaries = [Diary::default(), Diary::default()];
        let watched = diaries.each_mut().map(|diary| run(&plan, 3, diary));
        assert_eq!(watched[0], run(&plan, 3, &mut Unobserved), "{name}");
        assert_eq!(watched[0], watched[1], "{name}");
        assert!(!diaries[0].entries.is_empty(), "{name}: nothing was seen");
        assert_eq!(diaries[0], diaries[1], "{name}: two observers see the same");
        if plan.catalogue.is_none() {
            swarms::check_diary(&plan, &watched[0], &diaries[0]);
        }
    }
}

/// How often the world is audited and the timeline sampled changes nobody's fate.
#[test]
fn audits_and_samples_change_nothing() {
    for (name, base) in scenarios() {
        let mut other = base.clone();
        (other.sample, other.audit) = (s(3.0), swarmecon::swarm::plan::Audit::EveryEvent);
        let [a, b] = [base, other].map(|plan| run(&plan, 1, &mut Unobserved));
        assert_eq!(a.peers, b.peers, "{name}");
    }
}

/// Every file of a folder, by name, to the byte.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a results folder") {
        let entry = entry.expect("readable");
        let name = entry.file_name().to_string_lossy().into_owned();
        found.insert(name, std::fs::read(entry.path()).expect("a file"));
    }
    found
}

/// The whole results folder, tables and figures, of a scenario with arms and replicates.
#[test]
fn threads_change_no_byte_of_the_results() {
    let scenario = "# do free riders wait?\nsize_mib = 4\npiece_kib = 64\nhorizon_s = 4000\n\
        seed = 5\nreplicates = 4\n[classes.seed]\nrole = \"seeder\"\ncount = 1\n\
        upload_kib_per_s = 100\n[classes.peer]\ncount = 12\n\
        upload_kib_per_s = { log_normal = { median = 50, sigma = 0.5 } }\n\
        [classes.rider]\ncount = 3\nupload_kib_per_s = 50\nchoker = \"never\"\n\
        [arms.barter]\nclasses.peer.choker = \"tit-for-tat\"\n\
        [arms.turns]\nclasses.peer.choker = \"equal-turns\"\n";
    let results = ["1", "4"].map(|threads| {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::write(home.path().join("free.toml"), scenario).expect("written");
        let program = env!("CARGO_BIN_EXE_swarmecon");
        let args = ["run", "free.toml", "--quiet", "--threads", threads];
        let output = Command::new(program).args(args).current_dir(home.path()).output();
        let output = output.expect("the program starts");
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{complaint}");
        files(&home.path().join("results/free"))
    });
    let names: Vec<&String> = results[0].keys().collect();
    assert!(names.len() > 5, "tables and figures: {names:?}");
    assert_eq!(names, results[1].keys().collect::<Vec<_>>());
    for (name, bytes) in &results[0] {
        assert!(*bytes == results[1][name], "{name} depends on the number of threads");
    }
}
