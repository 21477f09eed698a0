//! What is said about money: tables worked out by hand, files of real runs, and their figures.
//! With `SWARMECON_PLOTS=DIR` the folders of real runs are kept there, to be looked at.

use crate::laws::catalogue::library;
use crate::laws::money::{crowd, token, users};
use crate::laws::payments::leavers_and_depositors;
use crate::swarms::{class, kib, plan};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use swarmecon::cli::{progress::Watch, run};
use swarmecon::ids::{ClassId, TorrentId, UserId};
use swarmecon::observe::{
    Counters, MoneyCounts, MoneyRecord, MoneySample, Moved, Outcome, PeerRecord, Sample,
    TorrentRecord, UserCounts, WalletRecord,
};
use swarmecon::policy::stay::{Elastic, StayerSpec};
use swarmecon::scenario::{Arm, Scenario, presets};
use swarmecon::swarm;
use swarmecon::swarm::plan::economy::{Economy, Trade};
use swarmecon::swarm::plan::{Plan, Role};
use swarmecon::units::{ByteRate, Bytes, MicroBtt, NanoUsd, Price, SimTime, Span};

fn s(seconds: f64) -> SimTime {
    SimTime::from_secs(seconds)
}

fn btt(amount: f64) -> MicroBtt {
    MicroBtt::from_btt(amount)
}

fn arm(name: &str, plan: Plan, resolved: toml::Table) -> Arm {
    Arm { name: name.to_owned(), plan, resolved }
}

fn scenario(arms: Vec<Arm>, replicates: u32) -> Scenario {
    Scenario {
        name: "books".to_owned(),
        question: "Who gains from a token?".to_owned(),
        seed: 3,
        replicates,
        arms,
        baseline: 0,
        recorded: Vec::new(),
        warnings: Vec::new(),
    }
}

fn elastic(elasticity_percent: u64) -> StayerSpec {
    StayerSpec::Elastic(Elastic {
        elasticity_percent,
        reference_per_hour: NanoUsd(200_000),
        most: Span::from_secs(600.0),
        crowding_percent: 100,
    })
}

/// Which of the three arms worked out by hand a plan is.
#[derive(Clone, Copy, PartialEq)]
enum Hand {
    Barter,
    Token,
    Still,
}

/// One origin and four users, three of whom have the token's client. The horizon tells the arm.
fn hand_plan(hand: Hand) -> Plan {
    let rules = Arc::new(presets::mainline());
    let origin = class(Role::Seeder, 1, kib(40.0), &rules);
    let mut peers = class(Role::Leecher, 4, kib(10.0), &rules);
    peers.trade = Trade {
        hour_worth: NanoUsd::from_usd(3.6),
        hour_cost: NanoUsd::from_usd(0.36),
        stayer: elastic(if hand == Hand::Token { 100 } else { 0 }),
        ..users(0.75)
    };
    let mut plan = plan(Bytes::from_kib(1000), Bytes::from_kib(250), vec![origin, peers]);
    plan.horizon = s(match hand {
        Hand::Barter => 1000.0,
        Hand::Token => 1001.0,
        Hand::Still => 1002.0,
    });
    plan.economy = (hand != Hand::Barter).then(|| Economy::Token(Box::new(token())));
    plan
}

