//! `einvoice_make`: an invoice as the XML that the law knows, and its amounts. What breaks a rule is not written. Arithmetic and rules are
//! those of `engine::invoice` and `einvoice`; the file goes out by itself, or into the PDF that `pdf_render` makes.

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::{self, Template},
    ids::WorkflowId,
    invoice::{self, Defaults},
    kind::{Field, Kind},
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, StepError, Surface, Warning,
    },
    value::{Record, Value, record_to_json},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::values::{field, file_name, named};

/// Most problems that an error lists.
const MAX_LISTED: usize = 10;

/// Write an invoice as the XML file that offices and companies must take.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EinvoiceMake {
    /// What the receiver asks for.
    #[serde(default)]
    format: Format,
    /// What it is.
    #[serde(default)]
    document_type: DocumentType,
    /// The number of the invoice or credit note.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value"))]
    number: Template,
    /// The day on which it is issued.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value"))]
    date: Template,
    /// The day until which it is to be paid.
    #[serde(default)]
    #[schemars(title = "Payment due", extend("x-widget" = "value", "x-empty" = true))]
    due: Template,
    #[expect(clippy::doc_markdown, reason = "people read it")]
    /// A list with name, quantity, unit, unit_price and vat_rate in each line.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value"))]
    lines: Template,
    /// Who gets it: a company or person.
    #[serde(default)]
    buyer_name: Template,
    /// Street and number; further lines of the address below.
    #[serde(default)]
    #[schemars(extend("x-empty" = true))]
    buyer_street: Template,
    /// The buyer's post code.
    #[serde(default)]
    #[schemars(extend("x-empty" = true))]
    buyer_post_code: Template,
    /// The buyer's town.
    #[serde(default)]
    #[schemars(extend("x-empty" = true))]
    buyer_city: Template,
    /// Two letters, such as DE or FR.
    #[serde(default)]
    #[schemars(extend("x-empty" = true))]
    buyer_country: Template,
    /// Needed where the buyer owes the VAT, such as DE123456788.
    #[serde(default)]
    #[schemars(title = "Buyer VAT id", extend("x-empty" = true))]
    buyer_vat_id: Template,
    /// Where invoices arrive at the buyer's.
    #[serde(default)]
    #[schemars(title = "Buyer e-mail", extend("x-empty" = true))]
    buyer_email: Template,
    /// What the buyer asked to be quoted; at German offices the Leitweg-ID.
    #[serde(default)]
    #[schemars(extend("x-empty" = true))]
    buyer_reference: Template,
    /// The number of the invoice that the credit note takes back.
    #[serde(default)]
    #[schemars(title = "Number of the invoice", extend("x-widget" = "value", "x-empty" = true, "x-when" = {"document_type": "credit_note"}))]
    preceding_number: Template,
    /// The date of that invoice.
    #[serde(default)]
    #[schemars(title = "Date of the invoice", extend("x-widget" = "value", "x-empty" = true, "x-when" = {"document_type": "credit_note"}))]
    preceding_date: Template,
    /// Who sells. Empty: the firm of the settings, with its bank account.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true, "x-group" = "advanced"))]
    seller: Template,
    /// The buyer's order number.
    #[serde(default)]
    #[schemars(extend("x-empty" = true, "x-group" = "advanced"))]
    order: Template,
    /// The number of the contract with the buyer.
    #[serde(default)]
    #[schemars(extend("x-empty" = true, "x-group" = "advanced"))]
    contract: Template,
    /// The project that it is for.
    #[serde(default)]
    #[schemars(extend("x-empty" = true, "x-group" = "advanced"))]
    project: Template,
    /// The day of delivery or service.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true, "x-group" = "advanced"))]
    delivery_date: Template,
    /// Where a service took longer: its first day.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true, "x-group" = "advanced"))]
    delivery_from: Template,
    /// Its last day.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true, "x-group" = "advanced"))]
    delivery_to: Template,
    /// How and when it is to be paid, in words.
    #[serde(default)]
    #[schemars(title = "Terms of payment", extend("x-empty" = true, "x-group" = "advanced"))]
    terms: Template,
    /// Further text for the receiver.
    #[serde(default)]
    #[schemars(extend("x-empty" = true, "x-group" = "advanced"))]
    notes: Template,
    /// A list of discounts on the whole invoice, with amount or percent and reason.
    #[serde(default)]
    #[schemars(title = "Discounts", extend("x-widget" = "value", "x-empty" = true, "x-group" = "advanced"))]
    allowances: Template,
    /// A list of surcharges, such as shipping, with amount, VAT rate and reason.
    #[serde(default)]
    #[schemars(title = "Surcharges", extend("x-widget" = "value", "x-empty" = true, "x-group" = "advanced"))]
    charges: Template,
    /// What was paid already.
    #[serde(default)]
    #[schemars(title = "Paid already", extend("x-widget" = "value", "x-empty" = true, "x-group" = "advanced"))]
    prepaid: Template,
    /// What is added to round the amount to be paid, such as 0.02.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true, "x-group" = "advanced"))]
    rounding: Template,
    /// The currency of the VAT where the tax office asks for another, such as PLN.
    #[serde(default)]
    #[schemars(extend("x-empty" = true, "x-group" = "advanced"))]
    tax_currency: Template,
    /// What one unit of the invoice's currency is worth in the tax currency.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true, "x-group" = "advanced"))]
    exchange_rate: Template,
    /// An e-mail address, or kind and number such as 0204:04011000-12345-34.
    #[serde(default)]
    #[schemars(title = "Buyer electronic address", extend("x-empty" = true, "x-group" = "advanced"))]
    buyer_electronic_address: Template,
    /// Name of the file; ".xml" is added when it is missing.
    #[serde(default = "default_name")]
    #[schemars(extend("x-group" = "advanced"))]
    file_name: Template,
    /// The workflow that takes back an invoice of this one with a click.
    #[serde(default)]
    #[schemars(title = "Credit notes by", extend("x-widget" = "workflow", "x-group" = "advanced"))]
    credit_notes: Option<WorkflowId>,
}

