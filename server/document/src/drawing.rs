//! Pictures in SVG, as paths: the shapes, colours, lines and style sheets that logos and icons are made of. It runs no script and follows
//! no reference out of the file; what paths cannot say (texts, pictures within, masks, filters, patterns) is left out, and gradients and
//! transparency are drawn in one colour each, all of which is told.

mod look;
mod shape;
mod sheet;

use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
    sync::Arc,
};

use roxmltree::{Document, Node, ParsingOptions};
use svgtypes::{Transform, ViewBox};

use crate::{
    display::{Picture, Pixels, Shape},
    picture::PictureError,
};

use look::{Ink, Look};
use sheet::Sheet;

/// Bytes of a file.
const MAX_BYTES: usize = 2 * 1024 * 1024;
/// Elements that are drawn, each time that they are.
const MAX_ELEMENTS: usize = 5_000;
/// Nodes of a file, texts and blanks between elements among them.
const MAX_NODES: u32 = 100_000;
const MAX_DEPTH: usize = 64;
/// Colours of one gradient, and properties in an element's own style.
const MAX_PARTS: usize = 100;
const MAX_SEGMENTS: usize = 50_000;
/// Attributes of one element: the XML reader compares each one with all others.
const MAX_ATTRIBUTES: usize = 500;
/// Bytes up to the last entity, and how often a file may name one: what they make of it is bounded by their product.
const MAX_ENTITIES: usize = 8 * 1024;
const MAX_NAMED: usize = 2_000;
/// Bytes of attributes that are looked at, each time that they are.
const MAX_LOOKED_AT: usize = 20_000_000;
/// Links from one gradient to another.
const MAX_LINKS: usize = 8;

/// The longest side in the units of the drawing's segments.
const LONGEST: f64 = 3_000.0;

const SVG: &str = "http://www.w3.org/2000/svg";
const XLINK: &str = "http://www.w3.org/1999/xlink";

/// A picture made of shapes, and what of the file was drawn more simply or left out.
#[derive(Debug)]
pub(crate) struct Drawing {
    pub(crate) picture: Picture,
    pub(crate) simplified: Vec<&'static str>,
}

/// Whether a file looks like SVG.
pub(crate) fn is_svg(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(4_096)];
    let text = String::from_utf8_lossy(head);
    text.trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with('<')
        && text.contains("<svg")
}

/// Asks `stopped` at each of its parts.
pub(crate) fn read(bytes: &[u8], stopped: &dyn Fn() -> bool) -> Result<Drawing, PictureError> {
    if bytes.len() > MAX_BYTES {
        return Err(PictureError::Complex);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| PictureError::Unreadable)?;
    if is_bomb(text) {
        return Err(PictureError::Complex);
    }
    let options = ParsingOptions {
        // Older programs write one. No entity comes from outside.
        allow_dtd: true,
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::NodesLimitReached | roxmltree::Error::EntityReferenceLoop(_) => {
            PictureError::Complex
        }
        _ => PictureError::Unreadable,
    })?;
    let root = document.root_element();
    if name(root) != Some("svg") {
        return Err(PictureError::Unreadable);
    }
    let area = area(root).ok_or(PictureError::Unreadable)?;
    let scale = LONGEST / area.w.max(area.h);
    let mut reader = Reader::new(&document, (area.w, area.h), stopped)?;
    let place = Transform::new(scale, 0.0, 0.0, scale, -area.x * scale, -area.y * scale);
    let look = reader.look(root, &Look::default());
    reader.children(root, &look, place, 0)?;
    if reader.shapes.is_empty() {
        return Err(PictureError::Unreadable);
    }
    Ok(Drawing {
        picture: Picture {
            width: pixels(area.w * scale),
            height: pixels(area.h * scale),
            pixels: Pixels::Drawing(Arc::new(reader.shapes)),
        },
        simplified: reader.simplified.into_iter().collect(),
    })
}

