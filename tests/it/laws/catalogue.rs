//! Many torrents and users with one access link for all of them.

use crate::swarms::{ROUND_RATE, class, kib, plain, plan, s};
use std::sync::Arc;
use swarmecon::observe::{Outcome, PeerRecord, Unobserved};
use swarmecon::scenario::{from_texts, presets};
use swarmecon::swarm::plan::{
    Arrivals, Audit, Catalogue, Demand, DownloadDist, Plan, Protocol, RateDist, Role, Sessions,
    Stay, TorrentPlan,
};
use swarmecon::swarm::run;
use swarmecon::units::{BLOCK, ByteRate, Bytes, SimTime, f64_of, f64_of_len};

/// Torrents of these sizes in bytes, out from the start, equally popular.
fn torrents(sizes: &[u64]) -> Catalogue {
    let torrent = |&size: &u64| TorrentPlan {
        content: Bytes(size),
        piece: Bytes(4 * BLOCK.0),
        release: SimTime::ZERO,
        weight: 1.0,
    };
    Catalogue { torrents: sizes.iter().map(torrent).collect(), fading: None, again: false }
}

/// One publisher, and users who ask for something every `gap_s` and take two things at a time.
pub fn library(users: u32, gap_s: f64, rules: &Arc<Protocol>) -> Plan {
    let mut publisher = class(Role::Seeder, 1, kib(400.0), rules);
    publisher.stay = Stay::LingerExp(s(4000.0));
    let mut readers = class(Role::Leecher, users, kib(40.0), rules);
    readers.arrivals = Arrivals::AtOnce { count: users, at: SimTime::ZERO, spread: s(600.0) };
    readers.download = DownloadDist::TimesUpload(8.0);
    readers.stay = Stay::LingerExp(s(900.0));
    let sessions = Sessions { online: s(700.0), offline: s(300.0) };
    readers.demand = Some(Demand { gap: s(gap_s), parallel: 2, sessions: Some(sessions) });
    let mut plan = plan(Bytes(1), Bytes(1), vec![publisher, readers]);
    plan.horizon = SimTime::from_secs(6000.0);
    plan.sample = s(200.0);
    let mut all = torrents(&[3_000_000, 1_234_567, 65_536, 10_000, 5_000_001]);
    for (i, torrent) in all.torrents.iter_mut().enumerate() {
        torrent.release = SimTime::from_secs(300.0 * f64_of_len(i));
        torrent.weight = 1.0 / f64_of_len(i + 1);
    }
    all.fading = Some(s(3000.0));
    plan.catalogue = Some(all);
    plan
}

fn of_user(outcome: &Outcome, user: u32) -> Vec<&PeerRecord> {
    outcome.peers.iter().filter(|peer| peer.user.0 == user).collect()
}

/// Users who take one thing at a time and come again: each visit ends before the next begins, and
/// begins with nothing. Every law holds at every event.
#[test]
fn users_come_again_with_nothing() {
    let mut plan = library(12, 60.0, &Arc::new(presets::mainline()));
    let demand = Demand { gap: s(60.0), parallel: 1, sessions: None };
    (plan.classes[1].demand, plan.classes[1].stay) = (Some(demand), Stay::Leave);
    plan.classes[0].stay = Stay::Forever;
    (plan.audit, plan.horizon) = (Audit::EveryEvent, SimTime::from_secs(2500.0));
    let mut all = torrents(&[1_234_567]);
    all.again = true;
    plan.catalogue = Some(all);
    let outcome = run(&plan, 6, &mut Unobserved);
    let mut visits = 0;
    for user in 1..=12 {
        let done: Vec<_> =
            of_user(&outcome, user).into_iter().filter(|p| p.completed.is_some()).collect();
        visits += done.len();
        for pair in done.windows(2) {
            let begins = pair[1].completed.expect("done").0 - pair[1].leeching.0;
            assert!(begins >= pair[0].completed.expect("done").0, "one after the other");
            assert!(pair[1].downloaded >= Bytes(1_234_567), "all of it again");
        }
    }
    assert!(visits > 36, "{visits} of twelve users");
}

