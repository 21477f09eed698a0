//! Where recorded clients have their connections: what `Swarm::find_place` rests on.

use super::data::{number, rows};
use crate::units::f64_of_len;
use std::collections::BTreeMap;

/// A connection of a client.
#[derive(Clone, Copy)]
struct Row {
    /// When it was first seen, in seconds.
    seen_s: f64,
    /// The number of the neighbour, which rises with its arrival.
    neighbour: f64,
    place: f64,
}

/// The connections of a client, in the order in which they were made.
struct List {
    is_seed: bool,
    start_s: f64,
    /// Those of its first two seconds.
    first: Vec<Row>,
    later: Vec<Row>,
    /// How many other clients came when it came.
    came_with: usize,
}

impl List {
    fn was_there(&self) -> bool {
        self.start_s < 5.0
    }

    /// How many of the first ones stand before this one.
    fn n_before(&self, row: &Row) -> usize {
        self.first.iter().filter(|other| other.place < row.place).count()
    }

    /// Whether this one stands behind all first ones.
    fn is_behind(&self, row: &Row) -> bool {
        self.n_before(row) == self.first.len()
    }

    /// Later ones: how many, and how many of them do not stand behind all first ones.
    fn not_behind(&self) -> [usize; 2] {
        let stray = self.later.iter().filter(|row| !self.is_behind(row));
        [self.later.len(), stray.count()]
    }
}

fn lists() -> Vec<List> {
    let table = include_str!("../../../scenarios/real/data/recorded_connections.csv");
    let mut clients: BTreeMap<[&str; 3], Vec<Row>> = BTreeMap::new();
    for [set_up, repetition, client, place, neighbour, seen_s] in rows(table) {
        let [place, neighbour, seen_s] = [place, neighbour, seen_s].map(number);
        let row = Row { seen_s, neighbour, place };
        clients.entry([set_up, repetition, client]).or_default().push(row);
    }
    for rows in clients.values_mut() {
        rows.sort_by(|a, b| {
            a.seen_s.total_cmp(&b.seen_s).then(a.neighbour.total_cmp(&b.neighbour))
        });
    }
    let starts: Vec<_> = clients.iter().map(|(key, rows)| (*key, rows[0].seen_s)).collect();
    let list = |(key, rows): ([&str; 3], Vec<Row>)| {
        let start_s = rows[0].seen_s;
        let n_first = rows.partition_point(|row| row.seen_s <= start_s + 2.5);
        let came_too = |(other, at): &&([&str; 3], f64)| {
            other[..2] == key[..2] && *other != key && (at - start_s).abs() < 1.5
        };
        List {
            is_seed: key[2] == "0",
            start_s,
            first: rows[..n_first].to_vec(),
            later: rows[n_first..].to_vec(),
            came_with: starts.iter().filter(came_too).count(),
        }
    };
    clients.into_iter().map(list).collect()
}

fn sum(counts: impl Iterator<Item = [usize; 2]>) -> [usize; 2] {
    counts.fold([0, 0], |sum, count| [sum[0] + count[0], sum[1] + count[1]])
}

fn share([all, part]: [usize; 2]) -> f64 {
    f64_of_len(part) / f64_of_len(all)
}

/// One later connection at most stands before the first ones of a client that was there from the
/// start; hardly one of those of a seed, or of a client that came to few others.
#[test]
fn little_room_is_left_in_front() {
    let lists = lists();
    let leechers = || lists.iter().filter(|list| !list.is_seed);
    let of_seed = sum(lists.iter().filter(|list| list.is_seed).map(List::not_behind));
    let is_few = |list: &&List| !list.was_there() && list.first.len() <= 5;
    let of_few = sum(leechers().filter(is_few).map(List::not_behind));
    assert_eq!((of_seed, of_few), ([771, 1], [577, 13]), "none, and one in 40");
    // The first, if made soon; those made by themselves while nobody stands in front; others.
    let (mut soon, mut alone, mut other) = ([0, 0], [0, 0], [0, 0]);
    // Where one or two are all that were first, to stand before them tells little.
    for list in leechers().filter(|list| list.was_there() && list.first.len() > 2) {
        let (mut is_taken, mut made_s) = (false, list.start_s);
        for (nth, row) in list.later.iter().enumerate() {
            let is_soon = nth == 0 && row.seen_s - list.start_s < 20.0 && list.first.len() > 5;
            let is_alone = row.seen_s - std::mem::replace(&mut made_s, row.seen_s) > 1.5;
            let is_front = list.n_before(row) == 0;
            let of = match is_alone && !is_taken {
                true if is_soon => &mut soon,
                true => &mut alone,
                false => &mut other,
            };
            *of = sum([*of, [1, usize::from(is_front)]].into_iter());
            is_taken |= is_front;
        }
    }
    assert_eq!((soon, alone, other), ([49, 12], [1269, 36], [2850, 4]), "a quarter, few, none");
}