fn hand_peer(user: u32, time_s: Option<f64>, seeding_h: f64) -> PeerRecord {
    let whole = Bytes::from_kib(1000);
    let is_origin = user == 0;
    PeerRecord {
        class: ClassId(u16::from(!is_origin)),
        user: UserId(user),
        torrent: TorrentId(0),
        is_adopter: (1..4).contains(&user),
        is_origin,
        upload: ByteRate::from_kib_per_s(if is_origin { 40.0 } else { 10.0 }),
        download: ByteRate::UNLIMITED,
        arrival: SimTime::ZERO,
        first_piece: time_s.map(|_| s(10.0)),
        fourth_piece: time_s.map(|_| s(20.0 + f64::from(user))),
        completed: time_s.map(s),
        departed: None,
        uploaded: if is_origin { Bytes::from_kib(4000) } else { Bytes::ZERO },
        downloaded: if is_origin { Bytes::ZERO } else { whole },
        wasted: Bytes::ZERO,
        uploaded_at_completion: Bytes::ZERO,
        useful: whole,
        seeding: Span::from_secs(seeding_h * 3600.0),
        // Who seeds for long would have gone on.
        seeds_on: Span::from_secs(if seeding_h > 0.75 { 900.0 } else { 0.0 }),
        leeching: Span::from_secs(time_s.unwrap_or(0.0)),
        unchoked: Span::ZERO,
    }
}

/// User 1 pays 2 BTT for 500 KiB to user 2; users 1 to 3 were given 10 each.
fn hand_money() -> MoneyRecord {
    let wallet = |class, trades, spent: f64, earned: f64| WalletRecord {
        class: ClassId(class),
        trades,
        gift: btt(if trades { 10.0 } else { 0.0 }),
        bought: MicroBtt::ZERO,
        earned: btt(earned),
        spent: btt(spent),
        withdrawn: MicroBtt::ZERO,
        forfeited: MicroBtt::ZERO,
        fees_sun: 0,
        to_come: MicroBtt::ZERO,
        wallet: btt(if trades { 10.0 } else { 0.0 } + earned - spent),
        in_channels: MicroBtt::ZERO,
        on_its_way: MicroBtt::ZERO,
        bought_bytes: Bytes::from_kib(if spent > 0.0 { 500 } else { 0 }),
        sold_bytes: Bytes::from_kib(if earned > 0.0 { 500 } else { 0 }),
        unpaid: MicroBtt::ZERO,
        unpaid_bytes: Bytes::ZERO,
        payments: if spent > 0.0 { 88 } else { 0 },
        tally: if spent > 0.0 { TROUBLE } else { UserCounts::default() },
    };
    let row = |at_s, paid: f64| MoneySample {
        at: s(at_s),
        paid: btt(paid),
        paid_bytes: Bytes::from_kib(if paid > 0.0 { 500 } else { 0 }),
        bidders: u32::from(paid > 0.0),
        highest_bid: Price::from_btt_per_gib(7.0),
        median_bid: Price::from_btt_per_gib(5.0),
        usd_per_btt: 0.01,
        wallets: btt(if paid > 0.0 { 28.5 } else { 30.0 }),
        escrow: btt(if paid > 0.0 { 1.5 } else { 0.0 }),
        spendable: vec![MicroBtt::ZERO, btt(if paid > 0.0 { 28.0 } else { 30.0 })],
        promo: btt(970.0),
        moved: if paid > 0.0 {
            vec![Moved { what: "fund", count: 2, ubtt: 3_500_000 }]
        } else {
            vec![Moved { what: "gift", count: 3, ubtt: 30_000_000 }]
        },
    };
    MoneyRecord {
        samples: vec![row(0.0, 0.0), row(1000.0, 2.0)],
        wallets: vec![
            wallet(0, false, 0.0, 0.0),
            wallet(1, true, 2.0, 0.0),
            wallet(1, true, 0.0, 2.0),
            wallet(1, true, 0.0, 0.0),
            wallet(1, false, 0.0, 0.0),
        ],
        counts: MoneyCounts { payments: 88, tally: TROUBLE, ledger_operations: 4, ..no_counts() },
    }
}

/// What the user that pays goes through.
const TROUBLE: UserCounts = UserCounts {
    bids_posted: 0,
    no_money: 12,
    waiting: 0,
    lost: 0,
    refused: 0,
    strikes: 0,
    dropped: 0,
    no_bidder: 0,
    no_content: 0,
    operations: 4,
};

fn no_counts() -> MoneyCounts {
    MoneyCounts::default()
}

