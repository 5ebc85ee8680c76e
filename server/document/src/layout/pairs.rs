//! Labels with values: lists of facts and totals.

use super::Layouter;
use crate::{
    context::DocumentError,
    display::{MM, TagId},
    scope::holds,
    strip::{Body, Decor, Group, GroupCell, Strip},
    template::{Align, KeyValue, Leaf, Pair, TotalLine, Totals},
    text::{Look, Span},
};

impl Layouter<'_> {
    pub(super) fn key_value(
        &mut self,
        block: &KeyValue,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let mut shown: Vec<&Pair> = Vec::new();
        for pair in &block.pairs {
            let yes = match &pair.when {
                Some(when) => holds(&self.value_of(when, mark)?),
                None => true,
            };
            if yes {
                shown.push(pair);
            }
        }
        if shown.is_empty() {
            return Ok(Vec::new());
        }
        if block.columns > 0 {
            return self.facts(&shown, block, mark, width, parent);
        }
        let value_look = Look {
            align: block.align,
            ..self.body_look(block.size)
        };
        let label_look = Look {
            colour: self.colours.muted,
            align: Align::Start,
            ..value_look.clone()
        };
        let mut label_width: f32 = block.label_width.map_or(0.0, |mm| mm * MM);
        if block.label_width.is_none() {
            for pair in &shown {
                let spans = self.spans(&pair.label, mark)?;
                label_width = label_width.max(self.natural_width(&spans, &label_look)?);
            }
            label_width = (label_width + 5.0 * MM).min(width * 0.6);
        }
        let table = self.tag("Table", parent);
        let mut strips = Vec::new();
        for pair in shown {
            let row = self.tag("TR", table);
            let label = self.cell(&pair.label, &label_look, label_width, "TH", row, mark)?;
            let look = Look {
                bold: pair.strong,
                ..value_look.clone()
            };
            let spans = self.value_spans(&pair.value, pair.format.as_ref(), mark)?;
            let value_tag = self.cell_tag("TD", row);
            let value = self.lines(&spans, &look, width - label_width, value_tag, mark)?;
            strips.push(self.row(
                vec![
                    (0.0, label_width, label),
                    (label_width, width - label_width, value),
                ],
                width,
                0.6,
                Decor::default(),
            ));
        }
        Ok(strips)
    }

    /// Labels above values, in columns.
    fn facts(
        &mut self,
        pairs: &[&Pair],
        block: &KeyValue,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let value_look = Look {
            bold: true,
            tabular: false,
            ..self.body_look(block.size)
        };
        let label_look = Look {
            bold: false,
            colour: self.colours.muted,
            size: (value_look.size * 0.82).max(4.0),
            ..value_look.clone()
        };
        let gap = 5.0 * MM;
        let columns = block.columns.min(pairs.len()).max(1);
        let each = ((width - gap * (columns - 1) as f32) / columns as f32).max(10.0);
        let table = self.tag("Table", parent);
        let mut strips = Vec::new();
        for line in pairs.chunks(columns) {
            let mut cells = Vec::new();
            for (index, pair) in line.iter().enumerate() {
                let row = self.tag("TR", table);
                let mut cell = self.cell(&pair.label, &label_look, each, "TH", row, mark)?;
                let spans = self.value_spans(&pair.value, pair.format.as_ref(), mark)?;
                let value_tag = self.cell_tag("TD", row);
                cell.append(&mut self.lines(&spans, &value_look, each, value_tag, mark)?);
                cells.push(((each + gap) * index as f32, each, cell));
            }
            strips.push(self.row(cells, width, 0.0, Decor::default()));
            strips.push(Strip::space(2.5 * MM));
        }
        strips.pop();
        Ok(strips)
    }

    pub(super) fn totals(
        &mut self,
        block: &Totals,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let own = (block.width * MM).min(width);
        let x = if self.right_to_left() {
            0.0
        } else {
            width - own
        };
        let table = self.tag("Table", parent);
        let mut strips: Vec<Strip> = Vec::new();
        for line in &block.lines {
            let each = match &line.each {
                Some(list) => {
                    let origin = self.scope.list_origin(list);
                    self.list(list, mark)?
                        .into_iter()
                        .map(|item| Some((item, origin.clone())))
                        .collect()
                }
                None => vec![None],
            };
            for (index, item) in each.into_iter().enumerate() {
                let outer =
                    item.map(|(item, origin)| self.scope.enter_item(item, index + 1, &origin));
                let found = self.total_line(line, own, block.size, mark, table);
                if let Some(outer) = outer {
                    self.scope.leave_item(outer);
                }
                if let Some(strip) = found? {
                    if line.strong && !strips.is_empty() {
                        strips.push(Strip::space(0.9 * MM));
                    }
                    strips.push(strip);
                }
            }
        }
        let count = strips.len();
        for (index, strip) in strips.iter_mut().enumerate() {
            strip.keep_next = index + 1 < count;
            if let Body::Group(group) = &mut strip.body {
                group.decor.x += x;
                for cell in &mut group.cells {
                    cell.x += x;
                }
            }
        }
        Ok(strips)
    }

    fn total_line(
        &mut self,
        line: &TotalLine,
        width: f32,
        size: Option<f32>,
        mark: u32,
        table: TagId,
    ) -> Result<Option<Strip>, DocumentError> {
        if let Some(when) = &line.when
            && !holds(&self.value_of(when, mark)?)
        {
            return Ok(None);
        }
        self.count_block()?;
        let base = self.body_look(size);
        let label_look = if line.strong {
            Look {
                bold: true,
                size: base.size * 1.22,
                ..base.clone()
            }
        } else {
            Look {
                colour: self.colours.muted,
                ..base.clone()
            }
        };
        let value_look = Look {
            align: Align::End,
            // The sum is larger, so its digits stand below no others.
            tabular: !line.strong,
            colour: base.colour,
            ..label_look.clone()
        };
        // The amount takes what it needs before the label does: it must not break.
        let spans = self.value_spans(&line.value, line.format.as_ref(), mark)?;
        let natural = self.natural_width(&spans, &value_look)? + 1.0;
        let value_width = natural.clamp(width * 0.45, width * 0.8);
        let label_width = width - value_width;
        let row = self.tag("TR", table);
        let label = self.cell(&line.label, &label_look, label_width, "TH", row, mark)?;
        let value_tag = self.cell_tag("TD", row);
        let value = self.lines(&spans, &value_look, value_width, value_tag, mark)?;
        let decor = Decor {
            above: line.strong.then_some((self.colours.text, 0.9)),
            width,
            ..Decor::default()
        };
        let padding = if line.strong { 2.0 } else { 0.7 };
        Ok(Some(self.row(
            vec![(0.0, label_width, label), (label_width, value_width, value)],
            width,
            padding,
            decor,
        )))
    }

    /// A leaf as the strips of a cell.
    pub(super) fn cell(
        &mut self,
        leaf: &Leaf,
        look: &Look,
        width: f32,
        role: &'static str,
        row: TagId,
        mark: u32,
    ) -> Result<Vec<Strip>, DocumentError> {
        let tag = self.cell_tag(role, row);
        let spans: Vec<Span> = self.spans(leaf, mark)?;
        self.lines(&spans, look, width, tag, mark)
    }

    pub(super) fn cell_tag(&mut self, role: &'static str, row: TagId) -> TagId {
        let tag = self.tag(role, row);
        if tag != 0 && role == "TH" {
            self.tags[tag as usize].scope = Some("Row");
        }
        tag
    }

    /// Cells beside each other, mirrored where the document runs from right to left.
    pub(super) fn row(
        &self,
        cells: Vec<(f32, f32, Vec<Strip>)>,
        width: f32,
        padding_mm: f32,
        decor: Decor,
    ) -> Strip {
        let right_to_left = self.right_to_left();
        Strip::group(Group {
            top: padding_mm * MM,
            bottom: padding_mm * MM,
            cells: cells
                .into_iter()
                .map(|(x, cell_width, strips)| GroupCell {
                    x: if right_to_left {
                        width - x - cell_width
                    } else {
                        x
                    },
                    middle: false,
                    strips: strips.into(),
                })
                .collect(),
            decor: Decor { width, ..decor },
            ..Group::default()
        })
    }
}
