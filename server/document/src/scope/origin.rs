//! Where what is shown comes from: the paths that an expression reads, followed through the lists around it to the document's fields.

use std::sync::Arc;

use engine::value::Value;

use super::Scope;
use crate::{
    context::How,
    display::Origin,
    template::{Leaf, Reads},
};

/// Names that are no field.
const OWN_NAMES: [&str; 5] = ["index", "page", "pages", "today", "now"];

/// Where the entries of a list come from, or one of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListOrigin {
    paths: Vec<String>,
    /// It is the value at its only path, not made of what is at its paths.
    is_value: bool,
}

impl ListOrigin {
    /// What is made of the entries.
    pub(crate) fn made(self) -> Self {
        Self {
            is_value: false,
            ..self
        }
    }

    /// One entry, counted from 0.
    pub(super) fn entry(&self, place: usize) -> Self {
        self.below(&place.to_string())
    }

    fn below(&self, name: &str) -> Self {
        match self.paths.as_slice() {
            [path] if self.is_value && !name.is_empty() => Self {
                paths: vec![format!("{path}.{name}")],
                is_value: true,
            },
            _ => self.clone(),
        }
    }
}

impl Origin {
    /// What the template says in a text.
    pub(crate) fn literal(leaf: Arc<str>) -> Self {
        Self {
            leaf,
            expression: None,
            how: How::Literal,
            reads: Vec::new(),
        }
    }

    /// The path of the value that is shown, or of the first that it was made of, from the document's fields or the firm.
    pub(crate) fn field(&self) -> Option<&str> {
        let is_field = |path: &&String| {
            let root = path.split('.').next().unwrap_or_default();
            !OWN_NAMES.contains(&root)
        };
        let mut reads = self.reads.iter().filter(|_| self.how != How::Literal);
        reads.find(is_field).map(String::as_str)
    }
}

impl Scope {
    /// The path of a value from the document's fields: `item.amount` in the fourth row of `lines` is `lines.3.amount`. `None` for what is no
    /// field, and where an entry is none of a field's.
    pub(crate) fn path(&self, path: &str) -> Option<String> {
        let found = self.followed(path);
        let root = path.split('.').next().unwrap_or_default();
        let is_field = found.is_value && !OWN_NAMES.contains(&root);
        found.paths.into_iter().next().filter(|_| is_field)
    }

    fn followed(&self, path: &str) -> ListOrigin {
        let (root, rest) = path.split_once('.').unwrap_or((path, ""));
        if root == "item" {
            let entry = self.items.last().cloned().unwrap_or_default();
            return entry.below(rest);
        }
        ListOrigin {
            paths: vec![path.to_owned()],
            is_value: true,
        }
    }

    /// Everything that an expression reads, once.
    fn all(&self, reads: &Reads) -> Vec<String> {
        let paths = reads.paths.iter();
        once(paths.flat_map(|path| self.followed(path).paths))
    }

    /// Where the entries of the list come from that a leaf gives.
    pub(crate) fn list_origin(&self, leaf: &Leaf) -> ListOrigin {
        let Some(reads) = &leaf.reads else {
            return ListOrigin::default();
        };
        match reads.shown() {
            Some(path) => self.followed(path),
            None => ListOrigin {
                paths: self.all(reads),
                is_value: false,
            },
        }
    }

    /// Of what an expression gives that stands in a leaf.
    pub(crate) fn origin(&self, leaf: &Arc<str>, source: &Arc<str>, reads: &Reads) -> Arc<Origin> {
        // Where the value is empty, something else of the expression is shown.
        let is_shown = reads
            .shown()
            .is_some_and(|path| self.is_filled(path) && self.followed(path).is_value);
        Arc::new(Origin {
            leaf: leaf.clone(),
            expression: Some(source.clone()),
            how: if is_shown { How::Shown } else { How::Computed },
            reads: self.all(reads),
        })
    }

    /// Of all that a leaf gives.
    pub(crate) fn leaf_origin(&self, leaf: &Leaf) -> Arc<Origin> {
        match &leaf.reads {
            Some(reads) => self.origin(&leaf.pointer, &leaf.source.as_str().into(), reads),
            None => Origin::literal(leaf.pointer.clone()).into(),
        }
    }

    /// Of what stands where a leaf's value is empty.
    pub(crate) fn empty_origin(&self, leaf: &Leaf) -> Arc<Origin> {
        let origin = self.leaf_origin(leaf);
        Arc::new(Origin {
            how: How::Literal,
            ..(*origin).clone()
        })
    }

    /// Of what is made of several leaves together.
    pub(crate) fn joint_origin(&self, leaves: &[&Leaf]) -> Arc<Origin> {
        let reads = leaves.iter().filter_map(|leaf| leaf.reads.as_ref());
        let reads = once(reads.flat_map(|reads| self.all(reads)));
        let first = match leaves {
            [leaf] => return self.leaf_origin(leaf),
            [first, ..] => first.pointer.clone(),
            [] => Arc::default(),
        };
        Arc::new(Origin {
            leaf: first,
            expression: None,
            how: if reads.is_empty() {
                How::Literal
            } else {
                How::Computed
            },
            reads,
        })
    }

    /// Of what is made of leaves that are filled in for each entry of a list.
    pub(crate) fn column_origin(&self, list: &Leaf, leaves: &[&Leaf], how: How) -> Arc<Origin> {
        let entry = self.list_origin(list).below("*");
        let over = |path: &str| match path.split_once('.') {
            Some(("item", rest)) => entry.below(rest).paths,
            None if path == "item" => entry.paths.clone(),
            None if path == "index" => Vec::new(),
            Some(_) | None => self.followed(path).paths,
        };
        let reads = leaves.iter().filter_map(|leaf| leaf.reads.as_ref());
        let paths = reads.flat_map(|reads| &reads.paths);
        let [first, ..] = leaves else {
            return self.leaf_origin(list);
        };
        Arc::new(Origin {
            leaf: first.pointer.clone(),
            expression: (leaves.len() == 1).then(|| first.source.as_str().into()),
            how,
            reads: once(paths.flat_map(|path| over(path))),
        })
    }

    fn is_filled(&self, path: &str) -> bool {
        let mut names = path.split('.');
        let mut value = names.next().and_then(|name| self.names.get(name));
        for name in names {
            match value {
                Some(Value::Record(record)) => value = record.get(name),
                // A part of a date, an amount or a file.
                Some(_) | None => break,
            }
        }
        value.is_some_and(|value| !value.is_blank())
    }
}

fn once(paths: impl Iterator<Item = String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for path in paths {
        if !found.contains(&path) {
            found.push(path);
        }
    }
    found
}
