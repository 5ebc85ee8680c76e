//! Strips: unbreakable slices such as one line of text, and groups of cells (a table row, a box, columns) that break only when they
//! must. Pages are filled with them.

use std::{rc::Rc, sync::Arc};

use crate::{
    display::{Item, Marked, PageList, Placed, Rgb, Stroke},
    path::{self, Segment},
};

/// Width of a box's border.
const BORDER: f32 = 0.6;

#[derive(Clone, Debug, Default)]
pub(crate) struct Strip {
    pub(crate) height: f32,
    /// Stays on the page of the strip after it.
    pub(crate) keep_next: bool,
    /// Only space: dropped at the top of a page.
    pub(crate) space: bool,
    pub(crate) break_before: bool,
    /// Block instances this strip belongs to, with their x and width.
    pub(crate) marks: Vec<(u32, f32, f32)>,
    /// Drawn again above this strip when a page begins with it.
    pub(crate) head: Option<Rc<Strip>>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug, Default)]
pub(crate) enum Body {
    #[default]
    Empty,
    Items(Vec<(f32, f32, Item)>),
    Group(Box<Group>),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) top: f32,
    pub(crate) bottom: f32,
    pub(crate) min_height: f32,
    pub(crate) cells: Vec<GroupCell>,
    pub(crate) decor: Decor,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct GroupCell {
    pub(crate) x: f32,
    pub(crate) middle: bool,
    pub(crate) strips: Vec<Strip>,
}

/// What is drawn behind and around a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decor {
    pub(crate) x: f32,
    pub(crate) width: f32,
    /// How far it reaches above the group.
    pub(crate) rise: f32,
    pub(crate) fill: Option<Rgb>,
    pub(crate) border: Option<Rgb>,
    pub(crate) radius: f32,
    pub(crate) above: Option<(Rgb, f32)>,
    pub(crate) below: Option<(Rgb, f32)>,
    pub(crate) shapes: Vec<(Rgb, Arc<Vec<Segment>>)>,
}

pub(crate) fn total(strips: &[Strip]) -> f32 {
    strips.iter().map(|strip| strip.height).sum()
}

impl Strip {
    pub(crate) fn space(height: f32) -> Self {
        Self {
            height,
            space: true,
            ..Self::default()
        }
    }

    pub(crate) fn group(group: Group) -> Self {
        Self {
            height: group.height(),
            body: Body::Group(Box::new(group)),
            ..Self::default()
        }
    }

    /// From where to where letters and figures reach; rules, lines and grounds fill what width they get.
    fn extent(&self) -> Option<(f32, f32)> {
        match &self.body {
            Body::Empty => None,
            Body::Items(items) => items
                .iter()
                .filter_map(|(x, _, item)| match item {
                    Item::Glyphs(run) => Some((x + run.extent.0, x + run.extent.1)),
                    Item::Figure { width, .. } => Some((*x, x + width)),
                    Item::Rect { .. }
                    | Item::Path { .. }
                    | Item::Image { .. }
                    | Item::Link { .. }
                    | Item::Value { .. } => None,
                })
                .reduce(union),
            Body::Group(group) => group.extent(),
        }
    }

    /// Width of the widest of the strips, as far as letters and figures reach.
    pub(crate) fn natural_width(strips: &[Self]) -> f32 {
        strips
            .iter()
            .filter_map(Self::extent)
            .map(|(left, right)| right - left)
            .fold(0.0, f32::max)
    }

    /// Makes a box with a ground or a border at least this tall.
    pub(crate) fn stretch(&mut self, height: f32) {
        if let Body::Group(group) = &mut self.body
            && (group.decor.fill.is_some() || group.decor.border.is_some())
        {
            group.min_height = group.min_height.max(height);
            self.height = self.height.max(height);
        }
    }

    /// Draws the strip with its top left corner at `x`, `y`.
    pub(crate) fn place(&self, page: &mut PageList, x: f32, y: f32, artifact: bool) {
        for (mark, left, width) in &self.marks {
            page.marks.push(Marked {
                mark: *mark,
                x: x + left,
                y,
                width: *width,
                height: self.height,
            });
        }
        match &self.body {
            Body::Empty => {}
            Body::Items(items) => {
                for (left, top, item) in items {
                    page.items.push(Placed {
                        x: x + left,
                        y: y + top,
                        artifact,
                        item: item.clone(),
                    });
                }
            }
            Body::Group(group) => group.place(page, x, y, self.height, artifact),
        }
    }

