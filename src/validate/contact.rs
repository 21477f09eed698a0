//! Random contact: a swarm without a protocol, on the kernel's queue and the named streams.
//!
//! Law (Zhu and Hajek, IEEE Transactions on Information Theory 2012): peers arrive empty as a
//! Poisson process; a fixed seed at rate U and every peer at rate μ meet a peer drawn uniformly
//! from those present and hand over one piece it lacks, if they have one, at once. Who has all K
//! pieces stays for an exponential time of rate γ (γ = ∞: none) and goes on uploading.

use crate::kernel::queue::Queue;
use crate::rng::{Purpose, Stream, stream};
use crate::units::{SimTime, Span, f64_of_len};

/// Which of the useful pieces is handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Picker {
    /// Any, with equal chances.
    Random,
    /// The one that fewest have, ties at random.
    Rarest,
}

/// The parameters, per second.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Contact {
    /// Number of pieces K, at most 64.
    pub(super) pieces: usize,
    /// Arrivals λ.
    pub(super) arrivals: f64,
    /// Contacts of the fixed seed, U.
    pub(super) seed: f64,
    /// Contacts of each peer, μ.
    pub(super) contacts: f64,
    /// Departures of those that have everything, γ; infinite: at once.
    pub(super) departures: f64,
    /// Which piece.
    pub(super) picker: Picker,
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Event {
    Arrival,
    Seed,
    /// Somebody's clock: the total rate depends on how many are there, so it is one clock for
    /// all, set anew at every change; a stale one is known by its number.
    Peer(u32),
    /// A finished peer leaves; peers have names, as places change.
    Departure(u32),
    Watch,
}

/// A peer that is present.
#[derive(Clone, Copy, Debug)]
struct Present {
    held: u64,
    name: u32,
}

/// A run under way.
struct Run {
    rules: Contact,
    queue: Queue<Event>,
    now: SimTime,
    luck: Stream,
    peers: Vec<Present>,
    /// By piece, how many have it.
    copies: Vec<u64>,
    n_named: u32,
    clock: u32,
}

/// How many peers are present at the times 0, `every`, … up to `end` (seconds), beginning with
/// `club` peers that lack nothing but piece 0.
pub(super) fn population(
    rules: Contact,
    club: usize,
    [every, end]: [f64; 2],
    seed: u64,
) -> Vec<(f64, f64)> {
    assert!(rules.pieces <= 64, "pieces are bits of a word");
    let mut run = Run {
        rules,
        queue: Queue::new(),
        now: SimTime::ZERO,
        luck: stream(seed, Purpose::Workload, 0),
        peers: Vec::new(),
        copies: vec![0; rules.pieces],
        n_named: 0,
        clock: 0,
    };
    let everything = run.everything();
    for _ in 0..club {
        run.join(everything & !1);
    }
    run.after(rules.arrivals, Event::Arrival);
    run.after(rules.seed, Event::Seed);
    run.queue.push(SimTime::ZERO, Event::Watch);
    run.wind();
    let end = SimTime::from_secs(end);
    let mut seen = Vec::new();
    while let Some((at, event)) = run.queue.pop() {
        if at > end {
            break;
        }
        run.now = at;
        if matches!(event, Event::Watch) {
            seen.push((at.as_secs(), f64_of_len(run.peers.len())));
            run.queue.push(at + Span::from_secs(every), Event::Watch);
        } else {
            run.act(event);
        }
    }
    seen
}

impl Run {
    /// All pieces.
    fn everything(&self) -> u64 {
        u64::MAX >> (64 - self.rules.pieces)
    }

    /// An event after an exponential time of this rate; never at rate 0.
    fn after(&mut self, rate: f64, event: Event) {
        if rate > 0.0 {
            let wait = Span::from_secs(self.luck.exponential(1.0 / rate));
            self.queue.push(self.now + wait, event);
        }
    }

    /// Sets the clock of all peers together.
    fn wind(&mut self) {
        self.clock = self.clock.wrapping_add(1);
        self.after(self.rules.contacts * f64_of_len(self.peers.len()), Event::Peer(self.clock));
    }

    fn act(&mut self, event: Event) {
        let n_before = self.peers.len();
        match event {
            Event::Arrival => {
                self.join(0);
                self.after(self.rules.arrivals, Event::Arrival);
            }
            Event::Seed => {
                let everything = self.everything();
                self.meet(everything);
                self.after(self.rules.seed, Event::Seed);
            }
            Event::Peer(clock) if clock == self.clock => {
                let giver = self.peers[self.luck.below(self.peers.len())];
                self.meet(giver.held);
                self.wind();
            }
            Event::Peer(_) | Event::Watch => {}
            Event::Departure(name) => {
                let at = self.peers.iter().position(|peer| peer.name == name);
                self.leave(at.expect("a peer leaves once"));
            }
        }
        if self.peers.len() != n_before && !matches!(event, Event::Peer(_)) {
            self.wind();
        }
    }

    fn join(&mut self, held: u64) {
        self.peers.push(Present { held, name: self.n_named });
        self.n_named += 1;
        self.count(held, 1);
    }

    fn leave(&mut self, at: usize) {
        let gone = self.peers.swap_remove(at);
        self.count(gone.held, u64::MAX);
    }

    /// Adds `change` (which may be −1) to the copies of these pieces.
    fn count(&mut self, mut held: u64, change: u64) {
        while held != 0 {
            let copies = &mut self.copies[held.trailing_zeros() as usize];
            *copies = copies.wrapping_add(change);
            held &= held - 1;
        }
    }

    /// Somebody who holds `given` meets a peer.
    fn meet(&mut self, given: u64) {
        if self.peers.is_empty() {
            return;
        }
        let at = self.luck.below(self.peers.len());
        let useful = given & !self.peers[at].held;
        if useful == 0 {
            return;
        }
        let piece = self.pick(useful);
        self.copies[piece] += 1;
        self.peers[at].held |= 1 << piece;
        if self.peers[at].held == self.everything() {
            if self.rules.departures.is_finite() {
                let name = self.peers[at].name;
                self.after(self.rules.departures, Event::Departure(name));
            } else {
                self.leave(at);
            }
        }
    }

    fn pick(&mut self, useful: u64) -> usize {
        let wanted = match self.rules.picker {
            Picker::Random => useful,
            Picker::Rarest => {
                let members = || (0..self.rules.pieces).filter(|piece| useful >> piece & 1 == 1);
                let fewest = members().map(|piece| self.copies[piece]).min();
                members()
                    .filter(|&piece| Some(self.copies[piece]) == fewest)
                    .fold(0, |set, piece| set | 1 << piece)
            }
        };
        let nth = self.luck.below(wanted.count_ones() as usize);
        let bit = crate::torrent::bitfield::nth(&[wanted], nth);
        bit.expect("one of the wanted pieces")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Contact = Contact {
        pieces: 4,
        arrivals: 1.0,
        seed: 5.0,
        contacts: 1.0,
        departures: f64::INFINITY,
        picker: Picker::Random,
    };

    /// Without peer contacts the seed alone serves, and a peer needs K of its contacts: a queue
    /// that is stable if λ K < U. n = 1 run of 20 000 s each.
    #[test]
    fn the_seed_alone_serves_what_it_can() {
        for (seed, is_stable) in [(5.0, true), (3.0, false)] {
            let rules = Contact { contacts: 0.0, seed, ..RULES };
            let last = population(rules, 0, [100.0, 20_000.0], 1).last().unwrap().1;
            assert_eq!(last < 1000.0, is_stable, "{last} peers");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_run() {
        let run = |seed| population(RULES, 50, [10.0, 300.0], seed);
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}
