//! From template and values to pages: the front door of layout, PDF and preview.

use std::{borrow::Cow, collections::HashMap, sync::OnceLock, time::Duration};

use engine::{
    node::Warning,
    value::{FileRef, Record, Value},
};

use crate::{
    Template,
    context::{
        Assets, Context, DocumentError, How, Limits, Needs, PageBox, PageColumn, PageSize,
        PageText, TextFit,
    },
    display::{Display, Ground, Grounds, Item, MM, PageList, Shown, Watermark},
    extras::{FilePlace, Inserts},
    fonts::{FontBytes, FontFiles, Fonts},
    layout::{Edge, Layouter},
    map::ComputedOrigin,
    paginate::{Frame, fill},
    pdf::{self, Attachment},
    reading,
    scope::Scope,
    strip::{stack, total},
    svg,
    template::{Block, BlockKind, ImageSource, LEAST_ROOM},
    web::Kept,
};

/// What header and footer leave for the body of a page, whatever they take.
const LEAST_BODY: f32 = LEAST_ROOM * MM;

/// Lays out documents. One per process; keeps fonts loaded and is used from many threads at once.
pub struct Renderer {
    fonts: Fonts,
    pub(crate) web: Kept,
    clock: ThreadClock,
}

/// How long the thread that asks has worked so far. Whoever makes the renderer hands it in: nothing here looks at a clock.
pub type ThreadClock = fn() -> Duration;

/// A laid-out document.
pub struct Rendered {
    pub pages: Vec<PageSize>,
    /// What a person should look at: missing glyphs and values, empty lists, text that does not fit. `location` is
    /// the block's id, `page` among the params is counted from 1.
    pub warnings: Vec<Warning>,
    /// How the texts fit that may take only so many lines, whatever became of those that are too long.
    pub fits: Vec<TextFit>,
    /// Values of the fields that the document computes.
    pub computed: Record,
    /// Addresses of pictures on the web that were not among the assets. Their places are empty, and warnings say so: load them and lay
    /// out again.
    pub wanted: Vec<String>,
    /// What the PDF cannot be, whatever the values are, as the template wants it; no reason to stop a workflow.
    pub notes: Vec<Warning>,
    pub(crate) display: Display,
    /// Fields that the template computes.
    pub(crate) computed_origins: Vec<ComputedOrigin>,
    inserts: Inserts,
    boxes: OnceLock<Vec<Vec<PageBox>>>,
}

impl Renderer {
    /// `files` gives further fonts: for letters that the bundled ones lack, and by the names of their families.
    pub fn new(files: Box<dyn FontFiles>) -> Self {
        Self {
            fonts: Fonts::new(files),
            web: Kept::default(),
            clock: || Duration::ZERO,
        }
    }

    /// With a clock that goes; without one nothing ever takes time.
    #[must_use]
    pub fn with_clock(self, clock: ThreadClock) -> Self {
        Self { clock, ..self }
    }

    /// What tells, asked on this thread, whether it has worked for so long from now on. Others who keep the processors busy do not count.
    pub fn worked(&self, time: Duration) -> impl Fn() -> bool + Clone + Send + Sync + use<> {
        let clock = self.clock;
        let end = clock() + time;
        move || clock() > end
    }

    /// Only the bundled fonts: Latin, Greek, Cyrillic, Arabic, Hebrew.
    pub fn bundled() -> Self {
        Self::new(Box::new(Vec::<FontBytes>::new()))
    }

    /// Names of the families that a template can be set in without bringing fonts with it.
    pub fn families(&self) -> Vec<String> {
        self.fonts.families()
    }

    /// Lays out a document.
    pub fn render(
        &self,
        template: &Template,
        values: &Record,
        context: &Context,
        assets: &Assets,
        limits: &Limits<'_>,
    ) -> Result<Rendered, DocumentError> {
        let spoken = in_its_language(template, context);
        let context: &Context = &spoken;
        let scope = Scope::new(template, values, context);
        let mut layouter = Layouter::new(template, context, assets, limits, &self.fonts, scope);
        let outcome = lay_out(&mut layouter);
        let Layouter {
            shaper,
            used,
            pictures,
            pictograms,
            wanted,
            tags,
            headings,
            marks,
            notices,
            fits,
            computed,
            ..
        } = layouter;
        self.fonts.give_back(shaper);
        let LaidOut {
            title,
            pages,
            watermark,
            grounds,
            inserts,
        } = outcome?;
        let warnings = notices
            .iter()
            .map(|notice| {
                let page = pages
                    .iter()
                    .position(|page| page.marks.iter().any(|marked| marked.mark == notice.mark));
                let block = &marks[notice.mark as usize].block;
                let warning = notice.warning.clone().at(block);
                match page {
                    Some(page) => warning.with("page", page + 1),
                    None => warning,
                }
            })
            .collect();
        let size = PageSize {
            width_mm: template.page.width,
            height_mm: template.page.height,
        };
        let author = match context.firm.get("name") {
            Some(Value::Text(name)) => name.clone(),
            _ => String::new(),
        };
        Ok(Rendered {
            pages: vec![size; pages.len()],
            warnings,
            fits,
            computed,
            wanted,
            notes: pdf::notes(&inserts),
            inserts,
            computed_origins: template.computed_origins(),
            boxes: OnceLock::new(),
            display: Display {
                title,
                language: context.locale.clone(),
                width: template.page.width * MM,
                height: template.page.height * MM,
                pages,
                watermark,
                grounds,
                fonts: used,
                pictures,
                pictograms,
                tags,
                headings,
                marks,
                author,
                now: context.now,
            },
        })
    }
}

