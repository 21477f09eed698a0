//! One channel between two users for all torrents they share, where the rules say so.
//!
//! The paper opens a channel after each unchoke, which is per torrent; between users who meet in
//! several torrents one would do (ours). A channel is opened, paid through and closed as ever; here
//! is what changes where another line of the same two users has one.
//!
//! Law: all lines of a user to another hold the same channel, or none does. Where users meet in one
//! torrent only, nothing here changes anything.

use super::Trade;
use crate::ids::{PeerId, UserId};
use crate::ledger::ChannelId;
use crate::observe::Observer;
use crate::swarm::world::Swarm;
use crate::units::{MicroBtt, SimTime};
use smallvec::SmallVec;

/// Where the lines of the same two users in other torrents are.
pub(super) type Siblings = SmallVec<[usize; 2]>;

impl<O: Observer> Swarm<'_, O> {
    /// The lines of the user of `p` to that of `provider` in other torrents, if they share a
    /// channel.
    pub(super) fn siblings(&self, p: PeerId, provider: PeerId) -> Siblings {
        let mut found = Siblings::new();
        let Some(trade) = self.trade.as_deref().filter(|trade| trade.per_pair) else {
            return found;
        };
        let payee = self.user(provider);
        for &q in self.users[self.user(p).index()].peers.iter().filter(|&&q| q != p) {
            let to_payee = |at: &usize| self.user(trade.lines[*at].provider) == payee;
            found.extend(trade.peers[q.index()].lines().find(to_payee));
        }
        found
    }
}

impl Trade {
    /// The line at `at` takes the channel of its siblings. Gives whether that will do: if it
    /// holds less than `need`, the line has it alone from now on, to replace it.
    pub(super) fn joins(&mut self, at: usize, siblings: &Siblings, need: MicroBtt) -> bool {
        let mut lines = siblings.iter().map(|&at| self.lines[at]);
        let Some(found) = lines.find(|line| line.channel.is_some()) else { return false };
        self.lines[at].hold(found.channel, found.left);
        self.look_into_channel(at);
        let enough = self.lines[at].left >= need;
        if !enough {
            self.share_with(siblings, None);
        }
        enough
    }

    /// Siblings hold this channel from now on.
    pub(super) fn share_with(&mut self, siblings: &Siblings, channel: Option<ChannelId>) {
        for &at in siblings {
            self.lines[at].hold(channel, MicroBtt::ZERO);
            self.look_into_channel(at);
        }
    }

    /// Money is short: closes the channels of a requester that it does not need now, in no torrent.
    /// What is in them is back when the server has done it. `peers` are those of its user.
    pub(super) fn reclaim(&mut self, now: SimTime, p: PeerId, payer: UserId, peers: &[PeerId]) {
        let lines: SmallVec<[usize; 64]> = self.peers[p.index()].lines().collect();
        for at in lines {
            let channel = self.lines[at].channel;
            let Some(channel) = channel.filter(|_| self.is_idle(p, at)) else { continue };
            if self.per_pair && self.is_needed(channel, peers) {
                continue;
            }
            self.enter_paid(now, at);
            self.lines[at].hold(None, MicroBtt::ZERO);
            for &q in peers.iter().filter(|_| self.per_pair) {
                for at in self.peers[q.index()].lines() {
                    if self.lines[at].channel == Some(channel) {
                        self.lines[at].hold(None, MicroBtt::ZERO);
                    }
                }
            }
            self.close_channel(now, payer, channel);
        }
    }

    fn is_needed(&self, channel: ChannelId, peers: &[PeerId]) -> bool {
        peers.iter().any(|&q| {
            let mut lines = self.peers[q.index()].lines();
            lines.any(|at| self.lines[at].channel == Some(channel) && !self.is_idle(q, at))
        })
    }
}
