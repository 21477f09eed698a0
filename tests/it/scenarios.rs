//! Good scenarios: the shipped ones load, and what is written is what is planned.

mod economy;

use proptest::prelude::*;
use std::path::{Path, PathBuf};
use swarmecon::policy::choke::ChokerSpec;
use swarmecon::scenario::{self, Scenario, presets};
use swarmecon::swarm::plan::{Arrivals, DownloadDist, Plan, RateDist, Role, Slots, Stay};
use swarmecon::units::{ByteRate, SimTime, Span};

/// A scenario of one seeder and five leechers, with `more` behind it.
fn small(more: &str) -> String {
    format!(
        "# does it load?\nsize_mib = 4\nhorizon_s = 600\n\n[classes.seed]\nrole = \"seeder\"\n\
         count = 1\nupload_kib_per_s = 200\n\n[classes.peer]\ncount = 5\n\
         upload_kib_per_s = 100\n{more}"
    )
}

fn read(text: &str) -> Scenario {
    read_with(text, &[])
}

fn read_with(text: &str, sets: &[(&str, &str)]) -> Scenario {
    let sets: Vec<(String, String)> =
        sets.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    match scenario::from_text(Path::new("tests/it/bad/text.toml"), text, &sets) {
        Ok(scenario) => scenario,
        Err(faults) => panic!("{faults}"),
    }
}

fn plan(text: &str) -> Plan {
    read(text).arms.remove(0).plan
}

/// Everything a plan holds, to compare two.
fn whole(plan: &Plan) -> String {
    format!("{plan:#?}")
}

fn counts(plan: &Plan) -> Vec<u32> {
    plan.classes
        .iter()
        .map(|class| match &class.arrivals {
            Arrivals::AtOnce { count, .. } => *count,
            Arrivals::At(times) => u32::try_from(times.len()).expect("few peers"),
            other => panic!("no count in {other:?}"),
        })
        .collect()
}

