//! All checks, and how those that were asked for are run.

use super::{Check, Ctx, Report};
use super::{
    bittyrant, books, commons, exchange, free_riders, frontier, invariants, kumar_ross, legout,
    menasche, mundinger, qiu_srikant, rarest_first, recorded, scrip, stratification, torrent_life,
    utilisation, zhu_hajek,
};

/// Every check, in the order of the page.
pub fn all() -> Vec<Check> {
    let groups = [
        invariants::CHECKS,
        kumar_ross::CHECKS,
        mundinger::CHECKS,
        zhu_hajek::CHECKS,
        qiu_srikant::CHECKS,
        menasche::CHECKS,
        utilisation::CHECKS,
        rarest_first::CHECKS,
        legout::CHECKS,
        free_riders::CHECKS,
        bittyrant::CHECKS,
        frontier::CHECKS,
        stratification::CHECKS,
        torrent_life::CHECKS,
        recorded::CHECKS,
        books::CHECKS,
        scrip::CHECKS,
        exchange::CHECKS,
        commons::CHECKS,
    ];
    groups.concat()
}

/// A name that no check has.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("--only {name}: no such check; there are: {known}")]
pub struct Unknown {
    /// What was asked for.
    pub name: String,
    /// What there is.
    pub known: String,
}

/// The checks of `checks` with these names, or all; only the quick ones if that is wished.
///
/// # Errors
/// When there is no check of a name.
pub fn chosen(checks: &[Check], names: &[String], quick: bool) -> Result<Vec<Check>, Unknown> {
    let is_known = |name: &String| checks.iter().any(|check| check.name == name);
    if let Some(name) = names.iter().find(|name| !is_known(name)) {
        let known: Vec<&str> = checks.iter().map(|check| check.name).collect();
        return Err(Unknown { name: name.clone(), known: known.join(", ") });
    }
    let is_chosen = |check: &&Check| {
        let is_named = names.is_empty() || names.iter().any(|name| name == check.name);
        is_named && (check.is_quick || !quick)
    };
    Ok(checks.iter().filter(is_chosen).copied().collect())
}

/// Runs the checks, side by side; reports come in their order. `after_check` is told of each that
/// is done.
pub fn run(checks: &[Check], ctx: &Ctx<'_>, after_check: &(dyn Fn(&Check) + Sync)) -> Vec<Report> {
    ctx.workers.map(checks, |check| {
        let findings = (check.run)(ctx);
        assert!(!findings.lines.is_empty(), "a check says something");
        after_check(check);
        Report { check: *check, findings }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_easy_to_type() {
        let checks = all();
        for (i, check) in checks.iter().enumerate() {
            let is_plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(check.name.chars().all(is_plain), "{}", check.name);
            assert!(checks[..i].iter().all(|other| other.name != check.name), "{}", check.name);
            assert!(check.claim.ends_with('.') && !check.source.is_empty(), "{}", check.name);
        }
        assert!(checks.iter().any(|check| check.is_quick));
    }

    #[test]
    fn a_name_nobody_has_is_refused_with_the_list() {
        let checks = all();
        let error = chosen(&checks, &["nobody".to_owned()], false).unwrap_err().to_string();
        assert!(error.contains("--only nobody") && error.contains(checks[0].name), "{error}");
        let one = chosen(&checks, &[checks[1].name.to_owned()], false).unwrap();
        assert_eq!(one.len(), 1);
    }
}
