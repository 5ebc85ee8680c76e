//! Behaviour of expressions as people write them.

use serde_json::{Value as Json, json};

use super::*;

fn values() -> Record {
    let json = json!({
        "form": {
            "name": "Müller",
            "note": null,
            "n": 3,
            "rows": [
                {"title": "a", "qty": 2, "price": "10.10"},
                {"title": "b", "qty": 1, "price": "3"},
            ],
        },
        "x": "1.10",
    });
    let mut values = match Value::from_any_json(&json) {
        Ok(Value::Record(record)) => record,
        other => panic!("{other:?}"),
    };
    values.insert("price".into(), Value::Decimal("1.10".parse().unwrap()));
    values.insert("due".into(), Value::Date("2027-01-31".parse().unwrap()));
    for (name, amount, currency) in [
        ("net", "100.00", "EUR"),
        ("tax", "19.00", "EUR"),
        ("usd", "5", "USD"),
        ("unit", "0.0834", "EUR"),
    ] {
        let money = crate::value::Money {
            amount: amount.parse().unwrap(),
            currency: currency.into(),
        };
        values.insert(name.into(), Value::Money(money));
    }
    values
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "test values are written in place"
)]
fn check(template: &str, expected: Json) {
    let value = Template(template.into())
        .evaluate(&values(), "en")
        .unwrap_or_else(|error| panic!("{template}: {error}"));
    assert_eq!(value.to_json(), expected, "{template}");
}

fn refused(template: &str, code: &str, part: &str) {
    let error = Template(template.into())
        .evaluate(&values(), "en")
        .expect_err("an error");
    let start: String = template.chars().take(200).collect();
    assert_eq!(error.code(), code, "{start}: {error}");
    assert!(error.to_string().contains(part), "{start}: {error}");
}

#[test]
fn decimals_are_exact() {
    check("{{ 0.1 + 0.2 }}", json!("0.3"));
    check("{{ price * 3 }}", json!("3.30"));
    check("{{ 10.10 > 3 }}", json!(true));
    check("{{ 1.10 == 1.1 }}", json!(true));
    check("{{ 7 / 2 }}", json!("3.5"));
    check("{{ 7 // 2 }}", json!(3));
    check("{{ -7 % 3 }}", json!(2));
    check("{{ 2 ** 10 }}", json!(1024));
    check("{{ (2.345)|round(2) }}", json!("2.35"));
    check("{{ (2.345)|round(2, 'even') }}", json!("2.34"));
    check(
        "{{ [10.10, 3, 2.5]|sort }}",
        json!([json!("2.5"), json!(3), json!("10.10")]),
    );
    check("{{ sum([0.1, 0.2, 0.3]) }}", json!("0.6"));
    check("{{ max(1, 2.5) }}", json!("2.5"));
    check("{{ 1_000 + 1 }}", json!(1001));
    refused("{{ 1 / 0 }}", "expression_failed", "division by zero");
    refused("{{ 'a' * 3 }}", "expression_failed", "multiplied");
    refused(
        "{{ 9223372036854775807 + 1 }}",
        "expression_failed",
        "too large",
    );
    refused(
        "{{ 0.1234567890123456789 * 0.1234567890123456789 }}",
        "expression_failed",
        "28 digits",
    );
}

#[test]
fn what_does_not_exist_is_told_apart_from_what_fails() {
    for (source, path) in [
        ("{{ nothing }}", "nothing"),
        ("{{ net.nothing }}", "net.nothing"),
        ("a {{ nothing | upper }}", "nothing"),
    ] {
        let error = Template(source.into())
            .evaluate(&values(), "en")
            .expect_err(source);
        let path = path.to_owned();
        assert_eq!(error, ExpressionError::Unknown { path }, "{source}");
    }
}

