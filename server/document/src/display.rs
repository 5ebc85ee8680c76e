//! The display list: what stands where on a page, in points from the top left corner. PDF and SVG are both drawn from it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::{Deref, Range},
    sync::Arc,
};

use parley::{FontData, Language};

use crate::{context::How, path::Segment};

/// Points in a millimetre.
pub(crate) const MM: f32 = 72.0 / 25.4;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

/// Index into the structure tree; 0 is decoration, outside of it.
pub(crate) type TagId = u32;

#[derive(Clone, Debug)]
pub(crate) enum Item {
    Glyphs(Arc<Glyphs>),
    /// A filled rectangle: the ground of a row, a rule.
    Rect {
        width: f32,
        height: f32,
        fill: Rgb,
    },
    Path {
        segments: Arc<Vec<Segment>>,
        fill: Option<Rgb>,
        /// Drawn over the fill.
        stroke: Option<Stroke>,
        tag: TagId,
    },
    Image {
        image: usize,
        width: f32,
        height: f32,
        tag: TagId,
    },
    Link {
        width: f32,
        height: f32,
        url: Arc<str>,
        tag: TagId,
    },
    /// Where a figure is, whose parts carry the same tag.
    Figure {
        width: f32,
        height: f32,
        tag: TagId,
    },
    /// Where something is shown that is no text, such as a picture or a code.
    Value {
        width: f32,
        height: f32,
        mark: u32,
        origin: Arc<Origin>,
    },
}

/// Where what is shown comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    /// Pointer of the leaf in the template.
    pub(crate) leaf: Arc<str>,
    /// Of the template; `None` for its texts.
    pub(crate) expression: Option<Arc<str>>,
    pub(crate) how: How,
    /// Paths from the document's fields, such as `lines.3.amount` or, of all rows, `lines.*.amount`, and names such as `today`.
    pub(crate) reads: Vec<String>,
}

/// A line along a path, half of its width on either side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) colour: Rgb,
    pub(crate) width: f32,
    /// Lengths of the dashes and of the gaps between them; `None` is a line without gaps.
    pub(crate) dash: Option<(f32, f32)>,
    /// Round ends and corners.
    pub(crate) round: bool,
}

impl Stroke {
    pub(crate) fn scaled(self, scale: f32) -> Self {
        Self {
            width: self.width * scale,
            dash: self.dash.map(|(dash, gap)| (dash * scale, gap * scale)),
            ..self
        }
    }
}

/// Letters of one font, size, colour and line.
#[expect(clippy::struct_field_names, reason = "glyphs are what it is about")]
#[derive(Debug)]
pub(crate) struct Glyphs {
    pub(crate) font: usize,
    pub(crate) size: f32,
    pub(crate) colour: Rgb,
    pub(crate) tag: TagId,
    /// From where to where it reaches on its line.
    pub(crate) extent: (f32, f32),
    /// Where in its paragraph the run begins, in bytes: a line is drawn from left to right and read from here.
    pub(crate) start: usize,
    /// Clusters stand in the order of drawing, which is not that of reading.
    pub(crate) right_to_left: bool,
    pub(crate) glyphs: Vec<Glyph>,
    /// One entry a cluster.
    pub(crate) clusters: Vec<Cluster>,
    /// Neighbours that are read together as another text: the parts of a word that is divided at the end of its line.
    pub(crate) read_as: Vec<ReadAs>,
    /// Of the line.
    pub(crate) height: f32,
    /// The block it belongs to.
    pub(crate) mark: u32,
    pub(crate) source: Option<Source>,
    /// `None` for what nobody says, such as the label of an item.
    pub(crate) origin: Option<Arc<Origin>>,
}

/// Where in the template a text stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// Pointer of the leaf.
    pub(crate) leaf: Arc<str>,
    /// In the leaf's text; of a value, all of its expression.
    pub(crate) bytes: Range<usize>,
    pub(crate) is_literal: bool,
}

impl Source {
    /// Of some bytes of what it says.
    pub(crate) fn part(&self, bytes: &Range<usize>) -> Self {
        if !self.is_literal {
            return self.clone();
        }
        let place = |at: usize| self.bytes.start.saturating_add(at).min(self.bytes.end);
        Self {
            bytes: place(bytes.start)..place(bytes.end),
            ..self.clone()
        }
    }
}

