//! Economies, users who trade and catalogues: what is written is what is planned.

use super::{check_round_trip, plan, read, read_with, small};
use swarmecon::ledger::{Between, ChainRules, Outage, PricePath, Rest, Sun};
use swarmecon::policy::ask::{AskerSpec, Tatonnement};
use swarmecon::policy::auction::{Format, Ties};
use swarmecon::policy::bid::{AutoBid, BidderSpec, Insolvency, Shill, Valuation};
use swarmecon::policy::choke::ChokerSpec;
use swarmecon::policy::choke::market::Combine;
use swarmecon::policy::reputation::Esteem;
use swarmecon::policy::stay::{Elastic, StayerSpec};
use swarmecon::swarm::plan::economy::{
    Airdrop, ChannelScope, Economy, Funding, OneHop, Ranks, Route, Stall, Token, Trade, Usd,
};
use swarmecon::swarm::plan::{Plan, Sessions};
use swarmecon::units::{Bytes, MicroBtt, NanoUsd, Price, SimTime, Span};

fn token(plan: &Plan) -> &Token {
    match &plan.economy {
        Some(Economy::Token(token)) => token,
        other => panic!("no token in {other:?}"),
    }
}

fn s(seconds: f64) -> Span {
    Span::from_secs(seconds)
}

/// The numbers inside policies, which print as their names.
fn inside(trade: &Trade) -> String {
    let bidder = match &trade.bidder {
        BidderSpec::Auto(rule) => format!("{rule:?}"),
        BidderSpec::Fixed(price) => format!("{price:?}"),
        BidderSpec::Valuation(rule) => format!("{rule:?}"),
        BidderSpec::Shill(rule) => format!("{rule:?}"),
        other => other.name(),
    };
    let asker = match &trade.asker {
        AskerSpec::Reserve(price) => format!("{price:?}"),
        AskerSpec::Cost(cost) => format!("{cost:?}"),
        AskerSpec::Tatonnement(rule) => format!("{rule:?}"),
        other => other.name(),
    };
    let stayer = match &trade.stayer {
        StayerSpec::Elastic(rule) => format!("{rule:?}"),
        other => other.name(),
    };
    format!("{bidder} {asker} {stayer}")
}

/// As `check_round_trip`, policies included.
fn check_all_comes_back(text: &str) {
    let scenario = read(text);
    check_round_trip(&scenario);
    for arm in &scenario.arms {
        let again = plan(&arm.resolved.to_string());
        for (class, copy) in arm.plan.classes.iter().zip(&again.classes) {
            assert_eq!(inside(&class.trade), inside(&copy.trade), "class {}", class.name);
        }
    }
}