/// Whether reading a file costs more than its length.
fn is_bomb(text: &str) -> bool {
    if let Some(last) = text.rfind("<!ENTITY") {
        let named = text.bytes().filter(|byte| *byte == b'&').count();
        let end = text[last..].find('>').map(|length| last + length);
        if named > MAX_NAMED || end.is_none_or(|end| end > MAX_ENTITIES) {
            return true;
        }
    }
    // No tag begins within one, and every attribute has its sign.
    text.split('<').any(|tag| {
        let attributes = tag.bytes().filter(|byte| *byte == b'=').count();
        attributes > MAX_ATTRIBUTES
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 1 to the longest side"
)]
fn pixels(length: f64) -> u32 {
    length.round().clamp(1.0, LONGEST) as u32
}

/// What of its plane a drawing shows.
fn area(root: Node<'_, '_>) -> Option<ViewBox> {
    let told = root
        .attribute("viewBox")
        .and_then(|text| text.parse::<ViewBox>().ok());
    let length = |key: &str| shape::length(root.attribute(key)?, 0.0);
    let area =
        told.or_else(|| Some(ViewBox::new(0.0, 0.0, length("width")?, length("height")?)))?;
    let fits = |side: f64| (1e-3..=1e6).contains(&side);
    let flat = (area.w / area.h).max(area.h / area.w) > 1_000.0;
    (fits(area.w) && fits(area.h) && !flat && area.x.abs() <= 1e6 && area.y.abs() <= 1e6)
        .then_some(area)
}

/// The name of an element of SVG, or of a file that names no language.
fn name<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    let tag = node.tag_name();
    let own = node.is_element() && matches!(tag.namespace(), None | Some(SVG));
    own.then(|| tag.name())
}

/// The element within the file that a link leads to.
fn target(link: &str) -> Option<&str> {
    link.trim().strip_prefix('#')
}

struct Reader<'a, 'input> {
    ids: HashMap<&'a str, Node<'a, 'input>>,
    sheet: Rc<Sheet>,
    /// Width and height that shares are of.
    size: (f64, f64),
    shapes: Vec<Shape>,
    segments: usize,
    elements: usize,
    looked_at: usize,
    simplified: BTreeSet<&'static str>,
    stopped: &'a dyn Fn() -> bool,
}

impl<'a, 'input> Reader<'a, 'input> {
    fn new(
        document: &'a Document<'input>,
        size: (f64, f64),
        stopped: &'a dyn Fn() -> bool,
    ) -> Result<Self, PictureError> {
        let mut ids = HashMap::new();
        let mut sheet = Sheet::default();
        let mut simplified = BTreeSet::new();
        for node in document.descendants() {
            if let Some(id) = node.attribute("id") {
                ids.entry(id).or_insert(node);
            }
            if name(node) == Some("style") {
                for text in node.children().filter_map(|child| child.text()) {
                    sheet.add(text)?;
                }
            }
        }
        if sheet.is_partial {
            simplified.insert("styles");
        }
        Ok(Self {
            ids,
            sheet: Rc::new(sheet),
            size,
            shapes: Vec::new(),
            segments: 0,
            elements: 0,
            looked_at: 0,
            simplified,
            stopped,
        })
    }

    fn children(
        &mut self,
        node: Node<'a, 'input>,
        look: &Look,
        place: Transform,
        depth: usize,
    ) -> Result<(), PictureError> {
        for child in node.children() {
            self.element(child, look, place, depth + 1)?;
        }
        Ok(())
    }