/// Users who ask again for what they still have, or still fetch, and go offline in between: none
/// is in a swarm twice. Every law holds at every event.
#[test]
fn who_asks_again_for_what_it_seeds_begins_anew() {
    for rules in [presets::mainline(), presets::libtorrent()].map(Arc::new) {
        let mut plan = library(12, 60.0, &rules);
        let sessions = Sessions { online: s(400.0), offline: s(100.0) };
        let demand = Demand { gap: s(60.0), parallel: 2, sessions: Some(sessions) };
        plan.classes[1].demand = Some(demand);
        plan.classes[0].stay = Stay::Forever;
        (plan.audit, plan.horizon) = (Audit::EveryEvent, SimTime::from_secs(2000.0));
        let mut all = torrents(&[1_234_567, 654_321]);
        all.again = true;
        plan.catalogue = Some(all);
        let outcome = run(&plan, 6, &mut Unobserved);
        let mut anew = 0;
        for user in 1..=12 {
            for torrent in 0..2 {
                let visits = of_user(&outcome, user).into_iter();
                let mut visits: Vec<_> = visits.filter(|p| p.torrent.index() == torrent).collect();
                visits.retain(|p| p.completed.is_some());
                visits.sort_by_key(|p| p.completed);
                for pair in visits.windows(2) {
                    let begins = pair[1].completed.expect("done").0 - pair[1].leeching.0;
                    let left = pair[0].departed.expect("before it comes anew");
                    assert!(begins >= left.0, "in a swarm once");
                    anew += u32::from(pair[0].seeding > s(0.0));
                }
            }
        }
        assert!(anew > 12, "{anew} gave up what they seeded");
    }
}

/// Blocks that are in when a user goes offline may complete a download, and one that waits must not
/// begin then; the audit says that who is offline is in no swarm. It takes several seeds.
#[test]
fn nothing_begins_while_a_user_goes_offline() {
    let text = "# Does anything begin?\nsize_kib = 1120\npiece_kib = 16\nhorizon_s = 1500\n\
         sample_s = 2\naudit = \"every-sample\"\nprotocol.preset = \"libtorrent\"\n\
         [protocol.choking]\nslots = \"all\"\nchoke_on_lost_interest = false\n\
         [classes.publisher]\nrole = \"seeder\"\ncount = 3\nupload_kib_per_s = 20\n\
         super_seed = true\n[classes.reader]\ncount = 60\nupload_kib_per_s = 400\n\
         download_kib_per_s = 50\nstay = \"forever\"\n[catalogue]\ntorrents = 8\nzipf = 0\n\
         size_sigma = 0.7\n[demand]\nevery_s = 20\nparallel = 1\nonline_s = 50\noffline_s = 50\n";
    let scenario = from_texts("offline.toml", text, &[]).expect("a good scenario");
    for seed in 0..8 {
        run(&scenario.arms[0].plan, seed, &mut Unobserved);
    }
}

/// Ninety readers meet at once, go offline and come back to fewer neighbours than they had room
/// for: what they announce goes to those there are.
#[test]
fn who_comes_back_announces_to_those_there_are() {
    let mut plan = library(90, 500.0, &Arc::new(presets::libtorrent()));
    let sessions = Sessions { online: s(60.0), offline: s(600.0) };
    plan.classes[1].demand = Some(Demand { gap: s(500.0), parallel: 1, sessions: Some(sessions) });
    plan.classes[1].arrivals = Arrivals::AtOnce { count: 90, at: SimTime::ZERO, spread: s(0.2) };
    (plan.classes[0].stay, plan.classes[1].stay) = (Stay::Forever, Stay::Forever);
    (plan.audit, plan.horizon) = (Audit::EverySample, SimTime::from_secs(1500.0));
    plan.catalogue = Some(torrents(&[9_000_000]));
    let outcome = run(&plan, 1, &mut Unobserved);
    assert!(outcome.counters.pieces > 900, "{} pieces", outcome.counters.pieces);
}

