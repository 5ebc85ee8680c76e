//! The workflows that are used while everything is struck: together they divide, call, ask, wait, stand in line, run out of time and begin
//! by themselves.

use std::collections::BTreeMap;

use formwork_tests::{list, office::Caller};
use serde_json::{Value as Json, json};

/// Most visits of one customer at the same time.
pub(super) const VISITS_AT_ONCE: usize = 2;
/// What is asked for more days has no price.
const MOST_DAYS: u32 = 10;
/// Visits with a greater number fail.
pub(super) const LAST_GOOD_VISIT: u32 = 1_000;

/// What a run is a run of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Flow {
    /// A number, a list, a wait, and then a message or a failure.
    Order,
    /// A number that its caller waits for.
    Quote,
    /// What a person fills in.
    Form,
    /// Two calls beside each other, and a message with what was answered.
    Trip,
    /// Is called, waits, and then answers or fails.
    Price,
    /// Is called, and calls for a price.
    Fare,
    /// Only so many of one customer at the same time.
    Visit,
    /// Somebody decides.
    Offer,
    /// Another program is told a link and calls it.
    Payment,
    /// Fails of one of its time limits.
    Overdue,
    /// Hears of what failed.
    Hears,
    /// Begins by itself, every minute.
    Report,
}

impl Flow {
    const ALL: [Self; 12] = [
        Self::Order,
        Self::Quote,
        Self::Form,
        Self::Trip,
        Self::Price,
        Self::Fare,
        Self::Visit,
        Self::Offer,
        Self::Payment,
        Self::Overdue,
        Self::Hears,
        Self::Report,
    ];

    /// The name of its workflow.
    pub(super) fn name(self) -> String {
        format!("{self:?}")
    }

    pub(super) fn of(name: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|flow| flow.name() == name);
        found.unwrap_or_else(|| panic!("nothing is called {name}"))
    }
}

/// For how many days a price is asked, if there has to be one or none.
pub(super) fn days(fails: bool) -> u32 {
    if fails { MOST_DAYS + 1 } else { 3 }
}

/// Tells by its input whether a run has to fail; of `run` and of the name of its workflow.
pub(super) fn fails_sql() -> String {
    format!(
        "case when w.name = 'Order' then run.input ->> 'fails' = 'true' when w.name = 'Overdue' then true
              when w.name = 'Visit' then (run.input ->> 'number')::int > {LAST_GOOD_VISIT}
              when w.name in ('Trip', 'Price', 'Fare') then (run.input ->> 'days')::int > {MOST_DAYS} else false end"
    )
}

/// Everything that is published, and where it is reached.
pub(super) struct Flows {
    pub(super) series: String,
    pub(super) form: String,
    /// Paths of inbound webhooks.
    hooks: BTreeMap<Flow, String>,
    /// Ids of the workflows of visits and of reports.
    pub(super) visits: String,
    pub(super) reports: String,
}

impl Flows {
    /// `desk`: the address of the program that visits tell of themselves.
    pub(super) async fn publish(owner: &Caller, receiver: &str, desk: &str) -> Self {
        let endpoint = owner.endpoint(receiver).await;
        let series = json!({"name": "Orders", "pattern": "{{ number }}", "yearly": false});
        let series = owner.post("/api/series", series).await.expect(201)["id"].clone();
        let hears = owner.publish(hears()).await;
        let price = owner.publish(price()).await;
        let fare = owner.publish(fare(&price)).await;
        let form = owner.publish(form(&series, &endpoint)).await;
        let report = owner.publish(report()).await;
        let mut hooks = BTreeMap::new();
        let mut visits = String::new();
        for (flow, document) in [
            (Flow::Order, order(&series, &endpoint)),
            (Flow::Quote, quote(&series)),
            (Flow::Trip, trip(&price, &fare, &hears, &endpoint)),
            (Flow::Visit, visit(desk, &hears)),
            (Flow::Offer, offer()),
            (Flow::Payment, payment(&endpoint)),
            (Flow::Overdue, overdue(desk, &hears)),
        ] {
            let workflow = owner.publish(document).await;
            let url = text(&workflow["hook_urls"][0]["url"], "an address");
            let url = url::Url::parse(&url).expect("a URL");
            hooks.insert(flow, url.path().to_owned());
            if flow == Flow::Visit {
                visits = text(&workflow["id"], "an id");
            }
        }
        Self {
            series: text(&series, "an id"),
            form: format!("/f/{}", text(&form["slug"], "an address")),
            hooks,
            visits,
            reports: text(&report["id"], "an id"),
        }
    }

