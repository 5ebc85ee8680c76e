//! The firm's tables: what the API takes and refuses, two people at one table, what a step finds in them, and forms that offer rows.

use std::time::Duration;

use formwork_tests::{
    Office,
    office::{Answer, Caller},
};
use reqwest::Method;
use serde_json::{Value as Json, json};

/// A table of three hotels, with its ids.
struct Hotels {
    id: String,
    path: String,
}

fn columns() -> Json {
    json!([
        {"name": "name", "title": "Hotel", "kind": "text"},
        {"name": "price", "title": "Price", "kind": "money", "currency": "EUR"},
        {"name": "city", "title": "City", "kind": "text", "optional": true},
    ])
}

impl Hotels {
    async fn new(owner: &Caller) -> Self {
        let body = json!({"name": "Hotels", "columns": columns(), "name_column": "name"});
        let made = owner.post("/api/tables", body).await.expect(201);
        let id = made["id"].as_str().unwrap().to_owned();
        let hotels = Self {
            path: format!("/api/tables/{id}"),
            id,
        };
        let add = |name: &str, price: &str, city: &str| json!({"op": "add", "cells": {"name": name, "price": price, "city": city}});
        let rows = [
            add("Adler", "120", "Rome"),
            add("Post", "90", "Bern"),
            add("Krone", "150", "Bern"),
        ];
        hotels.change(owner, json!(rows)).await.expect(200);
        hotels
    }

    async fn change(&self, caller: &Caller, changes: Json) -> Answer {
        let version = caller.get(&self.path).await.expect(200)["version"].clone();
        let body = json!({"version": version, "locale": "en", "changes": changes});
        caller.post(&format!("{}/rows", self.path), body).await
    }

    async fn rows(&self, caller: &Caller) -> Vec<Json> {
        let page = caller.get(&format!("{}/rows", self.path)).await.expect(200);
        page["items"].as_array().unwrap().clone()
    }

    async fn row(&self, caller: &Caller, name: &str) -> Json {
        let rows = self.rows(caller).await;
        rows.into_iter()
            .find(|row| row["cells"]["name"] == name)
            .unwrap()
    }

    async fn names(&self, caller: &Caller) -> String {
        let rows = self.rows(caller).await;
        let names: Vec<_> = rows
            .iter()
            .map(|row| row["cells"]["name"].as_str().unwrap())
            .collect();
        names.join(" ")
    }

    async fn write(&self, caller: &Caller, columns: Json, accept_loss: bool) -> Answer {
        let now = caller.get(&self.path).await.expect(200);
        let body = json!({
            "base_version": now["version"], "name": now["name"], "columns": columns, "name_column": "name", "accept_loss": accept_loss,
        });
        caller.put(&self.path, body).await
    }

    async fn import(&self, caller: &Caller, query: &str, file: &str) -> Answer {
        let version = caller.get(&self.path).await.expect(200)["version"].clone();
        let path = format!("{}/import?version={version}&{query}", self.path);
        let request = caller
            .request(Method::POST, &path)
            .header("content-type", "text/csv");
        caller.send(request.body(file.to_owned())).await
    }
}

fn codes(answer: &Answer) -> Vec<(String, String)> {
    let problems = answer.json["problems"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let told = problems.iter().map(|problem| {
        let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        (text("pointer"), text("code"))
    });
    told.collect()
}

#[tokio::test]
async fn rows_are_added_changed_moved_and_deleted_all_or_none() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    assert_eq!(hotels.names(&owner).await, "Adler Post Krone");
    let (adler, krone) = (
        hotels.row(&owner, "Adler").await,
        hotels.row(&owner, "Krone").await,
    );
    let done = hotels
        .change(
            &owner,
            json!([
                {"op": "add", "first": true, "cells": {"name": "Bär", "price": "1,000.5"}},
                {"op": "add", "after": adler["id"], "cells": {"name": "Sonne", "price": "5"}},
                {"op": "move", "row": krone["id"], "after": adler["id"]},
                {"op": "set", "row": adler["id"], "revision": adler["revision"], "cells": {"city": "Turin"}},
            ]),
        )
        .await
        .expect(200);
    assert_eq!(
        (done["items"].as_array().unwrap().len(), &done["row_count"]),
        (4, &json!(5))
    );
    assert_eq!(hotels.names(&owner).await, "Bär Adler Krone Sonne Post");
    assert_eq!(
        hotels.row(&owner, "Bär").await["cells"]["price"],
        json!({"amount": "1000.50", "currency": "EUR"})
    );
    let refused = hotels
        .change(
            &owner,
            json!([
                {"op": "delete", "row": krone["id"], "revision": done["revision"]},
                {"op": "add", "cells": {"name": " ", "price": "cheap", "pool": "x"}},
            ]),
        )
        .await;
    assert_eq!(
        codes(&refused),
        [
            ("/changes/1/cells/pool", "table_column_unknown"),
            ("/changes/1/cells/name", "required"),
            ("/changes/1/cells/price", "number"),
        ]
        .map(|(at, code)| (at.to_owned(), code.to_owned()))
    );
    let twice = hotels
        .change(
            &owner,
            json!([{"op": "add", "cells": {"name": "ADLER", "price": "1"}}]),
        )
        .await;
    assert_eq!(
        codes(&twice),
        [(
            "/changes/0/cells/name".to_owned(),
            "row_name_taken".to_owned()
        )]
    );
    assert_eq!(hotels.names(&owner).await, "Bär Adler Krone Sonne Post");
    // Many rows at one place: there is always room for another one.
    for number in 0..40 {
        let add = json!([{"op": "add", "after": adler["id"], "cells": {"name": format!("N{number}"), "price": "1"}}]);
        hotels.change(&owner, add).await.expect(200);
    }
    let names = hotels.names(&owner).await;
    assert!(
        names.starts_with("Bär Adler N39 N38 N37") && names.ends_with("N1 N0 Krone Sonne Post"),
        "{names}"
    );
    office.close().await;
}