    fn element(
        &mut self,
        node: Node<'a, 'input>,
        outer: &Look,
        outer_place: Transform,
        depth: usize,
    ) -> Result<(), PictureError> {
        self.spend(node)?;
        let Some(name) = name(node) else {
            return Ok(());
        };
        self.elements += 1;
        if self.elements > MAX_ELEMENTS || depth > MAX_DEPTH {
            return Err(PictureError::Complex);
        }
        match name {
            "g" | "a" | "svg" | "switch" | "use" | "path" | "rect" | "circle" | "ellipse"
            | "line" | "polyline" | "polygon" => {}
            "text" => {
                self.simplified.insert("texts");
                return Ok(());
            }
            "image" | "foreignObject" => {
                self.simplified.insert("pictures");
                return Ok(());
            }
            // Definitions, descriptions, scripts.
            _ => return Ok(()),
        }
        let look = self.look(node, outer);
        if look.hidden {
            return Ok(());
        }
        let own = node
            .attribute("transform")
            .and_then(|text| text.parse::<Transform>().ok());
        let place = own.map_or(outer_place, |own| shape::within(outer_place, own));
        let moved = |x: &str, y: &str| {
            let at = |key: &str, of: f64| {
                let text = node.attribute(key);
                text.and_then(|text| shape::length(text, of)).unwrap_or(0.0)
            };
            let (x, y) = (at(x, self.size.0), at(y, self.size.1));
            shape::within(place, Transform::new(1.0, 0.0, 0.0, 1.0, x, y))
        };
        match name {
            "g" | "a" | "switch" => self.children(node, &look, place, depth),
            "svg" => {
                let place = moved("x", "y");
                self.children(node, &look, place, depth)
            }
            "use" => {
                let place = moved("x", "y");
                let link = node
                    .attribute("href")
                    .or_else(|| node.attribute((XLINK, "href")));
                let Some(used) = link
                    .and_then(target)
                    .and_then(|id| self.ids.get(id).copied())
                else {
                    return Ok(());
                };
                if self::name(used) == Some("symbol") {
                    let look = self.look(used, &look);
                    self.children(used, &look, place, depth)
                } else {
                    self.element(used, &look, place, depth + 1)
                }
            }
            _ => self.draw(node, name, &look, place),
        }
    }

    /// Counts what is looked at: a part that is reused may be long.
    fn spend(&mut self, node: Node<'a, 'input>) -> Result<(), PictureError> {
        let attributes = node.attributes();
        self.looked_at += 8 + attributes
            .map(|attribute| 8 + attribute.value().len())
            .sum::<usize>();
        if self.looked_at > MAX_LOOKED_AT {
            return Err(PictureError::Complex);
        }
        if (self.stopped)() {
            return Err(PictureError::Stopped);
        }
        Ok(())
    }

    fn draw(
        &mut self,
        node: Node<'a, 'input>,
        name: &str,
        look: &Look,
        place: Transform,
    ) -> Result<(), PictureError> {
        let fill = look.fill_colour();
        let stroke = look.stroke(shape::growth(place));
        if fill.is_none() && stroke.is_none() {
            return Ok(());
        }
        let left = MAX_SEGMENTS - self.segments;
        let segments = shape::segments(node, name, self.size, place, left)?;
        self.segments += segments.len();
        if !segments.is_empty() {
            self.shapes.push(Shape {
                segments,
                fill,
                even_odd: look.even_odd,
                stroke,
            });
        }
        Ok(())
    }

    /// How an element looks within another.
    fn look(&mut self, node: Node<'a, 'input>, outer: &Look) -> Look {
        let mut look = outer.around();
        let sheet = Rc::clone(&self.sheet);
        for (property, value) in declarations(&sheet, node) {
            match property {
                "fill" => {
                    if let Some(ink) = self.ink(value) {
                        look.fill = ink;
                    }
                }
                "stroke" => {
                    if let Some(ink) = self.ink(value) {
                        look.stroke = ink;
                    }
                }
                "clip-path" | "mask" | "filter" if value != "none" => {
                    self.simplified.insert("masks");
                }
                _ => look.set(property, value, self.size),
            }
        }
        if look.is_transparent() {
            self.simplified.insert("transparency");
        }
        if look.has_long_dashes {
            self.simplified.insert("dashes");
        }
        look
    }

