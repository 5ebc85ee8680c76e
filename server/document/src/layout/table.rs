//! Tables bound to a list: a heading row that repeats, one row an item, rows of totals.

use std::rc::Rc;

use engine::node::Warning;

use super::{Layouter, boxes::share_width};
use crate::{
    context::DocumentError,
    display::{MM, TagId},
    strip::{Decor, Strip},
    template::{ColumnWidth, Leaf, Table},
    text::{Look, Span},
};

/// Rows of which every cell is measured for a column as wide as its content; of later rows only those with a long text.
const MEASURED_ROWS: usize = 100;

/// Space between columns, and above and below a row's text, in millimetres.
const GUTTER: f32 = 4.0;
const ROW_PADDING: f32 = 1.6;

/// Columns after sharing the width: x and width.
type Places = Vec<(f32, f32)>;

/// A row's texts, one a column, with the smaller second one.
type RowTexts = Vec<(Vec<Span>, Option<Vec<Span>>)>;

impl Layouter<'_> {
    pub(super) fn table(
        &mut self,
        table: &Table,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let rows = self.list(&table.rows, mark)?;
        if rows.is_empty() {
            self.notice(
                Warning::new("list_empty", "the table's list has no rows"),
                mark,
            );
            if table.hide_empty {
                return Ok(Vec::new());
            }
        }
        let origin = self.list_origin(&table.rows);
        // Every cell is filled in once: its width decides the column's before its lines are set.
        let mut texts: Vec<RowTexts> = Vec::with_capacity(rows.len());
        for (index, item) in rows.into_iter().enumerate() {
            let outer = self.scope.enter_item(item, index + 1, &origin);
            let row = self.row_texts(table, mark);
            self.scope.leave_item(outer);
            texts.push(row?);
        }
        let places = self.column_places(table, &texts, mark, width)?;
        let tag = self.tag("Table", parent);
        let (head_tag, body_tag, foot_tag) = (
            self.tag("THead", tag),
            self.tag("TBody", tag),
            self.tag("TFoot", tag),
        );
        let mut strips = Vec::new();
        let heading = self.heading_row(table, &places, mark, width, head_tag)?;
        let head = heading
            .clone()
            .filter(|_| table.repeat_heading)
            .map(|heading| Rc::new(vec![heading]));
        if let Some(mut heading) = heading {
            heading.keep_next = true;
            strips.push(heading);
        }
        if texts.is_empty() {
            let look = self.muted_look();
            let row = self.tag("TR", body_tag);
            let cell_tag = self.cell_tag("TD", row);
            if cell_tag != 0 {
                self.tags[cell_tag as usize].columns = table.columns.len();
            }
            let spans = self.spans(&table.empty, mark)?;
            let cell = self.lines(&spans, &look, width, cell_tag, mark)?;
            let decor = self.row_decor(table, 0);
            strips.push(self.row(vec![(0.0, width, cell)], width, ROW_PADDING, decor));
        }
        let count = texts.len();
        for (index, texts) in texts.into_iter().enumerate() {
            let mut row = self.body_row(table, &places, (index, texts), mark, width, body_tag)?;
            row.head.clone_from(&head);
            // Totals never stand alone on a page.
            row.keep_next = index + 1 == count && !table.totals.is_empty();
            strips.push(row);
        }
        for (index, texts) in table.totals.iter().enumerate() {
            let row = self.tag("TR", foot_tag);
            let mut cells = Vec::new();
            // A row of totals with fewer texts than columns still has all its cells.
            let blank = Leaf::default();
            let texts = texts.iter().chain(std::iter::repeat(&blank));
            for ((column, (x, cell_width)), leaf) in table.columns.iter().zip(&places).zip(texts) {
                let look = Look {
                    bold: true,
                    tabular: true,
                    align: column.align,
                    direction: column.direction.or(self.direction),
                    ..self.body_look(table.size)
                };
                cells.push((
                    *x,
                    *cell_width,
                    self.cell(leaf, &look, *cell_width, "TD", row, mark)?,
                ));
            }
            let mut strip = self.row(cells, width, ROW_PADDING, Decor::default());
            strip.head.clone_from(&head);
            strip.keep_next = index + 1 < table.totals.len();
            strips.push(strip);
        }
        if !self.measuring {
            self.measured.clear();
        }
        Ok(strips)
    }

    fn row_texts(&mut self, table: &Table, mark: u32) -> Result<RowTexts, DocumentError> {
        let mut texts = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            self.count_block()?;
            let value = self.spans(&column.value, mark)?;
            let detail = match &column.detail {
                Some(detail) => Some(self.spans(detail, mark)?),
                None => None,
            };
            texts.push((value, detail));
        }
        Ok(texts)
    }

    fn column_places(
        &mut self,
        table: &Table,
        texts: &[RowTexts],
        mark: u32,
        width: f32,
    ) -> Result<Places, DocumentError> {
        let inset = if table.zebra { 2.0 * MM } else { 0.0 };
        let gutters = GUTTER * MM * (table.columns.len() as f32 - 1.0).max(0.0);
        let look = Look {
            tabular: true,
            ..self.body_look(table.size)
        };
        let mut wanted = Vec::new();
        for (number, column) in table.columns.iter().enumerate() {
            let mut natural = 0.0_f32;
            if column.width == ColumnWidth::Auto {
                let heading = self.spans(&column.heading, mark)?;
                natural = self.natural_width(&heading, &look)?;
                let own = Look {
                    bold: column.bold,
                    direction: column.direction.or(self.direction),
                    ..look.clone()
                };
                let mut longest = 0;
                for (index, row) in texts.iter().enumerate() {
                    let (spans, _) = &row[number];
                    let letters: usize = spans.iter().map(|span| span.text.len()).sum();
                    if index < MEASURED_ROWS || letters * 5 >= longest * 4 {
                        natural = natural.max(self.natural_width(spans, &own)?);
                    }
                    longest = longest.max(letters);
                }
                let bold = Look { bold: true, ..own };
                for total in table.totals.iter().filter_map(|texts| texts.get(number)) {
                    let spans = self.spans(total, mark)?;
                    natural = natural.max(self.natural_width(&spans, &bold)?);
                }
                natural = (natural + 1.0).min(width * 0.5);
            }
            wanted.push((column.width, natural));
        }
        let mut x = inset;
        Ok(
            share_width(&wanted, (width - gutters - 2.0 * inset).max(10.0))
                .into_iter()
                .map(|column| {
                    let place = (x, column);
                    x += column + GUTTER * MM;
                    place
                })
                .collect(),
        )
    }

    fn heading_row(
        &mut self,
        table: &Table,
        places: &Places,
        mark: u32,
        width: f32,
        tag: TagId,
    ) -> Result<Option<Strip>, DocumentError> {
        if table.columns.iter().all(|column| column.heading.is_blank()) {
            return Ok(None);
        }
        let size = self.body_look(table.size).size * 0.88;
        let row = self.tag("TR", tag);
        let mut cells = Vec::new();
        for (column, (x, cell_width)) in table.columns.iter().zip(places) {
            let look = Look {
                colour: self.colours.muted,
                align: column.align,
                direction: column.direction.or(self.direction),
                ..self.body_look(Some(size))
            };
            let cell_tag = self.cell_tag("TH", row);
            if cell_tag != 0 {
                self.tags[cell_tag as usize].scope = Some("Column");
            }
            let spans = self.spans(&column.heading, mark)?;
            let cell = self.lines(&spans, &look, *cell_width, cell_tag, mark)?;
            cells.push((*x, *cell_width, cell));
        }
        let decor = Decor {
            below: Some((self.colours.text, 0.9)),
            ..Decor::default()
        };
        Ok(Some(self.row(cells, width, 1.2, decor)))
    }

    fn body_row(
        &mut self,
        table: &Table,
        places: &Places,
        (index, texts): (usize, RowTexts),
        mark: u32,
        width: f32,
        tag: TagId,
    ) -> Result<Strip, DocumentError> {
        let row = self.tag("TR", tag);
        let mut cells = Vec::new();
        for ((column, (x, cell_width)), (value, detail)) in
            table.columns.iter().zip(places).zip(texts)
        {
            let look = Look {
                bold: column.bold,
                tabular: true,
                align: column.align,
                direction: column.direction.or(self.direction),
                ..self.body_look(table.size)
            };
            let cell_tag = self.cell_tag("TD", row);
            let mut cell = self.lines(&value, &look, *cell_width, cell_tag, mark)?;
            if let Some(spans) = detail
                && spans.iter().any(|span| !span.text.trim().is_empty())
            {
                let small = Look {
                    size: look.size * 0.86,
                    bold: false,
                    colour: self.colours.muted,
                    ..look
                };
                cell.append(&mut self.lines(&spans, &small, *cell_width, cell_tag, mark)?);
            }
            cells.push((*x, *cell_width, cell));
        }
        let decor = self.row_decor(table, index);
        Ok(self.row(cells, width, ROW_PADDING, decor))
    }

    fn row_decor(&self, table: &Table, index: usize) -> Decor {
        Decor {
            fill: (table.zebra && index % 2 == 1).then_some(self.colours.fill),
            below: table.lines.then_some((self.colours.line, 0.6)),
            ..Decor::default()
        }
    }
}
