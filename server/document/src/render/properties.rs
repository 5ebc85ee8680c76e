//! What holds of every document: nothing is lost or printed twice, nothing stands on something else, nothing leaves the paper.

use std::{ops::Range, path::Path, sync::Arc};

use engine::kind::Kind;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Value as Json, json};

use super::*;
use crate::display::{Placed, TagId};

/// What neighbours may share: a hair, and what a letter reaches beyond its own place.
const SLACK: f32 = 0.5;

/// Chinese, Japanese and Korean, where this system has it.
const CJK: &str = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc";

/// A PNG of one pixel.
const DOT: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mNQjs4GAAGOAOrSipWVAAAAAElFTkSuQmCC";

/// Blocks with texts that are all printed.
#[derive(Clone, Debug)]
enum Tree {
    Text(String),
    Heading(String),
    /// Justified, divided, in so many lines.
    Set(String, [bool; 3], u8),
    Rich(Vec<String>, Vec<String>, bool),
    Markdown(String, Vec<String>),
    Table(Vec<String>),
    /// In groups, with what is counted in them.
    Groups(Vec<String>, [bool; 5], u8),
    Pairs(Vec<String>),
    Facts(Vec<String>, u8),
    Totals(Vec<String>),
    Signature(String, String),
    /// Seen and not read.
    Code(String),
    Repeat(Vec<String>),
    Plan(Vec<String>),
    Box(u8, Vec<Tree>),
    Columns(Vec<Vec<Tree>>),
    Together(Vec<Tree>),
    Space(u8),
    Break,
}

fn words(list: Vec<&'static str>, count: Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(list), count).prop_map(|words| words.join(" "))
}

fn text() -> impl Strategy<Value = String> {
    let from_left = vec![
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
        "extensively",
    ];
    let from_right = vec!["שלום", "עולם", "תודה", "مرحبا", "شكرا", "المثال", "لا"];
    // Without blanks between them.
    let east_asian = if Path::new(CJK).exists() {
        vec![
            "感谢您的订单",
            "请在三十天内付款。",
            "日本語のテキスト",
            "한국어",
        ]
    } else {
        vec!["tea"]
    };
    prop_oneof![
        9 => words(from_left.clone(), 1..12),
        1 => words(from_left, 60..150),
        2 => words(from_right, 1..20),
        2 => words(east_asian, 1..12),
    ]
}

