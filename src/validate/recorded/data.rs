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
pub(super) const ONE_BY_ONE: SetUp = set_up!("one_by_one");
pub(super) const CLASSES_AND_FREE_RIDERS: SetUp = set_up!("classes_and_free_riders");
pub(super) const LARGE_FILE: SetUp = set_up!("large_file");
pub(super) const SHORT_STREAM: SetUp = set_up!("short_stream");
pub(super) const SLOW_SEED: SetUp = set_up!("slow_seed");
pub(super) const WAVES: SetUp = set_up!("waves");
pub(super) const THREE_SEEDS: SetUp = set_up!("three_seeds");
pub(super) const FEW_PEERS: SetUp = set_up!("few_peers");
pub(super) const SLOW_SEED_FREE_RIDERS: SetUp = set_up!("slow_seed_free_riders");
pub(super) const SLOW_SEED_LATE_COMERS: SetUp = set_up!("slow_seed_late_comers");
pub(super) const THIN_DOWNLINKS: SetUp = set_up!("thin_downlinks");
pub(super) const SLOW_SEED_LEAVERS: SetUp = set_up!("slow_seed_leavers");
pub(super) const LINGERING_STREAM: SetUp = set_up!("lingering_stream");
pub(super) const FAR_APART: SetUp = set_up!("far_apart");
pub(super) const OPEN_DOWNLINKS: SetUp = set_up!("open_downlinks");
pub(super) const SPARSE_STREAM: SetUp = set_up!("sparse_stream");
pub(super) const MANY_FREE_RIDERS: SetUp = set_up!("many_free_riders");
pub(super) const STAYING_STREAMS: SetUp = set_up!("staying_streams");

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
pub(super) fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    table.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        fields.try_into().expect("every row of the recordings has all columns")
    })
}

pub(super) fn number(field: &str) -> f64 {
    field.parse().expect("measures are numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (ONE_BY_ONE, 12, 24),
            (CLASSES_AND_FREE_RIDERS, 42, 25),
            (LARGE_FILE, 12, 12),
            (SHORT_STREAM, 18, 16),
            (SLOW_SEED, 12, 16),
            (WAVES, 48, 24),
            (THREE_SEEDS, 12, 18),
            (FEW_PEERS, 12, 5),
            (SLOW_SEED_FREE_RIDERS, 48, 16),
            (SLOW_SEED_LATE_COMERS, 12, 16),
            (THIN_DOWNLINKS, 12, 16),
            (SLOW_SEED_LEAVERS, 12, 16),
            (LINGERING_STREAM, 12, 40),
            (FAR_APART, 24, 16),
            (OPEN_DOWNLINKS, 12, 16),
            (SPARSE_STREAM, 12, 12),
            (MANY_FREE_RIDERS, 48, 18),
            (STAYING_STREAMS, 12, 20),
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
}
