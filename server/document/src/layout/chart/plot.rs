//! Bars and lines over a row of labels, beside an axis.

use rust_decimal::Decimal;

use super::{Drawing, Figures, axis::Axis};
use crate::{
    context::DocumentError,
    display::{MM, Rgb, Stroke},
    layout::Layouter,
    path::{Segment, circle, rectangle},
    template::{Align, Chart, ChartKind},
    text::Span,
};

/// Between the axis and its numbers, a series' key and its name, two series in the legend, and the drawing and what is around it.
const AXIS_GAP: f32 = 2.0 * MM;
const KEY_GAP: f32 = 1.4 * MM;
const LEGEND_GAP: f32 = 6.0 * MM;
const EDGE_GAP: f32 = 1.2 * MM;

/// What the bars of a row take of its place, and how wide one may be.
const BARS_SHARE: f32 = 0.72;
const WIDEST_BAR: f32 = 16.0 * MM;

/// A label gets lines of its own where it has this much room; elsewhere labels are left out at equal distances.
const LABEL_ROOM: f32 = 9.0 * MM;

const LINE: f32 = 1.4;
const DOT: f32 = 1.9;

/// Lines are told apart by more than their shade.
const DASHES: [Option<(f32, f32)>; 4] =
    [None, Some((4.0, 2.0)), Some((1.4, 1.4)), Some((8.0, 2.0))];

/// Where the bars or lines are drawn.
struct Area {
    axis: Axis,
    x: f32,
    y: f32,
    width: f32,
    height: f32,
    count: usize,
}

impl Area {
    fn level(&self, value: Decimal) -> f32 {
        self.y + self.height * (1.0 - self.axis.share(value))
    }

    /// Width of one row's place.
    fn slot(&self) -> f32 {
        self.width / self.count as f32
    }

    fn middle(&self, index: usize) -> f32 {
        self.x + self.slot() * (index as f32 + 0.5)
    }

    /// A line through the whole area at the height of a value.
    fn across(&self, value: Decimal, drawing: &Drawing) -> [Segment; 2] {
        let (x, y) = (drawing.place(self.x, self.width), self.level(value));
        [Segment::Move(x, y), Segment::Line(x + self.width, y)]
    }
}

impl Layouter<'_> {
    /// Draws bars or lines and all around them; gives the height.
    pub(super) fn plot(
        &mut self,
        block: &Chart,
        figures: &Figures,
        drawing: &mut Drawing,
    ) -> Result<f32, DocumentError> {
        let top = self.legend(block.kind, figures, drawing)?;
        let (lowest, highest) = extremes(block, figures);
        let axis = Axis::over(lowest, highest);
        let area = self.numbered(axis, top, block.height * MM, figures, drawing)?;
        match block.kind {
            ChartKind::Line => lines(figures, &area, drawing),
            ChartKind::Bar | ChartKind::Pie => bars(block.stacked, figures, &area, drawing),
        }
        let base = area.across(area.axis.base(), drawing).to_vec();
        drawing.path(base, None, Some(solid(drawing.look.colour, 0.8)));
        self.labels(figures, &area, drawing)
    }

    /// The names of several series with their keys; gives the height.
    fn legend(
        &mut self,
        kind: ChartKind,
        figures: &Figures,
        drawing: &mut Drawing,
    ) -> Result<f32, DocumentError> {
        if figures.keys.len() < 2 {
            return Ok(0.0);
        }
        let key_width = match kind {
            ChartKind::Line => 7.0 * MM,
            ChartKind::Bar | ChartKind::Pie => 2.6 * MM,
        };
        let lead = key_width + KEY_GAP;
        let (mut x, mut y, mut tallest) = (0.0_f32, 0.0_f32, 0.0_f32);
        for (number, key) in figures.keys.iter().enumerate() {
            let name = [Span::plain(key.name.as_str())];
            let natural = self.natural_width(&name, &drawing.look)? + 1.0;
            let own = natural.min((drawing.width - lead).max(1.0));
            if x > 0.0 && x + lead + own > drawing.width {
                (x, y, tallest) = (0.0, y + tallest, 0.0);
            }
            let left = drawing.place(x, key_width);
            let middle = y + drawing.line_height() / 2.0;
            if kind == ChartKind::Line {
                let sample = vec![
                    Segment::Move(left, middle),
                    Segment::Line(left + key_width, middle),
                ];
                drawing.path(sample, None, Some(series_line(figures, number)));
            } else {
                let sample = rectangle(left, middle - key_width / 2.0, key_width, key_width);
                drawing.path(sample.to_vec(), Some(key.colour), None);
            }
            let tall = self.write(drawing, &name, Align::Start, (x + lead, y), own)?;
            tallest = tallest.max(tall);
            x += lead + own + LEGEND_GAP;
        }
        Ok(y + tallest + EDGE_GAP)
    }

    /// Draws the axis with its numbers and their lines, and finds the room beside it.
    fn numbered(
        &mut self,
        axis: Axis,
        mut top: f32,
        height: f32,
        figures: &Figures,
        drawing: &mut Drawing,
    ) -> Result<Area, DocumentError> {
        let unit = [Span::plain(figures.currency.clone().unwrap_or_default())];
        let ticks = axis.ticks();
        let mut numbers = Vec::with_capacity(ticks.len());
        let mut left = self.natural_width(&unit, &drawing.look)?;
        for tick in &ticks {
            let number = figures.formats.number(*tick, Some(axis.decimals()));
            let number = [Span::plain(number)];
            left = left.max(self.natural_width(&number, &drawing.look)?);
            numbers.push(number);
        }
        let left = (left + 1.0).min(drawing.width * 0.4);
        top += self.write(drawing, &unit, Align::End, (0.0, top), left)?;
        let half = drawing.line_height() / 2.0;
        let area = Area {
            axis,
            x: left + AXIS_GAP,
            y: top + half,
            width: (drawing.width - left - AXIS_GAP).max(1.0),
            height,
            count: figures.points.len(),
        };
        for (tick, number) in ticks.iter().zip(&numbers) {
            let y = area.level(*tick) - half;
            self.write(drawing, number, Align::End, (0.0, y), left)?;
        }
        let grid = ticks
            .iter()
            .flat_map(|tick| area.across(*tick, drawing))
            .collect();
        drawing.path(grid, None, Some(solid(self.colours.line, 0.5)));
        Ok(area)
    }

    /// What the rows are called, below them; gives the height of all.
    fn labels(
        &mut self,
        figures: &Figures,
        area: &Area,
        drawing: &mut Drawing,
    ) -> Result<f32, DocumentError> {
        let mut widest = 0.0_f32;
        for point in &figures.points {
            widest = widest.max(self.natural_width(&point.label, &drawing.look)?);
        }
        let slot = area.slot();
        let every = if slot >= LABEL_ROOM {
            1
        } else {
            (1..area.count)
                .find(|every| widest < slot * *every as f32)
                .unwrap_or(area.count)
        };
        let own = (slot * every as f32).min(drawing.width);
        let top = area.y + area.height + EDGE_GAP;
        let mut tallest = 0.0_f32;
        for (index, point) in figures.points.iter().enumerate().step_by(every) {
            let x = (area.middle(index) - own / 2.0).clamp(0.0, drawing.width - own);
            let tall = self.write(drawing, &point.label, Align::Center, (x, top), own)?;
            tallest = tallest.max(tall);
        }
        Ok(top + tallest)
    }
}