fn default_name() -> Template {
    Template("e-invoice.xml".into())
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {
    "factur_x": "Factur-X / ZUGFeRD, for the PDF", "factur_x_basic": "Factur-X / ZUGFeRD in the small profile BASIC, for the PDF",
    "xrechnung_cii": "XRechnung (CII)", "xrechnung_ubl": "XRechnung (UBL)"
}))]
enum Format {
    #[default]
    FacturX,
    FacturXBasic,
    #[serde(rename = "xrechnung_cii")]
    XRechnungCii,
    #[serde(rename = "xrechnung_ubl")]
    XRechnungUbl,
}

impl Format {
    fn written(self) -> einvoice::Format {
        match self {
            Self::FacturX => einvoice::Format::FacturX,
            Self::FacturXBasic => einvoice::Format::FacturXBasic,
            Self::XRechnungCii => einvoice::Format::XRechnungCii,
            Self::XRechnungUbl => einvoice::Format::XRechnungUbl,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"invoice": "Invoice", "credit_note": "Credit note"}))]
enum DocumentType {
    #[default]
    Invoice,
    CreditNote,
}

impl DocumentType {
    fn name(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit_note",
        }
    }
}

impl EinvoiceMake {
    /// Settings that are members of the invoice: place below it, what people call the setting, its value.
    fn settings(&self) -> [(&'static [&'static str], &'static str, &Template); 30] {
        [
            (&["number"], "Number", &self.number),
            (&["date"], "Date", &self.date),
            (&["due"], "Payment due", &self.due),
            (&["lines"], "Lines", &self.lines),
            (&["buyer", "name"], "Buyer name", &self.buyer_name),
            (&["buyer", "street"], "Buyer street", &self.buyer_street),
            (
                &["buyer", "post_code"],
                "Buyer post code",
                &self.buyer_post_code,
            ),
            (&["buyer", "city"], "Buyer city", &self.buyer_city),
            (&["buyer", "country"], "Buyer country", &self.buyer_country),
            (&["buyer", "vat_id"], "Buyer VAT id", &self.buyer_vat_id),
            (&["buyer", "email"], "Buyer e-mail", &self.buyer_email),
            (
                &["buyer_reference"],
                "Buyer reference",
                &self.buyer_reference,
            ),
            (
                &["preceding", "number"],
                "Number of the invoice",
                &self.preceding_number,
            ),
            (
                &["preceding", "date"],
                "Date of the invoice",
                &self.preceding_date,
            ),
            (&["seller"], "Seller", &self.seller),
            (&["order"], "Order", &self.order),
            (&["contract"], "Contract", &self.contract),
            (&["project"], "Project", &self.project),
            (&["delivery", "date"], "Delivery date", &self.delivery_date),
            (&["delivery", "from"], "Delivery from", &self.delivery_from),
            (&["delivery", "to"], "Delivery to", &self.delivery_to),
            (&["payment", "terms"], "Terms of payment", &self.terms),
            (&["notes"], "Notes", &self.notes),
            (&["allowances"], "Discounts", &self.allowances),
            (&["charges"], "Surcharges", &self.charges),
            (&["prepaid"], "Paid already", &self.prepaid),
            (&["rounding"], "Rounding", &self.rounding),
            (
                &["tax_currency", "currency"],
                "Tax currency",
                &self.tax_currency,
            ),
            (
                &["tax_currency", "exchange_rate"],
                "Exchange rate",
                &self.exchange_rate,
            ),
            (
                &["buyer", "electronic_address"],
                "Buyer electronic address",
                &self.buyer_electronic_address,
            ),
        ]
    }

