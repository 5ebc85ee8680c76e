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
mod letters;
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
    Actions, BorderArray, FontId, LinkAnnotation, Op, PdfDocument, PdfFontHandle, PdfPage,
    PdfSaveOptions, Pt, Rect, TextItem, XObjectId,
};

use crate::{
    context::DocumentError,
    display::{Display, Ground, Item, Pixels, Placed, Rgb, Stroke, TagId},
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

use content::{Content, Fill};
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
            let id = XObjectId(picture_name(index));
            pdf.resources.xobjects.map.insert(id, image);
        }
    }
    let headings = outline::headings(display);
    let mut structure = Structure::new(display, &headings);
    let mut contents: Vec<Stream> = Vec::with_capacity(display.pages.len());
    for page in 0..display.pages.len() {
        go_on(stopped)?;
        let (content, mut ops) = Page::draw(display, &faces, &mut structure, page);
        if page == 0 {
            // Of what it does not write itself, printpdf knows of no letters.
            ops.extend(all_letters(&faces));
        }
        // Compressed at once: many pages take much less of memory so.
        let mut content = Stream::new(Dictionary::new(), content);
        deflate.stream(&mut content)?;
        contents.push(content);
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

/// Puts the contents in the places of those that printpdf wrote.
fn set_contents(
    document: &mut Document,
    contents: Vec<Stream>,
) -> std::result::Result<(), lopdf::Error> {
    for (page, content) in document.get_pages().into_values().zip(contents) {
        let dict = document.get_dictionary(page)?;
        let id = dict.get(b"Contents")?.as_reference()?;
        document.set_object(id, content);
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

/// What the resources call a picture.
fn picture_name(image: usize) -> String {
    format!("I{image}")
}

/// What artifacts are.
const BACKGROUND: &str = "/Type/Background";
const HEADER: &str = "/Type/Pagination/Subtype/Header";
const FOOTER: &str = "/Type/Pagination/Subtype/Footer";
const WATERMARK: &str = "/Type/Pagination/Subtype/Watermark";

/// Turns one page's items into operators.
#[expect(clippy::struct_field_names, reason = "the number of the page")]
struct Page<'a> {
    display: &'a Display,
    faces: &'a BTreeMap<usize, Face>,
    structure: &'a mut Structure,
    page: usize,
    content: Content,
    links: Vec<Op>,
    /// The open marked content: a tag, or 0 for an artifact and which furniture of the page it is.
    open: Option<(TagId, &'static str)>,
    /// `BACKGROUND`, `HEADER`, `FOOTER` or `WATERMARK` while those are drawn, otherwise nothing.
    furniture: &'static str,
    colour: Option<Rgb>,
    stroke: Option<Stroke>,
}

impl<'a> Page<'a> {
    fn draw(
        display: &'a Display,
        faces: &'a BTreeMap<usize, Face>,
        structure: &'a mut Structure,
        page: usize,
    ) -> (Vec<u8>, Vec<Op>) {
        let mut this = Self {
            display,
            faces,
            structure,
            page,
            content: Content::default(),
            links: Vec::new(),
            open: None,
            furniture: "",
            colour: None,
            stroke: None,
        };
        this.ground();
        let list = &display.pages[page];
        let foot = list.items.len() - list.footer;
        for (index, placed) in list.items.iter().enumerate() {
            this.furniture = if index < list.header {
                HEADER
            } else if index >= foot {
                FOOTER
            } else {
                ""
            };
            this.item(placed);
        }
        this.close();
        this.watermark();
        (this.content.into_bytes(), this.links)
    }

    fn ground(&mut self) {
        let display = self.display;
        let Some(ground) = display.ground(self.page) else {
            return;
        };
        self.furniture = BACKGROUND;
        match ground {
            Ground::Picture(placed) => self.item(placed),
            Ground::Sheet(file, second) => {
                self.mark(0);
                self.content.draw(&enclosed::name((*file, *second)), None);
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
                self.content.rectangle(x, height - y - h, *width, *h);
            }
            Item::Path {
                segments,
                fill,
                stroke,
                tag,
            } => {
                self.mark(inside(*tag));
                let fill = fill.map(|fill| (fill, Fill::NonZero));
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
                self.links.push(Op::LinkAnnotation {
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
        let foot = self.display.height - y - height;
        self.content.draw(
            &picture_name(image),
            Some([width, 0.0, 0.0, height, x, foot]),
        );
    }

    /// Opens the marked content of `tag` unless it is open.
    fn mark(&mut self, tag: TagId) {
        let wanted = Some((tag, self.furniture));
        if self.open == wanted {
            return;
        }
        self.close();
        self.open = wanted;
        match self.structure.content(self.page, tag) {
            Some((role, mcid)) => self.content.begin_tagged(role, mcid),
            None => self.content.begin_artifact(self.furniture),
        }
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            self.content.end();
        }
    }

    fn fill(&mut self, fill: Rgb) {
        if self.colour != Some(fill) {
            self.colour = Some(fill);
            self.content.fill(fill);
        }
    }
}
