//! What goes with the pages and is no block: a watermark and a letterhead on each of them, PDFs before and behind them, attached files, a
//! password. A file is a value (`source`), or the template keeps it (`data`, base64).

use std::sync::Arc;

use base64::Engine as _;
use engine::check::Problem;
use serde_json::{Value as Json, json};

use super::{
    leaf::Leaf,
    read::{Object, Reader},
};
use crate::{
    extras::{FileFault, FilePlace, MAX_FILES, Permissions},
    pdf::{self, Relationship},
};

/// Base64 of a file that a template keeps.
const MAX_DATA: usize = 2_000_000;

#[derive(Clone, Debug, Default)]
pub(crate) struct Extras {
    pub(crate) watermark: Option<Watermark>,
    pub(crate) letterhead: Option<Letterhead>,
    pub(crate) before: Vec<Enclosure>,
    pub(crate) behind: Vec<Enclosure>,
    pub(crate) attachments: Vec<Enclosure>,
    pub(crate) password: Option<PasswordLeaves>,
}

/// Words across each page, as large as it allows.
#[derive(Clone, Debug)]
pub(crate) struct Watermark {
    pub(crate) when: Option<Leaf>,
    pub(crate) text: Leaf,
    pub(crate) colour: Leaf,
    pub(crate) opacity: f32,
    /// Degrees to the left; along the diagonal when absent.
    pub(crate) angle: Option<f32>,
}

/// What lies under the pages: a picture, or the first page of a PDF and its second one for the pages that follow.
#[derive(Clone, Debug)]
pub(crate) struct Letterhead {
    pub(crate) when: Option<Leaf>,
    pub(crate) file: FileSource,
    /// Of the pages that follow the first one, where it is a file of its own.
    pub(crate) following: Option<FileSource>,
    pub(crate) first_only: bool,
}

/// Files that go along.
#[derive(Clone, Debug)]
pub(crate) struct Enclosure {
    pub(crate) when: Option<Leaf>,
    pub(crate) file: FileSource,
    /// Of what is attached.
    pub(crate) description: Leaf,
    pub(crate) relationship: Relationship,
}

#[derive(Clone, Debug)]
pub(crate) struct FileSource {
    pub(crate) pointer: String,
    /// Instead of the file's own.
    pub(crate) name: Option<Leaf>,
    pub(crate) origin: FileOrigin,
}