#[tokio::test]
async fn two_people_at_one_table_overwrite_nothing_and_see_each_other() {
    let (office, owner) = Office::open().await;
    let member = office.member(&owner).await;
    let hotels = Hotels::new(&owner).await;
    let seen = owner
        .get(&format!("{}/rows", hotels.path))
        .await
        .expect(200)["revision"]
        .clone();
    let adler = hotels.row(&owner, "Adler").await;
    let set = |price: &str| json!([{"op": "set", "row": adler["id"], "revision": adler["revision"], "cells": {"price": price}}]);
    hotels.change(&member, set("130")).await.expect(200);
    let late = hotels.change(&owner, set("99")).await;
    assert_eq!((late.status, late.kind()), (409, "row_changed"));
    assert_eq!(
        hotels.row(&owner, "Adler").await["cells"]["price"]["amount"],
        "130.00"
    );
    // Another row is no conflict, although the table has changed since.
    let post = hotels.row(&owner, "Post").await;
    let delete = json!([{"op": "delete", "row": post["id"], "revision": post["revision"]}]);
    hotels.change(&owner, delete.clone()).await.expect(200);
    let gone = hotels.change(&member, delete).await;
    assert_eq!((gone.status, gone.kind()), (409, "row_gone"));
    let news = member
        .get(&format!("{}/rows?since={seen}", hotels.path))
        .await
        .expect(200);
    assert_eq!(news["items"][0]["cells"]["price"]["amount"], "130.00");
    assert_eq!(
        (news["deleted"].as_array().unwrap().len(), &news["reload"]),
        (1, &json!(false))
    );
    // It comes back under its own id.
    let back = json!([{"op": "add", "id": post["id"], "after": adler["id"], "cells": {"name": "Post", "price": "90"}}]);
    hotels.change(&owner, back.clone()).await.expect(200);
    assert_eq!(hotels.change(&owner, back).await.kind(), "row_exists");
    assert_eq!(hotels.names(&owner).await, "Adler Post Krone");
    // Columns that others changed: what was typed for the old ones is not taken.
    let version = owner.get(&hotels.path).await.expect(200)["version"].clone();
    let mut more = columns();
    more.as_array_mut()
        .unwrap()
        .push(json!({"name": "stars", "title": "Stars", "kind": "integer", "optional": true}));
    hotels.write(&member, more, false).await.expect(200);
    let body = json!({"version": version, "changes": [{"op": "delete", "row": post["id"], "revision": 99}]});
    let stale = owner.post(&format!("{}/rows", hotels.path), body).await;
    assert_eq!((stale.status, stale.kind()), (409, "table_changed"));
    let news = member
        .get(&format!("{}/rows?since={seen}", hotels.path))
        .await
        .expect(200);
    assert_eq!(news["reload"], json!(true));
    office.close().await;
}

#[tokio::test]
async fn new_positions_are_no_change_of_content() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let seen = hotels.row(&owner, "Krone").await;
    let set = |row: &Json, city: &str| json!({"op": "set", "row": row["id"], "revision": row["revision"], "cells": {"city": city}});
    hotels
        .change(&owner, json!([set(&seen, "Basel")]))
        .await
        .expect(200);
    let adler = hotels.row(&owner, "Adler").await;
    // So many between the same two rows that there is no room between them, and all get other positions.
    let added = |from: usize| {
        (from..from + 40).map(|at| json!({"op": "add", "after": adler["id"], "cells": {"name": format!("H{at}"), "price": "1"}}))
    };
    let stale: Vec<Json> = added(0).chain([set(&seen, "Genf")]).collect();
    let refused = hotels.change(&owner, json!(stale)).await;
    assert_eq!((refused.status, refused.kind()), (409, "row_changed"));
    let (krone, post) = (
        hotels.row(&owner, "Krone").await,
        hotels.row(&owner, "Post").await,
    );
    let since = owner.get(&hotels.path).await.expect(200)["revision"].clone();
    // Whoever moves a row and writes it in one call has not been overtaken by herself.
    let good: Vec<Json> = added(0)
        .chain([
            json!({"op": "move", "row": krone["id"], "first": true}),
            set(&krone, "Genf"),
        ])
        .collect();
    let told = hotels.change(&owner, json!(good)).await.expect(200);
    assert_eq!(told["items"].as_array().unwrap().len(), 43);
    let after = hotels.row(&owner, "Post").await;
    assert_eq!(after["revision"], post["revision"]);
    assert_ne!(after["position"], post["position"]);
    // Others learn the positions by reading everything again, and write what they had seen.
    let rows = format!("{}/rows?since={since}", hotels.path);
    assert_eq!(owner.get(&rows).await.expect(200)["reload"], true);
    hotels
        .change(&owner, json!([set(&post, "Turin")]))
        .await
        .expect(200);
    let names = hotels.names(&owner).await;
    assert!(names.starts_with("Krone Adler H39 H38 "), "{names}");
    assert!(names.ends_with(" H0 Post"), "{names}");
    office.close().await;
}