fn hand_outcome(plan: &Plan, _: u64, _: &mut Watch<'_>) -> Outcome {
    let (times, seeding_h) = match plan.horizon.as_secs() {
        1000.0 => ([100.0, 200.0, 300.0, 400.0], 0.5),
        1001.0 => ([60.0, 210.0, 300.0, 450.0], 1.0),
        _ => ([80.0, 230.0, 330.0, 480.0], 0.5),
    };
    let mut peers = vec![hand_peer(0, None, 1.0)];
    for (user, time) in (1..).zip(times) {
        peers.push(hand_peer(user, Some(time), if user == 2 { seeding_h } else { 0.0 }));
    }
    let sample = Sample {
        at: s(1000.0),
        leechers: 0,
        seeders: 5,
        availability: 5.0,
        rarest_copies: 5,
        seedless: 0,
        uploaded: Bytes::from_kib(4000),
        upload_offered: Bytes::from_kib(8000),
        mean_progress: 0.0,
        interest: None,
        completed: 4,
    };
    Outcome {
        peers,
        samples: vec![sample],
        counters: Counters::default(),
        fingerprint: 1,
        end: s(1000.0),
        torrents: vec![TorrentRecord {
            content: Bytes::from_kib(1000),
            release: SimTime::ZERO,
            first_copy: Some(s(50.0)),
            first_loss: None,
            unavailable: Span::ZERO,
            missing: 0,
            requests: 4,
            completions: 4,
        }],
        money: plan.economy.as_ref().map(|_| hand_money()),
    }
}

fn three_by_hand() -> Vec<Arm> {
    let resolved = |elasticity: f64| {
        let mut table = toml::Table::new();
        table.insert("elasticity".to_owned(), toml::Value::Float(elasticity));
        table.insert("economy".to_owned(), toml::Value::String("token".to_owned()));
        table
    };
    vec![
        arm("barter", hand_plan(Hand::Barter), toml::Table::new()),
        arm("token", hand_plan(Hand::Token), resolved(1.0)),
        arm("still", hand_plan(Hand::Still), resolved(0.0)),
    ]
}

fn execute(scenario: &Scenario, target: &Path, hand: bool, plots: bool) -> String {
    let options = run::Options { target: target.to_path_buf(), n_threads: 2, plots, quiet: true };
    let mut out = Vec::new();
    let ran = if hand {
        run::execute(scenario, &options, hand_outcome, &mut out)
    } else {
        let runner = |plan: &Plan, seed: u64, watch: &mut Watch<'_>| swarm::run(plan, seed, watch);
        run::execute(scenario, &options, runner, &mut out)
    };
    ran.expect("it runs");
    String::from_utf8(out).expect("text")
}

fn file(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).expect("the file is there")
}

/// The mean of every metric of an arm, by part and name.
fn means(folder: &Path, arm: &str) -> BTreeMap<(String, String), f64> {
    let text = file(folder, "summary.csv");
    let cells = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let own = cells.filter(|cells| cells[0] == arm && !cells[5].is_empty());
    let entry = |cells: Vec<&str>| {
        ((cells[1].to_owned(), cells[2].to_owned()), cells[5].parse().expect("a number"))
    };
    own.map(entry).collect()
}

