//! The OpenAPI 3.1 document: utoipa's description of the wire types, joined with schemars' description of the workflow document and
//! the kinds, and one problem answer for every operation.

use std::borrow::Cow;

use engine::{document_field::DocumentField, kind, table::Column, workflow::Workflow};
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        OpenApi, Ref, RefOr,
        schema::Schema,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

/// A schema that schemars describes; here only its name.
macro_rules! described_by_engine {
    ($($marker:ident = $name:literal;)*) => {$(
        #[doc = concat!("The engine's `", $name, "`.")]
        pub(crate) struct $marker;

        impl PartialSchema for $marker {
            fn schema() -> RefOr<Schema> {
                Ref::from_schema_name($name).into()
            }
        }

        impl ToSchema for $marker {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    )*};
}

described_by_engine! {
    WorkflowSchema = "Workflow";
    KindSchema = "Kind";
    FieldSchema = "Field";
    ColumnSchema = "Column";
    DocumentFieldSchema = "DocumentField";
}

/// What the editor draws of one step (`engine::check::CheckedNode`).
#[derive(Serialize, ToSchema)]
#[schema(as = CheckedNode)]
pub(crate) struct CheckedNodeSchema {
    pub title: String,
    pub summary: String,
    /// `asked`, `written`, `computed`, `made`, `sent` or `looked`; null for an unknown type.
    pub family: Option<String>,
    /// A lucide icon name.
    pub icon: String,
    /// `form`, `page`, `text`, `message` or `none`.
    pub surface: String,
    /// `pure`, `stored` or `outside`; null for an unknown type.
    pub effect: Option<String>,
    pub ports: Vec<PortSchema>,
    #[schema(value_type = KindSchema)]
    pub output: Json,
    pub card: CardSchema,
    /// `form`, `webhook`, `schedule` or `call`: runs can begin here.
    pub trigger: Option<String>,
    /// Of a schedule whose settings are sound: its rule.
    #[schema(value_type = Option<Object>)]
    pub schedule: Option<Json>,
    /// The next three moments of a schedule.
    #[schema(value_type = Option<Vec<String>>)]
    pub next: Option<Json>,
    /// It waits for a call of its link, which earlier steps read as `run.links.<id>`.
    pub is_called_back: bool,
    /// Ids of the steps whose values it may read, in running order.
    pub readable: Vec<String>,
    pub references: Vec<ReferenceSchema>,
    /// Of a step that holds others.
    pub inside: Option<InsideSchema>,
    /// Of a step that looks at the entries of a list.
    pub entries: Option<EntriesSchema>,
}

/// The list whose entries settings with `x-scope: "entry"` read.
#[derive(Serialize, ToSchema)]
#[schema(as = Entries)]
pub(crate) struct EntriesSchema {
    /// The setting whose list is looked at.
    pub list: String,
    #[schema(value_type = KindSchema)]
    pub item: Json,
}

/// What lies inside a step, as its settings for one entry may read it.
#[derive(Serialize, ToSchema)]
#[schema(as = Inside)]
pub(crate) struct InsideSchema {
    /// The setting whose list is gone through.
    pub list: String,
    #[schema(value_type = KindSchema)]
    pub item: Json,
    /// Ids of steps, in running order.
    pub readable: Vec<String>,
}

/// A way out of a step.
#[derive(Serialize, ToSchema)]
#[schema(as = Port)]
pub(crate) struct PortSchema {
    pub name: String,
    pub title: String,
}

/// Texts may hold `{{ }}`.
#[derive(Serialize, ToSchema)]
#[schema(as = Card)]
pub(crate) struct CardSchema {
    pub key_fact: String,
    pub well: Vec<CardLineSchema>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CardLine)]
pub(crate) struct CardLineSchema {
    pub text: String,
    pub trailing: String,
}

