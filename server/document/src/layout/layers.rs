//! Letters of coloured layers (COLR and CPAL of OpenType) as drawings: each layer is an outline in one colour. Gradients become the mean
//! of their colours, transparency what it is on white paper, and what is blended in other ways is left out.

use std::sync::Arc;

use skrifa::{
    FontRef, GlyphId, MetadataProvider, OutlineGlyphCollection,
    color::{Brush, Color, ColorPainter, CompositeMode, Transform},
    instance::{LocationRef, Size},
    outline::{DrawSettings, OutlinePen},
    raw::types::BoundingBox,
};

use crate::{
    display::{Pictogram, Picture, Pixels, Rgb, Shape},
    path::Segment,
};

/// Units of the drawing in an em.
const EM: f32 = 1000.0;
const MAX_SEGMENTS: usize = 50_000;
/// Stands for the colour of the text.
const FOREGROUND: u16 = 0xffff;

/// A glyph's layers, or its outline in black where it has none, with the place of the drawing; `None` where there is nothing to draw.
pub(super) fn drawing(font: &FontRef<'_>, glyph: GlyphId) -> Option<(Picture, Pictogram)> {
    let units = font
        .metrics(Size::unscaled(), LocationRef::default())
        .units_per_em;
    let scale = EM / f32::from(units.max(1));
    let colours = font
        .color_palettes()
        .get(0)
        .map(|palette| palette.colors().to_vec());
    let mut painter = Painter {
        outlines: font.outline_glyphs(),
        colours: colours.unwrap_or_default(),
        // The page counts downwards.
        places: vec![Transform {
            xx: scale,
            yy: -scale,
            ..Transform::default()
        }],
        clips: Vec::new(),
        blended: Vec::new(),
        shapes: Vec::new(),
        segments: 0,
    };
    match font.color_glyphs().get(glyph) {
        Some(layers) => layers.paint(LocationRef::default(), &mut painter).ok()?,
        None => {
            let brush = Brush::Solid {
                palette_index: FOREGROUND,
                alpha: 1.0,
            };
            painter.fill_glyph(glyph, None, brush);
        }
    }
    placed(painter.shapes)
}

/// The shapes as a picture that is as large as they are.
fn placed(mut shapes: Vec<Shape>) -> Option<(Picture, Pictogram)> {
    let (mut left, mut top) = (f32::MAX, f32::MAX);
    let (mut right, mut bottom) = (f32::MIN, f32::MIN);
    for segment in shapes.iter().flat_map(|shape| &shape.segments) {
        let mut reach = |x: f32, y: f32| {
            (left, top) = (left.min(x), top.min(y));
            (right, bottom) = (right.max(x), bottom.max(y));
        };
        match *segment {
            Segment::Move(x, y) | Segment::Line(x, y) => reach(x, y),
            Segment::Curve([a, b, c, d, e, f]) => {
                reach(a, b);
                reach(c, d);
                reach(e, f);
            }
            Segment::Close => {}
        }
    }
    let (width, height) = (side(right - left)?, side(bottom - top)?);
    for segment in shapes.iter_mut().flat_map(|shape| &mut shape.segments) {
        *segment = match *segment {
            Segment::Move(x, y) => Segment::Move(x - left, y - top),
            Segment::Line(x, y) => Segment::Line(x - left, y - top),
            Segment::Curve([a, b, c, d, e, f]) => {
                Segment::Curve([a - left, b - top, c - left, d - top, e - left, f - top])
            }
            Segment::Close => Segment::Close,
        };
    }
    let place = Pictogram {
        image: 0,
        left: left / EM,
        top: top / EM,
        width: width as f32 / EM,
        height: height as f32 / EM,
    };
    let picture = Picture {
        width,
        height,
        pixels: Pixels::Drawing(Arc::new(shapes)),
    };
    Some((picture, place))
}

/// In whole units; `None` for what is no letter.
fn side(length: f32) -> Option<u32> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 1 to some ems"
    )]
    (0.0..=8.0 * EM)
        .contains(&length)
        .then(|| length.ceil().max(1.0) as u32)
}

struct Painter<'a> {
    outlines: OutlineGlyphCollection<'a>,
    /// Of the first palette.
    colours: Vec<Color>,
    /// The last one holds all before it.
    places: Vec<Transform>,
    /// Outlines with their places; `None` is a rectangle, which says no more than that nothing reaches beyond it.
    clips: Vec<Option<(GlyphId, Transform)>>,
    /// Layers, and which of them are not simply laid over the others.
    blended: Vec<bool>,
    shapes: Vec<Shape>,
    segments: usize,
}