    /// Where messages for a workflow go.
    pub(super) fn hook(&self, flow: Flow) -> &str {
        &self.hooks[&flow]
    }
}

fn text(json: &Json, what: &str) -> String {
    json.as_str().expect(what).to_owned()
}

fn document(flow: Flow, nodes: &Json, edges: &[(&str, &str)]) -> Json {
    let edges: Vec<Json> = edges
        .iter()
        .map(|(from, to)| {
            let (from, port) = from.split_once('.').unwrap_or((from, "out"));
            json!({"from": from, "port": port, "to": to})
        })
        .collect();
    json!({"format": "formwork/1", "name": flow.name(), "locale": "en", "time_zone": "UTC", "currency": "EUR", "nodes": nodes, "edges": edges})
}

fn node(id: &str, node_type: &str, config: &Json) -> Json {
    json!({"id": id, "type": node_type, "version": 1, "name": id, "config": config})
}

/// A step that takes the way `bad` where a value is greater than it may be.
fn check(value: &str, most: u32) -> Json {
    let rules = json!([{"value": value, "operator": "greater", "operand": most.to_string()}]);
    node(
        "check",
        "branch",
        &json!({"ways": [{"name": "bad", "title": "Bad", "rules": rules}]}),
    )
}

fn halt() -> Json {
    node(
        "halt",
        "stop",
        &json!({"ends": "with_error", "message": "No."}),
    )
}

/// A number, a list whose entries run beside each other, a wait, and then a message or a failure.
fn order(series: &Json, endpoint: &Json) -> Json {
    let [each, line] = list::steps("{{ item }} of {{ no.number }}");
    let nodes = json!([
        {"id": "order", "type": "webhook_input", "version": 1, "name": "Order", "config": {"fields": [
            {"name": "fails", "title": "Fails", "kind": "yes_no"},
            {"name": "until", "title": "Until", "kind": "instant"}]}},
        {"id": "no", "type": "number_draw", "version": 1, "name": "Number", "config": {"series": series}},
        each,
        line,
        {"id": "wait", "type": "delay", "version": 1, "name": "Wait", "config": {"mode": "until", "until": "{{ order.until }}"}},
        {"id": "check", "type": "branch", "version": 1, "name": "Check", "config": {"ways": [
            {"name": "bad", "title": "Bad", "rules": [{"value": "{{ order.fails }}", "operator": "is_yes"}]}]}},
        halt(),
        {"id": "send", "type": "webhook_deliver", "version": 1, "name": "Send",
         "config": {"endpoint": endpoint, "values": {"number": "{{ no.number }}"}}},
    ]);
    let edges = [
        ("order", "no"),
        ("no", "each"),
        ("each", "wait"),
        ("wait", "check"),
        ("check.bad", "halt"),
        ("check.otherwise", "send"),
    ];
    document(Flow::Order, &nodes, &edges)
}

/// A number that the caller waits for.
fn quote(series: &Json) -> Json {
    let nodes = json!([
        {"id": "ask", "type": "webhook_input", "version": 1, "name": "Ask", "config": {"answer": "when_done", "fields": []}},
        {"id": "no", "type": "number_draw", "version": 1, "name": "Number", "config": {"series": series}},
        {"id": "reply", "type": "respond", "version": 1, "name": "Reply",
         "config": {"values": {"run_id": "{{ run.id }}", "number": "{{ no.number }}"}}},
    ]);
    document(Flow::Quote, &nodes, &[("ask", "no"), ("no", "reply")])
}

