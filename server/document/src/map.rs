//! Where everything on the pages comes from, to be kept beside the file: places, paths and expressions of the template, never a value or a
//! text. Only the drawings of the pages say what they show, as the file does.

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};

use crate::{
    Rendered,
    context::{DocumentError, How},
    display::{MM, Origin, Shown},
};

/// How a page map names its format.
const FORMAT: &str = "formwork-page-map/1";

/// Most pages that are mapped, places on all of them, and bytes of their drawings. What comes after is shown by the file alone.
const MAX_PAGES: usize = 100;
const MAX_PLACES: usize = 60_000;
const MAX_DRAWN_BYTES: usize = 16 * 1024 * 1024;

/// Most bytes of a map before it is packed.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Where everything on the first pages of a document comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageMap {
    format: String,
    /// Of the document, which may have more pages than are mapped.
    pub page_count: usize,
    pub width_mm: f32,
    pub height_mm: f32,
    /// Fields that the document computes.
    pub computed: Vec<ComputedOrigin>,
    /// Each once.
    pub origins: Vec<PlaceOrigin>,
    pub pages: Vec<MappedPage>,
}

/// What a field that the document computes is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComputedOrigin {
    pub name: String,
    pub expression: String,
    /// Paths from the document's fields.
    pub reads: Vec<String>,
}

/// Where what stands at a place comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceOrigin {
    /// The block's id in the template.
    pub block: String,
    /// JSON pointer of the text in the template.
    pub leaf: String,
    pub how: How,
    /// As it stands in the template; absent where that says a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// Paths from the document's fields, such as `lines.3.amount` or, of all rows, `lines.*.amount`, and names such as `firm.name`, `today`,
    /// `page`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
}

/// A page with its places, in the order of drawing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedPage {
    pub places: Vec<Place>,
    /// SVG; absent for the first page, whose drawing is a file of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub svg: Option<String>,
}

/// The number of its origin; left, top, width and height in hundredths of a millimetre.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place(pub usize, pub [i32; 4]);

impl PageMap {
    /// Packed with gzip. The same bytes for the same map.
    pub fn to_bytes(&self) -> Result<Vec<u8>, DocumentError> {
        let failed = |error: std::io::Error| DocumentError::Internal(error.to_string());
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        let json = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        packer.write_all(&json).map_err(failed)?;
        packer.finish().map_err(failed)
    }

    /// What `to_bytes` wrote; `None` for anything else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut json = Vec::new();
        let mut unpacked = GzDecoder::new(bytes).take(MAX_BYTES);
        unpacked.read_to_end(&mut json).ok()?;
        let map: Self = serde_json::from_slice(&json).ok()?;
        let known = |place: &Place| place.0 < map.origins.len();
        let is_sound = map.pages.iter().all(|page| page.places.iter().all(known));
        (map.format == FORMAT && is_sound).then_some(map)
    }
}

impl Rendered {
    /// Where everything comes from on as many pages as a map has room for.
    pub fn map(&self) -> PageMap {
        let mut map = PageMap {
            format: FORMAT.into(),
            page_count: self.pages.len(),
            width_mm: self.display.width / MM,
            height_mm: self.display.height / MM,
            computed: self.computed_origins.clone(),
            origins: Vec::new(),
            pages: Vec::new(),
        };
        let mut known: HashMap<(&str, &Origin), usize> = HashMap::new();
        let (mut places, mut drawn) = (0, 0);
        for (number, page) in self.display.pages.iter().enumerate().take(MAX_PAGES) {
            let shown: Vec<Shown<'_>> = page.items.iter().filter_map(Shown::of).collect();
            let svg = (number > 0).then(|| self.svg(number).unwrap_or_default());
            places += shown.len();
            drawn += svg.as_ref().map_or(0, String::len);
            if places > MAX_PLACES || drawn > MAX_DRAWN_BYTES {
                break;
            }
            let mut mapped = Vec::with_capacity(shown.len());
            for one in shown {
                let block = self.display.marks[one.mark as usize].block.as_str();
                let origin: &Origin = one.origin;
                let number = *known.entry((block, origin)).or_insert_with(|| {
                    map.origins.push(placed(block, origin));
                    map.origins.len() - 1
                });
                let place = [one.x, one.y, one.width, one.height].map(hundredths);
                mapped.push(Place(number, place));
            }
            map.pages.push(MappedPage {
                places: mapped,
                svg,
            });
        }
        map
    }
}

fn placed(block: &str, origin: &Origin) -> PlaceOrigin {
    PlaceOrigin {
        block: block.to_owned(),
        leaf: origin.leaf.to_string(),
        how: origin.how,
        expression: origin.expression.as_ref().map(ToString::to_string),
        reads: origin.reads.clone(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a place on paper has few digits, and what has more is cut to them"
)]
fn hundredths(points: f32) -> i32 {
    (points / MM * 100.0).round() as i32
}
