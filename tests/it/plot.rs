//! Figures are drawn from made-up result folders of many shapes.
//! With `SWARMECON_PLOTS=DIR` the folders are kept there, to be looked at.
#![cfg(test)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use resvg::usvg;
use swarmecon::plot;

/// A made-up experiment.
struct Shape {
    arms: Vec<&'static str>,
    /// Name and upload of each class in KiB/s; 0 is a free rider.
    classes: Vec<(&'static str, f64)>,
    replicates: u64,
    peers_per_class: u64,
    /// Share of the leechers that finish.
    finish: f64,
    /// Whether peers that do not finish have part of the content.
    has_partial: bool,
    is_recorded: bool,
}

const CONTENT: f64 = 256.0 * 1024.0 * 1024.0;

/// A fixed sequence of numbers in 0..1.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 33).unwrap()) / f64::from(1_u32 << 31)
    }
}

impl Shape {
    fn write(&self, folder: &Path) {
        fs::write(
            folder.join("manifest.toml"),
            "scenario = \"made_up\"\nquestion = \"Does a token <economy> make downloads faster & \
             fairer than tit-for-tat when links are asymmetric?\"\n",
        )
        .unwrap();
        fs::write(folder.join("peers.csv"), self.peers()).unwrap();
        fs::write(folder.join("timeline.csv"), self.timeline()).unwrap();
        fs::write(folder.join("comparison.csv"), self.comparison()).unwrap();
        if self.is_recorded {
            fs::write(folder.join("recorded_downloads.csv"), self.recorded()).unwrap();
        }
    }

    fn peers(&self) -> String {
        let mut text = String::from(
            "arm,replicate,peer_id,class,role,upload_kib_per_s,download_kib_per_s,arrival_s,\
             first_piece_s,completed_s,departed_s,download_time_s,slowdown,uploaded_bytes,\
             downloaded_bytes,wasted_bytes,ratio_at_completion,ratio_final,unchoked_share\n",
        );
        let mut dice = Dice(7);
        for (a, arm) in self.arms.iter().enumerate() {
            for replicate in 0..self.replicates {
                writeln!(
                    text,
                    "{arm},{replicate},0,origin,seeder,1000,1000,0,,,900,,,{},0,0,,,",
                    CONTENT * 4.0
                )
                .unwrap();
                for (c, (class, upload)) in self.classes.iter().enumerate() {
                    for i in 0..self.peers_per_class {
                        let id = u64::try_from(c).unwrap() * self.peers_per_class + i + 1;
                        let pace = 1.0 - 0.06 * f64::from(u32::try_from(a).unwrap());
                        let spread = 0.7 + 0.6 * dice.roll() * dice.roll() + 0.2 * dice.roll();
                        let time = 600.0 * pace * spread * (1.6 - upload / 200.0).max(0.4);
                        let is_done = dice.roll() < self.finish;
                        let part = if is_done { 1.0 } else { dice.roll() };
                        let down = if is_done || self.has_partial { CONTENT * part } else { 0.0 };
                        let up = (down * upload / 80.0 * (0.5 + dice.roll())).floor();
                        let done = if is_done { format!("{time:.3}") } else { String::new() };
                        writeln!(
                            text,
                            "{arm},{replicate},{id},\"{class}\",leecher,{upload},800,0,3,\
                             {done},{done},{done},1.5,{up},{},0,,,0.7",
                            down.floor()
                        )
                        .unwrap();
                    }
                }
            }
        }
        text
    }

    fn timeline(&self) -> String {
        let mut text = String::from(
            "arm,replicate,time_s,leechers,seeders,availability,rarest_copies,seedless,\
             upload_utilisation,download_rate_kib_per_s,mean_progress,interest,completed\n",
        );
        let mut dice = Dice(11);
        let n = f64::from(u32::try_from(self.peers_per_class).unwrap());
        for (a, arm) in self.arms.iter().enumerate() {
            for replicate in 0..self.replicates {
                let end = 900.0 - 30.0 * f64::from(u32::try_from(a).unwrap()) + 100.0 * dice.roll();
                for step in 0..=100 {
                    let time = f64::from(step) * 10.0;
                    if time > end {
                        break;
                    }
                    let part = ((time / end - 0.3) / 0.5).clamp(0.0, 1.0);
                    let done = self.finish * n * part * part * (3.0 - 2.0 * part);
                    let leechers = (n - done).round();
                    let seeders = if time < end * 0.7 { 1.0 + (done * 0.2).floor() } else { 0.0 };
                    let availability = 0.7 + seeders + leechers * time / end / 2.0;
                    let busy = 0.9 * (1.0 - time / end * 0.6) * (0.9 + 0.1 * dice.roll());
                    let seedless = u8::from(seeders == 0.0);
                    let busy = if step == 0 { String::new() } else { format!("{busy:.4}") };
                    writeln!(
                        text,
                        "{arm},{replicate},{time},{leechers},{seeders},{availability:.3},1,\
                         {seedless},{busy},100,{part:.3},,{}",
                        done.floor()
                    )
                    .unwrap();
                }
            }
        }
        text
    }

