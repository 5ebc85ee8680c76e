//! `form_input`: a public form starts the run. What it asks is `engine::form::Form`; `api` renders it and validates answers before a run
//! exists, so that here they are only handed on.

use async_trait::async_trait;
use engine::{
    form::{FieldKind, Form, FormField},
    kind::{Field, Kind},
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Surface, Trigger,
    },
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Ask somebody through a form on the web; every answer starts a run.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct FormInput(Form);

#[async_trait]
impl Node for FormInput {
    const TYPE: &'static str = "form_input";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Form",
            family: Family::Asked,
            icon: "clipboard-list",
            effect: Effect::Pure,
            surface: Surface::Form,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        kind_of(&self.0)
    }

    fn card(&self) -> Card {
        Card {
            key_fact: self.0.title.clone(),
            well: self
                .0
                .fields
                .iter()
                .take(4)
                .map(|field| CardLine {
                    text: field.label.clone(),
                    trailing: String::new(),
                })
                .collect(),
        }
    }

    fn trigger(&self) -> Option<Trigger> {
        Some(Trigger::Form(self.0.clone()))
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        Ok(Outcome::Done(Done::out(context.step().kept.clone())))
    }
}

/// The record of answers and computed values.
fn kind_of(form: &Form) -> Kind {
    Kind::Record {
        fields: fields_of(&form.fields, &form.computed),
    }
}

fn fields_of(fields: &[FormField], computed: &[engine::form::ComputedField]) -> Vec<Field> {
    let asked = fields.iter().map(|field| {
        let is_always_there = match &field.kind {
            FieldKind::Checkbox | FieldKind::Rows { .. } | FieldKind::MultiSelect { .. } => true,
            _ => field.required,
        };
        Field {
            name: field.name.clone(),
            title: field.label.clone(),
            kind: kind_of_answer(&field.kind),
            optional: !is_always_there,
        }
    });
    let computed = computed.iter().map(|field| Field {
        name: field.name.clone(),
        title: field.label.clone(),
        kind: field.kind.clone(),
        optional: false,
    });
    asked.chain(computed).collect()
}

fn kind_of_answer(kind: &FieldKind) -> Kind {
    match kind {
        FieldKind::Text { max_length } | FieldKind::LongText { max_length } => Kind::Text {
            max_length: *max_length,
        },
        FieldKind::Email | FieldKind::Phone => Kind::text(),
        FieldKind::Number {
            decimals: Some(0), ..
        } => Kind::Integer,
        FieldKind::Number { .. } => Kind::Decimal,
        FieldKind::Money { .. } => Kind::Money,
        FieldKind::Date { .. } => Kind::Date,
        FieldKind::Select { options } => Kind::Choice {
            options: options.clone(),
        },
        FieldKind::MultiSelect { options } => Kind::list(Kind::Choice {
            options: options.clone(),
        }),
        FieldKind::Checkbox => Kind::YesNo,
        FieldKind::File { .. } => Kind::File,
        FieldKind::Rows {
            columns,
            computed,
            min_rows,
            max_rows,
        } => Kind::List {
            item: Box::new(Kind::Record {
                fields: fields_of(columns, computed),
            }),
            min_items: *min_rows,
            max_items: *max_rows,
        },
    }
}