/// What a person fills in.
fn form(series: &Json, endpoint: &Json) -> Json {
    let nodes = json!([
        {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Order", "fields": [
            {"name": "name", "label": "Name", "kind": "text"}]}},
        {"id": "no", "type": "number_draw", "version": 1, "name": "Number", "config": {"series": series}},
        {"id": "text", "type": "template_fill", "version": 1, "name": "Text", "config": {"template": "{{ form.name | default(\"\") }} {{ no.number }}"}},
        {"id": "send", "type": "webhook_deliver", "version": 1, "name": "Send",
         "config": {"endpoint": endpoint, "values": {"text": "{{ text.text }}"}}},
    ]);
    let edges = [("form", "no"), ("no", "text"), ("text", "send")];
    document(Flow::Form, &nodes, &edges)
}

/// What calls bring: for how many days, and until when the answer takes.
fn asked() -> Json {
    json!({"fields": [
        {"name": "days", "title": "Days", "kind": "integer"},
        {"name": "until", "title": "Until", "kind": "instant"}]})
}

/// A step that calls a workflow with what `from` gives.
fn call(id: &str, workflow: &Json, from: &str) -> Json {
    let values = json!({"days": format!("{{{{ {from}.days }}}}"), "until": format!("{{{{ {from}.until }}}}")});
    node(
        id,
        "workflow_call",
        &json!({"workflow": workflow["id"], "values": values}),
    )
}

fn price() -> Json {
    let nodes = json!([
        node("called", "call_input", &asked()),
        node(
            "wait",
            "delay",
            &json!({"mode": "until", "until": "{{ called.until }}"})
        ),
        check("{{ called.days }}", MOST_DAYS),
        halt(),
        node(
            "tell",
            "respond",
            &json!({"values": {"total": "{{ called.days * 3 }}"}})
        ),
    ]);
    let edges = [
        ("called", "wait"),
        ("wait", "check"),
        ("check.bad", "halt"),
        ("check.otherwise", "tell"),
    ];
    document(Flow::Price, &nodes, &edges)
}

fn fare(price: &Json) -> Json {
    let nodes = json!([
        node("called", "call_input", &asked()),
        call("call", price, "called"),
        node(
            "tell",
            "respond",
            &json!({"values": {"total": "{{ call.answer.total }}"}})
        ),
    ]);
    let edges = [("called", "call"), ("call", "tell")];
    document(Flow::Fare, &nodes, &edges)
}

fn trip(price: &Json, fare: &Json, hears: &Json, endpoint: &Json) -> Json {
    let totals = "{{ call.answer.total }} {{ also.answer.total }}";
    let nodes = json!([
        node("trip", "webhook_input", &asked()),
        call("call", price, "trip"),
        call("also", fare, "trip"),
        node(
            "send",
            "webhook_deliver",
            &json!({"endpoint": endpoint, "values": {"totals": totals}})
        ),
    ]);
    let edges = [
        ("trip", "call"),
        ("trip", "also"),
        ("call", "send"),
        ("also", "send"),
    ];
    let mut document = document(Flow::Trip, &nodes, &edges);
    document["on_failure"] = hears["id"].clone();
    document
}

fn visit(desk: &str, hears: &Json) -> Json {
    let fields = json!([
        {"name": "customer", "title": "Customer", "kind": "text"},
        {"name": "number", "title": "Number", "kind": "integer"}]);
    let enter = json!({
        "method": "POST", "url": format!("{desk}/visit"), "body": "json", "values": {"run_id": "{{ run.id }}"}, "answer": "none"});
    let nodes = json!([
        node("visit", "webhook_input", &json!({"fields": fields})),
        node("enter", "http_request", &enter),
        check("{{ visit.number }}", LAST_GOOD_VISIT),
        halt(),
        node(
            "text",
            "template_fill",
            &json!({"template": "{{ visit.customer }}"})
        ),
    ]);
    let edges = [
        ("visit", "enter"),
        ("enter", "check"),
        ("check.bad", "halt"),
        ("check.otherwise", "text"),
    ];
    let mut document = document(Flow::Visit, &nodes, &edges);
    document["concurrency"] = json!({"runs": VISITS_AT_ONCE, "key": "{{ visit.customer }}"});
    document["on_failure"] = hears["id"].clone();
    document
}

