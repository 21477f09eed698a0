//! Providers that stall in silence: a customer that has paid stays unchoked and is sent nothing.
//!
//! To the customer that is a choke that nobody tells it of: what it has asked for and is waiting
//! for stays asked for until its client gives the provider up (`Requests::timeout`), and nobody
//! else is asked for it but in the end game. So the provider's end is a choke, and the customer's
//! requests are held up.
//!
//! Law: what is held up comes back, when the client gives up, the connection ends, or the end game
//! asks others; no more is held up than the client had asked for.

use super::{Dealer, Trade};
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::swarm::event::Event;
use crate::swarm::plan::economy::Stall;
use crate::swarm::transfer::Run;
use crate::swarm::world::Swarm;
use crate::units::{BLOCK, SimTime};

/// Who is being given the silence, and what is held up.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// The customer whose requests are to be caught, for the time of a choke.
    victim: Option<PeerId>,
    /// What was caught, the run under way last.
    caught: Vec<Run>,
    held: Vec<Held>,
}

/// Blocks that a customer waits for in vain.
#[derive(Clone, Copy, Debug)]
struct Held {
    until: SimTime,
    from: PeerId,
    to: PeerId,
    run: Run,
}

impl Dealer {
    /// Whether this customer is dropped without being told.
    pub(super) fn drops_in_silence(&self, customer: PeerId) -> bool {
        self.stalls == Stall::Silent && self.dropped.contains(&customer)
    }
}

impl Trade {
    /// Catches a run that a customer would ask others for; gives whether it did.
    #[inline]
    fn catches(&mut self, p: PeerId, run: Run) -> bool {
        let catches = self.silence.victim == Some(p);
        if catches {
            self.silence.caught.push(run);
        }
        catches
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// Whether blocks that `p` would ask others for are held up.
    #[inline]
    pub(in crate::swarm) fn is_held_up(&mut self, p: PeerId, run: Run) -> bool {
        self.trade.as_deref_mut().is_some_and(|trade| trade.catches(p, run))
    }

    /// `p` sends `q` nothing any more and does not say so.
    #[inline(never)]
    pub(super) fn fall_silent(&mut self, p: PeerId, q: PeerId) {
        let Some(at) = self.flow_at(p, q) else {
            self.choke_neighbour(p, q);
            return;
        };
        let requests = &self.class(q).protocol.requests;
        let mut asked = self.queue_on(p, at).0 / BLOCK.0;
        let until = self.now + requests.timeout;
        let trade = self.trade.as_deref_mut().expect("only traders stall");
        trade.silence.victim = Some(q);
        self.choke_neighbour(p, q);
        let trade = self.trade.as_deref_mut().expect("it was just there");
        trade.silence.victim = None;
        let caught = std::mem::take(&mut trade.silence.caught);
        let mut holds = false;
        for run in caught.into_iter().rev() {
            // Beyond what its queue held the client has asked nobody yet.
            let n = u64::from(run.to - run.from).min(asked);
            asked -= n;
            let to = run.from + u16::try_from(n).expect("no longer than the run");
            let (held, rest) = (Run { to, ..run }, Run { from: to, ..run });
            self.release(q, rest);
            if !held.is_empty() && !held.twin {
                holds = true;
                let trade = self.trade.as_deref_mut().expect("it was just there");
                trade.silence.held.push(Held { until, from: p, to: q, run: held });
                trade.account.held_blocks += u64::from(held.to - held.from);
            }
        }
        if holds {
            self.queue.push(until, Event::TimeOut(q));
        }
    }

    /// The client of `q` gives up those that have sent nothing for too long.
    pub(in crate::swarm) fn time_out(&mut self, q: PeerId) {
        let now = self.now;
        self.give_back_held(|held| held.to == q && held.until <= now);
    }

    /// The connection between two peers ends: nobody waits any longer.
    pub(super) fn end_silence(&mut self, p: PeerId, q: PeerId) {
        self.give_back_held(|held| [(p, q), (q, p)].contains(&(held.from, held.to)));
    }

    /// In the end game `q` asks others than the silent for what it waits for; gives whether there
    /// was any.
    pub(in crate::swarm) fn ask_others(&mut self, q: PeerId, except: PeerId) -> bool {
        self.give_back_held(|held| held.to == q && held.from != except)
    }

    fn give_back_held(&mut self, which: impl Fn(&Held) -> bool) -> bool {
        let Some(trade) = self.trade.as_deref_mut() else { return false };
        if trade.silence.held.is_empty() {
            return false;
        }
        let all = std::mem::take(&mut trade.silence.held);
        let (back, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(which);
        trade.silence.held = kept;
        for held in &back {
            self.release(held.to, held.run);
        }
        !back.is_empty()
    }
}