#[test]
fn money_keeps_its_currency() {
    check(
        "{{ net + tax }}",
        json!({"amount": "119.00", "currency": "EUR"}),
    );
    check(
        "{{ net * 0.19 }}",
        json!({"amount": "19.0000", "currency": "EUR"}),
    );
    check(
        "{{ (net * 0.195)|round }}",
        json!({"amount": "19.50", "currency": "EUR"}),
    );
    check("{{ tax / net }}", json!("0.19"));
    // What does not fit any more is far behind the smallest coin, or it is an error.
    check(
        "{{ (net / 3 + net * 10)|round }}",
        json!({"amount": "1033.33", "currency": "EUR"}),
    );
    check(
        "{{ (net * 10 - net / 3)|round }}",
        json!({"amount": "966.67", "currency": "EUR"}),
    );
    for sum in ["+", "-"] {
        refused(
            &format!("{{{{ net * 1000000000 * 1000000000 {sum} net / 3 }}}}"),
            "expression_failed",
            "28 digits",
        );
    }
    check(
        "{{ [net, tax]|sum }}",
        json!({"amount": "119.00", "currency": "EUR"}),
    );
    check("{{ net > 0 }}", json!(true));
    check("Total {{ net }}", json!("Total €100.00"));
    // What was given is shown with all its decimals, what is computed as it can be paid.
    check("Each {{ unit }}", json!("Each €0.0834"));
    check("{{ unit|money }}", json!("€0.0834"));
    check("{{ unit|amount }}", json!("0.0834"));
    check("{{ unit|default(0)|amount }}", json!("0.0834"));
    check("{{ [unit]|first ~ '' }}", json!("€0.08"));
    check("Two {{ unit * 2 }}", json!("Two €0.17"));
    check("{{ (net * 0.0834)|money }}", json!("€8.34"));
    check(
        "{% set half = unit / 2 %}{{ half }} {% set same = unit %}{{ same }}",
        json!("€0.04 €0.0834"),
    );
    check("{{ net|amount }}", json!("100.00"));
    check("{{ 12.5|money('USD') }}", json!("$12.50"));
    refused(
        "{{ net + usd }}",
        "expression_failed",
        "EUR and USD cannot be mixed",
    );
    refused("{{ net > usd }}", "expression_failed", "cannot be mixed");
    refused("{{ net * tax }}", "expression_failed", "two amounts");
    refused("{{ net == 100 }}", "expression_failed", "plain number");
}

#[test]
fn dates_count_in_days() {
    check("{{ due + 1 }}", json!("2027-02-01"));
    check("{{ due|add_months(1) }}", json!("2027-02-28"));
    check("{{ (due + 14) - due }}", json!(14));
    check(
        "{{ due|date('weekday') }}",
        json!("Sunday, 31 January 2027"),
    );
    check("{{ due|date('%d.%m.') }}", json!("31.01."));
    check("Due {{ due }}", json!("Due 31 January 2027"));
    check("{{ due.year }}", json!(2027));
}

#[test]
fn a_value_is_written_in_the_language_that_is_named() {
    check("{{ net|money(locale='de') }}", json!("100,00\u{a0}€"));
    check("{{ 12.5|money('USD', 'fr') }}", json!("12,50\u{a0}$US"));
    check("{{ 1234.5|number(2, 'de-CH') }}", json!("1'234.50"));
    check("{{ 19|percent(1, 'fr') }}", json!("19,0\u{a0}%"));
    check("{{ due|date('long', 'fr') }}", json!("31 janvier 2027"));
    check(
        "{{ due|date('%A, %-d. %B', locale='de') }}",
        json!("Sonntag, 31. Januar"),
    );
    for filter in [
        "money('EUR', 'german')",
        "number(2, 'xx')",
        "percent(0, '')",
    ] {
        refused(
            &format!("{{{{ 1|{filter} }}}}"),
            "expression_failed",
            "is not a language such as de",
        );
    }
    refused(
        "{{ due|date('fancy') }}",
        "expression_failed",
        "written long, medium, short",
    );
    refused(
        "{{ due|date('%H') }}",
        "expression_failed",
        "is not a way to write a date",
    );
}

#[test]
fn one_hole_keeps_its_kind_and_others_make_text() {
    check(" {{ form.n }} ", json!(3));
    check("n={{ form.n }}", json!("n=3"));
    check("{{ form.rows }}", values_of("/form/rows"));
    check("plain", json!("plain"));
    check("{{ form.note }}", json!(null));
    refused(
        "Note: {{ form.note }}",
        "expression_empty",
        "form.note is empty",
    );
    refused("{{ form.note ~ 'x' }}", "expression_empty", "form.note");
    check("{{ form.note|default('none') }}", json!("none"));
    check("{{ nothing.at.all|default(7) }}", json!(7));
    refused(
        "{{ form.nme }}",
        "expression_failed",
        "there is no form.nme",
    );
    refused("{{ form.n }} of {{ form }}", "expression_failed", "record");
}

fn values_of(pointer: &str) -> Json {
    let json = crate::value::record_to_json(&values());
    json.pointer(pointer).expect("a path").clone()
}

