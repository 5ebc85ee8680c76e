//! bin `formwork-model`.

fn main() {}
