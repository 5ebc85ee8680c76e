//! What holds of every document: nothing is lost or printed twice, nothing stands on something else, nothing leaves the paper.

use std::ops::Range;

use proptest::prelude::{Just, ProptestConfig, Strategy, prop, prop_oneof, proptest};
use serde_json::{Value as Json, json};

use super::*;
use crate::display::{Placed, TagId};

/// What neighbours may share: a hair, and what a letter reaches beyond its own place.
const SLACK: f32 = 0.5;

/// Blocks with texts that are all printed.
#[derive(Clone, Debug)]
enum Tree {
    Text(String),
    Heading(String),
    Table(Vec<String>),
    Pairs(Vec<String>),
    Totals(Vec<String>),
    Repeat(Vec<String>),
    Plan(Vec<String>),
    Box(u8, Vec<Tree>),
    Columns(Vec<Vec<Tree>>),
    Together(Vec<Tree>),
    Space(u8),
    Break,
}

fn text() -> impl Strategy<Value = String> {
    let words = |count: Range<usize>| {
        let word = prop::sample::select(vec![
            "a",
            "of",
            "tea",
            "boat",
            "water",
            "harbour",
            "umbrella",
            "Naïve",
            "über",
            "Αθήνα",
        ]);
        prop::collection::vec(word, count).prop_map(|words| words.join(" "))
    };
    prop_oneof![9 => words(1..12), 1 => words(60..150)]
}

fn tree() -> impl Strategy<Value = Vec<Tree>> {
    let texts = |most: usize| prop::collection::vec(text(), 1..most);
    let leaf = prop_oneof![
        4 => text().prop_map(Tree::Text),
        2 => text().prop_map(Tree::Heading),
        3 => texts(30).prop_map(Tree::Table),
        1 => texts(6).prop_map(Tree::Pairs),
        1 => texts(6).prop_map(Tree::Totals),
        1 => texts(10).prop_map(Tree::Repeat),
        2 => texts(10).prop_map(Tree::Plan),
        1 => (0_u8..=255).prop_map(Tree::Space),
        1 => Just(Tree::Break),
    ];
    let node = leaf.prop_recursive(3, 40, 6, |inner| {
        let list = prop::collection::vec(inner, 1..6);
        prop_oneof![
            (0_u8..6, list.clone()).prop_map(|(padding, inner)| Tree::Box(padding, inner)),
            list.clone().prop_map(Tree::Together),
            prop::collection::vec(list, 1..3).prop_map(Tree::Columns),
        ]
    });
    prop::collection::vec(node, 1..8)
}

/// A template under construction, with what it is to print.
#[derive(Default)]
struct Builder {
    ids: u32,
    texts: Vec<String>,
    printed: Vec<String>,
}

impl Builder {
    fn blocks(&mut self, trees: &[Tree]) -> Json {
        trees.iter().map(|tree| self.block(tree)).collect()
    }

