//! Style sheets, as drawing programs write them: rules for elements by name, class and id. Selectors that look at other elements are not
//! obeyed: their cost grows with every pair of elements.

use roxmltree::Node;

use crate::picture::PictureError;

const MAX_RULES: usize = 500;
/// Of the classes of one element.
const MAX_CLASS_BYTES: usize = 1_000;
/// Of all rules.
const MAX_DECLARATIONS: usize = 2_000;

#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// Those that win last.
    rules: Vec<Rule>,
    declarations: usize,
    /// It has selectors that are not obeyed.
    pub(super) is_partial: bool,
}

#[derive(Debug)]
struct Rule {
    selector: Selector,
    declarations: Vec<(String, String)>,
}

#[derive(Debug, Default)]
struct Selector {
    element: Option<String>,
    id: Option<String>,
    classes: Vec<String>,
}

impl Sheet {
    /// Adds rules; at-rules are passed over.
    pub(super) fn add(&mut self, text: &str) -> Result<(), PictureError> {
        let text = without_comments(text);
        let mut rest = text.as_str();
        while let Some((head, behind)) = rest.split_once('{') {
            let end = block_end(behind);
            let body = &behind[..end];
            rest = behind.get(end + 1..).unwrap_or_default();
            // What stands before the last mark is a rule without a block, such as an import.
            let head = head.rsplit([';', '}']).next().unwrap_or_default().trim();
            if head.starts_with('@') {
                continue;
            }
            let declarations: Vec<(String, String)> = declarations(body)
                .map(|(property, value)| (property.to_owned(), value.to_owned()))
                .collect();
            for selector in head.split(',') {
                self.declarations += declarations.len();
                if self.rules.len() == MAX_RULES || self.declarations > MAX_DECLARATIONS {
                    return Err(PictureError::Complex);
                }
                match Selector::parse(selector.trim()) {
                    Some(selector) => self.rules.push(Rule {
                        selector,
                        declarations: declarations.clone(),
                    }),
                    None => self.is_partial = true,
                }
            }
        }
        // In the order of the text where they weigh the same.
        self.rules.sort_by_key(|rule| rule.selector.weight());
        Ok(())
    }

    /// What the sheet says of an element, later ones winning.
    pub(super) fn of<'s>(
        &'s self,
        node: Node<'s, 's>,
    ) -> impl Iterator<Item = (&'s str, &'s str)> + 's {
        self.rules
            .iter()
            .filter(move |rule| rule.selector.matches(node))
            .flat_map(|rule| &rule.declarations)
            .map(|(property, value)| (property.as_str(), value.as_str()))
    }
}

impl Selector {
    fn parse(text: &str) -> Option<Self> {
        let mut selector = Self::default();
        let mut rest = text;
        if let Some(behind) = rest.strip_prefix('*') {
            rest = behind;
        } else {
            let (name, behind) = word(rest);
            selector.element = (!name.is_empty()).then(|| name.to_owned());
            rest = behind;
        }
        while let Some(mark) = rest.chars().next() {
            let (name, behind) = word(&rest[mark.len_utf8()..]);
            if name.is_empty() {
                return None;
            }
            match mark {
                '.' => selector.classes.push(name.to_owned()),
                '#' => selector.id = Some(name.to_owned()),
                _ => return None,
            }
            rest = behind;
        }
        (!text.is_empty()).then_some(selector)
    }

    fn weight(&self) -> (bool, usize, bool) {
        (
            self.id.is_some(),
            self.classes.len(),
            self.element.is_some(),
        )
    }

    fn matches(&self, node: Node<'_, '_>) -> bool {
        let is = |wanted: &Option<String>, own: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| own == Some(wanted))
        };
        let classes = || {
            let own = node.attribute("class").unwrap_or_default();
            let fits = own.len() <= MAX_CLASS_BYTES;
            (if fits { own } else { "" }).split_ascii_whitespace()
        };
        is(&self.element, Some(node.tag_name().name()))
            && is(&self.id, node.attribute("id"))
            && self
                .classes
                .iter()
                .all(|wanted| classes().any(|own| own == wanted))
    }
}

/// `fill: red; stroke: none`, piece by piece.
pub(super) fn declarations(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(';').filter_map(|piece| {
        let (property, value) = piece.split_once(':')?;
        let value = value.trim().trim_end_matches("!important");
        Some((property.trim(), value.trim()))
    })
}

/// A name at the beginning, and what follows.
fn word(text: &str) -> (&str, &str) {
    let belongs = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    let end = text.find(|letter| !belongs(letter)).unwrap_or(text.len());
    text.split_at(end)
}

/// Where the block ends that a text begins with, blocks within it included.
fn block_end(text: &str) -> usize {
    let mut open = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => open += 1,
            '}' if open == 0 => return at,
            '}' => open -= 1,
            _ => {}
        }
    }
    text.len()
}

fn without_comments(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("/*") {
        clean.push_str(before);
        rest = behind.split_once("*/").map_or("", |(_, after)| after);
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(sheet: &str, element: &str) -> (String, bool) {
        let mut found = Sheet::default();
        found.add(sheet).expect("rules");
        let document = roxmltree::Document::parse(element).expect("an element");
        let all: Vec<String> = found
            .of(document.root_element())
            .map(|(property, value)| format!("{property}={value}"))
            .collect();
        (all.join(" "), found.is_partial)
    }

    #[track_caller]
    fn check(sheet: &str, element: &str, expected: &str, is_partial: bool) {
        assert_eq!(said(sheet, element), (expected.to_owned(), is_partial));
    }

    #[test]
    fn rules_are_obeyed_by_name_class_and_id() {
        let element = r#"<path id="p" class="a b"/>"#;
        check("path{fill:red}", element, "fill=red", false);
        check(
            "#p{fill : blue}.a { fill:red ; stroke:none }",
            element,
            "fill=red stroke=none fill=blue",
            false,
        );
        check(".a.b,.c{x:1}.a{x:2}", element, "x=2 x=1", false);
        check("/* a { */ *{x:1 !important}", element, "x=1", false);
        check(
            "@media print{path{x:1}} @import 'x'; path{x:2}",
            element,
            "x=2",
            false,
        );
        check("g .a{x:1} g>path{x:2}", element, "", true);
        check("", element, "", false);
    }

    #[test]
    fn broken_and_endless_sheets_end() {
        check("{", "<a/>", "", true);
        check("}}{{{}a{x:1", "<a/>", "", true);
        check("a{x:1", "<a/>", "x=1", false);
        check("/*", "<a/>", "", false);
        let mut sheet = Sheet::default();
        assert!(sheet.add(&"a{x:1}".repeat(501)).is_err());
        let mut sheet = Sheet::default();
        let long = format!("{}b{{{}}}", "a,".repeat(30), "x:1;".repeat(100));
        assert!(sheet.add(&long).is_err());
    }
}