fn shipped() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["scenarios", "scenarios/real"] {
        for entry in std::fs::read_dir(folder).expect("scenarios are shipped") {
            let path = entry.expect("the folder is readable").path();
            if path.extension().is_some_and(|e| e == "toml") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Loading what was resolved must give the same plan.
fn check_round_trip(scenario: &Scenario) {
    for arm in &scenario.arms {
        let text = arm.resolved.to_string();
        let again = plan(&text);
        assert_eq!(whole(&arm.plan), whole(&again), "arm {} of {}", arm.name, scenario.name);
        let twice = read(&text).arms.remove(0).resolved;
        assert_eq!(arm.resolved, twice, "resolving is idempotent");
    }
}

#[test]
fn every_shipped_scenario_loads_without_warning_and_asks_a_question() {
    let files = shipped();
    assert!(files.len() >= 27, "too few scenarios are shipped");
    for path in files {
        let scenario = scenario::load(&path, &[]).unwrap_or_else(|faults| panic!("{faults}"));
        assert!(scenario.warnings.is_empty(), "{}: {:?}", path.display(), scenario.warnings);
        assert!(scenario.question.ends_with('?'), "{} asks nothing", path.display());
        assert!((5..=10).contains(&scenario.replicates), "{} is not quick", path.display());
        check_round_trip(&scenario);
    }
}

#[test]
fn real_scenarios_have_their_recordings_beside_them() {
    for (name, peers, recorded) in
        [("s1", 21, 160), ("s2", 25, 480), ("s2q", 25, 432), ("s4", 25, 1056), ("s7", 21, 220)]
    {
        let path = format!("scenarios/real/{name}.toml");
        let scenario = scenario::load(Path::new(&path), &[]).unwrap();
        let plan = &scenario.arms[0].plan;
        assert_eq!(counts(plan).iter().sum::<u32>(), peers, "{name}");
        assert_eq!(scenario.recorded.len(), recorded, "{name}");
        assert!(plan.classes.iter().all(|c| c.protocol.choking.slots == Slots::Fixed(4)));
        let means = presets::libtorrent().requests;
        assert!(plan.classes.iter().all(|c| c.protocol.requests == means), "{name}");
    }
    let s4 = scenario::load(Path::new("scenarios/real/s4.toml"), &[]).unwrap();
    let riders = s4.arms[0].plan.classes.iter().find(|c| c.name == "freerider").unwrap();
    assert!(matches!(riders.choker, ChokerSpec::Never));
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let scenario = read(&small(""));
    assert_eq!(scenario.question, "does it load?");
    assert_eq!((scenario.name.as_str(), scenario.seed, scenario.replicates), ("text", 1, 5));
    assert_eq!((scenario.arms.len(), scenario.arms[0].name.as_str()), (1, "default"));
    let plan = &scenario.arms[0].plan;
    assert_eq!(plan.piece.0, 256 * 1024);
    assert_eq!(plan.sample, Span::from_secs(10.0));
    let [seed, peer] = plan.classes.as_slice() else { panic!("two classes") };
    assert_eq!((seed.role, peer.role), (Role::Seeder, Role::Leecher));
    assert!(matches!((&seed.stay, &peer.stay), (Stay::Forever, Stay::Leave)));
    assert!(matches!(&peer.download, DownloadDist::Rate(RateDist::Fixed(ByteRate::UNLIMITED))));
    assert_eq!(*peer.protocol, presets::mainline());
}

#[test]
fn a_file_that_is_not_there_is_a_fault() {
    let faults = scenario::load(Path::new("scenarios/none.toml"), &[]).unwrap_err();
    assert_eq!(faults.count(), 1);
    assert!(faults.to_string().starts_with("error: there is no such file"), "{faults}");
}

#[test]
fn a_file_without_question_or_seeder_is_warned_of() {
    let text = "size_mib = 1\nhorizon_s = 9\n[classes.a]\ncount = 1\nupload_kib_per_s = 1\n";
    let warnings = read(text).warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("question") && warnings[1].contains("no seeder"));
}

#[test]
fn peers_whose_messages_wait_for_no_uplink_are_warned_of() {
    let warnings = |preset: &str, upload: &str| {
        let protocol = format!("protocol.preset = \"{preset}\"");
        let text = small(&format!("[classes.mute]\ncount = 2\nupload_kib_per_s = {upload}\n"));
        read(&text.replacen("horizon_s", &format!("{protocol}\nhorizon_s"), 1)).warnings
    };
    for upload in ["0", "{ each = [0, 30] }"] {
        let told = warnings("libtorrent", upload);
        assert!(told[0].contains("class `mute` has peers without upload"), "{told:?}");
        assert!(warnings("mainline", upload).is_empty());
    }
    assert!(warnings("libtorrent", "30").is_empty());
}

#[test]
fn arms_merge_tables_and_replace_the_rest_in_their_order() {
    let text = small(
        "stay = { linger_s = 60 }\n[protocol.choking]\nslots = 3\nrechoke_s = 7\n\
         [arms.zebra]\nprotocol.choking.slots = 5\n[arms.ant]\nclasses.peer.count = 9\n\
         classes.peer.stay = { until_ratio = 2 }\nsize_kib = 512\n",
    );
    let scenario = read(&text);
    let names: Vec<&str> = scenario.arms.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["zebra", "ant"], "the order of the file is kept");
    let [zebra, ant] = scenario.arms.as_slice() else { panic!("two arms") };
    let choking = |arm: &scenario::Arm| arm.plan.classes[1].protocol.choking.clone();
    assert_eq!((choking(zebra).slots, choking(ant).slots), (Slots::Fixed(5), Slots::Fixed(3)));
    assert_eq!(choking(zebra).rechoke, Span::from_secs(7.0), "the rest of the table stays");
    assert_eq!((counts(&zebra.plan), counts(&ant.plan)), (vec![1, 5], vec![1, 9]));
    assert!(matches!(ant.plan.classes[1].stay, Stay::UntilRatio(_)), "a choice is replaced");
    assert_eq!(ant.plan.content.0, 512 * 1024, "another unit replaces the first");
    check_round_trip(&scenario);
}

/// The names of all keys below `table`, but for those of classes, which are the user's.
fn keys(table: &toml::Table, found: &mut Vec<String>) {
    for (key, value) in table {
        found.push(key.clone());
        let Some(inner) = value.as_table() else { continue };
        match key.as_str() {
            "classes" => {
                inner.values().filter_map(toml::Value::as_table).for_each(|t| keys(t, found));
            }
            _ => keys(inner, found),
        }
    }
}

#[test]
fn every_key_of_a_resolved_scenario_is_documented() {
    let docs = std::fs::read_to_string("docs/scenario.md").unwrap();
    for path in shipped() {
        for arm in scenario::load(&path, &[]).unwrap().arms {
            let mut found = Vec::new();
            keys(&arm.resolved, &mut found);
            for key in found {
                let forms = ["`KEY`", "KEY = ", "protocol.KEY", "economy.KEY", "[KEY.", "[KEY]"];
                let named = forms.map(|form| form.replace("KEY", &key));
                assert!(named.iter().any(|n| docs.contains(n)), "`{key}` is not documented");
            }
        }
    }
}