    /// The invoice as a value that `invoice::read` takes.
    fn invoice(&self, context: &dyn NodeContext) -> Result<Record, NodeError> {
        let mut invoice = Record::new();
        let is_credit = self.document_type == DocumentType::CreditNote;
        for (place, title, template) in self.settings() {
            if template.0.trim().is_empty() || (place[0] == "preceding" && !is_credit) {
                continue;
            }
            let value = context
                .evaluate(template)
                .map_err(|error| named(error, title))?;
            if !value.is_blank() {
                put(&mut invoice, place, value);
            }
        }
        let kind = self.document_type.name();
        invoice.insert("type".into(), Value::Text(kind.into()));
        if let Some(earlier) = invoice.shift_remove("preceding") {
            invoice.insert("preceding".into(), Value::List(vec![earlier]));
        }
        if let Some(Value::Record(buyer)) = invoice.get_mut("buyer") {
            tidy(buyer);
        }
        if !invoice.contains_key("seller")
            && let Some(firm) = context.values().get("firm")
        {
            invoice.insert("seller".into(), firm.clone());
        }
        Ok(invoice)
    }

    /// The error that lists what is wrong, each with the setting or line it is about.
    fn refused(&self, problems: &[Problem]) -> NodeError {
        let errors: Vec<&Problem> = problems.iter().filter(|it| it.is_error()).collect();
        let listed: Vec<(String, &Problem)> = errors
            .iter()
            .take(MAX_LISTED)
            .map(|problem| (self.place(&problem.pointer), *problem))
            .collect();
        let sentence = |(place, problem): &(String, &Problem)| match place.as_str() {
            "" => problem.message.clone(),
            place => format!("\u{201c}{place}\u{201d}: {}", problem.message),
        };
        let sentences: Vec<String> = listed.iter().map(sentence).collect();
        let more = errors.len() - listed.len();
        let tail = match more {
            0 => String::new(),
            more => format!(" And {more} more."),
        };
        let told: Vec<Json> = listed
            .iter()
            .map(|(place, problem)| said(place, problem))
            .collect();
        let error = StepError::new(
            "einvoice_invalid",
            format!("The e-invoice was not made. {}{tail}", sentences.join(" ")),
        );
        NodeError::Failed(error.with("problems", told).with("more", more))
    }

