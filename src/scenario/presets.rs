//! Rules of real clients as parameters. Every number has its source; docs/scenario.md lists them.
//!
//! Sources: the mainline client 4.0.x (`Choker.py`, `Downloader.py`, `PiecePicker.py`,
//! `Encoder.py`, `Rerequester.py`, `defaultargs.py`), and libtorrent 2.x
//! (`settings_pack.cpp`, `choker.cpp`, `session_impl.cpp`, `peer_connection.cpp`).

use crate::policy::pick::PickOrder;
use crate::swarm::plan::{
    Choking, ConnectOrder, EndGame, InTurn, Messages, OptimisticOrder, Overhead, Overlay, Protocol,
    RankBy, Requests, SeedChoker, Slots, TieOrder,
};
use crate::units::{Bytes, NS_PER_S, Span};

/// Presets by the name they have in scenario files, the default first.
pub const PRESETS: [&str; 2] = ["mainline", "libtorrent"];

/// The preset of that name.
pub fn by_name(name: &str) -> Option<Protocol> {
    match name {
        "mainline" => Some(mainline()),
        "libtorrent" => Some(libtorrent()),
        _ => None,
    }
}

/// `n` seconds.
const fn s(n: u64) -> Span {
    Span(n * NS_PER_S)
}

/// The mainline client 4.0.x.
///
/// - overlay: numwant 50 (tracker `response_size`), announces every 1800 s
///   (`reannounce_interval`), another look every 300 s (`rerequest_interval`) that asks again
///   below 20 neighbours (`min_peers`), at most 80 (`max_allow_in`), own connections below 40
///   (`max_initiate`), made as soon as the tracker answers (`Encoder.py`);
/// - choking: every 10 s (`Choker.py` schedules itself), the list is rotated each third time
///   (30 s), newcomers enter it at a random place (`connection_made`), hence random order with
///   weight 1; slots by `_max_uploads` with at least one optimistic; ranking by the rate over 20 s
///   (`max_rate_period`); no regular slot after 30 s without a block (`snub_time`). Interest or
///   its loss reruns the choker at once (`interested`, `not_interested`); peers ahead in the list
///   are unchoked before they are interested, so that a newly interested one is served at once:
///   we give it a free slot. Seeders keep the most recently unchoked (`_rechoke_seed`);
/// - requests: 2 + 4 s × rate blocks, at most 50 (`Downloader.py` `_backlog`; above 50 mainline
///   goes on with 7.5 %, which only links beyond 2.6 MiB/s reach); the first 4 pieces at random
///   (`rarest_first_cutoff`); started pieces first, `seedstarted` apart (`PiecePicker.py`);
///   end game asks idle neighbours (`Downloader.py` `_request_more`);
/// - capacities are payload: mainline's limiter does not count headers (`RateLimiter.py`).
pub fn mainline() -> Protocol {
    Protocol {
        overlay: Overlay {
            numwant: 50,
            announce: s(1800),
            rerequest: s(300),
            min_neighbours: 20,
            max_neighbours: 80,
            max_initiate: 40,
            connect_delay: Span::ZERO,
            either_connects: false,
            connect_order: ConnectOrder::AsTold,
        },
        choking: Choking {
            rechoke: s(10),
            optimistic: s(30),
            optimistic_clock: false,
            optimistic_ahead: Span::ZERO,
            random_phase: true,
            slots: Slots::Auto,
            optimistic_slots: 1,
            min_uploads: 2,
            optimistic_order: OptimisticOrder::Random,
            ties: TieOrder::ByChance,
            new_peer_weight: 1,
            rank: RankBy::TwoRounds,
            unchoke_on_interest: true,
            choke_on_lost_interest: true,
            refill: Some(Span::ZERO),
            snub: Some(s(30)),
            seed: SeedChoker::MostRecent,
        },
        requests: Requests {
            order: PickOrder::RarestFirst,
            random_first: 4,
            strict_priority: true,
            seed_started_list: true,
            whole_piece: s(20),
            contiguous: false,
            queue_span: s(4),
            queue_base: 2,
            queue_min: 2,
            queue_max: 50,
            queue_start: 0,
            retry: Span::ZERO,
            timeout: s(30),
            end_game: EndGame::Shared,
        },
        overhead: Overhead::None,
        messages: Messages::AtOnce,
        latency: Span::ZERO,
    }
}