/// The TOML of a fenced block of docs/scenario.md must be what the format accepts.
#[test]
fn the_first_example_of_the_documentation_loads() {
    let docs = std::fs::read_to_string("docs/scenario.md").unwrap();
    let block = docs.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let scenario = read(block.unwrap());
    assert_eq!(scenario.question, "Do free riders finish later than contributors?");
    assert_eq!(scenario.warnings, Vec::<String>::new());
}

#[test]
fn the_baseline_is_the_first_arm_unless_named() {
    let arms = "[arms.a]\nclasses.peer.count = 1\n[arms.b]\nclasses.peer.count = 2\n";
    assert_eq!(read(&small(arms)).baseline, 0);
    assert_eq!(read_with(&small(arms), &[("baseline", "\"b\"")]).baseline, 1);
}

#[test]
fn set_wins_over_file_and_arms() {
    let arms = "[arms.a]\nclasses.peer.count = 1\n[arms.b]\nclasses.peer.count = 2\n";
    let sets = [
        ("classes.peer.count", "7"),
        ("seed", "99"),
        ("protocol.preset", "libtorrent"),
        ("arms.b.sample_s", "3"),
    ];
    let scenario = read_with(&small(arms), &sets);
    assert_eq!(scenario.seed, 99);
    for arm in &scenario.arms {
        assert_eq!(counts(&arm.plan), [1, 7]);
        assert_eq!(*arm.plan.classes[0].protocol, presets::libtorrent());
    }
    assert_eq!(scenario.arms[1].plan.sample, Span::from_secs(3.0));
}

#[test]
fn set_replaces_a_choice_as_a_whole() {
    let text = small("stay = { linger_s = 60 }\n");
    let stay = |sets: &[(&str, &str)]| read_with(&text, sets).arms[0].plan.classes[1].stay.clone();
    assert!(matches!(stay(&[("classes.peer.stay", "forever")]), Stay::Forever));
    let ratio = stay(&[("classes.peer.stay.until_ratio", "1.5")]);
    assert!(matches!(ratio, Stay::UntilRatio(r) if r == 1.5));
}

#[test]
fn shares_are_dealt_by_largest_remainder() {
    let classes = |shares: &[f64]| {
        let mut text = small("[population]\nleechers = 10\n");
        for (i, share) in shares.iter().enumerate() {
            let class = format!("[classes.c{i}]\nshare = {share}\nupload_kib_per_s = 50\n");
            text.push_str(&class);
        }
        counts(&plan(&text))[2..].to_vec()
    };
    assert_eq!(classes(&[0.25, 0.25, 0.5]), [3, 2, 5]);
    assert_eq!(classes(&[0.9, 0.1]), [9, 1]);
    assert_eq!(classes(&[1.0, 0.0]), [10, 0]);
}

#[test]
fn shares_thin_an_arrival_process() {
    let text = small(
        "[population]\narrivals = { poisson = { per_s = 0.4, until_s = 300 } }\n\
         [classes.a]\nshare = 0.25\nupload_kib_per_s = 50\n\
         [classes.b]\nshare = 0.75\nupload_kib_per_s = 50\n",
    );
    let rates: Vec<f64> = plan(&text).classes[2..]
        .iter()
        .map(|c| match c.arrivals {
            Arrivals::Poisson { per_s, until, .. } => {
                assert_eq!(until, SimTime::from_secs(300.0));
                per_s
            }
            _ => panic!("a share of a Poisson process is one"),
        })
        .collect();
    assert_eq!(rates, [0.1, 0.4 * 0.75]);
}

#[test]
fn given_arrivals_are_dealt_in_turn() {
    let text = small(
        "[population]\narrivals = { at_s = [1, 2, 3, 4, 5, 6] }\n\
         [classes.a]\nshare = 0.5\nupload_kib_per_s = 50\n\
         [classes.b]\nshare = 0.5\nupload_kib_per_s = 50\n",
    );
    let plan = plan(&text);
    let Arrivals::At(times) = &plan.classes[2].arrivals else { panic!("given times stay so") };
    let odd: Vec<SimTime> = [1.0, 3.0, 5.0].map(SimTime::from_secs).to_vec();
    assert_eq!(*times, odd);
}

