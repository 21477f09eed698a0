//! Payments that take a while: signed by the requester, and on their way to the provider.
//!
//! A payment goes from peer to peer past the ledger (white paper of BitTorrent Token, 2019, on
//! transaction processing), so what it takes is a delay between two clients. Until it arrives its
//! amount lies in the channel, the requester can spend it no more, and the provider counts it as
//! owed: it risks no more than without a delay, and chokes who is at the limit until the money is
//! there.
//!
//! Law: what was sent arrives, in order, whoever has left by then: a channel is closed when all
//! payments through it have arrived. Without a delay nothing here runs.

use super::{Dealer, Due, Mark, Trade};
use crate::ids::{PeerId, UserId};
use crate::ledger::ChannelId;
use crate::observe::Observer;
use crate::swarm::edges::End;
use crate::swarm::event::Event;
use crate::swarm::world::Swarm;
use crate::units::{Bytes, MicroBtt, Span};
use std::ops::Add;

/// How payments travel.
#[derive(Debug)]
pub(super) struct Post {
    /// How long each takes.
    pub(super) delay: Span,
    /// Channels that close when all payments through them have arrived, and who pays by them.
    closing: Vec<(ChannelId, UserId)>,
}

/// A payment on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    provider: PeerId,
    /// The requester's slot for it.
    slot: u16,
    channel: ChannelId,
    /// What the requester has signed for in all.
    sum: MicroBtt,
    amount: MicroBtt,
    bytes: Bytes,
    /// Whether the two are still connected as they were.
    is_connected: bool,
}

impl Letter {
    pub(super) fn due(&self) -> Due {
        Due { amount: self.amount, bytes: self.bytes }
    }
}

impl Post {
    /// Nothing is on its way.
    pub(super) fn new(delay: Span) -> Self {
        Self { delay, closing: Vec::new() }
    }
}

impl Dealer {
    /// What it has sent to the provider in a slot that has not arrived.
    #[inline]
    fn on_its_way(&self, slot: u16) -> Due {
        if self.has_letters { self.letters_to(slot) } else { Due::NONE }
    }

    #[inline(never)]
    fn letters_to(&self, slot: u16) -> Due {
        let letters = self.letters.iter();
        let own = letters.filter(|letter| letter.is_connected && letter.slot == slot);
        own.map(Letter::due).fold(Due::NONE, Due::add)
    }
}

impl Trade {
    /// What `p` has sent to the provider in a slot that has not arrived.
    #[inline]
    pub(super) fn on_its_way(&self, p: PeerId, slot: u16) -> Due {
        self.peers[p.index()].on_its_way(slot)
    }

    /// `p` and a provider part: what is on its way between them arrives on no line.
    pub(super) fn forward(&mut self, (p, slot): End) {
        for letter in &mut self.peers[p.index()].letters {
            letter.is_connected &= letter.slot != slot;
        }
    }

    /// Whether a channel has to wait for payments before it closes; if so it will be.
    pub(super) fn closes_later(&mut self, channel: ChannelId, payer: UserId) -> bool {
        let row = self.ledger.channel(channel).expect("an open channel");
        let waits = row.signed > row.paid;
        if waits {
            self.post.closing.push((channel, payer));
        }
        waits
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// Sends what is due on a line whose channel holds it.
    pub(super) fn send_payment(&mut self, p: PeerId, at: usize, due: Due) {
        let payer = self.user(p);
        let trade = self.trade.as_deref_mut().expect("only a token is paid");
        let slot = trade.slot(p, at);
        let dealer = &mut trade.peers[p.index()];
        let line = &mut trade.lines[at];
        let Due { amount, bytes } = due;
        line.set(Mark::Failing, false);
        let channel = line.channel.expect("made sure of");
        let sum = trade.ledger.sign(channel, amount).expect("the channel holds what is due");
        line.left -= amount;
        let provider = line.provider;
        let is_connected = true;
        dealer.letters.push_back(Letter {
            provider,
            slot,
            channel,
            sum,
            amount,
            bytes,
            is_connected,
        });
        dealer.has_letters = true;
        let trader = &mut trade.users[payer.index()];
        trader.in_channels -= amount;
        trader.on_its_way += amount;
        self.queue.push(self.now + trade.post.delay, Event::Payment(p));
        self.top_up(p, at);
    }

    /// The oldest payment of `p` that is on its way arrives.
    pub(in crate::swarm) fn payment_arrives(&mut self, p: PeerId) {
        let (now, payer) = (self.now, self.user(p));
        let trade = self.trade.as_deref_mut().expect("only a token is paid");
        trade.close_due(now);
        let dealer = &mut trade.peers[p.index()];
        let letter = dealer.letters.pop_front().expect("each arrival has its letter");
        dealer.has_letters = !dealer.letters.is_empty();
        let Letter { provider, channel, sum, amount, bytes, .. } = letter;
        let came = trade.ledger.claim(now, channel, sum).expect("channels wait for their payments");
        assert!(came == amount, "payments arrive in order, each once");
        let trader = &mut trade.users[payer.index()];
        trader.on_its_way -= amount;
        trader.in_channels += amount;
        trade.enter_spent(payer, amount, bytes);
        trade.enter_earned(provider, amount, bytes);
        trade.thank(provider, p, amount);
        let row = trade.ledger.channel(channel).expect("it waits for its payments");
        let closing = &mut trade.post.closing;
        let waits = closing.iter().position(|&(other, _)| other == channel);
        if let Some(at) = waits.filter(|_| row.signed == row.paid) {
            let (channel, payer) = closing.swap_remove(at);
            let left = row.left();
            trade.submit_closing(now, channel, (payer, left));
        }
    }
}
