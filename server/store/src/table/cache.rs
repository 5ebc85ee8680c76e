//! What steps and forms read of tables, kept in this process until the table changes. Its revision, which every change raises, is asked
//! for each time: whoever wrote it in whichever process, nobody gets what was.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use engine::ids::TableId;
use serde_json::Value as Json;

use super::rows::{self, Snapshot};
use crate::{Result, Scope, Store, StoreError};

/// Most bytes that all of it takes in memory; what was not asked for the longest goes first, and what is larger alone is not kept.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// What a row's value costs beside itself: its hash and its place in the map.
const ENTRY_BYTES: usize = 32;

/// The table as it is now, its rows shared with all who ask until it changes.
pub async fn shared(store: &Store, scope: &Scope, id: TableId) -> Result<Arc<Snapshot>> {
    let revision = rows::revision(store, scope, id).await?;
    let revision = revision.ok_or(StoreError::NotFound("table"))?;
    if let Some(kept) = store.tables.rows(id, revision) {
        return Ok(kept);
    }
    let read = Arc::new(rows::snapshot(store, scope, id).await?);
    store.tables.keep_rows(id, &read);
    Ok(read)
}

/// What the filled cells of a text column hold, each once, in the table's order; `None` when there is no such column of texts.
pub async fn choices(
    store: &Store,
    scope: &Scope,
    id: TableId,
    column: &str,
) -> Result<Option<Arc<Vec<String>>>> {
    let Some(revision) = rows::revision(store, scope, id).await? else {
        return Ok(None);
    };
    if let Some(kept) = store.tables.choices(id, revision, column) {
        return Ok(Some(kept));
    }
    let Some((revision, found)) = rows::choices(store, scope, id, column).await? else {
        return Ok(None);
    };
    let found = Arc::new(found);
    store.tables.keep_choices(id, revision, column, &found);
    Ok(Some(found))
}

/// What a process keeps of tables.
pub(crate) struct Cache(Mutex<Kept>);

impl Default for Cache {
    fn default() -> Self {
        Self(Mutex::new(Kept::new(MAX_BYTES)))
    }
}

impl Cache {
    fn rows(&self, id: TableId, revision: i64) -> Option<Arc<Snapshot>> {
        let mut kept = self.lock();
        let (rows, _) = kept.touch(id, revision)?.rows.as_ref()?;
        Some(rows.clone())
    }

    fn choices(&self, id: TableId, revision: i64, column: &str) -> Option<Arc<Vec<String>>> {
        let mut kept = self.lock();
        let (choices, _) = kept.touch(id, revision)?.choices.get(column)?;
        Some(choices.clone())
    }

    fn keep_rows(&self, id: TableId, read: &Arc<Snapshot>) {
        let bytes = read.rows.iter().map(weight).sum();
        let rows = Some((read.clone(), bytes));
        let set = |part: &mut Part| part.rows = rows;
        self.lock().put(id, read.revision, bytes, set);
    }

    fn keep_choices(&self, id: TableId, revision: i64, column: &str, read: &Arc<Vec<String>>) {
        let text = |text: &String| size_of::<String>() + text.len();
        let bytes = ENTRY_BYTES + column.len() + read.iter().map(text).sum::<usize>();
        let choices = (read.clone(), bytes);
        let set = |part: &mut Part| {
            part.choices.insert(column.to_owned(), choices);
        };
        self.lock().put(id, revision, bytes, set);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Kept {
    most_bytes: usize,
    bytes: usize,
    parts: HashMap<TableId, Part>,
    /// The tables by when they were asked for last.
    order: BTreeMap<u64, TableId>,
    /// Counts what was asked for.
    clock: u64,
}

/// What is kept of one table: all of one revision, with its size in bytes.
struct Part {
    revision: i64,
    asked_at: u64,
    rows: Option<(Arc<Snapshot>, usize)>,
    /// By the name of the column.
    choices: HashMap<String, (Arc<Vec<String>>, usize)>,
}

impl Part {
    fn bytes(&self) -> usize {
        let rows = self.rows.as_ref().map_or(0, |(_, bytes)| *bytes);
        let choices: usize = self.choices.values().map(|(_, bytes)| bytes).sum();
        rows + choices
    }
}

impl Kept {
    fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            bytes: 0,
            parts: HashMap::new(),
            order: BTreeMap::new(),
            clock: 0,
        }
    }

    /// What is kept of a table at this revision, which goes last from now on.
    fn touch(&mut self, id: TableId, revision: i64) -> Option<&Part> {
        let part = self.parts.get_mut(&id)?;
        if part.revision != revision {
            return None;
        }
        self.clock += 1;
        self.order.remove(&part.asked_at);
        self.order.insert(self.clock, id);
        part.asked_at = self.clock;
        Some(part)
    }

