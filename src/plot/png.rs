//! From SVG to PNG with the embedded font alone, so every machine makes the same picture.

use std::sync::Arc;

use resvg::{tiny_skia, usvg};

use super::PlotError;
use crate::units::{floor_u64, u32_of};

const REGULAR: &[u8] = include_bytes!("font/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("font/DejaVuSans-Bold.ttf");

/// Picture pixels per logical pixel: sharp on dense screens and in print.
const SCALE: f32 = 2.0;

/// What every figure is rendered with.
pub(super) struct Renderer {
    options: usvg::Options<'static>,
}

impl Renderer {
    /// With the embedded font loaded.
    pub(super) fn new() -> Self {
        let mut fonts = usvg::fontdb::Database::new();
        fonts.load_font_data(REGULAR.to_vec());
        fonts.load_font_data(BOLD.to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        let options = usvg::Options {
            font_family: "DejaVu Sans".to_owned(),
            fontdb: Arc::new(fonts),
            ..usvg::Options::default()
        };
        Self { options }
    }

    /// The picture of `svg`, encoded.
    pub(super) fn png(&self, figure: &str, svg: &str) -> Result<Vec<u8>, PlotError> {
        let fault = |why: String| PlotError::Render { figure: figure.to_owned(), why };
        let tree = usvg::Tree::from_str(svg, &self.options).map_err(|e| fault(e.to_string()))?;
        let side = |length: f32| u32_of_pixels(length * SCALE);
        let (width, height) = (side(tree.size().width()), side(tree.size().height()));
        let mut pixels = tiny_skia::Pixmap::new(width, height)
            .ok_or_else(|| fault(format!("{width} × {height} pixels are too many")))?;
        let scale = tiny_skia::Transform::from_scale(SCALE, SCALE);
        resvg::render(&tree, scale, &mut pixels.as_mut());
        pixels.encode_png().map_err(|e| fault(e.to_string()))
    }
}

fn u32_of_pixels(length: f32) -> u32 {
    let whole = floor_u64(libm::ceil(f64::from(length)));
    u32_of(usize::try_from(whole).unwrap_or(usize::MAX).min(1 << 16))
}