#[tokio::test]
async fn columns_change_only_with_what_that_loses_in_sight() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let fewer = json!([
        {"name": "price", "title": "Per night", "kind": "decimal"},
        {"name": "name", "title": "Hotel", "kind": "text"},
    ]);
    let asked = hotels.write(&owner, fewer.clone(), false).await;
    assert_eq!((asked.status, asked.kind()), (409, "cells_lost"));
    assert_eq!(
        asked.json["current"]["losses"],
        json!([{"column": "city", "title": "City", "removed": true, "cells": 3, "example": "Rome"}])
    );
    assert_eq!(hotels.row(&owner, "Adler").await["cells"]["city"], "Rome");
    let saved = hotels.write(&owner, fewer, true).await.expect(200);
    assert_eq!(
        (&saved["version"], &saved["columns"][0]["title"]),
        (&json!(2), &json!("Per night"))
    );
    assert_eq!(
        hotels.row(&owner, "Adler").await["cells"],
        json!({"price": "120.00", "name": "Adler"})
    );
    let gap = json!([
        {"name": "name", "title": "Hotel", "kind": "text"}, {"name": "price", "title": "Price", "kind": "decimal"},
        {"name": "stars", "title": "Stars", "kind": "integer"},
    ]);
    let refused = hotels.write(&owner, gap, true).await;
    assert_eq!(
        codes(&refused),
        [(
            "/columns/2/optional".to_owned(),
            "table_column_gaps".to_owned()
        )]
    );
    let bad = owner
        .post(
            "/api/tables",
            json!({"name": "X", "columns": [], "name_column": null}),
        )
        .await;
    assert_eq!(
        codes(&bad),
        [("/columns".to_owned(), "table_column_count".to_owned())]
    );
    let twice = owner
        .post(
            "/api/tables",
            json!({"name": "hotels", "columns": columns()}),
        )
        .await;
    assert_eq!((twice.status, twice.kind()), (409, "table_name_taken"));
    office.close().await;
}

#[tokio::test]
async fn a_table_has_limits_and_says_them() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let long = "x".repeat(2_001);
    let refused = hotels
        .change(
            &owner,
            json!([{"op": "add", "cells": {"name": long, "price": "1"}}]),
        )
        .await;
    assert_eq!(
        codes(&refused),
        [("/changes/0/cells/name".to_owned(), "too_long".to_owned())]
    );
    let many: Vec<Json> = (0..2_001)
        .map(|_| json!({"op": "add", "cells": {}}))
        .collect();
    let refused = hotels.change(&owner, json!(many)).await;
    assert_eq!(
        codes(&refused),
        [("/changes".to_owned(), "table_change_count".to_owned())]
    );
    let file: String = std::iter::once("Hotel,Price\n".to_owned())
        .chain((0..19_998).map(|number| format!("H{number},1\n")))
        .collect();
    let told = hotels
        .import(&owner, "locale=en&mode=append&apply=true", &file)
        .await
        .expect(200);
    assert_eq!(
        (&told["applied"], &told["problems"][0]["code"]),
        (&json!(false), &json!("table_row_count"))
    );
    let told = hotels
        .import(&owner, "locale=en&mode=replace&apply=true", &file)
        .await
        .expect(200);
    assert_eq!(
        (&told["applied"], &told["row_count"]),
        (&json!(true), &json!(19_998))
    );
    let add = |name: &str| json!([{"op": "add", "cells": {"name": name, "price": "1"}}]);
    hotels.change(&owner, add("a")).await.expect(200);
    hotels.change(&owner, add("b")).await.expect(200);
    let full = hotels.change(&owner, add("c")).await;
    assert_eq!((full.status, full.kind()), (409, "table_full"));
    // Everything is read page by page, each row once.
    let (mut next, mut read) = (String::new(), 0);
    loop {
        let page = owner
            .get(&format!("{}/rows{next}", hotels.path))
            .await
            .expect(200);
        read += page["items"].as_array().unwrap().len();
        match page["next"].as_str() {
            Some(cursor) => next = format!("?after={cursor}"),
            None => break,
        }
    }
    assert_eq!(read, 20_000);
    for number in 1..50 {
        owner
            .post(
                "/api/tables",
                json!({"name": format!("T{number}"), "columns": columns()}),
            )
            .await
            .expect(201);
    }
    let more = owner
        .post("/api/tables", json!({"name": "T50", "columns": columns()}))
        .await;
    assert_eq!((more.status, more.kind()), (409, "table_limit"));
    office.close().await;
}