impl Painter<'_> {
    fn place(&self) -> Transform {
        self.places.last().copied().unwrap_or_default()
    }

    fn colour(&self, brush: &Brush<'_>) -> Option<Rgb> {
        let one = |index: u16, alpha: f32| -> [f32; 4] {
            let own = self.colours.get(usize::from(index));
            let own = own.filter(|_| index != FOREGROUND);
            own.map_or([0.0, 0.0, 0.0, alpha], |own| {
                let [red, green, blue] = [own.red, own.green, own.blue].map(f32::from);
                [red, green, blue, f32::from(own.alpha) / 255.0 * alpha]
            })
        };
        let stops: Vec<[f32; 4]> = match brush {
            Brush::Solid {
                palette_index,
                alpha,
            } => vec![one(*palette_index, *alpha)],
            Brush::LinearGradient { color_stops, .. }
            | Brush::RadialGradient { color_stops, .. }
            | Brush::SweepGradient { color_stops, .. } => color_stops
                .iter()
                .map(|stop| one(stop.palette_index, stop.alpha))
                .collect(),
        };
        let count = stops.len() as f32;
        let mean = |part: usize| stops.iter().map(|stop| stop[part]).sum::<f32>() / count;
        let alpha = mean(3).clamp(0.0, 1.0);
        let on_white = |part: usize| byte(mean(part) * alpha + 255.0 * (1.0 - alpha));
        (!stops.is_empty() && alpha > 0.0).then(|| Rgb(on_white(0), on_white(1), on_white(2)))
    }
}

impl ColorPainter for Painter<'_> {
    fn push_transform(&mut self, transform: Transform) {
        self.places.push(within(self.place(), transform));
    }

    fn pop_transform(&mut self) {
        self.places.pop();
    }

    fn push_clip_glyph(&mut self, glyph: GlyphId) {
        self.clips.push(Some((glyph, self.place())));
    }

    fn push_clip_box(&mut self, _clip_box: BoundingBox<f32>) {
        self.clips.push(None);
    }

    fn pop_clip(&mut self) {
        self.clips.pop();
    }

    fn fill(&mut self, brush: Brush<'_>) {
        if self.blended.contains(&true) {
            return;
        }
        let Some(Some((glyph, place))) = self.clips.last().copied() else {
            return;
        };
        let (Some(outline), Some(colour)) = (self.outlines.get(glyph), self.colour(&brush)) else {
            return;
        };
        let mut pen = Pen {
            place,
            segments: Vec::new(),
            at: (0.0, 0.0),
        };
        let settings = DrawSettings::unhinted(Size::unscaled(), LocationRef::default());
        let drawn = outline.draw(settings, &mut pen);
        self.segments += pen.segments.len();
        if drawn.is_ok() && !pen.segments.is_empty() && self.segments <= MAX_SEGMENTS {
            self.shapes.push(Shape {
                segments: pen.segments,
                fill: Some(colour),
                even_odd: false,
                stroke: None,
            });
        }
    }

    fn push_layer(&mut self, mode: CompositeMode) {
        self.blended.push(mode != CompositeMode::SrcOver);
    }

    fn pop_layer(&mut self) {
        self.blended.pop();
    }
}

struct Pen {
    place: Transform,
    segments: Vec<Segment>,
    /// Where it is in the font's own units.
    at: (f32, f32),
}

impl Pen {
    fn point(&self, x: f32, y: f32) -> (f32, f32) {
        let place = &self.place;
        (
            place.xx * x + place.xy * y + place.dx,
            place.yx * x + place.yy * y + place.dy,
        )
    }
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.at = (x, y);
        let (x, y) = self.point(x, y);
        self.segments.push(Segment::Move(x, y));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.at = (x, y);
        let (x, y) = self.point(x, y);
        self.segments.push(Segment::Line(x, y));
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        let third = |from: f32, to: f32| from + 2.0 / 3.0 * (to - from);
        let (fx, fy) = self.at;
        self.curve_to(
            third(fx, cx),
            third(fy, cy),
            third(x, cx),
            third(y, cy),
            x,
            y,
        );
    }

    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        self.at = (x, y);
        let (first, second, end) = (self.point(ax, ay), self.point(bx, by), self.point(x, y));
        self.segments.push(Segment::Curve([
            first.0, first.1, second.0, second.1, end.0, end.1,
        ]));
    }

    fn close(&mut self) {
        self.segments.push(Segment::Close);
    }
}

/// The place of something that is placed within something else.
fn within(outer: Transform, own: Transform) -> Transform {
    Transform {
        xx: outer.xx * own.xx + outer.xy * own.yx,
        yx: outer.yx * own.xx + outer.yy * own.yx,
        xy: outer.xx * own.xy + outer.xy * own.yy,
        yy: outer.yx * own.xy + outer.yy * own.yy,
        dx: outer.xx * own.dx + outer.xy * own.dy + outer.dx,
        dy: outer.yx * own.dx + outer.yy * own.dy + outer.dy,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a byte"
)]
fn byte(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}
