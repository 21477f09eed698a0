//! From outcomes to files, with outcomes made by hand: no engine is needed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use swarmecon::cli::{Failure, progress::Watch, run};
use swarmecon::experiment::{Design, Metric, pool};
use swarmecon::ids::{ClassId, TorrentId, UserId};
use swarmecon::observe::{Counters, Outcome, PeerRecord, Sample, TorrentRecord};
use swarmecon::policy::choke::ChokerSpec;
use swarmecon::scenario::{Arm, Recorded, Scenario};
use swarmecon::swarm::plan::economy::Trade;
use swarmecon::swarm::plan::{
    Arrivals, Audit, ClassPlan, DownloadDist, Plan, Protocol, RateDist, Role, Stay,
};
use swarmecon::units::{ByteRate, Bytes, SimTime, Span, f64_of};

fn protocol() -> Arc<Protocol> {
    Arc::new(swarmecon::scenario::presets::mainline())
}

fn class(name: &str, role: Role, choker: ChokerSpec) -> ClassPlan {
    ClassPlan {
        name: name.to_owned(),
        role,
        arrivals: Arrivals::AtOnce { count: 2, at: SimTime::ZERO, spread: Span::ZERO },
        upload: RateDist::Fixed(ByteRate::from_kib_per_s(10.0)),
        download: DownloadDist::TimesUpload(8.0),
        upload_share: 1.0,
        stay: Stay::Leave,
        demand: None,
        patience: None,
        choker,
        trade: Trade::default(),
        addresses: Vec::new(),
        super_seed: false,
        protocol: protocol(),
    }
}

fn arm(name: &str, horizon_s: f64) -> Arm {
    let classes = vec![
        class("origin", Role::Seeder, ChokerSpec::TitForTat),
        class("givers", Role::Leecher, ChokerSpec::TitForTat),
        class("riders", Role::Leecher, ChokerSpec::Never),
    ];
    let plan = Plan {
        content: Bytes::from_kib(1000),
        piece: Bytes::from_kib(250),
        horizon: SimTime::from_secs(horizon_s),
        until_horizon: false,
        sample: Span::from_secs(50.0),
        classes,
        catalogue: None,
        economy: None,
        audit: Audit::End,
    };
    let resolved = toml::toml! { content_kib = 1000 };
    Arm { name: name.to_owned(), plan, resolved }
}

fn scenario(replicates: u32) -> Scenario {
    Scenario {
        name: "tiny".to_owned(),
        question: "Does the second arm take longer?".to_owned(),
        seed: 7,
        replicates,
        arms: vec![arm("base", 1000.0), arm("slow", 2000.0)],
        baseline: 0,
        recorded: Vec::new(),
        warnings: Vec::new(),
    }
}

fn peer(class: u16, times: (f64, Option<f64>), moved: (u64, u64)) -> PeerRecord {
    let (arrival, completed) = times;
    let at = SimTime::from_secs;
    let end = at(completed.unwrap_or(500.0));
    let received = Bytes::from_kib(moved.1);
    PeerRecord {
        class: ClassId(class),
        user: UserId(u32::from(class)),
        torrent: TorrentId(0),
        is_adopter: false,
        is_origin: class == 0,
        upload: ByteRate::from_kib_per_s(10.0),
        download: ByteRate::from_kib_per_s(40.0),
        arrival: at(arrival),
        first_piece: (class > 0 && moved.1 > 0).then(|| at(arrival + 25.0)),
        fourth_piece: completed.map(|_| at(arrival + 60.0)),
        completed: completed.map(at),
        departed: completed.map(at),
        uploaded: Bytes::from_kib(moved.0),
        downloaded: received,
        wasted: if completed.is_some() { received - Bytes::from_kib(1000) } else { Bytes::ZERO },
        uploaded_at_completion: Bytes::from_kib(moved.0 / 2),
        useful: received.min(Bytes::from_kib(1000)),
        seeding: Span::ZERO,
        seeds_on: Span::ZERO,
        leeching: Span(end.0 - at(arrival).0),
        unchoked: Span((end.0 - at(arrival).0) / 2),
    }
}

