//! Two tokens of nearly one name: a guard against mixing their amounts.
//!
//! Law: an amount has a unit, and all amounts that pass one guard are of one denomination; nothing
//! is nothing in both. Inside the simulator only the old one exists. A scenario is read through one
//! guard.
//!
//! On 12 December 2021 a thousand new tokens were given for one old (launch post of the BitTorrent
//! Chain, medium.com/@BitTorrent); the old token went on as BTTOLD, the new one as BTT or BTTC. A
//! price or balance read off by the wrong one is wrong a thousandfold. Here `BTT` is the token of
//! 2019, as in all sources before that day, and the new one must be called `BTTC`.

use crate::units::MicroBtt;

/// New tokens for one old.
const NEW_PER_OLD: u128 = 1_000;
/// Decimal places of both tokens: the smallest unit is a millionth.
const DECIMALS: usize = 6;

/// Which of the two tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denomination {
    /// The token of 2019: `BTT`, `BTTOLD`, `uBTT`, `µBTT`.
    Old,
    /// The token of December 2021: `BTTC`. One old is 1 000 of them.
    New,
}

/// Why a text is no amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadAmount {
    /// Not digits, at most one point among them, and a unit.
    #[error("an amount is a number and a unit, as in `10 BTT`")]
    NotAnAmount,
    /// None of the units.
    #[error("the unit is BTT or BTTOLD, uBTT or µBTT, or BTTC for the token of 2021")]
    NoUnit,
    /// Of another denomination than the amounts before.
    #[error("amounts of the tokens of 2019 and 2021 are mixed (1 BTT is 1000 BTTC): use one")]
    Mixed,
    /// Not a whole number of µBTT.
    #[error("finer than a millionth of a BTT")]
    TooFine,
    /// Beyond 64 bits of µBTT.
    #[error("more money than 64 bits of µBTT can hold")]
    TooMuch,
}

/// Reads amounts that belong together: a scenario, a table. The first decides the denomination.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DenominationGuard {
    seen: Option<Denomination>,
}

impl DenominationGuard {
    /// Reads an amount: digits with or without a decimal point, perhaps a space, and a unit. `10
    /// BTT`, `0.125 BTT` and `10000 BTTC` are amounts; the last is the first.
    ///
    /// # Errors
    /// [`BadAmount`]; the guard is as before.
    pub fn parse(&mut self, text: &str) -> Result<MicroBtt, BadAmount> {
        let (amount, denomination) = parse(text)?;
        if amount > MicroBtt::ZERO {
            self.admit(denomination)?;
        }
        Ok(amount)
    }

    /// Takes note of something that is of this denomination and is no amount: a price.
    ///
    /// # Errors
    /// [`BadAmount::Mixed`]; the guard is as before.
    pub fn admit(&mut self, denomination: Denomination) -> Result<(), BadAmount> {
        if self.seen.is_some_and(|seen| seen != denomination) {
            return Err(BadAmount::Mixed);
        }
        self.seen = Some(denomination);
        Ok(())
    }

    /// The denomination of what has been read.
    pub fn denomination(self) -> Option<Denomination> {
        self.seen
    }
}

/// An amount in old µBTT, and the denomination it was written in.
fn parse(text: &str) -> Result<(MicroBtt, Denomination), BadAmount> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim_start());
    let millionths = millionths(number)?;
    let (per, denomination) = match unit {
        "BTT" | "BTTOLD" => (1, Denomination::Old),
        "uBTT" | "µBTT" | "μBTT" => (1_000_000, Denomination::Old),
        "BTTC" => (NEW_PER_OLD, Denomination::New),
        _ => return Err(BadAmount::NoUnit),
    };
    if !millionths.is_multiple_of(per) {
        return Err(BadAmount::TooFine);
    }
    let amount = u64::try_from(millionths / per).map_err(|_| BadAmount::TooMuch)?;
    Ok((MicroBtt(amount), denomination))
}

