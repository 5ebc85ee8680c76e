//! Documents laid out without a server, with the fonts that the program finds on this machine.

use anyhow::{anyhow, bail};
use app::{config::Config, fonts::Fonts};
use document::{Assets, Context, Limits, Rendered, Renderer, Template};
use engine::{
    kind::Kind,
    value::{Record, Value},
};
use serde_json::Value as Json;

/// A template that is read once and filled in again and again.
pub struct Paper {
    renderer: Renderer,
    template: Template,
    kind: Kind,
    context: Context,
}

impl Paper {
    pub fn new(template: &Json) -> anyhow::Result<Self> {
        let template = Template::parse(template)
            .map_err(|problems| anyhow!("the template has problems: {problems:?}"))?;
        let folders = Config::from_env()?.font_dirs;
        Ok(Self {
            renderer: Renderer::new(Box::new(Fonts::new(folders))),
            kind: Kind::Record {
                fields: template.fields(),
            },
            template,
            context: Context {
                locale: "en".into(),
                currency: "EUR".into(),
                time_zone: "Europe/Berlin".into(),
                now: "2027-03-08T10:00:00Z".parse()?,
                firm: Record::new(),
            },
        })
    }

    /// Reads the JSON of the fields' values and lays them out.
    pub fn lay_out(&self, values: &str) -> anyhow::Result<Rendered> {
        let json: Json = serde_json::from_str(values)?;
        let record = match Value::from_json(&json, &self.kind) {
            Ok(Value::Record(record)) => record,
            Ok(_) => bail!("the values are no record"),
            Err(problems) => bail!("the values do not fit: {problems:?}"),
        };
        Ok(self.renderer.render(
            &self.template,
            &record,
            &self.context,
            &Assets::default(),
            &Limits::default(),
        )?)
    }
}
