//! Every route of the OpenAPI document with every kind of caller: what is not in the access table cannot be called, and nobody gets
//! further than it says. And what every answer carries.

use api::{ACCESS, Access};
use formwork_tests::{Office, office::Caller};
use reqwest::Method;
use serde_json::Value as Json;

const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

#[tokio::test]
async fn every_route_asks_for_what_the_table_says() {
    let (office, owner) = Office::open().await;
    let member = office.member(&owner).await;
    let program = office.program(&owner).await;
    let anonymous = office.caller();
    let mut asked = 0;
    for (path, item) in api::openapi()["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let row = path.strip_prefix("/api").unwrap();
            let (_, _, access) = ACCESS
                .iter()
                .find(|(m, p, _)| *m == method.as_str() && *p == row)
                .unwrap_or_else(|| panic!("{method} {path} is in no row"));
            // Signing out would end the callers of this test.
            if (method.as_str(), row) == ("DELETE", "/session") {
                continue;
            }
            for (who, caller, allowed) in [
                ("anonymous", &anonymous, matches!(access, Access::Anyone)),
                (
                    "program",
                    &program,
                    matches!(access, Access::Anyone | Access::Signed),
                ),
                ("member", &member, !matches!(access, Access::Owner)),
                ("owner", &owner, true),
            ] {
                let status = status(caller, &method, path).await;
                let refused = match who {
                    "anonymous" => status == 401,
                    _ => status == 403,
                };
                // A member may not change other people; that is the handler's own rule.
                let own_rule = row == "/members/{id}" && who == "member" && status == 403;
                assert!(
                    own_rule || refused != allowed || (status == 401 && row == "/session"),
                    "{method} {path} as {who}: {status}"
                );
                assert!(status < 500, "{method} {path} as {who}: {status}");
                asked += 1;
            }
        }
    }
    assert!(asked > 200, "{asked}");
    office.close().await;
}

/// An empty body and ids of nobody: enough to pass the door, too little to do anything.
async fn status(caller: &Caller, method: &Method, path: &str) -> u16 {
    let mut path = path.to_owned();
    for (name, value) in [
        ("{id}", NOBODY),
        ("{sample}", NOBODY),
        ("{name}", "none"),
        ("{token}", "none"),
        ("{file}", NOBODY),
        ("{number}", "1"),
        ("{revision}", "1"),
    ] {
        path = path.replace(name, value);
    }
    let mut request = caller.request(method.clone(), &path);
    if method != Method::GET && method != Method::DELETE {
        request = request
            .header("content-type", "application/json")
            .body("[]");
    }
    caller.send(request).await.status
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_errors_are_problems() {
    let (office, owner) = Office::open().await;
    for (path, status) in [
        ("/api/session", 200),
        ("/api/nothing", 404),
        ("/api", 404),
        ("/healthz", 200),
        ("/openapi.json", 200),
        ("/", 503),
    ] {
        let answer = owner.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert!(
            !answer.header("content-security-policy").contains("unsafe"),
            "{path}"
        );
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(
            answer.header("cross-origin-opener-policy"),
            "same-origin",
            "{path}"
        );
        assert_eq!(
            answer.header("strict-transport-security"),
            "",
            "{path}: only with https"
        );
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
        if path.starts_with("/api") && status >= 400 {
            assert_eq!(
                answer.header("content-type"),
                "application/problem+json",
                "{path}"
            );
            assert_eq!(
                answer.json["instance"].as_str(),
                Some(answer.header("x-request-id")),
                "{path}"
            );
            assert_eq!(answer.json["status"], Json::from(status), "{path}");
        }
    }
    let wrong = owner.patch("/api/runs", Json::Null).await;
    assert_eq!(
        (wrong.status, wrong.header("allow"), wrong.kind()),
        (405, "GET", "method_not_allowed")
    );
    office.close().await;
}
