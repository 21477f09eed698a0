//! Users: persons with one access link, who come and go, and want one torrent after another.
//!
//! A user is a peer in each swarm it takes part in. What it asks for, and when it is online, was
//! drawn before the run; when a download begins depends on how the ones before went.
//!
//! Law: a user is in each swarm once. Who asks again for what it is still fetching waits until that
//! is over, and who asks for what it is seeding gives that up and begins anew.

use super::event::Event;
use super::headers::Headers;
use super::plan::{Role, Sessions};
use super::population::{self, Person};
use super::world::{Stage, Swarm};
use crate::ids::{ClassId, PeerId, UserId};
use crate::observe::Observer;
use crate::rng::{Purpose, Stream, stream};
use crate::units::{ByteRate, SimTime, Span};
use smallvec::SmallVec;
use std::collections::VecDeque;

/// One user.
pub(super) struct User {
    pub(super) class: ClassId,
    /// Its position in the class.
    pub(super) member: u32,
    has_come: bool,
    pub(super) is_online: bool,
    /// Whether a `ChargeHeaders` is pending.
    pub(super) charging: bool,
    /// Downloads under way, those interrupted included.
    downloads: u32,
    /// Upload capacity it allows.
    pub(super) upload: ByteRate,
    /// Download capacity.
    pub(super) download: ByteRate,
    /// Its peers that are in their swarms, or would be if it were online.
    pub(super) peers: SmallVec<[PeerId; 2]>,
    /// Header bytes to charge to its link at the next tick.
    pub(super) headers: Headers,
    /// What only some users have.
    habits: Option<Box<Habits>>,
}

/// The life of a user of a catalogue.
struct Habits {
    /// Downloads that wait for their turn.
    waiting: VecDeque<PeerId>,
    /// Lengths of its times online and offline.
    luck: Option<(Stream, Sessions)>,
}

/// Whether a peer may join its swarm for the first time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    /// Not yet.
    Waits,
    /// At once.
    Comes,
    /// When the peer with which its user is still there has left.
    ComesAnew,
}

impl User {
    /// A user that has not come yet.
    pub(super) fn new(person: &Person) -> Self {
        Self {
            class: person.class,
            member: person.member,
            has_come: false,
            is_online: false,
            charging: false,
            downloads: 0,
            upload: person.upload,
            download: person.download,
            peers: SmallVec::new(),
            headers: Headers::default(),
            habits: None,
        }
    }

    /// Its name in the random streams.
    pub(super) fn entity(&self) -> u64 {
        population::entity(self.class, self.member)
    }

