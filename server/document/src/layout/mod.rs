//! Blocks to strips. Holds what all kinds of blocks share: the scope, the structure tree, warnings and the counters of the limits. Colours
//! and looks, and each family of blocks, have files of their own.

mod barcode;
mod bill;
mod boxes;
mod chart;
mod extras;
mod fit;
mod flow;
mod format;
mod furniture;
mod layers;
mod markdown;
mod memory;
mod pairs;
mod paragraph;
mod pictograms;
mod picture;
mod plan;
mod qr;
mod rich;
mod signature;
mod table;
mod theme;

use std::collections::HashMap;

use engine::{
    node::Warning,
    value::{Record, Value},
};
use parley::Language;

use crate::{
    Template,
    context::{Assets, Context, DocumentError, LimitKind, Limits, TextFit},
    display::{Item, MM, Mark, Pictograms, Picture, Rgb, Tag, TagId},
    fonts::{Fonts, Shaper},
    scope::{Missing, Piece, Scope, holds, shortened},
    strip::{Body, Strip},
    template::{Block, BlockKind, Direction, Leaf},
    text::Measured,
};

use format::Wanted;
pub(crate) use furniture::Edge;
use theme::Colours;

/// A warning whose page is known only after the pages are filled.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) warning: Warning,
    pub(crate) mark: u32,
}

pub(crate) struct Layouter<'a> {
    pub(crate) template: &'a Template,
    pub(crate) context: &'a Context,
    pub(crate) assets: &'a Assets,
    pub(crate) limits: &'a Limits<'a>,
    pub(crate) fonts: &'a Fonts,
    pub(crate) shaper: Shaper,
    pub(crate) measured: Measured,
    pub(crate) scope: Scope,
    /// Of the block that is laid out; `None` is as the document runs.
    pub(crate) language: Language,
    pub(crate) direction: Option<Direction>,
    pub(crate) colours: Colours,
    pub(crate) used: Vec<parley::FontData>,
    pub(crate) pictures: Vec<Picture>,
    pub(crate) pictograms: Pictograms,
    /// Addresses of pictures that are not among the assets.
    pub(crate) wanted: Vec<String>,
    pub(crate) loaded: HashMap<picture::Key, Option<usize>>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) notices: Vec<Notice>,
    /// Of texts with a limit of lines.
    pub(crate) fits: Vec<TextFit>,
    /// Values of the fields that the document computes.
    pub(crate) computed: Record,
    /// Header and footer stay out of the structure tree.
    pub(crate) furniture: bool,
    /// What is laid out is only measured, so columns in it share their width as they are told.
    pub(crate) measuring: bool,
    /// The next block stands at the very top of a page's header.
    pub(crate) at_top: bool,
    /// Headings with their words; the first one names a document that has no title of its own.
    pub(crate) headings: Vec<(TagId, String)>,
    /// Of the last heading that is a block; those in Markdown are below it.
    pub(crate) level: usize,
    pub(crate) blocks: usize,
    pub(crate) glyphs: usize,
    pub(crate) pixels: u64,
    /// Of memory; see `memory`.
    pub(crate) bytes: usize,
}

impl<'a> Layouter<'a> {
    pub(crate) fn new(
        template: &'a Template,
        context: &'a Context,
        assets: &'a Assets,
        limits: &'a Limits<'a>,
        fonts: &'a Fonts,
        scope: Scope,
    ) -> Self {
        let language = language(&context.locale);
        let root = |role| Tag {
            role,
            parent: 0,
            alt: None,
            actual_text: None,
            cells: Vec::new(),
            scope: None,
            numbering: None,
            columns: 1,
            language,
        };
        Self {
            template,
            context,
            assets,
            limits,
            fonts,
            shaper: fonts.shaper(&template.fonts, &assets.fonts),
            measured: Measured::default(),
            scope,
            language,
            direction: None,
            colours: Colours {
                accent: Rgb(43, 71, 201),
                text: Rgb(28, 27, 25),
                muted: Rgb(110, 107, 100),
                line: Rgb(222, 220, 214),
                fill: Rgb(244, 243, 240),
            },
            used: Vec::new(),
            pictures: Vec::new(),
            pictograms: Pictograms::default(),
            wanted: Vec::new(),
            loaded: HashMap::new(),
            tags: vec![root("Artifact"), root("Document")],
            marks: vec![Mark::default()],
            notices: Vec::new(),
            fits: Vec::new(),
            computed: Record::new(),
            furniture: false,
            measuring: false,
            at_top: false,
            headings: Vec::new(),
            level: 0,
            blocks: 0,
            glyphs: 0,
            pixels: 0,
            bytes: 0,
        }
    }

