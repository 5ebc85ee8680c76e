//! Words across a page, over everything else on it, which shows through.

use lopdf::{Dictionary, dictionary};

use super::{Page, WATERMARK};
use crate::display::Watermark;

/// The graphics state in which it is drawn.
pub(super) const STATE: &str = "Watermark";

/// What that state is. PDF/A-3 allows transparency (ISO 19005-3, 6.2.10).
pub(super) fn state(watermark: &Watermark) -> Dictionary {
    let opacity = watermark.opacity;
    dictionary! { "Type" => "ExtGState", "ca" => opacity, "CA" => opacity }
}

impl Page<'_> {
    pub(super) fn watermark(&mut self) {
        let display = self.display;
        let Some(watermark) = &display.watermark else {
            return;
        };
        self.furniture = WATERMARK;
        self.mark(0);
        let (x, y) = (display.width / 2.0, display.height / 2.0);
        let (sin, cos) = watermark.angle.to_radians().sin_cos();
        // Around the middle of the page.
        let matrix = [
            cos,
            sin,
            -sin,
            cos,
            x - cos * x + sin * y,
            y - sin * x - cos * y,
        ];
        self.content.save();
        self.content.state(STATE);
        self.content.transform(matrix);
        self.colour = None;
        self.stroke = None;
        for placed in &watermark.items {
            self.item(placed);
        }
        self.restore();
        self.close();
        self.furniture = "";
    }
}