impl Rendered {
    /// PDF/A-3, tagged and with an outline, unless `notes` say otherwise. The same bytes for the same input, in any process.
    pub fn pdf(&self) -> Result<Vec<u8>, DocumentError> {
        self.pdf_with(&[])
    }

    /// The PDF with files attached to it, such as an invoice as XML.
    pub fn pdf_with(&self, attachments: &[Attachment]) -> Result<Vec<u8>, DocumentError> {
        self.pdf_unless(&|| false, attachments)
    }

    /// The same; asks `stopped` for each page, font and stream of the file.
    pub fn pdf_unless(
        &self,
        stopped: &dyn Fn() -> bool,
        attachments: &[Attachment],
    ) -> Result<Vec<u8>, DocumentError> {
        pdf::write(&self.display, &self.inserts, attachments, stopped)
    }

    /// What a PDF shows and a picture of its pages does not.
    pub fn unseen(&self) -> Option<Warning> {
        let grounds = &self.display.grounds;
        let mut sheets = [&grounds.first, &grounds.following].into_iter().flatten();
        sheets
            .any(|ground| matches!(ground, Ground::Sheet(..)))
            .then(|| {
                let message = "the letterhead is a PDF: it is printed, and not seen here";
                Warning::new("letterhead_unseen", message).at("letterhead")
            })
    }

    /// One page, counted from 0, as SVG with glyph outlines; `None` beyond the last page.
    pub fn svg(&self, page: usize) -> Option<String> {
        svg::write(&self.display, page)
    }

    /// What a page says, counted from 0, one line a line of it; `None` beyond the last page.
    pub fn text(&self, page: usize) -> Option<String> {
        reading::text(&self.display, page)
    }

    /// Where blocks and values lie on a page, outer blocks first.
    pub fn boxes(&self, page: usize) -> &[PageBox] {
        self.boxes
            .get_or_init(|| {
                self.display
                    .pages
                    .iter()
                    .map(|page| page_boxes(&self.display, page))
                    .collect()
            })
            .get(page)
            .map_or(&[], Vec::as_slice)
    }

    /// Where the template's texts lie on a page, counted from 0, in the order of drawing; nothing beyond the last page.
    pub fn texts(&self, page: usize) -> Vec<PageText> {
        let items = self.display.pages.get(page).map(|page| &page.items);
        let items = items.into_iter().flatten();
        items
            .filter_map(|placed| match &placed.item {
                Item::Glyphs(run) => {
                    let source = run.source.as_ref()?;
                    let (left, right) = run.extent;
                    Some(PageText {
                        block: self.display.marks[run.mark as usize].block.clone(),
                        leaf: source.leaf.to_string(),
                        bytes: source.bytes.clone(),
                        x_mm: (placed.x + left) / MM,
                        y_mm: placed.y / MM,
                        width_mm: (right - left) / MM,
                        height_mm: run.height / MM,
                    })
                }
                Item::Rect { .. }
                | Item::Path { .. }
                | Item::Image { .. }
                | Item::Link { .. }
                | Item::Figure { .. }
                | Item::Value { .. } => None,
            })
            .collect()
    }
}

/// The context, in the template's language if that says one.
fn in_its_language<'a>(template: &Template, context: &'a Context) -> Cow<'a, Context> {
    match &template.language {
        Some(language) => Cow::Owned(Context {
            locale: language.clone(),
            ..context.clone()
        }),
        None => Cow::Borrowed(context),
    }
}

