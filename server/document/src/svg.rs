//! The preview: one page as SVG. Letters are outlines, so that the browser shows exactly what the PDF prints, with no font loaded.

use std::{collections::BTreeSet, fmt::Write as _, io::Cursor, sync::Arc};

use base64::Engine as _;
use skrifa::{
    FontRef, GlyphId, MetadataProvider,
    instance::{LocationRef, Size},
    outline::{DrawSettings, OutlinePen},
};

use crate::{
    display::{Display, Ground, Item, Picture, Pixels, Rgb, Shape, Stroke},
    path::Segment,
};

pub(crate) fn write(display: &Display, page: usize) -> Option<String> {
    let list = display.pages.get(page)?;
    let mut svg = String::with_capacity(64 * 1024);
    let (width, height) = (display.width, display.height);
    // Ids are unique even when several pages stand in one HTML page.
    let _ = write!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.2} {height:.2}" role="img" aria-label="{}">"#,
        escape(&format!("{} {}", display.title, page + 1))
    );
    let _ = write!(
        svg,
        r##"<rect width="{width:.2}" height="{height:.2}" fill="#ffffff"/>"##
    );
    let mut used: BTreeSet<(usize, u16)> = BTreeSet::new();
    let mut shown: BTreeSet<usize> = BTreeSet::new();
    let watermark = display.watermark.as_ref();
    let over = watermark.into_iter().flat_map(|own| &own.items);
    let under = match display.ground(page) {
        Some(Ground::Picture(placed)) => Some(placed),
        // Nothing here can draw a PDF of others: whoever shows the pages says that it is missing.
        Some(Ground::Sheet(..)) | None => None,
    };
    for placed in under.into_iter().chain(&list.items).chain(over) {
        match &placed.item {
            Item::Glyphs(run) => {
                used.extend(run.glyphs.iter().map(|glyph| (run.font, glyph.id)));
            }
            Item::Image { image, .. } => {
                shown.insert(*image);
            }
            Item::Rect { .. }
            | Item::Path { .. }
            | Item::Link { .. }
            | Item::Figure { .. }
            | Item::Value { .. } => {}
        }
    }
    svg.push_str("<defs>");
    // Once, however often it is shown: the bytes of one can be megabytes.
    for image in shown {
        if let Some(data) = display.pictures.get(image).and_then(data_url) {
            let _ = write!(
                svg,
                r#"<image id="p{page}i{image}" width="1" height="1" preserveAspectRatio="none" href="{data}"/>"#
            );
        }
    }
    for (font, glyph) in used {
        if display.pictograms.fonts.contains(&font) {
            pictogram(&mut svg, display, page, (font, glyph));
            continue;
        }
        let outline = outline(display, font, glyph);
        if !outline.is_empty() {
            let _ = write!(svg, r#"<path id="p{page}f{font}g{glyph}" d="{outline}"/>"#);
        }
    }
    svg.push_str("</defs>");
    for placed in under.into_iter().chain(&list.items) {
        item(&mut svg, display, page, placed.x, placed.y, &placed.item);
    }
    if let Some(own) = watermark {
        let (x, y) = (width / 2.0, height / 2.0);
        let _ = write!(
            svg,
            r#"<g opacity="{:.2}" transform="rotate({:.2} {x:.2} {y:.2})">"#,
            own.opacity,
            // No line lies at an angle of minus nothing.
            0.0 - own.angle,
        );
        for placed in &own.items {
            item(&mut svg, display, page, placed.x, placed.y, &placed.item);
        }
        svg.push_str("</g>");
    }
    svg.push_str("</svg>");
    Some(svg)
}