    fn ink(&mut self, value: &str) -> Option<Ink> {
        match svgtypes::Paint::from_str(value).ok()? {
            svgtypes::Paint::None => Some(Ink::None),
            svgtypes::Paint::CurrentColor => Some(Ink::Current),
            svgtypes::Paint::Color(colour) => Some(Ink::Colour(colour)),
            svgtypes::Paint::FuncIRI(id, _) => {
                let painted = self.ids.get(id).copied();
                match painted.and_then(|node| Some((node, name(node)?))) {
                    Some((node, "linearGradient" | "radialGradient")) => {
                        self.simplified.insert("gradients");
                        Some(self.mean(node).map_or(Ink::None, Ink::Colour))
                    }
                    Some((_, "pattern")) => {
                        self.simplified.insert("patterns");
                        Some(Ink::None)
                    }
                    _ => Some(Ink::None),
                }
            }
            svgtypes::Paint::Inherit
            | svgtypes::Paint::ContextFill
            | svgtypes::Paint::ContextStroke => None,
        }
    }

    /// The mean of a gradient's colours.
    fn mean(&mut self, gradient: Node<'a, 'input>) -> Option<svgtypes::Color> {
        let mut node = gradient;
        for _ in 0..MAX_LINKS {
            let stops: Vec<svgtypes::Color> = node
                .children()
                .filter(|child| name(*child) == Some("stop"))
                .take(MAX_PARTS)
                .map(|stop| {
                    let mut look = Look::default();
                    for (property, value) in declarations(&self.sheet, stop) {
                        look.set(property, value, self.size);
                    }
                    look.stop()
                })
                .collect();
            // They are found again for each element that is painted with them.
            self.elements += stops.len();
            if !stops.is_empty() {
                return Some(look::mean(&stops));
            }
            let link = node
                .attribute("href")
                .or_else(|| node.attribute((XLINK, "href")))?;
            node = *self.ids.get(target(link)?)?;
        }
        None
    }
}

