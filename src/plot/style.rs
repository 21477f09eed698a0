//! How figures look: colours, dash patterns, type sizes.
//!
//! Colours are those of Okabe and Ito (2008), which people with any common colour blindness can
//! tell apart; each series also has its own dash pattern, so a grey print reads as well.

/// Text that must be read.
pub(super) const INK: &str = "#222222";
/// Text and marks that help.
pub(super) const SOFT: &str = "#5c5c5c";
/// Axes.
pub(super) const AXIS: &str = "#8a8a8a";
/// Grid lines.
pub(super) const GRID: &str = "#e4e4e4";
/// The baseline arm, where it stands behind another as a reference.
pub(super) const GHOST: &str = "#9a9a9a";

/// Series that have a colour of their own.
pub(super) const N_COLOURS: usize = 8;
/// Okabe–Ito; its yellow, which vanishes on white, is replaced by an olive.
const COLOURS: [&str; N_COLOURS] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#333333", "#999933"];
/// Solid first. Five patterns and eight colours: 40 pairs before one repeats.
const DASHES: [&str; 5] = ["", "7 3", "2.5 2.5", "9 3 2 3", "14 4"];

/// The colour of series `i`.
pub(super) fn colour(i: usize) -> &'static str {
    COLOURS[i % COLOURS.len()]
}

/// The dash pattern of series `i`; empty is solid.
pub(super) fn dash(i: usize) -> &'static str {
    DASHES[i % DASHES.len()]
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    pub(super) colour: &'static str,
    pub(super) width: f64,
    pub(super) dash: &'static str,
    pub(super) opacity: f64,
}

impl Stroke {
    /// A solid line.
    pub(super) fn solid(colour: &'static str, width: f64) -> Self {
        Self { colour, width, dash: "", opacity: 1.0 }
    }

    /// The line of series `i`.
    pub(super) fn series(i: usize) -> Self {
        Self { colour: colour(i), width: 1.9, dash: dash(i), opacity: 1.0 }
    }

    pub(super) fn dashed(self, dash: &'static str) -> Self {
        Self { dash, ..self }
    }
}

/// Which point of a text its position names.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextStyle {
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) colour: &'static str,
    pub(super) anchor: Anchor,
    pub(super) turned: bool,
}

impl TextStyle {
    /// Upright, regular, in ink, from the left.
    pub(super) fn plain(size: f64) -> Self {
        Self { size, bold: false, colour: INK, anchor: Anchor::Start, turned: false }
    }

    pub(super) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(super) fn colour(self, colour: &'static str) -> Self {
        Self { colour, ..self }
    }

    pub(super) fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    /// Turned a quarter to the left, as the name of a y axis.
    pub(super) fn turned(self) -> Self {
        Self { turned: true, ..self }
    }
}