    /// Cuts a group so that the first part is at most `room` high; gives it back whole when it cannot be cut.
    pub(crate) fn split(self, room: f32) -> Result<(Self, Self), Self> {
        let Body::Group(group) = self.body else {
            return Err(self);
        };
        let inner = room - group.top - group.bottom;
        let mut first = Group {
            cells: Vec::new(),
            min_height: 0.0,
            ..(*group).clone()
        };
        let mut rest = Group {
            cells: Vec::new(),
            min_height: 0.0,
            ..(*group).clone()
        };
        rest.decor.rise = 0.0;
        let mut moved = false;
        let mut left = false;
        for cell in &group.cells {
            let (before, after) = cut(cell.strips.clone(), inner);
            moved |= before.iter().any(|strip| !strip.space);
            left |= !after.is_empty();
            first.cells.push(GroupCell {
                strips: before,
                middle: false,
                x: cell.x,
            });
            rest.cells.push(GroupCell {
                strips: after,
                middle: false,
                x: cell.x,
            });
        }
        if !moved || !left {
            return Err(Self {
                body: Body::Group(group),
                ..self
            });
        }
        let part = |group: Group, keep_next: bool| Self {
            keep_next,
            marks: self.marks.clone(),
            head: self.head.clone(),
            ..Self::group(group)
        };
        Ok((part(first, false), part(rest, self.keep_next)))
    }
}

fn union(one: (f32, f32), other: (f32, f32)) -> (f32, f32) {
    (one.0.min(other.0), one.1.max(other.1))
}

/// Strips that fit into `room`, and the others; the strip at the edge is cut if it is a group.
fn cut(strips: Vec<Strip>, room: f32) -> (Vec<Strip>, Vec<Strip>) {
    let mut before = Vec::new();
    let mut after = Vec::new();
    let mut used = 0.0;
    for strip in strips {
        if !after.is_empty() {
            after.push(strip);
        } else if used + strip.height <= room {
            used += strip.height;
            before.push(strip);
        } else {
            match strip.split(room - used) {
                Ok((first, rest)) => {
                    before.push(first);
                    after.push(rest);
                }
                Err(strip) => after.push(strip),
            }
        }
    }
    while after.first().is_some_and(|strip| strip.space) {
        after.remove(0);
    }
    (before, after)
}

impl Group {
    pub(crate) fn height(&self) -> f32 {
        let content = self
            .cells
            .iter()
            .map(|cell| total(&cell.strips))
            .fold(0.0, f32::max);
        (content + self.top + self.bottom).max(self.min_height)
    }

    fn extent(&self) -> Option<(f32, f32)> {
        // What is alone in a box has the same distance to both of its sides.
        if let [cell] = self.cells.as_slice() {
            let inner = Strip::natural_width(&cell.strips);
            return (inner > 0.0).then_some((0.0, inner + 2.0 * cell.x));
        }
        self.cells
            .iter()
            .flat_map(|cell| {
                let extents = cell.strips.iter().filter_map(Strip::extent);
                extents.map(move |(left, right)| (cell.x + left, cell.x + right))
            })
            .reduce(union)
    }

    fn place(&self, page: &mut PageList, x: f32, y: f32, height: f32, artifact: bool) {
        self.decor.place(page, x, y, height);
        for cell in &self.cells {
            let mut top = y + self.top;
            if cell.middle {
                let room = height - self.top - self.bottom - total(&cell.strips);
                top += (room / 2.0).max(0.0);
            }
            for strip in &cell.strips {
                strip.place(page, x + cell.x, top, artifact);
                top += strip.height;
            }
        }
    }
}

impl Decor {
    fn place(&self, page: &mut PageList, x: f32, y: f32, height: f32) {
        let (x, top, height) = (x + self.x, y - self.rise, height + self.rise);
        let mut push = |x: f32, y: f32, item: Item| {
            page.items.push(Placed {
                x,
                y,
                artifact: true,
                item,
            });
        };
        let rect = |height: f32, fill: Rgb| Item::Rect {
            width: self.width,
            height,
            fill,
        };
        match (self.border, self.fill) {
            (None, None) => {}
            (None, Some(fill)) if self.radius == 0.0 => push(x, top, rect(height, fill)),
            (border, fill) => {
                // The whole border lies within the box.
                let inset = border.map_or(0.0, |_| BORDER / 2.0);
                let outline = path::rounded(
                    (self.width - 2.0 * inset).max(0.0),
                    (height - 2.0 * inset).max(0.0),
                    self.radius - inset,
                );
                let item = Item::Path {
                    segments: Arc::new(outline),
                    fill,
                    stroke: border.map(|colour| Stroke {
                        colour,
                        width: BORDER,
                        dash: None,
                        round: false,
                    }),
                    tag: 0,
                };
                push(x + inset, top + inset, item);
            }
        }
        if let Some((colour, line)) = self.above {
            push(x, top, rect(line, colour));
        }
        if let Some((colour, line)) = self.below {
            push(x, top + height - line, rect(line, colour));
        }
        for (fill, segments) in &self.shapes {
            let item = Item::Path {
                segments: segments.clone(),
                fill: Some(*fill),
                stroke: None,
                tag: 0,
            };
            push(x, top, item);
        }
    }
}
