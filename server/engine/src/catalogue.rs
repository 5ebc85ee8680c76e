//! The list of node types, erased to what the engine, the executor and the editor need; `main` builds it from `nodes`.
