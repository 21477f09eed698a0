//! Connections that a client drops because it holds them to be of no use.

use crate::swarms::{Diary, News, class, kib, plan};
use std::sync::Arc;
use swarmecon::ids::PeerId;
use swarmecon::scenario::presets;
use swarmecon::swarm::plan::{Arrivals, Messages, Protocol, Role, Stay};
use swarmecon::swarm::run;
use swarmecon::units::{Bytes, SimTime};

/// When a leecher sent another one, which came later, its first bytes; a seeder of this rate has
/// so many pieces of 128 KiB for both.
fn first_gift_s(rules: Protocol, seeder: f64, pieces: u64, later_s: f64) -> Option<f64> {
    let rules = Arc::new(rules);
    let seeder = class(Role::Seeder, 1, kib(seeder), &rules);
    let mut leechers = class(Role::Leecher, 0, kib(100.0), &rules);
    leechers.arrivals = Arrivals::At(vec![SimTime::ZERO, SimTime::from_secs(later_s)]);
    leechers.stay = Stay::Forever;
    let content = Bytes::from_kib(128 * pieces);
    let mut case = plan(content, Bytes::from_kib(128), vec![seeder, leechers]);
    case.horizon = SimTime::from_secs(400.0);
    let mut diary = Diary::default();
    let outcome = run(&case, 1, &mut diary);
    assert_eq!(outcome.peers.iter().filter(|peer| peer.completed.is_some()).count(), 2);
    let mut moved = diary.entries.iter().filter_map(|&(at, news)| match news {
        News::Moved(PeerId(1), PeerId(2), _) => Some(at.as_secs()),
        _ => None,
    });
    moved.next()
}

fn at_once() -> Protocol {
    let mut rules = presets::libtorrent();
    rules.messages = Messages::AtOnce;
    rules
}

/// The first leecher is done when the second lacks the same one piece and so was not interested:
/// they part, and it gets the rest from the seeder, or, if that takes longer, from the other one a
/// minute later (libtorrent `incoming_have`, `min_reconnect_time`).
#[test]
fn who_lacks_the_last_piece_alone_drops_the_new_seeder() {
    assert_eq!(first_gift_s(presets::libtorrent(), 10.0, 1, 10.0), None);
    assert!(first_gift_s(at_once(), 10.0, 1, 10.0).is_some(), "another client keeps it");
    let [parted, kept] = [presets::libtorrent(), at_once()];
    let [parted, kept] = [parted, kept].map(|rules| first_gift_s(rules, 1.0, 1, 120.0));
    let later_s = parted.expect("a minute later") - kept.expect("at once");
    assert!((60.0..65.0).contains(&later_s), "{parted:?}, {kept:?}");
}

/// Who lacks another piece, too, is interested already.
#[test]
fn who_is_interested_keeps_it() {
    let interested = first_gift_s(presets::libtorrent(), 10.0, 2, 10.0);
    assert!(interested.is_some_and(|at_s| at_s < 30.0), "{interested:?}");
}
