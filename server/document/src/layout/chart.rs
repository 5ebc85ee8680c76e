//! Charts of a list: bars, lines and pies as paths. For those who do not see them a table follows the figure that has all that it shows
//! and is not drawn.

mod axis;
mod pie;
mod plot;

use std::sync::Arc;

use engine::{
    format::Formats,
    node::Warning,
    value::{Money, Value},
};
use rust_decimal::Decimal;

use super::{Layouter, Wanted, picture::shown, theme::mix};
use crate::{
    context::{DocumentError, How},
    display::{Item, MM, Rgb, Stroke, TagId},
    path::Segment,
    strip::Strip,
    template::{Align, Chart, ChartKind, Leaf},
    text::{Look, Span},
};

/// Most rows that bars, lines and a pie have room for.
const MAX_ROWS: usize = 200;
const MAX_SLICES: usize = 24;

/// Largest amount that is drawn, so that sums and steps stay exact.
const LARGEST: i64 = 1_000_000_000_000_000;

/// How far the shades of several series go from the accent towards white.
const SHADES: f32 = 0.7;

/// What a chart shows.
struct Figures {
    points: Vec<Point>,
    keys: Vec<Key>,
    currency: Option<String>,
    formats: Formats,
}

/// One row of the list.
struct Point {
    label: Vec<Span>,
    /// One a series; `None` where the row has no value.
    amounts: Vec<Option<Amount>>,
}

struct Amount {
    value: Decimal,
    currency: Option<String>,
}

/// A series and the colour it is drawn in.
struct Key {
    name: String,
    colour: Rgb,
}

/// A drawing under way; mirrored where the document runs from right to left.
struct Drawing {
    width: f32,
    right_to_left: bool,
    tag: TagId,
    mark: u32,
    look: Look,
    parts: Vec<(f32, f32, Item)>,
}

impl Drawing {
    /// The left edge of what is `width` wide and begins at `x`.
    fn place(&self, x: f32, width: f32) -> f32 {
        if self.right_to_left {
            self.width - x - width
        } else {
            x
        }
    }

    fn line_height(&self) -> f32 {
        self.look.size * self.look.line_height
    }

    fn path(&mut self, segments: Vec<Segment>, fill: Option<Rgb>, stroke: Option<Stroke>) {
        let path = Item::Path {
            segments: Arc::new(segments),
            fill,
            stroke,
            tag: self.tag,
        };
        self.parts.push((0.0, 0.0, path));
    }
}

