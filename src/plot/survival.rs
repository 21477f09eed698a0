//! How long torrents have every piece: survival by arm, after Kaplan and Meier. With one torrent
//! in each run, a run is a life.

use super::axis::Axis;
use super::books::TorrentLife;
use super::curves::{Curve, Spread};
use super::page::{Entry, Figure, Grid, Look, Page, Panel, Words};
use super::style::Stroke;
use super::table::Results;
use super::text::{self, Unit};
use crate::report::survival::{self, Life, Step};
use crate::units::f64_of_len;

/// Up to so many arms have bands.
const N_BANDS: usize = 4;

/// The figure; `None` where no torrents are listed.
pub(super) fn draw(results: &Results) -> Option<Figure> {
    let torrents = &results.books.torrents;
    let arms: Vec<usize> = (0..results.arms.len())
        .filter(|&arm| torrents.iter().any(|torrent| torrent.arm == arm))
        .collect();
    if arms.is_empty() {
        return None;
    }
    let steps: Vec<Vec<Step>> = arms.iter().map(|&arm| steps_of(torrents, arm)).collect();
    let end_s = torrents.iter().map(|torrent| torrent.time_s).fold(1.0, f64::max);
    let unit = Unit::of_time(end_s);
    let lives = Lives::of(torrents);
    let title = title(results, (&arms, &steps), lives, unit);
    let mut page = Page::new(&title, &results.about.question);
    let places = page.panels(1, Grid::shared(1));
    let x = Axis::linear(0.0, end_s * 1.01 / unit.size, 9);
    let panel = Panel { area: places[0], x, y: Axis::share() };
    let words = Words {
        title: format!("{} that never lost the last copy of a piece", lives.title()),
        x_name: format!("time since release ({})", unit.name),
        y_name: lives.noun().to_owned(),
        ..Words::default()
    };
    panel.frame(&mut page.canvas, &words);
    for (&arm, steps) in arms.iter().zip(&steps) {
        let watched = torrents.iter().filter(|torrent| torrent.arm == arm);
        let curve = curve(steps, watched.map(|torrent| torrent.time_s).fold(0.0, f64::max));
        let look = Look {
            stroke: Stroke::series(arm),
            has_band: arms.len() <= N_BANDS,
            is_stepped: false,
            x_unit: unit.size,
        };
        panel.curve(&mut page.canvas, &curve, look);
    }
    let entry = |&arm: &usize| Entry::series(&results.arms.0[arm], arm);
    page.legend(&arms.iter().map(entry).collect::<Vec<_>>());
    Some(page.finish("availability_survival", &notes(results, &arms, lives)))
}

/// What a life is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lives {
    /// A torrent, of which a run has several.
    Torrents,
    /// A run, which has one.
    Runs,
}

impl Lives {
    fn of(torrents: &[TorrentLife]) -> Self {
        let mut runs: Vec<_> = torrents.iter().map(|life| (life.arm, life.replicate)).collect();
        runs.sort_unstable();
        let is_one_each = runs.windows(2).all(|pair| pair[0] != pair[1]);
        if is_one_each { Self::Runs } else { Self::Torrents }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Torrents => "torrents",
            Self::Runs => "runs",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Torrents => "Torrents",
            Self::Runs => "Runs",
        }
    }

    /// Who keeps every piece.
    fn subject(self) -> &'static str {
        match self {
            Self::Torrents => "How long torrents keep every piece",
            Self::Runs => "How long the torrent keeps every piece",
        }
    }

    fn of_them(self) -> &'static str {
        match self {
            Self::Torrents => "of them",
            Self::Runs => "of the runs",
        }
    }
}

/// All torrents of all runs of an arm together.
fn steps_of(torrents: &[TorrentLife], arm: usize) -> Vec<Step> {
    let life = |torrent: &TorrentLife| Life { time: torrent.time_s, ended: torrent.ended };
    let lives: Vec<Life> = torrents.iter().filter(|t| t.arm == arm).map(life).collect();
    survival::kaplan_meier(&lives).unwrap_or_default()
}

/// A curve of horizontal and vertical lines, from 1 at the release to the end of what was watched.
fn curve(steps: &[Step], end_s: f64) -> Curve {
    let mut points = vec![Spread { at: 0.0, mean: 1.0, low: 1.0, high: 1.0 }];
    for step in steps {
        let before = *points.last().expect("begins with one");
        let (low, high) = step.band().unwrap_or((0.0, before.high));
        points.push(Spread { at: step.time, ..before });
        points.push(Spread { at: step.time, mean: step.survival, low, high });
    }
    let last = *points.last().expect("begins with one");
    points.push(Spread { at: end_s, ..last });
    // Two, so that it has a band.
    Curve { points, n_runs: 2, end: 1.0 }
}