/// What a rendering may show: every file among the values and the firm's logo, if the template shows pictures, the fonts that it names,
/// and the files that go with the pages.
pub fn needs(template: &Template, values: &Record, context: &Context) -> Needs {
    let lists = [
        Some(&template.blocks),
        Some(&template.header.blocks),
        template.header.first.as_ref(),
        Some(&template.footer.blocks),
        template.footer.first.as_ref(),
    ];
    let mut found = Needs {
        fonts: template
            .fonts
            .iter()
            .map(|name| (**name).to_owned())
            .collect(),
        ..Needs::default()
    };
    if lists
        .into_iter()
        .flatten()
        .any(|blocks| shows_files(blocks))
    {
        for field in template.fields() {
            if let Some(value) = values.get(&field.name) {
                collect_files(value, &mut found.images);
            }
        }
        for value in context.firm.values() {
            collect_files(value, &mut found.images);
        }
    }
    let mut sources = template.extras.sources().peekable();
    if sources.peek().is_some() {
        let scope = computed_scope(template, values, context);
        for (place, leaf) in sources {
            // What cannot be had is told where the pages are laid out.
            if let Ok((value, _)) = scope.value(leaf, place.member()) {
                collect_extras(&value, place, &mut found);
            }
        }
    }
    found
}

/// With the fields that the document computes, as far as they can be; what goes wrong is told where the pages are laid out.
fn computed_scope(template: &Template, values: &Record, context: &Context) -> Scope {
    let mut scope = Scope::new(template, values, context);
    for computed in &template.computed {
        let field = &template.fields[computed.index].field;
        let value = scope.value(&computed.value, &field.name);
        let fitted = value.map(|(value, _)| value.convert(&field.kind, &context.currency));
        if let Ok(Ok(value)) = fitted {
            scope.set(&field.name, value);
        }
    }
    scope
}

fn collect_extras(value: &Value, place: FilePlace, found: &mut Needs) {
    match value {
        Value::File(file) if place == FilePlace::Letterhead => {
            collect_files(value, &mut found.images);
            if !file.content_type.starts_with("image/") {
                add_file(file, &mut found.files);
            }
        }
        Value::File(file) => add_file(file, &mut found.files),
        Value::List(items) => items
            .iter()
            .for_each(|item| collect_extras(item, place, found)),
        _ => {}
    }
}

fn add_file(file: &FileRef, files: &mut Vec<FileRef>) {
    if !files.iter().any(|known| known.id == file.id) {
        files.push(file.clone());
    }
}

fn shows_files(blocks: &[Block]) -> bool {
    blocks.iter().any(|block| match &block.kind {
        BlockKind::Image(own) => matches!(own.source, ImageSource::File(_)),
        BlockKind::Plan(own) => {
            let picture = own.entry.picture.as_ref();
            picture.is_some_and(|picture| matches!(picture.source, ImageSource::File(_)))
        }
        BlockKind::Columns(own) => own.cells.iter().any(|cell| shows_files(&cell.blocks)),
        BlockKind::Box(own) => shows_files(&own.blocks),
        BlockKind::KeepTogether(own) => shows_files(&own.blocks),
        BlockKind::Repeat(own) => shows_files(&own.blocks),
        BlockKind::If(own) => shows_files(&own.then) || shows_files(&own.otherwise),
        BlockKind::Heading(_)
        | BlockKind::Text(_)
        | BlockKind::Markdown(_)
        | BlockKind::KeyValue(_)
        | BlockKind::Table(_)
        | BlockKind::Totals(_)
        | BlockKind::Qr(_)
        | BlockKind::Barcode(_)
        | BlockKind::SwissBill(_)
        | BlockKind::Signature(_)
        | BlockKind::Chart(_)
        | BlockKind::Rule(_)
        | BlockKind::Spacer(_)
        | BlockKind::PageBreak => false,
    })
}

fn collect_files(value: &Value, files: &mut Vec<FileRef>) {
    match value {
        Value::File(file) if file.content_type.starts_with("image/") => add_file(file, files),
        Value::List(items) => items.iter().for_each(|item| collect_files(item, files)),
        Value::Record(record) => record.values().for_each(|item| collect_files(item, files)),
        _ => {}
    }
}

struct LaidOut {
    title: String,
    pages: Vec<PageList>,
    watermark: Option<Watermark>,
    grounds: Grounds,
    inserts: Inserts,
}