    /// Lays out blocks below one another.
    pub(crate) fn blocks(
        &mut self,
        blocks: &[Block],
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let mut strips: Vec<Strip> = Vec::new();
        let gap = self.template.theme.gap * MM;
        let mut pending = 0.0_f32;
        let mut break_next = false;
        for block in blocks {
            if let BlockKind::PageBreak = block.kind {
                if self.shown(block)? {
                    break_next = true;
                }
                continue;
            }
            let mut found = self.block(block, width, parent)?;
            if found.is_empty() {
                continue;
            }
            let before = pending.max(block.before * MM);
            if before > 0.0 && !strips.is_empty() {
                let keep = strips.last().is_some_and(|strip| strip.keep_next);
                strips.push(Strip {
                    keep_next: keep,
                    ..Strip::space(before)
                });
            } else if block.before > 0.0 && strips.is_empty() {
                strips.push(Strip::space(block.before * MM));
            }
            if let Some(first) = found.first_mut() {
                first.break_before |= block.break_before || break_next;
            }
            break_next = false;
            if block.keep_with_next {
                // What may go over several pages keeps only its end.
                let breaks = matches!(
                    block.kind,
                    BlockKind::Table(_)
                        | BlockKind::Repeat(_)
                        | BlockKind::Columns(_)
                        | BlockKind::Plan(_)
                );
                let first = if breaks {
                    found.len().saturating_sub(1)
                } else {
                    0
                };
                for strip in found.iter_mut().skip(first) {
                    strip.keep_next = true;
                }
            }
            pending = block.after.map_or(gap, |after| after * MM);
            strips.append(&mut found);
        }
        if break_next && let Some(last) = strips.last_mut() {
            last.keep_next = false;
        }
        // Space that a block asks for itself also counts at the end of its list.
        if let Some(after) = blocks.last().and_then(|block| block.after)
            && after > 0.0
            && !strips.is_empty()
        {
            strips.push(Strip::space(after * MM));
        }
        Ok(strips)
    }

    fn shown(&mut self, block: &Block) -> Result<bool, DocumentError> {
        match &block.when {
            Some(when) => {
                let (value, missing) = self.scope.value(when, &block.id)?;
                if missing.is_some() {
                    let mark = self.mark(block);
                    self.tell_lost(missing, mark);
                }
                Ok(holds(&value))
            }
            None => Ok(true),
        }
    }

    fn block(
        &mut self,
        block: &Block,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        self.count_block()?;
        if !self.shown(block)? {
            return Ok(Vec::new());
        }
        let rise = if std::mem::take(&mut self.at_top) {
            self.template.page.top * MM
        } else {
            0.0
        };
        let mark = self.mark(block);
        self.spend_mark(block)?;
        let outer = (self.language, self.direction);
        self.language = block.language.unwrap_or(self.language);
        self.direction = block.direction.or(self.direction);
        let mut strips = match &block.kind {
            BlockKind::Box(own) if own.bleed => self.boxed(own, (mark, rise), width, parent)?,
            kind => self.kind(kind, mark, width, parent)?,
        };
        (self.language, self.direction) = outer;
        self.spend_drawn(&block.kind, &strips)?;
        let page = &self.template.page;
        for strip in &mut strips {
            if strip.foot.is_some() {
                // It goes over the whole paper.
                strip.marks.push((mark, -page.left * MM, page.width * MM));
            } else if !strip.space {
                strip.marks.push((mark, 0.0, width));
            }
        }
        Ok(strips)
    }