/// Clients that came later to more than five others have room for the first of those that come
/// after them, and less for each; if they came with others, one in four has some.
#[test]
fn room_given_back_is_taken_as_in_the_model() {
    let mut with_others = [0, 0];
    let mut by_order: BTreeMap<usize, [usize; 2]> = BTreeMap::new();
    for list in lists() {
        if list.is_seed || list.was_there() || list.first.len() <= 5 || list.later.is_empty() {
            continue;
        }
        if list.came_with > 5 {
            let takes_room = list.not_behind()[1] > 0;
            with_others = sum([with_others, [1, usize::from(takes_room)]].into_iter());
            continue;
        }
        for (nth, row) in list.later.iter().enumerate() {
            let counts = by_order.entry(nth).or_default();
            *counts = sum([*counts, [1, usize::from(!list.is_behind(row))]].into_iter());
        }
    }
    assert_eq!(with_others, [96, 24], "one in four");
    for (nth, counts) in by_order.into_iter().filter(|(_, counts)| counts[0] >= 60) {
        let expected = 0.48 * libm::pow(6.0 / 7.0, f64_of_len(nth));
        let se = (expected * (1.0 - expected) / f64_of_len(counts[0])).sqrt();
        assert!((share(counts) - expected).abs() < 2.0 * se, "{nth}: {counts:?}");
    }
}

/// Most stand behind the first ones, anywhere in memory that grows with the time the client has
/// been there, or, if made at one look with another or soon after, in one case of two or of three
/// directly behind that; how many do not depends on whether it was there from the start.
#[test]
fn connections_made_later_stand_where_the_model_has_them() {
    // Pairs by whether they were made at once or how long after each other, and for these whether
    // another one was made between: how many, how many stand in the order made, and how many would
    // in the model.
    let mut pairs: BTreeMap<(usize, bool), [f64; 3]> = BTreeMap::new();
    let mut last = [0, 0];
    // Those of the seed mostly stand as they were made, and of clients that came with others those
    // that come at once do.
    let is_drawn = |list: &&List| !list.is_seed && (list.was_there() || list.came_with <= 5);
    for list in lists().iter().filter(is_drawn) {
        let behind: Vec<&Row> = list.later.iter().filter(|row| list.is_behind(row)).collect();
        let taken = |row: &Row| 15.0 + row.seen_s - list.start_s;
        for (n, second) in behind.iter().enumerate() {
            if n >= 2 {
                let is_last = behind[..n].iter().all(|other| other.place < second.place);
                last = sum([last, [1, usize::from(is_last)]].into_iter());
            }
            for (m, first) in behind[..n].iter().enumerate() {
                let gap = second.seen_s - first.seen_s;
                let apart = [0.5, 1.5, 10.0, 20.0, 40.0].partition_point(|&most| most <= gap);
                let by_chance = 1.0 - taken(first) / taken(second) / 2.0;
                let steps = f64_of_len(n - m);
                let follows = [0.5, 1.0 / 3.0].get(apart).map_or(0.0, |&p| libm::pow(p, steps));
                let pair = pairs.entry((apart, apart < 2 && m + 1 == n)).or_default();
                pair[0] += 1.0;
                pair[1] += f64::from(u8::from(first.place < second.place));
                pair[2] += follows + (1.0 - follows) * by_chance;
            }
        }
    }
    // As often as in the model, where it was drawn with these times.
    assert!((share(last) - 0.366).abs() < 0.015, "{last:?}");
    for (kind, [all, ordered, expected]) in pairs {
        let near = (ordered / all - expected / all).abs() < 0.075;
        assert!(near || all < 100.0, "{kind:?}: {ordered} of {all}, {expected} expected");
    }
}
