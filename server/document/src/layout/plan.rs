//! Plans: days and what happens in them along a line. A day is a heading with a list of its entries; without days each entry is a heading.
//! The line goes from the first mark to the last one, over all pages between them.

use std::sync::Arc;

use engine::node::Warning;

use super::{Layouter, items, rich::is_blank, theme::mix};
use crate::{
    context::DocumentError,
    display::{Item, MM, Rgb, Stroke, TagId},
    path::{Segment, circle},
    strip::{Body, Decor, Group, GroupCell, Rail, Strip},
    template::{Day, Leaf, LineLimit, Plan},
    text::{Look, Span},
};

/// Room of the line, with half of it on both sides, and which share of the width it takes at most.
const RAIL: f32 = 5.0 * MM;
const RAIL_SHARE: f32 = 1.0 / 12.0;

/// Most of the width that times and pictures take, these beside words and above them.
const TIME_SHARE: f32 = 0.3;
const BESIDE_SHARE: f32 = 0.3;
const ABOVE_SHARE: f32 = 0.5;

/// Between words and the picture beside them, and most of the width that it takes.
const PICTURE_GAP: f32 = 5.0 * MM;
const PICTURE_GAP_SHARE: f32 = 0.05;

/// Below an entry, below the last one of a day, and between what belongs to one entry.
const ENTRY_GAP: f32 = 5.0 * MM;
const DAY_GAP: f32 = 7.0 * MM;
const INNER_GAP: f32 = 1.2 * MM;

/// Radius of the marks, and of the white around them.
const DAY_MARK: f32 = 1.5 * MM;
const ENTRY_MARK: f32 = 1.0 * MM;
const HALO: f32 = 0.9 * MM;

/// How far the line goes from the colour of the marks towards white.
const TINT: f32 = 0.65;

/// How far below the middle of its line a letter stands, as a share of its size.
const BASELINE: f32 = 0.36;

const HEADINGS: [&str; 6] = ["H1", "H2", "H3", "H4", "H5", "H6"];

/// What has a mark: a day, or an entry.
struct Stop {
    is_day: bool,
    /// A day follows, or nothing.
    ends_day: bool,
    time: Vec<Span>,
    note: Vec<Span>,
    title: Vec<Span>,
    title_tag: TagId,
    place: Vec<Span>,
    text: Vec<Span>,
    /// The lines that the text may take.
    limit: Option<LineLimit>,
    picture: Vec<Strip>,
    /// Where all of it belongs in the structure tree.
    tag: TagId,
}

/// Looks of the parts of a stop.
struct Looks {
    time: Look,
    note: Look,
    title: Look,
    place: Look,
    text: Look,
}

/// Where everything stands.
struct Places {
    width: f32,
    time: f32,
    /// Left edge and width of the line's room, and the left edge of what stands behind it.
    rail: f32,
    rail_width: f32,
    body: f32,
    right_to_left: bool,
    colour: Rgb,
    mark: u32,
}

