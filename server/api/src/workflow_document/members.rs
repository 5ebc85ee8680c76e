//! Members whom workflow documents name.

use engine::{catalogue::Catalogue, check::Problem, ids::MemberId, schema, workflow::Workflow};
use serde_json::{Value as Json, json};

use super::{MEMBERS, Resources};

/// Steps that name somebody who is not of this workspace, or not any more.
pub(super) fn problems(
    workflow: &Workflow,
    catalogue: &Catalogue,
    resources: &Resources,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, node) in workflow.nodes.iter().enumerate() {
        let Some(known) = catalogue.get(&node.node_type, node.version) else {
            continue;
        };
        schema::walk(
            &known.schema,
            &node.config,
            &mut |pointer, schema, value| {
                if schema.get("x-widget").and_then(Json::as_str) != Some(MEMBERS) {
                    return;
                }
                for (place, member) in value.as_array().into_iter().flatten().enumerate() {
                    let is_here = |id: &MemberId| Some(id.to_string().as_str()) == member.as_str();
                    if !resources.members.iter().any(is_here) {
                        let message = "This member is not here any more. Choose somebody else.";
                        problems.push(
                            Problem::warning("member_unknown", json!({}), message)
                                .at(format!("/nodes/{index}/config{pointer}/{place}"))
                                .of(&node.id),
                        );
                    }
                }
            },
        );
    }
    problems
}
