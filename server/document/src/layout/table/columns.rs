//! Columns of a table: how wide they are, where their numbers stand, and what is drawn between them.

use std::rc::Rc;

use super::{GUTTER, Grid, Layouter, Section, Sums, shaping::TOGETHER};
use crate::{
    context::DocumentError,
    display::{MM, TagId},
    layout::boxes::share_width,
    strip::Strip,
    template::{Column, ColumnWidth, Table},
    text::{Look, Shaped, Span},
};

/// Rows of which every cell is measured for a column as wide as its content; of later rows only those with a long text.
const MEASURED_ROWS: usize = 100;

/// Bytes of a column's texts that are kept shaped from measuring to setting; what comes after them is shaped twice.
const MOST_KEPT: usize = 100_000;

/// Space on both sides of a table with grounds or lines around its cells, in millimetres.
const INSET: f32 = 2.0;

/// A column after sharing the width.
pub(super) struct Place {
    pub(super) x: f32,
    pub(super) width: f32,
    /// The widest that stands from a decimal mark on.
    pub(super) fraction: f32,
}

/// What the cells of a column need.
#[derive(Default)]
struct Wants {
    heading: f32,
    /// Up to the decimal mark, or all of it in a column without.
    whole: f32,
    fraction: f32,
}

impl Layouter<'_> {
    /// A table's columns and colours, after all that stands in it is known.
    pub(super) fn grid<'t>(
        &mut self,
        table: &'t Table,
        sections: &mut [Section],
        total: Option<&Sums>,
        mark: u32,
        width: f32,
    ) -> Result<Grid<'t>, DocumentError> {
        let look = &table.look;
        let places = self.places(table, sections, total, mark, width)?;
        self.spend(places.len() * size_of::<(f32, f32)>())?;
        let is_mirrored = self.right_to_left();
        let columns = places.iter().map(|place| {
            let left = if is_mirrored {
                width - place.x - place.width
            } else {
                place.x
            };
            (left, place.width)
        });
        self.marks[mark as usize].columns = columns.collect();
        let line = match &look.line_colour {
            Some(colour) => self.colour(colour, mark)?,
            None => self.colours.line,
        };
        let (mut uprights, mut sides) = (None, None);
        if look.grid {
            let between = places.windows(2).map(|pair| {
                let x = f32::midpoint(pair[0].x + pair[0].width, pair[1].x);
                if self.right_to_left() { width - x } else { x }
            });
            let around = [0.3, width - 0.3];
            uprights = Some((
                line,
                around.into_iter().chain(between).collect::<Rc<[f32]>>(),
            ));
            sides = Some((line, Rc::from(around)));
        }
        Ok(Grid {
            table,
            head: match &look.head_colour {
                Some(colour) => self.colour(colour, mark)?,
                None => self.colours.muted,
            },
            head_fill: match &look.head_fill {
                Some(colour) => Some(self.colour(colour, mark)?),
                None => None,
            },
            zebra: match &look.zebra_fill {
                Some(colour) => self.colour(colour, mark)?,
                None => self.colours.fill,
            },
            line,
            uprights,
            sides,
            places,
            mark,
            width,
        })
    }

    fn places(
        &mut self,
        table: &Table,
        sections: &mut [Section],
        total: Option<&Sums>,
        mark: u32,
        width: f32,
    ) -> Result<Vec<Place>, DocumentError> {
        let look = &table.look;
        let has_grounds = look.zebra || look.grid || look.head_fill.is_some();
        let inset = if has_grounds { INSET * MM } else { 0.0 };
        let gutter = look.gutter.unwrap_or(GUTTER) * MM;
        let gutters = gutter * (table.columns.len() as f32 - 1.0).max(0.0);
        let mut wanted = Vec::new();
        let mut fractions = Vec::new();
        for (number, column) in table.columns.iter().enumerate() {
            let mut natural = 0.0;
            let mut fraction = 0.0;
            if column.width == ColumnWidth::Auto || column.decimal {
                let wants = self.wants(table, number, sections, total, mark)?;
                natural = wants.heading.max(wants.whole + wants.fraction);
                natural = (natural + 1.0).min(width * 0.5);
                fraction = wants.fraction;
            }
            wanted.push((column.width, natural));
            fractions.push(fraction);
        }
        let room = (width - gutters - 2.0 * inset).max(10.0);
        let mut x = inset;
        let mut places = Vec::with_capacity(wanted.len());
        for (width, fraction) in share_width(&wanted, room).into_iter().zip(fractions) {
            places.push(Place { x, width, fraction });
            x += width + gutter;
        }
        Ok(places)
    }

    fn wants(
        &mut self,
        table: &Table,
        number: usize,
        sections: &mut [Section],
        total: Option<&Sums>,
        mark: u32,
    ) -> Result<Wants, DocumentError> {
        let column = &table.columns[number];
        let mut wants = Wants::default();
        if column.width == ColumnWidth::Auto {
            let plain = Look {
                tabular: true,
                ..self.body_look(table.size)
            };
            let heading = self.spans(&column.heading, mark)?;
            wants.heading = self.natural_width(&heading, &plain)?;
        }
        let look = self.column_look(table, number, column.bold);
        let mut longest = 0;
        let mut measured = Vec::new();
        let rows = sections.iter_mut().flat_map(|section| &mut section.rows);
        for (index, row) in rows.enumerate() {
            let cell = &mut row[number];
            let letters = cell.letters();
            if index < MEASURED_ROWS || letters * 5 >= longest * 4 {
                measured.push(cell);
            } else {
                self.widen(&mut wants, column, (&cell.spans, None), &look, false)?;
            }
            longest = longest.max(letters);
        }
        let mut room = MOST_KEPT;
        for cells in measured.chunks_mut(TOGETHER) {
            if column.width == ColumnWidth::Auto {
                self.shape_cells(cells, &look, None)?;
            }
            for cell in cells {
                let text = (cell.spans.as_slice(), cell.shaped.as_ref());
                self.widen(&mut wants, column, text, &look, true)?;
                room = room.saturating_sub(cell.letters());
                if room == 0 {
                    cell.shaped = None;
                }
            }
        }
        let bold = Look { bold: true, ..look };
        let sums = sections.iter().filter_map(|section| section.sums.as_ref());
        for sums in sums.chain(total) {
            let text = (sums.cells[number].as_slice(), None);
            self.widen(&mut wants, column, text, &bold, true)?;
        }
        for text in table.totals.iter().filter_map(|texts| texts.get(number)) {
            let spans = self.spans(text, mark)?;
            self.widen(&mut wants, column, (&spans, None), &bold, true)?;
        }
        Ok(wants)
    }

    fn widen(
        &mut self,
        wants: &mut Wants,
        column: &Column,
        (spans, shaped): (&[Span], Option<&Shaped>),
        look: &Look,
        is_measured: bool,
    ) -> Result<(), DocumentError> {
        let fraction = if column.decimal {
            self.fraction(column, spans, look)?
        } else {
            0.0
        };
        wants.fraction = wants.fraction.max(fraction);
        if is_measured && column.width == ColumnWidth::Auto {
            let natural = match shaped {
                Some(shaped) => shaped.width,
                None => self.natural_width(spans, look)?,
            };
            wants.whole = wants.whole.max(natural - fraction);
        }
        Ok(())
    }

    /// A cell's lines; in a column of numbers with its decimal mark below the others.
    pub(super) fn aligned(
        &mut self,
        grid: &Grid<'_>,
        number: usize,
        (spans, shaped): (&[Span], Option<Shaped>),
        look: &Look,
        tag: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let place = &grid.places[number];
        let column = &grid.table.columns[number];
        let mut width = place.width;
        if column.decimal {
            width -= (place.fraction - self.fraction(column, spans, look)?).max(0.0);
        }
        let width = width.max(1.0);
        match shaped {
            Some(shaped) if shaped.serves(width) => {
                self.shaped_lines((spans, shaped), look, width, tag, grid.mark)
            }
            Some(_) | None => self.lines(spans, look, width, tag, grid.mark),
        }
    }

    /// How wide a number is from its decimal mark on.
    fn fraction(
        &mut self,
        column: &Column,
        spans: &[Span],
        look: &Look,
    ) -> Result<f32, DocumentError> {
        let text: String = spans.iter().map(|span| span.text.as_str()).collect();
        let formats = self.formats_of(column.format.as_ref());
        let behind = behind_whole(&text, formats.decimal_mark());
        if behind.is_empty() {
            return Ok(0.0);
        }
        self.natural_width(&[Span::plain(behind)], look)
    }
}

/// What stands in a text from its decimal mark on, or behind its last digit where it has none.
fn behind_whole(text: &str, mark: char) -> &str {
    let is_mark = |place: &usize| {
        let behind = &text[place + mark.len_utf8()..];
        text[..*place].ends_with(char::is_numeric) && behind.starts_with(char::is_numeric)
    };
    let mut marks = text.rmatch_indices(mark).map(|(place, _)| place);
    if let Some(place) = marks.find(is_mark) {
        return &text[place..];
    }
    text.rsplit_once(char::is_numeric)
        .map_or("", |(_, behind)| behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, mark: char, expected: &str) {
        assert_eq!(behind_whole(text, mark), expected);
    }

    #[test]
    fn finds_what_stands_from_the_decimal_mark_on() {
        check("1,485.50", '.', ".50");
        check("1.485,50 €", ',', ",50 €");
        check("1,485", '.', "");
        check("7 %", '.', " %");
        check("7.5 %", '.', ".5 %");
        check("about 3.", '.', ".");
        check("–", '.', "");
        check("", '.', "");
    }
}
