//! Blocks to strips. Holds what all kinds of blocks share: the scope, the theme, the structure tree, warnings and the counters of the
//! limits. Tables and lists of pairs have files of their own.

mod pairs;
mod picture;
mod table;

use std::{collections::HashMap, sync::Arc};

use engine::{node::Warning, value::Value};

use crate::{
    Template,
    context::{Assets, Context, DocumentError, LimitKind, Limits},
    display::{Item, MM, Mark, Picture, Rgb, Tag, TagId},
    fonts::{Fonts, Shaper},
    scope::{Piece, Scope, holds},
    strip::{Body, Decor, Group, GroupCell, Strip, total},
    template::{Block, BlockKind, BoxStyle, Cell, ColumnWidth, Leaf, Run, TextStyle},
    text::{self, Look, Setting, Span},
};

/// Colours and sizes after their values are filled in.
#[derive(Clone, Debug)]
pub(crate) struct Colours {
    pub(crate) accent: Rgb,
    pub(crate) text: Rgb,
    pub(crate) muted: Rgb,
    pub(crate) line: Rgb,
    pub(crate) fill: Rgb,
}

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
    pub(crate) scope: Scope,
    pub(crate) colours: Colours,
    pub(crate) used: Vec<parley::FontData>,
    pub(crate) pictures: Vec<Picture>,
    pub(crate) loaded: HashMap<picture::Key, Option<usize>>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) notices: Vec<Notice>,
    /// Header and footer stay out of the structure tree.
    pub(crate) furniture: bool,
    /// The next block stands at the very top of a page's header.
    pub(crate) at_top: bool,
    /// Names a document that has no title of its own.
    pub(crate) first_heading: String,
    pub(crate) blocks: usize,
    pub(crate) glyphs: usize,
    pub(crate) pixels: u64,
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
        let root = |role| Tag {
            role,
            parent: 0,
            alt: None,
            scope: None,
            columns: 1,
        };
        Self {
            template,
            context,
            assets,
            limits,
            fonts,
            shaper: fonts.shaper(),
            scope,
            colours: Colours {
                accent: Rgb(43, 71, 201),
                text: Rgb(28, 27, 25),
                muted: Rgb(110, 107, 100),
                line: Rgb(222, 220, 214),
                fill: Rgb(244, 243, 240),
            },
            used: Vec::new(),
            pictures: Vec::new(),
            loaded: HashMap::new(),
            tags: vec![root("Artifact"), root("Document")],
            marks: vec![Mark {
                block: String::new(),
                pointer: String::new(),
            }],
            notices: Vec::new(),
            furniture: false,
            at_top: false,
            first_heading: String::new(),
            blocks: 0,
            glyphs: 0,
            pixels: 0,
        }
    }

    /// Fills in the theme's colours; a value that is no colour keeps the default.
    pub(crate) fn resolve_theme(&mut self) -> Result<(), DocumentError> {
        let theme = &self.template.theme;
        let mut colours = self.colours.clone();
        for (leaf, colour) in [
            (&theme.accent, &mut colours.accent),
            (&theme.text, &mut colours.text),
            (&theme.muted, &mut colours.muted),
            (&theme.line, &mut colours.line),
            (&theme.fill, &mut colours.fill),
        ] {
            let text = self.plain(leaf, 0)?;
            match parse_colour(&text) {
                Some(found) => *colour = found,
                None if text.is_empty() => {}
                None => self.notice(no_colour(&text), 0),
            }
        }
        self.colours = colours;
        Ok(())
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
                    BlockKind::Table(_) | BlockKind::Repeat { .. } | BlockKind::Columns { .. }
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
            Some(when) => Ok(holds(&self.scope.value(when, &block.id)?)),
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
        if let BlockKind::Box { blocks, style } = &block.kind
            && style.bleed
            && rise > 0.0
        {
            let mark = self.mark(block);
            let mut strips = self.boxed(blocks, style, (mark, rise), width, parent)?;
            for strip in &mut strips {
                strip.marks.push((mark, 0.0, width));
            }
            return Ok(strips);
        }
        let mark = self.mark(block);
        let mut strips = self.kind(block, mark, width, parent)?;
        for strip in &mut strips {
            if !strip.space {
                strip.marks.push((mark, 0.0, width));
            }
        }
        Ok(strips)
    }

    fn kind(
        &mut self,
        block: &Block,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        match &block.kind {
            BlockKind::Heading { level, runs, style } => {
                let role = match level {
                    2 => "H2",
                    3 => "H3",
                    _ => "H1",
                };
                let base = self.heading_look(*level);
                self.paragraph(runs, style, &base, width, (role, parent), mark)
            }
            BlockKind::Text { runs, style } => {
                let base = self.body_look(None);
                self.paragraph(runs, style, &base, width, ("P", parent), mark)
            }
            BlockKind::KeyValue(pairs) => self.key_value(pairs, mark, width, parent),
            BlockKind::Image {
                source,
                width: w,
                height: h,
                align,
                alt,
            } => self.image(source, (*w, *h), *align, alt, mark, width, parent),
            BlockKind::Columns { cells, gap } => self.columns(cells, *gap * MM, width, parent),
            BlockKind::Box { blocks, style } => {
                self.boxed(blocks, style, (mark, 0.0), width, parent)
            }
            BlockKind::Table(table) => self.table(table, mark, width, parent),
            BlockKind::Totals {
                lines,
                width: w,
                size,
            } => self.totals(lines, *w * MM, *size, mark, width, parent),
            BlockKind::Qr {
                content,
                size,
                align,
                alt,
            } => self.qr(content, *size * MM, *align, alt, mark, width, parent),
            BlockKind::Rule { colour, thickness } => {
                let fill = self.colour(colour, mark)?;
                let rect = Item::Rect {
                    width,
                    height: *thickness,
                    fill,
                    radius: 0.0,
                };
                Ok(vec![items(*thickness, vec![(0.0, 0.0, rect)])])
            }
            BlockKind::Spacer { height } => Ok(vec![Strip::space(*height * MM)]),
            BlockKind::PageBreak => Ok(Vec::new()),
            BlockKind::KeepTogether { blocks } => {
                let strips = self.blocks(blocks, width, parent)?;
                Ok(one_group(strips, Decor::default(), (0.0, 0.0), 0.0, 0.0))
            }
            BlockKind::Repeat {
                list,
                blocks,
                empty,
            } => self.repeat(list, blocks, empty.as_ref(), mark, width, parent),
            BlockKind::If {
                when,
                then,
                otherwise,
            } => {
                let yes = holds(&self.scope.value(when, &block.id)?);
                self.blocks(if yes { then } else { otherwise }, width, parent)
            }
        }
    }

    fn repeat(
        &mut self,
        list: &Leaf,
        blocks: &[Block],
        empty: Option<&Leaf>,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let items = self.list(list, mark)?;
        if items.is_empty() {
            return if let Some(text) = empty {
                let look = self.muted_look();
                self.simple(text, &look, width, ("P", parent), mark)
            } else {
                self.notice(
                    Warning::new("list_empty", "the list has no items, so nothing is shown"),
                    mark,
                );
                Ok(Vec::new())
            };
        }
        let origin = self.list_origin(list);
        let gap = blocks
            .last()
            .and_then(|block| block.after)
            .map_or(self.template.theme.gap * MM, |_| 0.0);
        let mut strips = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let outer = self.scope.enter_item(item, index + 1, &origin);
            let found = self.blocks(blocks, width, parent);
            self.scope.leave_item(outer);
            let mut found = found?;
            if index > 0 && !found.is_empty() && gap > 0.0 {
                strips.push(Strip::space(gap));
            }
            strips.append(&mut found);
        }
        Ok(strips)
    }

    fn columns(
        &mut self,
        cells: &[Cell],
        gap: f32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let gaps = gap * (cells.len().saturating_sub(1)) as f32;
        let wanted: Vec<(ColumnWidth, f32)> = cells.iter().map(|cell| (cell.width, 0.0)).collect();
        let widths = share_width(&wanted, (width - gaps).max(10.0));
        let mut x = 0.0;
        let mut group = Group::default();
        let right_to_left = self.template.page.right_to_left;
        for (cell, cell_width) in cells.iter().zip(widths) {
            let strips = self.blocks(&cell.blocks, cell_width, parent)?;
            group.cells.push(GroupCell {
                x: if right_to_left {
                    width - x - cell_width
                } else {
                    x
                },
                middle: cell.middle,
                strips,
            });
            x += cell_width + gap;
        }
        if group.cells.iter().all(|cell| cell.strips.is_empty()) {
            return Ok(Vec::new());
        }
        // Boxes beside each other end on one line.
        let height = group.height();
        for cell in &mut group.cells {
            if let [strip] = cell.strips.as_mut_slice() {
                strip.stretch(height);
            }
        }
        Ok(vec![Strip::group(group)])
    }

    fn boxed(
        &mut self,
        blocks: &[Block],
        style: &BoxStyle,
        (mark, rise): (u32, f32),
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let page = &self.template.page;
        let (left, right) = if style.bleed {
            (page.left * MM, page.right * MM)
        } else {
            (0.0, 0.0)
        };
        let padding = style.padding * MM;
        let side = if style.bleed { 0.0 } else { padding };
        let inner = (width - 2.0 * side).max(10.0);
        let strips = self.blocks(blocks, inner, parent)?;
        let mut decor = Decor {
            x: -left,
            width: width + left + right,
            rise,
            radius: style.radius * MM,
            ..Decor::default()
        };
        if let Some(fill) = &style.fill {
            decor.fill = Some(self.colour(fill, mark)?);
        }
        if let Some(border) = &style.border {
            decor.border = Some(self.colour(border, mark)?);
        }
        let mut found = one_group(
            strips,
            decor,
            ((padding - rise).max(0.0), padding),
            side,
            (style.min_height * MM - rise).max(0.0),
        );
        if let (Some(background), Some(strip)) = (&style.background, found.first_mut())
            && let Body::Group(group) = &mut strip.body
        {
            let (sx, sy) = (
                group.decor.width / background.width,
                (strip.height + rise) / background.height,
            );
            for shape in &background.shapes {
                let fill = self.colour(&shape.fill, mark)?;
                let segments = shape
                    .segments
                    .iter()
                    .map(|segment| segment.scaled(sx, sy))
                    .collect();
                group.decor.shapes.push((fill, Arc::new(segments)));
            }
        }
        Ok(found)
    }

    /// A paragraph of runs.
    fn paragraph(
        &mut self,
        runs: &[Run],
        style: &TextStyle,
        base: &Look,
        width: f32,
        (role, parent): (&'static str, TagId),
        mark: u32,
    ) -> Result<Vec<Strip>, DocumentError> {
        let mut look = base.clone();
        look.size = style.size.unwrap_or(look.size);
        look.bold = style.bold.unwrap_or(look.bold);
        look.italic |= style.italic;
        look.serif = style.serif.unwrap_or(look.serif);
        look.line_height = style.line_height.unwrap_or(look.line_height);
        look.align = style.align;
        if style.tracking != 0.0 {
            look.tracking = style.tracking;
        }
        if let Some(colour) = &style.colour {
            look.colour = self.colour(colour, mark)?;
        }
        let tag = self.tag(role, parent);
        let mut spans: Vec<Span> = Vec::new();
        for run in runs {
            let colour = match &run.colour {
                Some(leaf) => Some(self.colour(leaf, mark)?),
                None => None,
            };
            let link = match &run.link {
                Some(leaf) => self.link(leaf, mark)?,
                None => None,
            };
            let link_tag = if link.is_some() {
                self.tag("Link", tag)
            } else {
                0
            };
            for piece in self.pieces(&run.text, mark)? {
                spans.push(Span {
                    text: piece.text,
                    bold: run.bold,
                    italic: run.italic,
                    colour: colour.or_else(|| link.as_ref().map(|_| self.colours.accent)),
                    link: link.clone(),
                    link_tag,
                    origin: piece.origin.map(Into::into),
                });
            }
        }
        if spans.iter().all(|span| span.text.trim().is_empty()) {
            return Ok(Vec::new());
        }
        if role.starts_with('H') && self.first_heading.is_empty() && !self.furniture {
            self.first_heading = spans.iter().map(|span| span.text.as_str()).collect();
        }
        self.lines(&spans, &look, width, tag, mark)
    }

    /// One leaf as a paragraph.
    fn simple(
        &mut self,
        leaf: &Leaf,
        look: &Look,
        width: f32,
        (role, parent): (&'static str, TagId),
        mark: u32,
    ) -> Result<Vec<Strip>, DocumentError> {
        let spans = self.spans(leaf, mark)?;
        let tag = self.tag(role, parent);
        self.lines(&spans, look, width, tag, mark)
    }

    fn spans(&mut self, leaf: &Leaf, mark: u32) -> Result<Vec<Span>, DocumentError> {
        let pieces = self.pieces(leaf, mark)?;
        Ok(pieces
            .into_iter()
            .map(|piece| Span {
                text: piece.text,
                origin: piece.origin.map(Into::into),
                ..Span::default()
            })
            .collect())
    }

    /// Spans to strips, one a line; never one line alone at the foot or the head of a page.
    fn lines(
        &mut self,
        spans: &[Span],
        look: &Look,
        width: f32,
        tag: TagId,
        mark: u32,
    ) -> Result<Vec<Strip>, DocumentError> {
        let paragraph = self.set(spans, look, width, tag, mark)?;
        let count = paragraph.lines.len();
        Ok(paragraph
            .lines
            .into_iter()
            .enumerate()
            .map(|(index, line)| Strip {
                keep_next: count > 1 && (index == 0 || index + 2 == count),
                ..items(line.height, line.items)
            })
            .collect())
    }

    fn set(
        &mut self,
        spans: &[Span],
        look: &Look,
        width: f32,
        tag: TagId,
        mark: u32,
    ) -> Result<text::Paragraph, DocumentError> {
        self.check_length(spans)?;
        let mut setting = Setting {
            fonts: self.fonts,
            shaper: &mut self.shaper,
            used: &mut self.used,
            locale: &self.context.locale,
            right_to_left: self.template.page.right_to_left,
        };
        let paragraph = text::set(&mut setting, spans, look, width, tag, mark);
        self.glyphs += paragraph.glyphs;
        if self.glyphs > self.limits.max_glyphs {
            return Err(limit(LimitKind::Glyphs, self.limits.max_glyphs as u64));
        }
        if !paragraph.missing.is_empty() {
            let letters: Vec<String> = paragraph
                .missing
                .iter()
                .take(8)
                .map(|letter| format!("{letter} (U+{:04X})", u32::from(*letter)))
                .collect();
            let letters = letters.join(", ");
            let message = format!("no font here can draw {letters}");
            self.notice(
                Warning::new("missing_glyph", message).with("letters", letters),
                mark,
            );
        }
        if paragraph.number_cut {
            let message = "a number does not fit into its line and goes on in the next";
            self.notice(Warning::new("number_cut", message), mark);
        }
        if paragraph.overflow {
            let message = "a text is wider than its place";
            self.notice(Warning::new("text_overflow", message), mark);
        }
        Ok(paragraph)
    }

    /// A text that is too long is not even measured.
    fn check_length(&self, spans: &[Span]) -> Result<(), DocumentError> {
        self.check_stop()?;
        let most = self.limits.max_text_length;
        // Bytes first: they are known without counting.
        let bytes: usize = spans.iter().map(|span| span.text.len()).sum();
        let letters = || -> usize { spans.iter().map(|span| span.text.chars().count()).sum() };
        if bytes > most && letters() > most {
            return Err(limit(LimitKind::TextLength, most as u64));
        }
        Ok(())
    }

    fn natural_width(&mut self, spans: &[Span], look: &Look) -> Result<f32, DocumentError> {
        self.check_length(spans)?;
        let mut setting = Setting {
            fonts: self.fonts,
            shaper: &mut self.shaper,
            used: &mut self.used,
            locale: &self.context.locale,
            right_to_left: self.template.page.right_to_left,
        };
        Ok(text::natural_width(&mut setting, spans, look))
    }

    fn pieces(&mut self, leaf: &Leaf, mark: u32) -> Result<Vec<Piece>, DocumentError> {
        let block = self.marks[mark as usize].block.clone();
        let (pieces, missing) = self.scope.pieces(leaf, &block)?;
        for missing in missing {
            let message = format!("`{}` is empty and has no default", missing.0);
            self.notice(
                Warning::new("value_missing", message).with("path", missing.0),
                mark,
            );
        }
        Ok(pieces)
    }

    pub(crate) fn plain(&mut self, leaf: &Leaf, mark: u32) -> Result<String, DocumentError> {
        Ok(self
            .pieces(leaf, mark)?
            .into_iter()
            .map(|piece| piece.text)
            .collect())
    }

    fn list(&mut self, leaf: &Leaf, mark: u32) -> Result<Vec<Value>, DocumentError> {
        let block = self.marks[mark as usize].block.clone();
        match self.scope.value(leaf, &block)? {
            Value::List(items) => Ok(items),
            Value::Empty => Ok(Vec::new()),
            other => {
                let kind = other.kind_name();
                let message = format!("`{}` is {kind}, not a list", leaf.source);
                self.notice(
                    Warning::new("not_a_list", message)
                        .with("source", leaf.source.as_str())
                        .with("kind", kind),
                    mark,
                );
                Ok(Vec::new())
            }
        }
    }

    fn list_origin(&self, leaf: &Leaf) -> String {
        match leaf.parts.as_slice() {
            [crate::template::Part::Hole { path, .. }] => {
                self.scope.origin(path).unwrap_or_default()
            }
            _ => String::new(),
        }
    }

    /// Only web, mail and phone addresses become links.
    fn link(&mut self, leaf: &Leaf, mark: u32) -> Result<Option<Arc<str>>, DocumentError> {
        let url = self.plain(leaf, mark)?.trim().to_owned();
        let safe = ["https://", "http://", "mailto:", "tel:"]
            .iter()
            .any(|scheme| {
                url.get(..scheme.len())
                    .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
            });
        if url.is_empty() {
            return Ok(None);
        }
        if !safe
            || url.len() > 2_000
            || url
                .chars()
                .any(|letter| letter.is_whitespace() || letter.is_control())
        {
            let url = shortened(&url);
            let message = format!("`{url}` is not a web, mail or phone address");
            self.notice(Warning::new("link", message).with("url", url), mark);
            return Ok(None);
        }
        Ok(Some(url.into()))
    }

    fn colour(&mut self, leaf: &Leaf, mark: u32) -> Result<Rgb, DocumentError> {
        let text = self.plain(leaf, mark)?;
        Ok(match text.trim() {
            "accent" => self.colours.accent,
            "text" => self.colours.text,
            "muted" => self.colours.muted,
            "line" => self.colours.line,
            "fill" => self.colours.fill,
            "white" => Rgb(255, 255, 255),
            "accent_soft" => mix(self.colours.accent, 0.92),
            other => {
                if let Some(colour) = parse_colour(other) {
                    colour
                } else {
                    self.notice(no_colour(other), mark);
                    self.colours.text
                }
            }
        })
    }

    pub(crate) fn body_look(&self, size: Option<f32>) -> Look {
        let theme = &self.template.theme;
        Look {
            size: size.unwrap_or(theme.size),
            serif: theme.serif,
            bold: false,
            italic: false,
            colour: self.colours.text,
            line_height: theme.line_height,
            align: crate::template::Align::Start,
            tracking: 0.0,
            tabular: false,
        }
    }

    fn muted_look(&self) -> Look {
        Look {
            colour: self.colours.muted,
            ..self.body_look(None)
        }
    }

    fn heading_look(&self, level: u8) -> Look {
        let theme = &self.template.theme;
        let factor = match level {
            2 => 1.35,
            3 => 1.08,
            _ => 2.2,
        };
        Look {
            size: theme.size * factor,
            serif: theme.serif_headings,
            bold: true,
            line_height: if level == 3 { 1.35 } else { 1.2 },
            tracking: if theme.serif_headings || level > 1 {
                0.0
            } else {
                -14.0
            },
            ..self.body_look(None)
        }
    }

    fn tag(&mut self, role: &'static str, parent: TagId) -> TagId {
        if self.furniture || parent == 0 {
            return 0;
        }
        self.tags.push(Tag {
            role,
            parent,
            alt: None,
            scope: None,
            columns: 1,
        });
        u32::try_from(self.tags.len() - 1).unwrap_or(0)
    }

    fn mark(&mut self, block: &Block) -> u32 {
        self.marks.push(Mark {
            block: block.id.clone(),
            pointer: block.pointer.clone(),
        });
        u32::try_from(self.marks.len() - 1).unwrap_or(0)
    }

    fn count_block(&mut self) -> Result<(), DocumentError> {
        self.blocks += 1;
        if self.blocks > self.limits.max_blocks {
            return Err(limit(LimitKind::Blocks, self.limits.max_blocks as u64));
        }
        // Also where nothing is shaped: a condition may take its time, too.
        if self.blocks.is_multiple_of(16) {
            self.check_stop()?;
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

pub(crate) fn limit(kind: LimitKind, max: u64) -> DocumentError {
    DocumentError::Limit { kind, max }
}

fn items(height: f32, items: Vec<(f32, f32, Item)>) -> Strip {
    Strip {
        height,
        body: Body::Items(items),
        ..Strip::default()
    }
}

/// All strips in one box that moves to the next page as a whole.
fn one_group(
    strips: Vec<Strip>,
    decor: Decor,
    (top, bottom): (f32, f32),
    side: f32,
    min_height: f32,
) -> Vec<Strip> {
    let plain = decor.fill.is_none() && decor.border.is_none() && min_height == 0.0;
    if strips.is_empty() && plain {
        return Vec::new();
    }
    vec![Strip::group(Group {
        top,
        bottom,
        min_height: min_height.max(if total(&strips) > 0.0 { 0.0 } else { 1.0 }),
        cells: vec![GroupCell {
            x: side,
            middle: false,
            strips,
        }],
        decor,
    })]
}

/// Widths of columns; `auto` ones bring their natural width. Never wider than `width` together.
fn share_width(wanted: &[(ColumnWidth, f32)], width: f32) -> Vec<f32> {
    let fixed: f32 = wanted
        .iter()
        .map(|(kind, natural)| match kind {
            ColumnWidth::Fixed(mm) => mm * MM,
            ColumnWidth::Auto => *natural,
            ColumnWidth::Fraction(_) => 0.0,
        })
        .sum();
    let shares: f32 = wanted
        .iter()
        .map(|(kind, natural)| match kind {
            ColumnWidth::Fraction(share) => *share,
            ColumnWidth::Auto if *natural == 0.0 => 1.0,
            ColumnWidth::Auto | ColumnWidth::Fixed(_) => 0.0,
        })
        .sum();
    // Shares keep at least a third; what is fixed shrinks before text has no room.
    let room_fixed = if shares > 0.0 { width * 0.67 } else { width };
    let shrink = if fixed > room_fixed {
        room_fixed / fixed
    } else {
        1.0
    };
    let left = (width - fixed * shrink).max(0.0);
    let stretch = if shares == 0.0 && fixed > 0.0 {
        width / (fixed * shrink)
    } else {
        1.0
    };
    wanted
        .iter()
        .map(|(kind, natural)| match kind {
            ColumnWidth::Fixed(mm) => mm * MM * shrink * stretch,
            ColumnWidth::Auto if *natural > 0.0 => natural * shrink * stretch,
            ColumnWidth::Auto => left / shares,
            ColumnWidth::Fraction(share) => left * share / shares,
        })
        .map(|width| width.max(1.0))
        .collect()
}

fn no_colour(text: &str) -> Warning {
    let text = shortened(text);
    let message = format!("`{text}` is not a colour such as #2b47c9");
    Warning::new("colour", message).with("text", text)
}

fn parse_colour(text: &str) -> Option<Rgb> {
    let digits = text.trim().strip_prefix('#')?;
    if digits.len() != 6 || !digits.is_ascii() {
        return None;
    }
    let byte = |from: usize| u8::from_str_radix(&digits[from..from + 2], 16).ok();
    Some(Rgb(byte(0)?, byte(2)?, byte(4)?))
}

/// Towards white by `share`.
fn mix(colour: Rgb, share: f32) -> Rgb {
    let part = |value: u8| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between two bytes"
        )]
        {
            (f32::from(value) + (255.0 - f32::from(value)) * share) as u8
        }
    };
    Rgb(part(colour.0), part(colour.1), part(colour.2))
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
