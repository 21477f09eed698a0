//! Words on the sheet: their width in the embedded font, how numbers and long names are written.

use crate::units::f64_of_len;

/// Widths of U+0020 to U+007E in the embedded regular font, in thousandths of the size.
const REGULAR: [u16; 95] = [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
];
/// The same in the bold one.
const BOLD: [u16; 95] = [
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696,
    696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683,
    683, 821, 837, 372, 372, 775, 637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771,
    724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665,
    343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
];

/// Width of `words` set at `size`; letters beyond ASCII count as wide ones.
pub(super) fn width(words: &str, size: f64, bold: bool) -> f64 {
    let table = if bold { &BOLD } else { &REGULAR };
    let thousandths: f64 = words.chars().map(|letter| advance(letter, table)).sum();
    thousandths * size / 1000.0
}

fn advance(letter: char, table: &[u16; 95]) -> f64 {
    match letter {
        ' '..='~' => f64::from(table[letter as usize - ' ' as usize]),
        '\u{2009}' | '\u{202f}' => 200.0,
        '\u{b7}' => 350.0,
        '\u{2013}' => 500.0,
        '\u{2026}' => 1000.0,
        '\u{c0}'..='\u{3c9}' => 720.0,
        _ => 840.0,
    }
}

/// `words`, cut with an ellipsis to fit into `room`.
pub(super) fn fitted(words: &str, room: f64, size: f64, bold: bool) -> String {
    if width(words, size, bold) <= room {
        return words.to_owned();
    }
    let mut kept: String = words.to_owned();
    while kept.pop().is_some() {
        let cut = format!("{}\u{2026}", kept.trim_end());
        if width(&cut, size, bold) <= room {
            return cut;
        }
    }
    String::new()
}

/// `words` broken at spaces into lines that fit `room`; at most `n_max`, the last one cut.
pub(super) fn wrapped(words: &str, room: f64, size: f64, bold: bool, n_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let full = lines.len() == n_max;
        match lines.last_mut() {
            Some(line) if full || width(&format!("{line} {word}"), size, bold) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| fitted(line, room, size, bold)).collect()
}

/// A bold name broken after `_` and `-` and at spaces into lines that fit `room`; at most `n_max`.
pub(super) fn name_lines(name: &str, room: f64, size: f64, n_max: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in name.split_inclusive(['_', '-', ' ']) {
        let full = lines.len() == n_max;
        let line = lines.last_mut().expect("begins with one");
        if full || line.is_empty() || width(&format!("{line}{part}"), size, true) <= room {
            line.push_str(part);
        } else {
            lines.push(part.to_owned());
        }
    }
    lines.iter().map(|line| fitted(line.trim_end(), room, size, true)).collect()
}

/// A number with a true minus sign and thin spaces between thousands.
pub(super) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        let rest = whole.len() - i;
        if i > 0 && rest.is_multiple_of(3) && whole.len() > 4 {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    if !part.is_empty() {
        grouped.push('.');
        grouped.push_str(part);
    }
    let is_zero = grouped.chars().all(|c| matches!(c, '0' | '.'));
    if value < 0.0 && !is_zero { format!("\u{2212}{grouped}") } else { grouped }
}

/// A number with about three significant digits, for sentences.
pub(super) fn rounded(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 || size == 0.0 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.1 => 2,
        _ => 4,
    };
    number(value, decimals)
}

/// A share as whole per cent; never 0 % or 100 % unless it is.
pub(super) fn percent(share: f64) -> String {
    // To a millionth: two equal shares must read alike whatever their last bits.
    let per_cent = libm::round(share * 1e8) / 1e6;
    if share > 0.0 && per_cent < 0.5 {
        "<\u{202f}1\u{202f}%".to_owned()
    } else if share < 1.0 && per_cent >= 99.5 {
        ">\u{202f}99\u{202f}%".to_owned()
    } else {
        format!("{}\u{202f}%", number(libm::round(per_cent), 0))
    }
}

/// "1 run" or "3 runs".
pub(super) fn counted(n: usize, one: &str) -> String {
    let ending = if n == 1 { "" } else { "s" };
    format!("{} {one}{ending}", number(f64_of_len(n), 0))
}

/// A unit people read and what one of it is in the base unit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Unit {
    pub(super) name: &'static str,
    pub(super) size: f64,
}

impl Unit {
    /// For times up to `max_s` seconds.
    pub(super) fn of_time(max_s: f64) -> Self {
        match max_s {
            s if s <= 240.0 => Self { name: "s", size: 1.0 },
            s if s <= 4.0 * 3600.0 => Self { name: "min", size: 60.0 },
            s if s <= 4.0 * 86_400.0 => Self { name: "h", size: 3600.0 },
            _ => Self { name: "days", size: 86_400.0 },
        }
    }

    /// For amounts up to `max` bytes.
    pub(super) fn of_bytes(max: f64) -> Self {
        match max / 1024.0 {
            kib if kib < 2048.0 => Self { name: "KiB", size: 1024.0 },
            kib if kib < 2048.0 * 1024.0 => Self { name: "MiB", size: 1_048_576.0 },
            kib if kib < 2048.0 * 1_048_576.0 => Self { name: "GiB", size: 1_073_741_824.0 },
            _ => Self { name: "TiB", size: 1_099_511_627_776.0 },
        }
    }

    /// An amount in the base unit, written in this one.
    pub(super) fn say(self, amount: f64) -> String {
        format!("{}\u{202f}{}", rounded(amount / self.size), self.name)
    }
}

/// The lowest and the highest of some shares: "12 % to 30 %", or one of them if they read alike.
pub(super) fn percent_range(shares: &[f64]) -> String {
    let low = percent(shares.iter().copied().fold(f64::INFINITY, f64::min));
    let high = percent(shares.iter().copied().fold(0.0, f64::max));
    if low == high { low } else { format!("{low} to {high}") }
}

/// A time, written in the unit that fits it.
pub(super) fn time(seconds: f64) -> String {
    Unit::of_time(seconds).say(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(number(-12345.678, 1), "\u{2212}12\u{202f}345.7");
        assert_eq!(number(-0.001, 1), "0.0");
        assert_eq!(number(4096.0, 0), "4096");
        assert_eq!(percent(0.999), ">\u{202f}99\u{202f}%");
        assert_eq!(time(754.0), "12.6\u{202f}min");
    }

    #[test]
    fn long_names_are_cut_and_lines_wrapped() {
        let cut = fitted("a class with a very long name", 80.0, 11.0, false);
        assert!(cut.ends_with('\u{2026}') && width(&cut, 11.0, false) <= 80.0, "{cut}");
        let lines = wrapped("one two three four five six seven", 60.0, 11.0, false, 2);
        assert_eq!(lines.len(), 2);
        assert_eq!(name_lines("tft_starved_40", 92.0, 11.5, 3), ["tft_starved_", "40"]);
        assert!(lines[1].ends_with('\u{2026}'));
    }
}