#[test]
fn lists_are_mapped_chosen_and_added() {
    check(
        "{{ form.rows|map(attribute='title')|join(', ') }}",
        json!("a, b"),
    );
    check("{{ form.rows|length }}", json!(2));
    check("{{ form.rows|sum(attribute='qty') }}", json!(3));
    check("{{ form.rows|avg(attribute='qty') }}", json!("1.5"));
    check("{{ avg([1, 2, none]) }}", json!("1.5"));
    check(
        "{{ [net, tax]|avg|round }}",
        json!({"amount": "59.50", "currency": "EUR"}),
    );
    check("{{ []|avg|default('none') }}", json!("none"));
    refused("{{ ['a']|avg }}", "expression_failed", "does not work with");
    check(
        "{{ (form.rows|selectattr('qty', 'gt', 1)|first).title }}",
        json!("a"),
    );
    check(
        "{{ form.rows[1].title }}{{ form.rows[-1].title }}",
        json!("bb"),
    );
    check(
        "{{ form.rows|sort(attribute='qty')|map('title')|list }}",
        json!(["b", "a"]),
    );
    check("{{ form.rows|group_by('qty')|map('key') }}", json!([2, 1]));
    check(
        "{% for row in form.rows %}{{ loop.index }}{{ row.title }}{% if not loop.last %}-{% endif %}{% endfor %}",
        json!("1a-2b"),
    );
    check(
        "{% for row in form.rows if row.qty > 5 %}x{% else %}none{% endfor %}",
        json!("none"),
    );
    check("{% set a = 2 %}{{ a * 2 }}{{ a }}", json!("42"));
    check(
        "{% set a %}T{{ form.n }}{% endset %}[{{ a }}]",
        json!("[T3]"),
    );
    check("{{ 'yes' if form.n > 2 else 'no' }}", json!("yes"));
    check("{{ 'a' in 'abc' and 3 in [1, 3] }}", json!(true));
    check(
        "{{ 'ab cd'|title }} {{ 'a long text here'|truncate(8) }}",
        json!("Ab Cd a long…"),
    );
    check(
        "{{ 'DE02 12030000000020205 1'|grouped }}",
        json!("DE02\u{a0}1203\u{a0}0000\u{a0}0000\u{a0}2020\u{a0}51"),
    );
    check("{{ {'a': 1, 'b': 2}.b }}", json!(2));
    check("{{ 1 < form.n <= 3 }}", json!(true));
}

#[test]
fn mistakes_are_found_when_the_template_is_read() {
    refused(
        "{{ form.n | frist }}",
        "expression_syntax",
        "did you mean first?",
    );
    refused(
        "{{ form.n is evn }}",
        "expression_syntax",
        "did you mean even?",
    );
    refused("{{ open('x') }}", "expression_syntax", "no function");
    refused("{{ form.n.foo() }}", "expression_syntax", "cannot be used");
    refused("{{ 1 + }}", "expression_syntax", "");
    refused("{% include 'x' %}", "expression_syntax", "");
    refused("{{ form.n", "expression_syntax", "");
    // Never rounded unseen.
    refused(
        "{{ 0.12345678901234567890123456789 }}",
        "expression_syntax",
        "28 digits",
    );
}

#[test]
fn hostile_templates_end() {
    let loops = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    refused(loops, "expression_too_long", "");
    refused(
        "{% set a = 'xxxxxxxxxxxxxxxx' %}{% for i in range(60) %}{% set a = a ~ a %}{% endfor %}{% set a = a ~ a ~ a %}{{ a }}{% for i in range(9000) %}{{ a ~ a ~ a ~ a }}{{ a|upper|replace('X', a) }}{% endfor %}",
        "expression_too_long",
        "",
    );
    refused(
        &format!("{{{{ {} }}}}", "(".repeat(2000)),
        "expression_syntax",
        "",
    );
    refused(
        &format!("{{{{ {}1 }}}}", "-".repeat(60_000)),
        "expression_syntax",
        "too long",
    );
    refused(
        &format!("{{{{ {}1 }}}}", "not ".repeat(900)),
        "expression_syntax",
        "deep",
    );
    refused(
        &format!("{{{{ 1{} }}}}", "+1".repeat(20_000)),
        "expression_syntax",
        "too long",
    );
    refused(&"{% if 1 %}".repeat(5_000), "expression_syntax", "too long");
    refused(
        &format!("{{{{ 1 }}}}{}", "a".repeat(70_000)),
        "expression_syntax",
        "longer than",
    );
}

