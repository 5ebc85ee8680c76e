//! Shipped documents over HTTP: what people change in a template shows in the PDF, and an amount is the same wherever it is read.

mod deletion;
mod draft;
mod examples;
mod fonts;
mod origins;
mod past_runs;
mod render;
mod warnings;
mod web_pictures;

use std::{path::Path, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use formwork_tests::{Office, office::Caller, visitor};
use reqwest::Method;
use serde_json::{Value as Json, json};

/// A workflow made from the shipped invoice, by its ids.
struct Invoice {
    path: String,
    slug: String,
    document: String,
}

impl Invoice {
    /// Finds the example by what it computes, makes a workflow of it and lets its form take no rows at all.
    async fn new(owner: &Caller) -> Self {
        let made = owner
            .post("/api/workflows", json!({"example": "invoice"}))
            .await
            .expect(201);
        let mut draft = made["draft"]["document"].clone();
        let fields = draft["nodes"][0]["config"]["fields"]
            .as_array_mut()
            .expect("the form's fields");
        let lines = fields
            .iter_mut()
            .find(|field| field["name"] == "lines")
            .expect("line items");
        lines["required"] = json!(false);
        lines["min_rows"] = json!(0);
        let path = format!("/api/workflows/{}", made["id"].as_str().expect("an id"));
        owner
            .put(
                &format!("{path}/draft"),
                json!({"base_revision": 1, "document": draft}),
            )
            .await
            .expect(200);
        let invoice = Self {
            path,
            slug: made["slug"].as_str().expect("a slug").to_owned(),
            document: draft["nodes"]
                .as_array()
                .expect("nodes")
                .iter()
                .find_map(|node| node["config"]["document"].as_str())
                .expect("a step that makes the page")
                .to_owned(),
        };
        invoice.publish(owner, 2).await;
        invoice
    }

    async fn publish(&self, owner: &Caller, revision: i64) {
        owner
            .post(
                &format!("{}/publish", self.path),
                json!({"base_revision": revision}),
            )
            .await
            .expect(201);
    }

    /// Runs the live version to its end and gives the run and its PDF.
    async fn run(&self, program: &Caller, input: &Json) -> (Json, Pdf) {
        let started = program
            .post(
                &format!("{}/runs", self.path),
                json!({"input": input, "wait_ms": 25_000}),
            )
            .await;
        let ended = started.expect(200);
        assert_eq!(ended["state"], "succeeded", "{}", ended["error"]);
        let run = program
            .get(&format!(
                "/api/runs/{}",
                ended["id"].as_str().expect("an id")
            ))
            .await
            .expect(200);
        let file = run["artifacts"][0]["url"].as_str().expect("a file");
        let answer = program.get(file).await;
        assert_eq!(answer.status, 200);
        (run, Pdf::new(&answer.body))
    }
}

/// A PDF on disk, read by the tools of others.
struct Pdf(tempfile::NamedTempFile);

impl Pdf {
    fn new(bytes: &[u8]) -> Self {
        let file = tempfile::NamedTempFile::new_in(Path::new(env!("CARGO_TARGET_TMPDIR")))
            .expect("a temporary file");
        std::fs::write(file.path(), bytes).expect("written");
        let pdf = Self(file);
        let said = pdf.ask("qpdf", &["--check", "FILE"]);
        assert!(
            said.contains("No syntax or stream encoding errors"),
            "{said}"
        );
        pdf
    }

    fn ask(&self, tool: &str, arguments: &[&str]) -> String {
        let path = self.0.path().as_os_str();
        let output = Command::new(tool)
            .args(
                arguments
                    .iter()
                    .map(|text| if *text == "FILE" { path } else { text.as_ref() }),
            )
            .output()
            .unwrap_or_else(|error| panic!("{tool} is needed: {error}"));
        assert!(output.status.success(), "{tool}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The lines of each page, blanks within a line made single.
    fn pages(&self) -> Vec<Vec<String>> {
        self.ask("pdftotext", &["-layout", "FILE", "-"])
            .trim_end_matches('\u{c}')
            .split('\u{c}')
            .map(|page| {
                page.lines()
                    .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                    .filter(|line| !line.is_empty())
                    .collect()
            })
            .collect()
    }

    fn text(&self) -> String {
        self.pages().concat().join("\n")
    }

    /// Width and height of each picture in it.
    fn pictures(&self) -> Vec<(String, String)> {
        let list = self.ask("pdfimages", &["-list", "FILE"]);
        list.lines()
            .skip(2)
            .filter_map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                (words.get(2) == Some(&"image")).then(|| (words[3].into(), words[4].into()))
            })
            .collect()
    }
}

/// A picture of one colour: PNG with stored (uncompressed) blocks.
fn png(width: u32, height: u32) -> Vec<u8> {
    let crc = |bytes: &[u8]| -> u32 {
        !bytes.iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
            })
        })
    };
    let chunk = |kind: &[u8], data: &[u8]| -> Vec<u8> {
        let body = [kind, data].concat();
        [
            u32::try_from(data.len())
                .expect("short")
                .to_be_bytes()
                .as_slice(),
            &body,
            &crc(&body).to_be_bytes(),
        ]
        .concat()
    };
    let row = [
        vec![0],
        [35, 91, 107].repeat(usize::try_from(width).expect("small")),
    ]
    .concat();
    let raw = row.repeat(usize::try_from(height).expect("small"));
    let length = u16::try_from(raw.len()).expect("one block");
    let adler = raw.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    let packed = [
        [0x78, 0x01, 1].as_slice(),
        &length.to_le_bytes(),
        &(!length).to_le_bytes(),
        &raw,
        &((adler.1 << 16) | adler.0).to_be_bytes(),
    ]
    .concat();
    let head = [
        width.to_be_bytes().as_slice(),
        &height.to_be_bytes(),
        &[8, 2, 0, 0, 0],
    ]
    .concat();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &head),
        chunk(b"IDAT", &packed),
        chunk(b"IEND", &[]),
    ]
    .concat()
}

