//! Where peers are on the Internet, and in which order a client connects to them.
//!
//! A client that goes by canonical peer priority (BEP 40) connects first to those whose address
//! hashes highest with its own. So whom it finds first does not depend on what the tracker said,
//! and two clients agree on what their connection is worth.
//!
//! Law: the priority of two addresses is the same from both ends.

use super::plan::ConnectOrder;
use super::world::Swarm;
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::rng::{Purpose, draw};
use std::cmp::Reverse;
use std::net::Ipv4Addr;

/// The canonical priority of a connection between two addresses: of several the highest is made
/// first (BEP 40; libtorrent `peer_priority`). Of addresses in different networks of 65 536 half of
/// the bits of the last two bytes count, of others in different networks of 256 those of the last.
fn priority(a: Ipv4Addr, b: Ipv4Addr) -> u32 {
    let (low, high) = (a.min(b).octets(), a.max(b).octets());
    let mask = match (0..4).take_while(|&i| low[i] == high[i]).count() {
        0 | 1 => [0xff, 0xff, 0x55, 0x55],
        2 => [0xff, 0xff, 0xff, 0x55],
        _ => [0xff; 4],
    };
    let masked = |bytes: [u8; 4]| bytes.into_iter().zip(mask).map(|(byte, mask)| byte & mask);
    crc32c(masked(low).chain(masked(high)))
}

/// CRC-32C, bit by bit: a peer that connects works out some dozens.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

impl<O: Observer> Swarm<'_, O> {
    /// The address of a peer's user: the plan's, or one drawn among all.
    fn address(&self, p: PeerId) -> Ipv4Addr {
        let user = &self.users[self.line(p)];
        let given = self.class(p).addresses.get(user.member as usize).copied();
        given.unwrap_or_else(|| {
            let drawn = draw(self.seed, Purpose::Address, user.entity(), 0);
            Ipv4Addr::from_bits(u32::try_from(drawn >> 32).expect("half of 64 bits"))
        })
    }

    /// Puts those named to `p` into the order in which it connects to them.
    pub(super) fn order_named(&self, p: PeerId, named: &mut [PeerId]) {
        match self.class(p).protocol.overlay.connect_order {
            ConnectOrder::AsTold => {}
            ConnectOrder::Canonical => {
                let own = self.address(p);
                named.sort_by_cached_key(|&q| Reverse(priority(own, self.address(q))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_those_of_the_proposal() {
        let client = Ipv4Addr::new(123, 213, 32, 10);
        for (other, expected) in [
            (Ipv4Addr::new(98, 76, 54, 32), 0xec2d_7224),
            (Ipv4Addr::new(123, 213, 32, 234), 0x9956_8189),
        ] {
            assert_eq!(priority(client, other), expected, "{other}");
            assert_eq!(priority(other, client), expected, "{other}");
        }
    }

    /// What recorded clients did, each in a network of 256 of its own: in each of seven recordings
    /// of a stream the tenth to come connected in this order.
    #[test]
    fn clients_connect_in_the_recorded_order() {
        let address = |number| Ipv4Addr::new(127, 0, 1 + number, 1);
        let mut others: Vec<u8> = (0..10).collect();
        others.sort_by_key(|&other| Reverse(priority(address(10), address(other))));
        assert_eq!(others, [4, 7, 5, 2, 1, 0, 6, 8, 3, 9]);
    }
}
