//! Letters on a page: glyphs where the layout put them, and beside them what they are read as where they do not say it themselves.

use super::{Page, fonts::Face};
use crate::display::{Glyph, Glyphs};

/// Points that the viewer's pen, which knows widths in thousandths only, may be away from a glyph: nobody sees as much.
const LEAST_GAP: f32 = 0.025;

impl Page<'_> {
    pub(super) fn glyphs(&mut self, run: &Glyphs, x: f32, y: f32) {
        let faces = self.faces;
        let Some(face) = faces.get(&run.font) else {
            return;
        };
        self.content.begin_letters(run.font, run.size);
        let mut pen = Pen {
            face,
            size: run.size,
            origin: (x, self.display.height - y),
            at: None,
            visible: true,
        };
        for (number, cluster) in run.clusters.iter().enumerate() {
            let first = cluster.first as usize;
            let glyphs = &run.glyphs[first..first + cluster.count as usize];
            let mut parts = run.read_as.iter();
            let part = parts.find(|part| part.clusters.contains(&number));
            match (part, face.carrier) {
                (Some(part), _) => {
                    if part.clusters.start == number {
                        self.content.begin_text(&part.text);
                    }
                    for glyph in glyphs {
                        self.glyph(&mut pen, glyph);
                    }
                    if part.clusters.end == number + 1 {
                        self.content.end();
                    }
                }
                (None, Some(carrier)) if run.turned(cluster) => {
                    self.turned(&mut pen, glyphs, &cluster.text, carrier);
                }
                (None, _) => self.cluster(&mut pen, glyphs, &cluster.text),
            }
        }
        if !pen.visible {
            self.content.visible(true);
        }
        self.content.end_letters();
    }

    /// Letter by letter in the order of drawing, which readers turn around: the last letter first. Each has its share of the cluster's
    /// width, between two glyphs that are not seen, because readers take letters that begin at one place for copies, and texts of the
    /// same glyphs, too; hence one glyph more in every other letter. The ink is with the first one.
    fn turned(&mut self, pen: &mut Pen<'_>, glyphs: &[Glyph], text: &str, carrier: u16) {
        let width = |glyph: &Glyph| {
            let coded = pen.face.glyph(glyph.id);
            coded.map_or(0.0, |coded| coded.width * pen.size / 1000.0)
        };
        let Some(base) = glyphs.iter().find(|glyph| width(glyph) > 0.0) else {
            return self.cluster(pen, glyphs, text);
        };
        let whole: f32 = glyphs.iter().map(width).sum();
        let share = whole / text.chars().count() as f32;
        let mut edge = Glyph {
            id: carrier,
            ..*base
        };
        let mut ink = glyphs;
        for (index, (at, letter)) in text.char_indices().rev().enumerate() {
            let mut drawn = vec![edge; 1 + index % 2];
            drawn.extend(std::mem::take(&mut ink));
            edge.x += share;
            drawn.push(edge);
            self.cluster(pen, &drawn, &text[at..at + letter.len_utf8()]);
        }
    }

    /// Glyphs that are read as `text`, which is written beside them where they do not say it themselves.
    fn cluster(&mut self, pen: &mut Pen<'_>, glyphs: &[Glyph], text: &str) {
        let own = |glyph: &Glyph| pen.face.glyph(glyph.id);
        let plain = matches!(glyphs, [glyph] if own(glyph).is_some_and(|own| own.text == text));
        if !plain {
            self.content.begin_text(text);
        }
        for glyph in glyphs {
            self.glyph(pen, glyph);
        }
        if !plain {
            self.content.end();
        }
    }

    fn glyph(&mut self, pen: &mut Pen<'_>, glyph: &Glyph) {
        let mut shift = None;
        match pen.at {
            Some((at, baseline)) if (glyph.y - baseline).abs() < 0.01 => {
                let gap = at - glyph.x;
                let back = (gap * 1000.0 / pen.size).round();
                if back.abs() >= 1.0 && gap.abs() >= LEAST_GAP {
                    shift = Some(back);
                    pen.at = Some((at - back * pen.size / 1000.0, baseline));
                }
            }
            _ => {
                let (x, y) = pen.origin;
                self.content.place(x + glyph.x, y - glyph.y);
                pen.at = Some((glyph.x, glyph.y));
            }
        }
        let visible = pen.face.carrier != Some(glyph.id);
        if pen.visible != visible {
            pen.visible = visible;
            self.content.visible(visible);
        }
        if let Some(shift) = shift {
            self.content.shift(shift);
        }
        let (code, width) = pen
            .face
            .glyph(glyph.id)
            .map_or((0, 0.0), |own| (own.code, own.width));
        self.content.glyph(code);
        pen.at = pen
            .at
            .map(|(at, baseline)| (at + width * pen.size / 1000.0, baseline));
    }
}

/// Writes the glyphs of one run.
struct Pen<'a> {
    face: &'a Face,
    size: f32,
    /// Of the run on the page.
    origin: (f32, f32),
    /// Where the viewer's pen is in the run, by the widths it knows; `None` before the first glyph.
    at: Option<(f32, f32)>,
    /// Whether glyphs are drawn, or only read.
    visible: bool,
}
