//! What orders the page: rules, blocks that keep together, repeat or are shown only sometimes.

use engine::node::Warning;

use super::{Layouter, items};
use crate::{
    context::DocumentError,
    display::{Item, MM, TagId},
    scope::holds,
    strip::{Group, GroupCell, Strip},
    template::{If, KeepTogether, Repeat, Rule},
};

impl Layouter<'_> {
    pub(super) fn rule(
        &mut self,
        block: &Rule,
        mark: u32,
        width: f32,
    ) -> Result<Vec<Strip>, DocumentError> {
        let height = block.thickness;
        let rect = Item::Rect {
            width,
            height,
            fill: self.colour(&block.colour, mark)?,
        };
        Ok(vec![items(height, vec![(0.0, 0.0, rect)])])
    }

    pub(super) fn keep_together(
        &mut self,
        block: &KeepTogether,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let strips = self.blocks(&block.blocks, width, parent)?;
        if strips.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![Strip::group(Group {
            cells: vec![GroupCell {
                strips: strips.into(),
                ..GroupCell::default()
            }],
            together: true,
            ..Group::default()
        })])
    }

    pub(super) fn repeat(
        &mut self,
        block: &Repeat,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let items = self.list(&block.list, mark)?;
        if items.is_empty() {
            return if let Some(text) = &block.empty {
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
        let origin = self.scope.list_origin(&block.list);
        let gap = block
            .blocks
            .last()
            .and_then(|block| block.after)
            .map_or(self.template.theme.gap * MM, |_| 0.0);
        let mut strips = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let outer = self.scope.enter_item(item, index + 1, &origin);
            let found = self.blocks(&block.blocks, width, parent);
            self.scope.leave_item(outer);
            let mut found = found?;
            if index > 0 && !found.is_empty() && gap > 0.0 {
                strips.push(Strip::space(gap));
            }
            strips.append(&mut found);
        }
        Ok(strips)
    }

    pub(super) fn either(
        &mut self,
        block: &If,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let blocks = if holds(&self.value_of(&block.when, mark)?) {
            &block.then
        } else {
            &block.otherwise
        };
        self.blocks(blocks, width, parent)
    }
}