    /// What people know a place of the invoice by.
    fn place(&self, pointer: &str) -> String {
        let parts: Vec<&str> = pointer.split('/').skip(1).collect();
        if let ["lines", index, ..] = parts.as_slice()
            && let Ok(index) = index.parse::<usize>()
        {
            return format!("Line {}", index + 1);
        }
        if parts.first() == Some(&"seller") && self.seller.0.trim().is_empty() {
            return "Firm".into();
        }
        // `preceding` is a list of one here.
        let parts: Vec<&str> = parts
            .into_iter()
            .filter(|part| part.parse::<usize>().is_err())
            .collect();
        let begins = |place: &&[&str]| !parts.is_empty() && parts.starts_with(place);
        let found = self
            .settings()
            .into_iter()
            .find(|(place, ..)| begins(place));
        found.map_or(String::new(), |(_, title, _)| title.into())
    }
}

/// Puts a value into a record, below a record of its own where the place has two parts.
fn put(record: &mut Record, place: &[&str], value: Value) {
    match place {
        [name] => {
            record.insert((*name).into(), value);
        }
        [name, rest @ ..] => {
            let below = record
                .entry((*name).into())
                .or_insert_with(|| Value::Record(Record::new()));
            if let Value::Record(below) = below {
                put(below, rest, value);
            }
        }
        [] => {}
    }
}

/// Countries as codes are written, and the kind of an electronic address by itself.
fn tidy(buyer: &mut Record) {
    if let Some(Value::Text(country)) = buyer.get_mut("country") {
        *country = country.trim().to_uppercase();
    }
    let Some(Value::Text(address)) = buyer.get("electronic_address") else {
        return;
    };
    if let Some((scheme, id)) = address.split_once(':')
        && !address.contains('@')
    {
        let (scheme, id) = (scheme.trim().to_owned(), id.trim().to_owned());
        buyer.insert("electronic_scheme".into(), Value::Text(scheme));
        buyer.insert("electronic_address".into(), Value::Text(id));
    }
}

/// A problem as the text of an error takes it in.
fn said(place: &str, problem: &Problem) -> Json {
    let mut params = problem.params.clone();
    if let (false, Some(params)) = (place.is_empty(), params.as_object_mut()) {
        params.insert("within".into(), json!(place));
    }
    json!({"code": problem.code, "message": problem.message, "params": params})
}

/// A problem that stops nothing.
pub(crate) fn warning(problem: &Problem) -> Warning {
    let mut warning = Warning::new(&problem.code, &problem.message).at(&problem.pointer);
    if let Some(params) = problem.params.as_object() {
        warning.params.clone_from(params);
    }
    warning
}

/// A safe name that ends once in `.xml`.
fn xml_name(text: &str) -> String {
    let name = file_name(text);
    let stem = name
        .strip_suffix(".xml")
        .or_else(|| name.strip_suffix(".XML"))
        .unwrap_or(&name)
        .trim();
    if stem.is_empty() {
        "e-invoice.xml".into()
    } else {
        format!("{stem}.xml")
    }
}