fn title(
    results: &Results,
    (arms, steps): (&[usize], &[Vec<Step>]),
    lives: Lives,
    unit: Unit,
) -> String {
    let of_them = lives.of_them();
    let said: Vec<(usize, String)> = arms
        .iter()
        .zip(steps)
        .map(|(&arm, steps)| {
            if let Some(time) = survival::time_to(steps, 0.5) {
                return (arm, format!("half {of_them} for {}", unit.say(time)));
            }
            let left = steps.last().map_or(1.0, |step| step.survival);
            (arm, format!("{} {of_them} to the end", text::percent(left)))
        })
        .collect();
    if said.len() > 1 && said.windows(2).all(|pair| pair[0].1 == pair[1].1) {
        return format!("{}: in all arms {}", lives.subject(), said[0].1);
    }
    if said.len() > 3 {
        return lives.subject().to_owned();
    }
    let said: Vec<String> =
        said.iter().map(|(arm, what)| format!("{} {what}", results.arms.0[*arm])).collect();
    format!("{}: {}", lives.subject(), said.join(", "))
}

fn notes(results: &Results, arms: &[usize], lives: Lives) -> Vec<String> {
    let n = results.books.torrents.iter().filter(|torrent| arms.contains(&torrent.arm)).count();
    let band = match lives {
        _ if arms.len() > N_BANDS => "Lines: Kaplan and Meier.",
        Lives::Torrents => {
            "Line: Kaplan and Meier; band: 95\u{202f}% at each time, as if torrents were \
             independent."
        }
        Lives::Runs => {
            "Line: Kaplan and Meier over replicates; band: 95\u{202f}% at each time; none at 1."
        }
    };
    let censored = match lives {
        Lives::Torrents => "Torrents that had every piece when their run ended",
        Lives::Runs => "Runs that ended with every piece there",
    };
    let n = text::number(f64_of_len(n), 0);
    vec![
        band.to_owned(),
        format!("{censored} are only known to last longer."),
        match lives {
            Lives::Torrents => format!("{n} torrents in all runs. {}.", results.about.name),
            Lives::Runs => format!("{n} runs. {}.", results.about.name),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::super::books::Books;
    use super::super::table::{Moment, N_MEASURES, Names};
    use super::*;
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    /// A folder whose runs, one torrent in each, are of an arm, lost a piece, and ended then.
    fn lives(losses: &[(&str, Option<u32>, u32)]) -> Vec<TorrentLife> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut text = "arm,replicate,torrent_id,release_s,first_loss_s\n".to_owned();
        let arms = Names(vec!["barter".to_owned(), "token".to_owned()]);
        let mut timeline = Vec::new();
        for (replicate, (arm, loss, end)) in (0_u32..).zip(losses) {
            let loss = loss.map_or(String::new(), |s| s.to_string());
            writeln!(text, "{arm},{replicate},0,0,{loss}").expect("a text takes all");
            for time_s in [0.0, f64::from(*end)] {
                let arm = arms.clone().id(arm);
                let replicate = u64::from(replicate);
                timeline.push(Moment { arm, replicate, time_s, values: [None; N_MEASURES] });
            }
        }
        std::fs::write(folder.path().join("torrents.csv"), text).expect("written");
        Books::read(folder.path(), &arms, &timeline, &BTreeSet::new()).expect("read").torrents
    }

    #[test]
    fn without_a_loss_the_curve_stays_at_1() {
        let lives = lives(&[("barter", None, 40), ("barter", None, 30), ("token", Some(20), 40)]);
        assert_eq!(Lives::of(&lives).noun(), "runs");
        let steps = steps_of(&lives, 0);
        assert!(steps.is_empty());
        for point in curve(&steps, 40.0).points {
            assert_eq!((point.mean, point.low, point.high), (1.0, 1.0, 1.0), "at {}", point.at);
        }
    }

    /// Losses at 10 and 30 s, censored at 20, 40, 40: of 5 at risk one is lost, then of 3 one:
    /// 4/5, and 4/5 × 2/3. Greenwood: 4/5 √(1/20), and 8/15 √(1/20 + 1/6).
    #[test]
    fn five_runs_by_hand_give_their_steps_and_bands() {
        let table = [(Some(30), 40), (None, 20), (Some(10), 40), (None, 40), (None, 40)];
        let lives = lives(&table.map(|(loss, end)| ("barter", loss, end)));
        let points = curve(&steps_of(&lives, 0), 40.0).points;
        let band = |mean: f64, error: f64| {
            let half = 1.959_964 * error;
            [mean, (mean - half).max(0.0), (mean + half).min(1.0)]
        };
        let first = band(0.8, 0.8 * (1.0_f64 / 20.0).sqrt());
        let second = band(8.0 / 15.0, 8.0 / 15.0 * (1.0_f64 / 20.0 + 1.0 / 6.0).sqrt());
        let by_hand = [
            (0.0, [1.0; 3]),
            (10.0, [1.0; 3]),
            (10.0, first),
            (30.0, first),
            (30.0, second),
            (40.0, second),
        ];
        assert_eq!(points.len(), by_hand.len());
        for (point, (at, values)) in points.iter().zip(by_hand) {
            assert!((point.at - at).abs() < 1e-12);
            for (got, want) in [point.mean, point.low, point.high].into_iter().zip(values) {
                assert!((got - want).abs() < 1e-9, "at {at}: {got} is not {want}");
            }
        }
        assert!((first[1] - 0.449_39).abs() < 1e-5 && (second[1] - 0.046_77).abs() < 1e-4);
    }
}
