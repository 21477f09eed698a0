//! The files of the economy and of catalogues: their rows, and how runs become them.

use super::number::{Number, field};
use super::rows::seconds;
use crate::experiment::decomposition::{Decomposition, Effect, Split};
use crate::experiment::wealth::{Wealth, Welfare, to_nano_usd};
use crate::experiment::{Design, Run, SwarmBound};
use crate::observe::{MoneyRecord, MoneySample};
use crate::units::{Bytes, MicroBtt, Price, Span, u32_of};
use serde::{Deserialize, Serialize};

/// What moved for one purpose since the row of the timeline before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LedgerRow {
    /// Name of the arm.
    pub arm: String,
    /// Number of the replicate, from 0.
    pub replicate: u32,
    /// The moment, since the start of the run.
    pub time_s: Number,
    /// The purpose.
    pub movement: String,
    /// How often.
    pub count: u64,
    /// How much.
    pub amount_btt: Number,
}

/// The market at one moment.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PriceRow {
    /// Name of the arm.
    pub arm: String,
    /// Number of the replicate, from 0.
    pub replicate: u32,
    /// The moment, since the start of the run.
    pub time_s: Number,
    /// What was paid for since the previous row.
    pub paid_gib: Number,
    /// What was paid for it.
    pub paid_btt: Number,
    /// Their ratio; empty: nothing was sold.
    pub price_btt_per_gib: Option<Number>,
    /// Downloads that offer something now.
    pub bidders: u32,
    /// The median of their bids; empty: none.
    pub median_bid_btt_per_gib: Option<Number>,
    /// The highest of them; empty: none.
    pub highest_bid_btt_per_gib: Option<Number>,
    /// What a BTT is worth outside.
    pub usd_per_btt: Number,
    /// What users hold.
    pub wallets_btt: Number,
    /// What lies in channels.
    pub escrow_btt: Number,
    /// What is left of the pool of gifts.
    pub promo_btt: Number,
}

/// One user and its money.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WalletRow {
    /// Name of the arm.
    pub arm: String,
    /// Number of the replicate, from 0.
    pub replicate: u32,
    /// Number of the user in its run, from 0.
    pub user_id: u32,
    /// Name of its class.
    pub class: String,
    /// 1 if it had a wallet, else 0.
    pub trades: u32,
    /// What it was given.
    pub gift_btt: Number,
    /// What it bought for money.
    pub bought_btt: Number,
    /// What it was paid for its upload.
    pub earned_btt: Number,
    /// What it paid for the upload of others.
    pub spent_btt: Number,
    /// What it withdrew to the chain.
    pub withdrawn_btt: Number,
    /// What it had at the end, in its wallet and to be spent from channels.
    pub final_btt: Number,
    /// What it had paid that had not arrived at the end.
    pub on_its_way_btt: Number,
    /// What it earned in channels that were still open at the end.
    pub to_come_btt: Number,
    /// What was left in its channels and the operator kept.
    pub forfeited_btt: Number,
    /// What the public chain charged it for deposits.
    pub fees_trx: Number,
    /// Payload it paid for.
    pub bought_bytes: u64,
    /// Payload it was paid for.
    pub sold_bytes: u64,
    /// Payload it took at a price and never paid for.
    pub unpaid_bytes: u64,
}

/// How many deposits or withdrawals took so long: a bar of a histogram.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SettlementRow {
    /// Name of the arm.
    pub arm: String,
    /// Number of the replicate, from 0.
    pub replicate: u32,
    /// `deposit` or `withdrawal`.
    pub direction: String,
    /// They took longer than this; the bar from 0 holds those that took no time, too.
    pub from_s: Number,
    /// They took no longer than this; empty: there is no bound.
    pub to_s: Option<Number>,
    /// How many; at least one.
    pub count: u64,
}

/// One user and what it has of it all, in USD.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WelfareRow {
    /// Name of the arm.
    pub arm: String,
    /// Number of the replicate, from 0.
    pub replicate: u32,
    /// Number of the user in its run, from 0.
    pub user_id: u32,
    /// Name of its class.
    pub class: String,
    /// 1 if it has the token's client, else 0.
    pub adopter: u32,
    /// What its waiting was worth.
    pub waiting_usd: Number,
    /// What its seeding cost.
    pub seeding_usd: Number,
    /// What its upload cost.
    pub upload_usd: Number,
    /// What its identities beyond the first cost.
    pub identities_usd: Number,
    /// What it was paid less what it paid.
    pub payments_usd: Number,
    /// Payments less all the others.
    pub welfare_usd: Number,
}