#[tokio::test]
async fn a_file_is_taken_only_without_a_problem_and_comes_out_as_it_went_in() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let wrong = "Hotel;Price;Stars\nSonne;teuer;4\nAdler;99;3\n";
    let told = hotels
        .import(&owner, "locale=de&mode=append&apply=true", wrong)
        .await
        .expect(200);
    assert_eq!(
        (&told["applied"], &told["problem_count"], &told["delimiter"]),
        (&json!(false), &json!(2), &json!(";"))
    );
    assert_eq!(
        told["problems"][0]["params"],
        json!({"label": "Price", "row": 2, "column": "Price", "content": "teuer"})
    );
    assert_eq!(
        told["headings"][2],
        json!({"text": "Stars", "column": null})
    );
    assert_eq!(hotels.names(&owner).await, "Adler Post Krone");
    let right = "\u{feff}Hotel;Price\r\n=1+1;1.234,50\r\n";
    let told = hotels
        .import(&owner, "locale=de&mode=append", right)
        .await
        .expect(200);
    assert_eq!(
        (&told["applied"], &told["sample"][0]["price"]["amount"]),
        (&json!(false), &json!("1234.50"))
    );
    hotels
        .import(&owner, "locale=de&mode=append&apply=true", right)
        .await
        .expect(200);
    assert_eq!(hotels.names(&owner).await, "Adler Post Krone =1+1");
    let before = hotels.rows(&owner).await;
    let out = owner
        .get(&format!("{}/export?locale=de", hotels.path))
        .await;
    assert_eq!(out.header("content-type"), "text/csv; charset=utf-8");
    let text = String::from_utf8(out.body).unwrap();
    assert!(text.contains("'=1+1;1234,50;"), "{text}");
    hotels
        .import(&owner, "locale=de&mode=replace&apply=true", &text)
        .await
        .expect(200);
    let cells = |rows: &[Json]| {
        rows.iter()
            .map(|row| row["cells"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(cells(&hotels.rows(&owner).await), cells(&before));
    let path = "/api/tables/from-file?name=Customers&locale=en";
    let request = owner
        .request(Method::POST, path)
        .body("No,Customer,Since\n007,Ada,2027-01-02\n");
    let made = owner.send(request).await.expect(201);
    let kinds: Vec<_> = made["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        (kinds.join(" ").as_str(), &made["row_count"]),
        ("text text date", &json!(1))
    );
    let broken = owner
        .send(owner.request(Method::POST, path).body("PK\u{0}\u{3}"))
        .await;
    assert_eq!(codes(&broken)[0].1, "csv_no_text");
    office.close().await;
}

/// A form whose answer is looked up, and a text made of what was found.
fn quote(table: &str, lookup: &Json) -> Json {
    json!({
        "format": "formwork/1", "name": "Quote", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Quote", "fields": [
                {"name": "hotel", "label": "Hotel", "kind": "select", "required": true, "options": [],
                 "choices_from": {"table": table, "column": "name"}},
                {"name": "nights", "label": "Nights", "kind": "number", "decimals": 0, "required": true}]}},
            {"id": "found", "type": "table_lookup", "version": 1, "name": "Look up", "config": lookup},
            {"id": "text", "type": "template_fill", "version": 1, "name": "Text",
             "config": {"template": "{{ found.name }}: {{ found.price * form.nights }}"}},
        ],
        "edges": [{"from": "form", "port": "out", "to": "found"}, {"from": "found", "port": "out", "to": "text"}],
    })
}

fn by_name(table: &str) -> Json {
    json!({"table": table, "conditions": [{"column": "name", "operator": "is", "value": "{{ form.hotel }}"}]})
}

