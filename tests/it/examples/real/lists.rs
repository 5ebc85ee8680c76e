//! The examples that go through lists: offers for many readers, vouchers for a group.

use serde_json::{Value as Json, json};

use super::{Agency, Mail, sample, step};
use crate::examples::pdf_text;

#[tokio::test(flavor = "multi_thread")]
async fn readers_hear_of_trips_with_free_places_every_monday() {
    let agency = Agency::open().await;
    let workflow = agency.publish("weekly-offers", |_| ()).await;
    // Monday a week ago, which is past whatever day it is.
    agency.office.sql(
        "update schedule set next_at = (date_trunc('week', now() at time zone 'UTC') - interval '7 days' + interval '8 hours') at time zone 'UTC'",
    );
    let store = agency.office.db.store().await;
    store::schedule::begin_due(&store).await.expect("begun");
    let mails = agency.mails(2).await;
    let clara = mails
        .iter()
        .find(|mail| mail.to == ["clara.hoffmann@example.com"]);
    let clara = clara.expect("a reader");
    assert_eq!(clara.subject, "3 trips with free places");
    clara.says(&["Dear Clara Hoffmann", "€329.00 per person"]);
    let page = pdf_text(&clara.files[0].1);
    for written in [&clara.text, &page] {
        let places: Vec<Option<usize>> = ["Christmas markets", "Lisbon and Sintra", "Madeira"]
            .map(|trip| written.find(trip))
            .into();
        assert!(places[0].is_some(), "{written}");
        assert!(places.is_sorted(), "the cheapest first: {written}");
        assert!(!written.contains("Porto"), "sold out: {written}");
    }
    let run = agency.office.sql("select id from run");
    let told = agency.succeeded(&run).await;
    assert_eq!(step(&told, "each")["output"]["count"], 2);

    // Who cannot be written to is left out, and the run says so.
    let nobody = json!({"op": "add", "cells": {"name": "Nobody", "email": "nobody at all"}});
    agency.change("Readers", |_| vec![nobody]).await;
    let run = agency.owner.start(&workflow, sample(&workflow, 0)).await;
    let told = agency.succeeded(&run).await;
    let each = step(&told, "each");
    assert_eq!(each["output"]["count"], 2);
    let warning = &each["warnings"][0];
    assert_eq!(warning["code"], "entry_left_out", "{each:#}");
    assert_eq!(warning["params"]["number"], 3);
    agency.mails(4).await;

    // With everything sold out nobody is written to.
    let sold_out = |row: &Json| json!({"op": "set", "row": row["id"], "revision": row["revision"], "cells": {"places": "0"}});
    agency
        .change("Offers", |rows| rows.iter().map(sold_out).collect())
        .await;
    let run = agency.owner.start(&workflow, sample(&workflow, 0)).await;
    let told = agency.succeeded(&run).await;
    let rest = &step(&told, "rest")["output"]["message"];
    assert_eq!(*rest, "No trip has free places.");
    assert_eq!(agency.receiver.received().len(), 4);
    agency.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_gets_its_vouchers_and_hears_which_hotels_do_not_know() {
    let agency = Agency::open().await;
    let workflow = agency.publish("group-vouchers", |_| ()).await;
    let run = agency.owner.start(&workflow, sample(&workflow, 0)).await;
    let told = agency.succeeded(&run).await;
    assert_eq!(step(&told, "rooms")["output"]["count"], 2);
    let mails = agency.mails(4).await;
    let mail = |subject: &str| {
        let found = mails.iter().find(|mail| mail.subject.starts_with(subject));
        found.unwrap_or_else(|| panic!("no mail {subject}"))
    };
    let names = |mail: &Mail| -> Vec<String> {
        let names = mail.files.iter().map(|(name, _)| name.clone());
        names.collect()
    };

    // Each hotel's vouchers come together and in the order of the travellers, however many were made at once.
    for hotel in ["Klassik Altstadt Hotel", "Strandhotel Fischland"] {
        let vouchers = mail(&format!("Vouchers for Choir of St. Jakobi: {hotel}"));
        assert_eq!(vouchers.to, ["choir@example.com"]);
        vouchers.says(&["Here are 3 vouchers"]);
        let travellers = ["Clara Hoffmann", "Jonas Brandt", "Zoë Müller-Łukasz"];
        let expected: Vec<String> = (1..)
            .zip(travellers)
            .map(|(number, name)| format!("voucher-{hotel}-{number}-{name}.pdf"))
            .collect();
        assert_eq!(names(vouchers), expected);
        let page = pdf_text(&vouchers.files[1].1);
        for shown in ["Jonas Brandt", "Single room", hotel] {
            assert!(page.contains(shown), "{shown} in {page}");
        }
    }

    let list = mail("Rooming list for Choir of St. Jakobi");
    assert_eq!(list.to, ["groups@klassik-altstadt.example"]);
    list.says(&["Double room: 2", "Single room: 1"]);
    assert_eq!(names(list), ["rooming-list-Choir of St. Jakobi.xlsx"]);
    assert!(list.files[0].1.starts_with(b"PK"), "a workbook");

    // The second hotel is not among the partners.
    let hotels = &step(&told, "hotels")["output"];
    assert_eq!(hotels["count"], 1);
    let failed = &hotels["failed"][0];
    assert_eq!(failed["number"], 2);
    assert_eq!(failed["code"], "no_row");
    let report = mail("Choir of St. Jakobi: the rooming list");
    assert_eq!(report.to, ["choir@example.com"]);
    report.says(&["1 of 2 hotels", "Hotel no. 2", "Strandhotel Fischland"]);

    // Where every hotel is known nothing is left to do.
    let run = agency.owner.start(&workflow, sample(&workflow, 1)).await;
    agency.succeeded(&run).await;
    let mails = agency.mails(7).await;
    let report = mails
        .iter()
        .find(|mail| mail.subject == "Chess club: the rooming list");
    let report = report.expect("a report");
    report.says(&["1 of 1 hotels"]);
    assert!(!report.text.contains("yourself"), "{}", report.text);
    agency.close().await;
}
