//! Adjacency, order, cycles and reachability of a document's nodes.
