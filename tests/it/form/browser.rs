//! The form through the whole server, filled in by several browsers.

use std::time::Duration;

use formwork_tests::{
    Office,
    office::{Answer, Caller},
};
use reqwest::{Method, header};
use serde_json::{Value as Json, json};

use super::{MULTIPART, between, order};

async fn office(form: Json) -> (Office, Caller) {
    let (office, owner) = Office::open().await;
    let document = json!({
        "format": "formwork/1", "name": "Order", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [{"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": form}], "edges": []
    });
    office.publish(&owner, document).await;
    (office, owner)
}

/// Opens the form, with whatever cookie the browser holds, and keeps the one it gets.
async fn open(browser: &mut Caller) -> (String, String) {
    let answer = browser.get("/f/order").await;
    assert_eq!(answer.status, 200);
    browser.cookie = answer
        .header("set-cookie")
        .split(';')
        .next()
        .map(str::to_owned);
    let html = html(&answer);
    let ticket = between(&html, "name=\"_ticket\" value=\"", "\"");
    (html, ticket)
}

fn html(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body)
        .replace("&#x2f;", "/")
        .replace("&quot;", "\"")
}

async fn post(browser: &Caller, body: &[(&str, &str)]) -> Answer {
    browser.send(browser.form("/f/order", body)).await
}

