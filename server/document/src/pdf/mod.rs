//! The PDF: the display list as printpdf operations with fonts cut to the glyphs in use, the pages' bytes from these, then tags, metadata and
//! links on the object level. The same display list gives the same bytes: every id, name and date comes from it.

mod attachments;
mod binder;
mod conformance;
mod content;
mod deflate;
mod document;
mod embedded;
mod enclosed;
mod encryption;
mod fonts;
mod foreign;
mod metadata;
mod outline;
mod path;
mod pictograms;
mod picture;
mod save;
mod structure;
mod syntax;
mod watermark;

use std::collections::BTreeMap;

use lopdf::{Dictionary, Document, Stream};
use printpdf::{
    Actions, BorderArray, Codepoint, Color, DictItem, FontId, LinkAnnotation, Op, PaintMode,
    PdfDocument, PdfFontHandle, PdfPage, PdfSaveOptions, Pt, Rect, Rgb as PdfRgb, TextItem,
    TextMatrix, TextRenderingMode, WindingOrder, XObjectId, XObjectTransform,
};

use crate::{
    context::DocumentError,
    display::{Display, Glyph, Glyphs, Ground, Item, Pixels, Placed, Rgb, Stroke, TagId},
    extras::Inserts,
};
pub use attachments::{Attachment, HybridInvoice, Relationship};
pub(crate) use attachments::{media_type, name_beside};
pub use binder::Binder;
pub(crate) use conformance::notes;
pub use embedded::{EmbeddedInvoice, NoInvoice, embedded_invoice};
pub(crate) use encryption::prepared;
pub use foreign::Unbindable;
pub(crate) use foreign::{check_pages, is_pdf};

use deflate::Deflate;
use document::Finish;
use enclosed::Enclosed;
pub(crate) use fonts::can_embed;
use fonts::{Face, faces};
use structure::Structure;

/// Error in words; a defect, because every value was checked before.
pub(crate) type Result<T, E = String> = std::result::Result<T, E>;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The caller's deadline or a stop.
    #[error("it was stopped")]
    Stopped,
    #[error("{0}")]
    Defect(String),
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Defect(reason)
    }
}

/// The file. What the caller attaches goes along with what the template does. Asks `stopped` for each page, font and stream.
pub(crate) fn write(
    display: &Display,
    inserts: &Inserts,
    attachments: &[Attachment],
    stopped: &dyn Fn() -> bool,
) -> Result<Vec<u8>, DocumentError> {
    let attachments: Vec<&Attachment> = attachments.iter().chain(&inserts.attachments).collect();
    attachments::check(&attachments)?;
    conformance::check(inserts, &attachments)?;
    let enclosed = Enclosed::read(inserts)?;
    written(display, inserts, enclosed, &attachments, stopped).map_err(|failure| match failure {
        Failure::Stopped => DocumentError::Stopped,
        Failure::Defect(reason) => DocumentError::Internal(reason),
    })
}

