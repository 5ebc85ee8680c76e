//! Strips to pages. One rule holds for a page, a box, a column and a row: each is a flow that gives what there is room for and keeps the
//! rest for the next page, so that what belongs together stays together and heads are repeated wherever they stand. Each strip is looked
//! at a few times only, however many there are.

use std::mem;

use crate::{
    context::{DocumentError, LimitKind, Limits},
    display::PageList,
    layout::limit,
    strip::{Body, Decor, Flow, Group, GroupCell, Rail, Strip, measure, stack},
};

/// What sums of heights may be off by.
const HAIR: f32 = 0.01;

/// Most strips that stay on one page because each is kept with the next.
const MOST_KEPT: usize = 256;

/// From which share of a page a group is divided rather than moved, and what of it must have room then.
const TALL: f32 = 0.5;
const TALL_PART: f32 = 0.25;

/// What must have room of a group that fits on no page.
const ENDLESS_PART: f32 = 0.1;

/// How many strips are looked at before the deadline is asked for again.
const STEPS_UNASKED: usize = 4_096;

/// What is left of a page for its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) x: f32,
    pub(crate) top: f32,
    pub(crate) height: f32,
    /// The lower edge of the paper.
    pub(crate) paper: f32,
}

#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) pages: Vec<PageList>,
    /// Marks of what is too tall for any page.
    pub(crate) overflows: Vec<u32>,
}

/// Fills pages; `frame` tells the place on a page, counted from 0.
pub(crate) fn fill(
    strips: Vec<Strip>,
    frame: impl Fn(usize) -> Frame,
    limits: &Limits<'_>,
) -> Result<Filled, DocumentError> {
    let mut fragmenter = Fragmenter::new(limits);
    let pages = fragmenter.fill(strips.into(), frame)?;
    Ok(Filled {
        pages,
        overflows: fragmenter.overflows,
    })
}

/// What a flow has on a page.
#[derive(Clone, Copy, Debug)]
struct Room {
    height: f32,
    /// What it has on the next page.
    next: f32,
    /// Nothing stands above, so what has no room here has none on the next page either.
    fresh: bool,
}

/// The first strips of a flow, which stay on one page.
struct Kept {
    count: usize,
    /// What they need at least.
    height: f32,
    /// No page has room for them.
    hopeless: bool,
}

/// What a flow has given for a page.
#[derive(Default)]
struct Taken {
    strips: Vec<Strip>,
    height: f32,
    /// More than a repeated head and space.
    begun: bool,
    spaced: bool,
}

impl Taken {
    fn push(&mut self, strip: Strip) {
        self.height += strip.height;
        self.begun |= !strip.space && !strip.is_repeated();
        self.spaced |= strip.space;
        self.strips.push(strip);
    }

    fn push_first(&mut self, flow: &mut Flow) {
        if let Some(strip) = flow.pop_front() {
            self.push(strip);
        }
    }

    /// Puts all but the first `count` strips back.
    fn give_back(&mut self, count: usize, flow: &mut Flow) {
        for strip in self.strips.drain(count..).rev() {
            flow.push_front(strip);
        }
    }
}

struct Fragmenter<'a> {
    limits: &'a Limits<'a>,
    overflows: Vec<u32>,
    /// Mark of the group that is divided.
    within: u32,
    /// Strips looked at: what filling pages costs.
    steps: usize,
    /// How many they were when the deadline was asked for.
    asked: usize,
    /// Of the drawings behind groups, which are drawn anew behind each of their parts.
    segments: usize,
}

impl<'a> Fragmenter<'a> {
    fn new(limits: &'a Limits<'a>) -> Self {
        Self {
            limits,
            overflows: Vec::new(),
            within: 0,
            steps: 0,
            asked: 0,
            segments: 0,
        }
    }

    fn fill(
        &mut self,
        mut flow: Flow,
        frame: impl Fn(usize) -> Frame,
    ) -> Result<Vec<PageList>, DocumentError> {
        let most = self.limits.max_pages;
        let mut pages = Vec::new();
        loop {
            if pages.len() == most {
                return Err(limit(LimitKind::Pages, most as u64));
            }
            let area = frame(pages.len());
            let room = Room {
                height: area.height,
                next: frame(pages.len() + 1).height,
                fresh: true,
            };
            let mut page = PageList::default();
            let mut strips = self.take(&mut flow, room)?;
            let foot = strips.pop_if(|strip| strip.foot.is_some());
            stack(strips, &mut page, (area.x, area.top), false);
            if let Some(foot) = foot {
                foot.place_at_foot(&mut page, area.x, area.paper);
            }
            pages.push(page);
            if flow.is_empty() {
                return Ok(pages);
            }
        }
    }

