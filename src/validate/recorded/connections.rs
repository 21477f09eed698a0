//! Where recorded clients have their connections: what `Swarm::find_place` rests on.

use super::data::{number, rows};
use crate::rng::{Purpose, Stream, stream};
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

/// Pairs of later connections behind the first ones, by how long after each other they were made
/// and whether another one was made between: how many there are, and how many stand in the order
/// made.
type Pairs = BTreeMap<(usize, bool), [usize; 2]>;

/// Counts in which order connections stand, and how many were the last one when they were made.
fn count_order(
    rows: &[&Row],
    place: impl Fn(usize) -> (f64, usize),
    counts: &mut (Pairs, [usize; 2]),
) {
    for n in 0..rows.len() {
        if n >= 2 {
            let is_last = (0..n).all(|m| place(m) < place(n));
            counts.1 = sum([counts.1, [1, usize::from(is_last)]].into_iter());
        }
        for m in 0..n {
            let gap = rows[n].seen_s - rows[m].seen_s;
            let apart = [0.5, 1.5, 10.0, 20.0, 40.0].partition_point(|&most| most <= gap);
            let pair = counts.0.entry((apart, m + 1 == n)).or_default();
            *pair = sum([*pair, [1, usize::from(place(m) < place(n))]].into_iter());
        }
    }
}

/// Places as `place_of_later` draws them: anywhere in memory that grows with the time the client
/// has been there, or, if made in the same second as the one before or in the next, in one case of
/// two or of three directly behind that.
fn draw_places(rows: &[&Row], start_s: f64, luck: &mut Stream) -> Vec<(f64, usize)> {
    let mut places: Vec<(f64, usize)> = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        let gap = n.checked_sub(1).map(|before| row.seen_s - rows[before].seen_s);
        let follows = match gap {
            Some(gap) if gap < 0.5 => luck.below(2) == 0,
            Some(gap) if gap < 1.5 => luck.below(3) == 0,
            _ => false,
        };
        let anywhere = f64_of_len(luck.below(1 << 20)) * (15.0 + row.seen_s - start_s);
        places.push(match places.last() {
            Some(&(place, nth)) if follows => (place, nth + 1),
            _ => (anywhere, 0),
        });
    }
    places
}

/// Most stand behind the first ones where the model has them; how many do not depends on whether
/// the client was there from the start.
#[test]
fn connections_made_later_stand_where_the_model_has_them() {
    let (mut found, mut drawn) = <((Pairs, [usize; 2]), (Pairs, [usize; 2]))>::default();
    let mut luck = stream(1, Purpose::Place, 0);
    // Those of the seed mostly stand as they were made.
    for list in lists().iter().filter(|list| !list.is_seed) {
        let rows: Vec<&Row> = list.later.iter().filter(|row| list.is_behind(row)).collect();
        count_order(&rows, |n| (rows[n].place, 0), &mut found);
        for _ in 0..20 {
            let places = draw_places(&rows, list.start_s, &mut luck);
            count_order(&rows, |n| places[n], &mut drawn);
        }
    }
    let off = share(found.1) - share(drawn.1);
    assert!(off.abs() < 0.015, "the last one: {off}");
    let off = |(kind, counts): (&(usize, bool), &[usize; 2])| {
        (counts[0] >= 100).then(|| (*kind, share(*counts) - share(drawn.0[kind])))
    };
    let off: Vec<_> =
        found.0.iter().filter_map(off).filter(|(_, off)| off.abs() >= 0.075).collect();
    // Two kinds of pairs are farther off than that, both since waves were recorded, in which eight
    // come at once: those made in one second with others between stand in order in 62 %, and 53 %
    // would; those next to each other with 20 to 40 s between in 57 %, and 72 % would.
    let kinds: Vec<_> = off.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [(0, false), (4, true)], "{off:?}");
}