impl Layouter<'_> {
    pub(super) fn plan(
        &mut self,
        block: &Plan,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let stops = self.stops(block, (mark, parent), width)?;
        if stops.is_empty() {
            let message = "the plan's list has no entries";
            self.notice(Warning::new("list_empty", message), mark);
            let look = self.muted_look();
            return self.simple(&block.empty, &look, width, ("P", parent), mark);
        }
        let time = self.time_width(block, &stops, width)?;
        let rail_width = RAIL.min(width * RAIL_SHARE);
        let gap = rail_width / 2.0;
        let rail = if time > 0.0 { time + gap } else { 0.0 };
        let places = Places {
            width,
            time,
            rail,
            rail_width,
            body: rail + rail_width + gap,
            right_to_left: self.right_to_left(),
            colour: self.colour(&block.colour, mark)?,
            mark,
        };
        let count = stops.len();
        let mut strips = Vec::with_capacity(count);
        for (index, stop) in stops.into_iter().enumerate() {
            let ends = (index == 0, index + 1 == count);
            strips.push(self.stop_row(block, stop, &places, ends)?);
        }
        if !self.measuring {
            self.measured.clear();
        }
        Ok(strips)
    }

    fn stops(
        &mut self,
        block: &Plan,
        (mark, parent): (u32, TagId),
        width: f32,
    ) -> Result<Vec<Stop>, DocumentError> {
        let Some(day) = &block.day else {
            return self.entry_stops(block, (mark, parent), width);
        };
        let origin = self.scope.list_origin(&day.list);
        let mut stops = Vec::new();
        for (index, item) in self.list(&day.list, mark)?.into_iter().enumerate() {
            let outer = self.scope.enter_item(item, index + 1, &origin);
            let found = self.day_stops(block, day, (mark, parent), width);
            self.scope.leave_item(outer);
            stops.append(&mut found?);
        }
        Ok(stops)
    }

    /// A day with its entries.
    fn day_stops(
        &mut self,
        block: &Plan,
        day: &Day,
        (mark, parent): (u32, TagId),
        width: f32,
    ) -> Result<Vec<Stop>, DocumentError> {
        self.count_block()?;
        let title = self.spans(&day.title, mark)?;
        let time = self.leaf_spans(day.label.as_ref(), mark)?;
        let (text, limit) = self.stop_text(day.text.as_ref(), mark)?;
        let mut stops = vec![Stop {
            is_day: true,
            ends_day: false,
            time,
            note: Vec::new(),
            title_tag: self.stop_heading(&title, parent),
            title,
            place: Vec::new(),
            text,
            limit,
            picture: Vec::new(),
            tag: parent,
        }];
        let list = self.tag("L", parent);
        stops.append(&mut self.entry_stops(block, (mark, list), width)?);
        if let Some(last) = stops.last_mut() {
            last.ends_day = true;
        }
        Ok(stops)
    }

    fn entry_stops(
        &mut self,
        block: &Plan,
        (mark, parent): (u32, TagId),
        width: f32,
    ) -> Result<Vec<Stop>, DocumentError> {
        let entries = self.list(&block.entries, mark)?;
        let origin = self.scope.list_origin(&block.entries);
        let mut stops = Vec::with_capacity(entries.len());
        for (index, item) in entries.into_iter().enumerate() {
            let outer = self.scope.enter_item(item, index + 1, &origin);
            let stop = self.entry_stop(block, (mark, parent), width);
            self.scope.leave_item(outer);
            stops.push(stop?);
        }
        Ok(stops)
    }

    fn entry_stop(
        &mut self,
        block: &Plan,
        (mark, parent): (u32, TagId),
        width: f32,
    ) -> Result<Stop, DocumentError> {
        self.count_block()?;
        let entry = &block.entry;
        let title = self.spans(&entry.title, mark)?;
        let (tag, title_tag) = if block.day.is_some() {
            let item = self.tag("LI", parent);
            let body = self.tag("LBody", item);
            (body, 0)
        } else {
            (parent, self.stop_heading(&title, parent))
        };
        let picture = match &entry.picture {
            Some(image) => {
                let room = picture_width(block, image.width, width);
                self.image(image, mark, room, tag)?
            }
            None => Vec::new(),
        };
        let time = self.leaf_spans(entry.time.as_ref(), mark)?;
        let note = self.leaf_spans(entry.time_note.as_ref(), mark)?;
        let place = self.leaf_spans(entry.place.as_ref(), mark)?;
        let (text, limit) = self.stop_text(entry.text.as_ref(), mark)?;
        Ok(Stop {
            is_day: false,
            ends_day: false,
            time,
            note,
            title,
            title_tag,
            place,
            text,
            limit,
            picture,
            tag,
        })
    }

    /// A text and the lines that it may take.
    fn stop_text(
        &mut self,
        leaf: Option<&Leaf>,
        mark: u32,
    ) -> Result<(Vec<Span>, Option<LineLimit>), DocumentError> {
        let spans = self.leaf_spans(leaf, mark)?;
        let limit = leaf.and_then(|leaf| self.entry_limit(leaf, &spans));
        Ok((spans, limit))
    }

    /// Nothing where there is no leaf, or nothing to see of it.
    fn leaf_spans(&mut self, leaf: Option<&Leaf>, mark: u32) -> Result<Vec<Span>, DocumentError> {
        let spans = match leaf {
            Some(leaf) => self.spans(leaf, mark)?,
            None => Vec::new(),
        };
        Ok(if is_blank(&spans) { Vec::new() } else { spans })
    }

    /// A heading below the one above the block.
    fn stop_heading(&mut self, title: &[Span], parent: TagId) -> TagId {
        let tag = self.tag(HEADINGS[self.level.min(HEADINGS.len() - 1)], parent);
        self.note_heading(tag, title);
        tag
    }

    fn looks(&self, block: &Plan, stop: &Stop, colour: Rgb) -> Looks {
        let text = self.body_look(block.size);
        let strong = stop.is_day || block.day.is_none();
        let title = if stop.is_day {
            Look {
                size: text.size * 1.3,
                ..self.heading_look(2)
            }
        } else if strong {
            Look {
                size: text.size * 1.15,
                ..self.heading_look(3)
            }
        } else {
            Look {
                bold: true,
                ..text.clone()
            }
        };
        let small = Look {
            size: (text.size * 0.88).max(4.0),
            colour: self.colours.muted,
            ..text.clone()
        };
        Looks {
            time: Look {
                bold: strong,
                colour: if strong { colour } else { text.colour },
                tabular: true,
                ..text.clone()
            },
            note: Look {
                tabular: true,
                ..small.clone()
            },
            title,
            place: small,
            text,
        }
    }

    /// How wide what stands before the line is; 0 where nothing does.
    fn time_width(
        &mut self,
        block: &Plan,
        stops: &[Stop],
        width: f32,
    ) -> Result<f32, DocumentError> {
        let most = width * TIME_SHARE;
        if let Some(own) = block.time_width {
            return Ok((own * MM).min(most));
        }
        let mut natural = 0.0_f32;
        for stop in stops {
            let looks = self.looks(block, stop, self.colours.text);
            for (spans, look) in [(&stop.time, &looks.time), (&stop.note, &looks.note)] {
                if !spans.is_empty() {
                    natural = natural.max(self.natural_width(spans, look)? + 1.0);
                }
            }
        }
        Ok(natural.min(most))
    }

    /// A stop as it stands beside the line; `ends` says whether it is the first and the last one.
    fn stop_row(
        &mut self,
        block: &Plan,
        stop: Stop,
        places: &Places,
        (first, last): (bool, bool),
    ) -> Result<Strip, DocumentError> {
        let looks = self.looks(block, &stop, places.colour);
        let line = looks.title.size * looks.title.line_height;
        // The heading of a day stays with its first entry.
        let stays = stop.is_day && !stop.ends_day && !last;
        let bottom = match (last, stop.ends_day, stop.is_day) {
            (true, ..) => 0.0,
            (false, true, _) => DAY_GAP,
            (false, false, true) => INNER_GAP,
            (false, false, false) => ENTRY_GAP,
        };
        let time = self.stop_time(&stop, &looks, places)?;
        let dot = stop.is_day || block.day.is_none();
        let mark = stop_mark(dot, line, places);
        let mut cells = vec![
            (0.0, places.time, time),
            (places.rail, places.rail_width, vec![mark]),
        ];
        cells.append(&mut self.stop_body(block, stop, &looks, places)?);
        let mirrored = |x: f32, own: f32| {
            if places.right_to_left {
                places.width - x - own
            } else {
                x
            }
        };
        let rail = Rail {
            colour: mix(places.colour, TINT),
            x: mirrored(places.rail + places.rail_width / 2.0, 0.0),
            from: if first { line / 2.0 } else { 0.0 },
            to: last.then_some(line / 2.0),
        };
        let group = Group {
            bottom,
            cells: cells
                .into_iter()
                .map(|(x, own, strips)| GroupCell {
                    x: mirrored(x, own),
                    middle: false,
                    strips: strips.into(),
                })
                .collect(),
            decor: Decor {
                width: places.width,
                rail: Some(rail),
                ..Decor::default()
            },
            ..Group::default()
        };
        Ok(Strip {
            keep_next: stays,
            ..Strip::group(group)
        })
    }

    /// What stands before the line, its letters on one line with the title's.
    fn stop_time(
        &mut self,
        stop: &Stop,
        looks: &Looks,
        places: &Places,
    ) -> Result<Vec<Strip>, DocumentError> {
        let mut strips = Vec::new();
        if places.time == 0.0 {
            return Ok(strips);
        }
        for (spans, look) in [(&stop.time, &looks.time), (&stop.note, &looks.note)] {
            if spans.is_empty() {
                continue;
            }
            if strips.is_empty() {
                let line = |look: &Look| look.size * (look.line_height / 2.0 + BASELINE);
                strips.push(Strip {
                    height: (line(&looks.title) - line(look)).max(0.0),
                    keep_next: true,
                    ..Strip::default()
                });
            }
            let tag = self.tag("P", stop.tag);
            strips.append(&mut self.lines(spans, look, places.time, tag, places.mark)?);
        }
        kept(&mut strips);
        Ok(strips)
    }

    /// What stands behind the line: words, and the picture with them or beside them.
    fn stop_body(
        &mut self,
        block: &Plan,
        stop: Stop,
        looks: &Looks,
        places: &Places,
    ) -> Result<Vec<(f32, f32, Vec<Strip>)>, DocumentError> {
        let all = (places.width - places.body).max(1.0);
        let beside = !block.picture_above && !stop.picture.is_empty();
        let (picture, gap) = match &block.entry.picture {
            Some(image) if beside => (
                picture_width(block, image.width, places.width),
                PICTURE_GAP.min(places.width * PICTURE_GAP_SHARE),
            ),
            Some(_) | None => (0.0, 0.0),
        };
        let room = (all - picture - gap).max(1.0);
        let mark = places.mark;
        let tag = match stop.title_tag {
            0 => self.tag("P", stop.tag),
            own => own,
        };
        let mut strips = self.lines(&stop.title, &looks.title, room, tag, mark)?;
        if !stop.place.is_empty() {
            strips.append(&mut self.stop_place(&stop, &looks.place, room, mark)?);
        }
        let mut cells = Vec::new();
        if beside {
            cells.push((places.body + all - picture, picture, stop.picture));
        } else if !stop.picture.is_empty() {
            strips.push(Strip::space(INNER_GAP));
            strips.extend(stop.picture);
        }
        if stop.text.is_empty() {
            kept(&mut strips);
            cells.insert(0, (places.body, room, strips));
            return Ok(cells);
        }
        // A title stays with the first lines of what is below it.
        strips.push(Strip::space(INNER_GAP));
        let head = strips.len();
        let tag = self.tag("P", stop.tag);
        let limit = stop.limit.as_ref();
        strips.append(&mut self.lines_within(limit, &stop.text, &looks.text, room, (tag, mark))?);
        for strip in &mut strips[..head] {
            strip.keep_next = true;
        }
        cells.insert(0, (places.body, room, strips));
        Ok(cells)
    }

    /// The place of an entry, behind a pin.
    fn stop_place(
        &mut self,
        stop: &Stop,
        look: &Look,
        room: f32,
        mark: u32,
    ) -> Result<Vec<Strip>, DocumentError> {
        let radius = look.size * 0.26;
        let indent = radius * 2.0 + look.size * 0.4;
        let tag = self.tag("P", stop.tag);
        let mut lines = self.lines(&stop.place, look, (room - indent).max(1.0), tag, mark)?;
        let right_to_left = self.right_to_left();
        for line in &mut lines {
            if let Body::Items(items) = &mut line.body
                && !right_to_left
            {
                items.iter_mut().for_each(|(x, ..)| *x += indent);
            }
        }
        if let Some(Body::Items(items)) = lines.first_mut().map(|line| &mut line.body) {
            let left = if right_to_left {
                room - 2.0 * radius
            } else {
                0.0
            };
            // Its tip stands on the line of the letters.
            let tip = look.size * (look.line_height / 2.0 + BASELINE);
            let top = tip - 2.8 * radius;
            let shape = |segments: Vec<Segment>, fill| Item::Path {
                segments: Arc::new(segments),
                fill: Some(fill),
                stroke: None,
                tag: 0,
            };
            let hole = circle(radius, radius, radius * 0.4).into();
            items.push((left, top, shape(pin(radius), look.colour)));
            items.push((left, top, shape(hole, Rgb(255, 255, 255))));
        }
        Ok(lines)
    }
}

