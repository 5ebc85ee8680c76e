//! Strips: slices of a page, laid out and without a place yet. A line of text stays whole; a group of cells (a table row, a box, columns)
//! is divided where it must be. Pages are filled with them, and each goes onto its page without being copied.

use std::{collections::VecDeque, rc::Rc, sync::Arc};

use crate::{
    display::{Item, Marked, PageList, Placed, Rgb, Stroke},
    path::{self, Segment},
};

/// Width of a box's border, and of the lines between columns.
const BORDER: f32 = 0.6;

/// Width of the line along a plan.
const RAIL: f32 = 1.2;

/// Strips below one another, taken from the front.
pub(crate) type Flow = VecDeque<Strip>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Strip {
    pub(crate) height: f32,
    /// Stays on the page of the strip after it.
    pub(crate) keep_next: bool,
    /// Only space: dropped at the top of a page.
    pub(crate) space: bool,
    pub(crate) break_before: bool,
    /// It ends its page at the foot of the paper, where it is this tall; `height` is what of that is the body's.
    pub(crate) foot: Option<f32>,
    /// Block instances this strip belongs to, with their x and width.
    pub(crate) marks: Vec<(u32, f32, f32)>,
    /// Drawn again above this strip when a page begins with it.
    pub(crate) head: Option<Rc<Vec<Strip>>>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug, Default)]
pub(crate) enum Body {
    #[default]
    Empty,
    Items(Vec<(f32, f32, Item)>),
    Group(Box<Group>),
    /// What a page before has shown already, so that it stays out of the structure tree.
    Repeated(Rc<Vec<Strip>>),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) top: f32,
    pub(crate) bottom: f32,
    pub(crate) min_height: f32,
    pub(crate) cells: Vec<GroupCell>,
    pub(crate) decor: Decor,
    /// Divided only where it is taller than a page.
    pub(crate) together: bool,
    /// A new page begins somewhere in it.
    pub(crate) breaks: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct GroupCell {
    pub(crate) x: f32,
    pub(crate) middle: bool,
    pub(crate) strips: Flow,
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
    /// From top to bottom: their colour and where each of them stands.
    pub(crate) uprights: Option<(Rgb, Rc<[f32]>)>,
    pub(crate) rail: Option<Rail>,
    pub(crate) backdrop: Option<Rc<Backdrop>>,
}

/// The line along a plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rail {
    pub(crate) colour: Rgb,
    /// Its middle.
    pub(crate) x: f32,
    /// Where it begins and ends, from the top; `None` goes on to what is below the group.
    pub(crate) from: f32,
    pub(crate) to: Option<f32>,
}

impl Rail {
    /// What of it is on the next page.
    pub(crate) fn overleaf(self) -> Option<Self> {
        self.to.is_none().then_some(Self { from: 0.0, ..self })
    }
}

/// A drawing in a size of its own, which is scaled to cover the group.
#[derive(Debug)]
pub(crate) struct Backdrop {
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) shapes: Vec<(Rgb, Vec<Segment>)>,
}

impl Backdrop {
    pub(crate) fn segments(&self) -> usize {
        self.shapes.iter().map(|(_, segments)| segments.len()).sum()
    }
}

pub(crate) fn total<'a>(strips: impl IntoIterator<Item = &'a Strip>) -> f32 {
    strips.into_iter().map(|strip| strip.height).sum()
}

/// The height of a flow, added up no further than where it is more than `most`.
pub(crate) fn measure(flow: &Flow, most: f32) -> f32 {
    let mut height = 0.0;
    for strip in flow {
        height += strip.height;
        if height > most {
            break;
        }
    }
    height
}

/// Draws strips below one another, the top left corner of the first one at `x`, `y`.
pub(crate) fn stack(
    strips: impl IntoIterator<Item = Strip>,
    page: &mut PageList,
    (x, y): (f32, f32),
    artifact: bool,
) {
    let mut top = y;
    for strip in strips {
        let height = strip.height;
        strip.place(page, x, top, artifact);
        top += height;
    }
}

impl Strip {
    pub(crate) fn space(height: f32) -> Self {
        Self {
            height,
            space: true,
            ..Self::default()
        }
    }

    pub(crate) fn group(mut group: Group) -> Self {
        let mut break_before = false;
        for cell in &group.cells {
            for (index, strip) in cell.strips.iter().enumerate() {
                // What begins with a new page moves there as a whole.
                break_before |= strip.break_before && index == 0;
                group.breaks |= strip.breaks() || strip.break_before && index > 0;
            }
        }
        Self {
            height: group.height(),
            break_before,
            body: Body::Group(Box::new(group)),
            ..Self::default()
        }
    }

