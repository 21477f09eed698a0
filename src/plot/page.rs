//! The page of a figure: title and question above, panels, then legend and notes below.
//!
//! Law: the legend and the notes stand below the panels and never cover data.

use super::axis::Axis;
use super::curves::Curve;
use super::style::{self, Anchor, Stroke, TextStyle};
use super::svg::{Canvas, Point, Rect};
use super::text;
use crate::units::f64_of_len;

/// Width of every figure in logical pixels.
pub(super) const WIDTH: f64 = 960.0;
/// White space at the sides.
pub(super) const MARGIN: f64 = 28.0;

/// A finished figure.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Figure {
    /// File name without ending.
    pub(super) name: &'static str,
    pub(super) svg: String,
}

/// A page being filled from top to bottom.
pub(super) struct Page {
    pub(super) canvas: Canvas,
    title: String,
    /// Where the next thing may begin.
    pub(super) top: f64,
}

/// How a legend shows its entry.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Mark {
    Line,
    Dot,
    /// A ring: the dots of series that have to use the colours a second time.
    Ring,
}

impl Mark {
    /// How the points of series `i` look.
    pub(super) fn of_series(i: usize) -> Self {
        if i < style::N_COLOURS { Self::Dot } else { Self::Ring }
    }
}

/// One entry of a legend.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) label: String,
    pub(super) stroke: Stroke,
    pub(super) mark: Mark,
}

impl Entry {
    /// The line of series `i`.
    pub(super) fn series(label: &str, i: usize) -> Self {
        Self { label: label.to_owned(), stroke: Stroke::series(i), mark: Mark::Line }
    }

    /// The dot of series `i`.
    pub(super) fn dot(label: &str, i: usize) -> Self {
        Self { mark: Mark::Dot, ..Self::series(label, i) }
    }
}

impl Page {
    /// With its title and, smaller, the question the experiment asks.
    pub(super) fn new(title: &str, question: &str) -> Self {
        let mut canvas = Canvas::default();
        let room = WIDTH - 2.0 * MARGIN;
        let mut top = 38.0;
        for line in text::wrapped(title, room, 17.0, true, 2) {
            canvas.text(Point { x: MARGIN, y: top }, &line, TextStyle::plain(17.0).bold());
            top += 22.0;
        }
        for line in text::wrapped(question, room, 12.0, false, 2) {
            let style = TextStyle::plain(12.0).colour(style::SOFT);
            canvas.text(Point { x: MARGIN, y: top - 1.0 }, &line, style);
            top += 17.0;
        }
        Self { canvas, title: title.to_owned(), top: top - 4.0 }
    }

    /// Places for `n` panels of the given height, row by row, and moves on below them.
    pub(super) fn panels(&mut self, n: usize, grid: Grid) -> Vec<Rect> {
        let columns = f64_of_len(grid.n_columns);
        let room = WIDTH - 2.0 * MARGIN - grid.left - grid.right;
        let width = (room - (columns - 1.0) * grid.gap) / columns;
        let place = |i: usize| Rect {
            left: MARGIN + grid.left + f64_of_len(i % grid.n_columns) * (width + grid.gap),
            top: self.top
                + grid.head
                + f64_of_len(i / grid.n_columns) * (grid.height + grid.row_gap),
            width,
            height: grid.height,
        };
        let places: Vec<Rect> = (0..n).map(place).collect();
        self.top = places.last().map_or(self.top, Rect::bottom) + 44.0;
        places
    }

    /// A legend below what is there, in columns as wide as its longest name.
    pub(super) fn legend(&mut self, entries: &[Entry]) {
        let room = WIDTH - 2.0 * MARGIN;
        self.top += 6.0;
        let size = 11.5;
        let longest =
            entries.iter().map(|e| text::width(&e.label, size, false)).fold(0.0, f64::max);
        let column = (longest + 64.0).min(room);
        let n_columns = crate::units::floor_usize(room / column).max(1);
        for (i, entry) in entries.iter().enumerate() {
            let x = MARGIN + f64_of_len(i % n_columns) * column;
            let y = self.top + f64_of_len(i / n_columns) * 20.0 + 6.0;
            self.key(Point { x, y }, entry);
            let label = text::fitted(&entry.label, room - 44.0, size, false);
            self.canvas.text(Point { x: x + 40.0, y: y + 4.0 }, &label, TextStyle::plain(size));
        }
        self.top += f64_of_len(entries.len().div_ceil(n_columns)) * 20.0 + 6.0;
    }

    fn key(&mut self, at: Point, entry: &Entry) {
        let end = Point { x: at.x + 32.0, ..at };
        match entry.mark {
            Mark::Line => self.canvas.line(at, end, entry.stroke),
            Mark::Dot | Mark::Ring => {
                let centre = Point { x: at.x + 24.0, ..at };
                self.canvas.disc(centre, 4.2, entry.stroke.colour, entry.mark == Mark::Ring);
            }
        }
    }

    /// Small print below everything, then the page as a figure.
    pub(super) fn finish(mut self, name: &'static str, notes: &[String]) -> Figure {
        let size = 10.5;
        let room = WIDTH - 2.0 * MARGIN;
        self.top += 10.0;
        for line in text::wrapped(&notes.join(" "), room, size, false, 6) {
            let style = TextStyle::plain(size).colour(style::SOFT);
            self.canvas.text(Point { x: MARGIN, y: self.top + 4.0 }, &line, style);
            self.top += 15.0;
        }
        let height = libm::ceil(self.top + 14.0);
        Figure { name, svg: self.canvas.finish(WIDTH, height, &self.title) }
    }
}