    fn kind(
        &mut self,
        kind: &BlockKind,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        match kind {
            BlockKind::Heading(block) => self.heading(block, mark, width, parent),
            BlockKind::Text(block) => self.text(block, mark, width, parent),
            BlockKind::Markdown(block) => self.markdown(block, mark, width, parent),
            BlockKind::KeyValue(block) => self.key_value(block, mark, width, parent),
            BlockKind::Image(block) => self.image(block, mark, width, parent),
            BlockKind::Columns(block) => self.columns(block, width, parent),
            BlockKind::Box(block) => self.boxed(block, (mark, 0.0), width, parent),
            BlockKind::Table(block) => self.table(block, mark, width, parent),
            BlockKind::Totals(block) => self.totals(block, mark, width, parent),
            BlockKind::Qr(block) => self.qr(block, mark, width, parent),
            BlockKind::Barcode(block) => self.barcode(block, mark, width, parent),
            BlockKind::Chart(block) => self.chart(block, mark, width, parent),
            BlockKind::SwissBill(block) => self.swiss_bill(block, mark, parent),
            BlockKind::Plan(block) => self.plan(block, mark, width, parent),
            BlockKind::Signature(block) => self.signature(block, mark, width, parent),
            BlockKind::Rule(block) => self.rule(block, mark, width),
            BlockKind::Spacer(block) => Ok(vec![Strip::space(block.height * MM)]),
            BlockKind::PageBreak => Ok(Vec::new()),
            BlockKind::KeepTogether(block) => self.keep_together(block, width, parent),
            BlockKind::Repeat(block) => self.repeat(block, mark, width, parent),
            BlockKind::If(block) => self.either(block, mark, width, parent),
        }
    }

    fn pieces(&mut self, leaf: &Leaf, mark: u32) -> Result<Vec<Piece>, DocumentError> {
        let block = &self.marks[mark as usize].block;
        let (pieces, missing) = self.scope.pieces(leaf, block)?;
        self.tell_lost(missing, mark);
        self.spend(pieces.iter().map(|piece| piece.text.len()).sum())?;
        Ok(pieces)
    }

    fn tell_lost(&mut self, missing: impl IntoIterator<Item = Missing>, mark: u32) {
        for missing in missing {
            let warning = match missing {
                Missing::Value(path) => {
                    let message = format!("`{path}` is empty and has no default");
                    Warning::new("value_missing", message).with("path", path)
                }
                Missing::Name(path) => {
                    let message = format!("there is no value `{path}`");
                    Warning::new("unknown_reference", message).with("path", path)
                }
            };
            self.notice(warning, mark);
        }
    }

    /// The words of a leaf that are not, or not only, for eyes.
    pub(crate) fn plain(&mut self, leaf: &Leaf, mark: u32) -> Result<String, DocumentError> {
        Ok(self
            .pieces(leaf, mark)?
            .into_iter()
            .filter(|piece| !piece.placeholder)
            .map(|piece| piece.text)
            .collect())
    }

    fn list(&mut self, leaf: &Leaf, mark: u32) -> Result<Vec<Value>, DocumentError> {
        match self.value_of(leaf, mark)? {
            Value::List(items) => Ok(items),
            Value::Empty => Ok(Vec::new()),
            other => {
                self.tell_kind(leaf, &other, Wanted::List, mark);
                Ok(Vec::new())
            }
        }
    }

    fn value_of(&mut self, leaf: &Leaf, mark: u32) -> Result<Value, DocumentError> {
        let block = &self.marks[mark as usize].block;
        let (value, missing) = self.scope.value(leaf, block)?;
        self.tell_lost(missing, mark);
        Ok(value)
    }