const TOKEN: &str = "\
[economy]
bundle = \"btt\"
combine = { slot_split = 2 }
auction = \"first-price\"
ties = \"holder-stays\"
smallest_payment_ubtt = 1000
payment_loss = 0.01
funding_pieces = \"wallet\"
channel_rest = \"forfeit\"
channels = \"per-pair\"
payment_delay_s = 0.75
exposure_pieces = 3
usd_per_btt = { history_from_day = 412 }
[economy.ledger]
per_second = 5
latency_s = 2.5
refund_after_s = 3600
outages_s = [[60, 30], [300, 10]]
[economy.supply]
promo_btt = 1000.5
gateway_btt = 7
[economy.airdrop]
amount_btt = 2.000001
every_days = 0.25
[economy.gateway]
daily_cap_btt = 20000
block_s = 0.5
finality_blocks = 2
free_bytes_per_day = 1500
sun_per_byte = 140
[trade]
adoption = 0.6
gift_btt = 2.5
asker = { tatonnement = { start_btt_per_gib = 1.5, step_percent = 5 } }
elasticity = 0.55
crowding_out = 0.9
gib_cost_usd = 0.002
[classes.peer.trade]
adoption = 0.3
bidder = { auto = { spending_percent = 50, insolvency = \"paper-naive\" } }
withdraws_at_btt = 1000
buys_usd = 0.25
buys_again_below_btt = 0.5
identities = 3
buys_through = \"gateway\"
sells = false
stalls = \"silently\"
bans_payers = 0.25
unpaid_ban_s = 120.5
";

#[test]
fn a_token_is_planned_as_it_is_written() {
    let plan = plan(&small(TOKEN));
    let token = token(&plan);
    assert_eq!(token.combine, Combine::SlotSplit { paid: 2 });
    assert_eq!((token.format, token.coin), (Format::FirstPrice, MicroBtt(1000)));
    assert_eq!(token.ties, Ties::HolderStays);
    assert_eq!((token.channels.funding, token.channels.rest), (Funding::Wallet, Rest::Forfeit));
    assert_eq!(token.channels.scope, ChannelScope::Pair);
    assert_eq!(token.channels.refund_after, s(3600.0));
    assert_eq!((token.payment_loss, token.payment_delay), (0.01, s(0.75)));
    assert_eq!(token.exposure_pieces, 3);
    let Usd::Path(path) = &token.usd else { panic!("history is a path") };
    assert_eq!(**path, PricePath::historical(412, Between::Linear));
    let at = SimTime::from_secs;
    let outages =
        [Outage { start: at(60.0), length: s(30.0) }, Outage { start: at(300.0), length: s(10.0) }];
    assert_eq!(token.service.per_second.map(std::num::NonZero::get), Some(5));
    assert_eq!((token.service.latency, token.service.outages.as_slice()), (s(2.5), &outages[..]));
    let supply = token.supply;
    assert_eq!((supply.promo, supply.gateway), (MicroBtt(1_000_500_000), MicroBtt(7_000_000)));
    let sum = supply.promo + supply.gateway + supply.operator + supply.outside;
    assert_eq!(sum, MicroBtt(990_000_000_000 * MicroBtt::BTT.0), "the rest is outside");
    let airdrop = Airdrop { amount: MicroBtt(2_000_001), every: s(21_600.0) };
    assert_eq!(token.airdrop, Some(airdrop));
    assert_eq!(token.gateway.daily_cap, MicroBtt(20_000_000_000));
    let chain = ChainRules {
        block: s(0.5),
        finality_blocks: 2,
        free_bytes: 1500,
        transfer_bytes: 270,
        price: Sun(140),
    };
    assert_eq!(token.gateway.chain, chain, "a default stays");
    assert_eq!(token.gateway.least_withdrawal, MicroBtt(1_000_000_000), "a default stays");
}

#[test]
fn a_faster_history_is_planned_and_written_as_it_is() {
    let with = |usd: &str| {
        let text = small(&format!("[economy]\nbundle = \"btt\"\nusd_per_btt = {usd}\n"));
        let scenario = read(&text);
        (path_of(&scenario.arms[0].plan), scenario.arms[0].resolved.to_string())
    };
    let (path, written) = with("{ history = { from_day = 412, times_faster = 5558 } }");
    assert_eq!(path, PricePath::compressed(412, 5558, Between::Linear));
    assert_eq!(path_of(&plan(&written)), path, "the manifest says the same");
    let slow = with("{ history = { from_day = 412, times_faster = 1 } }");
    assert_eq!(slow, with("{ history_from_day = 412 }"), "1 is the replay that there was");
}

fn path_of(plan: &Plan) -> PricePath {
    let Usd::Path(path) = &token(plan).usd else { panic!("history is a path") };
    (**path).clone()
}

#[test]
fn classes_lay_their_trade_over_that_of_the_file() {
    let plan = plan(&small(TOKEN));
    let (seed, peer) = (&plan.classes[0].trade, &plan.classes[1].trade);
    assert_eq!((seed.adoption, peer.adoption), (0.6, 0.3));
    assert_eq!((seed.gift, peer.gift), (MicroBtt(2_500_000), MicroBtt(2_500_000)));
    assert_eq!((seed.route, peer.route), (Route::Operator, Route::Gateway));
    assert_eq!((seed.identities, peer.identities), (1, 3));
    assert_eq!(peer.withdraws_at, Some(MicroBtt(1_000_000_000)));
    assert_eq!(peer.bought_for, NanoUsd(250_000_000));
    assert_eq!(peer.buys_again_below, Some(MicroBtt(500_000)));
    assert_eq!(peer.gib_cost, NanoUsd(2_000_000));
    assert_eq!((seed.sells, seed.stalls, seed.bans_payers), (true, Stall::Never, 0.0));
    assert_eq!((peer.sells, peer.stalls, peer.bans_payers), (false, Stall::Silent, 0.25));
    assert_eq!((seed.unpaid_ban, peer.unpaid_ban), (Span::ZERO, s(120.5)));
    assert!(matches!(&seed.bidder, BidderSpec::Auto(rule) if *rule == AutoBid::PAPER));
    let naive =
        AutoBid { spending_percent: 50, repost_percent: 10, insolvency: Insolvency::PaperNaive };
    assert!(matches!(&peer.bidder, BidderSpec::Auto(rule) if *rule == naive));
    let start = Price::from_btt_per_gib(1.5);
    let asks = Tatonnement::new(start, 5);
    assert!(matches!(&peer.asker, AskerSpec::Tatonnement(rule) if *rule == asks));
    let elastic = Elastic {
        elasticity_percent: 55,
        reference_per_hour: NanoUsd(10_000_000),
        most: s(86_400.0),
        crowding_percent: 90,
    };
    assert!(matches!(&peer.stayer, StayerSpec::Elastic(rule) if *rule == elastic));
}

#[test]
fn the_defaults_of_a_token_are_those_of_the_paper() {
    let plan = plan(&small("[economy]\nbundle = \"btt\"\n[trade]\nadoption = 1\n"));
    let token = token(&plan);
    assert_eq!((token.combine, token.format), (Combine::Lexicographic, Format::Uniform));
    assert_eq!(token.ties, Ties::LongestWaiting);
    assert_eq!((token.coin, token.payment_loss), (MicroBtt(1), 0.0));
    assert_eq!((token.payment_delay, token.exposure_pieces), (Span::ZERO, 1));
    assert_eq!(token.channels.scope, ChannelScope::Torrent);
    assert_eq!(token.channels.refund_after, Span::ZERO);
    assert_eq!(token.channels.funding, Funding::Pieces(16));
    assert_eq!((token.service.per_second, token.service.latency), (None, s(1.0)));
    let Usd::Path(path) = &token.usd else { panic!("a constant is a path") };
    assert_eq!(path.as_constant(), Some(0.000_12));
    assert_eq!(token.supply.promo, MicroBtt(1_000_000_000 * MicroBtt::BTT.0));
    let trade = &plan.classes[1].trade;
    assert!(matches!(trade.stayer, StayerSpec::Unmoved));
    assert!(matches!(trade.asker, AskerSpec::Free));
    assert_eq!((trade.gift, trade.pays, trade.bans_others), (MicroBtt(10_000_000), true, false));
    assert_eq!(trade.unpaid_ban, Span::ZERO);
}

#[test]
fn an_arm_changes_nothing_but_the_bundle() {
    let arms = "[arms.barter]\neconomy.bundle = \"barter\"\n[arms.token]\n\
                [arms.alone]\neconomy.bundle = \"token-only\"\n\
                [arms.books]\neconomy.bundle = \"credit\"\n\
                [arms.kind]\neconomy.bundle = \"altruism\"\n\
                [arms.word]\neconomy.bundle = \"one-hop\"\n";
    let scenario = read(&small(&format!("{TOKEN}{arms}")));
    let [barter, token_arm, alone, books, kind, word] = scenario.arms.as_slice() else {
        panic!("six")
    };
    assert!(barter.plan.economy.is_none() && kind.plan.economy.is_none());
    assert_eq!(token(&token_arm.plan).combine, Combine::SlotSplit { paid: 2 });
    assert_eq!(token(&alone.plan).combine, Combine::PayOnly);
    let Some(Economy::Credit(credit)) = books.plan.economy else { panic!("credit has books") };
    assert_eq!((credit.grant, credit.counted_percent), (Bytes(1 << 30), 100));
    let Some(Economy::OneHop(rules)) = word.plan.economy else { panic!("reputations") };
    let faithful = OneHop { value: Esteem::Flow, ranks: Ranks::Always, known_peers: 2000 };
    assert_eq!(rules, faithful);
    assert!(matches!(barter.plan.classes[1].choker, ChokerSpec::TitForTat));
    assert!(matches!(kind.plan.classes[1].choker, ChokerSpec::EqualTurns));
    for arm in &scenario.arms {
        for (class, other) in arm.plan.classes.iter().zip(&barter.plan.classes) {
            let [a, b] = [class, other].map(|c| format!("{:?} {}", c.trade, inside(&c.trade)));
            assert_eq!(a, b, "the same users trade in arm {}", arm.name);
        }
    }
    check_all_comes_back(&small(&format!("{TOKEN}{arms}")));
}

#[test]
fn rules_of_reputations_are_read_and_come_back() {
    for (text, value, ranks, known_peers) in [
        ("value = \"net-flow\"", Esteem::NetFlow, Ranks::Always, 2000),
        ("value = \"ratio\"\nknown_peers = 0", Esteem::Ratio, Ranks::Always, 0),
        ("ranks = \"seeding\"\nknown_peers = 10", Esteem::Flow, Ranks::Seeding, 10),
    ] {
        let text = small(&format!("[economy]\nbundle = \"one-hop\"\n[economy.one_hop]\n{text}\n"));
        let Some(Economy::OneHop(rules)) = plan(&text).economy else { panic!("reputations") };
        assert_eq!(rules, OneHop { value, ranks, known_peers });
        check_all_comes_back(&text);
    }
}

#[test]
fn without_money_nothing_is_said_about_it() {
    let resolved = &read(&small("")).arms[0].resolved;
    assert!(!resolved.contains_key("economy") && !resolved.to_string().contains("trade"));
    let warnings = read(&small("[economy]\nbundle = \"btt\"\n")).warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("nobody has the token's client"));
}

#[test]
fn a_random_price_that_never_moves_is_warned_of() {
    let warnings = |horizon_s: u32| {
        let price = "usd_per_btt = { random = { start = 0.001, volatility_per_year = 1.5 } }";
        let text = small(&format!("[economy]\nbundle = \"btt\"\n{price}\n[trade]\nadoption = 1\n"));
        let from = text.lines().find(|line| line.starts_with("horizon_s")).expect("it has one");
        read(&text.replace(from, &format!("horizon_s = {horizon_s}"))).warnings
    };
    assert!(warnings(86_399)[0].contains("write `horizon_s = 86400` or more"));
    assert!(warnings(86_400).is_empty());
}

#[test]
fn deposits_that_come_to_nothing_are_warned_of() {
    let warnings = |buys: f64, operator: f64| {
        read(&small(&format!(
            "[economy]\nbundle = \"btt\"\nsupply = {{ operator_btt = {operator} }}\n\
             [trade]\nadoption = 1\nbuys_btt = {buys}\nbuys_through = \"gateway\"\n"
        )))
        .warnings
    };
    assert!(warnings(9.0, 1000.0)[0].contains("write `buys_btt = 10` or more"));
    assert!(warnings(50.0, 49.0)[0].contains("raise `economy.supply.operator_btt`"));
    assert!(warnings(50.0, 50.0).is_empty());
}

#[test]
fn altruists_do_not_convert_free_riders() {
    let text = small("choker = \"never\"\n[economy]\nbundle = \"altruism\"\n");
    assert!(matches!(plan(&text).classes[1].choker, ChokerSpec::Never));
}

#[test]
fn set_reaches_the_economy_and_replaces_a_choice_as_a_whole() {
    let sets = [
        ("economy.combine.weighted_percent", "40"),
        ("economy.usd_per_btt", "{ rows = [[0, 0.5], [60, 0.25]] }"),
        ("classes.peer.trade.bidder", "hoarder"),
        ("trade.asker.reserve_btt_per_gib", "5"),
    ];
    let scenario = read_with(&small(TOKEN), &sets);
    let plan = &scenario.arms[0].plan;
    assert_eq!(token(plan).combine, Combine::Weighted { bid_percent: 40 });
    let Usd::Path(path) = &token(plan).usd else { panic!("rows are a path") };
    assert_eq!(path.at(SimTime::from_secs(30.0)), 0.375, "linear in between");
    assert!(matches!(plan.classes[1].trade.bidder, BidderSpec::Hoarder));
    let five = Price::from_btt_per_gib(5.0);
    assert!(matches!(plan.classes[0].trade.asker, AskerSpec::Reserve(p) if p == five));
    check_round_trip(&scenario);
}

#[test]
fn every_bidder_and_asker_comes_back() {
    let bidders = [
        "\"auto\"",
        "\"never\"",
        "\"hoarder\"",
        "{ auto = { repost_percent = 3 } }",
        "{ fixed_btt_per_gib = 0.123457 }",
        "{ valuation = { btt_per_hour = 2.25 } }",
        "{ shill = { start_btt_per_gib = 7, step_percent = 20 } }",
        "\"auto\"",
    ];
    let askers = [
        "\"free\"",
        "\"withhold\"",
        "{ reserve_btt_per_gib = 1e-6 }",
        "{ cost_usd_per_gib = 0.002 }",
        "{ tatonnement = { start_btt_per_gib = 0.333333 } }",
    ];
    for (bidder, asker) in bidders.iter().zip(askers.iter().cycle()) {
        check_all_comes_back(&small(&format!(
            "[trade]\nadoption = 0.123456789\nbidder = {bidder}\nasker = {asker}\n\
             [economy]\nbundle = \"btt\"\n\
             usd_per_btt = {{ random = {{ start = 1e-4, drift_per_year = -0.5, \
             volatility_per_year = 1.5 }} }}\n"
        )));
    }
    let valued = plan(&small("[trade]\nbidder = { valuation = { btt_per_hour = 2.25 } }\n"));
    let rule = Valuation { per_hour: MicroBtt(2_250_000), repost_percent: 10 };
    assert!(matches!(valued.classes[1].trade.bidder, BidderSpec::Valuation(r) if r == rule));
    let shill = plan(&small("[trade]\nbidder = { shill = { start_btt_per_gib = 7 } }\n"));
    let rule = Shill { start: Price::from_btt_per_gib(7.0), step_percent: 10 };
    assert!(matches!(shill.classes[1].trade.bidder, BidderSpec::Shill(r) if r == rule));
}

#[test]
fn a_catalogue_is_planned_as_it_is_written() {
    let text = small(
        "[classes.peer.demand]\nparallel = 5\n[catalogue]\ntorrents = 64\nzipf = 0.8\n\
         size_sigma = 0.7\nat_start = 0.25\nrelease_over_s = 480\nfading_s = 300\nagain = true\n\
         [demand]\nevery_s = 120\nonline_s = 200\noffline_s = 100\n",
    );
    let plan = plan(&text);
    let all = plan.catalogue.as_ref().expect("there is one");
    assert_eq!((all.torrents.len(), all.fading, all.again), (64, Some(s(300.0)), true));
    let first = &all.torrents[0];
    assert_eq!((first.content, first.weight), (Bytes(4 << 20), 1.0), "the first is the median");
    assert!(all.torrents.windows(2).all(|w| w[0].weight > w[1].weight), "in order of popularity");
    let below = all.torrents.iter().filter(|t| t.content < Bytes(4 << 20)).count();
    assert!(below.abs_diff(32) <= 1, "half are smaller than the median: {below}");
    let early = all.torrents.iter().filter(|t| t.release == SimTime::ZERO).count();
    assert_eq!(early, 16);
    assert_eq!(all.torrents.iter().map(|t| t.release).max(), Some(SimTime::from_secs(480.0)));
    let demand = plan.classes[1].demand.as_ref().expect("leechers ask");
    let sessions = Sessions { online: s(200.0), offline: s(100.0) };
    assert_eq!((demand.gap, demand.parallel, demand.sessions), (s(120.0), 5, Some(sessions)));
    assert!(plan.classes[0].demand.is_none(), "seeders publish");
    check_all_comes_back(&text);
}

#[test]
fn a_catalogue_of_given_torrents_needs_no_size() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "size_kib,piece_kib,release_s,popularity\n2048,64,0,3\n100.5,16,60,1.5\n";
    std::fs::write(folder.path().join("torrents.csv"), csv).unwrap();
    let file = folder.path().join("shelf.toml");
    let text = "# what?\nhorizon_s = 60\n[catalogue]\ntorrents_csv = \"torrents.csv\"\n\
                [demand]\nevery_s = \"once\"\n\
                [classes.seed]\nrole = \"seeder\"\ncount = 1\nupload_kib_per_s = 100\n\
                [classes.peer]\ncount = 2\nupload_kib_per_s = 50\n";
    std::fs::write(&file, text).unwrap();
    let scenario = swarmecon::scenario::load(&file, &[]).unwrap_or_else(|f| panic!("{f}"));
    check_round_trip(&scenario);
    let plan = &scenario.arms[0].plan;
    let torrents = &plan.catalogue.as_ref().expect("there is one").torrents;
    let sizes: Vec<u64> = torrents.iter().map(|t| t.content.0).collect();
    assert_eq!(sizes, [2048 * 1024, 102_912]);
    assert_eq!((torrents[1].piece.0, torrents[1].weight), (16 * 1024, 1.5));
    assert_eq!(torrents[1].release, SimTime::from_secs(60.0));
    assert!(plan.classes[1].demand.is_none(), "one request each");
}

