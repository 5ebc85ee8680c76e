//! The node types that Formwork ships, one file each, and the catalogue of them. Nothing else may name a node type.

mod approval_ask;
mod branch;
mod call_input;
mod callback_wait;
mod data_read;
mod data_write;
mod delay;
mod delimited;
mod einvoice_make;
mod einvoice_read;
mod email_send;
mod entries;
mod for_each;
mod form_input;
mod http_request;
mod list_filter;
mod list_group;
mod llm_generate;
mod merge;
mod messages;
mod number_draw;
mod ordering;
mod pdf_render;
mod respond;
mod rules;
mod schedule_trigger;
mod set_fields;
mod stop;
mod switch;
mod table_lookup;
mod template_fill;
mod values;
mod webhook_deliver;
mod webhook_input;
mod workflow_call;

#[cfg(test)]
mod testing;

use engine::catalogue::{Catalogue, NodeType};

pub use data_read::read_sheet;

/// Every node type of this build, with its texts in every language.
pub fn catalogue() -> Catalogue {
    Catalogue::new(vec![
        NodeType::of::<approval_ask::ApprovalAsk>(),
        NodeType::of::<branch::Branch>(),
        NodeType::of::<call_input::CallInput>(),
        NodeType::of::<callback_wait::CallbackWait>(),
        NodeType::of::<data_read::DataRead>(),
        NodeType::of::<data_write::DataWrite>(),
        NodeType::of::<delay::Delay>(),
        NodeType::of::<einvoice_make::EinvoiceMake>(),
        NodeType::of::<einvoice_read::EinvoiceRead>(),
        NodeType::of::<email_send::EmailSend>(),
        NodeType::of::<for_each::ForEach>(),
        NodeType::of::<form_input::FormInput>(),
        NodeType::of::<http_request::HttpRequest>(),
        NodeType::of::<list_filter::ListFilter>(),
        NodeType::of::<list_group::ListGroup>(),
        NodeType::of::<llm_generate::LlmGenerate>(),
        NodeType::of::<merge::Merge>(),
        NodeType::of::<number_draw::NumberDraw>(),
        NodeType::of::<pdf_render::PdfRender>(),
        NodeType::of::<respond::Respond>(),
        NodeType::of::<schedule_trigger::ScheduleTrigger>(),
        NodeType::of::<set_fields::SetFields>(),
        NodeType::of::<stop::Stop>(),
        NodeType::of::<switch::Switch>(),
        NodeType::of::<table_lookup::TableLookup>(),
        NodeType::of::<template_fill::TemplateFill>(),
        NodeType::of::<webhook_deliver::WebhookDeliver>(),
        NodeType::of::<webhook_input::WebhookInput>(),
        NodeType::of::<workflow_call::WorkflowCall>(),
    ])
    .with_messages("zh-CN", messages::zh_cn())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use engine::{check::check, document_field::DocumentField, ids::DocumentId};
    use serde_json::{Value as Json, json};
    use uuid::Uuid;

    use super::*;

    /// A shipped example as creating a workflow from it leaves it: embedded documents have ids.
    fn example(text: &str) -> (Json, BTreeMap<DocumentId, Vec<DocumentField>>) {
        let mut json: Json = serde_json::from_str(text).expect("JSON");
        let mut documents = BTreeMap::new();
        let embedded = json["documents"].as_object().cloned().unwrap_or_default();
        for (number, (key, template)) in embedded.iter().enumerate() {
            let id = DocumentId(Uuid::from_u128(number as u128 + 1));
            let template = document::Template::parse(template).expect("a sound template");
            documents.insert(id, template.declared().to_vec());
            for node in json["nodes"].as_array_mut().expect("nodes") {
                if node["config"]["document"] == json!(key) {
                    node["config"]["document"] = json!(id);
                }
            }
        }
        for node in json["nodes"].as_array_mut().expect("nodes") {
            if node["config"]["series"].is_string() {
                node["config"]["series"] = json!(Uuid::from_u128(1));
            }
        }
        (json, documents)
    }

    #[test]
    fn shipped_examples_have_no_problem_but_a_missing_endpoint() {
        for text in [
            include_str!("../../../workflows/invoice.json"),
            include_str!("../../../workflows/itinerary.json"),
            include_str!("../../../workflows/sales-report.json"),
        ] {
            let (json, documents) = example(text);
            let workflow = engine::graph::parse(&json).expect("a readable workflow");
            let checked = check(&workflow, &catalogue(), &documents);
            let others: Vec<_> = checked
                .problems
                .iter()
                .filter(|problem| problem.code != "no_endpoint")
                .collect();
            assert!(others.is_empty(), "{}: {others:#?}", workflow.name);
            assert!(checked.is_publishable());
            let (plan, _) = engine::graph::Plan::compile(&workflow, &catalogue(), &documents);
            assert!(plan.is_some());
        }
    }

    #[test]
    fn a_new_step_without_settings_is_drawn_and_told_what_it_lacks() {
        for entry in catalogue().iter() {
            let config = if entry.node_type == "form_input" {
                json!({"title": "", "fields": []})
            } else {
                json!({})
            };
            assert!(
                entry.check_config(&config).is_empty(),
                "{}",
                entry.node_type
            );
            let workflow = engine::graph::parse(&json!({
                "format": "formwork/1", "name": "New", "locale": "en", "time_zone": "UTC", "currency": "EUR",
                "nodes": [{"id": "a", "type": entry.node_type, "version": 1, "name": "A", "config": config}],
            }))
            .expect("a readable workflow");
            let checked = check(&workflow, &catalogue(), &());
            let node = &checked.nodes["a"];
            let ends = entry.node_type == "stop";
            assert_eq!(node.ports.is_empty(), ends, "{}", entry.node_type);
            assert_eq!(node.title, entry.description.title);
        }
    }

    /// The contract with the editor and with stored documents: a change here is a change of the format.
    #[test]
    fn the_catalogue_changes_only_on_purpose() {
        insta::assert_json_snapshot!("catalogue", catalogue().json("en"));
    }

    #[test]
    fn help_is_one_or_two_short_sentences() {
        for entry in catalogue().iter() {
            for (key, text) in entry.texts() {
                let is_sentence = key == "summary" || key.strip_suffix(".help").is_some();
                if is_sentence {
                    assert!(
                        text.ends_with('.') && text.chars().count() <= 90,
                        "{}.{key}: {text}",
                        entry.node_type
                    );
                }
            }
        }
    }
}
