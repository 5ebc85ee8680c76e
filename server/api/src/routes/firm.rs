//! The firm's record: what stands on every document about the people who use Formwork.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use engine::{check::Problem, firm::Firm};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::artifacts::send_artifact;
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, raw_body},
    openapi::FirmSchema,
};

const MAX_LOGO_BYTES: usize = 2 * 1024 * 1024;
const MOST_HOLIDAYS: usize = 400;
const LOGO_TYPES: &[&str] = &["image/png", "image/jpeg", "image/webp"];

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read_firm, write_firm))
        .routes(routes!(read_logo, write_logo, remove_logo))
}

/// The record; every field may be empty.
#[utoipa::path(get, path = "/firm", tag = "firm", responses((status = 200, body = FirmSchema)))]
async fn read_firm(State(app): State<App>, caller: Caller) -> Result<Json<Firm>> {
    Ok(Json(store::firm::get(&app.store, &caller.scope).await?))
}

/// Replaces the record. The logo is set on its own address and stays.
#[utoipa::path(put, path = "/firm", tag = "firm", request_body = FirmSchema, responses((status = 200, body = FirmSchema)))]
async fn write_firm(
    State(app): State<App>,
    caller: Caller,
    Body(firm): Body<Firm>,
) -> Result<Json<Firm>> {
    check(&firm)?;
    Ok(Json(
        store::firm::put(&app.store, &caller.scope, &firm).await?,
    ))
}

/// The logo's bytes.
#[utoipa::path(get, path = "/firm/logo", tag = "firm", responses((status = 200, content_type = "image/*")))]
async fn read_logo(State(app): State<App>, caller: Caller, headers: HeaderMap) -> Result<Response> {
    let firm = store::firm::get(&app.store, &caller.scope).await?;
    let logo = firm.logo.ok_or_else(|| ApiError::not_found("logo"))?;
    send_artifact(&app, &caller.scope, logo.id, false, &headers).await
}

/// Sets the logo: PNG, JPEG or WebP by its bytes, at most 2 MB.
#[utoipa::path(put, path = "/firm/logo", tag = "firm", request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = FirmSchema)))]
async fn write_logo(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<Firm>> {
    let bytes = raw_body(request, MAX_LOGO_BYTES).await?;
    // The bytes decide, whatever the header claims.
    let kind = infer::get(&bytes)
        .map(|kind| kind.mime_type())
        .filter(|kind| LOGO_TYPES.contains(kind))
        .ok_or_else(|| {
            ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "logo_type",
                "A logo is a PNG, JPEG or WebP picture.",
            )
        })?;
    let name = headers
        .get("x-file-name")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("logo");
    let new = store::artifact::New {
        run: None,
        name,
        content_type: kind,
        bytes,
    };
    let file = store::artifact::create(&app.store, &caller.scope, new).await?;
    Ok(Json(
        store::firm::set_logo(&app.store, &caller.scope, Some(&file)).await?,
    ))
}

/// Removes the logo.
#[utoipa::path(delete, path = "/firm/logo", tag = "firm", responses((status = 204)))]
async fn remove_logo(State(app): State<App>, caller: Caller) -> Result<StatusCode> {
    store::firm::set_logo(&app.store, &caller.scope, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Everything that later steps would stumble over.
fn check(firm: &Firm) -> Result<()> {
    let mut problems = Vec::new();
    let mut wrong = |pointer: &str, code: &str, message: &str| {
        problems.push(Problem::error(code, json!({}), message).at(pointer));
    };
    who(firm, &mut wrong);
    let iban = without_spaces(&firm.iban);
    if !iban.is_empty() && !engine::firm::is_iban(&iban) {
        wrong(
            "/iban",
            "iban_invalid",
            "This is not an IBAN: a digit is missing or wrong.",
        );
    }
    let bic = without_spaces(&firm.bic);
    if !bic.is_empty() && !engine::firm::is_bic(&bic) {
        wrong(
            "/bic",
            "bic_invalid",
            "This is not a BIC: it has 8 or 11 letters and digits.",
        );
    }
    if !engine::value::is_currency(&firm.currency) {
        wrong(
            "/currency",
            "currency_unknown",
            "This is not a currency code such as EUR.",
        );
    }
    if jiff::tz::TimeZone::get(&firm.time_zone).is_err() {
        wrong(
            "/time_zone",
            "time_zone_unknown",
            "This is not a time zone such as Europe/Berlin.",
        );
    }
    if !is_language_tag(&firm.locale) {
        wrong(
            "/locale",
            "locale_invalid",
            "This is not a language tag such as en or zh-CN.",
        );
    }
    if firm.holidays.len() > MOST_HOLIDAYS {
        wrong(
            "/holidays",
            "holidays_many",
            "At most 400 holidays are kept. Remove those that are over.",
        );
    }
    if firm.tax_rate.is_sign_negative() || firm.tax_rate > 100.into() {
        wrong(
            "/tax_rate",
            "tax_rate_range",
            "A tax rate is between 0 and 100 percent.",
        );
    }
    let is_colour = firm
        .colour
        .strip_prefix('#')
        .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if !is_colour {
        wrong(
            "/colour",
            "colour_invalid",
            "This is not a colour such as #2b47c9.",
        );
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(ApiError::from_problems(
            "Some values cannot be used.",
            problems,
        ))
    }
}

/// Who the firm is and where.
fn who(firm: &Firm, wrong: &mut impl FnMut(&str, &str, &str)) {
    let texts = [
        ("/name", &firm.name),
        ("/post_code", &firm.post_code),
        ("/city", &firm.city),
        ("/subdivision", &firm.subdivision),
        ("/country", &firm.country),
        ("/vat_id", &firm.vat_id),
        ("/tax_number", &firm.tax_number),
        ("/registration", &firm.registration),
        ("/contact", &firm.contact),
        ("/email", &firm.email),
        ("/phone", &firm.phone),
        ("/website", &firm.website),
        ("/iban", &firm.iban),
        ("/bic", &firm.bic),
        ("/bank", &firm.bank),
    ];
    for (pointer, text) in texts {
        if text.chars().count() > 200 {
            wrong(pointer, "text_long", "At most 200 characters fit here.");
        }
    }
    if firm.street.len() > 10 || firm.street.iter().any(|line| line.chars().count() > 200) {
        wrong(
            "/street",
            "address_long",
            "An address has at most 10 lines of 200 characters.",
        );
    }
    if !firm.country.is_empty() && !engine::invoice::is_country(&firm.country) {
        wrong(
            "/country",
            "country_unknown",
            "This is not a country code such as DE.",
        );
    }
    let vat_id = without_spaces(&firm.vat_id);
    if !vat_id.is_empty() && !engine::invoice::is_vat_id(&vat_id) {
        wrong(
            "/vat_id",
            "vat_id_invalid",
            "A VAT id begins with its country, as DE123456788 does. Any other number is a tax number.",
        );
    }
}

/// The shape of a BCP 47 tag.
fn is_language_tag(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 35
        && text.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
        })
}

fn without_spaces(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_whitespace())
        .collect()
}