/// The same scenario in BTT, with units, and in the token of 2021; and what is nothing has no unit.
#[test]
fn amounts_may_have_a_unit() {
    let of = |gift: &str, at: &str, bid: &str, start: &str| {
        let text = format!(
            "[economy]\nbundle = \"btt\"\nusd_per_btt = {{ history_from_day = 9 }}\n\
             [trade]\nadoption = 1\ngift_btt = {gift}\nbuys_btt = 0\nwithdraws_at_btt = {at}\n\
             bidder = {{ fixed_btt_per_gib = {bid} }}\n\
             asker = {{ tatonnement = {{ start_btt_per_gib = {start} }} }}\n"
        );
        let trade = plan(&small(&text)).classes[1].trade.clone();
        (trade.gift, trade.withdraws_at, inside(&trade))
    };
    let plain = of("2.5", "1000", "0.125", "0.000001");
    assert_eq!(plain.0, MicroBtt(2_500_000));
    let units = ["\"2.5 BTT\"", "\"1000 BTTOLD\"", "\"125000 uBTT\"", "\"1 µBTT\""];
    assert_eq!(of(units[0], units[1], units[2], units[3]), plain);
    let new = ["\"2500 BTTC\"", "\"1000000 BTTC\"", "\"125 BTTC\"", "\"0.001 BTTC\""];
    assert_eq!(of(new[0], new[1], new[2], new[3]), plain);
    assert_eq!(of("2.5", "\"never\"", "0.125", "0.000001").1, None);
}