/// Sends once the form has been open long enough for a person.
async fn send(browser: &Caller, body: &[(&str, &str)]) -> Answer {
    loop {
        let answer = post(browser, body).await;
        if answer.status != 422 || !html(&answer).contains("faster than people type") {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn upload(browser: &Caller, ticket: &str, name: &str, bytes: &[u8]) -> Answer {
    let head = format!(
        "--b\r\nContent-Disposition: form-data; name=\"_ticket\"\r\n\r\n{ticket}\r\n\
         --b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"{name}\"\r\nContent-Type: image/png\r\n\r\n"
    );
    let body = [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat();
    let request = browser
        .request(Method::POST, "/f/order/uploads")
        .header(header::CONTENT_TYPE, MULTIPART)
        .body(body);
    browser.send(request).await
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

#[tokio::test]
async fn ten_large_files_come_along_with_a_form() {
    let names: Vec<String> = (0..10).map(|at| format!("scan{at}")).collect();
    let fields = names.iter();
    let fields =
        fields.map(|name| json!({"name": name, "label": name, "kind": "file", "required": true}));
    let fields: Vec<Json> = fields.collect();
    let (office, _) = office(json!({"title": "Order", "fields": fields})).await;
    let mut browser = office.caller();
    let (_, ticket) = open(&mut browser).await;
    // Open long enough, and without files.
    let without = send(&browser, &[("_ticket", ticket.as_str())]).await;
    assert_eq!(without.status, 422);
    let part = "--b\r\nContent-Disposition: form-data; name=";
    let mut body = format!("{part}\"_ticket\"\r\n\r\n{ticket}\r\n").into_bytes();
    for name in &names {
        body.extend(format!("{part}\"{name}\"; filename=\"{name}.png\"\r\n\r\n").into_bytes());
        body.extend_from_slice(PNG);
        body.resize(body.len() + 10_000_000 - PNG.len(), 0);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    let request = browser
        .request(Method::POST, "/f/order")
        .header(header::CONTENT_TYPE, MULTIPART)
        .body(body);
    let sent = browser.send(request).await;
    assert_eq!(sent.status, 303, "{}", html(&sent));
    let kept = "select count(*), sum(size_bytes) from artifact where run_id is not null";
    assert_eq!(office.sql(kept), "10|100000000");
    office.close().await;
}

#[tokio::test]
async fn a_reload_a_second_tab_and_a_restart_go_on_with_one_submission() {
    let (office, owner) = office(order()).await;
    let mut browser = office.caller();
    let (_, ticket) = open(&mut browser).await;
    let kept = upload(&browser, &ticket, "me.png", PNG).await.expect(201);
    let id = kept["id"].as_str().unwrap();
    let (reloaded, same) = open(&mut browser).await;
    assert_eq!(same, ticket, "a reload");
    assert!(
        reloaded.contains(&format!("\"id\":\"{id}\"")),
        "the page names the file that it can take up again: {reloaded}"
    );
    let mut restarted = Caller {
        address: office.serve(|_| ()).await,
        ..browser.clone()
    };
    let (_, same) = open(&mut restarted).await;
    assert_eq!(same, ticket, "a restart");
    let answers = [
        ("_ticket", ticket.as_str()),
        ("guest", "Ada"),
        ("photo.kept", id),
    ];
    let (one, other) = tokio::join!(send(&browser, &answers), send(&restarted, &answers));
    assert_eq!((one.status, other.status), (303, 303), "{}", html(&other));
    assert_eq!(one.header("location"), other.header("location"));
    let runs = owner.get("/api/runs").await.expect(200);
    assert_eq!(runs["items"].as_array().unwrap().len(), 1);
    // Sent is sent: the next form is another one, also for a browser that missed the answer.
    assert!(one.header("set-cookie").contains("Max-Age=0"));
    let (_, next) = open(&mut browser).await;
    assert_ne!(next, ticket);
    // Another visitor has another ticket, and cannot use the file.
    let mut stranger = office.caller();
    let (_, foreign) = open(&mut stranger).await;
    assert_ne!(foreign, ticket);
    let stolen = send(
        &stranger,
        &[("_ticket", &foreign), ("guest", "Eve"), ("photo.kept", id)],
    )
    .await;
    assert_eq!(stolen.status, 422);
    office.close().await;
}

#[tokio::test]
async fn rows_and_totals_work_with_buttons_alone() {
    let (office, _owner) = office(order()).await;
    let mut browser = office.caller();
    let (page, ticket) = open(&mut browser).await;
    assert!(page.contains("name=\"items.2.what\"") && !page.contains("name=\"items.3.what\""));
    let filled = [
        ("_ticket", ticket.as_str()),
        ("items.0.what", "a"),
        ("items.0.price", "0.1"),
        ("items.1.what", "b"),
        ("items.1.price", "0,2"),
        ("items.2.what", "c"),
        ("items.2.price", "1.234,50"),
    ];
    let press = async |action: &str| {
        let mut body = filled.to_vec();
        body.push(("_action", action));
        let answer = post(&browser, &body).await;
        assert_eq!(answer.status, 200, "{action}");
        html(&answer)
    };
    let more = press("more:items").await;
    for wanted in [
        "name=\"items.2.price\"",
        "value=\"1.234,50\"",
        "name=\"items.5.what\"",
    ] {
        assert!(more.contains(wanted), "{wanted}");
    }
    let totals = press("recalculate").await;
    // 0.10 + 0.20 + 1234.50, the last one with 19 %.
    assert!(
        totals.contains("data-computed=\"/net\">€1,234.80<"),
        "{totals}"
    );
    assert!(
        totals.contains("data-computed=\"/items/2/taxed\">€1,469.06<"),
        "{totals}"
    );
    assert!(totals.contains("Read as €1,234.50"), "{totals}");
    let fewer = press("remove:items:1").await;
    assert!(
        fewer.contains("data-computed=\"/net\">€1,234.60<"),
        "{fewer}"
    );
    assert!(!fewer.contains("value=\"0,2\""));
    assert!(
        !fewer.contains("role=\"alert\""),
        "helping buttons find no fault"
    );
    office.close().await;
}

#[tokio::test]
async fn uploads_are_what_their_bytes_say_and_belong_to_one_ticket() {
    let (office, _owner) = office(order()).await;
    let mut browser = office.caller();
    let (_, ticket) = open(&mut browser).await;
    for (name, bytes) in [
        ("page.png", b"<html><script>alert(1)</script>".as_slice()),
        ("setup.png", b"MZ\x90\0\x03".as_slice()),
        ("notes.png", b"plain words".as_slice()),
        ("empty.png", b"".as_slice()),
    ] {
        let refused = upload(&browser, &ticket, name, bytes).await;
        assert_eq!(
            (refused.status, refused.kind()),
            (422, "file_declined"),
            "{name}"
        );
        assert!(refused.json["detail"].as_str().unwrap().contains(name));
    }
    let large = upload(&browser, &ticket, "large.png", &[PNG, &[0; 1_000]].concat()).await;
    assert_eq!((large.status, large.kind()), (413, "file_declined"));
    let forged = upload(&browser, "AAAA", "me.png", PNG).await;
    assert_eq!((forged.status, forged.kind()), (400, "ticket_unknown"));
    let kept = upload(&browser, &ticket, "../../evil\u{202e}gnp.html", PNG)
        .await
        .expect(201);
    assert_eq!(kept["content_type"], "image/png");
    let name = kept["name"].as_str().unwrap();
    assert!(!name.contains('/') && !name.contains('\u{202e}'), "{name}");
    let id = kept["id"].as_str().unwrap();
    let remove = async |ticket: &str| {
        let path = format!("/f/order/uploads/{id}?ticket={ticket}");
        browser.delete(&path).await.status
    };
    let (_, foreign) = open(&mut office.caller()).await;
    assert_eq!(remove("AAAA").await, 404);
    assert_eq!(remove(&foreign).await, 204);
    let (page, _) = open(&mut browser.clone()).await;
    assert!(page.contains(id), "another ticket takes nothing away");
    assert_eq!(remove(&ticket).await, 204);
    let gone = send(
        &browser,
        &[("_ticket", &ticket), ("guest", "A"), ("photo.kept", id)],
    )
    .await;
    assert_eq!(gone.status, 422);
    assert!(html(&gone).contains("the file is no longer here"));
    office.close().await;
}

#[tokio::test]
async fn too_many_forms_are_refused_by_address_which_only_trusted_proxies_may_name() {
    let (office, _owner) = office(order()).await;
    let behind = Caller {
        address: office
            .serve(|config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()])
            .await,
        ..office.caller()
    };
    let direct = office.caller();
    let forge = async |server: &Caller, address: &str| {
        let mut browser = server.clone();
        let (_, ticket) = open(&mut browser).await;
        let request = server
            .form("/f/order", &[("_ticket", ticket.as_str()), ("guest", "")])
            .header("x-forwarded-for", address);
        server.send(request).await
    };
    // A token comes back every second, however slow this machine is.
    let exhaust = async |server: &Caller, address: &str, most: usize| {
        for _ in 0..most {
            let answer = forge(server, address).await;
            if answer.status == 429 {
                return Some(answer);
            }
            assert_eq!(answer.status, 422);
        }
        None
    };
    for server in [&behind, &direct] {
        assert!(exhaust(server, "203.0.113.1", 50).await.is_none());
        let refused = exhaust(server, "203.0.113.1", 500).await.unwrap();
        assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
        assert!(html(&refused).contains("Too many forms"));
    }
    assert!(
        exhaust(&behind, "203.0.113.2", 50).await.is_none(),
        "a proxy that is trusted names others"
    );
    assert!(
        exhaust(&direct, "203.0.113.2", 50).await.is_some(),
        "nobody else may"
    );
    office.close().await;
}

#[tokio::test]
async fn a_form_closes_on_its_day_and_says_so() {
    let mut form = order();
    form["closes_on"] = json!("2020-02-29");
    let (office, _owner) = office(form).await;
    let visitor = office.caller();
    for (language, words) in [
        ("en", "It was open until 29 February 2020"),
        ("zh-CN", "2020年2月29日"),
    ] {
        let page = visitor.get(&format!("/f/order?lang={language}")).await;
        assert_eq!(page.status, 410);
        assert!(html(&page).contains(words), "{}", html(&page));
    }
    assert_eq!(post(&visitor, &[("guest", "A")]).await.status, 410);
    let totals = visitor
        .post("/f/order/compute", json!({"answers": {}}))
        .await;
    assert_eq!((totals.status, totals.kind()), (410, "form_closed"));
    let late = upload(&visitor, "AAAA", "me.png", PNG).await;
    assert_eq!(late.status, 410);
    office.close().await;
}

#[tokio::test]
async fn with_https_the_ticket_is_kept_for_this_host_alone() {
    let (office, _owner) = office(order()).await;
    let address = office
        .serve(|config| config.public_url = "https://forms.example".parse().unwrap())
        .await;
    let visitor = Caller {
        address,
        ..office.caller()
    };
    let page = visitor.get("/f/order").await;
    let cookie = page.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-form-order=")
            && cookie.contains("; Path=/;")
            && cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Lax")
            && cookie.ends_with("; Secure"),
        "{cookie}"
    );
    assert!(
        page.header("strict-transport-security")
            .starts_with("max-age=")
    );
    office.close().await;
}

#[tokio::test]
async fn the_first_load_is_light_and_brings_nothing_inline_or_foreign() {
    let (office, owner) = Office::open().await;
    for example in ["invoice", "itinerary"] {
        let made = owner
            .post("/api/workflows", json!({"example": example}))
            .await
            .expect(201);
        let path = format!("/api/workflows/{}", made["id"].as_str().unwrap());
        owner
            .post(&format!("{path}/publish"), json!({"base_revision": 1}))
            .await
            .expect(201);
        let form = owner.get(&path).await.expect(200)["form_url"].clone();
        let form = form
            .as_str()
            .unwrap()
            .strip_prefix(&office.address)
            .unwrap()
            .to_owned();
        let visitor = office.caller();
        let load = async |path: &str| {
            let request = visitor
                .request(Method::GET, path)
                .header(header::ACCEPT_ENCODING, "gzip");
            let answer = visitor.send(request).await;
            assert_eq!(
                (answer.status, answer.header("content-encoding")),
                (200, "gzip"),
                "{path}"
            );
            answer.body.len()
        };
        let page = visitor.get(&form).await;
        let html = html(&page);
        let policy = page.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for inline in ["<style", " style=", "onclick=", "onload=", "javascript:"] {
            assert!(!html.contains(inline), "{inline}");
        }
        let mut bytes = load(&form).await;
        let mut files = 0;
        for attribute in ["href=\"", "src=\""] {
            for rest in html.split(attribute).skip(1) {
                let address = rest.split('"').next().unwrap();
                assert!(!address.contains("//"), "{address} is elsewhere");
                if address.ends_with(".css") || address.ends_with(".js") {
                    bytes += load(address).await;
                    files += 1;
                }
            }
        }
        assert_eq!(files, 3);
        assert!(bytes < 40_000, "{example}: {bytes} bytes compressed");
    }
    office.close().await;
}