/// The lowest and the highest place that is drawn; bars begin at zero.
fn extremes(block: &Chart, figures: &Figures) -> (Decimal, Decimal) {
    let mut found: Vec<Decimal> = Vec::new();
    for point in &figures.points {
        let values = point.amounts.iter().flatten().map(|amount| amount.value);
        if block.stacked {
            let (below, above): (Vec<Decimal>, Vec<Decimal>) =
                values.partition(Decimal::is_sign_negative);
            found.extend([below.into_iter().sum::<Decimal>(), above.into_iter().sum()]);
        } else {
            found.extend(values);
        }
    }
    if block.kind == ChartKind::Bar {
        found.push(Decimal::ZERO);
    }
    let lowest = found.iter().min().copied().unwrap_or_default();
    let highest = found.iter().max().copied().unwrap_or_default();
    (lowest, highest)
}

fn bars(stacked: bool, figures: &Figures, area: &Area, drawing: &mut Drawing) {
    let beside = if stacked {
        1.0
    } else {
        figures.keys.len() as f32
    };
    let bar = (area.slot() * BARS_SHARE / beside).min(WIDEST_BAR);
    let gap = if beside > 1.0 { bar * 0.06 } else { 0.0 };
    // How far the bars of each row reach below and above zero.
    let mut stacks = vec![(Decimal::ZERO, Decimal::ZERO); area.count];
    for (number, key) in figures.keys.iter().enumerate() {
        let column = if stacked { 0.0 } else { number as f32 };
        let mut segments = Vec::new();
        for (index, (point, stack)) in figures.points.iter().zip(&mut stacks).enumerate() {
            let Some(amount) = &point.amounts[number] else {
                continue;
            };
            let reached = if amount.value.is_sign_negative() {
                &mut stack.0
            } else {
                &mut stack.1
            };
            let from = if stacked { *reached } else { Decimal::ZERO };
            *reached += amount.value;
            let (one, other) = (area.level(from), area.level(from + amount.value));
            let x = area.middle(index) + bar * (column - beside / 2.0) + gap;
            let own = bar - 2.0 * gap;
            segments.extend(rectangle(
                drawing.place(x, own),
                one.min(other),
                own,
                (one - other).abs(),
            ));
        }
        drawing.path(segments, Some(key.colour), None);
    }
}

fn lines(figures: &Figures, area: &Area, drawing: &mut Drawing) {
    let crowded = area.slot() < 3.0 * MM;
    for (number, key) in figures.keys.iter().enumerate() {
        let known = |index: usize| {
            let point = figures.points.get(index);
            point.is_some_and(|point| point.amounts[number].is_some())
        };
        let (mut line, mut dots) = (Vec::new(), Vec::new());
        for (index, point) in figures.points.iter().enumerate() {
            let Some(amount) = &point.amounts[number] else {
                continue;
            };
            let (x, y) = (
                drawing.place(area.middle(index), 0.0),
                area.level(amount.value),
            );
            let goes_on = index > 0 && known(index - 1);
            line.push(if goes_on {
                Segment::Line(x, y)
            } else {
                Segment::Move(x, y)
            });
            // A value with no neighbours has no line.
            let alone = !goes_on && !known(index + 1);
            if alone || !crowded {
                dots.extend(circle(x, y, DOT));
            }
        }
        drawing.path(line, None, Some(series_line(figures, number)));
        drawing.path(dots, Some(key.colour), None);
    }
}

fn series_line(figures: &Figures, number: usize) -> Stroke {
    let dash = DASHES[number % DASHES.len()];
    Stroke {
        colour: figures.keys[number].colour,
        width: LINE,
        dash,
        round: dash.is_none(),
    }
}

fn solid(colour: Rgb, width: f32) -> Stroke {
    Stroke {
        colour,
        width,
        dash: None,
        round: false,
    }
}
