//! What a rendering is given and what it can say: context, assets, limits, errors. No layout here.

use std::{collections::HashMap, sync::Arc};

use engine::{
    ids::ArtifactId,
    value::{FileRef, Record},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    extras::{FileFault, FilePlace, Obstacle, PasswordFault},
    fonts::FontBytes,
    web::WebPicture,
};

/// Bytes of a megabyte.
pub(crate) const MB: usize = 1024 * 1024;

/// Asked now and then while rendering; `true` ends it with [`DocumentError::Stopped`].
pub type Stop<'a> = Arc<dyn Fn() -> bool + Send + Sync + 'a>;

/// What a page sees besides its fields.
#[derive(Clone, Debug)]
pub struct Context {
    /// BCP 47; language of the document and of its formats, unless the template says its own.
    pub locale: String,
    /// ISO 4217.
    pub currency: String,
    /// IANA; turns `now` into `today`.
    pub time_zone: String,
    pub now: Timestamp,
    /// `engine::firm::Firm` as a record.
    pub firm: Record,
}

/// Files a document may show; the caller loads them, guarded, before rendering.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    pub images: Vec<FileRef>,
    /// What goes into the PDF and is not seen before: PDFs of others, and what is attached. A preview does without.
    pub files: Vec<FileRef>,
    /// Families of fonts that the template names and that are not built in.
    pub fonts: Vec<String>,
}

/// Loaded files by artifact.
#[derive(Clone, Default)]
pub struct Assets {
    pub images: HashMap<ArtifactId, Vec<u8>>,
    pub files: HashMap<ArtifactId, Arc<Vec<u8>>>,
    /// Pictures of the web by their addresses.
    pub web: HashMap<String, WebPicture>,
    /// Font files that somebody brought for these documents; they go before those of the machine.
    pub fonts: Vec<FontBytes>,
}

/// Bounds of one rendering; what goes beyond is [`DocumentError::Limit`]. Those of a template stand beside [`MAX_BLOCKS`](crate::MAX_BLOCKS),
/// those of an expression in `engine::expression`, those of a drawing in SVG in `drawing`.
#[derive(Clone)]
pub struct Limits<'a> {
    pub max_pages: usize,
    /// Block instances after repeats, and table cells.
    pub max_blocks: usize,
    /// Glyphs, and segments of drawings, each time that they are shown.
    pub max_glyphs: usize,
    /// Pixels of all images together, as their files have them.
    pub max_pixels: u64,
    /// Characters of one text after its values are filled in.
    pub max_text_length: usize,
    /// What the document takes of memory until its file is written, as far as it is added up while it is laid out (`layout::memory`):
    /// a process of 512 MB writes every document within these limits.
    pub max_bytes: usize,
    /// Cooperative deadline: asked for each paragraph, page, picture, part of a drawing, font and stream of the file.
    pub stop: Option<Stop<'a>>,
}

impl Default for Limits<'_> {
    fn default() -> Self {
        Self {
            max_pages: 500,
            max_blocks: 200_000,
            max_glyphs: 2_000_000,
            max_pixels: 64_000_000,
            max_text_length: 200_000,
            max_bytes: 320 * MB,
            stop: None,
        }
    }
}

/// Which limit a document went beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    Pages,
    Blocks,
    Glyphs,
    Pixels,
    TextLength,
    /// Files that are attached, or put before or behind the pages.
    Files,
    FileBytes,
    BoundPages,
    /// In megabytes.
    Memory,
}

impl LimitKind {
    /// Whether it is about files that go with the pages, and not about the pages.
    fn is_of_files(self) -> bool {
        matches!(self, Self::Files | Self::FileBytes | Self::BoundPages)
    }
}

impl std::fmt::Display for LimitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pages => "pages",
            Self::Blocks => "blocks and table cells",
            Self::Glyphs => "letters",
            Self::Pixels => "pixels in pictures",
            Self::TextLength => "letters in one text",
            Self::Files => "other files",
            Self::FileBytes => "bytes in other files",
            Self::BoundPages => "pages in other files",
            Self::Memory => "MB to keep in memory",
        })
    }
}