#[async_trait]
impl Node for EinvoiceMake {
    const TYPE: &'static str = "einvoice_make";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "E-invoice",
            family: Family::Made,
            icon: "receipt",
            effect: Effect::Pure,
            surface: Surface::None,
            timeout_ms: 30_000,
            retry: None,
        }
    }

    fn output(&self, context: &OutputContext<'_>) -> Kind {
        let inputs = context.inputs.iter();
        let scope = Kind::Record {
            fields: inputs
                .map(|(name, kind)| field(name, "", kind.clone()))
                .collect(),
        };
        let line = match expression::infer(&self.lines, &scope, true).0 {
            Kind::List { item, .. } => *item,
            _ => Kind::Record { fields: Vec::new() },
        };
        let mut fields = vec![
            field("file", "E-invoice", Kind::File),
            field("number", "Number", Kind::text()),
            field("date", "Date", Kind::Date),
            field("format", "Format", Kind::text()),
        ];
        if let Kind::Record { fields: amounts } = invoice::kind(&line) {
            let is_told = |field: &Field| field.name != "problems";
            fields.extend(amounts.into_iter().filter(is_told));
        }
        Kind::Record { fields }
    }

    fn card(&self) -> Card {
        Card {
            key_fact: self.format.written().name().into(),
            well: vec![CardLine {
                text: self.number.0.clone(),
                trailing: String::new(),
            }],
        }
    }

    fn credit_notes(&self) -> Option<WorkflowId> {
        let is_invoice = self.document_type == DocumentType::Invoice;
        self.credit_notes.filter(|_| is_invoice)
    }

    fn takes_back(&self) -> bool {
        self.document_type == DocumentType::CreditNote
    }

    fn check(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        let needed = [
            ("/number", "Number", &self.number),
            ("/date", "Date", &self.date),
            ("/lines", "Lines", &self.lines),
            ("/buyer_name", "Buyer name", &self.buyer_name),
        ];
        let empty = needed
            .into_iter()
            .filter(|(_, _, template)| template.0.trim().is_empty());
        let mut problems: Vec<Problem> = empty
            .map(|(at, title, _)| {
                let message =
                    format!("An invoice needs \u{201c}{title}\u{201d}. Choose its value.");
                Problem::error("einvoice_not_filled", json!({"title": title}), message).at(at)
            })
            .collect();
        if let Some(id) = self.credit_notes
            && context
                .resources
                .callable(id)
                .is_none_or(|other| !other.is_live || other.offer.is_none())
        {
            let message = "The workflow for credit notes cannot be used: it does not exist, is switched off, or nothing in it begins with a call.";
            problems
                .push(Problem::warning("credit_notes_off", json!({}), message).at("/credit_notes"));
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let given = self.invoice(context)?;
        let step = context.step();
        let defaults = Defaults {
            currency: &step.currency,
            locale: &step.locale,
        };
        let refused = |problems: Vec<Problem>| self.refused(&problems);
        let invoice = invoice::read(&given, defaults).map_err(refused)?;
        let settled = invoice::settle(&invoice).map_err(refused)?;
        let format = self.format.written();
        let made = einvoice::make(&invoice, &settled, format).map_err(refused)?;
        let name = xml_name(&context.render(&self.file_name)?);
        let file = context
            .write_artifact(&name, "text/xml", made.xml.into_bytes())
            .await?;
        let lines = match given.get("lines") {
            Some(Value::List(lines)) => lines.as_slice(),
            _ => &[],
        };
        let mut output = Record::from_iter([
            ("file".to_owned(), Value::File(file)),
            ("number".to_owned(), Value::Text(invoice.number.clone())),
            (
                "date".to_owned(),
                invoice.date.map_or(Value::Empty, Value::Date),
            ),
            ("format".to_owned(), Value::Text(format.name().into())),
        ]);
        if let Value::Record(mut amounts) = invoice::to_value(&invoice, &settled, lines, &[]) {
            amounts.shift_remove("problems");
            output.extend(amounts);
        }
        Ok(Outcome::Done(Done {
            warnings: made.warnings.iter().map(warning).collect(),
            ..Done::out(record_to_json(&output))
        }))
    }
}

/// An e-invoice for the tests of other steps.
#[cfg(test)]
pub(crate) fn sample(format: &str) -> String {
    tests::with(&json!({"format": format}))
        .expect("an e-invoice")
        .1
}

#[cfg(test)]
mod tests;