    fn block(&mut self, tree: &Tree) -> Json {
        self.ids += 1;
        let id = format!("b{}", self.ids);
        match tree {
            Tree::Text(text) => json!({"id": id, "type": "text", "text": self.value(text)}),
            Tree::Heading(text) => json!({"id": id, "type": "heading", "text": self.value(text)}),
            Tree::Table(rows) => {
                let list = self.list(rows);
                self.printed.extend(rows.iter().cloned());
                self.printed
                    .extend(["Thing", "Again", "Together"].map(str::to_owned));
                json!({"id": id, "type": "table", "rows": list, "totals": [["Together"]], "zebra": rows.len() % 2 == 0, "columns": [
                    {"heading": "Thing", "value": "{{ item }}", "width": "2fr"}, {"heading": "Again", "value": "{{ item }}"}]})
            }
            Tree::Pairs(values) => {
                let items = self.lines(values);
                json!({"id": id, "type": "key_value", "items": items})
            }
            Tree::Totals(values) => {
                let lines = self.lines(values);
                json!({"id": id, "type": "totals", "lines": lines})
            }
            Tree::Repeat(items) => {
                let list = self.list(items);
                for (text, number) in self.printed.iter_mut().rev().zip((1..=items.len()).rev()) {
                    text.insert_str(0, &format!("{number}."));
                }
                json!({"id": id, "type": "repeat", "list": list, "blocks": [
                    {"id": format!("{id}t"), "type": "text", "text": "{{ index }}. {{ item }}"}]})
            }
            Tree::Plan(entries) => {
                let list = self.list(entries);
                self.printed.extend(entries.iter().cloned());
                self.printed
                    .extend((1..=entries.len()).map(|number| format!("{number}:00")));
                self.printed.push("Day".to_owned());
                json!({"id": id, "type": "plan", "days": "{{ [1] }}", "day_title": "Day", "entries": list,
                    "time": "{{ index }}:00", "title": "{{ item }}", "text": "{{ item }}"})
            }
            Tree::Box(padding, inner) => {
                json!({"id": id, "type": "box", "fill": "fill", "padding": padding, "blocks": self.blocks(inner)})
            }
            Tree::Together(inner) => {
                json!({"id": id, "type": "keep_together", "blocks": self.blocks(inner)})
            }
            Tree::Columns(cells) => {
                let mut columns = Vec::new();
                for cell in cells {
                    columns.push(json!({"blocks": self.blocks(cell)}));
                }
                json!({"id": id, "type": "columns", "columns": columns})
            }
            Tree::Space(height) => json!({"id": id, "type": "spacer", "height": height}),
            Tree::Break => json!({"id": id, "type": "page_break"}),
        }
    }

    /// A bill, which stands in no other block.
    fn bill(&mut self) -> Json {
        let both = [
            "Account / Payable to",
            "CH58 0079 1123 0008 8901 2",
            "Bergbahn AG",
            "8000 Zürich",
            "Payable by (name/address)",
            "Currency",
            "CHF",
            "Amount",
        ];
        let alone = ["Receipt", "Payment part", "Acceptance point"];
        let printed = both.into_iter().chain(both).chain(alone);
        self.printed.extend(printed.map(str::to_owned));
        json!({"id": "bill", "type": "swiss_bill", "iban": "CH5800791123000889012", "currency": "CHF",
            "creditor": {"name": "Bergbahn AG", "post_code": "8000", "city": "Zürich", "country": "CH"}})
    }

    /// An expression for a text that is printed.
    fn value(&mut self, text: &str) -> String {
        self.texts.push(text.to_owned());
        self.printed.push(text.to_owned());
        format!("{{{{ texts[{}] }}}}", self.texts.len() - 1)
    }

    fn list(&mut self, texts: &[String]) -> String {
        let first = self.texts.len();
        self.texts.extend(texts.iter().cloned());
        self.printed.extend(texts.iter().cloned());
        format!("{{{{ texts[{first}:{}] }}}}", self.texts.len())
    }

    fn lines(&mut self, values: &[String]) -> Json {
        let mut lines = Vec::new();
        for value in values {
            self.printed.push("Label".to_owned());
            lines.push(json!({"label": "Label", "value": self.value(value)}));
        }
        lines.into()
    }
}

/// Where a run of letters stands.
struct Ink {
    tag: TagId,
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
}

fn ink(page: &PageList) -> Vec<Ink> {
    let of = |placed: &Placed| {
        let Item::Glyphs(run) = &placed.item else {
            return None;
        };
        let baseline = placed.y + run.glyphs.first()?.y;
        Some(Ink {
            tag: run.tag,
            left: placed.x + run.extent.0,
            right: placed.x + run.extent.1,
            // As far as letters without accents reach.
            top: baseline - 0.7 * run.size,
            bottom: baseline + 0.2 * run.size,
        })
    };
    page.items.iter().filter_map(of).collect()
}

/// All that is read, paragraph by paragraph and without spaces, in some order.
fn paragraphs(display: &Display) -> Vec<String> {
    let mut found: HashMap<TagId, String> = HashMap::new();
    let items = display.pages.iter().flat_map(|page| &page.items);
    for placed in items.filter(|placed| !placed.artifact) {
        if let Item::Glyphs(run) = &placed.item {
            let text = found.entry(run.tag).or_default();
            text.extend(run.texts().into_iter().flat_map(str::chars));
        }
    }
    sorted(found.into_values())
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts
        .map(|text| {
            text.chars()
                .filter(|letter| !letter.is_whitespace())
                .collect()
        })
        .collect();
    texts.sort();
    texts
}