#[test]
fn the_numbers_of_a_small_economy_by_hand() {
    let home = tempfile::tempdir().expect("a folder");
    let target = home.path().join("books");
    execute(&scenario(three_by_hand(), 1), &target, true, false);
    let (token, barter) = (means(&target, "token"), means(&target, "barter"));
    for (part, metric, want) in [
        ("all", "price_mean", 2.0 * 1_048_576.0 / 500.0),
        ("all", "velocity_per_day", 2.0 / 30.0 * 86.4),
        ("all", "paid_byte_share", 0.125),
        ("all:adopters", "paid_byte_share", 500.0 / 3000.0),
        ("all", "gini_of_balances", 16.0 / 180.0),
        ("all", "gini_of_income", 2.0 / 3.0),
        ("all", "seed_hours", 2.0),
        ("all", "seed_hours_offered", 2.5),
        ("leecher", "seed_hours_offered", 1.25),
        // An hour and a quarter at 40 KiB/s, and as long at 10.
        ("all", "seed_upload_offered", 50.0 * 1024.0 * 4500.0),
        ("all", "seed_hours_per_completion", 0.5),
        ("leecher", "seed_hours_per_completion", 0.25),
        ("leecher", "fourth_piece_time_mean", 22.5),
        ("all", "ledger_operations_per_gib", 4.0 * 1_048_576.0 / 500.0),
        ("all", "payments_failed_no_money", 12.0),
        ("leecher", "payments", 88.0),
        ("leecher:adopters", "payments_failed_no_money", 12.0),
        // 30 BTT to begin with, 28 in the end.
        ("leecher", "velocity_per_day", 2.0 / 29.0 * 86.4),
        // −0.06 − 0.02; −0.21 + 0.02 − 0.36; −0.3; −0.45; the origin 0.
        ("leecher", "welfare_mean", -1.38 / 4.0),
        ("all", "welfare_mean", -1.38 / 5.0),
        ("leecher:others", "welfare_mean", -0.45),
        // Beyond F/ū = 50 s: 10, 160, 250, 400 s at a thousandth of a dollar.
        ("all", "dead_weight_loss", 0.82),
        ("leecher:adopters", "dead_weight_loss", 0.42),
    ] {
        let got = token[&(part.to_owned(), metric.to_owned())];
        assert!((got - want).abs() < 1e-9, "{part} {metric}: {got} is not {want}");
    }
    // The same user by user: 60 s cost 0.06 and 2 BTT 0.02; 210 s and an hour of seeding.
    let text = file(&target, "welfare.csv");
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let of = |arm: &str| -> Vec<String> {
        rows.iter().filter(|row| row[0] == arm).map(|row| row[5..].join(",")).collect()
    };
    assert_eq!(
        of("token")[..3],
        ["0,0,0,0,0,0", "0.06,0,0,0,-0.02,-0.08", "0.21,0.36,0,0,0.02,-0.55"]
    );
    assert_eq!(of("barter")[2], "0.2,0.18,0,0,0,-0.38");
    let none = |part: &str, metric: &str| !barter.contains_key(&(part.into(), metric.into()));
    assert!(none("all", "price_mean") && none("all", "gini_of_income"), "barter has no money");
    // Waits 1000 s, seeds half an hour.
    let welfare = barter[&("leecher".to_owned(), "welfare_mean".to_owned())];
    assert!((welfare + (1.0 + 0.18) / 4.0).abs() < 1e-9, "{welfare}");
    let comparison = file(&target, "comparison.csv");
    for side in ["all:adopters", "all:others", "leecher:adopters", "leecher:others"] {
        assert!(comparison.contains(&format!("download_time_mean,{side},barter,token")), "{side}");
    }
}

/// At another adoption other users are on the sides of a class: their means are no pair.
#[test]
fn sides_are_compared_where_the_same_users_are_on_them() {
    let home = tempfile::tempdir().expect("a folder");
    let target = home.path().join("sides");
    let mut arms = three_by_hand();
    arms[0].plan.classes[1].trade.adoption = 0.5;
    execute(&scenario(arms, 1), &target, true, false);
    let comparison = file(&target, "comparison.csv");
    assert!(comparison.contains("download_time_mean,leecher,barter,token"));
    assert!(!comparison.contains(":adopters") && !comparison.contains(":others"));
}

#[test]
fn the_files_of_money_and_who_gains() {
    let home = tempfile::tempdir().expect("a folder");
    let target = home.path().join("books");
    let text = execute(&scenario(three_by_hand(), 2), &target, true, false);
    let start =
        |name: &str, n: usize| file(&target, name).lines().take(n).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(start("ledger.csv", 3));
    insta::assert_snapshot!(start("prices.csv", 3));
    insta::assert_snapshot!(start("wallets.csv", 6));
    insta::assert_snapshot!(start("decomposition.csv", 40));
    insta::assert_snapshot!(text.replace(&target.display().to_string(), "results/books"));
    insta::assert_snapshot!(start("torrents.csv", 3));
}

