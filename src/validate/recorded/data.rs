//! The recordings as part of the program: the scenarios of `scenarios/real` and what was measured.
//!
//! One source for both: a set-up is the plan its scenario file resolves to, and the CSV files are
//! those beside it, whose README says what each column is and where it comes from.

use crate::scenario::{self, Scenario};
use crate::swarm::plan::Plan;
use std::collections::BTreeMap;

/// A recorded set-up: its name in the files, its scenario, and the CSV files that names.
pub(super) struct SetUp {
    pub name: &'static str,
    scenario: &'static str,
    population: &'static str,
    downloads: &'static str,
}

macro_rules! set_up {
    ($name:literal) => {
        SetUp {
            name: $name,
            scenario: include_str!(concat!("../../../scenarios/real/", $name, ".toml")),
            population: include_str!(concat!(
                "../../../scenarios/real/data/",
                $name,
                "_population.csv"
            )),
            downloads: include_str!(concat!(
                "../../../scenarios/real/data/",
                $name,
                "_recorded.csv"
            )),
        }
    };
}

pub(super) const S1: SetUp = set_up!("s1");
pub(super) const S2: SetUp = set_up!("s2");
pub(super) const S2Q: SetUp = set_up!("s2q");
pub(super) const S4: SetUp = set_up!("s4");
pub(super) const S7: SetUp = set_up!("s7");
pub(super) const STREAM: SetUp = set_up!("stream");
pub(super) const LEAVERS: SetUp = set_up!("leavers");
pub(super) const CROWD: SetUp = set_up!("crowd");
pub(super) const LONG: SetUp = set_up!("long");
pub(super) const LATE_FREE_RIDERS: SetUp = set_up!("late_free_riders");
pub(super) const LATE_COMERS: SetUp = set_up!("late_comers");
pub(super) const MIXED_ARRIVALS: SetUp = set_up!("mixed_arrivals");
pub(super) const MIXED_LINKS: SetUp = set_up!("mixed_links");
pub(super) const FAST_ARRIVALS: SetUp = set_up!("fast_arrivals");
pub(super) const TWO_STREAMS: SetUp = set_up!("two_streams");
pub(super) const SMALL_PIECES: SetUp = set_up!("small_pieces");

const MEASURES: &str = include_str!("../../../scenarios/real/data/recorded_measures.csv");
const FIRST_SLOTS: &str = include_str!("../../../scenarios/real/data/recorded_first_slots.csv");

/// Values of a run or repetition, one after another, by class and measure: `("fast",
/// "upload_use")`. What belongs to no class is under `all`.
pub(super) type Values = BTreeMap<(String, String), Vec<f64>>;

/// Download times in seconds of one class, run by run.
pub(super) type Times = Vec<Vec<f64>>;

/// A repetition of a recording, and who held the seed's first slots in it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Lucky {
    /// Peers by class, in order of the names: `fast:1 medium:2 slow:1`.
    pub first_slots: String,
    /// Mean download time over all leechers, in seconds.
    pub mean_time_s: f64,
}

impl SetUp {
    fn read(&self) -> Scenario {
        let beside = [
            (format!("data/{}_population.csv", self.name), self.population),
            (format!("data/{}_recorded.csv", self.name), self.downloads),
        ];
        let beside = beside.each_ref().map(|(name, text)| (name.as_str(), *text));
        scenario::from_texts(&format!("{}.toml", self.name), self.scenario, &beside)
            .expect("the scenarios of the project are tested")
    }

    /// What the simulator is given.
    pub fn plan(&self) -> Plan {
        self.read().arms.swap_remove(0).plan
    }

    /// Recorded download times by class, repetition by repetition.
    pub fn times(&self) -> BTreeMap<String, Times> {
        let mut by_class: BTreeMap<String, BTreeMap<u32, Vec<f64>>> = BTreeMap::new();
        for row in self.read().recorded {
            let runs = by_class.entry(row.class).or_default();
            runs.entry(row.repetition).or_default().push(row.download_time_s);
        }
        let runs_of = |(class, runs): (String, BTreeMap<u32, Vec<f64>>)| {
            (class, runs.into_values().collect())
        };
        by_class.into_iter().map(runs_of).collect()
    }

