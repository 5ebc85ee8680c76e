//! A plan of days or hours along a line, as itineraries and programmes have it.

use super::picture::Image;
use crate::template::{
    leaf::Leaf,
    read::{Object, Reader},
};

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Without days the entries stand by themselves.
    pub(crate) day: Option<Day>,
    pub(crate) entries: Leaf,
    pub(crate) entry: Entry,
    /// Of what stands before the line, in millimetres; without it as wide as that is.
    pub(crate) time_width: Option<f32>,
    /// The picture stands between title and text rather than beside them.
    pub(crate) picture_above: bool,
    /// Of the line and its marks.
    pub(crate) colour: Leaf,
    pub(crate) size: Option<f32>,
    /// Shown where there are no entries.
    pub(crate) empty: Leaf,
}

/// What heads the entries of each day.
#[derive(Clone, Debug)]
pub(crate) struct Day {
    pub(crate) list: Leaf,
    /// Before the line, such as `Day 1`.
    pub(crate) label: Option<Leaf>,
    pub(crate) title: Leaf,
    pub(crate) text: Option<Leaf>,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Before the line: an hour or a day, and what stands below it in smaller letters.
    pub(crate) time: Option<Leaf>,
    pub(crate) time_note: Option<Leaf>,
    pub(crate) title: Leaf,
    pub(crate) place: Option<Leaf>,
    pub(crate) text: Option<Leaf>,
    pub(crate) picture: Option<Image>,
}

impl Plan {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        let (day, (entries, entry)) = match object.optional_leaf(reader, "days") {
            Some(list) => reader.for_each(&list, |reader| {
                let day = Day {
                    label: object.optional_leaf(reader, "day_label"),
                    title: object.required_leaf(reader, "day_title"),
                    text: object.optional_leaf(reader, "day_text"),
                    list: list.clone(),
                };
                (Some(day), Entry::read_list(reader, object))
            }),
            None => (None, Entry::read_list(reader, object)),
        };
        let places = ["beside", "above"];
        Self {
            day,
            entries,
            entry,
            time_width: object.optional_number(reader, "time_width", 5.0..=80.0),
            picture_above: object.choice(reader, "picture_place", &places, "beside") == "above",
            colour: object
                .optional_leaf(reader, "colour")
                .unwrap_or_else(|| Leaf::literal("accent")),
            size: object.optional_number(reader, "size", 4.0..=100.0),
            empty: object
                .optional_leaf(reader, "empty")
                .unwrap_or_else(|| Leaf::literal("No entries")),
        }
    }
}

impl Entry {
    fn read_list(reader: &mut Reader, object: &mut Object<'_>) -> (Leaf, Self) {
        let list = object.required_leaf(reader, "entries");
        let entry = reader.for_each(&list, |reader| Self {
            time: object.optional_leaf(reader, "time"),
            time_note: object.optional_leaf(reader, "time_note"),
            title: object.required_leaf(reader, "title"),
            place: object.optional_leaf(reader, "place"),
            text: object.optional_leaf(reader, "text"),
            picture: read_picture(reader, object),
        });
        (list, entry)
    }
}

fn read_picture(reader: &mut Reader, object: &mut Object<'_>) -> Option<Image> {
    let pointer = format!("{}/picture", object.pointer);
    let mut picture = reader.object(object.child("picture")?, &pointer)?;
    let found = Image::read(reader, &mut picture);
    picture.done(reader);
    Some(found)
}
