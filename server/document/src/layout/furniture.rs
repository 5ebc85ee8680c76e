//! Header and footer: what repeats at the top and the bottom of the pages.

use engine::value::Value;

use super::Layouter;
use crate::{
    context::DocumentError,
    display::MM,
    strip::{Strip, total},
    template::Furniture,
};

/// The header, or the footer, of all pages. Unless it counts them it is laid out once, for the first page and for the others.
pub(crate) struct Edge<'a> {
    furniture: &'a Furniture,
    width: f32,
    top: bool,
    kinds: [Vec<Strip>; 2],
    /// What each of them takes on every page that has it.
    costs: [Cost; 2],
}

/// What was counted while something was laid out.
#[derive(Clone, Copy, Default)]
struct Cost {
    glyphs: usize,
    bytes: usize,
}

impl Cost {
    fn so_far(layouter: &Layouter<'_>) -> Self {
        Self {
            glyphs: layouter.glyphs,
            bytes: layouter.bytes,
        }
    }

    fn since(self, layouter: &Layouter<'_>) -> Self {
        Self {
            glyphs: layouter.glyphs - self.glyphs,
            bytes: layouter.bytes - self.bytes,
        }
    }
}

impl<'a> Edge<'a> {
    pub(crate) fn header(
        layouter: &mut Layouter<'_>,
        furniture: &'a Furniture,
        width: f32,
    ) -> Result<Self, DocumentError> {
        Self::new(layouter, furniture, width, true)
    }

    pub(crate) fn footer(
        layouter: &mut Layouter<'_>,
        furniture: &'a Furniture,
        width: f32,
    ) -> Result<Self, DocumentError> {
        Self::new(layouter, furniture, width, false)
    }

    fn new(
        layouter: &mut Layouter<'_>,
        furniture: &'a Furniture,
        width: f32,
        top: bool,
    ) -> Result<Self, DocumentError> {
        let mut edge = Self {
            furniture,
            width,
            top,
            kinds: [Vec::new(), Vec::new()],
            costs: [Cost::default(); 2],
        };
        let before = Cost::so_far(layouter);
        let first = edge.lay_out(layouter, (0, 1))?;
        edge.costs = [before.since(layouter); 2];
        let other = if furniture.first.is_some() || furniture.counts_pages {
            let before = Cost::so_far(layouter);
            let other = edge.lay_out(layouter, (1, 2))?;
            edge.costs[1] = before.since(layouter);
            other
        } else {
            first.clone()
        };
        edge.kinds = [first, other];
        Ok(edge)
    }

    /// What it takes of the page with this number, counted from 0. It does not depend on the number itself, so it is known before the
    /// pages are filled.
    pub(crate) fn height(&self, page: usize) -> f32 {
        let height = total(&self.kinds[page.min(1)]);
        if height > 0.0 {
            height + self.furniture.gap * MM
        } else {
            0.0
        }
    }

    /// Its strips on one of so many pages.
    pub(crate) fn on(
        &self,
        layouter: &mut Layouter<'_>,
        (page, count): (usize, usize),
    ) -> Result<Vec<Strip>, DocumentError> {
        if self.furniture.counts_pages {
            self.lay_out(layouter, (page, count))
        } else {
            let Cost { glyphs, bytes } = self.costs[page.min(1)];
            layouter.count_glyphs(glyphs)?;
            layouter.spend(bytes)?;
            Ok(self.kinds[page.min(1)].clone())
        }
    }

    fn lay_out(
        &self,
        layouter: &mut Layouter<'_>,
        (page, count): (usize, usize),
    ) -> Result<Vec<Strip>, DocumentError> {
        let number = |value: usize| Value::Integer(i64::try_from(value).unwrap_or(i64::MAX));
        layouter.scope.set("page", number(page + 1));
        layouter.scope.set("pages", number(count));
        layouter.furniture = true;
        layouter.at_top = self.top;
        let strips = layouter.blocks(self.furniture.on(page), self.width, 0);
        layouter.furniture = false;
        layouter.at_top = false;
        strips
    }
}