/// A decimal number in millionths.
fn millionths(number: &str) -> Result<u128, BadAmount> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || part.is_empty() || part.contains('.') {
        return Err(BadAmount::NotAnAmount);
    }
    let part = part.trim_end_matches('0');
    if part.len() > DECIMALS {
        return Err(BadAmount::TooFine);
    }
    let digits = whole.chars().chain(part.chars()).chain(std::iter::repeat_n('0', DECIMALS));
    let wanted = digits.take(whole.len() + DECIMALS);
    wanted.filter_map(|digit| digit.to_digit(10)).try_fold(0_u128, |sum, digit| {
        let ten = sum.checked_mul(10).and_then(|ten| ten.checked_add(digit.into()));
        ten.ok_or(BadAmount::TooMuch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<u64, BadAmount> {
        DenominationGuard::default().parse(text).map(|amount| amount.0)
    }

    #[test]
    fn amounts_are_read_exactly() {
        for (text, ubtt) in [
            ("10 BTT", 10_000_000),
            ("10BTT", 10_000_000),
            (" 0.125 BTTOLD ", 125_000),
            ("0.000001 BTT", 1),
            ("1.5000000000 BTT", 1_500_000),
            ("1 uBTT", 1),
            ("17.0 µBTT", 17),
            ("17 μBTT", 17),
            ("10000 BTTC", 10_000_000),
            ("0.001 BTTC", 1),
            ("0 BTT", 0),
            ("990000000000 BTT", 990_000_000_000_000_000),
            ("990000000000000 BTTC", 990_000_000_000_000_000),
            ("18446744073709.551615 BTT", u64::MAX),
        ] {
            assert_eq!(read(text), Ok(ubtt), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_reason() {
        for (text, reason) in [
            ("10", BadAmount::NoUnit),
            ("10 btt", BadAmount::NoUnit),
            ("10 TRX", BadAmount::NoUnit),
            ("10 BTT BTT", BadAmount::NoUnit),
            ("BTT", BadAmount::NotAnAmount),
            ("", BadAmount::NotAnAmount),
            ("-1 BTT", BadAmount::NotAnAmount),
            (".5 BTT", BadAmount::NotAnAmount),
            ("5. BTT", BadAmount::NotAnAmount),
            ("1.2.3 BTT", BadAmount::NotAnAmount),
            ("1e3 BTT", BadAmount::NoUnit),
            ("0.0000001 BTT", BadAmount::TooFine),
            ("0.5 uBTT", BadAmount::TooFine),
            ("0.0001 BTTC", BadAmount::TooFine),
            ("18446744073709.551616 BTT", BadAmount::TooMuch),
            ("999999999999999999999999999999999999999999 BTT", BadAmount::TooMuch),
        ] {
            assert_eq!(read(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn the_two_tokens_do_not_mix() {
        let mut guard = DenominationGuard::default();
        assert_eq!(guard.parse("nothing"), Err(BadAmount::NotAnAmount));
        assert_eq!(guard.denomination(), None);
        assert_eq!(guard.parse("1 BTT"), Ok(MicroBtt(1_000_000)));
        assert_eq!(guard.parse("1000 BTTC"), Err(BadAmount::Mixed));
        assert_eq!(guard.parse("5 uBTT"), Ok(MicroBtt(5)), "the same token");
        assert_eq!(guard.denomination(), Some(Denomination::Old));
        let mut guard = DenominationGuard::default();
        assert_eq!(guard.parse("1000 BTTC"), Ok(MicroBtt(1_000_000)));
        assert_eq!(guard.parse("1 BTTOLD"), Err(BadAmount::Mixed));
        assert_eq!(guard.admit(Denomination::Old), Err(BadAmount::Mixed));
        assert_eq!(guard.parse("0 BTT"), Ok(MicroBtt::ZERO), "nothing is nothing in both");
        assert_eq!(guard.admit(Denomination::New), Ok(()));
    }
}
