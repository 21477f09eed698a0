//! What a client knows of how much a connection moves (libtorrent `stat_channel`).

use super::socket::{SECOND, narrow};
use crate::units::{ByteRate, Bytes};

/// What a connection moves one way. All in bytes of blocks.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// In this second, in the one before, and on average over some seconds.
    pub(super) second: u32,
    pub(super) before: u32,
    pub(super) rate: u32,
}

impl Meter {
    pub(super) fn end_second(&mut self, span_s: u32) {
        self.rate = average(self.rate, self.second, span_s);
        self.before = std::mem::take(&mut self.second);
    }

    /// Whether nothing moved lately.
    pub(super) fn is_still(&self) -> bool {
        self.rate == 0 && self.before == 0 && self.second == 0
    }

    pub(super) fn known_rate(&self) -> ByteRate {
        Bytes(self.rate.into()).rate_over(SECOND)
    }
}

/// An average over some seconds, a second later (`stat_channel::second_tick`).
pub(super) fn average(before: u32, second: u32, span_s: u32) -> u32 {
    narrow(u64::from(before) * u64::from(span_s - 1) / u64::from(span_s)) + second / span_s
}
