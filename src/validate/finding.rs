//! What a check answers: lines with a verdict, and curves.

use crate::units::f64_of_len;

/// Whether a line decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A theorem, or a number that was read in its source: a failure is an error.
    Gate,
    /// A direction, or a number known from memory or from one other simulator: shown only.
    Direction,
}

impl Kind {
    /// As written in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Direction => "direction",
        }
    }
}

/// One comparison.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// What is compared, with its set-up.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// How far off it may be.
    pub tolerance: String,
    /// What came out.
    pub got: f64,
    /// Whether it is within the tolerance.
    pub passed: bool,
    /// Whether it decides.
    pub kind: Kind,
}

impl Line {
    fn gate(what: &str, expected: String, tolerance: String, got: f64, passed: bool) -> Self {
        let passed = passed && got.is_finite();
        Self { what: what.to_owned(), expected, tolerance, got, passed, kind: Kind::Gate }
    }

    /// `got` is at most `most`.
    pub fn at_most(what: &str, got: f64, most: f64) -> Self {
        Self::gate(what, format!("≤ {}", short(most)), "none".into(), got, got <= most)
    }

    /// `got` is at least `least`.
    pub fn at_least(what: &str, got: f64, least: f64) -> Self {
        Self::gate(what, format!("≥ {}", short(least)), "none".into(), got, got >= least)
    }

    /// `got` lies between the two, ends included.
    pub fn within(what: &str, got: f64, ends: [f64; 2]) -> Self {
        let expected = format!("{} to {}", short(ends[0]), short(ends[1]));
        Self::gate(what, expected, "none".into(), got, (ends[0]..=ends[1]).contains(&got))
    }

    /// `got` is `expected` to an absolute tolerance.
    pub fn near(what: &str, got: f64, expected: f64, tolerance: f64) -> Self {
        let passed = (got - expected).abs() <= tolerance;
        Self::gate(what, short(expected), format!("± {}", short(tolerance)), got, passed)
    }

    /// `got` is `expected` to a relative tolerance.
    pub fn near_share(what: &str, got: f64, expected: f64, share: f64) -> Self {
        let passed = (got - expected).abs() <= share * expected.abs();
        let tolerance = format!("± {} %", short(100.0 * share));
        Self::gate(what, short(expected), tolerance, got, passed)
    }

    /// So many of `n` cases hold, and all must.
    pub fn all(what: &str, n_holding: usize, n: usize) -> Self {
        let expected = format!("all {n}");
        Self::gate(what, expected, "none".into(), f64_of_len(n_holding), n_holding == n && n > 0)
    }

    /// The same line, shown but not decisive.
    pub fn direction(self) -> Self {
        Self { kind: Kind::Direction, ..self }
    }

    /// Whether it fails a validation.
    pub fn is_failure(&self) -> bool {
        self.kind == Kind::Gate && !self.passed
    }
}

/// What a check found.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Findings {
    /// Comparisons.
    pub lines: Vec<Line>,
    /// Curves of theory and simulation; none if there is nothing to draw.
    pub panels: Vec<Panel>,
    /// Set-up, sizes of samples, and where the theory is departed from.
    pub note: String,
}

impl Findings {
    /// Without lines yet.
    pub fn new(note: &str) -> Self {
        Self { note: note.to_owned(), ..Self::default() }
    }

    /// Adds a comparison.
    pub fn add(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// Whether nothing decisive failed.
    pub fn passed(&self) -> bool {
        !self.lines.iter().any(Line::is_failure)
    }
}

/// An axis of a panel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Axis {
    /// What it shows, with its unit.
    pub name: &'static str,
    /// Equal factors instead of equal steps.
    pub is_log: bool,
}

impl Axis {
    /// Equal steps.
    pub fn linear(name: &'static str) -> Self {
        Self { name, is_log: false }
    }

    /// Equal factors.
    pub fn log(name: &'static str) -> Self {
        Self { name, is_log: true }
    }
}

/// A picture of theory and simulation.
#[derive(Clone, PartialEq, Debug)]
pub struct Panel {
    /// What it shows.
    pub title: String,
    /// Along.
    pub x: Axis,
    /// Up.
    pub y: Axis,
    /// What is drawn.
    pub curves: Vec<Curve>,
}

/// Where the points of a curve come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A formula or a published curve: drawn as a line.
    Theory,
    /// Our runs: drawn as points, with the theory of the same place in its colour.
    Simulation,
    /// Our runs, so many points that they are drawn as a line.
    Trace,
}

impl Role {
    /// As written in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Theory => "theory",
            Self::Simulation => "simulation",
            Self::Trace => "trace",
        }
    }
}

/// Points that belong together.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// Its name in the legend.
    pub name: String,
    /// Where it comes from.
    pub role: Role,
    /// x and y, in the order in which they are joined.
    pub points: Vec<(f64, f64)>,
}

impl Curve {
    /// A curve of theory.
    pub fn theory(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.to_owned(), role: Role::Theory, points }
    }

    /// Points of our own.
    pub fn simulation(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.to_owned(), role: Role::Simulation, points }
    }

    /// A line of our own.
    pub fn trace(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.to_owned(), role: Role::Trace, points }
    }
}

/// About four significant digits, without trailing zeros.
pub fn short(x: f64) -> String {
    let decimals = match x.abs() {
        size if size >= 1000.0 || size == 0.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        size if size >= 0.1 => 3,
        size if size >= 1e-4 => 5,
        _ => return format!("{x:.1e}").replace('-', "−"),
    };
    let text = format!("{x:.decimals$}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.replace('-', "−") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_pass_at_the_edge_and_fail_beyond_it() {
        assert!(Line::at_most("x", 1.0, 1.0).passed && !Line::at_most("x", 1.1, 1.0).passed);
        assert!(Line::at_least("x", 1.0, 1.0).passed && !Line::at_least("x", 0.9, 1.0).passed);
        assert!(Line::within("x", 2.0, [1.0, 2.0]).passed);
        assert!(!Line::within("x", 2.1, [1.0, 2.0]).passed);
        assert!(Line::near("x", 1.5, 1.0, 0.5).passed && !Line::near("x", 1.6, 1.0, 0.5).passed);
        assert!(Line::near_share("x", -9.0, -10.0, 0.1).passed);
        assert!(!Line::near_share("x", -8.0, -10.0, 0.1).passed);
        assert!(Line::all("x", 3, 3).passed && !Line::all("x", 0, 0).passed);
        assert!(!Line::at_most("nothing came out", f64::NAN, 1.0).passed);
        assert!(!Line::at_most("x", f64::NEG_INFINITY, 1.0).passed);
    }

    #[test]
    fn only_gates_fail() {
        let wrong = Line::at_most("x", 2.0, 1.0);
        assert!(wrong.is_failure() && !wrong.clone().direction().is_failure());
        let mut findings = Findings::default();
        findings.add(wrong.clone().direction());
        assert!(findings.passed());
        findings.add(wrong);
        assert!(!findings.passed());
    }

    #[test]
    fn numbers_are_short() {
        for (x, text) in [
            (0.0, "0"),
            (2e-7, "2.0e−7"),
            (-0.5, "−0.5"),
            (1234.5, "1234"),
            (0.9, "0.9"),
            (12.346, "12.35"),
        ] {
            assert_eq!(short(x), text);
        }
    }
}