    /// Fills in the fields that the document computes, each of those before it.
    pub(crate) fn compute(&mut self) -> Result<(), DocumentError> {
        let template = self.template;
        for computed in &template.computed {
            let field = &template.fields[computed.index].field;
            let (value, missing) = self.scope.value(&computed.value, &field.name)?;
            self.tell_lost(missing, 0);
            let value = value
                .convert(&field.kind, &self.context.currency)
                .map_err(|mismatch| DocumentError::Expression {
                    code: "expression_failed",
                    message: mismatch.message,
                    pointer: computed.value.pointer.to_string(),
                    block: field.name.clone(),
                })?;
            self.scope.set(&field.name, value.clone());
            self.computed.insert(field.name.clone(), value);
        }
        Ok(())
    }

    fn tag(&mut self, role: &'static str, parent: TagId) -> TagId {
        if self.furniture || parent == 0 {
            return 0;
        }
        self.owe(memory::TAG);
        self.tags.push(Tag {
            role,
            parent,
            alt: None,
            actual_text: None,
            cells: Vec::new(),
            scope: None,
            numbering: None,
            columns: 1,
            language: self.language,
        });
        u32::try_from(self.tags.len() - 1).unwrap_or(0)
    }

    /// Whether what stands at the start stands on the right: cells, labels, pictures.
    fn right_to_left(&self) -> bool {
        match self.direction {
            Some(Direction::RightToLeft) => true,
            Some(Direction::LeftToRight) => false,
            Some(Direction::Auto) | None => self.template.page.right_to_left,
        }
    }

    /// The id of the block that was begun last.
    pub(crate) fn last_block(&self) -> &str {
        self.marks.last().map_or("", |mark| mark.block.as_str())
    }

    fn mark(&mut self, block: &Block) -> u32 {
        self.marks.push(Mark {
            block: block.id.clone(),
            pointer: block.pointer.clone(),
            columns: Vec::new(),
        });
        u32::try_from(self.marks.len() - 1).unwrap_or(0)
    }

    fn count_block(&mut self) -> Result<(), DocumentError> {
        self.blocks += 1;
        if self.blocks > self.limits.max_blocks {
            return Err(limit(LimitKind::Blocks, self.limits.max_blocks as u64));
        }
        self.spend(memory::BLOCK)?;
        // Also where nothing is shaped: a condition may take its time, too.
        if self.blocks.is_multiple_of(16) {
            self.check_stop()?;
        }
        Ok(())
    }

    pub(crate) fn count_glyphs(&mut self, glyphs: usize) -> Result<(), DocumentError> {
        self.glyphs = self.glyphs.saturating_add(glyphs);
        if self.glyphs > self.limits.max_glyphs {
            return Err(limit(LimitKind::Glyphs, self.limits.max_glyphs as u64));
        }
        Ok(())
    }

    /// Asked for every paragraph: shaping even a short one costs more than looking at the clock.
    pub(crate) fn check_stop(&self) -> Result<(), DocumentError> {
        match &self.limits.stop {
            Some(stop) if stop() => Err(DocumentError::Stopped),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn notice(&mut self, warning: Warning, mark: u32) {
        let block = &self.marks[mark as usize].block;
        let known = self.notices.iter().any(|other| {
            other.warning == warning && self.marks[other.mark as usize].block == *block
        });
        if !known && self.notices.len() < 200 {
            self.notices.push(Notice { warning, mark });
        }
    }
}

/// Of a locale; what no one can read is of no language.
fn language(locale: &str) -> Language {
    let first = locale.split(['-', '_']).next().unwrap_or_default();
    Language::parse(locale)
        .or_else(|_| Language::parse(first))
        .unwrap_or(Language::UND)
}

pub(crate) fn limit(kind: LimitKind, max: u64) -> DocumentError {
    DocumentError::Limit {
        kind,
        max,
        block: String::new(),
    }
}

fn items(height: f32, items: Vec<(f32, f32, Item)>) -> Strip {
    Strip {
        height,
        body: Body::Items(items),
        ..Strip::default()
    }
}
