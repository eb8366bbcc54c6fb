//! Signing in, staying signed in, signing out.

use axum::http::StatusCode;
use serde_json::json;

use crate::world::{ORIGIN, PASSWORD, World};

const LOGIN: &str = "mutation($email: String!, $password: String!) {
    login(input: {email: $email, password: $password}) {
        accessToken refreshToken expiresAt me { id name email role { key permissions } permissions serverTime } } }";
const REFRESH: &str = "mutation($token: String) {
    refresh(input: {refreshToken: $token}) { accessToken refreshToken expiresAt me { name } } }";
const ME: &str = "{ me { name } }";

fn cookie(cookies: &[String], name: &str) -> String {
    let found = cookies.iter().find(|cookie| cookie.starts_with(&format!("{name}="))).unwrap();
    found.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn tokens_come_in_the_answer_and_work() {
    let world = World::new().await;
    let user = world.user("Mia", "agent").await;
    let answer = world.post(&[], LOGIN, json!({"email": "MIA@example.com ", "password": PASSWORD})).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.cookies().is_empty());
    assert_eq!(answer.headers["cache-control"], "no-store");
    let login = answer.data()["login"].take();
    assert_eq!(login["me"]["id"], user.id.to_string());
    assert_eq!(login["me"]["email"], "mia@example.com");
    assert_eq!(login["me"]["role"]["key"], "agent");
    assert_eq!(login["me"]["permissions"], login["me"]["role"]["permissions"]);
    assert!(login["me"]["permissions"].as_array().unwrap().contains(&json!("callers.read:own")));

    let bearer = format!("Bearer {}", login["accessToken"].as_str().unwrap());
    assert_eq!(world.post(&[("authorization", &bearer)], ME, json!({})).await.data()["me"]["name"], "Mia");

    let renewed = world.post(&[], REFRESH, json!({"token": login["refreshToken"]})).await.data()["refresh"].take();
    assert_ne!(renewed["accessToken"], login["accessToken"]);
    assert_ne!(renewed["refreshToken"], login["refreshToken"]);

    let out = world.post(&[("authorization", &bearer)], "mutation { logout { ok } }", json!({})).await;
    assert_eq!(out.data()["logout"]["ok"], true);
    for token in [&login["accessToken"], &renewed["accessToken"]] {
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        let answer = world.post(&[("authorization", &bearer)], ME, json!({})).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"));
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_field_error_and_says_nothing_more() {
    let world = World::new().await;
    world.user("Mia", "agent").await;
    let mut texts = Vec::new();
    for email in ["mia@example.com", "nobody@example.com"] {
        let answer = world.post(&[], LOGIN, json!({"email": email, "password": "not this one"})).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::OK, "UNAUTHENTICATED"));
        assert_eq!(answer.json()["errors"][0]["message"], "That e-mail and password do not match.");
        assert!(answer.cookies().is_empty());
        texts.push(answer.text);
    }
    assert_eq!(texts[0], texts[1]);
}

#[tokio::test]
async fn a_browser_gets_cookies_and_never_a_token() {
    let world = World::new().await;
    world.user("Mia", "agent").await;
    let browser = [("x-switchboard", "1"), ("origin", ORIGIN)];
    let answer = world.post(&browser, LOGIN, json!({"email": "mia@example.com", "password": PASSWORD})).await;
    let login = answer.data()["login"].take();
    assert!(login["accessToken"].is_null() && login["refreshToken"].is_null());
    let cookies = answer.cookies();
    assert!(
        cookies.iter().all(|cookie| cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict")),
        "{cookies:?}"
    );
    let both = format!("{}; {}", cookie(&cookies, "sb_access"), cookie(&cookies, "sb_refresh"));

    let with = |extra: &[(&'static str, &'static str)]| {
        let mut headers: Vec<(&str, String)> = vec![("cookie", both.clone())];
        headers.extend(extra.iter().map(|(name, value)| (*name, (*value).to_owned())));
        headers
    };
    let post = async |extra: &[(&'static str, &'static str)], query: &str| {
        let headers = with(extra);
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        world.post(&headers, query, json!({})).await
    };
    assert_eq!(post(&browser, ME).await.data()["me"]["name"], "Mia");
    // Another site: without the header that forces a preflight, or with its own origin.
    for foreign in [&[][..], &[("origin", ORIGIN)], &[("x-switchboard", "1"), ("origin", "https://evil.example")]] {
        let answer = post(foreign, ME).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "FORBIDDEN"));
    }
    // Without the header the cookie is not exchanged: a script could else read the tokens that HttpOnly hides.
    let answer = post(&[("origin", ORIGIN)], "mutation { refresh { accessToken refreshToken } }").await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    let answer = post(&browser, "mutation { refresh { accessToken refreshToken me { name } } }").await;
    assert!(answer.data()["refresh"]["refreshToken"].is_null());
    assert_eq!(answer.cookies().len(), 2);
    assert_ne!(cookie(&answer.cookies(), "sb_refresh"), cookie(&cookies, "sb_refresh"));

    let answer = post(&browser, "mutation { logout { ok } }").await;
    assert_eq!(answer.data()["logout"]["ok"], true);
    assert!(answer.cookies().iter().all(|cookie| cookie.contains("Max-Age=0")), "{:?}", answer.cookies());
    assert_eq!(post(&browser, ME).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nothing_but_signing_in_works_without_a_session() {
    let world = World::new().await;
    for query in [
        ME,
        "{ __typename }",
        "{ __schema { queryType { name } } }",
        "mutation { logout { ok } }",
        "mutation { refresh { expiresAt } logout { ok } }",
    ] {
        let answer = world.post(&[], query, json!({})).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"), "{query}");
        let answer = world.post(&[("authorization", "Bearer x")], query, json!({})).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{query}");
    }
    let answer =
        world.post(&[("authorization", "Bearer expired")], LOGIN, json!({"email": "a@b", "password": "c"})).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::OK, "UNAUTHENTICATED"),
        "a stale token is no obstacle"
    );
}
