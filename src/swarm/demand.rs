//! What the users of a catalogue want, and when: drawn before the run, so that it is the same
//! whatever the economy makes of it.

use super::plan::Catalogue;
use super::population::Newcomer;
use crate::ids::TorrentId;
use crate::rng::{Purpose, Stream, mix, stream};
use crate::units::{SimTime, Span};

/// Every `n`-th torrent from number `i` on is published by this user, as it is released.
pub(super) fn publish(
    catalogue: &Catalogue,
    horizon: SimTime,
    [i, n]: [usize; 2],
    peer: &Newcomer,
) -> Vec<Newcomer> {
    let torrents = catalogue.torrents.iter().enumerate().skip(i).step_by(n);
    torrents
        .filter(|(_, torrent)| torrent.release.max(peer.arrival) <= horizon)
        .map(|(t, torrent)| membership(peer, (t, 0), torrent.release.max(peer.arrival)))
        .collect()
}

/// The requests of one user: the first on arrival, the others at exponential gaps, each for a
/// torrent that is out, drawn by popularity among those it has not asked for yet, or all of them.
pub(super) fn wishes(
    catalogue: &Catalogue,
    gap: Option<Span>,
    horizon: SimTime,
    seed: u64,
    peer: &Newcomer,
) -> Vec<Newcomer> {
    let mut luck = stream(seed, Purpose::Demand, peer.entity);
    let mut wishes: Vec<Newcomer> = Vec::new();
    let mut asked = vec![false; catalogue.torrents.len()];
    let mut times = vec![0; catalogue.torrents.len()];
    let mut at = peer.arrival;
    while at <= horizon {
        if let Some(t) = choose(catalogue, &asked, at, &mut luck) {
            asked[t] = !catalogue.again;
            wishes.push(membership(peer, (t, times[t]), at));
            times[t] += 1;
        }
        let Some(gap) = gap else { break };
        at = at + Span::from_secs(luck.exponential(gap.as_secs()));
    }
    wishes
}

/// Draws a torrent by its popularity at this moment; one draw, whether there is one or not.
fn choose(catalogue: &Catalogue, asked: &[bool], now: SimTime, luck: &mut Stream) -> Option<usize> {
    let draw = luck.unit();
    let weight = |t: usize| {
        let torrent = &catalogue.torrents[t];
        if asked[t] || torrent.release > now {
            return 0.0;
        }
        let age = now.since(torrent.release).as_secs();
        let faded = |tau: Span| libm::exp(-age / tau.as_secs());
        torrent.weight * catalogue.fading.map_or(1.0, faded)
    };
    let weights: Vec<f64> = (0..catalogue.torrents.len()).map(weight).collect();
    let mut rest = draw * weights.iter().sum::<f64>();
    let mut last = None;
    for (t, &weight) in weights.iter().enumerate() {
        if weight > 0.0 {
            last = Some(t);
            if rest < weight {
                break;
            }
            rest -= weight;
        }
    }
    last
}

/// The peer of the same user in swarm `t`, where it has been so many times before.
fn membership(peer: &Newcomer, (t, before): (usize, u64), arrival: SimTime) -> Newcomer {
    let torrent = TorrentId::from_index(t);
    // Each membership has luck of its own, whatever else the user asks for.
    let entity = mix(peer.entity ^ mix((u64::from(torrent.0) + 1) ^ before << 32));
    Newcomer { torrent, entity, arrival, ..*peer }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserId;
    use crate::swarm::plan::TorrentPlan;
    use crate::units::Bytes;

    fn user(entity: u64) -> Newcomer {
        Newcomer { user: UserId(0), torrent: TorrentId(0), entity, arrival: SimTime::ZERO }
    }

    fn catalogue(weights: &[f64], release_s: f64, fading: Option<f64>) -> Catalogue {
        let torrents = weights.iter().enumerate().map(|(i, &weight)| TorrentPlan {
            content: Bytes(1 << 20),
            piece: Bytes(1 << 18),
            release: SimTime::from_secs(release_s * crate::units::f64_of_len(i)),
            weight,
        });
        let fading = fading.map(Span::from_secs);
        Catalogue { torrents: torrents.collect(), fading, again: false }
    }

    #[test]
    fn popular_torrents_are_asked_for_more_often() {
        let all = catalogue(&[4.0, 2.0, 1.0, 1.0], 0.0, None);
        let mut first = [0_u32; 4];
        for entity in 0..8000 {
            let wishes = wishes(&all, None, SimTime::from_secs(1.0), 1, &user(entity));
            assert_eq!(wishes.len(), 1, "one request without a gap");
            first[wishes[0].torrent.index()] += 1;
        }
        // Binomial: 4 standard deviations are at most 179.
        for (n, expected) in first.iter().zip([4000, 2000, 1000, 1000]) {
            assert!(n.abs_diff(expected) < 180, "{first:?}");
        }
    }

    #[test]
    fn nobody_asks_twice_or_before_the_release() {
        let all = catalogue(&[1.0; 6], 100.0, Some(50.0));
        let horizon = SimTime::from_secs(2000.0);
        for entity in 0..200 {
            let wishes = wishes(&all, Some(Span::from_secs(40.0)), horizon, 3, &user(entity));
            let mut seen: Vec<_> = wishes.iter().map(|w| w.torrent).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), wishes.len(), "each torrent once");
            assert!(wishes.is_sorted_by_key(|w| w.arrival));
            for wish in &wishes {
                assert!(wish.arrival >= all.torrents[wish.torrent.index()].release);
                assert!(wish.arrival <= horizon);
            }
        }
    }

    #[test]
    fn where_users_come_again_each_visit_is_a_peer_of_its_own() {
        let once = catalogue(&[1.0; 2], 0.0, None);
        let again = Catalogue { again: true, ..once.clone() };
        let horizon = SimTime::from_secs(2000.0);
        let ask = |all: &Catalogue| wishes(all, Some(Span::from_secs(40.0)), horizon, 3, &user(7));
        let (few, many) = (ask(&once), ask(&again));
        assert_eq!((few.len(), few[0].entity), (2, many[0].entity), "the first is the same");
        assert!((30..70).contains(&many.len()), "{}: one in 40 s", many.len());
        let mut names: Vec<u64> = many.iter().map(|peer| peer.entity).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), many.len(), "luck of its own");
    }

    #[test]
    fn every_torrent_is_published_once() {
        let all = catalogue(&[1.0; 7], 10.0, None);
        let horizon = SimTime::from_secs(55.0);
        let mut torrents: Vec<u32> = (0..3)
            .flat_map(|i| publish(&all, horizon, [i, 3], &user(1)))
            .map(|peer| peer.torrent.0)
            .collect();
        torrents.sort_unstable();
        assert_eq!(torrents, [0, 1, 2, 3, 4, 5], "the seventh comes after the end");
    }
}
