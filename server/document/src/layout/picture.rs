//! Pictures.

use std::sync::Arc;

use engine::{ids::ArtifactId, node::Warning, value::Value};

use super::{Layouter, Wanted, items, shortened};
use crate::{
    context::{DocumentError, LimitKind},
    display::{Item, MM, Origin, Pixels, TagId},
    drawing,
    layout::limit,
    picture::{PictureError, Room, decode},
    strip::Strip,
    template::{Align, Image, ImageSource, Leaf},
};

/// A picture is decoded once, however often it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Artifact(ArtifactId),
    Web(String),
    /// Address of the template's own bytes, which live as long as the rendering.
    Embedded(usize),
}

impl Layouter<'_> {
    pub(super) fn image(
        &mut self,
        block: &Image,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let found = match &block.source {
            ImageSource::Embedded(bytes) => {
                self.load(Key::Embedded(Arc::as_ptr(bytes) as usize), bytes, mark)?
            }
            ImageSource::File(leaf) => match self.value_of(leaf, mark)? {
                Value::File(file) => {
                    if let Some(bytes) = self.assets.images.get(&file.id) {
                        self.load(Key::Artifact(file.id), bytes, mark)?
                    } else {
                        let message = format!("the picture `{}` was not found", file.name);
                        self.notice(
                            Warning::new("image_missing", message).with("name", file.name),
                            mark,
                        );
                        None
                    }
                }
                Value::Empty => None,
                other => {
                    self.tell_kind(leaf, &other, Wanted::File, mark);
                    None
                }
            },
            ImageSource::Web(leaf) => self.web_picture(leaf, mark)?,
        };
        let Some(image) = found else {
            return Ok(Vec::new());
        };
        self.count_shapes(image)?;
        let picture = &self.pictures[image];
        let (w, h) = (picture.width as f32, picture.height as f32);
        let scale = ((block.width * MM).min(width) / w).min(block.height * MM / h);
        let alt = self.plain(&block.alt, mark)?;
        // Header and footer are not read out.
        if alt.trim().is_empty() && !block.decorative && !self.furniture {
            let message = "the picture has no alternative text for people who do not see it";
            self.notice(Warning::new("image_without_alt", message), mark);
        }
        let tag = self.figure_tag(alt, parent);
        let (w, h) = (w * scale, h * scale);
        let item = Item::Image {
            image,
            width: w,
            height: h,
            tag,
        };
        let origin = match &block.source {
            ImageSource::Embedded(_) => {
                let pointer = self.marks[mark as usize].pointer.as_str();
                Arc::new(Origin::literal(pointer.into()))
            }
            ImageSource::File(leaf) | ImageSource::Web(leaf) => self.scope.leaf_origin(leaf),
        };
        let parts = vec![(0.0, 0.0, item), shown(origin, (w, h), mark)];
        Ok(self.figure(tag, parts, (w, h), block.align, width))
    }

    /// The segments of a drawing count as letters do, each time that it is shown.
    pub(super) fn count_shapes(&mut self, image: usize) -> Result<(), DocumentError> {
        let segments = match &self.pictures[image].pixels {
            Pixels::Drawing(shapes) => shapes.iter().map(|shape| shape.segments.len()).sum(),
            Pixels::Rgba(_) | Pixels::Jpeg { .. } => 0,
        };
        self.count_glyphs(segments)
    }

    fn web_picture(&mut self, leaf: &Leaf, mark: u32) -> Result<Option<usize>, DocumentError> {
        let address = self.plain(leaf, mark)?.trim().to_owned();
        if address.is_empty() {
            return Ok(None);
        }
        let is_web = ["https://", "http://"].iter().any(|scheme| {
            address
                .get(..scheme.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
        });
        let odd = |letter: char| letter.is_whitespace() || letter.is_control();
        if !is_web || address.len() > 2_000 || address.chars().any(odd) {
            let url = shortened(&address);
            let message = format!("`{url}` is not the address of a picture on the web");
            self.notice(
                Warning::new("image_address", message).with("url", url),
                mark,
            );
            return Ok(None);
        }
        let assets = self.assets;
        let why = match assets.web.get(&address) {
            Some(Ok(bytes)) => return self.load(Key::Web(address), bytes, mark),
            Some(Err(why)) => why.clone(),
            None => {
                if !self.wanted.contains(&address) {
                    self.wanted.push(address.clone());
                }
                "it was not asked for".into()
            }
        };
        let url = shortened(&address);
        let message = format!("the picture at `{url}` could not be loaded: {why}");
        self.notice(
            Warning::new("image_not_loaded", message)
                .with("url", url)
                .with("why", why),
            mark,
        );
        Ok(None)
    }

    pub(super) fn load(
        &mut self,
        key: Key,
        bytes: &[u8],
        mark: u32,
    ) -> Result<Option<usize>, DocumentError> {
        if let Some(known) = self.loaded.get(&key) {
            return Ok(*known);
        }
        self.check_stop()?;
        let decoded = if drawing::is_svg(bytes) {
            let stopped = || self.check_stop().is_err();
            drawing::read(bytes, &stopped).map(|drawing| {
                self.tell_simplified(&drawing.simplified, mark);
                drawing.picture
            })
        } else {
            decode(bytes, self.picture_room()).map(|decoded| {
                self.pixels += decoded.pixels;
                decoded.picture
            })
        };
        let found = match decoded {
            Ok(picture) => {
                self.spend_picture(&picture)?;
                self.pictures.push(picture);
                Some(self.pictures.len() - 1)
            }
            Err(PictureError::Complex) => {
                let message = "the drawing has too many parts, or they are nested too deeply";
                self.notice(Warning::new("image_complex", message), mark);
                None
            }
            Err(PictureError::TooLarge) => {
                return Err(limit(LimitKind::Pixels, self.limits.max_pixels));
            }
            Err(PictureError::NoRoom) => return Err(self.no_room()),
            Err(PictureError::Stopped) => return Err(DocumentError::Stopped),
            Err(PictureError::Unreadable) => {
                let message = "the picture is not a PNG, JPEG, WebP or SVG file that can be read";
                self.notice(Warning::new("image_unreadable", message), mark);
                None
            }
        };
        self.loaded.insert(key, found);
        Ok(found)
    }

    /// What the next picture may take.
    pub(super) fn picture_room(&self) -> Room {
        Room {
            pixels: self.limits.max_pixels.saturating_sub(self.pixels),
            bytes: self.room() as u64,
        }
    }

    fn tell_simplified(&mut self, what: &[&str], mark: u32) {
        if what.is_empty() {
            return;
        }
        let what = what.join(", ");
        let message = format!("the drawing has {what}, which are drawn simply or left out");
        self.notice(
            Warning::new("image_simplified", message).with("what", what),
            mark,
        );
    }

    pub(super) fn figure_tag(&mut self, alt: String, parent: TagId) -> TagId {
        // A picture without words for it is decoration.
        if alt.is_empty() {
            return 0;
        }
        let tag = self.tag("Figure", parent);
        if tag != 0 {
            self.owe(3 * alt.len());
            self.tags[tag as usize].alt = Some(alt);
        }
        tag
    }

    /// The parts of a figure at an alignment within `width`.
    pub(super) fn figure(
        &self,
        tag: TagId,
        parts: Vec<(f32, f32, Item)>,
        (own, height): (f32, f32),
        align: Align,
        width: f32,
    ) -> Vec<Strip> {
        let right_to_left = self.right_to_left();
        let x = match (align, right_to_left) {
            (Align::Center, _) => (width - own) / 2.0,
            (Align::Start, false) | (Align::End, true) => 0.0,
            (Align::Start, true) | (Align::End, false) => width - own,
        };
        let place = Item::Figure {
            width: own,
            height,
            tag,
        };
        let mut all = vec![(x, 0.0, place)];
        all.extend(
            parts
                .into_iter()
                .map(|(left, top, item)| (x + left, top, item)),
        );
        vec![items(height, all)]
    }
}

/// Where a figure is that shows something, and where that comes from.
pub(super) fn shown(
    origin: Arc<Origin>,
    (width, height): (f32, f32),
    mark: u32,
) -> (f32, f32, Item) {
    let value = Item::Value {
        width,
        height,
        mark,
        origin,
    };
    (0.0, 0.0, value)
}