#[test]
fn a_population_csv_makes_one_peer_per_row() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "class,role,arrival_s,upload_kib_per_s,download_kib_per_s,stay\n\
               origin,seeder,0,250,,forever\nfast,leecher,1.5,100,400,leave\n\
               slow,leecher,2,25,,60\nfast,leecher,0,120,,forever\n";
    std::fs::write(folder.path().join("people.csv"), csv).unwrap();
    let file = folder.path().join("peers.toml");
    let text = "# who?\nsize_mib = 1\nhorizon_s = 60\npopulation_csv = \"people.csv\"\n\
                [classes.slow]\nchoker = \"never\"\nprotocol.choking.slots = 3\n";
    std::fs::write(&file, text).unwrap();
    let scenario = scenario::load(&file, &[]).unwrap();
    check_round_trip(&scenario);
    assert_eq!(scenario.warnings, Vec::<String>::new());
    let plan = &scenario.arms[0].plan;
    let [origin, fast, slow] = plan.classes.as_slice() else { panic!("three classes") };
    assert_eq!((origin.role, fast.role, slow.role), (Role::Seeder, Role::Leecher, Role::Leecher));
    assert_eq!(counts(plan), [1, 2, 1]);
    let Arrivals::At(times) = &fast.arrivals else { panic!("arrivals are those of the rows") };
    assert_eq!(*times, [SimTime::from_secs(1.5), SimTime::ZERO]);
    let RateDist::PerPeer(up) = &fast.upload else { panic!("rates are those of the rows") };
    assert_eq!(*up, [100.0, 120.0].map(ByteRate::from_kib_per_s));
    let DownloadDist::Rate(RateDist::PerPeer(down)) = &fast.download else { panic!("rates") };
    assert_eq!(*down, [ByteRate::from_kib_per_s(400.0), ByteRate::UNLIMITED]);
    let Stay::PerPeer(stay) = &slow.stay else { panic!("stays are those of the rows") };
    assert!(matches!(stay[0], Stay::Linger(span) if span == Span::from_secs(60.0)));
    assert!(matches!((&slow.choker, &fast.choker), (ChokerSpec::Never, ChokerSpec::TitForTat)));
    assert_eq!(slow.protocol.choking.slots, Slots::Fixed(3));
}

#[test]
fn classes_lay_their_protocol_over_that_of_the_file() {
    let text = small(
        "large_view = true\n[classes.peer.protocol.overlay]\nnumwant = 77\n\
         [protocol]\npreset = \"libtorrent\"\nlatency_ms = 20\n",
    );
    let plan = plan(&text);
    let (seed, peer) = (&plan.classes[0].protocol, &plan.classes[1].protocol);
    assert_eq!(seed.overlay, presets::libtorrent().overlay);
    assert_eq!((peer.overlay.numwant, peer.overlay.max_neighbours), (77, 10_000));
    assert_eq!(peer.latency, Span::from_secs(0.02));
}

#[test]
fn an_origin_can_leave_at_a_time_of_the_clock() {
    let text = small(
        "[classes.origin]\nrole = \"seeder\"\ncount = 1\nupload_kib_per_s = 1\n\
                      arrivals = { at_once = { at_s = 40 } }\nstay = { leave_at_s = 100 }\n",
    );
    let stay = plan(&text).classes[2].stay.clone();
    assert!(matches!(stay, Stay::Linger(span) if span == Span::from_secs(60.0)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any rates and times survive being resolved and read again, bit for bit.
    #[test]
    fn resolved_scenarios_are_the_same_scenario(
        up in 0.01f64..20_000.0,
        spread in 0.0f64..1e4,
        factor in 0.1f64..50.0,
        latency in 0.0f64..500.0,
        per_s in 1e-4f64..10.0,
        slots in 2u32..40,
    ) {
        let text = small(&format!(
            "[classes.more]\ncount = 3\nupload_kib_per_s = {up}\n\
             download_kib_per_s = {{ times_upload = {factor} }}\n\
             arrivals = {{ at_once = {{ at_s = 0.25, spread_s = {spread} }} }}\n\
             [classes.flow]\nupload_kib_per_s = {{ pareto = {{ minimum = {up}, shape = 1.5 }} }}\n\
             arrivals = {{ decaying = {{ per_s = {per_s}, tau_s = 60 }} }}\n\
             [classes.flow.protocol]\npreset = \"libtorrent\"\nlatency_ms = {latency}\n\
             [protocol.choking]\nslots = {slots}\n"
        ));
        check_round_trip(&read(&text));
    }
}

#[test]
fn a_scenario_of_a_program_needs_no_files() {
    let text = "# Who?\nsize_mib = 1\nhorizon_s = 9\npopulation_csv = \"data/two.csv\"\n";
    let rows = "class,role,arrival_s,upload_kib_per_s,download_kib_per_s,stay\n\
                a,seeder,0,100,,forever\nb,leecher,0,50,,forever\n";
    let beside = [("data/two.csv", rows)];
    let scenario = scenario::from_texts("two.toml", text, &beside).expect("all is there");
    assert_eq!(scenario.name, "two");
    let names: Vec<&str> =
        scenario.arms[0].plan.classes.iter().map(|class| class.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let faults = scenario::from_texts("two.toml", text, &[]).expect_err("a file is missing");
    assert!(faults.to_string().contains("there is no file `data/two.csv`"), "{faults}");
}