    /// All other recorded measures, repetition by repetition.
    pub fn values(&self) -> Values {
        let mut values = Values::new();
        for [_, _, class, measure, value] in rows(MEASURES).filter(|row| row[0] == self.name) {
            values.entry((class.into(), measure.into())).or_default().push(number(value));
        }
        values
    }

    /// Who held the first slots, repetition by repetition, with those of the same set-up in which
    /// peers were started in the order of their classes (`s2c` beside `s2`).
    pub fn luck(&self) -> Vec<Lucky> {
        let in_order = format!("{}c", self.name);
        rows(FIRST_SLOTS)
            .filter(|[set_up, _, _, _]| *set_up == self.name || *set_up == in_order)
            .map(|[_, _, first_slots, mean]| Lucky {
                first_slots: first_slots.into(),
                mean_time_s: number(mean),
            })
            .collect()
    }
}

/// The rows of a table below its heads.
fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    table.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        fields.try_into().expect("every row of the recordings has all columns")
    })
}

fn number(field: &str) -> f64 {
    field.parse().expect("measures are numbers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::f64_of_len;

    #[test]
    fn all_recordings_are_whole() {
        for (set_up, repetitions, leechers) in [
            (S1, 8, 20),
            (S2, 20, 24),
            (S2Q, 18, 24),
            (S4, 44, 24),
            (S7, 11, 20),
            (STREAM, 71, 20),
            (LEAVERS, 4, 24),
            (CROWD, 8, 36),
            (LONG, 4, 12),
            (LATE_FREE_RIDERS, 80, 18),
            (LATE_COMERS, 32, 20),
            (MIXED_ARRIVALS, 69, 22),
            (MIXED_LINKS, 16, 30),
            (FAST_ARRIVALS, 16, 20),
            (TWO_STREAMS, 16, 16),
            (SMALL_PIECES, 12, 36),
        ] {
            let times = set_up.times();
            assert!(times.values().all(|runs| runs.len() == repetitions), "{}", set_up.name);
            let n: usize = times.values().map(|runs| runs[0].len()).sum();
            assert_eq!(n, leechers, "{}", set_up.name);
            let values = set_up.values();
            assert!(values.values().all(|runs| runs.len() == repetitions), "{}", set_up.name);
            for measure in ["makespan_s", "copy1_s", "tenure_s_median", "tenure_s_p90"] {
                assert!(values.contains_key(&("all".into(), measure.into())), "{measure}");
            }
            for class in times.keys() {
                let shares = values.iter().filter(|(key, _)| key.0 == *class);
                let shares = shares.filter(|(key, _)| key.1.starts_with("share_from_"));
                let sum: f64 = shares.map(|(_, runs)| runs[0]).sum();
                assert!((sum - 1.0).abs() < 1e-3, "{} {class}: {sum}", set_up.name);
            }
            assert_eq!(set_up.plan().horizon.as_secs(), 1000.0);
        }
    }

    #[test]
    fn first_slots_come_with_those_of_ordered_starts() {
        assert_eq!([S2, S2Q, S4].map(|set_up| set_up.luck().len()), [22, 20, 46]);
        let last = S2.luck().pop().expect("there are many");
        assert_eq!(last, Lucky { first_slots: "fast:4".into(), mean_time_s: 87.63 });
    }

    /// What `Swarm::find_place` rests on: of the connections a client makes later most stand behind
    /// those of its start, anywhere in memory that grows with the time it has been there, or, if
    /// made at once with another, in one case of three directly behind that; how many do not
    /// depends on whether it was there from the start.
    #[test]
    fn connections_made_later_stand_where_the_model_has_them() {
        let table = include_str!("../../../scenarios/real/data/recorded_connections.csv");
        // When it was seen, and of those seen at once the number of the neighbour, which rises
        // with its arrival; then the place.
        let mut lists: BTreeMap<[&str; 3], Vec<[f64; 3]>> = BTreeMap::new();
        for [set_up, repetition, client, place, neighbour, seen_s] in rows(table) {
            let list = lists.entry([set_up, repetition, client]).or_default();
            list.push([number(seen_s), number(neighbour), number(place)]);
        }
        let (mut n_early, mut n_front) = (0, 0);
        // Of those a seed made later, and of those of clients that came later to few others: how
        // many there are, and how many of them stand before the last of the first ones.
        let (mut of_seed, mut of_few) = ([0, 0], [0, 0]);
        let mut of_late: BTreeMap<usize, [usize; 2]> = BTreeMap::new();
        // Pairs of those behind, by whether they were made at once or how long after each other,
        // and whether another one was made between: how many, how many stand in the order made,
        // and how many would in the model.
        let mut pairs: BTreeMap<(usize, bool), [f64; 3]> = BTreeMap::new();
        let (mut n_placed, mut n_last) = (0, 0);
        for ([.., client], mut list) in lists {
            list.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
            let start = list[0][0];
            let (first, later) = list.split_at(list.partition_point(|row| row[0] <= start + 2.5));
            let before = |row: &[f64; 3]| first.iter().filter(|other| other[2] < row[2]).count();
            let was_there = start < 5.0;
            let behind: Vec<_> = later.iter().filter(|row| before(row) == first.len()).collect();
            let not_behind = [later.len(), later.len() - behind.len()];
            if client == "0" {
                of_seed = [0, 1].map(|i| of_seed[i] + not_behind[i]);
            } else if !was_there && first.len() <= 5 {
                of_few = [0, 1].map(|i| of_few[i] + not_behind[i]);
            }
            // Where one or two are all that were first, to stand before them tells little.
            let tells = first.len() > 2;
            if was_there && tells {
                n_early += later.len();
                n_front += later.iter().filter(|row| before(row) == 0).count();
            } else if first.len() > 5 {
                for (nth, row) in later.iter().enumerate() {
                    let [all, takes_room] = of_late.entry(nth).or_default();
                    *all += 1;
                    *takes_room += usize::from(before(row) < first.len());
                }
            }
            // Those of the seed mostly stand as they were made.
            let n_drawn = if client == "0" { 0 } else { behind.len() };
            for (n, row) in behind[..n_drawn].iter().enumerate().skip(2) {
                n_placed += 1;
                n_last += usize::from(behind[..n].iter().all(|other| other[2] < row[2]));
            }
            for (n, second) in behind[..n_drawn].iter().enumerate() {
                for (m, first) in behind[..n].iter().enumerate() {
                    let gap = second[0] - first[0];
                    let apart = [1.5, 10.0, 20.0, 40.0].partition_point(|&most| most <= gap);
                    let taken = |row: &[f64; 3]| 15.0 + row[0] - start;
                    let by_chance = 1.0 - taken(first) / taken(second) / 2.0;
                    let steps = f64_of_len(n - m);
                    let follows = if apart == 0 { libm::pow(1.0 / 3.0, steps) } else { 0.0 };
                    let pair = pairs.entry((apart, m + 1 == n)).or_default();
                    pair[0] += 1.0;
                    pair[1] += f64::from(u8::from(first[2] < second[2]));
                    pair[2] += follows + (1.0 - follows) * by_chance;
                }
            }
        }
        let share = |part: usize, all: usize| f64_of_len(part) / f64_of_len(all);
        assert_eq!((of_seed, of_few), ([349, 1], [313, 6]), "none, and one in 60");
        assert_eq!(n_early, 2036);
        assert!((share(n_front, n_early) - 1.0 / 60.0).abs() < 0.003, "{n_front} of {n_early}");
        // As often as in the model, where it was drawn with these times.
        assert!((share(n_last, n_placed) - 0.366).abs() < 0.015, "{n_last} of {n_placed}");
        for (kind, [all, ordered, expected]) in pairs {
            // Two numbers say it for all set-ups: the farthest off are those more than 40 s apart,
            // of which 88 % stand in the order made, and 81 % would.
            let near = (ordered / all - expected / all).abs() < 0.075;
            assert!(near || all < 100.0, "{kind:?}: {ordered} of {all}, {expected} expected");
        }
        for (nth, [all, takes_room]) in of_late.into_iter().filter(|(_, [all, _])| *all >= 60) {
            let expected = 0.48 * libm::pow(6.0 / 7.0, f64_of_len(nth));
            let se = (expected * (1.0 - expected) / f64_of_len(all)).sqrt();
            let found = share(takes_room, all);
            assert!((found - expected).abs() < 2.0 * se, "{nth}: {found} of {all}");
        }
    }
}
