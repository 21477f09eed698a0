//! Who gave how much to whom: the memory of each user over all torrents, where clients keep one.
//!
//! Law: what all have received by their lists is what all have sent by theirs, and is what leechers
//! hold or left with, to the byte. Bytes count when they are in and of use, as with credit.
//!
//! Where it is wrong: nobody lies, and word of mouth takes no time and no traffic: whom two have
//! both dealt with is known as soon as they meet, and as it stands.

use crate::ids::{PeerId, UserId};
use crate::observe::Observer;
use crate::policy::choke::Candidate;
use crate::policy::reputation::{Dealing, Known, Names, reputation};
use crate::swarm::plan::Role;
use crate::swarm::plan::economy::{Economy, OneHop, Ranks};
use crate::swarm::world::{Stage, Swarm};
use crate::units::Bytes;

/// The lists of all users.
pub(in crate::swarm) struct Dealings {
    rules: OneHop,
    /// By user, in order of whom it dealt with.
    lists: Vec<Vec<Dealing>>,
    /// All that was entered.
    total: Bytes,
    /// A buffer.
    values: Vec<u64>,
}

impl Dealings {
    /// Empty lists, if the economy has some.
    pub(in crate::swarm) fn new(economy: Option<&Economy>, n_users: usize) -> Option<Box<Self>> {
        let Some(&Economy::OneHop(rules)) = economy else { return None };
        let (lists, total, values) = (vec![Vec::new(); n_users], Bytes::ZERO, Vec::new());
        Some(Box::new(Self { rules, lists, total, values }))
    }

    fn enter(&mut self, from: UserId, to: UserId, bytes: Bytes) {
        self.total += bytes;
        self.entry(from, to).sent += bytes;
        self.entry(to, from).received += bytes;
    }

    /// What is on the list of `user` about `with`; begins with nothing.
    fn entry(&mut self, user: UserId, with: UserId) -> &mut Dealing {
        let list = &mut self.lists[user.index()];
        let at = match list.binary_search_by_key(&with, |dealing| dealing.with) {
            Ok(at) => at,
            Err(at) => {
                list.insert(at, Dealing { with, received: Bytes::ZERO, sent: Bytes::ZERO });
                at
            }
        };
        &mut list[at]
    }

    /// A user as it shows itself to others.
    fn known(&self, user: UserId) -> Known<'_> {
        let dealings = &self.lists[user.index()];
        let most = usize::try_from(self.rules.known_peers).unwrap_or(usize::MAX);
        Known { user, dealings, names: Names::of(dealings, most, |user| self.popularity(user)) }
    }

    /// How many a user has dealt with.
    fn popularity(&self, user: UserId) -> usize {
        self.lists[user.index()].len()
    }

    fn audit(&self, held: u64) {
        let all = || self.lists.iter().flatten();
        let received: u64 = all().map(|dealing| dealing.received.0).sum();
        let sent: u64 = all().map(|dealing| dealing.sent.0).sum();
        assert_eq!(received, sent, "what was received was sent");
        assert_eq!(received, self.total.0, "each byte is on two lists");
        assert_eq!(received, held, "what was received is held");
        for list in &self.lists {
            assert!(list.windows(2).all(|pair| pair[0].with < pair[1].with), "in order of users");
        }
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// Bytes that were of use went from one peer to another.
    pub(super) fn enter_dealing(&mut self, from: PeerId, to: PeerId, bytes: Bytes) {
        if self.dealings.is_none() || bytes == Bytes::ZERO {
            return;
        }
        let (from, to) = (self.user(from), self.user(to));
        if let Some(dealings) = &mut self.dealings {
            dealings.enter(from, to, bytes);
        }
    }

    /// What `p` thinks of each of the candidates; empty if its client does not think of any.
    pub(in crate::swarm) fn reputations(
        &mut self,
        p: PeerId,
        candidates: &[Candidate],
    ) -> Vec<u64> {
        let Some(dealings) = &mut self.dealings else { return Vec::new() };
        if dealings.rules.ranks == Ranks::Seeding && self.peers[p.index()].stage != Stage::Seeder {
            return Vec::new();
        }
        let mut values = std::mem::take(&mut dealings.values);
        values.clear();
        let Some(dealings) = &self.dealings else { return values };
        let me = dealings.known(self.user(p));
        values.extend(candidates.iter().map(|c| {
            let them = dealings.known(self.user(self.neighbour(p, c.slot)));
            let popularity = |user| dealings.popularity(user);
            reputation(dealings.rules.value, &me, &them, popularity)
        }));
        values
    }

    /// Gives the buffer back.
    pub(in crate::swarm) fn give_reputations_back(&mut self, values: Vec<u64>) {
        if let Some(dealings) = &mut self.dealings {
            dealings.values = values;
        }
    }

    /// Checks the law of the lists.
    pub(in crate::swarm) fn audit_dealings(&self) {
        let Some(dealings) = &self.dealings else { return };
        let came_to_leech = |&i: &usize| self.class(PeerId::from_index(i)).role == Role::Leecher;
        let leechers = (0..self.peers.len()).filter(came_to_leech);
        let held = leechers.map(|i| match self.peers[i].stage {
            Stage::Gone => self.records[i].useful.0,
            _ => self.held_bytes(PeerId::from_index(i)).0,
        });
        dealings.audit(held.sum());
    }
}
