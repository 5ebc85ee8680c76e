//! Tables bound to a list: a heading row that repeats, one row an item, in groups where the template has them, and rows of totals.

mod columns;
mod content;
mod shaping;
mod sums;

use std::rc::Rc;

use engine::{node::Warning, value::Value};

use super::Layouter;
use crate::{
    context::DocumentError,
    display::{Rgb, TagId},
    strip::{Body, Decor, Strip},
    template::{Column, Direction, Leaf, LineLimit, Table},
    text::{Look, Shaped, Span},
};

use columns::Place;
use shaping::TOGETHER;

/// Space between columns, and above and below a row's text, in millimetres.
const GUTTER: f32 = 4.0;
const ROW_PADDING: f32 = 1.6;
const HEAD_PADDING: f32 = 1.2;

/// Thickness of the lines below rows.
const LINE: f32 = 0.6;

/// A cell's text, the smaller second one, both with the lines that they may take, and what is added up of it.
struct Cell {
    spans: Vec<Span>,
    limit: Option<LineLimit>,
    detail: Option<(Vec<Span>, Option<LineLimit>)>,
    value: Value,
    /// The text, where it was shaped together with others.
    shaped: Option<Shaped>,
}

/// The rows of a group, or all rows of a table without groups.
struct Section {
    key: Value,
    items: Vec<Value>,
    rows: Vec<Vec<Cell>>,
    heading: Option<Vec<Span>>,
    sums: Option<Sums>,
}

/// A row of totals: its label, and one text a column.
struct Sums {
    label: Vec<Span>,
    cells: Vec<Vec<Span>>,
}