/// Properties in the order in which later ones win: attributes, the style sheet, the element's own style.
fn declarations<'s>(
    sheet: &'s Sheet,
    node: Node<'s, 's>,
) -> impl Iterator<Item = (&'s str, &'s str)> + 's {
    let own = node.attribute("style").unwrap_or_default();
    node.attributes()
        .filter(|attribute| attribute.namespace().is_none())
        .map(|attribute| (attribute.name(), attribute.value()))
        .chain(sheet.of(node))
        .chain(sheet::declarations(own).take(MAX_PARTS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{display::Rgb, path::Segment};

    fn svg(inside: &str) -> Result<Drawing, PictureError> {
        let text = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 300 150">{inside}</svg>"#
        );
        assert!(is_svg(text.as_bytes()));
        read(text.as_bytes(), &|| false)
    }

    fn shapes(inside: &str) -> Vec<Shape> {
        let drawing = svg(inside).expect("a drawing");
        assert_eq!(drawing.simplified, [] as [&str; 0], "{inside}");
        let Pixels::Drawing(shapes) = drawing.picture.pixels else {
            panic!("a drawing");
        };
        shapes.to_vec()
    }

    #[test]
    fn a_drawing_is_as_large_as_what_it_shows() {
        let picture = svg(r#"<rect width="1" height="1"/>"#)
            .expect("a drawing")
            .picture;
        assert_eq!((picture.width, picture.height), (3_000, 1_500));
        let plain = r#"<?xml version="1.0"?><!DOCTYPE svg PUBLIC "a" "http://example.com/a.dtd"><svg width="2cm" height="4cm"><path d="M0 0H9V9z"/></svg>"#;
        let picture = read(plain.as_bytes(), &|| false)
            .expect("a drawing")
            .picture;
        assert_eq!((picture.width, picture.height), (1_500, 3_000));
    }

    #[test]
    fn shapes_are_paths_in_the_units_of_the_picture() {
        use Segment::{Close, Line, Move};
        let rect = r##"<rect width="20" height="10" fill="#0a0b0c"/>"##;
        let found = shapes(&format!(r#"<g transform="translate(10 5)">{rect}</g>"#));
        let [shape] = found.as_slice() else {
            panic!("one shape");
        };
        assert_eq!(shape.fill, Some(Rgb(10, 11, 12)));
        assert_eq!(
            shape.segments,
            [
                Move(100.0, 50.0),
                Line(300.0, 50.0),
                Line(300.0, 150.0),
                Line(100.0, 150.0),
                Close
            ]
        );
    }

    #[test]
    fn looks_are_inherited_and_style_sheets_obeyed() {
        let found = shapes(
            r##"<style>.a{fill:red;stroke:#00f;stroke-width:2} path.b { fill: none }</style>
            <defs><path id="p" d="M0 0H9V9z"/></defs>
            <g fill="lime" color="navy">
              <path d="M0 0H9V9z"/>
              <path class="a" d="M0 0H9V9z" style="fill-rule:evenodd"/>
              <path class="a b" d="M0 0H9V9z"/>
              <use xlink:href="#p" fill="currentColor"/>
              <path d="M0 0H9V9z" display="none"/>
            </g>"##,
        );
        let fills: Vec<Option<Rgb>> = found.iter().map(|shape| shape.fill).collect();
        assert_eq!(
            fills,
            [
                Some(Rgb(0, 255, 0)),
                Some(Rgb(255, 0, 0)),
                None,
                Some(Rgb(0, 0, 128))
            ]
        );
        assert!(found[1].even_odd && !found[0].even_odd);
        let stroke = found[1].stroke.expect("a line");
        assert_eq!(
            (stroke.colour, stroke.width.round()),
            (Rgb(0, 0, 255), 20.0)
        );
    }

    #[test]
    fn what_paths_cannot_say_is_told() {
        let check = |inside: &str, expected: &[&str]| {
            let inside = format!(r#"<rect width="9" height="9"/>{inside}"#);
            assert_eq!(svg(&inside).expect("a drawing").simplified, expected);
        };
        check("<script>alert(1)</script><title>A</title>", &[]);
        check("<text>Hello</text>", &["texts"]);
        check("<style>g path{fill:red}</style>", &["styles"]);
        check(r#"<image href="file:///etc/passwd"/>"#, &["pictures"]);
        check(
            r#"<rect width="9" height="9" opacity=".5"/>"#,
            &["transparency"],
        );
        check(
            r##"<linearGradient id="g"><stop stop-color="#fff"/><stop offset="1"/></linearGradient><rect width="9" height="9" fill="url(#g)"/>"##,
            &["gradients"],
        );
        check(
            r#"<pattern id="p"/><circle r="9" fill="url(#p)"/><g mask="url(#m)"/>"#,
            &["masks", "patterns"],
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_stands_in_a_drawing_nothing_panics(
            path in "[MmLlHhVvCcSsQqTtAaZz0-9 ,.eE+-]{0,80}",
            style in "[a-z:;#(){}0-9. %-]{0,80}",
            sheet in "[a-z.#*,:;{}@/0-9 ]{0,120}",
            place in "(matrix|rotate|skewX|scale)\\([0-9 ,.eE-]{0,40}\\)",
        ) {
            let drawing = svg(&format!(
                r#"<style>{sheet}</style><g transform="{place}"><path class="a" d="{path}" style="{style}"/></g><polygon points="{path}"/>"#
            ));
            if let Ok(Drawing { picture: Picture { pixels: Pixels::Drawing(shapes), .. }, .. }) = drawing {
                for segment in shapes.iter().flat_map(|shape| &shape.segments) {
                    let numbers = match *segment {
                        Segment::Move(x, y) | Segment::Line(x, y) => vec![x, y],
                        Segment::Curve(numbers) => numbers.to_vec(),
                        Segment::Close => Vec::new(),
                    };
                    prop_assert!(numbers.iter().all(|number| number.abs() <= 100_000.0));
                }
            }
        }
    }

    #[test]
    fn a_drawing_ends_when_it_is_stopped() {
        let drawing = r#"<svg viewBox="0 0 9 9"><path d="M0 0H9V9z"/></svg>"#;
        let outcome = read(drawing.as_bytes(), &|| true).map(|_| ());
        assert_eq!(outcome, Err(PictureError::Stopped));
    }

    #[test]
    fn a_hostile_drawing_is_refused() {
        let check = |inside: &str, expected| {
            assert_eq!(svg(inside).map(|_| ()), Err(expected), "{inside:.80}");
        };
        // Ten of ten of ten … of one shape.
        let mut laughs = r#"<rect id="l0" width="1" height="1"/>"#.to_owned();
        for level in 1..12 {
            let uses = format!(r##"<use href="#l{}"/>"##, level - 1).repeat(10);
            laughs.push_str(&format!(r#"<g id="l{level}">{uses}</g>"#));
        }
        check(&laughs, PictureError::Complex);
        check(r##"<g id="a"><use href="#a"/></g>"##, PictureError::Complex);
        let deep = "<g>".repeat(500) + &"</g>".repeat(500);
        check(&deep, PictureError::Complex);
        let long = format!(r#"<path d="M0 0{}"/>"#, "L1 1".repeat(60_000));
        check(&long, PictureError::Complex);
        check("", PictureError::Unreadable);
        check("<rect", PictureError::Unreadable);
        // Numbers that are none, or far away, draw nothing.
        for arc in [
            "M0 0A1e300 1e300 0 0 1 9 9",
            "M0 0A1e-4 1e-4 0 0 1 1e-200 0",
            "M1e200 0A9 9 0 0 1 9 9",
        ] {
            check(&format!(r#"<path d="{arc}"/>"#), PictureError::Unreadable);
        }
        check(
            r#"<path d="M1e300 1e300L1e308 1"/>"#,
            PictureError::Unreadable,
        );
        check(
            r#"<circle r="-1"/><rect width="NaN" height="1"/>"#,
            PictureError::Unreadable,
        );
        let entities = r#"<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]><svg viewBox="0 0 9 9"><title>&d;</title></svg>"#;
        assert!(read(entities.as_bytes(), &|| false).is_err());
        // One long entity that is named again and again.
        let named = "&a;".repeat(2_001);
        let long = "a".repeat(4_000);
        let blown = format!(
            r#"<!DOCTYPE svg [<!ENTITY a "{long}">]><svg viewBox="0 0 9 9"><title>{named}</title></svg>"#
        );
        assert_eq!(
            read(blown.as_bytes(), &|| false).map(|_| ()),
            Err(PictureError::Complex)
        );
        let attributes: String = (0..600).map(|number| format!(" a{number}=''")).collect();
        check(&format!("<g{attributes}/>"), PictureError::Complex);
        // A long part that is reused.
        let blanks = " ".repeat(100_000);
        let reused = r##"<use href="#b"/>"##.repeat(1_000);
        check(
            &format!(r#"<path id="b" d="M0 0H9{blanks}"/>{reused}"#),
            PictureError::Complex,
        );
        let outside = r#"<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg viewBox="0 0 9 9"><title>&a;</title><path d="M0 0H9V9z"/></svg>"#;
        assert!(read(outside.as_bytes(), &|| false).is_err());
        for area in ["0 0 0 0", "0 0 -1 5", "0 0 1 1e9", "0 0 1e5 1", "x"] {
            let text = format!(r#"<svg viewBox="{area}"><path d="M0 0H9V9z"/></svg>"#);
            assert!(read(text.as_bytes(), &|| false).is_err(), "{area}");
        }
    }
}
