//! `formwork run` with one more node type: made up, with every control the editor knows and ways that follow its settings. It proves
//! that the editor reads the catalogue and knows no type; nothing else is different from the real program.

use std::collections::BTreeMap;

use app::{
    config::Config,
    program::{self, Roles},
};
use async_trait::async_trait;
use engine::{
    catalogue::NodeType,
    expression::Template,
    form::{ComputedField, FormField},
    ids::{CredentialId, DocumentId, EndpointId},
    kind::{Field, Kind},
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Port, Surface,
    },
    value::Value,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let roles = Roles {
        serve: true,
        work: true,
        model: true,
    };
    let catalogue = nodes::catalogue().with(NodeType::of::<MadeUp>());
    program::run(Config::from_env()?, roles, catalogue).await
}

/// Sort parcels by a rule that nobody ever needed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "settings exist for their controls; not all of them do something"
)]
struct MadeUp {
    /// A single line.
    #[serde(default)]
    #[schemars(extend("x-widget" = "text"))]
    motto: String,
    /// Several lines.
    #[serde(default)]
    #[schemars(extend("x-widget" = "textarea"))]
    remarks: String,
    /// A text with values of earlier steps.
    #[serde(default)]
    letter: Template,
    /// One value of an earlier step.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    subject: Option<Template>,
    /// How many parcels.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 9))]
    parcels: u32,
    /// Whether it is urgent.
    #[serde(default)]
    urgent: bool,
    /// How large they are.
    #[serde(default)]
    size: Size,
    /// The exits; each becomes a way out of this step.
    #[serde(default)]
    exits: Vec<String>,
    /// Where they stand.
    #[serde(default)]
    place: Place,
    /// Stickers, by name.
    #[serde(default)]
    #[schemars(extend("x-widget" = "key_value"))]
    stickers: BTreeMap<String, Template>,
    /// What is asked at the counter.
    #[serde(default)]
    #[schemars(extend("x-widget" = "form_fields"))]
    questions: Vec<FormField>,
    /// What is worked out at the counter.
    #[serde(default)]
    #[schemars(extend("x-widget" = "computed_fields"))]
    sums: Vec<ComputedField>,
    /// What is read off the label.
    #[serde(default)]
    #[schemars(extend("x-widget" = "output_fields"))]
    labels: Vec<Field>,
    /// Lanes, each with its rules; a lane is a way out, too.
    #[serde(default)]
    #[schemars(extend("x-widget" = "rules"))]
    lanes: Vec<Lane>,
    /// Who reads the labels.
    #[serde(default)]
    #[schemars(extend("x-widget" = "model"))]
    reader: Option<String>,
    /// The waybill.
    #[serde(default)]
    #[schemars(extend("x-widget" = "document"))]
    waybill: Option<DocumentId>,
    /// What the waybill says.
    #[serde(default)]
    #[schemars(extend("x-widget" = "document_fields", "x-keys" = {"document_fields": "waybill"}))]
    said: Vec<String>,
    /// Who is told.
    #[serde(default)]
    #[schemars(extend("x-widget" = "endpoint"))]
    told: Option<EndpointId>,
    /// The key of the gate.
    #[serde(default)]
    #[schemars(extend("x-widget" = "credential"))]
    gate_key: Option<CredentialId>,
    /// How long a parcel may lie.
    #[serde(default = "minute")]
    #[schemars(extend("x-widget" = "duration"))]
    patience_ms: u64,
    /// Anything else, as it is.
    #[serde(default)]
    #[schemars(extend("x-widget" = "json", "x-group" = "advanced"))]
    notes: Json,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"small": "As small as a pea", "large": "As large as a house"}))]
enum Size {
    #[default]
    Small,
    Large,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Place {
    /// The name of the hall.
    hall: String,
    /// The number of the shelf.
    shelf: u32,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Lane {
    name: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    value: Template,
    operator: Operator,
    #[serde(default)]
    #[schemars(extend("x-empty" = true))]
    operand: Option<Template>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"is": "is", "is_filled": "is filled in"}))]
enum Operator {
    Is,
    IsFilled,
}

fn three() -> u32 {
    3
}

fn minute() -> u64 {
    60_000
}

impl Rule {
    fn holds(&self, context: &dyn NodeContext) -> Result<bool, NodeError> {
        let value = context.evaluate(&self.value)?;
        match (self.operator, &self.operand) {
            (Operator::IsFilled, _) => Ok(value != Value::Empty),
            (Operator::Is, Some(operand)) => Ok(value == context.evaluate(operand)?),
            (Operator::Is, None) => Ok(false),
        }
    }
}

#[async_trait]
impl Node for MadeUp {
    const TYPE: &'static str = "made_up";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Sort parcels",
            family: Family::Looked,
            icon: "package",
            effect: Effect::Pure,
            surface: Surface::Text,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn ports(&self) -> Vec<Port> {
        let lanes = self.lanes.iter().map(|lane| (&lane.name, &lane.title));
        let exits = self.exits.iter().map(|exit| (exit, exit));
        let ports: Vec<Port> = lanes
            .chain(exits)
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, title)| Port {
                name: name.clone(),
                title: title.clone(),
            })
            .collect();
        if ports.is_empty() {
            vec![Port::out()]
        } else {
            ports
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        let text = Kind::Text { max_length: None };
        Kind::record([
            ("letter", "Letter", text.clone()),
            ("way", "Way taken", text),
            ("parcels", "Parcels", Kind::Integer),
        ])
    }

    fn card(&self) -> Card {
        Card {
            key_fact: format!("{} parcels", self.parcels),
            well: vec![CardLine {
                text: self.letter.0.clone(),
                trailing: self.motto.clone(),
            }],
        }
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let mut taken = None;
        for lane in &self.lanes {
            let mut holds = !lane.rules.is_empty();
            for rule in &lane.rules {
                holds = holds && rule.holds(context)?;
            }
            if holds {
                taken = Some(lane.name.clone());
                break;
            }
        }
        let way = taken
            .or_else(|| self.exits.first().cloned())
            .unwrap_or_else(|| "out".into());
        let output = Map::from_iter([
            ("letter".to_owned(), json!(context.render(&self.letter)?)),
            ("way".to_owned(), json!(way)),
            ("parcels".to_owned(), json!(self.parcels)),
        ]);
        Ok(Outcome::Done(Done {
            ports: vec![way],
            ..Done::out(Json::Object(output))
        }))
    }
}