fn sample(at_s: f64, (leechers, seeders): (u32, u32), availability: f64) -> Sample {
    Sample {
        at: SimTime::from_secs(at_s),
        leechers,
        seeders,
        availability,
        rarest_copies: u32::from(availability >= 1.0),
        seedless: u32::from(seeders == 0),
        uploaded: Bytes::from_kib(if at_s > 0.0 { 1000 } else { 0 }),
        upload_offered: Bytes::from_kib(if at_s > 0.0 { 2000 } else { 0 }),
        mean_progress: 0.25,
        interest: (leechers > 0).then_some(0.5),
        completed: 3 - leechers.min(3),
    }
}

/// One origin, two givers and a rider that never finishes. The seed shifts every download time
/// by up to 9 s, the longer horizon of the second arm by 30 s.
fn outcome(plan: &Plan, seed: u64) -> Outcome {
    let luck = f64_of(seed % 10);
    let slow = if plan.horizon > SimTime::from_secs(1500.0) { 30.0 } else { 0.0 };
    let shift = luck + slow;
    Outcome {
        peers: vec![
            peer(0, (0.0, None), (1500, 0)),
            peer(1, (0.0, Some(100.0 + shift)), (900, 1000)),
            peer(1, (10.0, Some(210.0 + shift)), (100, 1050)),
            peer(2, (10.0, None), (0, 450)),
        ],
        samples: vec![
            sample(0.0, (1, 1), 1.0),
            sample(100.0, (3, 1), 2.5),
            sample(200.0, (2, 1), 1.5),
            sample(300.0, (1, 0), 0.75),
        ],
        counters: Counters { events: 10 + seed % 10, pieces: 9, ..Counters::default() },
        fingerprint: seed,
        end: SimTime::from_secs(500.0),
        money: None,
        torrents: vec![TorrentRecord {
            content: Bytes::from_kib(1000),
            release: SimTime::ZERO,
            first_copy: Some(SimTime::from_secs(90.0)),
            first_loss: None,
            unavailable: Span::ZERO,
            missing: 1,
            requests: 3,
            completions: 2,
        }],
    }
}

fn options(target: &Path, n_threads: usize) -> run::Options {
    run::Options { target: target.to_path_buf(), n_threads, plots: false, quiet: true }
}

/// Runs with outcomes made by hand; the answer is what the terminal shows.
fn execute(scenario: &Scenario, target: &Path, n_threads: usize) -> String {
    let mut out = Vec::new();
    let runner = |plan: &Plan, seed: u64, _: &mut Watch<'_>| outcome(plan, seed);
    run::execute(scenario, &options(target, n_threads), runner, &mut out).expect("it runs");
    String::from_utf8(out).expect("text")
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let name = |entry: &fs::DirEntry| entry.file_name().into_string().expect("a name");
    entries.map(|e| (name(&e), fs::read_to_string(e.path()).expect("text"))).collect()
}

fn file(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).expect("the file is there")
}

