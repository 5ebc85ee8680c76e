//! Tables and files: rows come from a CSV file and go into one.

use formwork_tests::Office;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{Hotels, codes};

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
