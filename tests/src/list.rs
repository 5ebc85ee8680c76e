//! A list that a workflow goes through, its entries beside each other, for tests that strike in the middle of it.

use serde_json::{Value as Json, json};

/// How many entries it has, two at once.
pub const ENTRIES: usize = 3;

/// The steps: `each` goes through the list, and `line` in it writes a text for every entry.
pub fn steps(text: &str) -> [Json; 2] {
    let list: Vec<usize> = (0..ENTRIES).collect();
    [
        json!({"id": "each", "type": "for_each", "version": 1, "name": "Each",
            "config": {"list": format!("{{{{ {list:?} }}}}"), "concurrency": 2}}),
        json!({"id": "line", "type": "template_fill", "version": 1, "name": "Line", "parent": "each",
            "config": {"template": text}}),
    ]
}