#[test]
fn the_parts_of_an_effect_add_up_to_it() {
    let home = tempfile::tempdir().expect("a folder");
    let target = home.path().join("books");
    execute(&scenario(three_by_hand(), 1), &target, true, false);
    let text = file(&target, "decomposition.csv");
    let find = |effect: &str, group: &str, metric: &str| -> f64 {
        let rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let wanted =
            |c: &Vec<&str>| c[1] == "token" && c[2] == effect && c[5] == group && c[6] == metric;
        let row = rows.into_iter().find(wanted).expect("a row");
        row[11].parse().expect("a number")
    };
    for (group, whole, moved) in [
        ("payers", -40.0, -20.0),
        ("earners", 10.0, 30.0),
        ("non-payers", 0.0, 30.0),
        ("non-adopters", 50.0, 80.0),
        ("all", 5.0, 30.0),
    ] {
        let of = |effect| find(effect, group, "download_time_mean");
        assert_eq!(of("whole"), whole, "{group}");
        assert_eq!((of("reallocation"), of("capacity_creation")), (moved, whole - moved));
    }
    assert_eq!(find("whole", "all", "seed_hours_offered"), 0.75);
    assert_eq!(find("reallocation", "all", "seed_hours_offered"), 0.0);
    assert_eq!(find("capacity_creation", "all", "seed_upload_offered"), 10240.0 * 2700.0);
}

/// Elasticity 0 leaves what seeders offer as it is to the byte, though the arms end at different
/// moments and everybody downloads for another time; with elasticity there is more of it.
#[test]
fn what_seeders_offer_is_created_by_elasticity_alone() {
    let home = tempfile::tempdir().expect("a folder");
    let target = home.path().join("books");
    let mut three = real("crowd");
    three.arms[2].name = "still".to_owned();
    for arm in &mut three.arms {
        (arm.plan.until_horizon, arm.plan.horizon) = (false, s(4000.0));
    }
    execute(&three, &target, false, false);
    let text = file(&target, "decomposition.csv");
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    for metric in ["seed_hours_offered", "seed_upload_offered"] {
        let of = |arm: &str, effect: &str| {
            let wanted = |c: &&Vec<&str>| c[1] == arm && c[2] == effect && c[6] == metric;
            let row = rows.iter().find(wanted).expect("a row");
            assert!(row[9].parse::<f64>().expect("a number") > 0.0, "{row:?}");
            [row[11], row[12], row[13]].map(|cell| cell.parse::<f64>().expect("a number"))
        };
        assert_eq!(of("still", "whole"), [0.0; 3], "{metric}");
        assert_eq!(of("token", "reallocation"), [0.0; 3], "{metric}");
        assert!(of("token", "capacity_creation")[1] > 0.0, "{metric}");
    }
    let manifest = file(&target, "manifest.toml");
    let mut ends: Vec<&str> = manifest.lines().filter(|l| l.starts_with("end_s")).collect();
    ends.sort_unstable();
    ends.dedup();
    assert_eq!(ends.len(), 15, "no two of fifteen runs end together");
}

