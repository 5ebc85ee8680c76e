//! The file itself: sound, the same bytes from two processes, with a title and links that readers understand.

use std::process::Command;

use serde_json::json;

use super::{list_document, render, rows, tool, tool_on};

#[test]
fn a_document_without_a_title_is_called_after_its_first_heading() {
    let heading = json!({"id": "a", "type": "heading", "text": "Offer"});
    for (blocks, expected) in [
        (
            json!([{"id": "b", "type": "text", "text": "Hello"}, heading]),
            "Offer",
        ),
        (json!([]), "Document"),
    ] {
        let rendered = render(json!({"title": " ", "blocks": blocks}), &json!({}));
        let info = tool(&rendered, &["pdfinfo", "FILE"]);
        assert!(
            info.lines()
                .any(|line| line.starts_with("Title:") && line.ends_with(expected)),
            "{info}"
        );
    }
}

#[test]
fn a_link_is_written_in_seven_bits() {
    let parts = json!({"blocks": [{"id": "a", "type": "text", "runs": [{"text": "here", "link": "https://example.com/ä?q=北"}]}]});
    let rendered = render(parts, &json!({}));
    let urls = tool(&rendered, &["pdfinfo", "-url", "FILE"]);
    assert!(
        urls.contains("https://example.com/%C3%A4?q=%E5%8C%97"),
        "{urls}"
    );
}

#[test]
fn the_file_is_sound() {
    let rendered = render(list_document(), &rows(60));
    let bytes = rendered.pdf().expect("a PDF");
    let holds = |part: &[u8]| bytes.windows(part.len()).any(|found| found == part);
    assert!(
        holds(b"/ObjStm") && !holds(b"/StructElem"),
        "tags are packed"
    );
    let said = tool_on(&bytes, &["qpdf", "--check", "FILE"]);
    assert!(
        said.contains("No syntax or stream encoding errors"),
        "{said}"
    );
}

#[test]
fn two_processes_give_the_same_bytes() {
    let mine = fingerprint();
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "file::fingerprint_for_the_other_process",
            "--ignored",
            "--nocapture",
        ])
        .output()
        .expect("a second process");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        printed.contains(&format!("fingerprint={mine};")),
        "{mine} is not in {printed}"
    );
}

#[test]
#[ignore = "the second process of two_processes_give_the_same_bytes"]
#[expect(clippy::print_stdout, reason = "read by the first process")]
fn fingerprint_for_the_other_process() {
    println!("fingerprint={};", fingerprint());
}

fn fingerprint() -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut parts = list_document();
    parts["blocks"].as_array_mut().expect("blocks").extend([
        json!({"id": "t", "type": "heading", "text": "感谢 شكرا Ελλάδα"}),
        json!({"id": "q", "type": "qr", "content": "https://example.com"}),
        json!({"id": "l", "type": "text", "runs": [{"text": "a link", "link": "https://example.com"}]}),
    ]);
    // The first document of a process loads fonts in its middle, the second has them from the start.
    let first = render(parts.clone(), &rows(40)).pdf().expect("a PDF");
    let second = render(parts, &rows(40)).pdf().expect("a PDF");
    assert!(first == second, "the second rendering differs");
    let mut hasher = DefaultHasher::new();
    first.hash(&mut hasher);
    format!("{:x}-{}", hasher.finish(), first.len())
}