    /// Takes from a flow what stands on this page; nothing where not even the first of it has room. What is left begins as the next
    /// page does: without space, and with the head that is repeated.
    fn take(&mut self, flow: &mut Flow, room: Room) -> Result<Vec<Strip>, DocumentError> {
        let mut taken = Taken::default();
        if flow.front().is_some_and(Strip::is_repeated) {
            taken.push_first(flow);
        }
        let (heads, above) = (taken.strips.len(), taken.height);
        // At the top of a page space gives way to what has no room below it.
        let give_way = |taken: &mut Taken| {
            taken.strips.truncate(heads);
            taken.height = above;
            taken.spaced = false;
        };
        while let Some(first) = flow.front() {
            self.check_stop()?;
            if first.break_before && taken.begun {
                break;
            }
            let left = room.height - taken.height + HAIR;
            let at_top = room.fresh && !taken.begun;
            let kept = self.kept(flow, room.next);
            let mut count = kept.count;
            if kept.height > left {
                if at_top && taken.spaced {
                    give_way(&mut taken);
                    continue;
                }
                if at_top && first.space {
                    flow.pop_front();
                    continue;
                }
                let (together, least) = self.broken_up(flow, room.next);
                if !(at_top || kept.hopeless && least <= left) {
                    break;
                }
                count = together;
            }
            if !self.take_kept(flow, count, room, &mut taken)? {
                if taken.begun || !room.fresh {
                    break;
                }
                give_way(&mut taken);
            }
            if taken
                .strips
                .last()
                .is_some_and(|strip| strip.foot.is_some())
            {
                break;
            }
        }
        if taken.begun {
            while flow.front().is_some_and(|strip| strip.space) {
                flow.pop_front();
            }
            if let Some(head) = flow.front().and_then(|strip| head_of(strip, room.next)) {
                flow.push_front(head);
            }
        } else if !flow.is_empty() {
            taken.give_back(0, flow);
            return Ok(Vec::new());
        }
        Ok(taken.strips)
    }