    /// What its link adds to the capacity offered while it is there.
    pub(super) fn offers(&self) -> u64 {
        if self.upload.is_unlimited() { 0 } else { self.upload.0 }
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// A user wants to join a swarm: it does at once, or waits until it is online and has fewer
    /// other downloads under way.
    pub(super) fn request(&mut self, p: PeerId) {
        let u = self.user(p);
        if !self.users[u.index()].has_come {
            self.first_visit(u);
        }
        let is_leecher = self.class(p).role == Role::Leecher;
        self.torrent_mut(p).requests += u32::from(is_leecher);
        let turn = self.turn_of(p);
        if turn == Turn::Comes {
            self.begin(p);
            return;
        }
        self.peer_mut(p).stage = Stage::Away;
        let habits = self.users[u.index()].habits.as_mut();
        habits.expect("only users of a catalogue wait").waiting.push_back(p);
        if turn == Turn::ComesAnew {
            self.queue.push(self.now, Event::Anew(p));
        }
    }

    /// Whether a user is online and has fewer downloads under way than it wants at a time.
    fn is_free(&self, u: UserId) -> bool {
        let user = &self.users[u.index()];
        let class = &self.plan.classes[user.class.index()];
        let most = class.demand.as_ref().map_or(u32::MAX, |demand| demand.parallel);
        user.is_online && user.downloads < most
    }

    /// Whether a peer may join its swarm for the first time now.
    fn turn_of(&self, p: PeerId) -> Turn {
        if !self.is_free(self.user(p)) {
            return Turn::Waits;
        }
        match self.own_peer_in_swarm_of(p) {
            None => Turn::Comes,
            Some(q) if usize::from(self.n_have[q.index()]) == self.cut(q).pieces => Turn::ComesAnew,
            Some(_) => Turn::Waits,
        }
    }

    /// The peer with which the user of `p` is in the same swarm already, if there is one.
    fn own_peer_in_swarm_of(&self, p: PeerId) -> Option<PeerId> {
        let torrent = self.peer(p).torrent;
        let mut peers = self.users[self.line(p)].peers.iter().copied();
        peers.find(|&q| self.peer(q).torrent == torrent)
    }

    /// A peer joins a swarm anew, unless that can no longer be: its user may have gone offline.
    pub(super) fn come_anew(&mut self, p: PeerId) {
        let waits = self.peer(p).stage == Stage::Away && self.peer(p).visit == 0;
        if waits && self.turn_of(p) == Turn::ComesAnew {
            let old = self.own_peer_in_swarm_of(p).expect("what it comes anew to");
            self.leave(old);
        }
        self.begin_waiting(self.user(p));
    }

    /// A user comes for the first time.
    fn first_visit(&mut self, u: UserId) {
        let class = &self.plan.classes[self.users[u.index()].class.index()];
        let user = &mut self.users[u.index()];
        (user.has_come, user.is_online) = (true, true);
        self.open_wallet(u);
        let user = &mut self.users[u.index()];
        if self.plan.catalogue.is_none() {
            return;
        }
        let sessions = class.demand.as_ref().and_then(|demand| demand.sessions);
        let luck = sessions.map(|s| (stream(self.seed, Purpose::Session, user.entity()), s));
        user.habits = Some(Box::new(Habits { waiting: VecDeque::new(), luck }));
        self.schedule_next_session(u);
    }

    /// Draws when a user next goes offline, or comes back.
    fn schedule_next_session(&mut self, u: UserId) {
        let user = &mut self.users[u.index()];
        let online = user.is_online;
        let Some((luck, s)) = user.habits.as_mut().and_then(|h| h.luck.as_mut()) else { return };
        let mean = if online { s.online } else { s.offline };
        let span = Span::from_secs(luck.exponential(mean.as_secs()));
        let event = if online { Event::GoOffline(u) } else { Event::GoOnline(u) };
        self.queue.push(self.now + span, event);
    }

    /// A peer joins its swarm for the first time.
    fn begin(&mut self, p: PeerId) {
        let u = self.user(p);
        let is_leecher = self.class(p).role == Role::Leecher;
        let user = &mut self.users[u.index()];
        user.downloads += u32::from(is_leecher);
        user.peers.push(p);
        self.join(p);
        if is_leecher {
            self.begin_bidding(p);
        }
    }

    /// A peer has left for good, or has all it wanted: the next download may begin.
    pub(super) fn download_over(&mut self, p: PeerId) {
        let u = self.user(p);
        self.users[u.index()].downloads -= 1;
        self.begin_waiting(u);
    }

    /// Begins downloads that wait, as many as the user wants at a time.
    fn begin_waiting(&mut self, u: UserId) {
        while self.is_free(u)
            && let Some(habits) = &self.users[u.index()].habits
        {
            let turns = habits.waiting.iter().map(|&p| self.turn_of(p));
            let next = turns.enumerate().find(|&(_, turn)| turn != Turn::Waits);
            let Some((at, turn)) = next else { return };
            let habits = self.users[u.index()].habits.as_mut().expect("it was just there");
            if turn == Turn::ComesAnew {
                self.queue.push(self.now, Event::Anew(habits.waiting[at]));
                return;
            }
            let p = habits.waiting.remove(at).expect("it was just there");
            self.begin(p);
        }
    }

    /// A user goes offline: its peers leave their swarms, but keep what they have.
    pub(super) fn go_offline(&mut self, u: UserId) {
        // Before they leave: blocks that arrive with that may complete one, and begin no other.
        self.users[u.index()].is_online = false;
        for i in 0..self.users[u.index()].peers.len() {
            let p = self.users[u.index()].peers[i];
            if self.is_present(p) {
                self.withdraw(p);
                self.silence_bid(p);
                // Its clocks begin anew when it comes back.
                let peer = self.peer_mut(p);
                (peer.next_rechoke, peer.optimistic_due) = (SimTime::NEVER, SimTime::NEVER);
            }
        }
        self.schedule_next_session(u);
    }

    /// A user comes back: its peers join their swarms again.
    pub(super) fn go_online(&mut self, u: UserId) {
        self.users[u.index()].is_online = true;
        for i in 0..self.users[u.index()].peers.len() {
            let p = self.users[u.index()].peers[i];
            self.join(p);
            // What it earned elsewhere before it left is in its wallet by now.
            self.review_bid(p);
        }
        self.begin_waiting(u);
        self.schedule_next_session(u);
    }

    /// Adds a user's link to the capacity offered, with its first peer; called before.
    pub(super) fn account_arrival(&mut self, p: PeerId) {
        let u = self.user(p);
        let is_first = self.users[u.index()].peers.iter().filter(|&&q| self.is_present(q)).count();
        if is_first == 0 {
            self.offer_capacity(self.users[u.index()].offers(), true);
        }
    }

    /// Takes a user's link out of the capacity offered, with its last peer; called after.
    pub(super) fn account_departure(&mut self, p: PeerId) {
        let u = self.user(p);
        if !self.users[u.index()].peers.iter().any(|&q| self.is_present(q)) {
            self.offer_capacity(self.users[u.index()].offers(), false);
        }
    }
}