/// One torrent of one run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TorrentRow {
    /// Name of the arm.
    pub arm: String,
    /// Number of the replicate, from 0.
    pub replicate: u32,
    /// Number of the torrent, from 0.
    pub torrent_id: u32,
    /// Size of its content.
    pub size_bytes: u64,
    /// When it was published.
    pub release_s: Number,
    /// When every piece had been sent once by origin seeders; empty: never.
    pub first_copy_s: Option<Number>,
    /// When the last copy of some piece first left; empty: never.
    pub first_loss_s: Option<Number>,
    /// Time since its release during which some piece was not to be had.
    pub unavailable_s: Number,
    /// Leechers that wanted it.
    pub requests: u32,
    /// Leechers that got it.
    pub completions: u32,
}

/// One effect of a token on one group.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DecompositionRow {
    /// Name of the arm without money.
    pub baseline: String,
    /// Name of the arm with money.
    pub arm: String,
    /// `whole`, `reallocation` or `capacity_creation`.
    pub effect: String,
    /// The arm subtracted: the baseline, or the arm that splits the effect.
    pub from_arm: String,
    /// The arm it is subtracted from.
    pub to_arm: String,
    /// Whom it is on.
    pub group: String,
    /// What it is on: a metric of summary.csv.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Users of the group, mean over replicates; empty: of no group.
    pub users: Option<Number>,
    /// Mean of `from_arm` over the pairs.
    pub from_mean: Option<Number>,
    /// Mean of `to_arm` over the pairs.
    pub to_mean: Option<Number>,
    /// Mean of to − from.
    pub difference: Option<Number>,
    /// Lower end of its 95 % t interval.
    pub ci95_low: Option<Number>,
    /// Upper end.
    pub ci95_high: Option<Number>,
    /// Replicates in which both have the number.
    pub n_pairs: usize,
    /// `yes`: the effect is split; `no_elasticity`: nobody stays for money, all is reallocation;
    /// `no`: no arm of the scenario tells the parts.
    pub split_identified: String,
}

fn name(design: &Design, run: &Run) -> String {
    design.arms[run.reduced.cell.arm].name.clone()
}

fn number(value: f64) -> Number {
    Number::of(value).expect("sums of whole amounts are finite")
}

fn btt(amount: MicroBtt) -> Number {
    number(amount.as_btt())
}

/// What moved in a run, by time.
pub fn ledger<'a>(design: &'a Design, run: &'a Run) -> impl Iterator<Item = LedgerRow> + 'a {
    let rows = samples(run).flat_map(|sample| sample.moved.iter().map(move |m| (sample.at, m)));
    rows.map(move |(at, moved)| LedgerRow {
        arm: name(design, run),
        replicate: run.reduced.cell.replicate,
        time_s: seconds(at),
        movement: moved.what.to_owned(),
        count: moved.count,
        amount_btt: number(MicroBtt::wide_as_btt(moved.ubtt)),
    })
}

fn samples(run: &Run) -> impl Iterator<Item = &MoneySample> {
    run.outcome.money.iter().flat_map(|money: &MoneyRecord| &money.samples)
}

/// The market of a run, by time.
pub fn prices<'a>(design: &'a Design, run: &'a Run) -> impl Iterator<Item = PriceRow> + 'a {
    samples(run).map(move |sample| {
        let sold = sample.paid_bytes > Bytes::ZERO;
        let bid = |price: Price| field((sample.bidders > 0).then(|| price.as_btt_per_gib()));
        PriceRow {
            arm: name(design, run),
            replicate: run.reduced.cell.replicate,
            time_s: seconds(sample.at),
            paid_gib: number(sample.paid_bytes.as_gib()),
            paid_btt: btt(sample.paid),
            price_btt_per_gib: field(
                sold.then(|| Price::new(sample.paid, sample.paid_bytes).as_btt_per_gib()),
            ),
            bidders: sample.bidders,
            median_bid_btt_per_gib: bid(sample.median_bid),
            highest_bid_btt_per_gib: bid(sample.highest_bid),
            usd_per_btt: number(sample.usd_per_btt),
            wallets_btt: btt(sample.wallets),
            escrow_btt: btt(sample.escrow),
            promo_btt: btt(sample.promo),
        }
    })
}

