//! The firm's tables: what the API takes and refuses, and two people at one table. What all of their tests begin with is here; files, steps
//! that look rows up, workflows that use tables and forms that offer rows have files of their own.

mod choices;
mod file;
mod lookup;
mod used;

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

    /// Writes cells of the row of this name.
    async fn set(&self, caller: &Caller, name: &str, cells: Json) {
        let row = self.row(caller, name).await;
        let set =
            json!([{"op": "set", "row": row["id"], "revision": row["revision"], "cells": cells}]);
        self.change(caller, set).await.expect(200);
    }

    async fn delete(&self, caller: &Caller, name: &str) {
        let row = self.row(caller, name).await;
        let delete = json!([{"op": "delete", "row": row["id"], "revision": row["revision"]}]);
        self.change(caller, delete).await.expect(200);
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