#[test]
fn an_output_is_never_a_template() {
    let mut values = Record::new();
    values.insert("a".into(), Value::Text("{{ b }}".into()));
    values.insert("b".into(), Value::Text("secret".into()));
    let text = Template("<{{ a }}>".into()).render(&values, "en");
    assert_eq!(text, Ok("<{{ b }}>".into()));
}

#[test]
fn references_have_spans_and_guards() {
    let template = Template("Dear {{ form.name }} {{ form.note|default('') }}{% for r in form.rows %}{{ r.qty }}{% endfor %}".into());
    let found: Vec<(String, bool, &str)> = template
        .references()
        .expect("good syntax")
        .into_iter()
        .map(|reference| {
            (
                reference.path.join("."),
                reference.guarded,
                &template.0[reference.span],
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("form.name".to_owned(), false, "form.name"),
            ("form.note".to_owned(), true, "form.note"),
            ("form.rows".to_owned(), false, "form.rows"),
        ]
    );
}

#[test]
fn what_is_shown_is_told_from_what_is_computed() {
    let check = |text: &str, shown: Option<&str>, reads: &[&str]| {
        let program = Template(text.into()).compile().expect("good syntax");
        let found = program.shown().map(|path| path.join("."));
        assert_eq!(found.as_deref(), shown, "{text}");
        let paths: Vec<String> = program.reads().iter().map(|path| path.join(".")).collect();
        assert_eq!(paths, reads, "{text}");
    };
    check("{{ form.name }}", Some("form.name"), &["form.name"]);
    check(
        " {{ form.due | date('long') | default('–') }} ",
        Some("form.due"),
        &["form.due"],
    );
    check("{{ a | default(b) }}", None, &["a", "b"]);
    check("{{ lines | sum('net') | money }}", None, &["lines"]);
    check("{{ a + a }}", None, &["a"]);
    check("Dear {{ a }}", None, &["a"]);
    check("{% if a %}{{ b }}{% endif %}", None, &["a", "b"]);
    check("plain", None, &[]);
}

fn scope() -> Kind {
    let field = |name: &str, kind: Kind, optional: bool| crate::kind::Field {
        name: name.into(),
        title: String::new(),
        kind,
        optional,
    };
    let rows = Kind::rows(vec![
        field("title", Kind::text(), false),
        field("amount", Kind::money(), false),
        field("price", Kind::Money { decimals: Some(4) }, false),
    ]);
    let form = Kind::Record {
        fields: vec![
            field("customer", Kind::text(), false),
            field("note", Kind::text(), true),
            field("day", Kind::Date, false),
            field("rows", rows, false),
        ],
    };
    Kind::Record {
        fields: vec![field("form", form, false)],
    }
}

fn inferred(template: &str, kind: &Kind, codes: &[&str]) {
    let (found, problems) = infer(&Template(template.into()), &scope(), false);
    let found_codes: Vec<&str> = problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect();
    assert_eq!(found_codes, codes, "{template}: {problems:?}");
    assert_eq!(found, *kind, "{template}");
}

#[test]
fn an_invoice_is_settled_and_its_kind_known() {
    let lines = "[{'name': 'A', 'quantity': 2, 'unit_price': net, 'vat_rate': '19', 'sku': 'x'}, \
                  {'name': 'B', 'quantity': 1, 'unit_price': 7, 'vat_rate': 0}]";
    let money = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    let read = |lines: &str, rest: &str| format!("{{{{ ({lines}|invoice({rest})).{{}} }}}}");
    let total =
        |lines: &str, arguments: &str, path: &str| read(lines, arguments).replace("{}", path);
    check(&total(lines, "", "totals.payable"), money("245.00"));
    check(
        &total(lines, "prices='gross', prepaid=net", "totals.payable"),
        money("107.00"),
    );
    check(&total(lines, "", "lines[0].sku"), json!("x"));
    check(
        &total(lines, "", "taxes|sum(attribute='tax')"),
        money("38.00"),
    );
    check(&total(lines, "", "problems|length"), json!(0));
    let whole = format!("{{'number': 'R-1', 'lines': {lines}}}");
    check(
        &total(&whole, "", "problems[0].code"),
        json!("invoice_date_missing"),
    );
    refused(
        &total(lines, "price='gross'", "totals.payable"),
        "expression_failed",
        "prices",
    );
    refused(
        &total(
            "[{'quantity': 1, 'unit_price': usd, 'vat_rate': 7}]",
            "prepaid=net",
            "totals.payable",
        ),
        "expression_failed",
        "/prepaid",
    );
    inferred(
        "{{ ([{'quantity': 1, 'unit_price': 2, 'vat_rate': 7}]|invoice).totals.payable }}",
        &Kind::money(),
        &[],
    );
    inferred(
        "{{ ([{'quantity': 1, 'unit_price': 2, 'vat_rate': 7}]|invoice).totals.payabel }}",
        &Kind::Any,
        &[],
    );
    inferred(
        "{{ ([{'quantity': 1, 'price': 2, 'vat_rate': 7}]|invoice).totals.net }}",
        &Kind::money(),
        &["unknown_reference"],
    );
}

#[test]
fn tax_is_that_of_each_rates_sum() {
    let rows = "[{'a': net, 'r': 19}, {'a': tax, 'r': '7.5'}, {'a': net, 'r': 19}]";
    check(
        &format!("{{{{ {rows}|tax_lines('a', 'r') }}}}"),
        json!([
            {"rate": "19", "net": {"amount": "200.00", "currency": "EUR"}, "tax": {"amount": "38.00", "currency": "EUR"}},
            {"rate": "7.5", "net": {"amount": "19.00", "currency": "EUR"}, "tax": {"amount": "1.43", "currency": "EUR"}},
        ]),
    );
}

#[test]
fn kinds_are_known_before_the_run() {
    inferred(
        "{{ form.rows|sum(attribute='amount') }}",
        &Kind::money(),
        &[],
    );
    let price = |decimals| Kind::Money {
        decimals: Some(decimals),
    };
    let row = "form.rows[0]";
    inferred(&format!("{{{{ {row}.price }}}}"), &price(4), &[]);
    inferred(
        &format!("{{{{ {row}.price + {row}.amount }}}}"),
        &price(4),
        &[],
    );
    inferred(&format!("{{{{ {row}.price * 2 }}}}"), &Kind::money(), &[]);
    inferred(&format!("{{{{ {row}.price|round(2) }}}}"), &price(2), &[]);
    inferred(&format!("{{{{ {row}.price|round }}}}"), &Kind::money(), &[]);
    inferred("{{ form.day + 14 }}", &Kind::Date, &[]);
    inferred("{{ form.rows|length * 2 }}", &Kind::Integer, &[]);
    inferred("Hi {{ form.customer }}", &Kind::text(), &[]);
    inferred("{{ form.custmer }}", &Kind::Any, &["unknown_reference"]);
    inferred("{{ frm.customer }}", &Kind::Any, &["unknown_reference"]);
    inferred("{{ form.note }}", &Kind::text(), &["default_missing"]);
    inferred("{{ form.note|default('') }}", &Kind::text(), &[]);
    inferred(
        "{% if form.note %}{{ form.note }}{% endif %}",
        &Kind::text(),
        &[],
    );
    inferred("{{ form.note if form.note else 'x' }}", &Kind::text(), &[]);
    inferred(
        "{% for r in form.rows %}{{ r.titel }}{% endfor %}",
        &Kind::text(),
        &["unknown_reference"],
    );
    inferred("{{ form.day * 2 }}", &Kind::Any, &["expression_wrong_kind"]);
    inferred(
        "{{ form.customer > 3 }}",
        &Kind::YesNo,
        &["expression_wrong_kind"],
    );
    inferred(
        "{{ form.rows|sum(attribute='title') }}",
        &Kind::Any,
        &["expression_wrong_kind"],
    );
    inferred(
        "{{ form.rows|avg(attribute='amount') }}",
        &Kind::money(),
        &["default_missing"],
    );
    inferred(
        "{{ form.rows|avg(attribute='title')|default(0) }}",
        &Kind::Any,
        &["expression_wrong_kind"],
    );
    inferred("{{ form.day|date('long', 'pt-BR') }}", &Kind::text(), &[]);
    inferred(
        "{{ form.day|date('long', 'german') }}",
        &Kind::text(),
        &["expression_wrong_kind"],
    );
    inferred("{{ form }} x", &Kind::text(), &["expression_no_text"]);
    inferred("{{ 1 + }}", &Kind::Any, &["expression_syntax"]);
    let (_, problems) = infer(&Template("{{ form.custmer }}".into()), &scope(), false);
    assert_eq!(problems[0].params["close"], json!("form.customer"));
    assert_eq!(problems[0].params["span"], json!([3, 15]));
}