fn offer() -> Json {
    let fields = json!([{"name": "total", "title": "Total", "kind": "integer"}]);
    let ask = json!({"who": "everybody", "by_mail": false, "title": "For {{ offer.total }}?"});
    let said = json!({"template": "{{ ask.comment | default(\"\") }}"});
    let nodes = json!([
        node("offer", "webhook_input", &json!({"fields": fields})),
        node("ask", "approval_ask", &ask),
        node("yes", "template_fill", &said),
        node("refused", "template_fill", &said),
        node(
            "late",
            "template_fill",
            &json!({"template": "Nobody answered"})
        ),
    ]);
    let edges = [
        ("offer", "ask"),
        ("ask.approved", "yes"),
        ("ask.refused", "refused"),
        ("ask.expired", "late"),
    ];
    document(Flow::Offer, &nodes, &edges)
}

fn payment(endpoint: &Json) -> Json {
    let fields = json!([{"name": "total", "title": "Total", "kind": "integer"}]);
    let paid = json!({
        "fields": [{"name": "reference", "title": "Reference", "kind": "text"}], "sample": "{\"reference\": \"S\"}"});
    let nodes = json!([
        node("pay", "webhook_input", &json!({"fields": fields})),
        node(
            "send",
            "webhook_deliver",
            &json!({"endpoint": endpoint, "values": {"link": "{{ run.links.paid }}"}})
        ),
        node("paid", "callback_wait", &paid),
        node(
            "done",
            "template_fill",
            &json!({"template": "{{ paid.reference }}"})
        ),
        node(
            "late",
            "template_fill",
            &json!({"template": "Nobody called"})
        ),
    ]);
    let edges = [
        ("pay", "send"),
        ("send", "paid"),
        ("paid.called", "done"),
        ("paid.expired", "late"),
    ];
    document(Flow::Payment, &nodes, &edges)
}

/// Either another program never answers, or a wait takes too long beside a step that has to be taken up soon.
fn overdue(desk: &str, hears: &Json) -> Json {
    let fields = json!([{"name": "silent", "title": "Silent", "kind": "yes_no"}]);
    let silent = json!({"ways": [{"name": "silent", "title": "Silent", "rules": [
        {"value": "{{ overdue.silent }}", "operator": "is_yes"}]}]});
    let ask = json!({"method": "POST", "url": format!("{desk}/silence"), "answer": "none"});
    let mut silence = node("silence", "http_request", &ask);
    silence["timeout_ms"] = json!(500);
    silence["retry"] = json!({"max_attempts": 2, "first_ms": 50, "factor": 1, "max_ms": 50});
    let mut soon = node("soon", "template_fill", &json!({"template": "Soon"}));
    soon["limits"] = json!({"start_ms": 1_000});
    let mut late = node("late", "delay", &json!({"amount": "1", "unit": "days"}));
    late["limits"] = json!({"total_ms": 1_000});
    let nodes = json!([
        node("overdue", "webhook_input", &json!({"fields": fields})),
        node("check", "branch", &silent),
        silence,
        soon,
        late,
    ]);
    let edges = [
        ("overdue", "check"),
        ("check.silent", "silence"),
        ("check.otherwise", "soon"),
        ("check.otherwise", "late"),
    ];
    let mut document = document(Flow::Overdue, &nodes, &edges);
    document["on_failure"] = hears["id"].clone();
    document
}

fn hears() -> Json {
    let fields = json!([
        {"name": "run_id", "title": "Run", "kind": "text"},
        {"name": "code", "title": "Code", "kind": "text"}]);
    let nodes = json!([
        node("called", "call_input", &json!({"fields": fields})),
        node(
            "text",
            "template_fill",
            &json!({"template": "{{ called.code }}"})
        ),
    ]);
    document(Flow::Hears, &nodes, &[("called", "text")])
}

fn report() -> Json {
    let minutes = json!({"mode": "minutes", "every": 1, "missed": "all"});
    let nodes = json!([
        node("clock", "schedule_trigger", &minutes),
        node(
            "text",
            "template_fill",
            &json!({"template": "{{ clock.date | date(\"iso\") }}"})
        ),
    ]);
    document(Flow::Report, &nodes, &[("clock", "text")])
}
