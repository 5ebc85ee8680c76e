//! The titles that node types give to their ways and values, in another language. Those that people wrote stay, unless they are the words
//! of the type itself.

use super::CheckedNode;
use crate::{catalogue::Messages, kind::Kind};

impl CheckedNode {
    /// Says its titles as the messages do.
    pub fn retitle(&mut self, node_type: &str, messages: &Messages) {
        let said = |title: &str| messages.get(node_type, &format!("titles.{title}"));
        for port in &mut self.ports {
            if let Some(title) = said(&port.title) {
                title.clone_into(&mut port.title);
            }
        }
        retitle(&mut self.output, &said);
    }
}

fn retitle<'a>(kind: &mut Kind, said: &dyn Fn(&str) -> Option<&'a str>) {
    match kind {
        Kind::Record { fields } => {
            for field in fields {
                if let Some(title) = said(&field.title) {
                    title.clone_into(&mut field.title);
                }
                retitle(&mut field.kind, said);
            }
        }
        Kind::List { item, .. } => retitle(item, said),
        Kind::Text { .. }
        | Kind::Integer
        | Kind::Decimal
        | Kind::Money { .. }
        | Kind::Date
        | Kind::Time
        | Kind::Instant
        | Kind::YesNo
        | Kind::Choice { .. }
        | Kind::File
        | Kind::Any => {}
    }
}
