//! A sheet of SVG: shapes and text with exact coordinates.
//!
//! Law: the same calls give the same bytes, and no coordinate is ever NaN or infinite.
//! plotters' own SVG backend rounds to whole pixels and knows no dash patterns, so only its
//! coordinates are used (`axis`).

use std::fmt::Write as _;

use super::style::{Anchor, Stroke, TextStyle};

/// A place on the sheet in logical pixels, y downwards.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// An upright rectangle on the sheet.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

/// What has been drawn so far.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    body: String,
}

impl Canvas {
    /// An open line through `points`; nothing for fewer than two.
    pub(super) fn path(&mut self, points: &[Point], stroke: Stroke) {
        if points.len() < 2 {
            return;
        }
        let Stroke { colour, width, dash, opacity } = stroke;
        let data = path_data(points);
        self.put(format_args!(
            "<path d=\"{data}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\"{}{}/>\n",
            num(width),
            dash_of(dash),
            opacity_of("stroke-opacity", opacity),
        ));
    }

    /// A straight line.
    pub(super) fn line(&mut self, from: Point, to: Point, stroke: Stroke) {
        self.path(&[from, to], stroke);
    }

    /// A closed, filled shape without outline.
    pub(super) fn fill(&mut self, points: &[Point], colour: &str, opacity: f64) {
        if points.len() < 3 {
            return;
        }
        let data = path_data(points);
        self.put(format_args!(
            "<path d=\"{data}Z\" fill=\"{colour}\" stroke=\"none\"{}/>\n",
            opacity_of("fill-opacity", opacity),
        ));
    }

    /// A filled rectangle.
    pub(super) fn rect(&mut self, area: Rect, colour: &str, opacity: f64) {
        self.put(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{colour}\"{}/>\n",
            num(area.left),
            num(area.top),
            num(area.width),
            num(area.height),
            opacity_of("fill-opacity", opacity),
        ));
    }

    /// A filled disc; with `hollow`, a ring of the colour filled with white.
    pub(super) fn disc(&mut self, centre: Point, radius: f64, colour: &str, hollow: bool) {
        let paint = if hollow {
            format!("fill=\"#ffffff\" stroke=\"{colour}\" stroke-width=\"1.6\"")
        } else {
            format!("fill=\"{colour}\"")
        };
        self.put(format_args!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {paint}/>\n",
            num(centre.x),
            num(centre.y),
            num(radius),
        ));
    }

    /// Many small translucent dots of one colour.
    pub(super) fn dots(&mut self, centres: &[Point], colour: &str, opacity: f64) {
        if centres.is_empty() {
            return;
        }
        self.put(format_args!("<g fill=\"{colour}\"{}>\n", opacity_of("fill-opacity", opacity)));
        for centre in centres {
            self.put(format_args!(
                "<circle cx=\"{}\" cy=\"{}\" r=\"2.4\"/>\n",
                num(centre.x),
                num(centre.y),
            ));
        }
        self.put(format_args!("</g>\n"));
    }

    /// A line of text; `at` is on its base line.
    pub(super) fn text(&mut self, at: Point, words: &str, style: TextStyle) {
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
        let (x, y) = (num(at.x), num(at.y));
        let turn = if style.turned {
            format!(" transform=\"rotate(-90 {x} {y})\"")
        } else {
            String::new()
        };
        self.put(format_args!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" fill=\"{}\"{anchor}{weight}{turn}>\
             {}</text>\n",
            num(style.size),
            style.colour,
            escaped(words),
        ));
    }

    /// A line of text, or nothing if there are no words.
    pub(super) fn text_unless_empty(&mut self, at: Point, words: &str, style: TextStyle) {
        if !words.is_empty() {
            self.text(at, words, style);
        }
    }

    /// The finished document on white, `width` by `height`, named `title` for screen readers.
    pub(super) fn finish(self, width: f64, height: f64, title: &str) -> String {
        let (w, h) = (num(width), num(height));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" \
             viewBox=\"0 0 {w} {h}\" font-family=\"'DejaVu Sans', Verdana, sans-serif\" \
             stroke-linejoin=\"round\" role=\"img\">\n<title>{}</title>\n\
             <rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>\n{}</svg>\n",
            escaped(title),
            self.body,
        )
    }

    fn put(&mut self, piece: std::fmt::Arguments<'_>) {
        self.body.write_fmt(piece).expect("writing to a string cannot fail");
    }
}

fn path_data(points: &[Point]) -> String {
    let mut data = String::with_capacity(points.len() * 14);
    for (i, point) in points.iter().enumerate() {
        data.push(if i == 0 { 'M' } else { 'L' });
        data.push_str(&num(point.x));
        data.push(' ');
        data.push_str(&num(point.y));
    }
    data
}

fn dash_of(dash: &str) -> String {
    if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") }
}

fn opacity_of(attribute: &str, opacity: f64) -> String {
    if opacity >= 1.0 { String::new() } else { format!(" {attribute}=\"{}\"", num(opacity)) }
}

/// A coordinate to a hundredth of a pixel, without trailing zeros.
fn num(value: f64) -> String {
    assert!(value.is_finite(), "a coordinate on the sheet is a number");
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Text as XML content; control characters, which XML forbids, become spaces.
fn escaped(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for letter in words.chars() {
        match letter {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => text.push(' '),
            c => text.push(c),
        }
    }
    text
}