/// Clusters by their numbers, never none, and what they are read as.
#[derive(Clone, Debug)]
pub(crate) struct ReadAs {
    pub(crate) clusters: Range<usize>,
    pub(crate) text: Arc<str>,
}

impl Glyphs {
    /// Whether readers of the file, who turn a line of right-to-left text around, would turn the letters within the cluster, too.
    pub(crate) fn turned(&self, cluster: &Cluster) -> bool {
        self.right_to_left && cluster.text.chars().nth(1).is_some()
    }

    /// What is read, in the order of drawing.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let mut texts = Vec::with_capacity(self.clusters.len());
        let mut number = 0;
        while let Some(cluster) = self.clusters.get(number) {
            let part = self
                .read_as
                .iter()
                .find(|part| part.clusters.contains(&number));
            match part {
                Some(part) => {
                    texts.push(&*part.text);
                    number = part.clusters.end;
                }
                None => {
                    texts.push(&*cluster.text);
                    number += 1;
                }
            }
        }
        texts
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Glyph {
    pub(crate) id: u16,
    pub(crate) x: f32,
    pub(crate) y: f32,
}

/// Glyphs that stand for a text together.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) first: u32,
    pub(crate) count: u32,
    pub(crate) text: Letters,
}

/// A part of a text that many clusters share.
#[derive(Clone)]
pub(crate) struct Letters {
    text: Arc<str>,
    start: u32,
    end: u32,
}

impl Letters {
    /// Nothing where the range is no part of the text.
    pub(crate) fn new(text: &Arc<str>, range: &Range<usize>) -> Self {
        let end = |at: usize| u32::try_from(at).unwrap_or(0);
        Self {
            text: text.clone(),
            start: end(range.start),
            end: end(range.end),
        }
    }
}

impl From<&str> for Letters {
    fn from(text: &str) -> Self {
        Self::new(&text.into(), &(0..text.len()))
    }
}

impl fmt::Debug for Letters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, formatter)
    }
}

impl Deref for Letters {
    type Target = str;

    fn deref(&self) -> &str {
        let range = self.start as usize..self.end as usize;
        self.text.get(range).unwrap_or_default()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) x: f32,
    pub(crate) y: f32,
    /// Drawn outside of the structure tree, as on a repeated heading row.
    pub(crate) artifact: bool,
    pub(crate) item: Item,
}

/// A place on a page that shows something whose origin is known.
pub(crate) struct Shown<'a> {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
    /// The block it belongs to.
    pub(crate) mark: u32,
    pub(crate) origin: &'a Arc<Origin>,
}

impl<'a> Shown<'a> {
    /// `None` for what shows nothing, or nothing that anybody said.
    pub(crate) fn of(placed: &'a Placed) -> Option<Self> {
        let (left, width, height, mark, origin) = match &placed.item {
            Item::Glyphs(run) => {
                let (left, right) = run.extent;
                let origin = run.origin.as_ref()?;
                (left, right - left, run.height, run.mark, origin)
            }
            Item::Value {
                width,
                height,
                mark,
                origin,
            } => (0.0, *width, *height, *mark, origin),
            Item::Rect { .. }
            | Item::Path { .. }
            | Item::Image { .. }
            | Item::Link { .. }
            | Item::Figure { .. } => return None,
        };
        Some(Self {
            x: placed.x + left,
            y: placed.y,
            width,
            height,
            mark,
            origin,
        })
    }
}

/// A block's rectangle on a page.
#[derive(Clone, Debug)]
pub(crate) struct Marked {
    pub(crate) mark: u32,
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

#[derive(Debug, Default)]
pub(crate) struct PageList {
    pub(crate) items: Vec<Placed>,
    pub(crate) marks: Vec<Marked>,
    /// How many of the first items are the page's header, and of the last ones its footer.
    pub(crate) header: usize,
    pub(crate) footer: usize,
    /// How tall what stands at the foot of the paper is; the page's footer is above it.
    pub(crate) foot: f32,
}

/// A block's instance: two repeats of one block are two marks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mark {
    pub(crate) block: String,
    pub(crate) pointer: String,
    /// Of a table: left side and width of each column, from the left side of the block.
    pub(crate) columns: Vec<(f32, f32)>,
}

