//! From template and values to pages: the front door of layout, PDF and preview.

use engine::{node::Warning, value::Record};

use crate::{
    Template,
    context::{Assets, Context, DocumentError, Limits, LoadFonts, Needs, PageBox, PageSize},
};

/// Lays out documents. One per process; keeps fonts loaded and is used from many threads at once.
pub struct Renderer {
    _load: LoadFonts,
}

/// A laid-out document.
pub struct Rendered {
    pub pages: Vec<PageSize>,
    /// What a person should look at: missing glyphs and values, empty lists, text that does not fit.
    pub warnings: Vec<Warning>,
}

impl Renderer {
    /// `load` gives further fonts (CJK, emoji) when a text first needs them.
    pub fn new(load: LoadFonts) -> Self {
        Self { _load: load }
    }

    /// Only the bundled fonts: Latin, Greek, Cyrillic, Arabic, Hebrew.
    pub fn bundled() -> Self {
        Self::new(Box::new(Vec::new))
    }

    pub fn render(
        &self,
        template: &Template,
        values: &Record,
        context: &Context,
        assets: &Assets,
        limits: &Limits,
    ) -> Result<Rendered, DocumentError> {
        let _ = (template, values, context, assets, limits);
        Ok(Rendered {
            pages: vec![PageSize {
                width_mm: 210.0,
                height_mm: 297.0,
            }],
            warnings: Vec::new(),
        })
    }
}

impl Rendered {
    /// The same bytes for the same input.
    pub fn pdf(&self) -> Result<Vec<u8>, DocumentError> {
        Ok(Vec::new())
    }

    /// One page, counted from 0, as SVG with glyph outlines; `None` beyond the last page.
    pub fn svg(&self, page: usize) -> Option<String> {
        self.pages.get(page).map(|_| String::new())
    }

    /// Where blocks and values lie on a page.
    pub fn boxes(&self, _page: usize) -> &[PageBox] {
        &[]
    }
}

/// The files a rendering may show.
pub fn needs(_template: &Template, _values: &Record, _context: &Context) -> Needs {
    Needs::default()
}