/// One value that a step's settings read.
#[derive(Serialize, ToSchema)]
#[schema(as = Reference)]
pub(crate) struct ReferenceSchema {
    /// JSON pointer of the setting, in the workflow.
    pub pointer: String,
    /// Such as `form.customer`.
    pub path: String,
    /// From and to in the setting's text, in bytes.
    pub span: Vec<usize>,
    /// What it is; null when it cannot be read here.
    #[schema(value_type = Option<KindSchema>)]
    pub kind: Option<Json>,
    /// May be empty and has no default.
    pub optional: bool,
}

/// One entry of the catalogue (`engine::catalogue`).
#[derive(Serialize, ToSchema)]
#[schema(as = NodeType)]
pub(crate) struct NodeTypeSchema {
    #[serde(rename = "type")]
    pub node_type: String,
    pub version: u32,
    pub title: String,
    pub summary: String,
    pub family: String,
    pub icon: String,
    pub effect: String,
    pub surface: String,
    pub timeout_ms: u64,
    #[schema(value_type = Option<Object>)]
    pub retry: Json,
    /// JSON Schema of the settings, with `x-widget` and its relatives.
    #[schema(value_type = Object)]
    pub schema: Json,
}

/// `engine::firm::Firm`; texts that nobody filled in are `""`.
#[derive(Serialize, ToSchema)]
#[schema(as = Firm)]
pub(crate) struct FirmSchema {
    pub name: String,
    /// Street and number, and what else stands above the city; one entry a line.
    pub street: Vec<String>,
    pub post_code: String,
    pub city: String,
    /// State or province.
    pub subdivision: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// With the country in front: `DE123456788`.
    pub vat_id: String,
    /// What the tax office at home knows the firm by.
    pub tax_number: String,
    /// Number in a public register.
    pub registration: String,
    /// Person or department that answers questions.
    pub contact: String,
    pub email: String,
    pub phone: String,
    pub website: String,
    pub iban: String,
    pub bic: String,
    pub bank: String,
    /// Set on `/api/firm/logo`.
    #[schema(value_type = Option<FileSchema>)]
    pub logo: Json,
    /// ISO 4217.
    pub currency: String,
    /// IANA.
    pub time_zone: String,
    /// BCP 47.
    pub locale: String,
    /// Percent, as text: `"19"`.
    pub tax_rate: String,
    #[schema(value_type = PricesSchema)]
    pub prices: Json,
    #[schema(value_type = TaxRoundingSchema)]
    pub tax_rounding: Json,
    /// `#rrggbb`
    pub colour: String,
    /// Days besides weekends on which nobody works: `2026-12-25`.
    #[schema(value_type = Vec<String>)]
    pub holidays: Vec<jiff::civil::Date>,
}

/// Where tax is rounded: of the net sum of each rate, or of each line.
#[expect(dead_code, reason = "only described, never made")]
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TaxRounding)]
pub(crate) enum TaxRoundingSchema {
    Rate,
    Line,
}

/// Whether prices hold the tax.
#[expect(dead_code, reason = "only described, never made")]
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Prices)]
pub(crate) enum PricesSchema {
    Net,
    Gross,
}

/// A file by reference.
#[derive(Serialize, ToSchema)]
#[schema(as = FileRef)]
pub(crate) struct FileSchema {
    pub id: uuid::Uuid,
    pub name: String,
    pub content_type: String,
    pub size_bytes: u64,
}

/// The finished document.
pub(crate) fn document(mut described: OpenApi) -> Json {
    described.info.title = "Formwork".into();
    described.info.description =
        Some("Workflows that turn forms into documents. Sign in, or send an access key.".into());
    described.info.license = Some(
        utoipa::openapi::LicenseBuilder::new()
            .name("Apache-2.0")
            .identifier(Some("Apache-2.0"))
            .build(),
    );
    described.info.version = env!("CARGO_PKG_VERSION").into();
    let components = described.components.get_or_insert_default();
    components.add_security_scheme(
        "access_key",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("fwk_…")
                .build(),
        ),
    );
    components.add_security_scheme(
        "session",
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("formwork"))),
    );
    components.schemas.insert(
        "ErrorOut".into(),
        <crate::error::ErrorOut as PartialSchema>::schema(),
    );
    components.schemas.insert(
        "ProblemOut".into(),
        <crate::error::ProblemOut as PartialSchema>::schema(),
    );
    let mut json = serde_json::to_value(&described).unwrap_or_default();
    if let Some(schemas) = json
        .pointer_mut("/components/schemas")
        .and_then(Json::as_object_mut)
    {
        schemas.extend(engine_schemas());
        schemas.sort_keys();
    }
    if let Some(paths) = json.get_mut("paths").and_then(Json::as_object_mut) {
        paths.sort_keys();
        for (path, item) in paths {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                complete(operation, method, path.strip_prefix("/api").unwrap_or(path));
            }
        }
    }
    json
}