    fn comparison(&self) -> String {
        let mut text = String::from(
            "metric,class,baseline,arm,unit,baseline_mean,arm_mean,difference,ci95_low,ci95_high,\
             relative_difference,n_pairs\n",
        );
        let mut dice = Dice(3);
        let whole = ["makespan", "upload_utilisation", "unfinished_share", "free_rider_advantage"];
        let per_class = ["download_time_mean", "download_time_p95"];
        let classes: Vec<&str> = self.classes.iter().map(|(name, _)| *name).collect();
        let rows = per_class.iter().flat_map(|m| classes.iter().map(move |c| (*m, *c)));
        for (metric, class) in rows.chain(whole.iter().map(|m| (*m, "all"))) {
            for (a, arm) in self.arms.iter().enumerate().skip(1) {
                let by = -20.0 * f64::from(u32::try_from(a).unwrap()) + 60.0 * (dice.roll() - 0.5);
                let half = 5.0 + 40.0 * dice.roll();
                let mean = if metric == "unfinished_share" { 0.0 } else { 700.0 };
                let interval = match self.replicates {
                    1 => ",".to_owned(),
                    _ => format!("{:.3},{:.3}", by - half, by + half),
                };
                writeln!(
                    text,
                    "{metric},\"{class}\",{},{arm},s,{mean},{},{by:.3},{interval},0,{}",
                    self.arms[0],
                    mean + by,
                    self.replicates
                )
                .unwrap();
            }
        }
        text
    }

    fn recorded(&self) -> String {
        let mut text = String::from("repetition,class,download_time_s\n");
        let mut dice = Dice(5);
        for repetition in 0..8 {
            for (class, upload) in &self.classes {
                for _ in 0..self.peers_per_class {
                    let spread = 0.75 + 0.6 * dice.roll() * dice.roll() + 0.2 * dice.roll();
                    let time = 620.0 * spread * (1.6 - upload / 200.0).max(0.4);
                    writeln!(text, "{repetition},\"{class}\",{time:.1}").unwrap();
                }
            }
        }
        text
    }
}

const THREE: [(&str, f64); 3] =
    [("adsl", 40.0), ("fibre to the home, symmetric", 160.0), ("free rider", 0.0)];
const EIGHT: [(&str, f64); 8] = [
    ("modem", 5.0),
    ("isdn", 10.0),
    ("adsl", 30.0),
    ("cable", 60.0),
    ("vdsl", 90.0),
    ("fibre to the home with a really long class name", 160.0),
    ("campus", 180.0),
    ("free rider", 0.0),
];
const SWEEP: &str = "ratio 1:1|ratio 2:1|ratio 3:1|ratio 4:1|ratio 5:1|ratio 6:1|ratio 7:1|\
                     ratio 8:1|ratio 9:1|ratio 10:1|ratio 11:1|ratio 12:1 with a long name";

/// One run per arm in which all finish; `arms` are separated by bars.
fn shape(arms: &'static str, classes: &[(&'static str, f64)], replicates: u64) -> Shape {
    Shape {
        arms: arms.split('|').collect(),
        classes: classes.to_vec(),
        replicates,
        peers_per_class: 60,
        finish: 1.0,
        has_partial: true,
        is_recorded: false,
    }
}

fn shapes() -> Vec<(&'static str, Shape)> {
    let one = [("leecher", 80.0)];
    let two = [("adsl", 40.0), ("free rider", 0.0)];
    let sweep = Shape { peers_per_class: 100, finish: 0.98, ..shape(SWEEP, &THREE[..2], 5) };
    let six = "barter|token|credit|altruism|posted price|auction";
    let nobody = Shape { finish: 0.0, has_partial: false, ..shape("barter|token", &one, 2) };
    vec![
        ("one_by_one", shape("base", &one, 1)),
        ("two_by_three", Shape { finish: 0.93, ..shape("barter|token", &THREE, 10) }),
        ("all_finish", shape("barter|token|altruism", &two, 30)),
        ("single_runs", shape("barter|token", &two, 1)),
        ("twelve_by_two", sweep),
        ("six_by_eight", Shape { finish: 0.97, ..shape(six, &EIGHT, 3) }),
        ("one_by_eight", shape("base", &EIGHT, 4)),
        ("nobody", nobody),
        ("recorded", Shape { is_recorded: true, ..shape("base", &one, 10) }),
        ("recorded_by_class", Shape { is_recorded: true, ..shape("a|b", &THREE, 5) }),
    ]
}

fn drawn(shape: &Shape, folder: &Path) -> Vec<PathBuf> {
    shape.write(folder);
    plot::draw(folder).unwrap()
}

