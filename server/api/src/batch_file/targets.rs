//! What cells can fill: a form's questions, and the values of a record with those inside it; which of them a heading means; and what a
//! cell means there.

use engine::{
    check::Problem,
    form::{FieldKind, FormField, Setting},
    kind::{Field, Kind},
    table::Column,
};
use serde_json::{Map, Value as Json, json};

/// Longest text where the trigger sets no limit.
const MAX_TEXT: u32 = 20_000;
/// How deep records in records are filled by cells.
const MAX_DEPTH: usize = 4;

/// What a cell can fill, or cannot.
pub(crate) struct Target {
    /// The field's name; of one in a record with the record's before it, such as `customer.city`.
    pub(crate) name: String,
    pub(crate) title: String,
    /// Slug of its kind, of a form's field that of the question.
    pub(crate) kind: String,
    /// Every row needs it.
    pub(crate) is_required: bool,
    /// Files, lists and rows have no place in a cell.
    pub(crate) is_cell: bool,
}

pub(super) fn of_question(field: &FormField) -> Target {
    let is_cell = match &field.kind {
        FieldKind::File { .. } | FieldKind::Rows { .. } => false,
        FieldKind::Text { .. }
        | FieldKind::LongText { .. }
        | FieldKind::Email
        | FieldKind::Phone
        | FieldKind::Number { .. }
        | FieldKind::Money { .. }
        | FieldKind::Date { .. }
        | FieldKind::Select { .. }
        | FieldKind::MultiSelect { .. }
        | FieldKind::Checkbox => true,
    };
    Target {
        name: field.name.clone(),
        title: or_name(&field.label, &field.name),
        kind: tag(&json!(field.kind)),
        is_required: field.required,
        is_cell,
    }
}

/// The answer that a cell means. What means none is left as it stands, to be refused with a reason.
pub(super) fn answer(field: &FormField, cell: &str, setting: &Setting<'_>) -> Json {
    let read = |kind: Kind, cell: &str| {
        let column = column(&field.name, &field.label, kind, None);
        let read = column.read(&json!(cell), setting);
        read.unwrap_or_else(|_| json!(cell))
    };
    match &field.kind {
        FieldKind::Checkbox => read(Kind::YesNo, cell),
        FieldKind::Select {
            options,
            choices_from: None,
        } => read(
            Kind::Choice {
                options: options.clone(),
            },
            cell,
        ),
        FieldKind::MultiSelect { options, .. } => {
            let kind = Kind::Choice {
                options: options.clone(),
            };
            let is_one = |cell: &str| {
                let read = read(kind.clone(), cell);
                options.iter().any(|option| json!(option.value) == read)
            };
            // A choice may have a comma of its own.
            let parts: Vec<&str> = if is_one(cell) {
                vec![cell]
            } else if cell.contains([';', '\n']) {
                cell.split([';', '\n']).collect()
            } else {
                cell.split(',').collect()
            };
            let parts = parts.into_iter().map(str::trim);
            let filled = parts.filter(|part| !part.is_empty());
            filled.map(|part| read(kind.clone(), part)).collect()
        }
        FieldKind::Text { .. }
        | FieldKind::LongText { .. }
        | FieldKind::Email
        | FieldKind::Phone
        | FieldKind::Number { .. }
        | FieldKind::Money { .. }
        | FieldKind::Date { .. }
        | FieldKind::Select { .. }
        | FieldKind::File { .. }
        | FieldKind::Rows { .. } => json!(cell),
    }
}

fn column(name: &str, title: &str, kind: Kind, currency: Option<&str>) -> Column {
    Column {
        field: Field {
            name: name.to_owned(),
            title: or_name(title, name),
            kind,
            optional: true,
        },
        currency: currency.map(str::to_owned),
    }
}

/// Where a value lies in a record.
#[derive(Clone, Default)]
pub(super) struct Path {
    names: Vec<String>,
    titles: Vec<String>,
    /// A record above it may be absent.
    is_optional: bool,
}