fn complete(operation: &mut Json, method: &str, path: &str) {
    let security = match access_of(method, path) {
        Some(crate::access::Access::Anyone) => json!([]),
        Some(crate::access::Access::Signed) => json!([{"access_key": []}, {"session": []}]),
        Some(crate::access::Access::Person | crate::access::Access::Owner) | None => {
            json!([{"session": []}])
        }
    };
    operation["security"] = security;
    operation["responses"]["default"] = json!({
        "description": "What went wrong.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ErrorOut"}}},
    });
}

fn access_of(method: &str, path: &str) -> Option<crate::access::Access> {
    let method = axum::http::Method::from_bytes(method.to_uppercase().as_bytes()).ok()?;
    crate::access::of(&method, path)
}

fn engine_schemas() -> Map<String, Json> {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    generator.subschema_for::<Workflow>();
    generator.subschema_for::<kind::Kind>();
    generator.subschema_for::<kind::Field>();
    generator.subschema_for::<Column>();
    generator.subschema_for::<DocumentField>();
    let mut schemas = generator.take_definitions(true);
    schemas.values_mut().for_each(without_boolean_schemas);
    schemas
}

/// `true` is a schema, too, but few generators of clients know it.
fn without_boolean_schemas(schema: &mut Json) {
    if let Some(properties) = schema.get_mut("properties").and_then(Json::as_object_mut) {
        for property in properties.values_mut() {
            if *property == Json::Bool(true) {
                *property = json!({});
            }
        }
    }
    match schema {
        Json::Object(fields) => fields.values_mut().for_each(without_boolean_schemas),
        Json::Array(items) => items.iter_mut().for_each(without_boolean_schemas),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The web's client is generated from this file; a difference rewrites it, so that the change is seen and committed.
    #[test]
    fn the_committed_document_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        let current = format!("{:#}\n", crate::openapi());
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        if committed != current {
            std::fs::write(path, current).unwrap();
            panic!("server/api/openapi.json was stale and is rewritten; commit it");
        }
    }

    #[test]
    fn every_route_has_its_row_in_the_access_table() {
        let document = crate::openapi();
        let paths = document["paths"].as_object().unwrap();
        let mut described: Vec<(String, String)> = Vec::new();
        for (path, item) in paths {
            for method in item.as_object().unwrap().keys() {
                described.push((
                    method.to_uppercase(),
                    path.strip_prefix("/api").unwrap_or(path).to_owned(),
                ));
            }
        }
        for (method, path) in &described {
            assert!(
                access_of(method, path).is_some(),
                "{method} {path} is in no row"
            );
        }
        for (method, path, _) in crate::ACCESS {
            let known = described.iter().any(|(m, p)| m == method && p == path);
            assert!(
                known || matches!(*path, "/openapi.json" | "/events"),
                "the row {method} {path} has no route"
            );
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = crate::openapi();
        let mut references = Vec::new();
        collect(&document, &mut references);
        for reference in references {
            let pointer = reference.trim_start_matches('#');
            assert!(
                document.pointer(pointer).is_some(),
                "{reference} leads nowhere"
            );
        }
    }

    fn collect(json: &Json, references: &mut Vec<String>) {
        match json {
            Json::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Json::as_str) {
                    references.push(reference.to_owned());
                }
                fields.values().for_each(|value| collect(value, references));
            }
            Json::Array(items) => items.iter().for_each(|item| collect(item, references)),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }
}
