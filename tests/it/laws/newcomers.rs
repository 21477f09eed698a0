//! What somebody who comes to a seeder hears, asks for and gets in its first seconds: as a client
//! (libtorrent 2.1.1) did, by the logs of both ends.

use crate::swarms::{Diary, News, class, kib, plan};
use std::sync::Arc;
use swarmecon::ids::PeerId;
use swarmecon::scenario::presets;
use swarmecon::swarm::plan::{Arrivals, DownloadDist, RateDist, Role, Slots};
use swarmecon::swarm::run;
use swarmecon::units::{BLOCK, Bytes, SimTime};

/// A seeder of 200 KiB/s, and leechers of 100 up and 400 down that come at these times: what
/// happens in the first so many seconds.
fn seconds_of(arrivals_s: &[f64], seconds: f64) -> Diary {
    let mut rules = presets::libtorrent();
    rules.choking.slots = Slots::Fixed(4);
    let rules = Arc::new(rules);
    let seeder = class(Role::Seeder, 1, kib(200.0), &rules);
    let mut leechers = class(Role::Leecher, 0, kib(100.0), &rules);
    let at = arrivals_s.iter().map(|&at| SimTime::from_secs(at));
    leechers.arrivals = Arrivals::At(at.collect());
    leechers.download = DownloadDist::Rate(RateDist::Fixed(kib(400.0)));
    let classes = vec![seeder, leechers];
    let mut case = plan(Bytes::from_kib(16 * 1024), Bytes::from_kib(128), classes);
    case.horizon = SimTime::from_secs(seconds);
    let mut diary = Diary::default();
    run(&case, 1, &mut diary);
    diary
}

/// Whole blocks that the seeder has sent to a peer.
fn blocks_to(diary: &Diary, to: u32) -> u64 {
    let moved = diary.entries.iter().map(|&(_, news)| match news {
        News::Moved(PeerId(0), q, bytes) if q.0 == to => bytes,
        _ => 0,
    });
    moved.sum::<u64>() / BLOCK.0
}

/// A leecher connects 8 ms after a look of the seeder at its clock. It is unchoked as soon as its
/// handshake is there, half a second later, and choked in the first round of the choker, half a
/// second after that, as it is not interested yet. When it reads that it is unchoked it does not
/// know that this is over, and asks with the same breath that it tells of its interest. So the
/// seeder, which unchokes it for that, has its requests already and sends six blocks at its next
/// tick: 2.49 s after the leecher came, in the log. If it asked when it hears of its second unchoke
/// they would come half a second later.
#[test]
fn who_connects_asks_on_an_unchoke_that_was_taken_back() {
    let diary = seconds_of(&[1.008], 3.52);
    let slot = diary.entries.iter().filter_map(|&(at, news)| match news {
        News::Unchoked(PeerId(0), _, serving) => Some((at.as_secs(), serving)),
        _ => None,
    });
    assert_eq!(slot.collect::<Vec<_>>(), [(2.008, true), (2.5, false), (3.008, true)]);
    assert_eq!(blocks_to(&diary, 1), 6);
}

/// A second leecher comes 0.7 s later. When the seeder has sent both a block at its tick it must
/// hash another piece for the first one; until that is done the second one gets what its limiter
/// still lets go at once, block after block. Eight and four they had in the log; they would have
/// nine and three here if one block took as long to read as a piece to hash.
#[test]
fn while_a_piece_is_hashed_for_one_others_get_their_blocks() {
    let diary = seconds_of(&[1.008, 1.718], 4.02);
    assert_eq!([1, 2].map(|to| blocks_to(&diary, to)), [8, 4]);
}
