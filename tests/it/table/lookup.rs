//! Steps that look rows up: what they find, what they do with none and several, and when rows are read again.

use formwork_tests::Office;
use serde_json::json;

use super::{Hotels, by_name, codes, columns, ended, quote};

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
    hotels.set(&owner, "Adler", json!({"price": "200"})).await;
    let run = owner.start(&published, input.clone()).await;
    let (state, text) = ended(&owner, &run, "text").await;
    assert_eq!(
        (state.as_str(), &text["text"]),
        ("succeeded", &json!("Adler: \u{20ac}600.00"))
    );
    let (_, row) = ended(&owner, &run, "found").await;
    assert_eq!(row["price"], json!({"amount": "200.00", "currency": "EUR"}));
    // What was found was committed before anything went on with it, in a commit of its own.
    hotels.delete(&owner, "Adler").await;
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
    hotels.set(&owner, "Adler", json!({"price": "200"})).await;
    check("200.00").await;
    let adler = hotels.row(&owner, "Adler").await;
    hotels.delete(&owner, "Adler").await;
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
