//! The books of a token: no coin is made or lost, and money × velocity is price × quantity.

use super::finding::{Findings, Line};
use super::frontier::with_token;
use super::invariants::drawn;
use super::{Check, Ctx};
use crate::experiment::money;
use crate::observe::{MoneyRecord, Unobserved};
use crate::swarm;

pub(super) const CHECKS: &[Check] = &[Check {
    name: "money-books",
    claim: "Whoever comes, leaves, fails to pay or waits for the ledger: no coin is made or lost, \
            and money × velocity × time is price × quantity.",
    source: "double entry; Fisher, The Purchasing Power of Money, 1911",
    is_quick: true,
    run,
}];

/// Rules of a token, one after the other over the swarms.
const RULES: [&str; 6] = [
    "",
    "auction = \"first-price\"\npayment_loss = 0.2",
    "auction = \"proportional\"\npayment_delay_s = 1.5",
    "combine = \"pay-only\"\nexposure_pieces = 2",
    "combine = { weighted_percent = 30 }",
    "ledger = { per_second = 2, outages_s = [[60, 120], [400, 1000]] }",
];
/// Swarms drawn at random.
const N_DRAWN: u64 = 30;

fn run(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "The random swarms of `invariants` with a token: three auction formats, three rules of \
         combination, payments lost or late, a ledger that is slow and down. Ledger, channels and \
         debts are audited every 10 s: a coin too many or too few ends the program.",
    );
    let records = ctx.seeds(N_DRAWN, |seed| {
        let rules = RULES[usize::try_from(seed).expect("small") % RULES.len()];
        let outcome = swarm::run(&with_token(&drawn(seed), rules), seed, &mut Unobserved);
        outcome.money.expect("a token leaves books")
    });
    let mut holds = |what: &str, law: fn(&MoneyRecord) -> bool| {
        let n = records.iter().filter(|record| law(record)).count();
        findings.add(Line::all(what, n, records.len()));
    };
    holds("swarms in which something is paid", |record| record.counts.payments > 0);
    let what = "swarms in which payers, payees and timeline agree to the µBTT, and M V T = P Q";
    holds(what, |record| money::check_laws(record).is_ok());
    findings
}
