//! Tables: their heads on every page, their rows and what is added up below them.

use serde_json::json;

use super::{list_document, places, render, rows, text, tool};

#[test]
fn a_long_table_repeats_its_heading_and_counts_its_pages() {
    let rendered = render(list_document(), &rows(100));
    let found = text(&rendered);
    let pages = rendered.pages.len();
    assert!(pages >= 3);
    assert_eq!(found.matches("Thing").count(), pages);
    assert!(found.contains(&format!("Page {pages} of {pages}")));
    assert!(found.contains("Row number 100 0.10"));
    assert!(found.contains("Together €10.00"), "{found}");
    let info = tool(&rendered, &["pdfinfo", "FILE"]);
    assert!(
        info.contains("Title: A title") || info.contains("A title"),
        "{info}"
    );
    assert!(
        info.contains("(A4)") && info.contains("Tagged:          yes"),
        "{info}"
    );
}

#[test]
fn five_thousand_rows_are_laid_out() {
    let rendered = render(list_document(), &rows(5_000));
    assert!(rendered.pages.len() > 100);
    assert!(text(&rendered).contains("Together €500.00"));
}

#[test]
fn no_rows_say_so() {
    let rendered = render(list_document(), &rows(0));
    assert!(text(&rendered).contains("No items"));
    assert_eq!(places(&rendered)[0], ("list_empty", "lines", Some(1)));
}

#[test]
fn a_row_taller_than_a_page_goes_on_overleaf() {
    let mut long = rows(2);
    long["lines"][1]["what"] = json!("word ".repeat(6_000));
    let rendered = render(list_document(), &long);
    assert!(rendered.pages.len() > 1);
    assert_eq!(text(&rendered).matches("word").count(), 6_000);
}

#[test]
fn totals_never_stand_alone_on_a_page() {
    let mut parts = list_document();
    parts["blocks"][0]["keep_with_next"] = json!(true);
    let mut pages = 0;
    for count in 20..50 {
        let rendered = render(parts.clone(), &rows(count));
        pages = rendered.pages.len();
        let last = rendered.text(pages - 1).expect("a page");
        assert!(
            last.contains("Together") && last.contains(&format!("Row number {count}")),
            "{count}: {last}"
        );
    }
    assert!(pages > 1);
}