/// The users of a run, by id.
pub fn wallets<'a>(design: &'a Design, run: &'a Run) -> impl Iterator<Item = WalletRow> + 'a {
    let wallets = run.outcome.money.iter().flat_map(|money| &money.wallets).enumerate();
    let arm = &design.arms[run.reduced.cell.arm];
    wallets.map(move |(id, wallet)| WalletRow {
        arm: arm.name.clone(),
        replicate: run.reduced.cell.replicate,
        user_id: u32_of(id),
        class: arm.classes[wallet.class.index()].name.clone(),
        trades: u32::from(wallet.trades),
        gift_btt: btt(wallet.gift),
        bought_btt: btt(wallet.bought),
        earned_btt: btt(wallet.earned),
        spent_btt: btt(wallet.spent),
        withdrawn_btt: btt(wallet.withdrawn),
        final_btt: btt(wallet.wallet + wallet.in_channels),
        on_its_way_btt: btt(wallet.on_its_way),
        to_come_btt: btt(wallet.to_come),
        forfeited_btt: btt(wallet.forfeited),
        fees_trx: number(crate::units::f64_of(wallet.fees_sun) / 1e6),
        bought_bytes: wallet.bought_bytes.0,
        sold_bytes: wallet.sold_bytes.0,
        unpaid_bytes: wallet.unpaid_bytes.0,
    })
}

/// How long what went through the gateway in a run took, deposits first.
pub fn settlement<'a>(
    design: &'a Design,
    run: &'a Run,
) -> impl Iterator<Item = SettlementRow> + 'a {
    let counts = run.outcome.money.iter().map(|money| &money.counts);
    let bars = counts.flat_map(|counts| {
        let deposits = counts.deposit_times.iter().map(|bar| ("deposit", bar));
        deposits.chain(counts.withdrawal_times.iter().map(|bar| ("withdrawal", bar)))
    });
    bars.map(move |(direction, bar)| SettlementRow {
        arm: name(design, run),
        replicate: run.reduced.cell.replicate,
        direction: direction.to_owned(),
        from_s: number(bar.above.as_secs()),
        to_s: (bar.up_to < Span::FOREVER).then(|| number(bar.up_to.as_secs())),
        count: bar.count,
    })
}

/// What the users of a run have of it all, by id.
pub fn welfare<'a>(design: &'a Design, run: &'a Run) -> impl Iterator<Item = WelfareRow> + 'a {
    let arm = &design.arms[run.reduced.cell.arm];
    let wealth = Wealth::of(arm, &run.outcome, &SwarmBound::of(&run.outcome));
    let all: Vec<Welfare> = wealth.welfare_by_user().collect();
    let usd = |amount| number(to_nano_usd(amount));
    all.into_iter().map(move |of| WelfareRow {
        arm: arm.name.clone(),
        replicate: run.reduced.cell.replicate,
        user_id: of.user.0,
        class: arm.classes[of.class].name.clone(),
        adopter: u32::from(of.is_adopter),
        waiting_usd: usd(of.waiting),
        seeding_usd: usd(of.seeding),
        upload_usd: usd(of.upload),
        identities_usd: usd(of.identities),
        payments_usd: usd(of.payments),
        welfare_usd: usd(of.total()),
    })
}

/// The torrents of a run, by id.
pub fn torrents<'a>(design: &'a Design, run: &'a Run) -> impl Iterator<Item = TorrentRow> + 'a {
    run.outcome.torrents.iter().enumerate().map(move |(id, torrent)| TorrentRow {
        arm: name(design, run),
        replicate: run.reduced.cell.replicate,
        torrent_id: u32_of(id),
        size_bytes: torrent.content.0,
        release_s: seconds(torrent.release),
        first_copy_s: torrent.first_copy.map(seconds),
        first_loss_s: torrent.first_loss.map(seconds),
        unavailable_s: number(torrent.unavailable.as_secs()),
        requests: torrent.requests,
        completions: torrent.completions,
    })
}

/// The effects of one arm.
pub fn decomposition<'a>(
    design: &'a Design,
    found: &'a Decomposition,
) -> impl Iterator<Item = DecompositionRow> + 'a {
    let arm = |index: usize| design.arms[index].name.clone();
    let identified = match found.split {
        Split::By(_) => "yes",
        Split::NothingCreated => "no_elasticity",
        Split::Unknown => "no",
    };
    found.effects.iter().map(move |effect: &Effect| {
        let interval = effect.difference.interval();
        DecompositionRow {
            baseline: arm(design.baseline),
            arm: arm(found.arm),
            effect: effect.share.name().to_owned(),
            from_arm: arm(effect.arms.0),
            to_arm: arm(effect.arms.1),
            group: effect.group.name().to_owned(),
            metric: effect.metric.name().to_owned(),
            unit: effect.metric.unit().to_owned(),
            users: field(effect.users),
            from_mean: field(effect.means.0),
            to_mean: field(effect.means.1),
            difference: field(effect.difference.mean),
            ci95_low: field(interval.map(|ends| ends.0)),
            ci95_high: field(interval.map(|ends| ends.1)),
            n_pairs: effect.difference.n,
            split_identified: identified.to_owned(),
        }
    })
}