/// All but the last stay with what follows.
fn kept(strips: &mut [Strip]) {
    if let Some((_, before)) = strips.split_last_mut() {
        before.iter_mut().for_each(|strip| strip.keep_next = true);
    }
}

/// What an entry's picture has of the plan's width; `own` in millimetres.
fn picture_width(block: &Plan, own: f32, width: f32) -> f32 {
    let share = if block.picture_above {
        ABOVE_SHARE
    } else {
        BESIDE_SHARE
    };
    (own * MM).min(width * share)
}

/// The mark of a stop in the middle of a line of its title: a dot for what heads others, else a ring.
fn stop_mark(dot: bool, line: f32, places: &Places) -> Strip {
    let (white, colour) = (Rgb(255, 255, 255), places.colour);
    let scale = places.rail_width / RAIL;
    let radius = scale * if dot { DAY_MARK } else { ENTRY_MARK };
    let round = |radius: f32, fill: Rgb, stroke: Option<f32>| {
        let path = Item::Path {
            segments: Arc::new(circle(places.rail_width / 2.0, line / 2.0, radius).into()),
            fill: Some(fill),
            stroke: stroke.map(|width| Stroke {
                colour,
                width,
                dash: None,
                round: false,
            }),
            tag: 0,
        };
        (0.0, 0.0, path)
    };
    let mark = if dot {
        round(radius, colour, None)
    } else {
        round(radius, white, Some(1.2))
    };
    items(line, vec![round(radius + HALO * scale, white, None), mark])
}

/// A pin as maps have them: a round head of this radius above a tip.
fn pin(r: f32) -> Vec<Segment> {
    // Four cubics make a circle.
    let k = r * 0.552;
    vec![
        Segment::Move(r, 2.8 * r),
        Segment::Curve([0.6 * r, 2.1 * r, 0.0, 1.6 * r, 0.0, r]),
        Segment::Curve([0.0, r - k, r - k, 0.0, r, 0.0]),
        Segment::Curve([r + k, 0.0, 2.0 * r, r - k, 2.0 * r, r]),
        Segment::Curve([2.0 * r, 1.6 * r, 1.4 * r, 2.1 * r, r, 2.8 * r]),
        Segment::Close,
    ]
}