fn lay_out(layouter: &mut Layouter<'_>) -> Result<LaidOut, DocumentError> {
    layouter.compute()?;
    layouter.resolve_theme()?;
    let template = layouter.template;
    let title = layouter.plain(&template.title, 0)?;
    let page = &template.page;
    let width = (page.width - page.left - page.right).max(LEAST_ROOM) * MM;
    let body = layouter.blocks(&template.blocks, width, 1);
    let body = body.map_err(|error| error.within(layouter.last_block()))?;
    let title = one_line(&title)
        .or_else(|| {
            let (_, heading) = layouter.headings.first()?;
            one_line(heading)
        })
        .unwrap_or_else(|| "Document".into());
    let header = Edge::header(layouter, &template.header, width)?;
    let footer = Edge::footer(layouter, &template.footer, width)?;
    let frame = |page_index: usize| {
        let bottom = page.bottom * MM + footer.height(page_index);
        // The body stays on the paper, even where header and footer leave no room.
        let lowest = (page.height - page.bottom) * MM - LEAST_BODY;
        let top = (page.top * MM + header.height(page_index)).min(lowest);
        Frame {
            x: page.left * MM,
            top,
            height: (page.height * MM - top - bottom).max(LEAST_BODY),
            paper: page.height * MM,
        }
    };
    let filled = fill(body, frame, layouter.limits)?;
    for mark in filled.overflows {
        let message = "the block is taller than a page";
        layouter.notice(Warning::new("block_overflow", message), mark);
    }
    let mut pages = filled.pages;
    let count = pages.len();
    for (index, list) in pages.iter_mut().enumerate() {
        layouter.check_stop()?;
        let above = header.on(layouter, (index, count))?;
        let below = footer.on(layouter, (index, count))?;
        // Behind the body, so that a full-width picture never covers text.
        let mut under = PageList::default();
        stack(above, &mut under, (page.left * MM, page.top * MM), true);
        list.header = under.items.len();
        under.items.append(&mut list.items);
        list.items = under.items;
        list.marks.append(&mut under.marks);
        let body = list.items.len();
        let bottom = (page.bottom * MM).max(list.foot);
        let top = page.height * MM - bottom - total(&below);
        stack(below, list, (page.left * MM, top), true);
        list.footer = list.items.len() - body;
        if let Some(mark) = beyond_paper(list, page.width * MM, page.height * MM) {
            let message = "the block does not fit on the paper; a part of it is not printed";
            layouter.notice(Warning::new("beyond_paper", message), mark);
        }
    }
    let watermark = layouter.watermark()?;
    let mut inserts = Inserts::default();
    let grounds = layouter.grounds(&mut inserts)?;
    layouter.take_inserts(&mut inserts)?;
    let drawn = pages.iter().flat_map(|page| &page.items);
    let over = watermark.iter().flat_map(|own| &own.items);
    layouter.take_pictograms(drawn.chain(over))?;
    Ok(LaidOut {
        title,
        pages,
        watermark,
        grounds,
        inserts,
    })
}

/// The innermost block that reaches beyond the paper.
fn beyond_paper(list: &PageList, width: f32, height: f32) -> Option<u32> {
    // A hair's breadth is rounding.
    let slack = 0.5;
    list.marks
        .iter()
        .filter(|marked| {
            marked.x < -slack
                || marked.y < -slack
                || marked.x + marked.width > width + slack
                || marked.y + marked.height > height + slack
        })
        .map(|marked| marked.mark)
        .max()
}

/// Without line breaks; `None` when nothing is left.
fn one_line(text: &str) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

fn page_boxes(display: &Display, page: &PageList) -> Vec<PageBox> {
    let make = |mark: u32, x: f32, y: f32, width: f32, height: f32| {
        let mark = &display.marks[mark as usize];
        PageBox {
            block: mark.block.clone(),
            path: mark.pointer.clone(),
            x_mm: x / MM,
            y_mm: y / MM,
            width_mm: width / MM,
            height_mm: height / MM,
            origin: None,
            is_computed: false,
            columns: Vec::new(),
        }
    };
    // One box a block instance: its strips on this page together.
    let mut order: Vec<u32> = Vec::new();
    let mut union: HashMap<u32, (f32, f32, f32, f32)> = HashMap::new();
    for marked in page.marks.iter().filter(|marked| marked.mark != 0) {
        let (right, bottom) = (marked.x + marked.width, marked.y + marked.height);
        union
            .entry(marked.mark)
            .and_modify(|rect| {
                *rect = (
                    rect.0.min(marked.x),
                    rect.1.min(marked.y),
                    rect.2.max(right),
                    rect.3.max(bottom),
                );
            })
            .or_insert_with(|| {
                order.push(marked.mark);
                (marked.x, marked.y, right, bottom)
            });
    }
    // Marks are made from the outside in.
    order.sort_unstable();
    let mut boxes: Vec<PageBox> = order
        .into_iter()
        .map(|mark| {
            let (x, y, right, bottom) = union[&mark];
            let columns = display.marks[mark as usize].columns.iter();
            let columns = columns.map(|(left, width)| PageColumn {
                x_mm: (x + left) / MM,
                width_mm: width / MM,
            });
            PageBox {
                columns: columns.collect(),
                ..make(mark, x, y, right - x, bottom - y)
            }
        })
        .collect();
    for shown in page.items.iter().filter_map(Shown::of) {
        if let Some(field) = shown.origin.field() {
            let Shown {
                mark,
                x,
                y,
                width,
                height,
                ..
            } = shown;
            boxes.push(PageBox {
                origin: Some(field.to_owned()),
                is_computed: shown.origin.how != How::Shown,
                ..make(mark, x, y, width, height)
            });
        }
    }
    boxes
}

#[cfg(test)]
mod properties;
