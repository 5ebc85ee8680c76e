//! Strips to pages: keeps together what belongs together, repeats heading rows, splits what is taller than a page.

use std::collections::VecDeque;

use crate::{display::PageList, strip::Strip};

/// What is left of a page for its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) x: f32,
    pub(crate) top: f32,
    pub(crate) height: f32,
}

/// Why a page could not take its strips as they are.
#[derive(Debug)]
pub(crate) struct Overflow {
    pub(crate) mark: Option<u32>,
}

pub(crate) struct Filled {
    pub(crate) pages: Vec<PageList>,
    pub(crate) overflows: Vec<Overflow>,
    /// More pages than `max`: the rest was not laid out.
    pub(crate) too_many: bool,
}

pub(crate) fn fill(strips: Vec<Strip>, frame: impl Fn(usize) -> Frame, max: usize) -> Filled {
    let mut filled = Filled {
        pages: vec![PageList::default()],
        overflows: Vec::new(),
        too_many: false,
    };
    let mut queue: VecDeque<Strip> = strips.into();
    let mut area = frame(0);
    let mut y = 0.0_f32;
    // A page that holds only a repeated heading row still counts as fresh.
    let mut fresh = true;
    while let Some(next) = queue.front() {
        if next.break_before && !fresh {
            new_page(&mut filled, &mut area, &frame, &mut y, &mut fresh);
            if filled.pages.len() > max {
                filled.too_many = true;
                return filled;
            }
        }
        let Some(strip) = queue.pop_front() else {
            break;
        };
        if strip.space && fresh && !filled.pages.is_empty() && filled.pages.len() > 1 {
            continue;
        }
        if fresh
            && filled.pages.len() > 1
            && y == 0.0
            && let Some(head) = &strip.head
            // A heading that takes most of a page would leave its rows no room on any.
            && head.height <= area.height / 2.0
        {
            place(&mut filled, head, &area, &mut y, true);
        }
        let room = area.height - y;
        let chain = chain_height(&strip, &queue, area.height);
        if strip.height <= room + 0.01
            && (chain <= room + 0.01 || (fresh && strip.height > 0.0) || chain > area.height)
        {
            fresh &= strip.space;
            place(&mut filled, &strip, &area, &mut y, false);
            continue;
        }
        let tall = strip.height > area.height * 0.5 && room > area.height * 0.25;
        let must = strip.height > area.height - head_height(&strip);
        if fresh || (strip.height > room && (tall || must) && room > area.height * 0.1) {
            match strip.split(room) {
                Ok((first, rest)) => {
                    place(&mut filled, &first, &area, &mut y, false);
                    queue.push_front(rest);
                }
                Err(strip) if fresh => {
                    if strip.height > room {
                        filled.overflows.push(Overflow {
                            mark: strip.marks.last().map(|mark| mark.0),
                        });
                    }
                    place(&mut filled, &strip, &area, &mut y, false);
                    fresh = false;
                    continue;
                }
                Err(strip) => queue.push_front(strip),
            }
        } else {
            queue.push_front(strip);
        }
        new_page(&mut filled, &mut area, &frame, &mut y, &mut fresh);
        if filled.pages.len() > max {
            filled.too_many = true;
            return filled;
        }
    }
    filled
}

fn new_page(
    filled: &mut Filled,
    area: &mut Frame,
    frame: &impl Fn(usize) -> Frame,
    y: &mut f32,
    fresh: &mut bool,
) {
    filled.pages.push(PageList::default());
    *area = frame(filled.pages.len() - 1);
    *y = 0.0;
    *fresh = true;
}

fn place(filled: &mut Filled, strip: &Strip, area: &Frame, y: &mut f32, artifact: bool) {
    if let Some(page) = filled.pages.last_mut() {
        strip.place(page, area.x, area.top + *y, artifact);
    }
    *y += strip.height;
}

fn head_height(strip: &Strip) -> f32 {
    strip.head.as_ref().map_or(0.0, |head| head.height)
}

/// Height of the strip and of all that must stay with it, counted until it is more than `most`.
fn chain_height(strip: &Strip, queue: &VecDeque<Strip>, most: f32) -> f32 {
    let mut height = strip.height;
    let mut keeps = strip.keep_next;
    for next in queue {
        if !keeps || next.break_before || height > most {
            break;
        }
        height += next.height;
        keeps = next.keep_next;
    }
    height
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strip::{Body, Group, GroupCell};

    fn line(height: f32, keep_next: bool) -> Strip {
        Strip {
            height,
            keep_next,
            marks: vec![(0, 0.0, 1.0)],
            ..Strip::default()
        }
    }

    /// Heights of the marks on each page, with room for 100.
    #[track_caller]
    fn check(strips: Vec<Strip>, expected: &[&[f32]]) {
        let frame = |_| Frame {
            x: 0.0,
            top: 0.0,
            height: 100.0,
        };
        let filled = fill(strips, frame, 50);
        let found: Vec<Vec<f32>> = filled
            .pages
            .iter()
            .map(|page| page.marks.iter().map(|mark| mark.height).collect())
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn fills_pages() {
        check(
            vec![line(60.0, false), line(40.0, false), line(1.0, false)],
            &[&[60.0, 40.0], &[1.0]],
        );
        check(
            vec![line(60.0, false), line(20.0, true), line(30.0, false)],
            &[&[60.0], &[20.0, 30.0]],
        );
        // A chain longer than a page is cut where it must.
        check(
            vec![line(60.0, true), line(60.0, false)],
            &[&[60.0], &[60.0]],
        );
    }

    #[test]
    fn space_vanishes_at_the_top_of_a_page() {
        check(
            vec![line(90.0, false), Strip::space(20.0), line(10.0, false)],
            &[&[90.0], &[10.0]],
        );
    }

    #[test]
    fn splits_what_is_taller_than_a_page() {
        let strips = (0..30).map(|_| line(10.0, false)).collect();
        let group = Strip::group(Group {
            cells: vec![GroupCell {
                strips,
                ..GroupCell::default()
            }],
            ..Group::default()
        });
        assert!(matches!(group.body, Body::Group(_)));
        check(vec![group], &[&[10.0; 10], &[10.0; 10], &[10.0; 10]]);
    }

    #[test]
    fn an_unbreakable_giant_overflows_once() {
        let filled = fill(
            vec![line(500.0, false), line(10.0, false)],
            |_| Frame {
                x: 0.0,
                top: 0.0,
                height: 100.0,
            },
            50,
        );
        assert_eq!((filled.overflows.len(), filled.pages.len()), (1, 2));
    }
}
