//! The texts of a column's cells, shaped many at once before they are measured or set.

use super::{Cell, Grid, Layouter};
use crate::{
    context::DocumentError,
    text::{self, Look, Span},
};

/// Rows whose cells are shaped together.
pub(super) const TOGETHER: usize = 64;

impl Cell {
    /// Bytes of its text.
    pub(super) fn letters(&self) -> usize {
        self.spans.iter().map(|span| span.text.len()).sum()
    }
}

impl Layouter<'_> {
    /// What the cells of some rows lack to be set.
    pub(super) fn shape_rows(
        &mut self,
        grid: &Grid<'_>,
        rows: &mut [(usize, Vec<Cell>)],
    ) -> Result<(), DocumentError> {
        for (number, (column, place)) in grid.table.columns.iter().zip(&grid.places).enumerate() {
            let look = self.column_look(grid.table, number, column.bold);
            // Numbers with their marks below each other have each its own width.
            let width = (!column.decimal).then_some(place.width);
            let cells = rows.iter_mut().map(|(_, cells)| &mut cells[number]);
            let mut cells: Vec<&mut Cell> = cells
                .filter(|cell| match &cell.shaped {
                    Some(shaped) => !shaped.serves(place.width),
                    // Those with a limit of lines are set by themselves.
                    None => cell.limit.is_none(),
                })
                .collect();
            self.shape_cells(&mut cells, &look, width)?;
        }
        Ok(())
    }

    /// Texts that are none of those that can be shaped together are left as they are.
    pub(super) fn shape_cells(
        &mut self,
        cells: &mut [&mut Cell],
        look: &Look,
        width: Option<f32>,
    ) -> Result<(), DocumentError> {
        for cell in cells.iter() {
            self.check_length(&cell.spans)?;
        }
        let texts: Vec<&str> = cells.iter().map(|cell| joint_text(&cell.spans)).collect();
        let found = text::together(&mut self.setting(), &texts, look, width);
        for (cell, shaped) in cells.iter_mut().zip(found) {
            cell.shaped = shaped;
        }
        Ok(())
    }
}

/// The only text of a cell; nothing where it has several, or one that does not look as its column does.
fn joint_text(spans: &[Span]) -> &str {
    match spans {
        [
            Span {
                text,
                bold: None,
                italic: None,
                language: None,
                ..
            },
        ] => text,
        _ => "",
    }
}