    /// Whether a new page begins somewhere in it.
    pub(crate) fn breaks(&self) -> bool {
        matches!(&self.body, Body::Group(group) if group.breaks)
    }

    pub(crate) fn is_repeated(&self) -> bool {
        matches!(self.body, Body::Repeated(_))
    }

    /// What stands above this strip when a page begins with it.
    pub(crate) fn repeated_head(&self) -> Option<Self> {
        self.head.as_ref().map(|head| Self {
            height: total(head.iter()),
            keep_next: true,
            body: Body::Repeated(head.clone()),
            ..Self::default()
        })
    }

    /// From where to where letters and figures reach; rules, lines and grounds fill what width they get.
    fn extent(&self) -> Option<(f32, f32)> {
        match &self.body {
            Body::Empty | Body::Repeated(_) => None,
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
    pub(crate) fn natural_width<'a>(strips: impl IntoIterator<Item = &'a Self>) -> f32 {
        strips
            .into_iter()
            .filter_map(Self::extent)
            .map(|(left, right)| right - left)
            .fold(0.0, f32::max)
    }

    /// Makes a box with a ground or a border at least this tall.
    fn stretch(&mut self, height: f32) {
        if let Body::Group(group) = &self.body
            && (group.decor.fill.is_some() || group.decor.border.is_some())
        {
            self.height = self.height.max(height);
        }
    }

    /// Draws what ends a page, beyond all margins.
    pub(crate) fn place_at_foot(mut self, page: &mut PageList, x: f32, paper: f32) {
        self.height = self.foot.unwrap_or(self.height);
        page.foot = self.height;
        self.place(page, x, paper - page.foot, false);
    }

    /// Draws the strip with its top left corner at `x`, `y`.
    pub(crate) fn place(self, page: &mut PageList, x: f32, y: f32, artifact: bool) {
        let height = self.height;
        page.marks
            .extend(self.marks.into_iter().map(|(mark, left, width)| Marked {
                mark,
                x: x + left,
                y,
                width,
                height,
            }));
        match self.body {
            Body::Empty => {}
            Body::Items(items) => {
                page.items
                    .extend(items.into_iter().map(|(left, top, item)| Placed {
                        x: x + left,
                        y: y + top,
                        artifact,
                        item,
                    }));
            }
            Body::Group(group) => group.place(page, x, y, height, artifact),
            Body::Repeated(strips) => stack(strips.iter().cloned(), page, (x, y), true),
        }
    }
}

fn union(one: (f32, f32), other: (f32, f32)) -> (f32, f32) {
    (one.0.min(other.0), one.1.max(other.1))
}

impl Group {
    /// All its content has gone onto a page.
    pub(crate) fn is_spent(&self) -> bool {
        self.cells.iter().all(|cell| cell.strips.is_empty())
    }

    fn height(&self) -> f32 {
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

    fn place(self, page: &mut PageList, x: f32, y: f32, height: f32, artifact: bool) {
        self.decor.place(page, x, y, height);
        let inner = height - self.top - self.bottom;
        let several = self.cells.len() > 1;
        for mut cell in self.cells {
            // Boxes beside each other end on one line.
            if several && let [strip] = cell.strips.make_contiguous() {
                strip.stretch(inner);
            }
            let mut top = y + self.top;
            if cell.middle {
                top += ((inner - total(&cell.strips)) / 2.0).max(0.0);
            }
            stack(cell.strips, page, (x + cell.x, top), artifact);
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
        if let Some((colour, places)) = &self.uprights {
            for place in places.iter() {
                let line = Item::Rect {
                    width: BORDER,
                    height,
                    fill: *colour,
                };
                push(x + place - BORDER / 2.0, top, line);
            }
        }
        if let Some(rail) = &self.rail {
            let line = Item::Rect {
                width: RAIL,
                height: (rail.to.unwrap_or(height) - rail.from).max(0.0),
                fill: rail.colour,
            };
            push(x + rail.x - RAIL / 2.0, top + rail.from, line);
        }
        if let Some(backdrop) = &self.backdrop {
            let (sx, sy) = (self.width / backdrop.width, height / backdrop.height);
            for (fill, segments) in &backdrop.shapes {
                let scaled = segments.iter().map(|segment| segment.scaled(sx, sy));
                let item = Item::Path {
                    segments: Arc::new(scaled.collect()),
                    fill: Some(*fill),
                    stroke: None,
                    tag: 0,
                };
                push(x, top, item);
            }
        }
    }
}