fn rendered(blocks: &Json, texts: &[String]) -> Rendered {
    static RENDERER: OnceLock<Renderer> = OnceLock::new();
    let template = Template::parse(&json!({
        "format": "formwork-document/1", "title": "T", "theme": {"size": 8},
        "fields": [{"name": "texts", "kind": "list", "item": {"kind": "text"}}],
        "header": {"first": [{"id": "first", "type": "text", "text": "First", "size": 40}], "blocks": [{"id": "head", "type": "text", "text": "Head"}]},
        "footer": {"blocks": [{"id": "foot", "type": "text", "text": "Page {{ page }} of {{ pages }}"}]},
        "blocks": blocks
    }))
    .expect("a template");
    let texts = texts.iter().cloned().map(Value::Text).collect();
    let values = Record::from_iter([("texts".to_owned(), Value::List(texts))]);
    let context = Context {
        locale: "en".into(),
        currency: "EUR".into(),
        time_zone: "UTC".into(),
        now: "2027-03-08T10:00:00Z".parse().expect("an instant"),
        firm: Record::new(),
    };
    let limits = Limits {
        max_pages: 20_000,
        ..Limits::default()
    };
    RENDERER
        .get_or_init(Renderer::bundled)
        .render(&template, &values, &context, &Assets::default(), &limits)
        .expect("a document")
}

fn assert_apart(display: &Display) {
    for page in &display.pages {
        let ink = ink(page);
        for (index, one) in ink.iter().enumerate() {
            assert!(
                one.left >= -SLACK
                    && one.top >= -SLACK
                    && one.right <= display.width + SLACK
                    && one.bottom <= display.height + SLACK,
                "on the paper"
            );
            for other in ink[..index].iter().filter(|other| other.tag != one.tag) {
                let beside = one.right <= other.left + SLACK || other.right <= one.left + SLACK;
                let below = one.bottom <= other.top + SLACK || other.bottom <= one.top + SLACK;
                assert!(beside || below, "two texts in one place");
            }
        }
    }
}

/// A table's heading has a row below it.
fn assert_heads_are_not_alone(display: &Display) {
    for page in &display.pages {
        let runs = page.items.iter().filter(|placed| !placed.artifact);
        let last = runs.rev().find_map(|placed| match &placed.item {
            Item::Glyphs(run) => Some(&display.tags[run.tag as usize]),
            _ => None,
        });
        assert!(last.is_none_or(|tag| tag.scope != Some("Column")));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_nothing_overlaps_and_nothing_leaves_the_paper(trees in tree(), bill in 0_u8..3) {
        let mut builder = Builder::default();
        let mut blocks = builder.blocks(&trees);
        if let (1.., Some(blocks)) = (bill, blocks.as_array_mut()) {
            let place = if bill == 1 { 0 } else { blocks.len() };
            blocks.insert(place, builder.bill());
        }
        let rendered = rendered(&blocks, &builder.texts);
        let display = &rendered.display;
        assert_eq!(paragraphs(display), sorted(builder.printed.into_iter()));
        // Where something has no room at all, that is told.
        if rendered.warnings.is_empty() {
            assert_apart(display);
            assert_heads_are_not_alone(display);
        }
    }
}

#[test]
fn ten_thousand_rows_are_all_there_with_their_heads() {
    let texts: Vec<String> = (0..10_000).map(|row| format!("Row {row}")).collect();
    let tree = [Tree::Box(2, vec![Tree::Table(texts)])];
    let mut builder = Builder::default();
    let blocks = builder.blocks(&tree);
    let rendered = rendered(&blocks, &builder.texts);
    let display = &rendered.display;
    assert_eq!(rendered.warnings, []);
    assert_eq!(paragraphs(display), sorted(builder.printed.into_iter()));
    assert_heads_are_not_alone(display);
    let pages = display.pages.len();
    assert!(pages > 100);
    for page in 0..pages {
        let text = rendered.text(page).expect("a page");
        assert_eq!(text.matches("Thing").count(), 1, "{page}");
    }
}