    /// Takes the first strips of a flow, all of them or, where something stands above, none; `false` where there is no room for more.
    fn take_kept(
        &mut self,
        flow: &mut Flow,
        count: usize,
        room: Room,
        taken: &mut Taken,
    ) -> Result<bool, DocumentError> {
        let (before, begun) = (taken.strips.len(), taken.begun);
        for _ in 0..count {
            let Some(next) = flow.front_mut() else {
                break;
            };
            let left = Room {
                height: room.height - taken.height,
                fresh: room.fresh && !taken.begun && !taken.spaced,
                ..room
            };
            if next.height <= left.height + HAIR && !next.breaks() {
                taken.push_first(flow);
            } else if let Some(part) = self.divide(next, left)? {
                let spent = matches!(&next.body, Body::Group(group) if group.is_spent());
                taken.push(part);
                if !spent {
                    return Ok(false);
                }
                flow.pop_front();
            } else if left.fresh {
                let mark = self.mark_of(next);
                self.overflows.push(mark);
                taken.push_first(flow);
            } else {
                if begun || !room.fresh {
                    taken.give_back(before, flow);
                    taken.begun = begun;
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Divides a group: gives the part for this page and leaves the other one in its place. `None` where no part has room, or where the
    /// whole is no taller than its content.
    fn divide(&mut self, strip: &mut Strip, room: Room) -> Result<Option<Strip>, DocumentError> {
        let mark = self.mark_of(strip);
        let Body::Group(group) = &mut strip.body else {
            return Ok(None);
        };
        let padding = group.top + group.bottom;
        let inner = Room {
            height: room.height - padding,
            next: room.next - padding,
            ..room
        };
        let most = (inner.height + HAIR).max(0.0);
        let fits = |cell: &GroupCell| measure(&cell.strips, most) <= most;
        if !group.breaks && group.cells.iter().all(fits) {
            return Ok(None);
        }
        let outer = mem::replace(&mut self.within, mark);
        let mut cells = Vec::with_capacity(group.cells.len());
        for cell in &mut group.cells {
            cells.push(GroupCell {
                x: cell.x,
                middle: false,
                strips: self.take(&mut cell.strips, inner)?.into(),
            });
        }
        self.within = outer;
        let begun = |cell: &GroupCell| cell.strips.iter().any(|strip| !strip.space);
        if !room.fresh && !cells.iter().any(begun) {
            for (cell, taken) in group.cells.iter_mut().zip(cells) {
                for strip in taken.strips.into_iter().rev() {
                    cell.strips.push_front(strip);
                }
            }
            return Ok(None);
        }
        if let Some(backdrop) = &group.decor.backdrop {
            self.segments += backdrop.segments();
            let most = self.limits.max_glyphs;
            if self.segments > most {
                return Err(limit(LimitKind::Glyphs, most as u64));
            }
        }
        let below = group.decor.below.filter(|_| group.is_spent());
        let part = Group {
            top: group.top,
            bottom: group.bottom,
            cells,
            decor: Decor {
                below,
                ..group.decor.clone()
            },
            ..Group::default()
        };
        group.min_height = 0.0;
        group.decor.rise = 0.0;
        group.decor.above = None;
        group.decor.rail = group.decor.rail.and_then(Rail::overleaf);
        let mut rest = 0.0_f32;
        for cell in &mut group.cells {
            cell.middle = false;
            rest = rest.max(measure(&cell.strips, room.next));
        }
        strip.height = rest + padding;
        Ok(Some(Strip {
            marks: strip.marks.clone(),
            ..Strip::group(part)
        }))
    }

    /// How many strips at the front of a flow stay on one page. As long as a page has room for all of them they stay whole.
    fn kept(&mut self, flow: &Flow, page: f32) -> Kept {
        let head = flow.front().and_then(|strip| head_of(strip, page));
        let page = page - head.map_or(0.0, |head| head.height);
        let mut kept = Kept {
            count: 0,
            height: 0.0,
            hopeless: false,
        };
        for strip in flow.iter().take(MOST_KEPT) {
            self.steps += 1;
            if strip.break_before && kept.count > 0 {
                break;
            }
            let before = kept.height;
            let goes_on = strip.keep_next && strip.foot.is_none();
            kept.count += 1;
            kept.height += strip.height;
            let alone = kept.count == 1 && !goes_on;
            if alone || kept.height > page {
                kept.height = before + self.least(strip, page);
                break;
            }
            if !goes_on {
                break;
            }
        }
        kept.hopeless = kept.height > page;
        kept
    }

    /// How many strips at the front of a flow stay together where no page has room for all that should, and what they need at least: a head is
    /// nothing without what stands below it.
    fn broken_up(&mut self, flow: &Flow, page: f32) -> (usize, f32) {
        let mut strips = flow.iter();
        let Some(first) = strips.next() else {
            return (0, 0.0);
        };
        let goes_on = first.keep_next && first.foot.is_none();
        match strips.next().filter(|next| goes_on && !next.break_before) {
            Some(next) => (2, first.height + self.least(next, page)),
            None => (1, self.least(first, page)),
        }
    }

    /// How much of a strip a page must have room for.
    fn least(&mut self, strip: &Strip, page: f32) -> f32 {
        let Body::Group(group) = &strip.body else {
            return strip.height;
        };
        let part = if strip.height > page {
            ENDLESS_PART
        } else if strip.height > page * TALL && !group.together {
            TALL_PART
        } else {
            return strip.height;
        };
        let padding = group.top + group.bottom;
        let mut first = 0.0_f32;
        for cell in &group.cells {
            let kept = self.kept(&cell.strips, page - padding);
            first = first.max(if kept.hopeless {
                self.broken_up(&cell.strips, page - padding).1
            } else {
                kept.height
            });
        }
        (first + padding).max(page * part)
    }

    fn mark_of(&self, strip: &Strip) -> u32 {
        strip.marks.last().map_or(self.within, |(mark, ..)| *mark)
    }

    fn check_stop(&mut self) -> Result<(), DocumentError> {
        if self.steps - self.asked < STEPS_UNASKED {
            return Ok(());
        }
        self.asked = self.steps;
        match &self.limits.stop {
            Some(stop) if stop() => Err(DocumentError::Stopped),
            Some(_) | None => Ok(()),
        }
    }
}

/// The head that is repeated above a strip; one that takes most of a page would leave its rows no room on any.
fn head_of(strip: &Strip, page: f32) -> Option<Strip> {
    strip
        .repeated_head()
        .filter(|head| head.height <= page / 2.0)
}

#[cfg(test)]
mod tests;
