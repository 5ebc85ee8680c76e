//! Letters that are pictures: the pictures, and above them what they say in letters that are read and not seen. Readers take a text only
//! from letters, so the picture alone would say nothing to them.

use super::Page;
use crate::display::{Cluster, Glyph, Glyphs};

impl Page<'_> {
    pub(super) fn pictograms(&mut self, run: &Glyphs, x: f32, y: f32) {
        let display = self.display;
        for glyph in &run.glyphs {
            if let Some(own) = display.pictograms.glyphs.get(&(run.font, glyph.id)) {
                let place = (
                    x + glyph.x + own.left * run.size,
                    y + glyph.y + own.top * run.size,
                );
                let size = (own.width * run.size, own.height * run.size);
                self.image(own.image, place, size);
            }
        }
        let font = display.pictograms.silent;
        let carrier = self.faces.get(&font).and_then(|face| face.carrier);
        if let Some(carrier) = carrier {
            self.glyphs(&silent(run, font, carrier), x, y);
        }
    }
}

/// The run in letters without width, at both ends of each cluster, so that readers know how far it reaches.
fn silent(run: &Glyphs, font: usize, carrier: u16) -> Glyphs {
    let mut said = Glyphs {
        font,
        glyphs: Vec::new(),
        clusters: Vec::new(),
        read_as: run.read_as.clone(),
        source: None,
        origin: None,
        ..*run
    };
    for (number, cluster) in run.clusters.iter().enumerate() {
        let Some(first) = run.glyphs.get(cluster.first as usize) else {
            continue;
        };
        let next = run.clusters.get(number + 1);
        let end = next
            .and_then(|next| run.glyphs.get(next.first as usize))
            .map_or(run.extent.1, |next| next.x);
        let edge = Glyph {
            id: carrier,
            ..*first
        };
        push(&mut said, edge, end, &cluster.text);
    }
    said
}

/// A cluster of one letter at its beginning and one at its end.
fn push(said: &mut Glyphs, edge: Glyph, end: f32, text: &str) {
    let first = said.glyphs.len();
    said.glyphs.extend([edge, Glyph { x: end, ..edge }]);
    said.clusters.push(Cluster {
        first: u32::try_from(first).unwrap_or(u32::MAX),
        count: 2,
        text: text.into(),
    });
}
