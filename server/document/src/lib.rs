//! Documents: a template (a tree of blocks in JSON) and typed values become laid-out pages, then PDF bytes or an SVG preview. Pure:
//! images come in as [`Assets`] and further fonts through a loader; this crate opens no file and no connection.

mod context;
mod render;
mod template;

pub use context::{
    Assets, Context, DocumentError, LimitKind, Limits, LoadFonts, Needs, PageBox, PageSize, Stop,
};
pub use render::{Rendered, Renderer, needs};
pub use template::Template;