/// A table with its columns and colours.
struct Grid<'t> {
    table: &'t Table,
    places: Vec<Place>,
    head: Rgb,
    head_fill: Option<Rgb>,
    zebra: Rgb,
    line: Rgb,
    /// Lines between the columns and on both sides, and those on the sides alone.
    uprights: Option<(Rgb, Rc<[f32]>)>,
    sides: Option<(Rgb, Rc<[f32]>)>,
    mark: u32,
    width: f32,
}

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
            if table.hide_empty {
                return Ok(Vec::new());
            }
            let message = "the table's list has no rows";
            self.notice(Warning::new("list_empty", message), mark);
        }
        // Every cell is filled in once: its width decides the column's before its lines are set.
        let mut sections = self.sections(table, rows, mark)?;
        for (index, section) in sections.iter_mut().enumerate() {
            self.close_section(table, (index, section), mark)?;
        }
        let total = self.total(table, &sections, mark)?;
        let grid = self.grid(table, &mut sections, total.as_ref(), mark, width)?;
        let tag = self.tag("Table", parent);
        let head_tag = self.tag("THead", tag);
        let heading = self.heading_row(&grid, head_tag)?;
        let mut strips = Vec::new();
        if let Some(heading) = &heading {
            strips.push(Strip {
                keep_next: true,
                ..heading.clone()
            });
        }
        let head = heading.filter(|_| table.repeat_heading);
        if sections.is_empty() {
            let body = self.tag("TBody", tag);
            strips.push(self.empty_row(&grid, body)?);
        }
        let has_totals = total.is_some() || !table.totals.is_empty();
        let count = sections.len();
        for (index, section) in sections.into_iter().enumerate() {
            let mut found = self.section(&grid, section, head.as_ref(), tag)?;
            if let Some(first) = found.first_mut() {
                let new_page = table.group.as_ref().is_some_and(|group| group.new_page);
                first.break_before = new_page && index > 0;
            }
            if let Some(last) = found.last_mut() {
                // Totals never stand alone on a page.
                last.keep_next = has_totals && index + 1 == count;
            }
            strips.append(&mut found);
        }
        let foot = self.tag("TFoot", tag);
        let mut totals = Vec::new();
        if let Some(total) = &total {
            totals.push(self.sum_row(&grid, total, foot)?);
        }
        for texts in &table.totals {
            totals.push(self.total_row(&grid, texts, foot)?);
        }
        let head = head.map(|head| Rc::new(vec![head]));
        let count = totals.len();
        for (index, mut row) in totals.into_iter().enumerate() {
            row.head.clone_from(&head);
            row.keep_next = index + 1 < count;
            strips.push(row);
        }
        if !self.measuring {
            self.measured.clear();
        }
        Ok(strips)
    }

    /// The rows of a section, with its heading and its totals.
    fn section(
        &mut self,
        grid: &Grid<'_>,
        section: Section,
        head: Option<&Strip>,
        tag: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let table = grid.table;
        let body = self.tag("TBody", tag);
        let shared = |strips: &[Strip]| (!strips.is_empty()).then(|| Rc::new(strips.to_vec()));
        let mut heads: Vec<Strip> = head.cloned().into_iter().collect();
        let mut strips = Vec::new();
        if let Some(heading) = &section.heading {
            let row = self.group_row(grid, heading, body)?;
            strips.push(Strip {
                head: shared(&heads),
                keep_next: true,
                ..row.clone()
            });
            if table.repeat_heading {
                heads.push(row);
            }
        }
        let head = shared(&heads);
        let together = table
            .group
            .as_ref()
            .is_some_and(|group| group.keep_together);
        let (count, has_sums) = (section.rows.len(), section.sums.is_some());
        let mut rows = section.rows.into_iter().enumerate();
        loop {
            let mut some: Vec<(usize, Vec<Cell>)> = rows.by_ref().take(TOGETHER).collect();
            if some.is_empty() {
                break;
            }
            self.shape_rows(grid, &mut some)?;
            for (index, cells) in some {
                let mut row = self.body_row(grid, (index, cells), body)?;
                row.head.clone_from(&head);
                row.keep_next =
                    together || index + 1 < table.keep_first || has_sums && index + 1 == count;
                if let Body::Group(group) = &mut row.body {
                    group.together = !table.split_rows;
                }
                strips.push(row);
            }
        }
        if let Some(sums) = &section.sums {
            let mut row = self.sum_row(grid, sums, body)?;
            row.head = head;
            strips.push(row);
        }
        Ok(strips)
    }

    fn heading_row(&mut self, grid: &Grid<'_>, tag: TagId) -> Result<Option<Strip>, DocumentError> {
        let table = grid.table;
        if table.columns.iter().all(|column| column.heading.is_blank()) {
            return Ok(None);
        }
        let size = self.body_look(table.size).size * 0.88;
        let row = self.tag("TR", tag);
        let mut cells = Vec::new();
        for (column, place) in table.columns.iter().zip(&grid.places) {
            let look = Look {
                bold: table.look.head_bold,
                colour: grid.head,
                align: column.align,
                direction: self.column_direction(column),
                ..self.body_look(Some(size))
            };
            let cell_tag = self.cell_tag("TH", row);
            if cell_tag != 0 {
                self.tags[cell_tag as usize].scope = Some("Column");
            }
            let spans = self.spans(&column.heading, grid.mark)?;
            let cell = self.lines(&spans, &look, place.width, cell_tag, grid.mark)?;
            cells.push((place.x, place.width, cell));
        }
        let decor = Decor {
            fill: grid.head_fill,
            above: table.look.grid.then_some((grid.line, LINE)),
            below: Some((self.colours.text, 0.9)),
            uprights: grid.uprights.clone(),
            ..Decor::default()
        };
        let padding = table.look.padding.unwrap_or(HEAD_PADDING);
        Ok(Some(self.row(cells, grid.width, padding, decor)))
    }

    fn body_row(
        &mut self,
        grid: &Grid<'_>,
        (index, texts): (usize, Vec<Cell>),
        tag: TagId,
    ) -> Result<Strip, DocumentError> {
        let row = self.tag("TR", tag);
        let mut cells = Vec::new();
        for (number, text) in texts.into_iter().enumerate() {
            let (column, place) = (&grid.table.columns[number], &grid.places[number]);
            let look = self.column_look(grid.table, number, column.bold);
            let cell_tag = self.cell_tag("TD", row);
            let own = (cell_tag, grid.mark);
            let spans = (text.spans.as_slice(), text.shaped);
            let mut cell = match &text.limit {
                None => self.aligned(grid, number, spans, &look, cell_tag)?,
                limit => self.lines_within(limit.as_ref(), &text.spans, &look, place.width, own)?,
            };
            if let Some((spans, limit)) = text.detail
                && spans.iter().any(|span| !span.text.trim().is_empty())
            {
                let small = Look {
                    size: look.size * 0.86,
                    bold: false,
                    colour: self.colours.muted,
                    ..look
                };
                let limit = limit.as_ref();
                cell.append(&mut self.lines_within(limit, &spans, &small, place.width, own)?);
            }
            cells.push((place.x, place.width, cell));
        }
        let decor = Decor {
            fill: (grid.table.look.zebra && index % 2 == 1).then_some(grid.zebra),
            uprights: grid.uprights.clone(),
            ..grid.row_decor()
        };
        Ok(self.row(cells, grid.width, grid.padding(), decor))
    }

    /// The heading of a group, across all columns.
    fn group_row(
        &mut self,
        grid: &Grid<'_>,
        spans: &[Span],
        tag: TagId,
    ) -> Result<Strip, DocumentError> {
        let look = Look {
            bold: true,
            ..self.body_look(grid.table.size)
        };
        let row = self.tag("TR", tag);
        let place = grid.across(grid.places.len());
        let cell_tag = self.wide_tag("TH", row, grid.places.len());
        let cell = self.lines(spans, &look, place.width, cell_tag, grid.mark)?;
        let cells = vec![(place.x, place.width, cell)];
        let decor = Decor {
            uprights: grid.sides.clone(),
            ..grid.row_decor()
        };
        Ok(self.row(cells, grid.width, grid.padding(), decor))
    }

    /// What stands instead of the rows of an empty list.
    fn empty_row(&mut self, grid: &Grid<'_>, tag: TagId) -> Result<Strip, DocumentError> {
        let look = self.muted_look();
        let row = self.tag("TR", tag);
        let cell_tag = self.wide_tag("TD", row, grid.places.len());
        let spans = self.spans(&grid.table.empty, grid.mark)?;
        let cell = self.lines(&spans, &look, grid.width, cell_tag, grid.mark)?;
        let cells = vec![(0.0, grid.width, cell)];
        Ok(self.row(cells, grid.width, grid.padding(), grid.row_decor()))
    }

    /// A label across the columns before the first one that is added up, and what the others come to.
    fn sum_row(
        &mut self,
        grid: &Grid<'_>,
        sums: &Sums,
        tag: TagId,
    ) -> Result<Strip, DocumentError> {
        let first = grid.label_columns();
        let look = Look {
            bold: true,
            ..self.body_look(grid.table.size)
        };
        let row = self.tag("TR", tag);
        let place = grid.across(first);
        let cell_tag = self.wide_tag("TH", row, first);
        let label = self.lines(&sums.label, &look, place.width, cell_tag, grid.mark)?;
        let mut cells = vec![(place.x, place.width, label)];
        for (number, spans) in sums.cells.iter().enumerate().skip(first) {
            let place = &grid.places[number];
            let look = self.column_look(grid.table, number, true);
            let cell_tag = self.cell_tag("TD", row);
            let cell = self.aligned(grid, number, (spans, None), &look, cell_tag)?;
            cells.push((place.x, place.width, cell));
        }
        let decor = Decor {
            uprights: grid.sides.clone(),
            below: grid.table.look.grid.then_some((grid.line, LINE)),
            ..Decor::default()
        };
        Ok(self.row(cells, grid.width, grid.padding(), decor))
    }

    /// A row of texts, one a column; one with fewer texts still has all its cells.
    fn total_row(
        &mut self,
        grid: &Grid<'_>,
        texts: &[Leaf],
        tag: TagId,
    ) -> Result<Strip, DocumentError> {
        let row = self.tag("TR", tag);
        let blank = Leaf::default();
        let mut cells = Vec::new();
        for (number, place) in grid.places.iter().enumerate() {
            let spans = self.spans(texts.get(number).unwrap_or(&blank), grid.mark)?;
            let look = self.column_look(grid.table, number, true);
            let cell_tag = self.cell_tag("TD", row);
            let cell = self.aligned(grid, number, (&spans, None), &look, cell_tag)?;
            cells.push((place.x, place.width, cell));
        }
        let decor = Decor {
            uprights: grid.uprights.clone(),
            below: grid.table.look.grid.then_some((grid.line, LINE)),
            ..Decor::default()
        };
        Ok(self.row(cells, grid.width, grid.padding(), decor))
    }

    /// The tag of a cell that covers several columns.
    fn wide_tag(&mut self, role: &'static str, row: TagId, columns: usize) -> TagId {
        let tag = self.cell_tag(role, row);
        if tag != 0 {
            self.tags[tag as usize].columns = columns;
        }
        tag
    }

    fn column_look(&self, table: &Table, number: usize, bold: bool) -> Look {
        let column = &table.columns[number];
        Look {
            bold,
            tabular: true,
            align: column.align,
            direction: self.column_direction(column),
            ..self.body_look(table.size)
        }
    }

    /// A number is read from left to right in every language, so that the end of its column is on the right.
    fn column_direction(&self, column: &Column) -> Option<Direction> {
        if column.decimal {
            Some(Direction::LeftToRight)
        } else {
            column.direction.or(self.direction)
        }
    }
}

impl Grid<'_> {
    fn padding(&self) -> f32 {
        self.table.look.padding.unwrap_or(ROW_PADDING)
    }

    fn row_decor(&self) -> Decor {
        let look = &self.table.look;
        Decor {
            below: (look.lines || look.grid).then_some((self.line, LINE)),
            ..Decor::default()
        }
    }

    /// How many columns the label of a row of totals covers.
    fn label_columns(&self) -> usize {
        let columns = &self.table.columns;
        let first = columns.iter().position(|column| column.total.is_some());
        first.unwrap_or(columns.len()).max(1)
    }

    /// Place of a cell across the first columns.
    fn across(&self, columns: usize) -> Place {
        let (first, last) = (&self.places[0], &self.places[columns - 1]);
        Place {
            x: first.x,
            width: last.x + last.width - first.x,
            fraction: 0.0,
        }
    }
}
