//! Where a connection reads into, whose size it wants quota for.
//!
//! A client asks its limiter for leave to read what it has requested, and for no less than its
//! buffer has room for (libtorrent `setup_receive`, `wanted_transfer`). The buffer grows to what
//! was read at once, so whoever was granted much asks for as much again, though it has requested
//! one block, and reads nothing until it is granted: with a narrow downlink, seconds later. It
//! shrinks to what is read on average, and to a small one when the connection is choked.

use crate::units::BLOCK;

/// What precedes a block, and a block with it.
const HEADER: u32 = super::headers::BLOCK_HEADER;
#[expect(clippy::cast_possible_truncation, reason = "16 KiB")]
const MESSAGE: u32 = BLOCK.0 as u32 + HEADER;
/// What one has room for at first and after a choke: so much in a client's log.
const SMALL: u32 = 104;
/// The length of a message, which is read before the rest of it.
const LENGTH: u32 = 4;
/// A client's buffer grows no further (`max_peer_recv_buffer_size`).
const MOST: u32 = 2 << 20;
/// Reads the average goes over (`receive_buffer::m_watermark`), and its unit in a byte.
const LASTING: u32 = 20;
const FINE: u32 = 64;

/// A connection's receive buffer, in bytes (libtorrent `receive_buffer`).
#[derive(Debug)]
pub(super) struct ReceiveBuffer {
    size: u32,
    /// Of a message that is not all there yet.
    begun: u32,
    /// What was in it after a read, on average, in parts of a byte; and over so many reads.
    average: u32,
    reads: u32,
}

impl Default for ReceiveBuffer {
    fn default() -> Self {
        Self { size: SMALL, begun: 0, average: 0, reads: 0 }
    }
}

impl ReceiveBuffer {
    /// What it has room for.
    pub(super) fn room(&self) -> u32 {
        self.size - self.begun
    }

    /// So many bytes are there: what is read into the buffer, and what when it has grown.
    pub(super) fn reads(&self, n: u32) -> [u32; 2] {
        let first = n.min(self.room());
        [first, n - first]
    }

    /// So many bytes are read at once; of a message that is not all there so many are in then.
    pub(super) fn read(&mut self, n: u32, begun: u32) {
        let held = self.begun + n;
        if held >= self.size {
            self.resize(held.max(message(self.begun)));
        }
        self.begun = begun;
        let next = message(self.begun);
        self.count(held.max(next));
        let usual = (self.average + FINE / 2) / FINE;
        if self.size / 2 > usual && usual > self.begun {
            self.size = usual;
        }
        if self.size <= self.begun {
            self.resize(if self.size < next { next } else { (self.size * 3 / 2).min(MOST) });
        }
    }

    /// The neighbour chokes us.
    pub(super) fn shrink(&mut self) {
        self.size = message(self.begun).max(SMALL).max(self.begun);
    }

    fn resize(&mut self, size: u32) {
        (self.size, self.average, self.reads) = (size.max(self.begun), 0, 0);
    }

    fn count(&mut self, held: u32) {
        self.reads = (self.reads + 1).min(LASTING);
        let (held, average) = (i64::from(held) * i64::from(FINE), i64::from(self.average));
        let average = average + (held - average) / i64::from(self.reads);
        self.average = u32::try_from(average).expect("between two sizes");
    }
}

/// The size of a message of which so much is there.
fn message(begun: u32) -> u32 {
    if begun > LENGTH { MESSAGE } else { LENGTH }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads so many bytes, after which so many of a block that is not all there are in.
    fn read(buffer: &mut ReceiveBuffer, n: u32, in_block: u32) {
        buffer.read(n, if in_block > 0 { HEADER + in_block } else { 0 });
    }

    fn assert_room(buffer: &ReceiveBuffer, logged: u32) {
        // An allocation may be a little larger than what was asked for.
        let room = buffer.room();
        assert!(room.abs_diff(logged) <= 100, "{room}, logged {logged}");
    }

    #[test]
    fn it_is_as_large_as_in_the_log_of_a_client() {
        // From 18.9 s to 23.5 s on a connection of libtorrent 2.1.1 whose downlink was the limit:
        // what was read, what was left of a block, and for how much room it asked.
        let mut buffer = ReceiveBuffer::default();
        read(&mut buffer, 114_718, 16_314);
        assert_room(&buffer, 98_440);
        read(&mut buffer, 30, 16_344);
        read(&mut buffer, 32_964, 72);
        assert_room(&buffer, 114_712);
        // The average falls below the half of it.
        for (n, in_part) in [(16_397, 72), (13, 85), (5_226, 5_311), (11_158, 72)] {
            read(&mut buffer, n, in_part);
        }
        for (n, in_part) in [(16_397, 72), (17, 89), (5_585, 5_665), (10_653, 16_318)] {
            read(&mut buffer, n, in_part);
        }
        assert_room(&buffer, 32_967);
    }

    #[test]
    fn it_shrinks_when_the_connection_is_choked() {
        let mut buffer = ReceiveBuffer::default();
        read(&mut buffer, 100_000, 0);
        assert_eq!(buffer.room(), 100_000);
        buffer.shrink();
        assert_eq!(buffer.room(), SMALL);
        read(&mut buffer, 50_000, 1_000);
        buffer.shrink();
        assert_eq!(buffer.room(), MESSAGE - HEADER - 1_000, "the block under way has room");
    }

    #[test]
    fn there_is_always_room_for_more() {
        let mut buffer = ReceiveBuffer::default();
        for n in [1, 104, 9, 16_397, 5, 300_000, 9, 9, 9, 16_384] {
            for in_part in [0, 1, 500, 16_383] {
                read(&mut buffer, n.max(1), in_part);
                assert!(buffer.room() > 0, "{buffer:?}");
            }
        }
    }
}