#[test]
fn every_figure_is_drawn_for_every_shape() {
    for (name, shape) in shapes() {
        let temporary = tempfile::tempdir().unwrap();
        let kept = std::env::var_os("SWARMECON_PLOTS").map(|dir| PathBuf::from(dir).join(name));
        let folder = kept.as_deref().unwrap_or(temporary.path());
        fs::create_dir_all(folder).unwrap();
        let paths = drawn(&shape, folder);
        let stem = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        let names: Vec<_> = paths.iter().map(stem).collect();
        let mut wanted = vec!["download_times", "swarm_health", "contribution"];
        wanted.extend((shape.arms.len() > 1).then_some("comparison"));
        wanted.extend(shape.is_recorded.then_some("recorded_cdf"));
        let wanted: Vec<_> = wanted.into_iter().flat_map(|figure| [figure, figure]).collect();
        assert_eq!(names, wanted, "{name}: SVG and PNG of each figure");
        for path in &paths {
            check_figure(name, path);
        }
        let is_part = |entry: std::io::Result<fs::DirEntry>| {
            entry.unwrap().path().extension().is_some_and(|ending| ending == "part")
        };
        assert!(!fs::read_dir(folder).unwrap().any(is_part), "{name}: no temporary file stays");
    }
}

fn check_figure(name: &str, path: &Path) {
    if path.extension().is_some_and(|ending| ending == "png") {
        assert!(fs::read(path).unwrap().starts_with(b"\x89PNG"), "{name}: {}", path.display());
        return;
    }
    let text = fs::read_to_string(path).unwrap();
    assert!(!text.contains("NaN") && !text.contains("inf\""), "{name}: {}", path.display());
    let tree = usvg::Tree::from_str(&text, &usvg::Options::default()).unwrap();
    assert_eq!(tree.size().width(), 960.0);
    let height = tree.size().height();
    assert!(height < 1800.0, "{name}: {} is {height} high", path.display());
}

#[test]
fn drawing_twice_gives_the_same_bytes() {
    for (name, shape) in shapes().into_iter().filter(|(name, _)| name.contains("two")) {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (first, second) = (drawn(&shape, one.path()), drawn(&shape, two.path()));
        assert_eq!(first.len(), second.len());
        for (a, b) in first.iter().zip(&second) {
            assert!(fs::read(a).unwrap() == fs::read(b).unwrap(), "{name}: {}", a.display());
        }
    }
}

#[test]
fn faults_name_the_file_and_the_column() {
    let check = |file: &str, change: fn(String) -> String, wanted: &str| {
        let folder = tempfile::tempdir().unwrap();
        shapes()[0].1.write(folder.path());
        let path = folder.path().join(file);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
        let message = plot::draw(folder.path()).unwrap_err().to_string();
        assert!(message.contains(wanted), "{message}");
    };
    check(
        "peers.csv",
        |text| text.replace("download_time_s", "time"),
        "peers.csv: no column `download_time_s`; it has: arm, replicate, peer_id, class",
    );
    check(
        "timeline.csv",
        |text| text.replacen(",seedless,", ",lonely,", 1),
        "timeline.csv: no column `seedless`",
    );
    check(
        "timeline.csv",
        |text| text.replacen("base,0,10,", "base,0,soon,", 1),
        "timeline.csv:3: column `time_s` holds `soon`; it must be a finite number",
    );
    check("manifest.toml", |_| "name = ".to_owned(), "manifest.toml: ");
    let empty = tempfile::tempdir().unwrap();
    let message = plot::draw(empty.path()).unwrap_err().to_string();
    assert!(message.starts_with("peers.csv ("), "{message}");
}

#[test]
fn header_only_files_and_a_missing_manifest_still_draw() {
    let folder = tempfile::tempdir().unwrap();
    shapes()[1].1.write(folder.path());
    fs::remove_file(folder.path().join("manifest.toml")).unwrap();
    for file in ["peers.csv", "timeline.csv", "comparison.csv"] {
        let path = folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.lines().next().unwrap()).unwrap();
    }
    assert_eq!(plot::draw(folder.path()).unwrap().len(), 6);
}

#[test]
fn figures_that_the_files_no_longer_call_for_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (_, shape) = shapes().into_iter().find(|(name, _)| *name == "recorded_by_class").unwrap();
    drawn(&shape, folder.path());
    let mine = folder.path().join("notes.svg");
    fs::write(&mine, "my own").unwrap();
    fs::remove_file(folder.path().join("comparison.csv")).unwrap();
    fs::remove_file(folder.path().join("recorded_downloads.csv")).unwrap();
    assert_eq!(plot::draw(folder.path()).unwrap().len(), 6);
    for name in ["comparison.svg", "comparison.png", "recorded_cdf.svg", "recorded_cdf.png"] {
        assert!(!folder.path().join(name).exists(), "{name} is stale");
    }
    assert!(mine.exists(), "other files stay");
}