#[test]
fn every_law_holds_at_every_event_of_a_catalogue() {
    for rules in [presets::mainline(), presets::libtorrent()].map(Arc::new) {
        let mut plan = library(30, 500.0, &rules);
        plan.audit = Audit::EveryEvent;
        let outcome = run(&plan, 5, &mut Unobserved);
        let sent: u64 = outcome.peers.iter().map(|p| p.uploaded.0).sum();
        let received: u64 = outcome.peers.iter().map(|p| p.downloaded.0).sum();
        assert_eq!(sent, received, "bytes sent are bytes received");
        let completed = outcome.peers.iter().filter(|p| p.completed.is_some()).count();
        assert!(completed > 60, "{completed} downloads");
        for (i, torrent) in outcome.torrents.iter().enumerate() {
            let peers = || outcome.peers.iter().filter(|p| p.torrent.index() == i && !p.is_origin);
            let done = peers().filter(|p| p.completed.is_some()).count();
            assert_eq!(done, torrent.completions as usize, "completions are counted right");
            assert!(torrent.requests > 0 && torrent.requests >= torrent.completions);
        }
        for peer in outcome.peers.iter().filter(|p| !p.is_origin) {
            let until = peer.completed.or(peer.departed).unwrap_or(outcome.end);
            assert!(peer.leeching <= until.since(peer.arrival), "leeching is part of its life");
            if peer.completed.is_some() {
                assert_eq!(peer.useful, outcome.content_of(peer), "the content, to the byte");
            }
        }
        // Up to the rounding of offered capacity, no user sends more than its link carries.
        for user in 0..31 {
            let peers = of_user(&outcome, user);
            let Some(first) = peers.iter().map(|p| p.arrival).min() else { continue };
            let sent: u64 = peers.iter().map(|p| p.uploaded.0).sum();
            let most = peers[0].upload.bytes_in(outcome.end.since(first));
            assert!(sent <= most.0, "user {user} sends {sent} of {most:?}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_catalogue_and_another_seed_another() {
    let plan = library(40, 600.0, &Arc::new(presets::mainline()));
    let [a, b, c] = [1, 1, 2].map(|seed| run(&plan, seed, &mut Unobserved));
    assert_eq!(a, b);
    assert_ne!(a.fingerprint, c.fingerprint);
}

/// Two downloads at a time through one access link take as long as both after one another, and
/// one at a time begins when the first is over.
#[test]
fn downloads_of_one_user_share_its_link() {
    let rules = Arc::new(plain());
    let size = 1 << 20;
    let seeder = || class(Role::Seeder, 2, ByteRate(4 * ROUND_RATE.0), &rules);
    let run = |parallel| {
        let mut user = class(Role::Leecher, 1, ByteRate::ZERO, &rules);
        user.download = DownloadDist::Rate(RateDist::Fixed(ROUND_RATE));
        user.demand = Some(Demand { gap: s(0.001), parallel, sessions: None });
        let mut plan = plan(Bytes(1), Bytes(1), vec![seeder(), user]);
        (plan.audit, plan.horizon) = (Audit::EveryEvent, SimTime::from_secs(40.0));
        plan.catalogue = Some(torrents(&[size, size]));
        let outcome = run(&plan, 1, &mut Unobserved);
        let mut done: Vec<f64> =
            of_user(&outcome, 2).iter().map(|p| p.completed.expect("done").as_secs()).collect();
        done.sort_by(f64::total_cmp);
        done
    };
    let alone = f64_of(size) * 8192e-9;
    let (both, in_turn) = (run(2), run(1));
    assert!((both[0] / (2.0 * alone) - 1.0).abs() < 0.02, "{both:?} against {alone}");
    assert!((both[1] / (2.0 * alone) - 1.0).abs() < 0.02, "{both:?} against {alone}");
    assert!((in_turn[0] / alone - 1.0).abs() < 0.02, "{in_turn:?} against {alone}");
    assert!((in_turn[1] / (2.0 * alone) - 1.0).abs() < 0.02, "{in_turn:?} against {alone}");
}

/// A user uploads in one swarm while it downloads in another: the uplink is shared too.
#[test]
fn a_user_seeds_one_swarm_while_it_leeches_in_another() {
    let plan = library(25, 400.0, &Arc::new(presets::mainline()));
    let outcome = run(&plan, 9, &mut Unobserved);
    let both = (1..26).filter(|&user| {
        let peers = of_user(&outcome, user);
        let given: u64 = peers.iter().map(|p| p.uploaded.0 - p.uploaded_at_completion.0).sum();
        peers.len() > 1 && given > 0
    });
    assert!(both.count() > 10, "users give in swarms where they are done");
}
