//! Documents: a template (a tree of blocks in JSON) and typed values become laid-out pages, then PDF bytes or an SVG preview. Pure:
//! images and fonts come in as [`Assets`], further fonts of the machine through [`FontFiles`]; this crate opens no file and no
//! connection.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts of columns, modules and pixels stay far below the 2^23 that f32 holds exactly"
)]
#![expect(clippy::many_single_char_names, reason = "coordinates")]

mod barcode;
mod context;
mod display;
mod drawing;
mod extras;
mod fonts;
mod layout;
mod map;
mod paginate;
mod path;
mod payment;
mod pdf;
mod picture;
mod reading;
mod render;
mod scope;
mod strip;
mod svg;
mod template;
mod text;
mod web;

pub use context::{
    Assets, Context, DocumentError, How, LimitKind, Limits, Needs, PageBox, PageColumn, PageSize,
    PageText, Stop, TextFit,
};
pub use extras::{
    FileFault, FilePlace, MAX_BOUND_PAGES, MAX_FILE_BYTES, MAX_FILES, Obstacle, PasswordFault,
};
pub use fonts::{FontBytes, FontError, FontFace, FontFiles, font_families};
pub use map::{ComputedOrigin, MappedPage, PageMap, Place, PlaceOrigin};
pub use pdf::{
    Attachment, Binder, EmbeddedInvoice, HybridInvoice, NoInvoice, Relationship, Unbindable,
    embedded_invoice,
};
pub use render::{Rendered, Renderer, ThreadClock, needs};
pub use template::{FORMAT, MAX_BLOCKS, MAX_DEPTH, Template, texts, translate};
pub use web::{MAX_WEB_PICTURE_BYTES, MAX_WEB_PICTURES, WEB_PICTURE_TIME, WebPicture, web_picture};