/// The firm whose bank account and logo the page shows.
async fn fill_in_firm(owner: &Caller) {
    let mut firm = owner.get("/api/firm").await.expect(200);
    firm["name"] = json!("Nordlicht Reisen");
    firm["street"] = json!(["Hüxstraße 44"]);
    firm["post_code"] = json!("23552");
    firm["city"] = json!("Lübeck");
    firm["email"] = json!("office@nordlicht.example");
    firm["iban"] = json!("DE02120300000000202051");
    owner.put("/api/firm", firm).await.expect(200);
    let logo = owner.request(Method::PUT, "/api/firm/logo").body(png(8, 8));
    owner.send(logo).await.expect(200);
}

/// Answers of the form with a note of one's own, so that no model is asked.
fn answers(lines: &[Json]) -> Json {
    json!({
        "customer": "Ms Clara Hoffmann", "address": "Kapitelstraße 9\n23552 Lübeck",
        "date": "2027-03-08", "due": "2027-03-22", "note": "Thank you.", "lines": lines
    })
}

fn line(description: &str, price: &str) -> Json {
    json!({"description": description, "quantity": "1", "unit_price": {"amount": price, "currency": "EUR"}, "vat_rate": "19"})
}

/// The block with this id, however deep it stands.
fn block<'a>(json: &'a mut Json, id: &str) -> Option<&'a mut Json> {
    if json["id"] == id && json["type"].is_string() {
        return Some(json);
    }
    match json {
        Json::Array(items) => items.iter_mut().find_map(|item| block(item, id)),
        Json::Object(members) => members.values_mut().find_map(|item| block(item, id)),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pdf_follows_a_template_edited_through_the_api() {
    let (office, owner) = Office::open().await;
    fill_in_firm(&owner).await;
    let invoice = Invoice::new(&owner).await;
    let program = office.program(&owner).await;
    let rows = |count: usize| -> Vec<Json> {
        (1..=count)
            .map(|number| line(&format!("Service {number}"), "0.10"))
            .collect()
    };
    let (_, before) = invoice.run(&program, &answers(&rows(1))).await;
    assert!(
        before.text().contains("Description Qty Price VAT Amount"),
        "{}",
        before.text()
    );
    assert!(
        before.text().contains("Service 1 1 0.10 19% 0.10"),
        "{}",
        before.text()
    );
    assert_eq!(before.pictures(), [("8".into(), "8".into())]);

    let address = format!("/api/documents/{}", invoice.document);
    let mut template = owner.get(&address).await.expect(200)["template"].clone();
    let table = block(&mut template["blocks"], "lines").expect("the table");
    table["columns"]
        .as_array_mut()
        .expect("columns")
        .retain(|column| column["heading"] != "VAT");
    let logo = block(&mut template, "logo").expect("the logo");
    logo.as_object_mut().expect("a block").remove("source");
    logo["data"] = json!(BASE64.encode(png(12, 6)));
    template["blocks"].as_array_mut().expect("blocks").extend([
        json!({"id": "break", "type": "page_break"}),
        json!({"id": "again", "type": "repeat", "list": "{{ lines }}", "empty": "Nothing to tell.", "blocks": [
            {"id": "one", "type": "text", "text": "Report {{ index }}: {{ item.description }} for {{ item.amount | money }}"}]}),
    ]);
    let saved = owner
        .put(&address, json!({"base_version": 1, "template": template}))
        .await
        .expect(200);
    assert_eq!(saved["version"], 2);

    // What is published keeps its own template until it is published again.
    let (_, pinned) = invoice.run(&program, &answers(&rows(1))).await;
    let next = pinned.text().replace("NR-2027-0002", "NR-2027-0001");
    assert_eq!(next, before.text());
    invoice.publish(&owner, 2).await;

    for count in [0, 1, 500] {
        let (run, pdf) = invoice.run(&program, &answers(&rows(count))).await;
        let pages = pdf.pages();
        let all = pages.len();
        let text = pdf.text();
        // One page of the table and one of the reports, or as many as 500 rows and 500 reports take.
        if count < 2 {
            assert_eq!(all, 2, "{text}");
        } else {
            assert!((15..60).contains(&all), "{all}");
        }
        for (index, page) in pages.iter().enumerate() {
            let foot = format!("Page {} of {all}", index + 1);
            assert!(
                page.iter().any(|line| line.ends_with(&foot)),
                "{foot}: {page:?}"
            );
            let is_heading = |line: &&String| line.as_str() == "Description Qty Price Amount";
            let headings = page.iter().filter(is_heading).count();
            let has_rows =
                page.iter().any(|line| line.starts_with("Service ")) || (count == 0 && index == 0);
            assert_eq!(
                headings,
                usize::from(has_rows),
                "page {}: {page:?}",
                index + 1
            );
        }
        assert!(!text.contains("19% 0.10"), "the column is gone: {text}");
        for number in 1..=count {
            let row = format!("Service {number} 1 0.10 0.10");
            assert_eq!(text.lines().filter(|line| *line == row).count(), 1, "{row}");
            let report = format!("Report {number}: Service {number} for €0.10");
            assert_eq!(
                text.lines().filter(|line| *line == report).count(),
                1,
                "{report}"
            );
        }
        assert_eq!(text.contains("No items"), count == 0);
        assert_eq!(text.contains("Nothing to tell."), count == 0);
        let first_report = pages.iter().position(|page| {
            page.iter()
                .any(|line| line.starts_with("Report 1:") || line == "Nothing to tell.")
        });
        let total_at = pages
            .iter()
            .position(|page| page.iter().any(|line| line.starts_with("Total ")));
        assert!(
            first_report > total_at,
            "the reports begin on a page of their own"
        );
        assert_eq!(pdf.pictures(), [("12".into(), "6".into())]);
        let step = run["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .find(|step| step["output"]["pages"].is_number())
            .expect("the page's step");
        assert_eq!(step["output"]["pages"], json!(all));
        let warned: Vec<&Json> = step["warnings"]
            .as_array()
            .expect("warnings")
            .iter()
            .collect();
        if count == 0 {
            assert_eq!(
                (&warned[0]["code"], &warned[0]["location"]),
                (&json!("list_empty"), &json!("lines"))
            );
        } else {
            assert!(warned.is_empty(), "{warned:?}");
        }
    }
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_with_tax_are_printed_as_they_are_paid() {
    let (office, owner) = Office::open().await;
    fill_in_firm(&owner).await;
    let mut firm = owner.get("/api/firm").await.expect(200);
    firm["prices"] = json!("gross");
    owner.put("/api/firm", firm).await.expect(200);
    let invoice = Invoice::new(&owner).await;
    let program = office.program(&owner).await;
    let mut three = line("Thing", "9.99");
    three["quantity"] = json!("3");
    let (_, pdf) = invoice.run(&program, &answers(&[three])).await;
    let text = pdf.text();
    // 29.97 / 1.19 is 25.18, whose tax is 4.78: a cent is missing, and shown.
    for row in [
        "Thing 3 9.99 19% 29.97",
        "Net €25.18",
        "VAT 19% on €25.18 €4.78",
        "Rounding €0.01",
        "Total €29.97",
    ] {
        assert!(text.lines().any(|line| line == row), "{row}: {text}");
    }
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_are_the_same_on_form_page_json_and_pdf() {
    let (office, owner) = Office::open().await;
    fill_in_firm(&owner).await;
    let invoice = Invoice::new(&owner).await;
    let program = office.program(&owner).await;
    // Three rows of 0.1 + 0.2 at 19 %: binary fractions would make 0.9000000000000001 of it.
    let prices = ["0.1", "0.2", "0.1", "0.2", "0.1", "0.2"];
    let lines: Vec<Json> = prices.iter().map(|price| line("Thing", price)).collect();

    // The form, live.
    let typed: Vec<Json> = prices
        .iter()
        .map(|price| json!({"description": "Thing", "quantity": "1", "unit_price": price, "vat_rate": "19"}))
        .collect();
    let form = format!("/f/{}", invoice.slug);
    let visitor = office.caller();
    let live = visitor
        .post(
            &format!("{form}/compute"),
            json!({"answers": {"lines": typed}}),
        )
        .await
        .expect(200);
    let shown = |pointer: &str| {
        live["computed"][pointer]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(
        (shown("/net"), shown("/total")),
        ("€0.90".into(), "€1.07".into())
    );
    assert_eq!(live["computed"]["/total"]["value"]["amount"], "1.07");

    // The form without JavaScript.
    let html = String::from_utf8(visitor.get(&form).await.body).expect("HTML");
    let ticket = visitor::ticket(&html).expect("a ticket");
    let mut pairs = vec![
        ("_ticket".to_owned(), ticket.to_owned()),
        ("_action".to_owned(), "recalculate".to_owned()),
    ];
    for (index, price) in prices.iter().enumerate() {
        for (name, value) in [
            ("description", "Thing"),
            ("quantity", "1"),
            ("unit_price", price),
            ("vat_rate", "19"),
        ] {
            pairs.push((format!("lines.{index}.{name}"), value.to_owned()));
        }
    }
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&pairs)
        .finish();
    let request = visitor
        .request(Method::POST, &form)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    let answer = visitor.send(request).await;
    assert_eq!(answer.status, 200);
    let html = String::from_utf8(answer.body).expect("HTML");
    assert!(html.contains("€0.90") && html.contains("€1.07"), "{html}");

    // The run, as JSON.
    let (run, pdf) = invoice.run(&program, &answers(&lines)).await;
    let totals = run["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| &step["output"])
        .find(|output| output["taxes"].is_array())
        .expect("totals");
    let euro = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    assert_eq!(totals["net"], euro("0.90"));
    assert_eq!(
        totals["taxes"],
        json!([{"rate": "19", "net": euro("0.90"), "tax": euro("0.17")}])
    );
    assert_eq!(totals["total"], euro("1.07"));

    // The PDF.
    let text = pdf.text();
    for row in ["Net €0.90", "VAT 19% on €0.90 €0.17", "Total €1.07"] {
        assert!(text.lines().any(|line| line == row), "{row}: {text}");
    }

    // The preview, as the editor shows it beside the form.
    let form_output = &run["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .find(|step| step["output"]["lines"].is_array())
        .expect("the form's step")["output"];
    let mut values = form_output.clone();
    for name in ["net", "taxes", "total"] {
        values[name] = totals[name].clone();
    }
    let preview = owner
        .post(
            "/api/documents/preview",
            json!({"document_id": invoice.document, "values": values, "locale": "en"}),
        )
        .await
        .expect(200);
    let page = preview["pages"][0]["text"]
        .as_str()
        .expect("the page's text");
    for amount in ["€0.90", "€0.17", "€1.07"] {
        assert!(page.contains(amount), "{amount}: {page}");
    }
    office.close().await;
}