fn written(
    display: &Display,
    inserts: &Inserts,
    enclosed: Enclosed<'_>,
    attachments: &[&Attachment],
    stopped: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Failure> {
    let faces = faces(display, stopped)?;
    let mut pdf = PdfDocument::new(&display.title);
    for (index, face) in &faces {
        pdf.resources.fonts.map.insert(
            FontId(format!("T{index}")),
            printpdf::PdfFont::new(face.parsed.clone()),
        );
    }
    let mut deflate = Deflate::new();
    for (index, picture) in display.pictures.iter().enumerate() {
        go_on(stopped)?;
        if let Some(image) = picture::object(picture, &mut deflate)? {
            let id = XObjectId(format!("I{index}"));
            pdf.resources.xobjects.map.insert(id, image);
        }
    }
    let headings = outline::headings(display);
    let mut structure = Structure::new(display, &headings);
    let mut contents: Vec<Option<Stream>> = Vec::with_capacity(display.pages.len());
    for page in 0..display.pages.len() {
        go_on(stopped)?;
        let mut ops = Page::draw(display, &faces, &mut structure, page);
        let content = content::encode(&ops, &pdf.resources.xobjects.map);
        if content.is_some() {
            ops.retain(|op| matches!(op, Op::LinkAnnotation { .. }));
            if contents.iter().all(Option::is_none) {
                // Of what it does not write itself, printpdf knows of no letters.
                ops.extend(all_letters(&faces));
            }
        }
        let content = content.map(|content| packed(content, &mut deflate));
        contents.push(content.transpose()?);
        let mut pdf_page = PdfPage::new(Pt(display.width).into(), Pt(display.height).into(), ops);
        let media = Rect {
            x: Pt(0.0),
            y: Pt(0.0),
            width: Pt(display.width),
            height: Pt(display.height),
            mode: None,
            winding_order: None,
        };
        pdf_page.media_box = media.clone();
        pdf_page.trim_box = media.clone();
        pdf_page.crop_box = media;
        pdf.pages.push(pdf_page);
    }
    let options = PdfSaveOptions {
        optimize: false,
        subset_fonts: false,
        secure: true,
        image_optimization: None,
    };
    let mut warnings = Vec::new();
    let mut document = pdf.to_lopdf_document(&options, &mut warnings);
    // Pictures were copied.
    drop(pdf);
    set_contents(&mut document, contents).map_err(|error| error.to_string())?;
    let finish = Finish {
        display,
        faces: &faces,
        structure,
        headings,
        attachments,
        inserts,
        enclosed,
    };
    finish.write(document, stopped)
}

/// Operations that show every letter of the fonts.
fn all_letters(faces: &BTreeMap<usize, Face>) -> Vec<Op> {
    let mut ops = vec![Op::StartTextSection];
    for (index, face) in faces {
        ops.push(Op::SetFont {
            font: PdfFontHandle::External(FontId(format!("T{index}"))),
            size: Pt(1.0),
        });
        ops.push(Op::ShowText {
            items: vec![TextItem::GlyphIds(face.codes())],
        });
    }
    ops.push(Op::EndTextSection);
    ops
}

/// Compressed at once: many pages take much less of memory so.
fn packed(content: Vec<u8>, deflate: &mut Deflate) -> Result<Stream> {
    let mut stream = Stream::new(Dictionary::new(), content);
    deflate.stream(&mut stream)?;
    Ok(stream)
}

/// Puts the contents in the places of those that printpdf wrote; `None` is its own.
fn set_contents(
    document: &mut Document,
    contents: Vec<Option<Stream>>,
) -> std::result::Result<(), lopdf::Error> {
    for (page, content) in document.get_pages().into_values().zip(contents) {
        if let Some(content) = content {
            let dict = document.get_dictionary(page)?;
            let id = dict.get(b"Contents")?.as_reference()?;
            document.set_object(id, content);
        }
    }
    Ok(())
}

fn go_on(stopped: &dyn Fn() -> bool) -> Result<(), Failure> {
    if stopped() {
        Err(Failure::Stopped)
    } else {
        Ok(())
    }
}

/// An artifact that lies under a page.
const BACKGROUND: &str = "Background";

/// Turns one page's items into operations.
#[expect(clippy::struct_field_names, reason = "the number of the page")]
struct Page<'a> {
    display: &'a Display,
    faces: &'a BTreeMap<usize, Face>,
    structure: &'a mut Structure,
    page: usize,
    ops: Vec<Op>,
    /// The open marked content: a tag, or 0 for an artifact and which furniture of the page it is.
    open: Option<(TagId, Option<&'static str>)>,
    /// `Background`, `Header`, `Footer` or `Watermark` while those are drawn.
    furniture: Option<&'static str>,
    colour: Option<Rgb>,
    stroke: Option<Stroke>,
}

impl<'a> Page<'a> {
    fn draw(
        display: &'a Display,
        faces: &'a BTreeMap<usize, Face>,
        structure: &'a mut Structure,
        page: usize,
    ) -> Vec<Op> {
        let mut this = Self {
            display,
            faces,
            structure,
            page,
            ops: Vec::new(),
            open: None,
            furniture: None,
            colour: None,
            stroke: None,
        };
        this.ground();
        let list = &display.pages[page];
        let foot = list.items.len() - list.footer;
        for (index, placed) in list.items.iter().enumerate() {
            this.furniture = if index < list.header {
                Some("Header")
            } else if index >= foot {
                Some("Footer")
            } else {
                None
            };
            this.item(placed);
        }
        this.close();
        this.watermark();
        this.ops
    }

    fn ground(&mut self) {
        let display = self.display;
        let Some(ground) = display.ground(self.page) else {
            return;
        };
        self.furniture = Some(BACKGROUND);
        match ground {
            Ground::Picture(placed) => self.item(placed),
            Ground::Sheet(file, second) => {
                self.mark(0);
                self.ops.push(Op::UseXobject {
                    id: XObjectId(enclosed::name((*file, *second))),
                    transform: XObjectTransform {
                        no_auto_scale: true,
                        ..XObjectTransform::default()
                    },
                });
            }
        }
        self.close();
    }

    fn item(&mut self, placed: &Placed) {
        let height = self.display.height;
        let (x, y) = (placed.x, placed.y);
        let inside = |tag: TagId| if placed.artifact { 0 } else { tag };
        match &placed.item {
            Item::Glyphs(run) => {
                self.mark(inside(run.tag));
                if self.display.pictograms.fonts.contains(&run.font) {
                    self.pictograms(run, x, y);
                } else {
                    self.fill(run.colour);
                    self.glyphs(run, x, y);
                }
            }
            Item::Rect {
                width,
                height: h,
                fill,
            } => {
                self.mark(0);
                self.fill(*fill);
                self.ops.push(Op::DrawRectangle {
                    rectangle: Rect {
                        x: Pt(x),
                        y: Pt(height - y - h),
                        width: Pt(*width),
                        height: Pt(*h),
                        mode: Some(PaintMode::Fill),
                        winding_order: None,
                    },
                });
            }
            Item::Path {
                segments,
                fill,
                stroke,
                tag,
            } => {
                self.mark(inside(*tag));
                let fill = fill.map(|fill| (fill, WindingOrder::NonZero));
                self.path(segments, fill, *stroke, (x, y));
            }
            Item::Image {
                image,
                width,
                height: h,
                tag,
            } => {
                self.mark(inside(*tag));
                self.image(*image, (x, y), (*width, *h));
            }
            Item::Figure {
                width,
                height: h,
                tag,
            } => {
                let rect = [x, height - y - h, x + width, height - y];
                for cell in self.structure.figure(inside(*tag), rect) {
                    self.mark(cell);
                }
            }
            Item::Link {
                width,
                height: h,
                url,
                tag,
            } => {
                self.structure.link(self.page, inside(*tag), url);
                self.ops.push(Op::LinkAnnotation {
                    link: LinkAnnotation::new(
                        Rect {
                            x: Pt(x),
                            y: Pt(height - y - h),
                            width: Pt(*width),
                            height: Pt(*h),
                            mode: None,
                            winding_order: None,
                        },
                        Actions::uri(url.to_string()),
                        Some(BorderArray::Solid([0.0, 0.0, 0.0])),
                        None,
                        None,
                    ),
                });
            }
            Item::Value { .. } => {}
        }
    }

    fn image(&mut self, image: usize, (x, y): (f32, f32), (width, height): (f32, f32)) {
        let display = self.display;
        let picture = &display.pictures[image];
        if let Pixels::Drawing(shapes) = &picture.pixels {
            let scale = (width / picture.width as f32, height / picture.height as f32);
            return self.drawing(shapes, scale, (x, y), (width, height));
        }
        self.ops.push(Op::UseXobject {
            id: XObjectId(format!("I{image}")),
            transform: XObjectTransform {
                translate_x: Some(Pt(x)),
                translate_y: Some(Pt(self.display.height - y - height)),
                dpi: Some(72.0),
                scale_x: Some(width / picture.width as f32),
                scale_y: Some(height / picture.height as f32),
                ..XObjectTransform::default()
            },
        });
    }

    /// Opens the marked content of `tag` unless it is open.
    fn mark(&mut self, tag: TagId) {
        let wanted = Some((tag, self.furniture));
        if self.open == wanted {
            return;
        }
        self.close();
        self.open = wanted;
        let (tag, map) = match (self.structure.content(self.page, tag), self.furniture) {
            (Some((role, mcid)), _) => {
                (role, BTreeMap::from([("MCID".into(), DictItem::Int(mcid))]))
            }
            (None, Some(furniture)) => {
                let name = |text: &str| DictItem::Name(text.as_bytes().to_vec());
                let kind = match furniture {
                    BACKGROUND => BTreeMap::from([("Type".into(), name(BACKGROUND))]),
                    furniture => BTreeMap::from([
                        ("Type".into(), name("Pagination")),
                        ("Subtype".into(), name(furniture)),
                    ]),
                };
                ("Artifact", kind)
            }
            (None, None) => {
                return self.ops.push(Op::BeginMarkedContent {
                    tag: "Artifact".into(),
                });
            }
        };
        self.ops.push(Op::BeginMarkedContentWithProperties {
            tag: tag.into(),
            properties: DictItem::Dict { map },
        });
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            self.ops.push(Op::EndMarkedContent);
        }
    }

    fn fill(&mut self, fill: Rgb) {
        if self.colour != Some(fill) {
            self.colour = Some(fill);
            self.ops.push(Op::SetFillColor { col: colour(fill) });
        }
    }

    fn glyphs(&mut self, run: &Glyphs, x: f32, y: f32) {
        let faces = self.faces;
        let Some(face) = faces.get(&run.font) else {
            return;
        };
        self.ops.push(Op::StartTextSection);
        self.ops.push(Op::SetFont {
            font: PdfFontHandle::External(FontId(format!("T{}", run.font))),
            size: Pt(run.size),
        });
        let mut pen = Pen {
            face,
            size: run.size,
            origin: (x, self.display.height - y),
            at: None,
            visible: true,
            items: Vec::new(),
        };
        for (number, cluster) in run.clusters.iter().enumerate() {
            let first = cluster.first as usize;
            let glyphs = &run.glyphs[first..first + cluster.count as usize];
            let mut parts = run.read_as.iter();
            let part = parts.find(|part| part.clusters.contains(&number));
            match (part, face.carrier) {
                (Some(part), _) => {
                    if part.clusters.start == number {
                        self.begin_text(&mut pen, &part.text);
                    }
                    for glyph in glyphs {
                        self.glyph(&mut pen, glyph);
                    }
                    if part.clusters.end == number + 1 {
                        self.end_text(&mut pen);
                    }
                }
                (None, Some(carrier)) if run.turned(cluster) => {
                    self.turned(&mut pen, glyphs, &cluster.text, carrier);
                }
                (None, _) => self.cluster(&mut pen, glyphs, &cluster.text),
            }
        }
        self.show(&mut pen);
        if !pen.visible {
            self.ops.push(Op::SetTextRenderingMode {
                mode: TextRenderingMode::Fill,
            });
        }
        self.ops.push(Op::EndTextSection);
    }

    /// Letter by letter in the order of drawing, which readers turn around: the last letter first. Each has its share of the cluster's
    /// width, between two glyphs that are not seen, because readers take letters that begin at one place for copies, and texts of the
    /// same glyphs, too; hence one glyph more in every other letter. The ink is with the first one.
    fn turned(&mut self, pen: &mut Pen<'_>, glyphs: &[Glyph], text: &str, carrier: u16) {
        let width = |glyph: &Glyph| pen.face.cid(glyph.id).1 * pen.size / 1000.0;
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
        let plain = matches!(glyphs, [glyph] if pen.face.text(glyph.id) == text);
        if !plain {
            self.begin_text(pen, text);
        }
        for glyph in glyphs {
            self.glyph(pen, glyph);
        }
        if !plain {
            self.end_text(pen);
        }
    }

    /// What is drawn from here on is read as `text`.
    fn begin_text(&mut self, pen: &mut Pen<'_>, text: &str) {
        self.show(pen);
        self.ops.push(Op::BeginMarkedContentWithProperties {
            tag: "Span".into(),
            properties: DictItem::Dict {
                map: BTreeMap::from([(
                    "ActualText".into(),
                    DictItem::String {
                        data: metadata::utf16(text),
                        literal: false,
                    },
                )]),
            },
        });
    }

    fn end_text(&mut self, pen: &mut Pen<'_>) {
        self.show(pen);
        self.ops.push(Op::EndMarkedContent);
    }

    fn glyph(&mut self, pen: &mut Pen<'_>, glyph: &Glyph) {
        match pen.at {
            Some((at, baseline)) if (glyph.y - baseline).abs() < 0.01 => {
                let thousandths = ((at - glyph.x) * 1000.0 / pen.size).round();
                if thousandths.abs() >= 1.0 {
                    pen.items.push(TextItem::Offset(thousandths));
                    pen.at = Some((at - thousandths * pen.size / 1000.0, baseline));
                }
            }
            _ => {
                self.show(pen);
                let (x, y) = pen.origin;
                self.ops.push(Op::SetTextMatrix {
                    matrix: TextMatrix::Translate(Pt(x + glyph.x), Pt(y - glyph.y)),
                });
                pen.at = Some((glyph.x, glyph.y));
            }
        }
        let visible = pen.face.carrier != Some(glyph.id);
        if pen.visible != visible {
            pen.visible = visible;
            self.show(pen);
            let mode = if visible {
                TextRenderingMode::Fill
            } else {
                TextRenderingMode::Invisible
            };
            self.ops.push(Op::SetTextRenderingMode { mode });
        }
        let (cid, width) = pen.face.cid(glyph.id);
        let code = Codepoint::with_cid(cid, 0.0, pen.face.text(glyph.id).to_owned());
        match pen.items.last_mut() {
            Some(TextItem::GlyphIds(codes)) => codes.push(code),
            _ => pen.items.push(TextItem::GlyphIds(vec![code])),
        }
        pen.at = pen
            .at
            .map(|(at, baseline)| (at + width * pen.size / 1000.0, baseline));
    }

    fn show(&mut self, pen: &mut Pen<'_>) {
        if !pen.items.is_empty() {
            self.ops.push(Op::ShowText {
                items: std::mem::take(&mut pen.items),
            });
        }
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
    /// Not yet shown.
    items: Vec<TextItem>,
}

fn colour(colour: Rgb) -> Color {
    let part = |value: u8| f32::from(value) / 255.0;
    Color::Rgb(PdfRgb::new(
        part(colour.0),
        part(colour.1),
        part(colour.2),
        None,
    ))
}
