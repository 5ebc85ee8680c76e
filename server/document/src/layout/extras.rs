//! What goes with the pages and is no block: the watermark, the letterhead, files and the password, with their values filled in.

use std::sync::Arc;

use engine::{node::Warning, value::Value};

use super::{Layouter, Wanted, limit, picture::Key};
use crate::{
    context::{DocumentError, LimitKind},
    display::{Ground, Grounds, Item, MM, Mark, Placed, Watermark},
    extras::{FilePlace, Inserts, MAX_FILE_BYTES, MAX_FILES, Password, PasswordFault, Sheets},
    pdf::{self, Attachment},
    scope::holds,
    template::{Enclosure, FileOrigin, FileSource, Leaf},
    text::{Look, Span},
};

/// How much of the paper's width and height a watermark takes, and its size in points.
const SHARE: f32 = 0.85;
const SIZES: (f32, f32) = (6.0, 240.0);
/// A text is measured at this size.
const MEASURED: f32 = 100.0;
/// Of a line, in its size.
const LINE: f32 = 1.2;

/// A file with its values filled in.
struct Found {
    name: String,
    content_type: String,
    /// `None`: it is not there.
    bytes: Option<Arc<Vec<u8>>>,
    key: Key,
}

impl Layouter<'_> {
    /// Words in one line, as large as fits between the edges of the paper at its angle.
    pub(crate) fn watermark(&mut self) -> Result<Option<Watermark>, DocumentError> {
        let template = self.template;
        let Some(own) = &template.extras.watermark else {
            return Ok(None);
        };
        let mark = self.mark_of("watermark");
        if !self.is_wanted(own.when.as_ref(), mark)? {
            return Ok(None);
        }
        let text = self.plain(&own.text, mark)?;
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return Ok(None);
        }
        let mut look = Look {
            font: template.theme.heading_font.clone(),
            bold: true,
            colour: self.colour(&own.colour, mark)?,
            line_height: LINE,
            hyphenate: false,
            ..self.body_look(Some(MEASURED))
        };
        let spans = [Span::plain(text)];
        let length = self.natural_width(&spans, &look)? / MEASURED;
        let (width, height) = (template.page.width * MM, template.page.height * MM);
        let angle = own
            .angle
            .unwrap_or_else(|| height.atan2(width).to_degrees());
        let (sin, cos) = angle.abs().to_radians().sin_cos();
        let across = SHARE * width / (length * cos + LINE * sin);
        let upright = SHARE * height / (length * sin + LINE * cos);
        look.size = across.min(upright).clamp(SIZES.0, SIZES.1);
        // A hair wider, so that rounding never breaks the line.
        let room = length * look.size * 1.01 + 1.0;
        let (line, items) = self.caption(&spans, &look, room, 0, mark)?;
        let (left, top) = ((width - room) / 2.0, (height - line) / 2.0);
        let items = items
            .into_iter()
            .map(|(x, y, item)| Placed {
                x: left + x,
                y: top + y,
                artifact: true,
                item,
            })
            .collect();
        Ok(Some(Watermark {
            items,
            opacity: own.opacity,
            angle,
        }))
    }

    /// What lies under the pages. PDFs go to the inserts.
    pub(crate) fn grounds(&mut self, inserts: &mut Inserts) -> Result<Grounds, DocumentError> {
        let template = self.template;
        let Some(own) = &template.extras.letterhead else {
            return Ok(Grounds::default());
        };
        let mark = self.mark_of("letterhead");
        if !self.is_wanted(own.when.as_ref(), mark)? {
            return Ok(Grounds::default());
        }
        let first = self.ground(&own.file, mark, inserts)?;
        let following = match &own.following {
            _ if own.first_only => None,
            Some(file) => self.ground(file, mark, inserts)?,
            None => first.clone().map(|ground| match ground {
                Ground::Sheet(file, _) => Ground::Sheet(file, true),
                Ground::Picture(placed) => Ground::Picture(placed),
            }),
        };
        Ok(Grounds { first, following })
    }

    fn ground(
        &mut self,
        file: &FileSource,
        mark: u32,
        inserts: &mut Inserts,
    ) -> Result<Option<Ground>, DocumentError> {
        let mut found = self.found(file, mark)?;
        if found.len() > 1 {
            let message = "more than one file is given, of which the first one is taken";
            self.notice(Warning::new("file_of_several", message), mark);
        }
        if found.is_empty() {
            return Ok(None);
        }
        let own = found.swap_remove(0);
        let is_pdf = match &own.bytes {
            Some(bytes) => pdf::is_pdf(bytes),
            None => !own.content_type.starts_with("image/"),
        };
        if is_pdf {
            let number = inserts.letterheads.len();
            match own.bytes {
                Some(bytes) => inserts.letterheads.push(Sheets {
                    name: own.name,
                    bytes,
                }),
                None => inserts.missing.push((FilePlace::Letterhead, own.name)),
            }
            return Ok(Some(Ground::Sheet(number, false)));
        }
        let Some(bytes) = own.bytes else {
            let message = format!("the picture `{}` was not found", own.name);
            let warning = Warning::new("image_missing", message).with("name", own.name.as_str());
            self.notice(warning, mark);
            inserts.missing.push((FilePlace::Letterhead, own.name));
            return Ok(None);
        };
        let Some(image) = self.load(own.key, &bytes, mark)? else {
            return Ok(None);
        };
        self.count_shapes(image)?;
        let picture = &self.pictures[image];
        let (w, h) = (picture.width as f32, picture.height as f32);
        let page = &self.template.page;
        let (width, height) = (page.width * MM, page.height * MM);
        let scale = (width / w).min(height / h);
        let (w, h) = (w * scale, h * scale);
        Ok(Some(Ground::Picture(Placed {
            x: (width - w) / 2.0,
            y: (height - h) / 2.0,
            artifact: true,
            item: Item::Image {
                image,
                width: w,
                height: h,
                tag: 0,
            },
        })))
    }

    /// Files before and behind the pages, files that are attached, and the password.
    pub(crate) fn take_inserts(&mut self, inserts: &mut Inserts) -> Result<(), DocumentError> {
        let template = self.template;
        let extras = &template.extras;
        for (place, list) in [
            (FilePlace::Before, &extras.before),
            (FilePlace::Behind, &extras.behind),
            (FilePlace::Attachment, &extras.attachments),
        ] {
            let mark = self.mark_of(place.member());
            for own in list {
                if !self.is_wanted(own.when.as_ref(), mark)? {
                    continue;
                }
                for found in self.found(&own.file, mark)? {
                    self.take(own, found, place, mark, inserts)?;
                }
            }
        }
        let bound = inserts.before.len() + inserts.behind.len();
        if bound > MAX_FILES || inserts.attachments.len() > MAX_FILES {
            return Err(limit(LimitKind::Files, MAX_FILES as u64));
        }
        let sheets = inserts.letterheads.iter().chain(&inserts.before);
        let sheets = sheets.chain(&inserts.behind).map(|own| own.bytes.len());
        let attached = inserts.attachments.iter().map(|own| own.bytes.len());
        let bytes: usize = sheets.chain(attached).sum();
        if bytes as u64 > MAX_FILE_BYTES {
            return Err(limit(LimitKind::FileBytes, MAX_FILE_BYTES));
        }
        inserts.password = self.password()?;
        Ok(())
    }

    fn take(
        &mut self,
        own: &Enclosure,
        found: Found,
        place: FilePlace,
        mark: u32,
        inserts: &mut Inserts,
    ) -> Result<(), DocumentError> {
        let Some(bytes) = found.bytes else {
            inserts.missing.push((place, found.name));
            return Ok(());
        };
        let name = found.name;
        match place {
            FilePlace::Letterhead => inserts.letterheads.push(Sheets { name, bytes }),
            FilePlace::Before => inserts.before.push(Sheets { name, bytes }),
            FilePlace::Behind => inserts.behind.push(Sheets { name, bytes }),
            FilePlace::Attachment => {
                let description = self.plain(&own.description, mark)?;
                let name = pdf::name_beside(&inserts.attachments, &name);
                inserts.attachments.push(Attachment {
                    name,
                    content_type: pdf::media_type(&found.content_type),
                    relationship: own.relationship,
                    description,
                    modified: self.context.now,
                    bytes: bytes.to_vec(),
                    invoice: None,
                });
            }
        }
        Ok(())
    }

    fn found(&mut self, source: &FileSource, mark: u32) -> Result<Vec<Found>, DocumentError> {
        let given = match &source.name {
            Some(leaf) => self.plain(leaf, mark)?.trim().to_owned(),
            None => String::new(),
        };
        let leaf = match &source.origin {
            FileOrigin::Kept {
                content_type,
                bytes,
            } => {
                return Ok(vec![Found {
                    name: if given.is_empty() {
                        "file".into()
                    } else {
                        given
                    },
                    content_type: content_type.clone(),
                    bytes: Some(bytes.clone()),
                    key: Key::Embedded(Arc::as_ptr(bytes) as usize),
                }]);
            }
            FileOrigin::Value(leaf) => leaf,
        };
        let values = match self.value_of(leaf, mark)? {
            Value::List(items) => items,
            Value::Empty => Vec::new(),
            value => vec![value],
        };
        let mut found = Vec::new();
        for value in values {
            let file = match value {
                Value::File(file) => file,
                other => {
                    self.tell_kind(leaf, &other, Wanted::File, mark);
                    continue;
                }
            };
            let assets = self.assets;
            let as_file = assets.files.get(&file.id).cloned();
            let as_image = || assets.images.get(&file.id).cloned().map(Arc::new);
            found.push(Found {
                name: if given.is_empty() {
                    file.name
                } else {
                    given.clone()
                },
                content_type: file.content_type,
                bytes: as_file.or_else(as_image),
                key: Key::Artifact(file.id),
            });
        }
        Ok(found)
    }

    /// Never a warning or an error that says what the password is, or was made of.
    fn password(&mut self) -> Result<Option<Password>, DocumentError> {
        let template = self.template;
        let Some(own) = &template.extras.password else {
            return Ok(None);
        };
        let mark = self.mark_of("password");
        if !self.is_wanted(own.when.as_ref(), mark)? {
            return Ok(None);
        }
        let mut typed = |leaf: Option<&Leaf>| -> Result<Option<String>, DocumentError> {
            let Some(leaf) = leaf else {
                return Ok(None);
            };
            let typed = self.plain(leaf, mark).map_err(|error| match error {
                DocumentError::Expression { .. } => DocumentError::Password(PasswordFault::Failed),
                other => other,
            })?;
            let prepared = pdf::prepared(&typed).map_err(DocumentError::Password)?;
            Ok(Some(prepared))
        };
        let (open, owner) = (typed(own.open.as_ref())?, typed(own.owner.as_ref())?);
        Ok(Some(Password {
            open: open.unwrap_or_default(),
            owner,
            permissions: own.permissions,
        }))
    }

    fn is_wanted(&mut self, when: Option<&Leaf>, mark: u32) -> Result<bool, DocumentError> {
        match when {
            Some(leaf) => Ok(holds(&self.value_of(leaf, mark)?)),
            None => Ok(true),
        }
    }

    /// Warnings name the member that they are about.
    fn mark_of(&mut self, member: &str) -> u32 {
        self.marks.push(Mark {
            block: member.into(),
            pointer: format!("/{member}"),
            columns: Vec::new(),
        });
        u32::try_from(self.marks.len() - 1).unwrap_or(0)
    }
}
