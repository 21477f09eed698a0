//! Serving by reputation: a round worked by hand, and the laws.

use super::*;
use crate::ids::{PeerId, UserId};
use crate::policy::choke::{Candidate, Choking, SeedChoker, fixtures};
use crate::policy::reputation::{Dealing, Esteem, Known, Names, reputation};
use crate::rng::{Purpose, stream};
use crate::units::Span;

/// A user that is not there, but that two of those who are have dealt with.
const INTERMEDIARY: u32 = 9;

fn choking(optimistic_clock: bool) -> Choking {
    let tenure = Span::from_secs(60.0);
    fixtures::rules(optimistic_clock, SeedChoker::RoundRobin { quota_pieces: 20, tenure })
}

fn view(candidates: &[Candidate], slots: usize, optimistic_slots: usize) -> ChokeView<'_> {
    ChokeView { slots, optimistic_slots, ..fixtures::view(candidates) }
}

/// Up to 12 neighbours in all states that occur.
fn neighbours(luck: &mut Stream) -> Vec<Candidate> {
    let n = u16::try_from(luck.below(13)).expect("below 13");
    let mut held = 0;
    (0..n)
        .map(|slot| {
            let unchoked = luck.below(3) == 0;
            let optimistic = unchoked && held == 0 && luck.below(3) == 0;
            held += u32::from(optimistic);
            Candidate {
                slot,
                id: PeerId(u32::from(slot)),
                received: luck.bits() % 4 * 50_000,
                sent_round: u64::from(unchoked) * luck.bits() % 100_000,
                waited: Span(luck.bits() % 4 * 10_000_000_000),
                unchoked,
                optimistic,
                since_turn: (optimistic || luck.below(2) == 0).then(|| Span(luck.bits() % 9)),
                snubbed: luck.below(4) == 0,
                ..Candidate::default()
            }
        })
        .collect()
}

fn bases(rules: &Choking) -> [Base<'_>; 3] {
    [Base::TitForTat(rules), Base::EqualTurns, Base::Seed(rules)]
}

fn regular(decision: &Decision) -> Vec<u16> {
    let mut slots: Vec<u16> =
        decision.served.iter().filter(|s| !s.optimistic).map(|s| s.slot).collect();
    slots.sort_unstable();
    slots
}

/// Three neighbours, and an intermediary that is none of them: a stranger that gives much now, one
/// that gave me little in another torrent, and one that never met me but gave much to somebody
/// who gave me much.
#[test]
fn three_neighbours_and_an_intermediary() {
    let list = |rows: &[(u32, u64, u64)]| -> Vec<Dealing> {
        let dealing = |&(with, received, sent)| Dealing {
            with: UserId(with),
            received: Bytes(received),
            sent: Bytes(sent),
        };
        rows.iter().map(dealing).collect()
    };
    let mine = list(&[(2, 1_000_000, 0), (INTERMEDIARY, 8_000_000, 500_000)]);
    let theirs = [
        (UserId(1), list(&[(4, 70_000_000, 0)])),
        (UserId(2), list(&[(0, 0, 1_000_000)])),
        (UserId(3), list(&[(INTERMEDIARY, 0, 5_000_000)])),
    ];
    let known = |user, dealings| Known { user, dealings, names: Names::of(dealings, 9, |_| 0) };
    let me = known(UserId(0), &mine);
    let reputations: Vec<u64> = theirs
        .iter()
        .map(|(user, list)| reputation(Esteem::Flow, &me, &known(*user, list), |_| 0))
        .collect();
    assert_eq!(reputations, [0, 1_000_000, 5_000_000]);

    let stranger = Candidate { received: 9_000_000, ..Candidate::default() };
    // The two that are known give nothing here: tit-for-tat would not look at them.
    let friend = |slot| Candidate {
        slot,
        id: PeerId(u32::from(slot)),
        snubbed: true,
        ..Candidate::default()
    };
    let candidates = [stranger, friend(1), friend(2)];
    let rules = Choking { min_uploads: 0, ..choking(false) };
    for (slots, served) in [(1, &[2][..]), (2, &[1, 2]), (3, &[0, 1, 2])] {
        let mut decision = Decision::default();
        let mut luck = stream(1, Purpose::Choke, 0);
        let view = view(&candidates, slots, 0);
        let mut base = Base::TitForTat(&rules);
        choose(&view, &reputations, &mut base, &mut luck, &mut decision);
        assert_eq!(regular(&decision), served, "{slots} slots");
    }
}

#[test]
fn without_reputations_the_base_choker_decides() {
    let mut luck = stream(2, Purpose::Choke, 0);
    for clock in [false, true] {
        let rules = choking(clock);
        for round in 0..400 {
            let candidates = neighbours(&mut luck);
            let nothing = vec![0; candidates.len()];
            let view = ChokeView { rotate: round % 3 == 0, ..view(&candidates, 4, 1) };
            for (mut base, mut alone) in bases(&rules).into_iter().zip(bases(&rules)) {
                let (mut one, mut other) = (luck.clone(), luck.clone());
                let (mut got, mut want) = (Decision::default(), Decision::default());
                choose(&view, &nothing, &mut base, &mut one, &mut got);
                alone.choose(&view, &mut other, &mut want);
                assert_eq!((&got.served, got.open), (&want.served, want.open));
                assert_eq!(one.bits(), other.bits(), "as much luck is used");
            }
        }
    }
}

/// The best of those with a reputation hold the regular slots, nobody pays, a factor changes
/// nothing, and whoever rises stays.
#[test]
fn reputation_comes_first() {
    let mut luck = stream(3, Purpose::Choke, 0);
    for clock in [false, true] {
        let rules = choking(clock);
        for _ in 0..400 {
            let candidates = neighbours(&mut luck);
            let reputations: Vec<u64> =
                candidates.iter().map(|_| [0, 0, 5, luck.bits() % 9][luck.below(4)]).collect();
            let view = view(&candidates, 4, 1);
            for which in 0..3 {
                let decide = |reputations: &[u64]| {
                    let mut decision = Decision::default();
                    let mut base = bases(&rules).into_iter().nth(which).expect("three");
                    choose(&view, reputations, &mut base, &mut luck.clone(), &mut decision);
                    decision
                };
                let decision = decide(&reputations);
                assert!(decision.served.iter().all(|s| s.price.is_zero()), "nobody pays");
                let of = |slot: u16| reputations[usize::from(slot)];
                let winners = regular(&decision);
                // Three of the four slots are no optimistic ones.
                let is_served = |slot| decision.served.iter().any(|s| s.slot == slot);
                for c in candidates.iter().filter(|c| of(c.slot) > 0 && !is_served(c.slot)) {
                    let better = winners.iter().filter(|&&slot| of(slot) >= of(c.slot));
                    assert!(better.count() >= 3, "{} waits: {decision:?}", c.slot);
                }
                let tenfold: Vec<u64> = reputations.iter().map(|r| r * 10).collect();
                assert_eq!(decide(&tenfold).served, decision.served);
                for &slot in winners.iter().filter(|&&slot| of(slot) > 0) {
                    let mut risen = reputations.clone();
                    risen[usize::from(slot)] += 3;
                    assert!(regular(&decide(&risen)).contains(&slot), "{slot} rose");
                }
            }
        }
    }
}
