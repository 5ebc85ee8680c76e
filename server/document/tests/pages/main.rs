//! Documents as others see them, through poppler and qpdf. What all of these tests draw and ask with is here.

mod archive;
mod drawing;
mod extras;
mod file;
mod fonts;
mod hostile;
mod layout;
mod limits;
mod markdown;
mod names;
mod origins;
mod paper;
mod payment;
mod pictures;
mod plan;
mod rich;
mod scripts;
mod tables;
mod typography;
mod warnings;

use std::{
    path::Path,
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use document::{Assets, Context, DocumentError, FontBytes, Limits, Rendered, Renderer, Template};
use engine::{
    firm::Firm,
    kind::Kind,
    value::{Record, Value},
};
use serde_json::{Value as Json, json};

/// Chinese, Japanese and Korean, where this system has it.
const CJK: &str = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc";

/// A PNG of one pixel.
const DOT: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mNQjs4GAAGOAOrSipWVAAAAAElFTkSuQmCC";

fn renderer() -> &'static Renderer {
    static RENDERER: OnceLock<Renderer> = OnceLock::new();
    RENDERER.get_or_init(|| {
        let files: Vec<FontBytes> = std::fs::read(CJK).into_iter().map(font).collect();
        Renderer::new(Box::new(files))
    })
}

fn font(bytes: Vec<u8>) -> FontBytes {
    Arc::new(bytes)
}

fn context() -> Context {
    let firm = Firm {
        name: "Nordlicht Reisen".into(),
        iban: "DE02120300000000202051".into(),
        ..Firm::default()
    };
    let Value::Record(firm) = firm.to_value() else {
        panic!("a firm is a record");
    };
    Context {
        locale: "en".into(),
        currency: "EUR".into(),
        time_zone: "Europe/Berlin".into(),
        now: "2027-03-08T10:00:00Z".parse().expect("an instant"),
        firm,
    }
}

fn template(parts: Json) -> Template {
    let mut json = json!({"format": "formwork-document/1", "title": "A title"});
    let (Some(object), Json::Object(parts)) = (json.as_object_mut(), parts) else {
        panic!("an object");
    };
    object.extend(parts);
    Template::parse(&json).expect("a template")
}

fn values(template: &Template, json: &Json) -> Record {
    let kind = Kind::Record {
        fields: template.fields(),
    };
    match Value::payable_from_json(json, &kind) {
        Ok(Value::Record(record)) => record,
        other => panic!("not the template's values: {other:?}"),
    }
}

fn render_with(parts: Json, json: &Json, limits: &Limits<'_>) -> Result<Rendered, DocumentError> {
    let template = template(parts);
    let values = values(&template, json);
    renderer().render(&template, &values, &context(), &Assets::default(), limits)
}

fn render(parts: Json, json: &Json) -> Rendered {
    render_with(parts, json, &Limits::default()).expect("a document")
}

/// Runs a poppler or qpdf tool on the PDF and gives its output.
fn tool(rendered: &Rendered, command: &[&str]) -> String {
    tool_on(&rendered.pdf().expect("a PDF"), command)
}

fn tool_on(pdf: &[u8], command: &[&str]) -> String {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("page-{}-{number}.pdf", std::process::id()));
    std::fs::write(&file, pdf).expect("written");
    let mut run = Command::new(command[0]);
    for part in &command[1..] {
        if *part == "FILE" {
            run.arg(&file);
        } else {
            run.arg(part);
        }
    }
    let output = run
        .output()
        .unwrap_or_else(|error| panic!("{} is needed: {error}", command[0]));
    std::fs::remove_file(&file).expect("removed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn text(rendered: &Rendered) -> String {
    let text = tool(rendered, &["pdftotext", "-layout", "FILE", "-"]);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn list_document() -> Json {
    json!({
        "fields": [{"name": "lines", "kind": "list", "item": {"kind": "record", "fields": [
            {"name": "what", "kind": "text"}, {"name": "amount", "kind": "money"}]}}],
        "footer": {"blocks": [{"id": "foot", "type": "text", "text": "Page {{ page }} of {{ pages }}"}]},
        "blocks": [
            {"id": "lines", "type": "table", "rows": "{{ lines }}", "columns": [
                {"heading": "Thing", "value": "{{ item.what }}"},
                {"heading": "Costs", "value": "{{ item.amount | amount }}", "width": "auto", "align": "end"}]},
            {"id": "sum", "type": "totals", "lines": [
                {"label": "Together", "value": "{{ lines | sum(attribute='amount') | money }}", "strong": true}]}]
    })
}

/// Code, block and page of each warning.
fn places(rendered: &Rendered) -> Vec<(&str, &str, Option<u64>)> {
    let place = |warning: &engine::node::Warning| warning.params.get("page").and_then(Json::as_u64);
    rendered
        .warnings
        .iter()
        .map(|warning| {
            (
                warning.code.as_str(),
                warning.location.as_str(),
                place(warning),
            )
        })
        .collect()
}

fn rows(count: usize) -> Json {
    let row = |index| json!({"what": format!("Row number {index}"), "amount": {"amount": "0.10", "currency": "EUR"}});
    json!({"lines": (1..=count).map(row).collect::<Vec<_>>()})
}

/// Nothing is drawn beyond the paper.
#[track_caller]
fn assert_on_paper(rendered: &Rendered) {
    for (number, size) in rendered.pages.iter().enumerate() {
        for place in rendered.boxes(number) {
            assert!(
                place.x_mm >= -0.2
                    && place.y_mm >= -0.2
                    && place.x_mm + place.width_mm <= size.width_mm + 0.2
                    && place.y_mm + place.height_mm <= size.height_mm + 0.2,
                "page {}: {place:?}",
                number + 1
            );
        }
    }
}