/// Why there is no document. Everything that still gives a page is a warning instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The template or the values must become smaller; `block` is the one that was laid out when there were too many, if it is known.
    #[error("the document has more than {max} {kind}{}", beyond(.block))]
    Limit {
        kind: LimitKind,
        max: u64,
        block: String,
    },
    /// The caller's deadline or a stop.
    #[error("laying out the document took too long")]
    Stopped,
    /// A leaf's expression failed; `pointer` is its place in the template.
    #[error("{message}")]
    Expression {
        code: &'static str,
        message: String,
        pointer: String,
        block: String,
    },
    /// A file to attach that no PDF can hold; its name, its type or others beside it.
    #[error("{0}")]
    Attachment(String),
    /// A file that cannot go along.
    #[error("{place}, `{name}`: {fault}")]
    File {
        place: FilePlace,
        name: String,
        fault: FileFault,
    },
    #[error("{0}")]
    Password(PasswordFault),
    /// An invoice for machines was to be attached to what is not PDF/A-3.
    #[error("an e-invoice needs a PDF/A-3, and this document cannot be one, because {0}")]
    EInvoice(Obstacle),
    /// The bundled fonts or the PDF writer failed; a defect of this program.
    #[error("the PDF could not be written: {0}")]
    Internal(String),
}

/// Where a limit was reached, in words.
fn beyond(block: &str) -> String {
    if block.is_empty() {
        String::new()
    } else {
        format!("; the block \u{201c}{block}\u{201d} goes beyond that")
    }
}

impl DocumentError {
    /// With the block that was laid out when it came up, where that says anything: pages are filled when all blocks are laid out.
    pub(crate) fn within(self, block: &str) -> Self {
        match self {
            Self::Limit { kind, max, .. } if kind != LimitKind::Pages => Self::Limit {
                kind,
                max,
                block: block.into(),
            },
            other => other,
        }
    }

    /// Stable slug.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Limit { kind, .. } if kind.is_of_files() => "document_files_too_large",
            Self::Limit { .. } => "document_too_large",
            Self::Stopped => "document_stopped",
            Self::Expression { code, .. } => code,
            Self::Attachment(_) => "document_attachment",
            Self::File { .. } => "document_file",
            Self::Password(_) => "document_password",
            Self::EInvoice(_) => "document_einvoice",
            Self::Internal(_) => "document_failed",
        }
    }
}

/// Size of one page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PageSize {
    pub width_mm: f32,
    pub height_mm: f32,
}

/// How what is shown came of what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The template says it; what it reads, if anything, is empty.
    Literal,
    /// The value at the one path that it reads, written in some way.
    Shown,
    /// An expression made it.
    Computed,
    /// Made of a column of a table.
    Sum,
    Count,
    Average,
    Minimum,
    Maximum,
}

/// Where a block, or one value in it, lies on a page; from the top left corner.
#[derive(Clone, Debug, PartialEq)]
pub struct PageBox {
    /// The block's id in the template.
    pub block: String,
    /// The block's JSON pointer in the template.
    pub path: String,
    pub x_mm: f32,
    pub y_mm: f32,
    pub width_mm: f32,
    pub height_mm: f32,
    /// Path of the value shown here, such as `lines.3.amount`; `None` for the block's own box.
    pub origin: Option<String>,
    /// What is shown was made of that value, and perhaps of others, and is not it.
    pub is_computed: bool,
    /// Of the box of a table.
    pub columns: Vec<PageColumn>,
}

/// Where a column of a table lies on a page, in the order of the template.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PageColumn {
    pub x_mm: f32,
    pub width_mm: f32,
}

/// Where a piece of the template's texts, or a value in one, lies on a page; one a line.
#[derive(Clone, Debug, PartialEq)]
pub struct PageText {
    /// The block's id in the template.
    pub block: String,
    /// JSON pointer of the text in the template.
    pub leaf: String,
    /// Which bytes of that text are shown; of a value, all of its expression.
    pub bytes: std::ops::Range<usize>,
    pub x_mm: f32,
    pub y_mm: f32,
    pub width_mm: f32,
    pub height_mm: f32,
}

/// How a text fits that may take only so many lines; one for each place where it is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFit {
    /// Paths of the values in it, such as `lines.3.note`; none where all of it is the template's own.
    pub paths: Vec<String>,
    /// In letters of the size that it should have.
    pub lines: usize,
    pub max_lines: usize,
    /// About how many letters are too many; 0 where it fits.
    pub excess_letters: usize,
}

impl TextFit {
    /// It takes more lines than it may.
    pub fn is_too_long(&self) -> bool {
        self.lines > self.max_lines
    }
}
