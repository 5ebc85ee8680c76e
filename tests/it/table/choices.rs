//! Forms that offer the rows of a table.

use std::time::Duration;

use formwork_tests::{Office, office::Answer, visitor};
use serde_json::{Value as Json, json};

use super::{Hotels, by_name, columns, ended, quote};

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
    let ticket = visitor::ticket(&html).unwrap();
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    // A row goes while the form is open: the visitor is told, and chooses among those that are left.
    hotels.delete(&owner, "Adler").await;
    let send = |hotel: &'static str| {
        let answers = [
            ("_ticket", ticket),
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
    let ticket = visitor::ticket(&html).unwrap();
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    let answers = [
        ("_ticket", ticket),
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
