//! The node types that Formwork ships, one file each, and the catalogue of them. Nothing else may name a node type.

mod branch;
mod form_input;
mod http_request;
mod llm_generate;
mod messages;
mod pdf_render;
mod set_fields;
mod template_fill;
mod values;
mod webhook_deliver;
mod webhook_input;

#[cfg(test)]
mod testing;

use engine::catalogue::{Catalogue, NodeType};

/// Every node type of this build, with its texts in every language.
pub fn catalogue() -> Catalogue {
    Catalogue::new(vec![
        NodeType::of::<branch::Branch>(),
        NodeType::of::<form_input::FormInput>(),
        NodeType::of::<http_request::HttpRequest>(),
        NodeType::of::<llm_generate::LlmGenerate>(),
        NodeType::of::<pdf_render::PdfRender>(),
        NodeType::of::<set_fields::SetFields>(),
        NodeType::of::<template_fill::TemplateFill>(),
        NodeType::of::<webhook_deliver::WebhookDeliver>(),
        NodeType::of::<webhook_input::WebhookInput>(),
    ])
    .with_messages("zh-CN", messages::zh_cn())
}