impl Layouter<'_> {
    pub(super) fn chart(
        &mut self,
        block: &Chart,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let rows = self.list(&block.rows, mark)?;
        if rows.is_empty() {
            let message = "the chart's list has no items";
            self.notice(Warning::new("list_empty", message), mark);
            let look = self.muted_look();
            return self.simple(&block.empty, &look, width, ("P", parent), mark);
        }
        let most = match block.kind {
            ChartKind::Bar | ChartKind::Line => MAX_ROWS,
            ChartKind::Pie => MAX_SLICES,
        };
        if rows.len() > most {
            let count = rows.len();
            let message = format!("the list has {count} items, a chart like this shows {most}");
            self.notice(
                Warning::new("chart_too_long", message)
                    .with("count", count)
                    .with("most", most),
                mark,
            );
            return Ok(Vec::new());
        }
        let points = self.points(block, rows, mark)?;
        let currency = match drawable(&points, block.kind) {
            Ok(currency) => currency,
            Err(warning) => {
                self.notice(warning, mark);
                return Ok(Vec::new());
            }
        };
        let figures = Figures {
            points,
            keys: self.keys(block, mark)?,
            currency,
            formats: self.scope.formats().clone(),
        };
        let intro = self.plain(&block.alt, mark)?;
        let body = self.body_look(block.size);
        let mut drawing = Drawing {
            width,
            right_to_left: self.right_to_left(),
            tag: self.chart_tag(&figures, &intro, parent),
            mark,
            look: Look {
                size: (body.size * 0.86).max(4.0),
                colour: self.colours.muted,
                tabular: true,
                ..body
            },
            parts: Vec::new(),
        };
        let height = match block.kind {
            ChartKind::Bar | ChartKind::Line => self.plot(block, &figures, &mut drawing)?,
            ChartKind::Pie => self.pie(block.height * MM, &figures, &mut drawing)?,
        };
        let Drawing { tag, mut parts, .. } = drawing;
        let values = block.series.iter().map(|series| &series.value);
        let (list, read) = (&block.rows, values.chain([&block.label]));
        let read: Vec<&Leaf> = read.collect();
        let origin = self.scope.column_origin(list, &read, How::Computed);
        // Below the labels, which know where they come from themselves.
        parts.insert(0, shown(origin, (width, height), mark));
        Ok(self.figure(tag, parts, (width, height), Align::Start, width))
    }

    /// Of the drawing, which brings its table.
    fn chart_tag(&mut self, figures: &Figures, intro: &str, parent: TagId) -> TagId {
        let figure = self.figure_tag(figures.title(intro), parent);
        if figure == 0 {
            return figure;
        }
        let table = self.tag("Table", parent);
        let mut cells = Vec::new();
        if figures.names().next().is_some() {
            let head = self.tag("THead", table);
            let row = self.tag("TR", head);
            // Above the labels.
            self.tag("TD", row);
            for key in &figures.keys {
                let cell = self.silent_cell("TH", row, key.name.clone());
                self.tags[cell as usize].scope = Some("Column");
                cells.push(cell);
            }
        }
        let body = self.tag("TBody", table);
        for point in &figures.points {
            let row = self.tag("TR", body);
            cells.push(self.silent_cell("TH", row, point.words()));
            for amount in &point.amounts {
                let words = figures.amount(amount.as_ref());
                cells.push(self.silent_cell("TD", row, words));
            }
        }
        self.tags[figure as usize].cells = cells;
        figure
    }

    /// A cell that is read and not drawn.
    fn silent_cell(&mut self, role: &'static str, row: TagId, text: String) -> TagId {
        let cell = self.cell_tag(role, row);
        self.owe(3 * text.len());
        self.tags[cell as usize].actual_text = Some(text);
        cell
    }

    fn points(
        &mut self,
        block: &Chart,
        rows: Vec<Value>,
        mark: u32,
    ) -> Result<Vec<Point>, DocumentError> {
        let origin = self.scope.list_origin(&block.rows);
        let mut points = Vec::with_capacity(rows.len());
        for (index, item) in rows.into_iter().enumerate() {
            let outer = self.scope.enter_item(item, index + 1, &origin);
            let point = self.point(block, mark);
            self.scope.leave_item(outer);
            points.push(point?);
        }
        Ok(points)
    }

    fn point(&mut self, block: &Chart, mark: u32) -> Result<Point, DocumentError> {
        let label = self.spans(&block.label, mark)?;
        let mut amounts = Vec::with_capacity(block.series.len());
        for series in &block.series {
            self.count_block()?;
            amounts.push(self.amount(&series.value, mark)?);
        }
        Ok(Point { label, amounts })
    }

    fn amount(&mut self, leaf: &Leaf, mark: u32) -> Result<Option<Amount>, DocumentError> {
        let plain = |value| Amount {
            value,
            currency: None,
        };
        Ok(match self.value_of(leaf, mark)? {
            Value::Integer(number) => Some(plain(number.into())),
            Value::Decimal(number) => Some(plain(number)),
            Value::Money(money) => Some(Amount {
                value: money.amount,
                currency: Some(money.currency),
            }),
            Value::Empty => {
                self.tell_empty(leaf, mark);
                None
            }
            other => {
                self.tell_kind(leaf, &other, Wanted::Number, mark);
                None
            }
        })
    }

    fn keys(&mut self, block: &Chart, mark: u32) -> Result<Vec<Key>, DocumentError> {
        let count = block.series.len() as f32;
        let mut keys = Vec::with_capacity(block.series.len());
        for (index, series) in block.series.iter().enumerate() {
            keys.push(Key {
                name: self.plain(&series.name, mark)?,
                colour: match &series.colour {
                    Some(colour) => self.colour(colour, mark)?,
                    None => mix(self.colours.accent, SHADES * index as f32 / count),
                },
            });
        }
        Ok(keys)
    }

    /// Writes a text into the drawing, from `x`, `y` on; gives its height.
    fn write(
        &mut self,
        drawing: &mut Drawing,
        spans: &[Span],
        align: Align,
        (x, y): (f32, f32),
        width: f32,
    ) -> Result<f32, DocumentError> {
        let look = Look {
            align,
            ..drawing.look.clone()
        };
        let (height, items) = self.caption(spans, &look, width, drawing.tag, drawing.mark)?;
        let x = drawing.place(x, width);
        drawing.parts.extend(
            items
                .into_iter()
                .map(|(left, top, item)| (x + left, y + top, item)),
        );
        Ok(height)
    }
}

impl Figures {
    fn number(&self, amount: &Amount) -> String {
        match &amount.currency {
            Some(currency) => self.formats.money(&Money {
                amount: amount.value,
                currency: currency.clone(),
            }),
            None => self.formats.number(amount.value, None),
        }
    }

    fn amount(&self, amount: Option<&Amount>) -> String {
        amount.map_or_else(|| "–".into(), |amount| self.number(amount))
    }

    /// Of the series that have one.
    fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.keys.iter().map(|key| key.name.as_str());
        names.filter(|name| !name.is_empty())
    }

    /// `intro`, or else which series or rows are shown.
    fn title(&self, intro: &str) -> String {
        let names: Vec<&str> = self.names().collect();
        let title = match intro.trim() {
            "" if names.is_empty() => {
                let labels: Vec<String> = self.points.iter().map(Point::words).collect();
                labels.join(", ")
            }
            "" => names.join(", "),
            intro => intro.to_owned(),
        };
        if title.is_empty() {
            "–".into()
        } else {
            title
        }
    }
}

impl Point {
    fn words(&self) -> String {
        self.label.iter().map(|span| span.text.as_str()).collect()
    }
}

/// The one currency of all amounts, or why they cannot be drawn.
fn drawable(points: &[Point], kind: ChartKind) -> Result<Option<String>, Warning> {
    let amounts = || {
        points
            .iter()
            .flat_map(|point| point.amounts.iter().flatten())
    };
    let largest = Decimal::from(LARGEST);
    if let Some(amount) = amounts().find(|amount| amount.value.abs() > largest) {
        let value = amount.value.normalize().to_string();
        let message = format!("{value} is too large for a chart");
        return Err(Warning::new("chart_too_large", message).with("value", value));
    }
    let first = amounts().next().and_then(|amount| amount.currency.clone());
    if amounts().any(|amount| amount.currency != first) {
        let message = "the amounts are not all in one currency, so no axis fits them";
        return Err(Warning::new("chart_currencies", message));
    }
    let sum: Decimal = amounts().map(|amount| amount.value).sum();
    if kind == ChartKind::Pie
        && (sum.is_zero() || amounts().any(|amount| amount.value < Decimal::ZERO))
    {
        let message = "a pie shows shares: no amount may be below zero, and one must be above";
        return Err(Warning::new("chart_no_shares", message));
    }
    Ok(first)
}
