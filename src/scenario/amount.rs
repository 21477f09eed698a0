//! Amounts of BTT, and prices in it: plain numbers, which are BTT of 2019, or texts with a unit.
//!
//! Law: all amounts of a scenario, its arms and overrides included, are of one denomination, and
//! each is a whole number of µBTT or a fault: nothing is rounded.

use super::check::{Range, Table, number};
use super::choices::needed;
use super::fault::{Check, Place};
use super::node::{Node, Value};
use crate::ledger::{BadAmount, Denomination, DenominationGuard};
use crate::units::{Bytes, MicroBtt, Price};

/// All BTT of 2019 there ever were: 990 · 10⁹ (Binance report, January 2019).
pub(super) const ALL_BTT: f64 = 990e9;
/// Above this a plain number is one of whole BTT: floats are too coarse for less.
pub(super) const EXACT_BTT: f64 = 1e9;
/// An amount of BTT.
pub(super) const BTT: Range = Range::from(0.0, ALL_BTT, "10");
/// A price of data in BTT per GiB.
const PRICE: Range = Range::from(0.0, 1e9, "10");

/// The amounts of a scenario read up to now.
#[derive(Debug, Default)]
pub(super) struct Amounts {
    guard: DenominationGuard,
    /// The key and the place of the first that is of one of the two tokens.
    first: Option<(String, Place)>,
}

/// An amount.
pub(super) fn btt(check: &mut Check, t: &mut Table<'_>, key: &'static str) -> Option<MicroBtt> {
    let node = t.get(key)?;
    btt_of(check, node, key)
}

/// `node` as an amount.
pub(super) fn btt_of(check: &mut Check, node: &Node, key: &str) -> Option<MicroBtt> {
    amount(check, node, key, BTT)
}

/// An amount that must be written.
pub(super) fn needed_btt(
    check: &mut Check,
    t: &mut Table<'_>,
    key: &'static str,
    range: Range,
) -> Option<MicroBtt> {
    let Some(node) = t.get(key) else {
        needed(check, t, key, range);
        return None;
    };
    amount(check, node, key, range)
}

/// `node` as a price of a GiB.
pub(super) fn price(check: &mut Check, node: &Node, key: &str) -> Option<Price> {
    amount(check, node, key, PRICE).map(per_gib)
}

/// A price of a GiB that must be written.
pub(super) fn needed_price(
    check: &mut Check,
    t: &mut Table<'_>,
    key: &'static str,
) -> Option<Price> {
    needed_btt(check, t, key, PRICE).map(per_gib)
}

fn per_gib(amount: MicroBtt) -> Price {
    Price::new(amount, Bytes(1 << 30))
}

/// What is written at `place` is about the token of 2019, whatever its unit.
pub(super) fn is_of_2019(check: &mut Check, place: &Place, key: &str) {
    if check.amounts.guard.admit(Denomination::Old).is_err() {
        let message = format!("`{key}` is of BTT, the token of 2019, but {}", first(check));
        let help = "write all amounts in BTT: 1 BTT is 1000 BTTC";
        check.fault(place, message, help);
    }
    enter(check, place, key);
}

fn amount(check: &mut Check, node: &Node, key: &str, range: Range) -> Option<MicroBtt> {
    let text = if let Value::Text(text) = &node.value {
        text.clone()
    } else {
        let x = number(check, node, key, range)?;
        if x > EXACT_BTT && x.fract() != 0.0 {
            let message = format!("`{key}` is {x}; above a billion it takes whole BTT");
            check.fault(&node.place, message, format!("write `{key} = {}`", x.floor()));
            return None;
        }
        // The shortest decimal that is this number: what the user has written.
        format!("{} BTT", x.abs())
    };
    let amount = match check.amounts.guard.parse(&text) {
        Ok(amount) => amount,
        Err(bad) => {
            let (message, help) = wrong(check, key, &text, bad);
            check.fault(&node.place, message, help);
            return None;
        }
    };
    enter(check, &node.place, key);
    let x = amount.as_btt();
    if !range.holds(x) {
        let message = format!("`{key}` is {x} BTT; it must be {}", range.words(x));
        check.fault(&node.place, message, format!("for example `{key} = {}`", range.example));
        return None;
    }
    Some(amount)
}

/// Keeps where the first amount was.
fn enter(check: &mut Check, place: &Place, key: &str) {
    let amounts = &mut check.amounts;
    if amounts.guard.denomination().is_some() && amounts.first.is_none() {
        amounts.first = Some((key.to_owned(), place.clone()));
    }
}

/// Where the first amount was, and in what.
fn first(check: &Check) -> String {
    let Amounts { guard, first } = &check.amounts;
    let (key, place) = first.as_ref().expect("what decides is kept");
    let unit = guard.denomination().map_or("BTT", unit);
    format!("`{key}` ({}) is in {unit}", check.where_is(place))
}

fn unit(denomination: Denomination) -> &'static str {
    match denomination {
        Denomination::Old => "BTT",
        Denomination::New => "BTTC",
    }
}

/// What is wrong with an amount, and what to write instead.
fn wrong(check: &Check, key: &str, text: &str, bad: BadAmount) -> (String, String) {
    let plain = text.strip_suffix(" BTT").unwrap_or(text);
    match bad {
        BadAmount::Mixed => {
            let mut own = DenominationGuard::default();
            let amount = own.parse(text).unwrap_or_default();
            let of = own.denomination().map_or("BTT", unit);
            let instead = match check.amounts.guard.denomination() {
                Some(Denomination::New) => {
                    let btt = MicroBtt::wide_as_btt(u128::from(amount.0) * 1000);
                    format!("{key} = \"{btt} BTTC\"")
                }
                _ => format!("{key} = {}", amount.as_btt()),
            };
            let message = format!("`{key}` is in {of}, but {}", first(check));
            (message, format!("1 BTT, the token of 2019, is 1000 BTTC: write `{instead}`"))
        }
        BadAmount::TooFine => {
            let help = "write a multiple of 0.000001 BTT: the ledger has no smaller coin";
            (format!("`{key}` is {plain}, {bad}"), help.to_owned())
        }
        _ => {
            let help = format!("write `{key} = 10` or `{key} = \"10 BTT\"`");
            (format!("`{key}` is \"{text}\": {bad}"), help)
        }
    }
}