/// A value of a record that holds no others.
pub(super) struct Leaf<'f> {
    field: &'f Field,
    path: Path,
    pub(super) is_required: bool,
}

pub(super) fn leaves<'f>(fields: &'f [Field], above: &Path) -> Vec<Leaf<'f>> {
    let mut found = Vec::new();
    for field in fields {
        let mut path = above.clone();
        path.names.push(field.name.clone());
        path.titles.push(or_name(&field.title, &field.name));
        match &field.kind {
            Kind::Record { fields } if path.names.len() < MAX_DEPTH => {
                path.is_optional |= field.optional;
                found.extend(leaves(fields, &path));
            }
            _ => found.push(Leaf {
                is_required: !field.optional && !path.is_optional,
                field,
                path,
            }),
        }
    }
    found
}

impl Leaf<'_> {
    pub(super) fn name(&self) -> String {
        self.path.names.join(".")
    }

    fn title(&self) -> String {
        self.path.titles.join(" / ")
    }

    pub(super) fn target(&self) -> Target {
        let is_cell = match &self.field.kind {
            Kind::List { .. } | Kind::Record { .. } | Kind::File => false,
            Kind::Text { .. }
            | Kind::Integer
            | Kind::Decimal
            | Kind::Money { .. }
            | Kind::Date
            | Kind::Time
            | Kind::Instant
            | Kind::YesNo
            | Kind::Choice { .. }
            | Kind::Any => true,
        };
        Target {
            name: self.name(),
            title: self.title(),
            kind: tag(&json!(self.field.kind)),
            is_required: self.is_required,
            is_cell,
        }
    }

    /// The cell's value in the JSON form of its kind.
    pub(super) fn read(
        &self,
        cell: &str,
        currency: &str,
        setting: &Setting<'_>,
    ) -> Result<Json, Problem> {
        let kind = match &self.field.kind {
            Kind::Text { max_length } => Kind::Text {
                max_length: Some(max_length.unwrap_or(MAX_TEXT)),
            },
            // What is none is refused when the whole record is read.
            Kind::Time | Kind::Instant | Kind::Any => return Ok(json!(cell)),
            kind => kind.clone(),
        };
        let column = column(&self.field.name, &self.title(), kind, Some(currency));
        let read = column.read(&json!(cell), setting);
        read.map_err(|problem| problem.at(self.pointer()))
    }

    pub(super) fn missing(&self) -> Problem {
        let label = self.title();
        let message = format!("\"{label}\" must be answered");
        Problem::error("required", json!({"label": label}), message).at(self.pointer())
    }

    fn pointer(&self) -> String {
        format!("/{}", self.path.names.join("/"))
    }

    pub(super) fn put(&self, input: &mut Map<String, Json>, value: Json) {
        let Some((last, above)) = self.path.names.split_last() else {
            return;
        };
        let mut place = input;
        for name in above {
            let inner = place.entry(name.clone()).or_insert_with(|| json!({}));
            // Nothing but records lies above a leaf.
            let Json::Object(inner) = inner else { return };
            place = inner;
        }
        place.insert(last.clone(), value);
    }
}

fn or_name(title: &str, name: &str) -> String {
    match title.trim() {
        "" => name.to_owned(),
        title => title.to_owned(),
    }
}

fn tag(kind: &Json) -> String {
    kind.get("kind")
        .and_then(Json::as_str)
        .unwrap_or("any")
        .to_owned()
}

/// Without regard to case, to blanks, and to what joins words.
fn plain(text: &str) -> String {
    let text = text.to_lowercase().replace(['_', '-', '.', '/'], " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn is_written_alike(heading: &str, target: &Target) -> bool {
    let heading = plain(heading);
    heading == plain(&target.title) || heading == plain(&target.name)
}

/// As other programs spell names: `orderId` for `order_id`.
pub(super) fn is_named_alike(heading: &str, target: &Target) -> bool {
    let name = |text: &str| engine::foreign::name_of(text.trim());
    let heading = name(heading);
    heading.is_some() && (heading == name(&target.name) || heading == name(&target.title))
}
