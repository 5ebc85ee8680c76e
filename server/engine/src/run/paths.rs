//! Item paths: which entry of each container a step works on, outermost first, such as `3` or `3.0`; empty outside.

/// The path of an entry of a container's step at `path`.
pub fn below(path: &str, index: usize) -> String {
    if path.is_empty() {
        index.to_string()
    } else {
        format!("{path}.{index}")
    }
}

/// The path of the container's step and the number of the entry.
pub fn split(path: &str) -> Option<(&str, usize)> {
    let (above, index) = path.rsplit_once('.').unwrap_or(("", path));
    Some((above, index.parse().ok()?))
}

/// The first `depth` parts of a path.
pub fn upper(path: &str, depth: usize) -> &str {
    if depth == 0 {
        return "";
    }
    match path.match_indices('.').nth(depth - 1) {
        Some((at, _)) => &path[..at],
        None => path,
    }
}

/// Whether a step at `path` belongs to the entry at `entry`, directly or deeper.
pub fn is_within(path: &str, entry: &str) -> bool {
    path.strip_prefix(entry)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_grow_and_shrink_by_entries() {
        assert_eq!(below("", 3), "3");
        assert_eq!(below("3", 0), "3.0");
        assert_eq!(split("3.0"), Some(("3", 0)));
        assert_eq!(split("3"), Some(("", 3)));
        assert_eq!(split(""), None);
        assert_eq!(upper("3.0.7", 2), "3.0");
        assert_eq!(upper("3.0.7", 3), "3.0.7");
        assert_eq!(upper("3.0.7", 0), "");
        assert!(is_within("3.0", "3") && is_within("3", "3"));
        assert!(!is_within("30", "3"));
    }
}