/// The run's end, and the output or the error of a step.
async fn ended(caller: &Caller, run: &str, step: &str) -> (String, Json) {
    let done = caller
        .get(&format!("/api/runs/{run}/wait?wait_ms=20000"))
        .await;
    assert!(done.status < 300, "{}", done.json);
    let run = caller.get(&format!("/api/runs/{run}")).await.expect(200);
    let steps = run["steps"].as_array().unwrap();
    let step = steps.iter().find(|one| one["node"] == step).unwrap();
    let told = if step["error"].is_null() {
        &step["output"]
    } else {
        &step["error"]
    };
    (run["state"].as_str().unwrap().to_owned(), told.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_finds_the_row_as_it_is_when_it_runs() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let published = office
        .publish(&owner, quote(&hotels.id, &by_name(&hotels.id)))
        .await;
    let input = json!({"hotel": "Adler", "nights": 3});
    let trial = format!(
        "/api/workflows/{}/trial-runs",
        published["id"].as_str().unwrap()
    );
    let run = owner
        .post(&trial, json!({"revision": 1, "input": input}))
        .await
        .expect(202);
    let (state, text) = ended(&owner, run["id"].as_str().unwrap(), "text").await;
    assert_eq!(
        (state.as_str(), &text["text"]),
        ("succeeded", &json!("Adler: \u{20ac}360.00"))
    );
    // A price that changes between the trial and the run counts at once; nothing is published again.
    let adler = hotels.row(&owner, "Adler").await;
    let dearer = json!([{"op": "set", "row": adler["id"], "revision": adler["revision"], "cells": {"price": "200"}}]);
    hotels.change(&owner, dearer).await.expect(200);
    let run = owner.start(&published, input.clone()).await;
    let (state, text) = ended(&owner, &run, "text").await;
    assert_eq!(
        (state.as_str(), &text["text"]),
        ("succeeded", &json!("Adler: \u{20ac}600.00"))
    );
    let (_, row) = ended(&owner, &run, "found").await;
    assert_eq!(row["price"], json!({"amount": "200.00", "currency": "EUR"}));
    // What was found was committed before anything went on with it, in a commit of its own.
    let adler = hotels.row(&owner, "Adler").await;
    hotels
        .change(
            &owner,
            json!([{"op": "delete", "row": adler["id"], "revision": adler["revision"]}]),
        )
        .await
        .expect(200);
    let (_, kept) = ended(&owner, &run, "found").await;
    assert_eq!(kept, row);
    // A caller cannot name a row that is not there.
    let path = format!("/api/workflows/{}/runs", published["id"].as_str().unwrap());
    let refused = owner.post(&path, json!({ "input": input })).await;
    assert_eq!(
        codes(&refused),
        [("/input/hotel".to_owned(), "choice_gone".to_owned())]
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_read_again_when_the_table_changed_and_only_then() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let mut document = quote(&hotels.id, &by_name(&hotels.id));
    document["nodes"][0]["config"]["fields"][0] =
        json!({"name": "hotel", "label": "Hotel", "kind": "text", "required": true});
    let published = office.publish(&owner, document).await;
    let check = async |expected: &str| {
        let input = json!({"hotel": "Adler", "nights": 1});
        let run = owner.start(&published, input).await;
        let (_, told) = ended(&owner, &run, "found").await;
        let amount = &told["price"]["amount"];
        let told = amount.as_str().or(told["code"].as_str());
        assert_eq!(told, Some(expected));
    };
    check("120.00").await;
    // What nobody wrote through the program is not noticed before the revision says so: nothing was read.
    office.sql("update data_row set cells = jsonb_set(cells, '{price,amount}', '\"1.00\"')");
    check("120.00").await;
    office.sql("update data_table set revision = revision + 1");
    check("1.00").await;
    // The people's changes are another process's to the one that runs this.
    let adler = hotels.row(&owner, "Adler").await;
    let dearer = json!([{"op": "set", "row": adler["id"], "revision": adler["revision"], "cells": {"price": "200"}}]);
    hotels.change(&owner, dearer).await.expect(200);
    check("200.00").await;
    let adler = hotels.row(&owner, "Adler").await;
    let gone = json!([{"op": "delete", "row": adler["id"], "revision": adler["revision"]}]);
    hotels.change(&owner, gone).await.expect(200);
    check("no_row").await;
    let back =
        json!([{"op": "add", "id": adler["id"], "cells": {"name": "Adler", "price": "210"}}]);
    hotels.change(&owner, back).await.expect(200);
    check("210.00").await;
    hotels
        .import(
            &owner,
            "locale=en&mode=replace&apply=true",
            "Hotel,Price\nAdler,220\n",
        )
        .await
        .expect(200);
    check("220.00").await;
    // A column that the version does not know goes no further than the table; one that it reads is missed at once.
    let mut wider = columns();
    let stars = json!({"name": "stars", "title": "Stars", "kind": "integer", "optional": true});
    wider.as_array_mut().unwrap().push(stars);
    hotels.write(&owner, wider, false).await.expect(200);
    check("220.00").await;
    let less = json!([{"name": "name", "title": "Hotel", "kind": "text"}]);
    hotels.write(&owner, less, true).await.expect(200);
    check("table_column_changed").await;
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn none_and_several_rows_are_told_and_never_guessed() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let lookup = |value: &str, find: &str, if_none: &str| {
        let conditions = json!([{"column": "city", "operator": "is", "value": value}]);
        json!({"table": hotels.id, "conditions": conditions, "find": find, "if_none": if_none})
    };
    let input = json!({"hotel": "Post", "nights": 2});
    for (config, code) in [
        (lookup("Bern", "one", "fail"), "several_rows"),
        (lookup("Paris", "one", "fail"), "no_row"),
        (lookup("Paris", "first", "fail"), "no_row"),
    ] {
        let run = office
            .start(&owner, quote(&hotels.id, &config), input.clone())
            .await;
        let (state, error) = ended(&owner, &run, "found").await;
        assert_eq!((state.as_str(), &error["code"]), ("failed", &json!(code)));
        assert_eq!(error["params"]["table"], "Hotels");
    }
    let run = office
        .start(
            &owner,
            quote(&hotels.id, &lookup("Bern", "first", "fail")),
            input.clone(),
        )
        .await;
    let (_, row) = ended(&owner, &run, "found").await;
    assert_eq!(row["name"], "Post");
    // On the way of nothing found, and behind it, the row may be missing: whoever reads it must say what then.
    let mut ways = quote(&hotels.id, &lookup("Paris", "one", "way"));
    ways["edges"][1] = json!({"from": "found", "port": "found", "to": "text"});
    ways["edges"]
        .as_array_mut()
        .unwrap()
        .push(json!({"from": "found", "port": "not_found", "to": "text"}));
    let made = owner
        .post("/api/workflows", json!({ "document": ways }))
        .await
        .expect(201);
    let path = format!("/api/workflows/{}/check", made["id"].as_str().unwrap());
    let checked = owner
        .post(&path, json!({ "document": made["draft"]["document"] }))
        .await
        .expect(200);
    let told: Vec<_> = checked["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["code"].as_str().unwrap())
        .collect();
    assert!(told.contains(&"default_missing"), "{told:?}");
    ways["nodes"][2]["config"]["template"] = json!("{{ found.name | default('nothing') }}");
    let run = office.start(&owner, ways, input).await;
    let (state, text) = ended(&owner, &run, "text").await;
    assert_eq!(
        (state.as_str(), &text["text"]),
        ("succeeded", &json!("nothing"))
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_workflow_needs_of_a_table_is_checked_pinned_and_kept() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let published = office
        .publish(&owner, quote(&hotels.id, &by_name(&hotels.id)))
        .await;
    let used = owner.delete(&hotels.path).await;
    assert_eq!((used.status, used.kind()), (409, "table_used"));
    assert_eq!(
        owner.get(&hotels.path).await.expect(200)["used_by"][0]["name"],
        "Quote"
    );
    // One that nothing reads goes, and runs go on.
    let less = json!([{"name": "name", "title": "Hotel", "kind": "text"}, {"name": "price", "title": "Price", "kind": "money", "currency": "EUR"}]);
    hotels.write(&owner, less, true).await.expect(200);
    let run = owner
        .start(&published, json!({"hotel": "Adler", "nights": 1}))
        .await;
    assert_eq!(ended(&owner, &run, "text").await.0, "succeeded");
    // A column that the step reads goes: the editor says so, publishing is refused, and a run of the live version fails in words.
    let less = json!([{"name": "name", "title": "Hotel", "kind": "text"}, {"name": "city", "title": "City", "kind": "text", "optional": true}]);
    hotels.write(&owner, less, true).await.expect(200);
    let run = owner
        .start(&published, json!({"hotel": "Adler", "nights": 1}))
        .await;
    let (state, error) = ended(&owner, &run, "found").await;
    assert_eq!(
        (state.as_str(), &error["code"], &error["params"]["column"]),
        ("failed", &json!("table_column_changed"), &json!("Price"))
    );
    let path = format!("/api/workflows/{}", published["id"].as_str().unwrap());
    let refused = owner
        .post(&format!("{path}/publish"), json!({"base_revision": 1}))
        .await;
    assert_eq!(
        (refused.status, codes(&refused)[0].1.as_str()),
        (422, "unknown_reference")
    );
    // Nobody of another workspace, and no id of nobody: the check tells it like a table that is gone.
    let nobody = "01890000-0000-7000-8000-000000000000";
    let body = json!({"document": quote(nobody, &by_name(nobody))});
    let checked = owner.post(&format!("{path}/check"), body).await.expect(200);
    let told: Vec<_> = checked["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| {
            (
                problem["pointer"].as_str().unwrap(),
                problem["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(
        told.contains(&(
            "/nodes/0/config/fields/0/choices_from/table",
            "table_missing"
        )),
        "{told:?}"
    );
    assert!(
        told.contains(&("/nodes/1/config/table", "table_missing")),
        "{told:?}"
    );
    office.close().await;
}

/// A form that asks for nothing.
fn plain() -> Json {
    json!({
        "format": "formwork/1", "name": "Quote", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [{"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Quote", "fields": [
            {"name": "note", "label": "Note", "kind": "text"}]}}],
        "edges": [],
    })
}

/// Saves a draft on top of revision `base` of a workflow.
async fn save(owner: &Caller, path: &str, base: u32, document: Json) {
    let draft = json!({"base_revision": base, "document": document});
    owner.put(&format!("{path}/draft"), draft).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_while_a_workflow_is_published_is_not_pinned() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let series = json!({"name": "Quotes", "pattern": "Q-{{ year }}-{{ number }}"});
    let series = owner.post("/api/series", series).await.expect(201);
    let mut document = quote(&hotels.id, &by_name(&hotels.id));
    document["nodes"].as_array_mut().unwrap().extend([
        json!({"id": "no", "type": "number_draw", "version": 1, "name": "Number", "config": {"series": series["id"]}}),
        json!({"id": "page", "type": "pdf_render", "version": 1, "name": "Page", "config": {
            "document": "quote", "file_name": "quote.pdf", "values": {"hotel": "{{ form.hotel }}"}}}),
    ]);
    document["edges"].as_array_mut().unwrap().extend([
        json!({"from": "text", "port": "out", "to": "no"}),
        json!({"from": "no", "port": "out", "to": "page"}),
    ]);
    document["documents"] = json!({"quote": {
        "format": "formwork-document/1", "title": "Quote", "fields": [{"name": "hotel", "title": "Hotel", "kind": "text"}],
        "blocks": [{"id": "a", "type": "text", "text": "{{ hotel }}"}]}});
    let made = json!({ "document": document });
    let made = owner.post("/api/workflows", made).await.expect(201);
    let path = format!("/api/workflows/{}/publish", made["id"].as_str().unwrap());
    for table in ["data_table", "document", "series"] {
        let deleting = format!("update {table} set deleted_at = now()");
        let deleting = office.db.hold(&deleting);
        let (caller, at) = (owner.clone(), path.clone());
        let publishing =
            tokio::spawn(async move { caller.post(&at, json!({"base_revision": 1})).await });
        office.db.until_waiting(1).await;
        deleting.commit();
        let refused = publishing.await.unwrap();
        assert_eq!(
            (refused.status, refused.kind()),
            (409, "resource_gone"),
            "{table}"
        );
        assert_eq!(office.sql("select count(*) from version"), "0", "{table}");
        office.sql(&format!("update {table} set deleted_at = null"));
    }
    let published = owner.post(&path, json!({"base_revision": 1})).await;
    published.expect(201);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_gets_a_user_while_it_is_deleted_stays() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let made = json!({ "document": plain() });
    let made = owner.post("/api/workflows", made).await.expect(201);
    let path = format!("/api/workflows/{}", made["id"].as_str().unwrap());
    // As another publication would hold it.
    let holding = format!(
        "select from data_table where id = '{}' for share",
        hotels.id
    );
    let holding = office.db.hold(&holding);
    let (caller, at) = (owner.clone(), hotels.path.clone());
    let deleting = tokio::spawn(async move { caller.delete(&at).await });
    office.db.until_waiting(1).await;
    save(&owner, &path, 1, quote(&hotels.id, &by_name(&hotels.id))).await;
    let base = json!({"base_revision": 2});
    let published = owner.post(&format!("{path}/publish"), base).await;
    published.expect(201);
    holding.commit();
    let used = deleting.await.unwrap();
    assert_eq!((used.status, used.kind()), (409, "table_used"));
    owner.get(&hotels.path).await.expect(200);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_switched_off_keeps_its_table() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let published = office
        .publish(&owner, quote(&hotels.id, &by_name(&hotels.id)))
        .await;
    let path = format!("/api/workflows/{}", published["id"].as_str().unwrap());
    let off = owner.patch(&path, json!({"state": "off"})).await;
    off.expect(200);
    save(&owner, &path, 1, plain()).await;
    let used = owner.delete(&hotels.path).await;
    assert_eq!((used.status, used.kind()), (409, "table_used"));
    let live = owner.patch(&path, json!({"state": "live"})).await;
    live.expect(200);
    let input = json!({"hotel": "Adler", "nights": 2});
    let run = owner.start(&published, input).await;
    assert_eq!(ended(&owner, &run, "text").await.0, "succeeded");
    let base = json!({"base_revision": 2});
    let replaced = owner.post(&format!("{path}/publish"), base).await;
    replaced.expect(201);
    assert_eq!(owner.delete(&hotels.path).await.status, 204);
    office.close().await;
}

#[tokio::test]
async fn an_export_takes_tables_along_and_an_import_makes_them_anew() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let published = office
        .publish(&owner, quote(&hotels.id, &by_name(&hotels.id)))
        .await;
    let path = format!("/api/workflows/{}", published["id"].as_str().unwrap());
    let file = owner.get(&format!("{path}/export")).await.expect(200);
    assert_eq!(
        (
            &file["nodes"][1]["config"]["table"],
            &file["tables"]["hotels"]["rows"][0]["name"]
        ),
        (&json!("hotels"), &json!("Adler"))
    );
    assert_eq!(
        file["nodes"][0]["config"]["fields"][0]["choices_from"]["table"],
        "hotels"
    );
    assert!(!file.to_string().contains(&hotels.id));
    let made = owner
        .post("/api/workflows", json!({ "document": file }))
        .await
        .expect(201);
    let tables = owner.get("/api/tables").await.expect(200);
    let names: Vec<_> = tables["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| {
            (
                table["name"].as_str().unwrap(),
                table["row_count"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(names, [("Hotels", 3), ("Hotels 2", 3)]);
    assert_eq!(
        made["draft"]["document"]["nodes"][1]["config"]["table"],
        tables["items"][1]["id"]
    );
    // A copy in the same workspace looks into the same table.
    owner
        .post(&format!("{path}/duplicate"), json!({}))
        .await
        .expect(201);
    assert_eq!(
        owner.get("/api/tables").await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let mut broken = file;
    broken["tables"]["hotels"]["rows"][1]["price"] = json!("ninety");
    let refused = owner
        .post("/api/workflows", json!({ "document": broken }))
        .await;
    assert_eq!(
        codes(&refused),
        [(
            "/document/tables/hotels/rows/1/price".to_owned(),
            "number".to_owned()
        )]
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_offers_the_rows_of_the_moment_and_takes_no_other() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let published = office
        .publish(&owner, quote(&hotels.id, &by_name(&hotels.id)))
        .await;
    let form = format!("/f/{}", published["slug"].as_str().unwrap());
    let visitor = office.caller();
    let text = |answer: &Answer| String::from_utf8(answer.body.clone()).unwrap();
    let page = visitor.get(&form).await;
    let html = text(&page);
    let options: Vec<_> = html
        .split("<option value=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(options, ["", "Adler", "Post", "Krone"]);
    let ticket = html
        .split("name=\"_ticket\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    // A row goes while the form is open: the visitor is told, and chooses among those that are left.
    let adler = hotels.row(&owner, "Adler").await;
    hotels
        .change(
            &owner,
            json!([{"op": "delete", "row": adler["id"], "revision": adler["revision"]}]),
        )
        .await
        .expect(200);
    let send = |hotel: &'static str| {
        let answers = [
            ("_ticket", ticket.as_str()),
            ("hotel", hotel),
            ("nights", "2"),
            ("_action", "submit"),
        ];
        visitor.send(visitor.form(&form, &answers))
    };
    let refused = send("Adler").await;
    let html = text(&refused);
    assert_eq!(refused.status, 422);
    assert!(
        html.contains("no longer, on the list") && !html.contains("<option value=\"Adler\""),
        "{html}"
    );
    assert!(html.contains("value=\"2\""), "the other answer stays");
    assert_eq!(send("Krone").await.status, 303);
    let runs = owner.get("/api/runs").await.expect(200);
    let run = runs["items"][0]["id"].as_str().unwrap().to_owned();
    let (_, answers) = ended(&owner, &run, "form").await;
    assert_eq!(answers["hotel"], "Krone");
    // More rows than anybody looks through: they are typed, with suggestions, whatever the capitals.
    let file: String = std::iter::once("Hotel,Price\n".to_owned())
        .chain((0..600).map(|number| format!("House {number},1\n")))
        .collect();
    hotels
        .import(&owner, "locale=en&mode=replace&apply=true", &file)
        .await
        .expect(200);
    let html = text(&visitor.get(&form).await);
    assert!(
        html.contains("list=\"list-1\"")
            && html.contains("<datalist id=\"list-1\"><option value=\"House 0\">"),
        "{html}"
    );
    let ticket = html
        .split("name=\"_ticket\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    let answers = [
        ("_ticket", ticket.as_str()),
        ("hotel", " house 599 "),
        ("nights", "1"),
        ("_action", "submit"),
    ];
    assert_eq!(
        visitor.send(visitor.form(&form, &answers)).await.status,
        303
    );
    let runs = owner.get("/api/runs").await.expect(200);
    let (_, answers) = ended(&owner, runs["items"][0]["id"].as_str().unwrap(), "form").await;
    assert_eq!(answers["hotel"], "House 599");
    office.close().await;
}

#[tokio::test]
async fn tables_of_another_workspace_are_nobodys() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let (other, stranger) = Office::open().await;
    let path = hotels
        .path
        .replace(&hotels.id, "01890000-0000-7000-8000-000000000001");
    for path in [
        path.clone(),
        format!("{path}/rows"),
        format!("{path}/export"),
    ] {
        assert_eq!(stranger.get(&path).await.status, 404, "{path}");
    }
    assert_eq!(office.caller().get(&hotels.path).await.status, 401);
    let forged = Caller {
        csrf: None,
        ..owner.clone()
    };
    assert_eq!(forged.delete(&hotels.path).await.status, 403);
    other.close().await;
    office.close().await;
}

#[tokio::test]
async fn a_column_that_holds_no_texts_any_more_offers_nothing() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let rows: Vec<Json> = hotels.rows(&owner).await;
    let set = |row: &Json| json!({"op": "set", "row": row["id"], "revision": row["revision"], "cells": {"city": "7"}});
    let changes: Vec<Json> = rows.iter().map(set).collect();
    hotels.change(&owner, json!(changes)).await.expect(200);
    let mut document = quote(&hotels.id, &by_name(&hotels.id));
    document["nodes"][0]["config"]["fields"][0]["choices_from"]["column"] = json!("city");
    let published = office.publish(&owner, document).await;
    let form = format!("/f/{}", published["slug"].as_str().unwrap());
    let offers = async || {
        let page = office.caller().get(&form).await;
        String::from_utf8(page.body)
            .unwrap()
            .contains("<option value=\"7\"")
    };
    assert!(offers().await);
    let mut columns = columns();
    columns[2]["kind"] = json!("integer");
    hotels.write(&owner, columns, false).await.expect(200);
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert!(!offers().await);
    office.close().await;
}
