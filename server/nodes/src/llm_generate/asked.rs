//! What the model is asked: the fields that it fills in, and the request with the schema that holds it to them.

use engine::{
    document_field::DocumentField,
    kind::{Field, Kind},
    node::{GenerationRequest, NodeContext, NodeError},
    value::Value,
};
use serde_json::{Value as Json, json};

use super::{LlmGenerate, Mode, label, prompt};
use crate::values::parse_template;

/// A list without a greatest number of entries takes so many.
const MOST_ENTRIES: u32 = 50;

/// What the model is asked to fill in; no fields for one text.
pub(super) struct Asked {
    pub(super) fields: Vec<Field>,
    /// Where it is printed.
    pub(super) document: Option<document::Template>,
    /// The document's field that one text is for.
    pub(super) place: Option<String>,
}

impl LlmGenerate {
    /// What the model fills in, given the fields that the document declares.
    pub(super) fn fields(&self, document: Option<Vec<DocumentField>>) -> Vec<Field> {
        let mut fields: Vec<Field> = document
            .into_iter()
            .flatten()
            .filter(|declared| {
                if self.document_fields.is_empty() {
                    declared.is_written()
                } else {
                    !declared.is_computed() && self.document_fields.contains(&declared.field.name)
                }
            })
            .map(|declared| declared.field)
            .collect();
        fields.extend(self.output_fields.iter().cloned());
        fields
    }

    pub(super) fn request(
        &self,
        context: &dyn NodeContext,
        fields: &[Field],
    ) -> Result<GenerationRequest, NodeError> {
        let instruction = context.render(&self.instruction)?;
        let step = context.step();
        let task = prompt::Task {
            instruction: &instruction,
            language: prompt::language(&self.language, &step.locale),
            tone: self.tone.trim(),
            max_length: self.max_length,
            fields: (self.mode == Mode::Fields).then_some(fields),
        };
        Ok(GenerationRequest {
            model: self.model.clone().filter(|model| !model.is_empty()),
            messages: prompt::messages(&task),
            schema: self.schema(fields),
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            // A new try must be able to give another answer.
            seed: step.seed.wrapping_add(u64::from(step.attempt.max(1) - 1)),
            round: 0,
        })
    }

    fn schema(&self, fields: &[Field]) -> Option<Json> {
        let mut schema = match (self.mode, self.max_length) {
            (Mode::Fields, _) => Kind::Record {
                fields: fields.to_vec(),
            }
            .json_schema(),
            // Only a schema can hold a text to its length.
            (Mode::Text, Some(_)) => self.text_kind().json_schema(),
            (Mode::Text, None) => return None,
        };
        forbid_nothing(&mut schema);
        Some(schema)
    }

    pub(super) async fn asked(&self, context: &dyn NodeContext) -> Result<Asked, NodeError> {
        let place = self.place();
        // A text of its own is printed nowhere that is known.
        let is_printed = self.mode == Mode::Fields || place.is_some();
        let document = match self.document.filter(|_| is_printed) {
            None => None,
            Some(id) => Some(parse_template(&context.document(id).await?)?),
        };
        if self.mode == Mode::Text {
            return Ok(Asked {
                fields: Vec::new(),
                document,
                place: place.map(str::to_owned),
            });
        }
        let declared = document.as_ref().map(document::Template::declared);
        let fields = self.fields(declared.map(<[DocumentField]>::to_vec));
        if fields.is_empty() {
            return Err(NodeError::config(
                "no_fields",
                "There is nothing for the model to fill in. Add a field.",
            ));
        }
        let fields = self.with_entries(context, fields)?;
        Ok(Asked {
            fields,
            document,
            place: None,
        })
    }

    /// The fields with lists of exactly as many entries as are asked for: the model cannot write more or fewer.
    fn with_entries(
        &self,
        context: &dyn NodeContext,
        mut fields: Vec<Field>,
    ) -> Result<Vec<Field>, NodeError> {
        let asked = match &self.entries {
            Some(template) => context.evaluate(template)?,
            None => Value::Empty,
        };
        if asked.is_blank() {
            return Ok(fields);
        }
        let kind = asked.kind_name();
        let Ok(Value::Integer(asked)) = asked.convert(&Kind::Integer, &context.step().currency)
        else {
            return Err(NodeError::failed(
                "entries_no_number",
                format!("The number of entries is {kind}. It must be a whole number."),
            )
            .with("kind", kind));
        };
        for field in &mut fields {
            let name = label(field).to_owned();
            let Kind::List {
                min_items,
                max_items,
                ..
            } = &mut field.kind
            else {
                continue;
            };
            let (least, most) = (min_items.unwrap_or(0), max_items.unwrap_or(MOST_ENTRIES));
            let count = u32::try_from(asked)
                .ok()
                .filter(|count| (least..=most).contains(count))
                .ok_or_else(|| {
                    NodeError::failed(
                        "entries_out_of_range",
                        format!(
                            "\u{201c}{name}\u{201d} takes {least} to {most} entries, but {asked} are asked for."
                        ),
                    )
                    .with("name", name)
                    .with("least", least)
                    .with("most", most)
                    .with("asked", asked)
                })?;
            (*min_items, *max_items) = (Some(count), Some(count));
        }
        Ok(fields)
    }

    /// The document's field that one text is for.
    pub(super) fn place(&self) -> Option<&str> {
        let named = self.document_field.as_deref();
        named.filter(|name| !name.is_empty())
    }

    /// What one text is, as the model is held to it.
    pub(super) fn text_kind(&self) -> Kind {
        Kind::record([(
            "text",
            "Text",
            Kind::Text {
                max_length: self.max_length,
            },
        )])
    }
}

/// A model that may write nothing sometimes does: texts have at least one letter.
fn forbid_nothing(schema: &mut Json) {
    match schema {
        Json::Object(map) => {
            let open = !["enum", "format", "pattern"]
                .iter()
                .any(|key| map.contains_key(*key));
            if open && map.get("type").is_some_and(|kind| kind == "string") {
                map.insert("minLength".into(), json!(1));
            }
            map.values_mut().for_each(forbid_nothing);
        }
        Json::Array(list) => list.iter_mut().for_each(forbid_nothing),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}
