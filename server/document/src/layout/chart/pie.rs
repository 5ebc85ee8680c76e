//! A pie with its legend, which says each share in words: beside it, or below where that leaves its figures no room.

use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use super::{Drawing, Figures};
use crate::{
    context::DocumentError,
    display::{MM, Rgb, Stroke},
    layout::{Layouter, theme::mix},
    path::{circle, rectangle, slice},
    template::Align,
    text::Span,
};

/// Most of the width that the pie itself takes.
const PIE_SHARE: f32 = 0.45;

/// Most of the legend's room that amounts and shares take.
const FIGURES_SHARE: f32 = 0.67;

/// Between the pie and the legend, and between its columns.
const LEGEND_GAP: f32 = 8.0 * MM;
const COLUMN_GAP: f32 = 3.0 * MM;

/// Side of a key.
const KEY: f32 = 2.6 * MM;

/// How far the shades go from the first slice's colour towards white.
const SHADES: f32 = 0.8;

/// Width of the line between two slices.
const SEAM: f32 = 0.8;

/// One slice as it is drawn and told.
struct Slice {
    from: f32,
    to: f32,
    colour: Rgb,
    amount: [Span; 1],
    percent: [Span; 1],
}

impl Layouter<'_> {
    /// Draws the pie and its legend; gives the height.
    pub(super) fn pie(
        &mut self,
        height: f32,
        figures: &Figures,
        drawing: &mut Drawing,
    ) -> Result<f32, DocumentError> {
        let slices = slices(figures);
        let size = height.min(drawing.width * PIE_SHARE);
        let (mut amounts, mut percents) = (0.0_f32, 0.0_f32);
        for slice in &slices {
            amounts = amounts.max(self.natural_width(&slice.amount, &drawing.look)? + 1.0);
            percents = percents.max(self.natural_width(&slice.percent, &drawing.look)? + 1.0);
        }
        // Figures take what they need, labels at least a third of the room.
        let width = drawing.width;
        let room = |left: f32| (width - left - KEY - 3.0 * COLUMN_GAP).max(3.0);
        let beside = size + LEGEND_GAP;
        let (left, top) = if room(beside) * FIGURES_SHARE >= amounts + percents {
            (beside, 0.0)
        } else {
            (0.0, size + COLUMN_GAP)
        };
        let label_x = left + KEY + COLUMN_GAP;
        let room = room(left);
        let shrink = (room * FIGURES_SHARE / (amounts + percents)).min(1.0);
        let (amounts, percents) = (amounts * shrink, percents * shrink);
        let labels = room - amounts - percents;
        let amount_x = label_x + labels + COLUMN_GAP;
        let percent_x = amount_x + amounts + COLUMN_GAP;
        let mut y = top;
        for (slice, point) in slices.iter().zip(&figures.points) {
            let key = rectangle(
                drawing.place(left, KEY),
                y + (drawing.line_height() - KEY) / 2.0,
                KEY,
                KEY,
            );
            drawing.path(key.to_vec(), Some(slice.colour), None);
            let tall = self.write(drawing, &point.label, Align::Start, (label_x, y), labels)?;
            let tall =
                tall.max(self.write(drawing, &slice.amount, Align::End, (amount_x, y), amounts)?);
            let place = (percent_x, y);
            y += tall.max(self.write(drawing, &slice.percent, Align::End, place, percents)?);
        }
        draw(&slices, size, drawing);
        Ok(y.max(size))
    }
}

/// Of each row; one without a value is a slice of nothing.
fn slices(figures: &Figures) -> Vec<Slice> {
    let amounts = || figures.points.iter().map(|point| point.amounts[0].as_ref());
    let total: Decimal = amounts().flatten().map(|amount| amount.value).sum();
    let count = figures.points.len() as f32;
    let mut reached = Decimal::ZERO;
    amounts()
        .enumerate()
        .map(|(index, amount)| {
            let value = amount.map_or(Decimal::ZERO, |amount| amount.value);
            let from = reached;
            reached += value;
            let percent = value * Decimal::ONE_HUNDRED / total;
            let said = amount.map_or_else(|| "–".into(), |amount| figures.number(amount));
            Slice {
                from: share(from, total),
                to: share(reached, total),
                colour: mix(figures.keys[0].colour, SHADES * index as f32 / count),
                amount: [Span::plain(said)],
                percent: [Span::plain(figures.formats.percent(percent, Some(1)))],
            }
        })
        .collect()
}

fn draw(slices: &[Slice], size: f32, drawing: &mut Drawing) {
    let radius = size / 2.0;
    let centre = (drawing.place(0.0, size) + radius, radius);
    let seam = Stroke {
        colour: Rgb(255, 255, 255),
        width: SEAM,
        dash: None,
        round: true,
    };
    for part in slices.iter().filter(|part| part.to > part.from) {
        if part.to - part.from > 0.9999 {
            let whole = circle(centre.0, centre.1, radius);
            drawing.path(whole.to_vec(), Some(part.colour), None);
        } else {
            let path = slice(centre, radius, part.from, part.to);
            drawing.path(path, Some(part.colour), Some(seam));
        }
    }
}

fn share(value: Decimal, total: Decimal) -> f32 {
    (value / total).to_f32().unwrap_or(0.0)
}