    fn put(&mut self, id: TableId, revision: i64, bytes: usize, set: impl FnOnce(&mut Part)) {
        let known = self.parts.get(&id).map(|part| part.revision.cmp(&revision));
        // What another one read meanwhile is newer.
        if bytes > self.most_bytes || known == Some(Ordering::Greater) {
            return;
        }
        let mut part = match self.remove(id) {
            Some(part) if known == Some(Ordering::Equal) => part,
            Some(_) | None => Part {
                revision,
                asked_at: 0,
                rows: None,
                choices: HashMap::new(),
            },
        };
        set(&mut part);
        self.clock += 1;
        part.asked_at = self.clock;
        self.bytes += part.bytes();
        self.order.insert(self.clock, id);
        self.parts.insert(id, part);
        while self.bytes > self.most_bytes
            && let Some((_, id)) = self.order.pop_first()
        {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: TableId) -> Option<Part> {
        let part = self.parts.remove(&id)?;
        self.order.remove(&part.asked_at);
        self.bytes -= part.bytes();
        Some(part)
    }
}

/// About how many bytes a value takes in memory.
fn weight(json: &Json) -> usize {
    let inside: usize = match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => 0,
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(weight).sum(),
        Json::Object(fields) => fields
            .iter()
            .map(|(name, value)| size_of::<String>() + name.len() + ENTRY_BYTES + weight(value))
            .sum(),
    };
    size_of::<Json>() + inside
}

#[cfg(test)]
mod tests {
    use engine::table::Layout;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> TableId {
        TableId(Uuid::from_u128(number))
    }

    /// A cache of 10,000 bytes.
    fn cache() -> Cache {
        Cache(Mutex::new(Kept::new(10_000)))
    }

    /// A table whose rows take a little more than so many bytes.
    fn table(revision: i64, bytes: usize) -> Arc<Snapshot> {
        Arc::new(Snapshot {
            name: "Hotels".into(),
            layout: Layout::default(),
            revision,
            rows: Arc::new(vec![json!({ "name": "x".repeat(bytes) })]),
        })
    }

    #[test]
    fn only_what_is_of_the_revision_that_is_asked_for_is_given() {
        let cache = cache();
        let check = |revision: i64, rows: bool, city: bool| {
            let kept = cache.rows(id(1), revision);
            assert!(kept.is_none_or(|kept| kept.revision == revision));
            assert_eq!(cache.rows(id(1), revision).is_some(), rows, "{revision}");
            let kept = cache.choices(id(1), revision, "city");
            assert_eq!(kept.is_some(), city, "{revision}");
        };
        check(1, false, false);
        cache.keep_choices(id(1), 1, "city", &Arc::new(vec!["Bern".into()]));
        check(1, false, true);
        cache.keep_rows(id(1), &table(1, 10));
        check(1, true, true);
        assert!(cache.choices(id(1), 1, "name").is_none());
        // All of an older revision goes with what is newer, and never comes back.
        cache.keep_rows(id(1), &table(3, 10));
        check(1, false, false);
        check(3, true, false);
        cache.keep_rows(id(1), &table(2, 10));
        cache.keep_choices(id(1), 2, "city", &Arc::new(Vec::new()));
        check(2, false, false);
        check(3, true, false);
    }

    #[test]
    fn what_was_not_asked_for_the_longest_goes_first() {
        let cache = cache();
        for number in 1..=3 {
            cache.keep_rows(id(number), &table(1, 3_000));
        }
        assert!(cache.rows(id(1), 1).is_some());
        cache.keep_rows(id(4), &table(1, 3_000));
        let kept: Vec<u128> = (1..=4)
            .filter(|number| cache.rows(id(*number), 1).is_some())
            .collect();
        assert_eq!(kept, [1, 3, 4]);
        // What is too large by itself takes nobody's place.
        cache.keep_rows(id(5), &table(1, 10_000));
        assert!(cache.rows(id(5), 1).is_none());
        assert!(cache.rows(id(3), 1).is_some());
    }

    #[test]
    fn what_is_kept_is_counted_once_and_no_more_when_it_has_gone() {
        let cache = cache();
        cache.keep_rows(id(1), &table(1, 2_000));
        let once = cache.lock().bytes;
        assert_eq!(once, table(1, 2_000).rows.iter().map(weight).sum::<usize>());
        cache.keep_rows(id(1), &table(1, 2_000));
        cache.keep_rows(id(1), &table(2, 2_000));
        assert_eq!(cache.lock().bytes, once);
        for number in 2..=9 {
            cache.keep_rows(id(number), &table(1, 6_000));
        }
        let kept = cache.lock();
        assert_eq!((kept.parts.len(), kept.order.len()), (1, 1));
        assert_eq!(kept.bytes, kept.parts[&id(9)].bytes());
    }
}
