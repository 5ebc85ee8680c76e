//! The paper: one of the usual sizes or an own one, and its margins.

use serde_json::{Value as Json, json};

use super::read::Reader;

/// Least room between the margins, in millimetres: across and down.
pub(crate) const LEAST_ROOM: f32 = 20.0;

/// Longest side of paper of an own size, in millimetres.
const LONGEST_SIDE: f32 = 2_000.0;

/// Its width and height are in the template.
const OWN: &str = "custom";

/// Paper, in millimetres.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) top: f32,
    pub(crate) right: f32,
    pub(crate) bottom: f32,
    pub(crate) left: f32,
    pub(crate) right_to_left: bool,
}

impl Page {
    pub(super) fn is_upright_a4(&self) -> bool {
        (self.width - 210.0).abs() < 0.1 && (self.height - 297.0).abs() < 0.1
    }
}

pub(super) fn read_page(reader: &mut Reader, json: Option<&Json>) -> Page {
    let empty = Json::Object(serde_json::Map::new());
    let mut page = Page {
        width: 210.0,
        height: 297.0,
        top: 18.0,
        right: 18.0,
        bottom: 16.0,
        left: 18.0,
        right_to_left: false,
    };
    let Some(mut object) = reader.object(json.unwrap_or(&empty), "/page") else {
        return page;
    };
    let sizes = ["A4", "A5", "Letter", "Legal", OWN];
    let size = object.choice(reader, "size", &sizes, "A4");
    (page.width, page.height) = match size.as_str() {
        "A5" => (148.0, 210.0),
        "Letter" => (215.9, 279.4),
        "Legal" => (215.9, 355.6),
        OWN => (
            object.number(reader, "width", 30.0..=LONGEST_SIDE, page.width),
            object.number(reader, "height", LEAST_ROOM..=LONGEST_SIDE, page.height),
        ),
        _ => (210.0, 297.0),
    };
    // Paper of an own size is as it is held.
    let orientations = ["portrait", "landscape"];
    if size != OWN && object.choice(reader, "orientation", &orientations, "portrait") == "landscape"
    {
        (page.width, page.height) = (page.height, page.width);
    }
    page.right_to_left = object.choice(reader, "direction", &["ltr", "rtl"], "ltr") == "rtl";
    if let Some(json) = object.child("margins")
        && let Some(mut margins) = reader.object(json, "/page/margins")
    {
        page.top = margins.number(reader, "top", 0.0..=60.0, page.top);
        page.right = margins.number(reader, "right", 5.0..=60.0, page.right);
        page.bottom = margins.number(reader, "bottom", 0.0..=60.0, page.bottom);
        page.left = margins.number(reader, "left", 5.0..=60.0, page.left);
        margins.done(reader);
    }
    object.done(reader);
    check_room(reader, &page);
    page
}

fn check_room(reader: &mut Reader, page: &Page) {
    let across = page.width - page.left - page.right;
    let down = page.height - page.top - page.bottom;
    for (side, room) in [("width", across), ("height", down)] {
        // A hair's breadth is rounding.
        if room + 0.05 < LEAST_ROOM {
            let message = format!("leaves less than {LEAST_ROOM} mm between the margins");
            let params = json!({ "least": LEAST_ROOM });
            reader.problem_with(&format!("/page/{side}"), "page_too_small", params, message);
        }
    }
}