/// How libtorrent's messages wait: `tick_interval` 500 ms; a connection's send buffer gets another
/// block while it holds less than 10 KiB (`send_buffer_low_watermark`) or half of what was sent in
/// the last second (`send_buffer_watermark_factor` 50 %; the upper limit of 500 KiB needs 1 MiB/s
/// on one connection and is left out); rates are averages over 5 s (`stat.cpp`). Whoever asks more
/// than 2 s after it was choked is disconnected (`incoming_request`), and may come back after
/// `min_reconnect_time` 60 s.
pub(super) const IN_TURN: InTurn = InTurn {
    tick: Span(NS_PER_S / 2),
    buffer: Bytes(10 * 1024),
    buffer_span: Span(NS_PER_S / 2),
    rate_span: s(5),
    grace: s(2),
    reconnect: s(60),
};

/// libtorrent 2.x with its default settings.
///
/// - overlay: `num_want` 200, `connections_limit` 200 for both directions, connections made once
///   a second, by a new session for the first time after half a second (`m_last_second_tick`,
///   `try_connect_more_peers`), by either of two that are there before the first time of both;
///   announces every 1800 s as trackers ask, and not more often than every 300 s
///   (`min_announce_interval`). libtorrent has no count of too few neighbours: below 20 we let it
///   ask again, as mainline does;
/// - choking: `unchoke_interval` 15 s, `optimistic_unchoke_interval` 30 s; `unchoke_slots_limit` 8,
///   of them max(1, 8/5) = 1 optimistic, given by its own clock to whoever waited longest
///   (`recalculate_optimistic_unchoke_slots`), its place kept free until then
///   (`recalculate_unchoke_slots`), its client started 2 s before (ours: so it was where swarms
///   were recorded); ranking by bytes of the last round
///   (`unchoke_sort`), which knows no snubbing, by `nth_element` over the connections; a free slot
///   goes at once to a newly interested peer (`maybe_unchoke_this_peer`), lost interest frees it at
///   once, and the choker runs again at the next tick (1 s); seeders: `seed_choking_algorithm`
///   `round_robin` with `seeding_piece_quota` 20 pieces and 60 s (`unchoke_compare_rr`);
/// - requests: `request_queue_time` 3 s, at least 2 and at most `max_out_request_queue` 500
///   blocks; the first 4 pieces at random (`initial_picker_threshold`), begun ones before others;
///   whole pieces for peers that need less than 20 s for one (`whole_pieces_threshold`);
///   `prioritize_partial_pieces` off; `strict_end_game_mode` on;
/// - `rate_limit_ip_overhead` on: headers count against the limits;
/// - messages wait in turn, see `IN_TURN`. The first 4 blocks are asked for at once
///   (`m_desired_queue_size`), and with each that comes one more until the rate has settled (slow
///   start).
pub fn libtorrent() -> Protocol {
    Protocol {
        overlay: Overlay {
            numwant: 200,
            announce: s(1800),
            rerequest: s(300),
            min_neighbours: 20,
            max_neighbours: 200,
            max_initiate: 200,
            connect_delay: Span(NS_PER_S / 2),
            either_connects: true,
            connect_order: ConnectOrder::Canonical,
        },
        choking: Choking {
            rechoke: s(15),
            optimistic: s(30),
            optimistic_clock: true,
            optimistic_ahead: s(2),
            random_phase: false,
            slots: Slots::Fixed(8),
            optimistic_slots: 1,
            min_uploads: 0,
            optimistic_order: OptimisticOrder::LongestWaiting,
            ties: TieOrder::InOrder,
            new_peer_weight: 1,
            rank: RankBy::LastRound,
            unchoke_on_interest: true,
            choke_on_lost_interest: true,
            refill: Some(s(1)),
            snub: None,
            seed: SeedChoker::RoundRobin { quota_pieces: 20, tenure: s(60) },
        },
        requests: Requests {
            order: PickOrder::RarestFirst,
            random_first: 4,
            strict_priority: false,
            seed_started_list: false,
            whole_piece: s(20),
            contiguous: true,
            queue_span: s(3),
            queue_base: 0,
            queue_min: 2,
            queue_max: 500,
            queue_start: 4,
            retry: s(5),
            timeout: s(60),
            end_game: EndGame::Strict,
        },
        overhead: Overhead::TcpIp,
        messages: Messages::InTurn(IN_TURN),
        latency: Span::ZERO,
    }
}

/// What a free rider with a large view changes: it asks the tracker every 30 s for everybody and
/// connects to all it hears of.
///
/// After Sirivianos et al., "Free-riding in BitTorrent networks with the large view exploit",
/// IPTPS 2007; the period is ours.
pub fn large_view(overlay: &mut Overlay) {
    const EVERYBODY: u32 = 10_000;
    overlay.numwant = EVERYBODY;
    overlay.rerequest = s(30);
    overlay.min_neighbours = EVERYBODY;
    overlay.max_neighbours = EVERYBODY;
    overlay.max_initiate = EVERYBODY;
}
