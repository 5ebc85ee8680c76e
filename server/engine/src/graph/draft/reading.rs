//! What nodes may read, and the kinds of that.

use indexmap::IndexMap;

use super::Draft;
use crate::{
    expression::{self, Template},
    graph::{
        Resources,
        adjacency::{Carries, Knowledge},
        scope::{Reading, common_scope, item_scope},
    },
    kind::{Field, Kind},
    node::{Inside, OutputContext},
};

/// What a node type is told of a node's surroundings.
pub(crate) struct Around {
    pub(crate) inputs: IndexMap<String, Kind>,
    sources: Vec<Field>,
    pub(crate) inside: Option<Inside>,
    /// What the settings for one entry of the node's list read.
    pub(crate) entry: Option<Kind>,
}

impl Around {
    pub(crate) fn context<'a>(&'a self, resources: &'a dyn Resources) -> OutputContext<'a> {
        OutputContext {
            inputs: &self.inputs,
            resources,
            sources: &self.sources,
            inside: self.inside.as_ref(),
            entry: self.entry.as_ref(),
        }
    }
}

impl Draft {
    /// Nodes a node may read, in running order.
    pub(crate) fn readable(&self, index: usize) -> Vec<usize> {
        self.knowledge
            .get(index)
            .map_or(Vec::new(), |known| self.ancestors(known))
    }

    /// Nodes that may be read of one entry of a container when everything inside has ended.
    pub(crate) fn readable_inside(&self, container: usize) -> Vec<usize> {
        self.ends
            .get(&container)
            .map_or(Vec::new(), |known| self.ancestors(known))
    }

    fn ancestors(&self, known: &Knowledge) -> Vec<usize> {
        self.in_order()
            .filter(|&other| known.ancestors.contains(other))
            .collect()
    }

    /// Kinds of everything a node may read.
    pub(crate) fn scope(&self, index: usize) -> Kind {
        Kind::Record {
            fields: self.fields(index),
        }
    }

    fn fields(&self, index: usize) -> Vec<Field> {
        let readings = self.readings(self.knowledge.get(index));
        self.fields_of(readings, None, self.nodes[index].parent)
    }

    /// `own` is the kind of one entry of a list that the node itself looks at.
    fn fields_of(
        &self,
        readings: Vec<(usize, Reading)>,
        own: Option<&Kind>,
        innermost: Option<usize>,
    ) -> Vec<Field> {
        let mut fields: Vec<Field> = readings
            .into_iter()
            .map(|(other, reading)| reading.field(self.nodes[other].seen()))
            .collect();
        let containers = self.containers(innermost).map(|index| {
            let node = &self.nodes[index];
            (node.id.as_str(), node.name.as_str(), &node.item)
        });
        fields.extend(item_scope(own, containers));
        let links = self.nodes.iter().filter(|node| node.is_called_back());
        fields.extend(common_scope(
            links.map(|node| (node.id.as_str(), node.name.as_str())),
        ));
        fields
    }

    pub(crate) fn around(&self, index: usize) -> Around {
        Around {
            inputs: self
                .fields(index)
                .into_iter()
                .map(|field| (field.name, field.kind))
                .collect(),
            sources: self.sources(index),
            inside: self.nodes[index]
                .container
                .is_some()
                .then(|| self.inside(index)),
            entry: self.entry_scope(index),
        }
    }

    /// Kind of one entry of the list that a node looks at.
    pub(crate) fn entry(&self, index: usize) -> Option<Kind> {
        let list = self.nodes[index].bound.as_ref()?.entries()?;
        Some(self.entry_of(list, index))
    }

    fn entry_of(&self, list: &Template, index: usize) -> Kind {
        match expression::infer(list, &self.scope(index), true).0 {
            Kind::List { item, .. } => *item,
            _ => Kind::Any,
        }
    }

    /// What a node may read, and one entry of its list; entries of containers around it are read under their ids.
    fn entry_scope(&self, index: usize) -> Option<Kind> {
        let item = self.entry(index)?;
        let readings = self.readings(self.knowledge.get(index));
        let fields = self.fields_of(readings, Some(&item), self.nodes[index].parent);
        Some(Kind::Record { fields })
    }

    /// What leads into a node and what it carries, in the order of the edges.
    fn sources(&self, index: usize) -> Vec<Field> {
        let mut sources: Vec<Field> = Vec::new();
        for arc in self.arcs.iter().filter(|arc| arc.to == index) {
            let reading = match arc.carries {
                Carries::Output => Reading::Output,
                Carries::Error => Reading::Error,
                Carries::Nothing => Reading::Maybe,
            };
            let source = reading.field(self.nodes[arc.from].seen());
            match sources.iter_mut().find(|other| other.name == source.name) {
                // Its output or its error, whichever comes.
                Some(other) if other.kind != source.kind => other.kind = Kind::Any,
                Some(_) => {}
                None => sources.push(source),
            }
        }
        sources
    }

    fn inside(&self, container: usize) -> Inside {
        let readings = self.readings(self.ends.get(&container));
        let last = self.last(container).and_then(|last| {
            let (_, reading) = readings.iter().find(|(other, _)| *other == last)?;
            Some(reading.field(self.nodes[last].seen()))
        });
        Inside {
            scope: Kind::Record {
                fields: self.fields_of(readings, None, Some(container)),
            },
            last,
            is_empty: !self.nodes.iter().any(|node| node.parent == Some(container)),
        }
    }

    /// The only node inside that leads nowhere.
    pub(super) fn last(&self, container: usize) -> Option<usize> {
        let mut last = self.nodes.iter().enumerate().filter(|(index, node)| {
            node.parent == Some(container) && !self.arcs.iter().any(|arc| arc.from == *index)
        });
        match (last.next(), last.next()) {
            (Some((only, _)), None) => Some(only),
            _ => None,
        }
    }

    pub(super) fn readings(&self, known: Option<&Knowledge>) -> Vec<(usize, Reading)> {
        let Some(known) = known else {
            return Vec::new();
        };
        let reading = |other| {
            if known.succeeded.contains(other) {
                Reading::Output
            } else if known.failed.contains(other) {
                Reading::Error
            } else {
                Reading::Maybe
            }
        };
        self.ancestors(known)
            .into_iter()
            .map(|other| (other, reading(other)))
            .collect()
    }

    pub(super) fn infer_outputs(&mut self, resources: &dyn Resources) {
        let order: Vec<usize> = self.in_order().collect();
        self.infer_inside(None, &order, resources);
    }

    /// What a container puts out depends on what is inside, and that on the kind of its entries.
    fn infer_inside(
        &mut self,
        container: Option<usize>,
        order: &[usize],
        resources: &dyn Resources,
    ) {
        for &index in order {
            if self.nodes[index].parent != container {
                continue;
            }
            if let Some(held) = &self.nodes[index].container {
                self.nodes[index].item = self.entry_of(&held.list, index);
                self.infer_inside(Some(index), order, resources);
            }
            let around = self.around(index);
            let Some(bound) = &self.nodes[index].bound else {
                continue;
            };
            let output = bound.output(&around.context(resources));
            self.nodes[index].output = output;
        }
    }
}