/// The lines of a table that begin with `start`.
fn lines(text: &str, start: &str) -> String {
    let with_start = text.lines().filter(|line| line.starts_with(start));
    with_start.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn a_tiny_experiment_gives_these_tables() {
    let home = tempfile::tempdir().expect("a folder");
    let target = home.path().join("tiny");
    execute(&scenario(2), &target, 1);
    let names: Vec<_> = files(&target).into_keys().collect();
    let want = ["comparison.csv", "manifest.toml", "peers.csv", "summary.csv", "timeline.csv"];
    assert_eq!(names, want);
    let peers = file(&target, "peers.csv");
    insta::assert_snapshot!(peers.lines().take(5).collect::<Vec<_>>().join("\n"));
    let timeline = file(&target, "timeline.csv");
    insta::assert_snapshot!(timeline.lines().take(5).collect::<Vec<_>>().join("\n"));
    let summary = file(&target, "summary.csv");
    insta::assert_snapshot!(
        summary.lines().take(1).collect::<String>() + "\n" + &lines(&summary, "base,")
    );
    let comparison = file(&target, "comparison.csv");
    insta::assert_snapshot!(comparison.lines().take(8).collect::<Vec<_>>().join("\n"));
    insta::assert_snapshot!(file(&target, "manifest.toml"));
}

#[test]
fn the_terminal_answers_the_question() {
    let home = tempfile::tempdir().expect("a folder");
    let target = home.path().join("tiny");
    let text = execute(&scenario(5), &target, 2);
    insta::assert_snapshot!(text.replace(&target.display().to_string(), "results/tiny"));
}

#[test]
fn bytes_do_not_depend_on_threads_or_on_the_run_before() {
    let home = tempfile::tempdir().expect("a folder");
    let (one, many) = (home.path().join("one"), home.path().join("many"));
    execute(&scenario(9), &one, 1);
    execute(&scenario(9), &many, 4);
    let first = files(&one);
    assert_eq!(first, files(&many));
    execute(&scenario(9), &one, 3);
    assert_eq!(first, files(&one));
}

#[test]
fn later_replicates_do_not_change_earlier_ones() {
    let home = tempfile::tempdir().expect("a folder");
    let (few, more) = (home.path().join("few"), home.path().join("more"));
    execute(&scenario(2), &few, 1);
    execute(&scenario(3), &more, 1);
    for start in ["base,0,", "base,1,", "slow,1,"] {
        let rows = |folder| lines(&file(folder, "peers.csv"), start);
        assert_eq!(rows(&few), rows(&more));
    }
}

#[test]
fn a_run_that_fails_midway_leaves_the_previous_results() {
    let home = tempfile::tempdir().expect("a folder");
    let target = home.path().join("tiny");
    execute(&scenario(2), &target, 1);
    let before = files(&target);
    let n_made = AtomicU32::new(0);
    let lossy = |plan: &Plan, seed: u64, _: &mut Watch<'_>| {
        let mut outcome = outcome(plan, seed);
        std::thread::sleep(std::time::Duration::from_millis(5));
        if n_made.fetch_add(1, Ordering::Relaxed) == 2 {
            outcome.peers[0].uploaded += Bytes(1);
        }
        outcome
    };
    let failure = run::execute(&scenario(9), &options(&target, 1), lossy, &mut Vec::new());
    let Err(Failure::Work(error)) = failure else { panic!("a broken law is exit code 1") };
    let text = format!("{error:#}");
    assert!(text.contains("arm `base`, replicate 2: 2560001 bytes were sent"), "{text}");
    assert!(n_made.load(Ordering::Relaxed) < 18, "the rest is not run");
    assert_eq!(before, files(&target));
    assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 1);
}

#[test]
fn a_run_that_panics_leaves_the_previous_results() {
    let home = tempfile::tempdir().expect("a folder");
    let target = home.path().join("tiny");
    execute(&scenario(2), &target, 1);
    let before = files(&target);
    let runner = |_: &Plan, _: u64, _: &mut Watch<'_>| -> Outcome { panic!("a law of the world") };
    let run = std::panic::AssertUnwindSafe(|| {
        run::execute(&scenario(2), &options(&target, 2), runner, &mut Vec::new())
    });
    assert!(std::panic::catch_unwind(run).is_err());
    assert_eq!(before, files(&target));
}

#[test]
fn the_folder_is_tried_before_the_first_run() {
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join("file"), "not a folder").expect("written");
    let runner = |_: &Plan, _: u64, _: &mut Watch<'_>| -> Outcome { panic!("no run is made") };
    let target = home.path().join("file/tiny");
    let failure = run::execute(&scenario(1), &options(&target, 1), runner, &mut Vec::new());
    assert!(matches!(failure, Err(failure @ Failure::User(_)) if failure.exit_code() == 2));
}

#[test]
fn rows_are_written_in_the_order_of_the_grid() {
    // The first run is the slowest: all others wait for it.
    let seen = RefCell::new(Vec::new());
    let slow_start = |plan: &Plan, seed: u64| {
        if seed == Design::of(&scenario(6)).seed_of(0) {
            std::thread::sleep(std::time::Duration::from_millis(60));
        }
        outcome(plan, seed)
    };
    let results = pool::run_all(&scenario(6), 3, slow_start, |_, run| {
        seen.borrow_mut().push((run.reduced.cell.arm, run.reduced.cell.replicate));
        Ok::<(), ()>(())
    });
    assert_eq!(results.expect("it runs").runs.len(), 12);
    let want: Vec<_> = (0..2).flat_map(|arm| (0..6).map(move |r| (arm, r))).collect();
    assert_eq!(*seen.borrow(), want);
}