/// How panels are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) n_columns: usize,
    /// Height of a panel.
    pub(super) height: f64,
    /// Room left of the first column, for its axis.
    pub(super) left: f64,
    /// Room right of the last column.
    pub(super) right: f64,
    /// Between columns.
    pub(super) gap: f64,
    /// Between rows.
    pub(super) row_gap: f64,
    /// Above the first row, for the titles of its panels.
    pub(super) head: f64,
}

impl Grid {
    /// For `n` panels that share both axes.
    pub(super) fn shared(n: usize) -> Self {
        let (n_columns, height) = match n {
            0 | 1 => (1, 380.0),
            2 => (2, 300.0),
            4 => (2, 230.0),
            3 | 5 | 6 => (3, 230.0),
            7..=9 => (3, 190.0),
            _ => (4, 160.0),
        };
        Self { n_columns, height, left: 56.0, right: 8.0, gap: 26.0, row_gap: 40.0, head: 32.0 }
    }
}

/// What is written around a panel.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) title: String,
    /// Empty: only the ticks.
    pub(super) x_name: String,
    pub(super) y_name: String,
    /// No numbers along x: the panel below has them.
    pub(super) no_x_numbers: bool,
    /// No numbers along y: the panel to the left has them.
    pub(super) no_y_numbers: bool,
    /// Room between the axis and its numbers.
    pub(super) x_drop: f64,
    /// How far the title may go beyond the panel.
    pub(super) title_overhang: f64,
}

/// A panel: a place with two axes.
pub(super) struct Panel {
    pub(super) area: Rect,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Panel {
    /// Where a pair of values is drawn.
    pub(super) fn point(&self, x: f64, y: f64) -> Point {
        Point {
            x: self.x.place(x, self.area.left, self.area.right()),
            y: self.y.place(y, self.area.bottom(), self.area.top),
        }
    }

    /// Grid, axes and the words around them.
    pub(super) fn frame(&self, canvas: &mut Canvas, words: &Words) {
        let area = self.area;
        let grid = Stroke::solid(style::GRID, 1.0);
        let numbers = TextStyle::plain(10.5).colour(style::SOFT);
        for tick in self.y.ticks() {
            let y = self.y.place(tick.value, area.bottom(), area.top);
            canvas.line(Point { x: area.left, y }, Point { x: area.right(), y }, grid);
            if !words.no_y_numbers {
                let at = Point { x: area.left - 7.0, y: y + 3.8 };
                canvas.text(at, &tick.label, numbers.anchor(Anchor::End));
            }
        }
        for tick in self.x.ticks() {
            let x = self.x.place(tick.value, area.left, area.right());
            canvas.line(Point { x, y: area.top }, Point { x, y: area.bottom() }, grid);
            if !words.no_x_numbers {
                let at = Point { x, y: area.bottom() + 15.5 + words.x_drop };
                canvas.text(at, &tick.label, numbers.anchor(Anchor::Middle));
            }
        }
        let foot = |x| Point { x, y: area.bottom() };
        canvas.line(foot(area.left), foot(area.right()), Stroke::solid(style::AXIS, 1.0));
        self.names(canvas, words);
    }

    fn names(&self, canvas: &mut Canvas, words: &Words) {
        let area = self.area;
        let title = text::fitted(&words.title, area.width + words.title_overhang, 12.0, true);
        canvas.text(
            Point { x: area.left, y: area.top - 10.0 },
            &title,
            TextStyle::plain(12.0).bold(),
        );
        let name = TextStyle::plain(11.5).anchor(Anchor::Middle);
        let middle =
            Point { x: area.left + area.width / 2.0, y: area.bottom() + 33.0 + words.x_drop };
        canvas.text_unless_empty(middle, &words.x_name, name);
        let side = Point { x: area.left - 46.0, y: area.top + area.height / 2.0 };
        canvas.text_unless_empty(side, &words.y_name, name.turned());
    }

    /// The band of a curve, then its line over it. With `is_stepped`, values hold until the next.
    pub(super) fn curve(&self, canvas: &mut Canvas, curve: &Curve, look: Look) {
        if look.has_band && curve.n_runs > 1 {
            let mut shape = self.trace(curve, look, |spread| spread.high);
            shape.extend(self.trace(curve, look, |spread| spread.low).into_iter().rev());
            canvas.fill(&shape, look.stroke.colour, 0.16);
        }
        canvas.path(&self.trace(curve, look, |spread| spread.mean), look.stroke);
    }

    fn trace(
        &self,
        curve: &Curve,
        look: Look,
        of: impl Fn(&super::curves::Spread) -> f64,
    ) -> Vec<Point> {
        let mut points: Vec<Point> = Vec::with_capacity(curve.points.len() * 2);
        for spread in &curve.points {
            let point = self.point(spread.at / look.x_unit, of(spread));
            match points.last() {
                Some(last) if look.is_stepped => points.push(Point { y: last.y, ..point }),
                None if look.is_stepped => {
                    points.push(Point { y: self.area.bottom(), ..point });
                }
                _ => {}
            }
            points.push(point);
        }
        points
    }
}

/// How a curve is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) stroke: Stroke,
    pub(super) has_band: bool,
    /// Values hold until the next one; begins at the foot of the panel.
    pub(super) is_stepped: bool,
    /// What one of the x axis is in the curve's own unit.
    pub(super) x_unit: f64,
}