fn tree() -> impl Strategy<Value = Vec<Tree>> {
    let texts = |most: usize| prop::collection::vec(text(), 1..most);
    let leaf = prop_oneof![
        4 => text().prop_map(Tree::Text),
        2 => text().prop_map(Tree::Heading),
        2 => (text(), any::<[bool; 3]>(), 1_u8..5).prop_map(|(text, how, lines)| Tree::Set(text, how, lines)),
        2 => (texts(4), texts(5), any::<bool>()).prop_map(|(texts, items, ordered)| Tree::Rich(texts, items, ordered)),
        1 => (text(), texts(5)).prop_map(|(text, items)| Tree::Markdown(text, items)),
        3 => texts(30).prop_map(Tree::Table),
        2 => (texts(12), any::<[bool; 5]>(), 1_u8..4).prop_map(|(texts, how, first)| Tree::Groups(texts, how, first)),
        1 => texts(6).prop_map(Tree::Pairs),
        1 => (texts(6), 1_u8..4).prop_map(|(texts, columns)| Tree::Facts(texts, columns)),
        1 => texts(6).prop_map(Tree::Totals),
        1 => (text(), text()).prop_map(|(label, name)| Tree::Signature(label, name)),
        1 => text().prop_map(Tree::Code),
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

/// A block that is drawn, without its id.
fn drawn() -> impl Strategy<Value = Json> {
    let align = || prop::sample::select(vec!["start", "center", "end"]);
    let charts = (
        0_usize..3,
        1_usize..12,
        20_u32..120,
        5_u32..12,
        any::<bool>(),
    );
    prop_oneof![
        3 => charts.prop_map(|(kind, count, height, size, two)| {
            let kind = ["bar", "line", "pie"][kind];
            let mut series = vec![json!({"name": "Amounts", "value": "{{ item }}"})];
            if two && kind != "pie" {
                series.push(json!({"name": "Negative", "value": "{{ 0 - item }}"}));
            }
            json!({"type": "chart", "kind": kind, "rows": format!("{{{{ numbers[0:{count}] }}}}"), "label": "Number {{ item }}",
                "series": series, "height": height, "size": size})
        }),
        1 => align().prop_map(|align| json!({"type": "barcode", "content": "ABC-1234567", "align": align})),
        1 => (align(), any::<bool>()).prop_map(|(align, text)| json!({"type": "barcode", "symbology": "ean13", "content": "400638133393",
            "align": align, "text": text})),
        1 => (align(), 8_u32..150).prop_map(|(align, size)| json!({"type": "qr", "content": "https://example.com", "align": align, "size": size})),
        1 => (align(), 1_u32..400).prop_map(|(align, width)| json!({"type": "image", "data": DOT, "alt": "A dot", "align": align, "width": width, "height": 100})),
        1 => any::<bool>().prop_map(|grid| json!({"type": "tax_table", "taxes": "{{ taxes }}", "total_label": "Together", "grid": grid})),
    ]
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
            Tree::Set(text, [justify, hyphenate, german], lines) => {
                let (align, language) = (
                    if *justify { "justify" } else { "end" },
                    if *german { "de" } else { "en" },
                );
                json!({"id": id, "type": "text", "text": self.value(text), "align": align, "hyphenate": hyphenate, "language": language,
                    "max_lines": lines, "overflow": "next_page"})
            }
            Tree::Rich(texts, items, ordered) => self.rich(&id, texts, items, *ordered),
            Tree::Markdown(text, items) => {
                let mut source = format!("{}\n\n", self.value(text));
                for item in items {
                    source.push_str(&format!("- {}\n", self.value(item)));
                    self.printed.push("•".into());
                }
                json!({"id": id, "type": "markdown", "text": source})
            }
            Tree::Groups(rows, how, first) => self.groups(&id, rows, *how, *first),
            Tree::Pairs(values) => {
                let items = self.lines(values);
                json!({"id": id, "type": "key_value", "items": items})
            }
            Tree::Facts(values, columns) => {
                let items = self.lines(values);
                json!({"id": id, "type": "key_value", "columns": columns, "items": items})
            }
            Tree::Signature(label, name) => {
                self.printed.push("Place".into());
                json!({"id": id, "type": "signature", "label": self.value(label), "name": self.value(name), "date": "Place"})
            }
            Tree::Code(text) => {
                self.texts.push(text.clone());
                json!({"id": id, "type": "qr", "content": format!("{{{{ texts[{}] }}}}", self.texts.len() - 1)})
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

    fn rich(&mut self, id: &str, texts: &[String], items: &[String], ordered: bool) -> Json {
        let mut content = Vec::new();
        for text in texts {
            content.push(json!({"text": self.value(text)}));
        }
        let mut listed = Vec::new();
        for (index, item) in items.iter().enumerate() {
            listed.push(json!({"content": [{"text": self.value(item)}]}));
            self.printed.push(if ordered {
                format!("{}.", index + 1)
            } else {
                "•".into()
            });
        }
        content.push(json!({"type": "list", "ordered": ordered, "items": listed}));
        json!({"id": id, "type": "text", "content": content})
    }

    fn groups(&mut self, id: &str, rows: &[String], how: [bool; 5], first: u8) -> Json {
        let list = self.list(rows);
        self.printed
            .extend((1..=rows.len()).map(|index| index.to_string()));
        self.printed
            .extend(["Thing", "Number", "All"].map(str::to_owned));
        self.printed.push(rows.len().to_string());
        let mut keys: Vec<&String> = rows.iter().collect();
        keys.sort();
        for group in keys.chunk_by(|one, other| one == other) {
            let count = group.len().to_string();
            self.printed.extend([group[0].clone(), "Sum".into(), count]);
        }
        let [together, new_page, grid, split, auto] = how;
        let width = if auto { "auto" } else { "2fr" };
        json!({"id": id, "type": "table", "rows": list, "total_label": "All", "grid": grid, "split_rows": split, "keep_first": first,
            "group": {"by": "{{ item }}", "heading": "{{ item.key }}", "total_label": "Sum", "keep_together": together, "new_page": new_page},
            "columns": [{"heading": "Thing", "value": "{{ item }}", "width": width},
                {"heading": "Number", "value": "{{ index }}", "total": "count", "width": "auto", "align": "end"}]})
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

/// Where a run of letters or a figure stands.
struct Ink {
    tag: TagId,
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
}

fn ink(page: &PageList) -> Vec<Ink> {
    let of = |placed: &Placed| match &placed.item {
        Item::Glyphs(run) => {
            let baseline = placed.y + run.glyphs.first()?.y;
            Some(Ink {
                tag: run.tag,
                left: placed.x + run.extent.0,
                right: placed.x + run.extent.1,
                // As far as letters without accents reach.
                top: baseline - 0.7 * run.size,
                bottom: baseline + 0.2 * run.size,
            })
        }
        Item::Figure { width, height, tag } => Some(Ink {
            tag: *tag,
            left: placed.x,
            right: placed.x + width,
            top: placed.y,
            bottom: placed.y + height,
        }),
        Item::Rect { .. }
        | Item::Path { .. }
        | Item::Image { .. }
        | Item::Link { .. }
        | Item::Value { .. } => None,
    };
    page.items.iter().filter_map(of).collect()
}

/// All that is read, paragraph by paragraph, in some order.
fn paragraphs(display: &Display) -> Vec<String> {
    let mut found: HashMap<TagId, String> = HashMap::new();
    let items = display.pages.iter().flat_map(|page| &page.items);
    for placed in items.filter(|placed| !placed.artifact) {
        if let Item::Glyphs(run) = &placed.item {
            let text = found.entry(run.tag).or_default();
            text.extend(run.texts().into_iter().flat_map(str::chars));
        }
    }
    found.into_values().collect()
}

/// Without spaces. Where anything runs from right to left, letters are drawn in another order than they are read.
fn sorted(texts: Vec<String>, right_to_left: bool) -> Vec<String> {
    let mut texts: Vec<String> = texts
        .into_iter()
        .map(|text| {
            let mut letters: Vec<char> = text
                .chars()
                .filter(|letter| !letter.is_whitespace())
                .collect();
            let turned = |letter: &char| matches!(letter, '\u{590}'..='\u{6ff}');
            if right_to_left || letters.iter().any(turned) {
                letters.sort_unstable();
            }
            letters.into_iter().collect()
        })
        .collect();
    texts.sort();
    texts
}

fn rendered(blocks: &Json, texts: &[String], page: &Json) -> Rendered {
    static RENDERER: OnceLock<Renderer> = OnceLock::new();
    let template = Template::parse(&json!({
        "format": "formwork-document/1", "title": "T", "theme": {"size": 8}, "page": page,
        "fields": [
            {"name": "texts", "kind": "list", "item": {"kind": "text"}},
            {"name": "numbers", "kind": "list", "item": {"kind": "integer"}},
            {"name": "taxes", "kind": "list", "item": {"kind": "record", "fields": [
                {"name": "rate", "kind": "decimal"}, {"name": "net", "kind": "money"}, {"name": "tax", "kind": "money"}]}}],
        "header": {"first": [{"id": "first", "type": "text", "text": "First", "size": 40}], "blocks": [{"id": "head", "type": "text", "text": "Head"}]},
        "footer": {"blocks": [{"id": "foot", "type": "text", "text": "Page {{ page }} of {{ pages }}"}]},
        "blocks": blocks
    }))
    .expect("a template");
    let euros = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    let values = json!({
        "texts": texts, "numbers": [120, 95, 1_485, 3, 88, 640, 17, 256, 1, 999, 42, 7],
        "taxes": [{"rate": "19", "net": euros("100.00"), "tax": euros("19.00")}, {"rate": "7", "net": euros("1485.50"), "tax": euros("103.99")}]
    });
    let kind = Kind::Record {
        fields: template.fields(),
    };
    let Ok(Value::Record(values)) = Value::from_json(&values, &kind) else {
        panic!("not the template's values");
    };
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
    let renderer = RENDERER.get_or_init(|| {
        let file = |bytes: Vec<u8>| -> FontBytes { Arc::new(bytes) };
        let files: Vec<FontBytes> = std::fs::read(CJK).into_iter().map(file).collect();
        Renderer::new(Box::new(files))
    });
    renderer
        .render(&template, &values, &context, &Assets::default(), &limits)
        .expect("a document")
}

/// Whether nothing is told but that a text takes more lines than it should.
fn is_sound(rendered: &Rendered) -> bool {
    let mut warnings = rendered.warnings.iter();
    warnings.all(|warning| warning.code == "text_runs_on")
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
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_nothing_overlaps_and_nothing_leaves_the_paper(trees in tree(), right_to_left in any::<bool>(), small in any::<bool>(), bill in 0_u8..3) {
        let mut builder = Builder::default();
        let mut blocks = builder.blocks(&trees);
        let page = json!({"size": if small { "A5" } else { "A4" }, "direction": if right_to_left { "rtl" } else { "ltr" }});
        // A bill is as its standard draws it: on A4, from left to right.
        if let (1.., false, Some(blocks)) = (bill, small || right_to_left, blocks.as_array_mut()) {
            let place = if bill == 1 { 0 } else { blocks.len() };
            blocks.insert(place, builder.bill());
        }
        let rendered = rendered(&blocks, &builder.texts, &page);
        let display = &rendered.display;
        assert_eq!(sorted(paragraphs(display), right_to_left), sorted(builder.printed, right_to_left));
        // Where something has no room at all, that is told.
        if is_sound(&rendered) {
            assert_apart(display);
            assert_heads_are_not_alone(display);
        }
    }

    #[test]
    fn what_is_drawn_has_a_place_of_its_own(blocks in prop::collection::vec(drawn(), 1..6), texts in prop::collection::vec(text(), 6),
        right_to_left in any::<bool>()) {
        let mut all = Vec::new();
        for (index, mut block) in blocks.into_iter().enumerate() {
            block["id"] = format!("d{index}").into();
            all.push(block);
            all.push(json!({"id": format!("t{index}"), "type": "text", "text": format!("{{{{ texts[{index}] }}}}")}));
        }
        let page = json!({"direction": if right_to_left { "rtl" } else { "ltr" }});
        let rendered = rendered(&all.into(), &texts, &page);
        if is_sound(&rendered) {
            assert_apart(&rendered.display);
        }
    }
}

#[test]
fn ten_thousand_rows_are_all_there_with_their_heads() {
    let texts: Vec<String> = (0..10_000).map(|row| format!("Row {row}")).collect();
    let tree = [Tree::Box(2, vec![Tree::Table(texts)])];
    let mut builder = Builder::default();
    let blocks = builder.blocks(&tree);
    let rendered = rendered(&blocks, &builder.texts, &json!({}));
    let display = &rendered.display;
    assert_eq!(rendered.warnings, []);
    assert_eq!(
        sorted(paragraphs(display), false),
        sorted(builder.printed, false)
    );
    assert_heads_are_not_alone(display);
    let pages = display.pages.len();
    assert!(pages > 100);
    for page in 0..pages {
        let text = rendered.text(page).expect("a page");
        assert_eq!(text.matches("Thing").count(), 1, "{page}");
    }
}
