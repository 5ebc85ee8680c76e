//! What stands in a table before it is laid out: the texts of all cells, row by row, in sections.

use std::collections::HashMap;

use engine::value::{Record, Value};

use super::{Cell, Layouter, Section};
use crate::{
    context::DocumentError,
    template::{Aggregate, Column, Grouping, Table},
    text::Span,
};

impl Layouter<'_> {
    /// Rows that agree in what they are grouped by, in the order in which the groups first appear; without groups all of them.
    pub(super) fn sections(
        &mut self,
        table: &Table,
        rows: Vec<Value>,
        mark: u32,
    ) -> Result<Vec<Section>, DocumentError> {
        let origin = self.scope.list_origin(&table.rows);
        let mut sections: Vec<Section> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for (index, item) in rows.into_iter().enumerate() {
            let kept = table.group.as_ref().map(|_| item.clone());
            let outer = self.scope.enter_item(item, index + 1, &origin);
            let row = self.filled(table, mark);
            self.scope.leave_item(outer);
            let (key, cells) = row?;
            let identity = identity(&key);
            let place = if let Some(place) = known.get(&identity) {
                *place
            } else {
                // With the key, which may be a whole list.
                self.spend(4 * identity.len())?;
                known.insert(identity, sections.len());
                sections.push(Section {
                    key,
                    items: Vec::new(),
                    rows: Vec::new(),
                    heading: None,
                    sums: None,
                });
                sections.len() - 1
            };
            sections[place].rows.push(cells);
            sections[place].items.extend(kept);
        }
        Ok(sections)
    }

    /// What the row of `item` is grouped by, and its cells.
    fn filled(&mut self, table: &Table, mark: u32) -> Result<(Value, Vec<Cell>), DocumentError> {
        let key = match &table.group {
            Some(group) => self.value_of(&group.by, mark)?,
            None => Value::Empty,
        };
        let mut cells = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            self.count_block()?;
            cells.push(self.cell_content(column, mark)?);
        }
        Ok((key, cells))
    }

    fn cell_content(&mut self, column: &Column, mark: u32) -> Result<Cell, DocumentError> {
        let (spans, value) = match &column.format {
            Some(format) => self.formatted(&column.value, format, mark)?,
            None => {
                let spans = self.spans(&column.value, mark)?;
                // Only counted.
                let is_blank = spans.iter().all(|span| span.text.trim().is_empty());
                let value = if is_blank || column.total != Some(Aggregate::Count) {
                    Value::Empty
                } else {
                    Value::YesNo(true)
                };
                (spans, value)
            }
        };
        let detail = match &column.detail {
            Some(detail) => {
                let spans = self.spans(detail, mark)?;
                let limit = self.entry_limit(detail, &spans);
                Some((spans, limit))
            }
            None => None,
        };
        // Numbers stand at their decimal mark, in one line.
        let limit = if column.decimal {
            None
        } else {
            self.entry_limit(&column.value, &spans)
        };
        Ok(Cell {
            spans,
            limit,
            detail,
            value,
            shaped: None,
        })
    }

    /// Heading and totals of a group. What they read as `item` is the group.
    pub(super) fn close_section(
        &mut self,
        table: &Table,
        (index, section): (usize, &mut Section),
        mark: u32,
    ) -> Result<(), DocumentError> {
        let Some(group) = &table.group else {
            return Ok(());
        };
        let item = Value::Record(Record::from_iter([
            ("key".to_owned(), section.key.clone()),
            (
                "items".to_owned(),
                Value::List(std::mem::take(&mut section.items)),
            ),
        ]));
        let origin = self.scope.list_origin(&table.rows).made();
        let outer = self.scope.enter_item(item, index + 1, &origin);
        let texts = self.group_texts(group, mark);
        self.scope.leave_item(outer);
        let [heading, label] = texts?;
        section.heading = heading;
        if let Some(label) = label {
            section.sums = Some(self.sums(table, label, &section.rows, mark)?);
        }
        Ok(())
    }

    fn group_texts(
        &mut self,
        group: &Grouping,
        mark: u32,
    ) -> Result<[Option<Vec<Span>>; 2], DocumentError> {
        let heading = match &group.heading {
            Some(heading) => Some(self.spans(heading, mark)?),
            None => None,
        };
        let label = match &group.total_label {
            Some(label) => Some(self.spans(label, mark)?),
            None => None,
        };
        Ok([heading, label])
    }
}

/// The same for values that are equal, such as 7 and 7.00.
fn identity(value: &Value) -> String {
    match value {
        Value::Integer(number) => format!("n{number}"),
        Value::Decimal(number) => format!("n{}", number.normalize()),
        Value::Money(money) => format!("m{} {}", money.amount.normalize(), money.currency),
        other => format!("{}{}", other.kind_name(), other.to_json()),
    }
}
