//! Lays out a document with values from files, for looking at it: `render TEMPLATE.json VALUES.json OUT.pdf [FONT…]`. The template may
//! be a workflow with one embedded document. The JSON files beside this one are such templates, each with its values.

#![expect(clippy::print_stderr, reason = "a tool for people")]

use std::{error::Error, fs, sync::Arc};

use document::{Assets, Context, FontBytes, Limits, Renderer, Template, needs};
use engine::{kind::Kind, value::Value};
use serde_json::{Value as Json, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || {
        arguments
            .next()
            .ok_or("usage: render TEMPLATE.json VALUES.json OUT.pdf [FONT…]")
    };
    let mut template: Json = serde_json::from_str(&fs::read_to_string(next()?)?)?;
    if let Some(first) = template["documents"]
        .as_object()
        .and_then(|documents| documents.values().next())
    {
        template = first.clone();
    }
    let values: Json = serde_json::from_str(&fs::read_to_string(next()?)?)?;
    let out = next()?;
    let fonts: Vec<String> = arguments.collect();
    let template = Template::parse(&template).map_err(|problems| format!("{problems:#?}"))?;
    let kind = Kind::Record {
        fields: template.fields(),
    };
    let Value::Record(record) =
        Value::from_json(&values["values"], &kind).map_err(|problems| format!("{problems:?}"))?
    else {
        return Err("the values are no record".into());
    };
    let firm: engine::firm::Firm = serde_json::from_value(values["firm"].clone())?;
    let mut assets = Assets::default();
    let context = Context {
        locale: values["locale"].as_str().unwrap_or("en").into(),
        currency: values["currency"].as_str().unwrap_or("EUR").into(),
        time_zone: "Europe/Berlin".into(),
        now: "2027-03-08T10:00:00Z".parse()?,
        firm: match firm.to_value() {
            Value::Record(record) => record,
            _ => return Err("the firm is no record".into()),
        },
    };
    if let Some(path) = values["logo"].as_str() {
        for file in needs(&template, &record, &context).images {
            assets.images.insert(file.id, fs::read(path)?);
        }
    }
    let mut files: Vec<FontBytes> = Vec::new();
    for path in fonts {
        files.push(Arc::new(fs::read(path)?));
    }
    let renderer = Renderer::new(Box::new(files));
    let rounds: u32 = std::env::var("ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let mut bytes = Vec::new();
    let mut rendered = None;
    for _ in 0..rounds {
        let start = std::time::Instant::now();
        let found = renderer.render(&template, &record, &context, &assets, &Limits::default())?;
        let laid_out = start.elapsed();
        bytes = found.pdf()?;
        eprintln!("layout {laid_out:?}, all {:?}", start.elapsed());
        rendered = Some(found);
    }
    let rendered = rendered.ok_or("no rounds")?;
    fs::write(&out, &bytes)?;
    for page in 0..rendered.pages.len().min(5) {
        fs::write(
            format!("{out}.{page}.svg"),
            rendered.svg(page).unwrap_or_default(),
        )?;
    }
    eprintln!(
        "{}",
        json!({"pages": rendered.pages.len(), "bytes": bytes.len(), "warnings": rendered.warnings, "boxes": rendered.boxes(0).len()})
    );
    Ok(())
}