#[derive(Clone, Debug)]
pub(crate) enum FileOrigin {
    /// An expression that gives a file, or a list of files.
    Value(Leaf),
    Kept {
        content_type: String,
        bytes: Arc<Vec<u8>>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct PasswordLeaves {
    pub(crate) when: Option<Leaf>,
    pub(crate) open: Option<Leaf>,
    pub(crate) owner: Option<Leaf>,
    pub(crate) permissions: Permissions,
}

impl Extras {
    pub(super) fn read(reader: &mut Reader, root: &mut Object<'_>) -> Self {
        Self {
            watermark: root
                .child("watermark")
                .and_then(|json| Watermark::read(reader, json)),
            letterhead: root
                .child("letterhead")
                .and_then(|json| Letterhead::read(reader, json)),
            before: enclosures(reader, root, "prepend", false),
            behind: enclosures(reader, root, "append", false),
            attachments: enclosures(reader, root, "attachments", true),
            password: root
                .child("password")
                .and_then(|json| PasswordLeaves::read(reader, json)),
        }
    }

    /// The files that values give, and what for.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (FilePlace, &Leaf)> {
        self.files().filter_map(|(place, file)| match &file.origin {
            FileOrigin::Value(leaf) => Some((place, leaf)),
            FileOrigin::Kept { .. } => None,
        })
    }

    /// PDFs that the template keeps and that no document can use.
    pub(super) fn check(&self) -> Vec<Problem> {
        self.files()
            .filter_map(|(place, file)| {
                let FileOrigin::Kept { bytes, .. } = &file.origin else {
                    return None;
                };
                let is_pdf = match place {
                    FilePlace::Letterhead => pdf::is_pdf(bytes),
                    FilePlace::Before | FilePlace::Behind => true,
                    FilePlace::Attachment => false,
                };
                if !is_pdf {
                    return None;
                }
                let fault = FileFault::from(pdf::check_pages(bytes).err()?);
                let name = file.name.as_ref().map_or("", |name| &name.source);
                let params = json!({"place": place.member(), "name": name, "fault": fault.code()});
                let message = format!("{place}, `{name}`: {fault}");
                Some(Problem::error("document_file", params, message).at(file.pointer.clone()))
            })
            .collect()
    }

    fn files(&self) -> impl Iterator<Item = (FilePlace, &FileSource)> {
        let letterhead = self.letterhead.iter();
        let under = letterhead.flat_map(|own| [Some(&own.file), own.following.as_ref()]);
        let under = under.flatten().map(|file| (FilePlace::Letterhead, file));
        let lists = [
            (FilePlace::Before, &self.before),
            (FilePlace::Behind, &self.behind),
            (FilePlace::Attachment, &self.attachments),
        ];
        let others = lists
            .into_iter()
            .flat_map(|(place, list)| list.iter().map(move |own| (place, &own.file)));
        under.chain(others)
    }
}

impl Watermark {
    fn read(reader: &mut Reader, json: &Json) -> Option<Self> {
        let mut object = reader.object(json, "/watermark")?;
        let colour = object.leaf(reader, "colour");
        let watermark = Self {
            when: object.optional_leaf(reader, "when"),
            text: object.required_leaf(reader, "text"),
            colour: if colour.is_blank() {
                Leaf::literal("muted")
            } else {
                colour
            },
            opacity: object.number(reader, "opacity", 0.02..=1.0, 0.15),
            angle: object.optional_number(reader, "angle", -90.0..=90.0),
        };
        object.done(reader);
        Some(watermark)
    }
}

impl Letterhead {
    fn read(reader: &mut Reader, json: &Json) -> Option<Self> {
        let mut object = reader.object(json, "/letterhead")?;
        let following = object.child("following").and_then(|json| {
            let mut object = reader.object(json, "/letterhead/following")?;
            let file = FileSource::read(reader, &mut object);
            object.done(reader);
            Some(file)
        });
        let first_only = object.flag(reader, "first_only", false);
        if first_only && following.is_some() {
            reader.problem(
                "/letterhead/following",
                "letterhead_following",
                "is for pages that have no letterhead, as `first_only` says",
            );
        }
        let letterhead = Self {
            when: object.optional_leaf(reader, "when"),
            file: FileSource::read(reader, &mut object),
            following,
            first_only,
        };
        object.done(reader);
        Some(letterhead)
    }
}

fn enclosures(
    reader: &mut Reader,
    root: &mut Object<'_>,
    key: &'static str,
    attached: bool,
) -> Vec<Enclosure> {
    let items = root.list(reader, key);
    if items.len() > MAX_FILES {
        let message = format!("has more than {MAX_FILES} entries");
        reader.problem(&format!("/{key}"), "too_many_files", message);
    }
    items
        .into_iter()
        .take(MAX_FILES)
        .filter_map(|(json, pointer)| {
            let mut object = reader.object(json, &pointer)?;
            let mut own = Enclosure {
                when: object.optional_leaf(reader, "when"),
                file: FileSource::read(reader, &mut object),
                description: Leaf::default(),
                relationship: Relationship::Supplement,
            };
            if attached {
                own.description = object.leaf(reader, "description");
                own.relationship = relationship(reader, &mut object);
                let is_kept = matches!(own.file.origin, FileOrigin::Kept { .. });
                if is_kept && own.file.name.is_none() {
                    let pointer = format!("{pointer}/name");
                    reader.problem(&pointer, "missing", "must be filled in");
                }
            }
            object.done(reader);
            Some(own)
        })
        .collect()
}

fn relationship(reader: &mut Reader, object: &mut Object<'_>) -> Relationship {
    let names = ["source", "data", "alternative", "supplement", "unspecified"];
    let name = object.choice(reader, "relationship", &names, "supplement");
    match name.as_str() {
        "source" => Relationship::Source,
        "data" => Relationship::Data,
        "alternative" => Relationship::Alternative,
        "unspecified" => Relationship::Unspecified,
        _ => Relationship::Supplement,
    }
}

impl FileSource {
    fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        let value = object.optional_leaf(reader, "source");
        let name = object.optional_leaf(reader, "name");
        let pointer = object.pointer.clone();
        let content_type = object.text(reader, "content_type");
        let kept = object.child("data").and_then(|json| {
            let bytes = json
                .as_str()
                .filter(|text| text.len() <= MAX_DATA)
                .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
            if bytes.is_none() {
                reader.problem(
                    &format!("{pointer}/data"),
                    "file_data",
                    "must be base64 of a file of at most 1.5 MB",
                );
            }
            bytes
        });
        let origin = match (value, kept) {
            (Some(leaf), None) => FileOrigin::Value(leaf),
            (None, Some(bytes)) => FileOrigin::Kept {
                content_type: content_type.unwrap_or_else(|| guessed(&bytes).into()),
                bytes: bytes.into(),
            },
            (value, _) => {
                reader.problem(&pointer, "file_source", "needs one of `source` and `data`");
                FileOrigin::Value(value.unwrap_or_default())
            }
        };
        Self {
            pointer,
            name,
            origin,
        }
    }
}

/// The kind of a file that says nothing of its kind.
fn guessed(bytes: &[u8]) -> &'static str {
    if pdf::is_pdf(bytes) {
        "application/pdf"
    } else {
        "application/octet-stream"
    }
}

impl PasswordLeaves {
    fn read(reader: &mut Reader, json: &Json) -> Option<Self> {
        let mut object = reader.object(json, "/password")?;
        let password = Self {
            when: object.optional_leaf(reader, "when"),
            open: object.optional_leaf(reader, "open"),
            owner: object.optional_leaf(reader, "owner"),
            permissions: Permissions {
                print: object.flag(reader, "print", true),
                copy: object.flag(reader, "copy", true),
                change: object.flag(reader, "change", true),
                annotate: object.flag(reader, "annotate", true),
            },
        };
        if password.open.is_none() && password.owner.is_none() {
            reader.problem("/password/open", "missing", "must be filled in");
        }
        object.done(reader);
        Some(password)
    }
}