#[test]
fn money_has_cautions() {
    let home = tempfile::tempdir().expect("a folder");
    let target = home.path().join("books");
    let text = execute(&scenario(three_by_hand(), 1), &target, true, false);
    let no_money: Vec<&str> =
        text.lines().filter(|line| line.contains("failed: no money")).collect();
    let [once] = no_money[..] else { panic!("once for all arms: {text}") };
    assert!(once.contains("arms `token`, `still`: 12 % of attempts to pay failed"), "{once}");
    let poor = Trade { gift: btt(11.0), ..users(0.75) };
    let mut arms = three_by_hand();
    arms[1].plan.classes[1].trade = poor;
    let text = execute(&scenario(arms, 1), &target, true, false);
    assert!(text.contains("the promotional pool ran dry: 3 of 3 users"), "{text}");
    assert!(text.contains("nobody stays for money in this arm"), "{text}");
    let text = execute(&scenario(three_by_hand()[..2].to_vec(), 1), &target, true, false);
    assert!(text.contains("is not\n") || text.contains("not identified"), "{text}");
}

/// R1 of the requirements: without money a token arm is the barter arm, byte for byte.
#[test]
fn a_token_without_money_gives_the_files_of_barter() {
    let home = tempfile::tempdir().expect("a folder");
    let target = home.path().join("books");
    let trade = Trade { gift: MicroBtt::ZERO, ..users(0.5) };
    let arms = vec![
        arm("barter", crowd(None, trade.clone()), toml::Table::new()),
        arm("token", crowd(Some(Economy::Token(Box::new(token()))), trade), toml::Table::new()),
    ];
    execute(&scenario(arms, 3), &target, false, false);
    for name in ["peers.csv", "timeline.csv"] {
        let text = file(&target, name);
        let of = |arm: &str| -> Vec<String> {
            let own = text.lines().filter_map(|line| line.strip_prefix(arm));
            own.map(str::to_owned).collect()
        };
        assert_eq!(of("barter,"), of("token,"), "{name}");
        assert!(of("token,").len() > 3, "{name} has rows");
    }
}

/// The histograms of settlement.csv hold what summary.csv counts, and the reasons add up.
#[test]
fn the_file_of_settlement_agrees_with_the_summary() {
    let home = tempfile::tempdir().expect("a folder");
    let target = home.path().join("books");
    let barter = arm("barter", crowd(None, users(0.5)), toml::Table::new());
    let crossing = arm("token", leavers_and_depositors(), toml::Table::new());
    let text = execute(&scenario(vec![barter.clone(), crossing], 2), &target, false, false);
    assert!(text.contains("settlement.csv"), "{text}");
    let (settlement, means) = (file(&target, "settlement.csv"), means(&target, "token"));
    let mean = |metric: &str| means[&("all".to_owned(), metric.to_owned())];
    for (direction, metric) in [("deposit", "deposits"), ("withdrawal", "withdrawals")] {
        let rows = settlement.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let own = rows.filter(|cells| cells[0] == "token" && cells[2] == direction);
        let counts = own.map(|cells| cells[5].parse::<f64>().expect("a number"));
        assert_eq!(counts.sum::<f64>(), 2.0 * mean(metric), "{direction}: {settlement}");
        assert!(mean(metric) > 0.0 && mean(&format!("{direction}_time_mean")) > 57.0);
    }
    let reasons = ["minimum", "balance", "daily_cap", "gateway_empty"];
    let of = reasons.map(|reason| mean(&format!("withdrawals_blocked_{reason}")));
    assert_eq!(of.iter().sum::<f64>(), mean("withdrawals_blocked"), "{of:?}");
    assert!(mean("ledger_queue_longest") >= 0.0 && mean("ledger_wait_longest") >= 0.0);

    let closed = arm("token", crowd(Some(Economy::Token(Box::new(token()))), users(0.5)), {
        toml::Table::new()
    });
    execute(&scenario(vec![barter, closed], 1), &target, false, false);
    assert!(!target.join("settlement.csv").exists(), "nobody crosses");
}