fn item(svg: &mut String, display: &Display, page: usize, x: f32, y: f32, item: &Item) {
    match item {
        Item::Glyphs(run) => {
            let scale = run.size / 1000.0;
            // Outlines count upwards.
            let up = if display.pictograms.fonts.contains(&run.font) {
                scale
            } else {
                -scale
            };
            let _ = write!(svg, r#"<g fill="{}">"#, hex(run.colour));
            for glyph in &run.glyphs {
                let _ = write!(
                    svg,
                    r##"<use href="#p{page}f{}g{}" transform="translate({:.2} {:.2}) scale({scale:.5} {up:.5})"/>"##,
                    run.font,
                    glyph.id,
                    x + glyph.x,
                    y + glyph.y,
                );
            }
            svg.push_str("</g>");
        }
        Item::Rect {
            width,
            height,
            fill,
        } => {
            let _ = write!(
                svg,
                r#"<rect x="{x:.2}" y="{y:.2}" width="{width:.2}" height="{height:.2}" fill="{}"/>"#,
                hex(*fill)
            );
        }
        Item::Path {
            segments,
            fill,
            stroke,
            ..
        } => shape(svg, &path(segments, x, y), *fill, *stroke, ""),
        Item::Image {
            image,
            width,
            height,
            ..
        } => {
            if let Some(picture) = display.pictures.get(*image)
                && let Pixels::Drawing(shapes) = &picture.pixels
            {
                return drawing(svg, picture, shapes, (x, y), (*width, *height));
            }
            let _ = write!(
                svg,
                r##"<use href="#p{page}i{image}" transform="translate({x:.2} {y:.2}) scale({width:.3} {height:.3})"/>"##
            );
        }
        Item::Figure { .. } | Item::Link { .. } | Item::Value { .. } => {}
    }
}

/// The picture of a glyph in thousandths of an em.
fn pictogram(svg: &mut String, display: &Display, page: usize, (font, glyph): (usize, u16)) {
    let Some(own) = display.pictograms.glyphs.get(&(font, glyph)) else {
        return;
    };
    let picture = display.pictures.get(own.image);
    if let Some(Pixels::Drawing(shapes)) = picture.map(|picture| &picture.pixels) {
        let (x, y) = (own.left * 1000.0, own.top * 1000.0);
        let _ = write!(
            svg,
            r#"<g id="p{page}f{font}g{glyph}" transform="translate({x:.0} {y:.0})">"#
        );
        for part in shapes.iter() {
            let outline = path(&part.segments, 0.0, 0.0);
            shape(svg, &outline, part.fill, part.stroke, "");
        }
        svg.push_str("</g>");
    } else if let Some(data) = picture.and_then(data_url) {
        let [x, y, width, height] =
            [own.left, own.top, own.width, own.height].map(|length| length * 1000.0);
        let _ = write!(
            svg,
            r#"<image id="p{page}f{font}g{glyph}" x="{x:.0}" y="{y:.0}" width="{width:.0}" height="{height:.0}" preserveAspectRatio="none" href="{data}"/>"#
        );
    }
}

/// Shapes in their own units, of which nothing is seen outside of their place.
fn drawing(
    svg: &mut String,
    picture: &Picture,
    shapes: &[Shape],
    (x, y): (f32, f32),
    (width, height): (f32, f32),
) {
    let _ = write!(
        svg,
        r#"<svg x="{x:.2}" y="{y:.2}" width="{width:.2}" height="{height:.2}" viewBox="0 0 {} {}" preserveAspectRatio="none">"#,
        picture.width, picture.height
    );
    for own in shapes {
        let rule = if own.even_odd {
            r#" fill-rule="evenodd""#
        } else {
            ""
        };
        shape(
            svg,
            &path(&own.segments, 0.0, 0.0),
            own.fill,
            own.stroke,
            rule,
        );
    }
    svg.push_str("</svg>");
}

fn shape(svg: &mut String, path: &str, fill: Option<Rgb>, stroke: Option<Stroke>, rule: &str) {
    let _ = write!(
        svg,
        r#"<path fill="{}"{rule}{} d="{path}"/>"#,
        fill.map_or_else(|| "none".into(), hex),
        stroke.map(outlined).unwrap_or_default(),
    );
}

fn outlined(stroke: Stroke) -> String {
    let mut attributes = format!(
        r#" stroke="{}" stroke-width="{:.2}""#,
        hex(stroke.colour),
        stroke.width
    );
    if let Some((dash, gap)) = stroke.dash {
        let _ = write!(attributes, r#" stroke-dasharray="{dash:.2} {gap:.2}""#);
    }
    if stroke.round {
        attributes.push_str(r#" stroke-linecap="round" stroke-linejoin="round""#);
    }
    attributes
}

fn path(segments: &[Segment], x: f32, y: f32) -> String {
    let mut d = String::new();
    for segment in segments {
        let _ = match segment {
            Segment::Move(a, b) => write!(d, "M{:.2} {:.2}", a + x, b + y),
            Segment::Line(a, b) => write!(d, "L{:.2} {:.2}", a + x, b + y),
            Segment::Curve([a, b, c, e, f, g]) => write!(
                d,
                "C{:.2} {:.2} {:.2} {:.2} {:.2} {:.2}",
                a + x,
                b + y,
                c + x,
                e + y,
                f + x,
                g + y
            ),
            Segment::Close => write!(d, "Z"),
        };
    }
    d
}

/// The glyph in thousandths of an em.
fn outline(display: &Display, font: usize, glyph: u16) -> String {
    struct Pen(String);
    impl OutlinePen for Pen {
        fn move_to(&mut self, x: f32, y: f32) {
            let _ = write!(self.0, "M{x:.0} {y:.0}");
        }
        fn line_to(&mut self, x: f32, y: f32) {
            let _ = write!(self.0, "L{x:.0} {y:.0}");
        }
        fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
            let _ = write!(self.0, "Q{cx:.0} {cy:.0} {x:.0} {y:.0}");
        }
        fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
            let _ = write!(self.0, "C{ax:.0} {ay:.0} {bx:.0} {by:.0} {x:.0} {y:.0}");
        }
        fn close(&mut self) {
            self.0.push('Z');
        }
    }
    let mut pen = Pen(String::new());
    if let Some(data) = display.fonts.get(font)
        && let Ok(font) = FontRef::from_index(data.data.data(), data.index)
        && let Some(outline) = font.outline_glyphs().get(GlyphId::from(glyph))
    {
        let _ = outline.draw(
            DrawSettings::unhinted(Size::new(1000.0), LocationRef::default()),
            &mut pen,
        );
    }
    pen.0
}

fn data_url(picture: &Picture) -> Option<String> {
    let (kind, bytes) = match &picture.pixels {
        Pixels::Drawing(_) => return None,
        Pixels::Jpeg { bytes, .. } => ("jpeg", bytes.clone()),
        Pixels::Rgba(pixels) => {
            let image = image::RgbaImage::from_raw(picture.width, picture.height, pixels.to_vec())?;
            let mut bytes = Cursor::new(Vec::new());
            image.write_to(&mut bytes, image::ImageFormat::Png).ok()?;
            ("png", Arc::new(bytes.into_inner()))
        }
    };
    let data = base64::engine::general_purpose::STANDARD.encode(bytes.as_slice());
    Some(format!("data:image/{kind};base64,{data}"))
}

fn hex(colour: Rgb) -> String {
    format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