/// One node of the structure tree.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    pub(crate) role: &'static str,
    pub(crate) parent: TagId,
    /// Text instead of a picture or a link.
    pub(crate) alt: Option<String>,
    /// What an element without anything drawn says.
    pub(crate) actual_text: Option<String>,
    /// Of a figure: the cells of the table that has what it shows in words. None of them is drawn.
    pub(crate) cells: Vec<TagId>,
    /// `Column` or `Row` of a heading cell.
    pub(crate) scope: Option<&'static str>,
    /// `Decimal` or `Disc` of a list.
    pub(crate) numbering: Option<&'static str>,
    /// Columns that a cell covers.
    pub(crate) columns: usize,
    pub(crate) language: Language,
}

/// A decoded picture.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Pixels,
}

#[derive(Clone, Debug)]
pub(crate) enum Pixels {
    /// Row by row, four bytes each.
    Rgba(Arc<Vec<u8>>),
    /// A whole JPEG file.
    Jpeg { bytes: Arc<Vec<u8>>, gray: bool },
    /// Shapes in the picture's own units; what reaches out of it is not seen.
    Drawing(Arc<Vec<Shape>>),
}

/// One shape of a drawing.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) segments: Vec<Segment>,
    pub(crate) fill: Option<Rgb>,
    /// What lies within an even number of outlines is outside.
    pub(crate) even_odd: bool,
    /// Drawn over the fill.
    pub(crate) stroke: Option<Stroke>,
}

/// Letters that are pictures.
#[derive(Debug, Default)]
pub(crate) struct Pictograms {
    /// Fonts of such letters.
    pub(crate) fonts: BTreeSet<usize>,
    /// The font in whose letters without width a file says what the pictures say.
    pub(crate) silent: usize,
    /// By font and glyph.
    pub(crate) glyphs: BTreeMap<(usize, u16), Pictogram>,
}

/// The picture of a glyph, its place from the glyph's on the baseline and its size in ems.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pictogram {
    pub(crate) image: usize,
    pub(crate) left: f32,
    pub(crate) top: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

/// Words across each page, over all that is on it.
#[derive(Debug)]
pub(crate) struct Watermark {
    /// In a line across the middle of the page, around which it is turned.
    pub(crate) items: Vec<Placed>,
    pub(crate) opacity: f32,
    /// Degrees to the left.
    pub(crate) angle: f32,
}

/// What lies under the items of a page.
#[derive(Clone, Debug)]
pub(crate) enum Ground {
    Picture(Placed),
    /// Which PDF of others, and whether its second page is meant if it has one. Only a PDF shows it.
    Sheet(usize, bool),
}

/// Of the first page, and of those that follow.
#[derive(Debug, Default)]
pub(crate) struct Grounds {
    pub(crate) first: Option<Ground>,
    pub(crate) following: Option<Ground>,
}

/// Everything drawing needs.
#[derive(Debug, Default)]
pub(crate) struct Display {
    pub(crate) title: String,
    pub(crate) language: String,
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) pages: Vec<PageList>,
    pub(crate) watermark: Option<Watermark>,
    pub(crate) grounds: Grounds,
    pub(crate) fonts: Vec<FontData>,
    pub(crate) pictures: Vec<Picture>,
    pub(crate) pictograms: Pictograms,
    pub(crate) tags: Vec<Tag>,
    /// Headings with their words, in the order of laying out.
    pub(crate) headings: Vec<(TagId, String)>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) author: String,
    pub(crate) now: jiff::Timestamp,
}

impl Display {
    /// What lies under a page, counted from 0.
    pub(crate) fn ground(&self, page: usize) -> Option<&Ground> {
        match page {
            0 => self.grounds.first.as_ref(),
            _ => self.grounds.following.as_ref(),
        }
    }

    /// Whether a page of a PDF of others lies under any page.
    pub(crate) fn lies_under(&self, (file, second): (usize, bool)) -> bool {
        let count = self.pages.len().min(2);
        (0..count).any(|page| {
            matches!(self.ground(page), Some(Ground::Sheet(own, is_second)) if *own == file && *is_second == second)
        })
    }

    /// All that is drawn on the pages, the watermark once.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Placed> {
        let watermark = self.watermark.iter().flat_map(|own| &own.items);
        let pages = self.pages.iter().flat_map(|page| &page.items);
        pages.chain(watermark)
    }
}