/// Of peers that had not finished it is said what would help them. Longest of the finished: 209 s.
#[test]
fn cautions_about_the_unfinished_say_what_would_help() {
    let home = tempfile::tempdir().expect("a folder");
    let said = |arrival_s: f64, missing: usize, is_open: bool| {
        let mut one = scenario(1);
        one.arms.truncate(1);
        if is_open {
            let (per_s, until) = (0.1, SimTime::NEVER);
            one.arms[0].plan.classes[2].arrivals =
                Arrivals::Poisson { per_s, from: SimTime::ZERO, until };
        }
        let runner = |plan: &Plan, seed: u64, _: &mut Watch<'_>| {
            let mut outcome = outcome(plan, seed);
            outcome.peers[3].arrival = SimTime::from_secs(arrival_s);
            outcome.peers[3].first_piece = None;
            outcome.torrents[0].missing = missing;
            outcome
        };
        let mut out = Vec::new();
        run::execute(&one, &options(&home.path().join("tiny"), 1), runner, &mut out).expect("runs");
        String::from_utf8(out).expect("text")
    };
    let cases = [
        ((400.0, 0, false), "had not finished at the horizon (in 1 of 1 runs)"),
        ((150.0, 0, false), "raise horizon_s"),
        ((10.0, 0, false), "more than twice as long as any download took"),
        ((400.0, 0, true), "came too near the horizon to finish"),
        ((150.0, 0, true), "most of them longer than 95 % of the finished downloads took"),
        ((10.0, 0, true), "more time would hardly help"),
        ((400.0, 1, true), "more time would not help, longer seeding would"),
    ];
    for ((arrival_s, missing, is_open), words) in cases {
        let text = said(arrival_s, missing, is_open);
        let cautions: Vec<&str> = text.lines().filter(|l| l.contains("1 of 3 peers")).collect();
        assert!(cautions.len() == 1 && cautions[0].contains(words), "{cautions:?} not {words}");
        assert_eq!(text.contains("raise horizon_s"), !is_open && arrival_s > 100.0, "{text}");
    }
}

#[test]
fn recorded_downloads_stand_beside_simulated_ones() {
    let home = tempfile::tempdir().expect("a folder");
    let target = home.path().join("tiny");
    let row = |repetition, download_time_s| Recorded {
        repetition,
        class: "givers".to_owned(),
        download_time_s,
    };
    let recorded = vec![row(0, 100.0), row(0, 200.0), row(1, 104.0), row(1, 208.0)];
    let mut scenario = Scenario { recorded, ..scenario(3) };
    scenario.recorded.push(Recorded { class: "ghosts".to_owned(), ..row(0, 5.0) });
    let text = execute(&scenario, &target, 1);
    assert!(text.contains("arm `base` has no class `ghosts`"), "{text}");
    insta::assert_snapshot!(file(&target, "recorded.csv"));
    insta::assert_snapshot!(file(&target, "recorded_downloads.csv"));
}

#[test]
fn every_column_and_metric_is_explained() {
    use swarmecon::report::{books, columns::columns, schema};
    let docs = fs::read_to_string("docs/results.md").expect("the page on results");
    let explained = |name: &str| docs.contains(&format!("| `{name}` |"));
    let files: [&[&str]; 13] = [
        columns::<schema::PeerRow>(),
        columns::<schema::TimelineRow>(),
        columns::<schema::SummaryRow>(),
        columns::<schema::ComparisonRow>(),
        columns::<schema::RecordedRow>(),
        columns::<schema::RecordedDownloadRow>(),
        columns::<books::LedgerRow>(),
        columns::<books::PriceRow>(),
        columns::<books::WalletRow>(),
        columns::<books::SettlementRow>(),
        columns::<books::TorrentRow>(),
        columns::<books::WelfareRow>(),
        columns::<books::DecompositionRow>(),
    ];
    let metrics = Metric::ALL.map(Metric::name);
    for name in files.into_iter().flatten().chain(&metrics) {
        assert!(explained(name), "docs/results.md does not explain `{name}`");
    }
}