/// The users of a crowd and of a catalogue with a token, in several arms.
fn real(name: &str) -> Scenario {
    let worth = Trade { hour_worth: NanoUsd::from_usd(1.0), ..users(0.6) };
    let with = |elasticity: u64| Trade { stayer: elastic(elasticity), ..worth.clone() };
    let economy = || Some(Economy::Token(Box::new(token())));
    let still = |elasticity: f64| {
        let mut table = toml::Table::new();
        table.insert("elasticity".to_owned(), toml::Value::Float(elasticity));
        table
    };
    let crowd = |economy: Option<Economy>, trade: Trade| {
        let mut plan = crowd(economy, trade);
        (plan.until_horizon, plan.horizon) = (true, s(1500.0));
        (plan.classes[1].trade.gift, plan.sample) = (btt(3.0), Span::from_secs(20.0));
        plan
    };
    let shelf = |economy: Option<Economy>| {
        let mut plan = library(40, 300.0, &Arc::new(presets::mainline()));
        (plan.economy, plan.classes[1].trade) = (economy, worth.clone());
        plan
    };
    let arms = match name {
        "catalogue" => vec![
            arm("barter", shelf(None), toml::Table::new()),
            arm("token", shelf(economy()), toml::Table::new()),
        ],
        "many" => (0..8_u32)
            .map(|i| {
                let share = f64::from(i) / 8.0;
                let trade = Trade { adoption: share, ..worth.clone() };
                let economy = if i == 0 { None } else { economy() };
                arm(&format!("adoption of {share}"), crowd(economy, trade), toml::Table::new())
            })
            .collect(),
        _ => vec![
            arm("barter", crowd(None, worth.clone()), toml::Table::new()),
            arm("token", crowd(economy(), with(100)), still(1.0)),
            arm("token, nobody stays", crowd(economy(), with(0)), still(0.0)),
        ],
    };
    scenario(arms, if name == "many" { 2 } else { 5 })
}

/// The first word that is no finite number but was meant as one, in CSV as in TOML.
fn unbounded(text: &str) -> Option<&str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut words = text.split(|c| !is_part(c)).map(|word| word.trim_start_matches('-'));
    words.find(|word| ["nan", "inf", "infinity"].iter().any(|bad| word.eq_ignore_ascii_case(bad)))
}

#[test]
fn what_is_not_finite_is_found_wherever_it_stands() {
    for bad in ["x = nan", "x = -inf\n", "a,NaN,1", "1,2\n-inf,3", "x = [1.5, nan]", "{ y = inf }"]
    {
        assert!(unbounded(bad).is_some(), "{bad}");
    }
    for good in ["information,nano = 3", "class = \"nan_client\"", "a,,1.5e-3", "in-finite"] {
        assert_eq!(unbounded(good), None, "{good}");
    }
}

#[test]
fn figures_of_money_are_drawn_and_redrawn() {
    for (name, figures) in [
        ("crowd", &["adopters_cdf", "market", "lorenz", "decomposition"][..]),
        ("catalogue", &["availability_survival", "adopters_cdf", "decomposition"]),
        ("many", &["adopters_cdf", "market", "lorenz"]),
    ] {
        let home = tempfile::tempdir().expect("a folder");
        let kept = std::env::var_os("SWARMECON_PLOTS").map(PathBuf::from);
        let target = kept.as_deref().unwrap_or(home.path()).join(name);
        execute(&real(name), &target, false, true);
        let again = home.path().join("again");
        fs::create_dir(&again).expect("a folder");
        for entry in fs::read_dir(&target).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|ending| ending == "csv" || ending == "toml") {
                let to = again.join(path.file_name().expect("a name"));
                fs::copy(&path, to).expect("copied");
                let text = fs::read_to_string(&path).expect("text");
                assert_eq!(unbounded(&text), None, "{name}: {}", path.display());
            }
        }
        swarmecon::plot::draw(&again).expect("it draws");
        for figure in figures {
            for ending in ["svg", "png"] {
                let figure = format!("{figure}.{ending}");
                let both = [&target, &again].map(|folder| fs::read(folder.join(&figure)).ok());
                assert!(both[0].is_some(), "{name}: {figure} is drawn");
                assert!(both[0] == both[1], "{name}: {figure} is drawn again from the files");
            }
        }
    }
}
