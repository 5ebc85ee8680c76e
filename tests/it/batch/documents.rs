//! All documents of a batch in one file: as a ZIP, or bound as one PDF.

use std::{
    io::{Cursor, Read as _},
    path::Path,
    process::Command,
};

use formwork_tests::Office;
use serde_json::{Value as Json, json};
use zip::ZipArchive;

use super::{FINISHED, batch_path, customers, file_of, letter, rows, start};

/// A form and a page of its answers.
fn offer() -> Json {
    json!({
        "format": "formwork/1", "name": "Offer", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Offer", "fields": customers()}},
            {"id": "page", "type": "pdf_render", "version": 1, "name": "Page", "config": {
                "document": "offer", "file_name": "offer.pdf", "values": {"customer": "{{ form.customer }}"}}}],
        "edges": [{"from": "form", "port": "out", "to": "page"}],
        "documents": {"offer": {
            "format": "formwork-document/1", "fields": [{"name": "customer", "title": "Customer", "kind": "text"}],
            "blocks": [{"id": "a", "type": "text", "text": "For {{ customer }}"}]
        }}
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn all_documents_come_as_a_zip_or_bound_as_one_pdf() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, offer()).await;
    let empty = start(
        &owner,
        &office.publish(&owner, letter(&customers())).await,
        &file_of(1),
    )
    .await;
    let made = start(&owner, &workflow, "Customer\n\"Müller, Ada\"\nBo\nCy\n").await;
    office.db.until(FINISHED, "2").await;
    let path = batch_path(&made);
    let counted = owner.get(&format!("{path}/documents")).await.expect(200);
    assert_eq!(
        (&counted["count"], &counted["pdf_count"]),
        (&json!(3), &json!(3))
    );

    let zip = owner.get(&format!("{path}/documents.zip")).await;
    assert_eq!(
        (zip.status, zip.header("content-type")),
        (200, "application/zip")
    );
    let mut archive = ZipArchive::new(Cursor::new(zip.body)).expect("a ZIP");
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.expect("a name").into_owned())
        .collect();
    assert_eq!(
        names,
        [
            "0002 Müller, Ada - offer.pdf",
            "0003 Bo - offer.pdf",
            "0004 Cy - offer.pdf"
        ]
    );
    let mut first = Vec::new();
    archive
        .by_index(0)
        .expect("a file")
        .read_to_end(&mut first)
        .expect("whole");
    assert!(first.starts_with(b"%PDF-"));

    let bound = owner.get(&format!("{path}/documents.pdf")).await;
    assert_eq!(
        (bound.status, bound.header("content-type")),
        (200, "application/pdf")
    );
    let file =
        tempfile::NamedTempFile::new_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("a file");
    std::fs::write(file.path(), &bound.body).expect("written");
    assert_eq!(ask("qpdf", &["--show-npages"], file.path()).trim(), "3");
    let said = ask("qpdf", &["--check"], file.path());
    assert!(
        said.contains("No syntax or stream encoding errors"),
        "{said}"
    );
    let text = ask("pdftotext", &[], file.path());
    let places = ["For Müller, Ada", "For Bo", "For Cy"].map(|line| text.find(line));
    assert!(places.is_sorted() && places[0].is_some(), "{text}");
    // It says nothing of itself that was not shown.
    let bytes = String::from_utf8_lossy(&bound.body);
    assert!(!bytes.contains("StructTreeRoot") && !bytes.contains("pdfaid"));

    // Whoever asks first is told the same without the file.
    let zip = format!("{path}/documents.zip?check=true");
    assert_eq!(owner.get(&zip).await.status, 204);
    for ending in ["zip", "zip?check=true", "pdf"] {
        let none = owner
            .get(&format!("{}/documents.{ending}", batch_path(&empty)))
            .await;
        assert_eq!(
            (none.status, none.json["type"].as_str()),
            (409, Some("batch_no_documents"))
        );
    }
    office.close().await;
}

/// A workflow that others call and that makes a page of this name, with further steps behind it.
fn called(file: &str, further: &[Json]) -> Json {
    let mut document = offer();
    document["nodes"][0] = json!({"id": "form", "type": "call_input", "version": 1, "name": "Call",
        "config": {"fields": [{"name": "customer", "title": "Customer", "kind": "text"}]}});
    document["nodes"][1]["config"]["file_name"] = json!(file);
    with_steps(document, further)
}

/// The page's document with further steps, one after the other.
fn with_steps(mut document: Json, further: &[Json]) -> Json {
    let mut last = json!("page");
    for step in further {
        let edge = json!({"from": last, "port": "out", "to": step["id"]});
        last = step["id"].clone();
        document["edges"].as_array_mut().expect("edges").push(edge);
        document["nodes"]
            .as_array_mut()
            .expect("nodes")
            .push(step.clone());
    }
    document
}

fn call(id: &str, workflow: &Json) -> Json {
    json!({"id": id, "type": "workflow_call", "version": 1, "name": id, "on_error": "continue",
        "config": {"workflow": workflow["id"], "values": {"customer": "{{ form.customer }}"}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_of_called_runs_come_too_unless_they_failed() {
    let (office, owner) = Office::open().await;
    let annex = owner.publish(called("annex.pdf", &[])).await;
    let terms = owner
        .publish(called("terms.pdf", &[call("annex", &annex)]))
        .await;
    let halt = json!({"id": "halt", "type": "stop", "version": 1, "name": "Halt", "config": {"ends": "with_error", "message": "No."}});
    // What it calls succeeds, and comes to nothing with it.
    let void = owner
        .publish(called("void.pdf", &[call("annex", &annex), halt]))
        .await;
    let steps = [call("terms", &terms), call("void", &void)];
    let workflow = owner.publish(with_steps(offer(), &steps)).await;
    let made = start(&owner, &workflow, "Customer\nAda\nBo\n").await;
    office.db.until(FINISHED, "1").await;
    let names = async || {
        let path = format!("{}/documents.zip", batch_path(&made));
        let zip = owner.get(&path).await;
        assert_eq!(zip.status, 200, "{}", zip.json);
        let archive = ZipArchive::new(Cursor::new(zip.body)).expect("a ZIP");
        archive
            .file_names()
            .map(|name| name.expect("a name").into_owned())
            .collect::<Vec<String>>()
    };
    let expected = [
        "0002 Ada - offer.pdf",
        "0002 Ada - terms.pdf",
        "0002 Ada - annex.pdf",
        "0003 Bo - offer.pdf",
        "0003 Bo - terms.pdf",
        "0003 Bo - annex.pdf",
    ];
    assert_eq!(names().await, expected);
    // A retry keeps the first call and makes the second anew.
    let first = rows(&owner, &made, "").await[0]["run"].clone();
    let first = first.as_str().expect("a run");
    owner
        .post(
            &format!("/api/runs/{first}/retry"),
            json!({"from_node": "void"}),
        )
        .await
        .expect(202);
    office
        .db
        .until("select count(*) from run where finished_at is null", "0")
        .await;
    office.db.until(FINISHED, "1").await;
    assert_eq!(names().await, expected);
    office.close().await;
}

fn ask(tool: &str, arguments: &[&str], file: &Path) -> String {
    let mut command = Command::new(tool);
    command.args(arguments).arg(file);
    if tool == "pdftotext" {
        command.arg("-");
    }
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{tool} is needed: {error}"));
    assert!(output.status.success(), "{tool}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
