use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode},
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use switchboard_api::{
    ApiConfig,
    http::auth::{self, AuthFailure, Channel},
};
use switchboard_core::sessions;

use crate::world::{Answer, EMAIL, PASSWORD, World, received_at};

const LOGIN: &str = "mutation($e: String!, $p: String!) { login(input: {email: $e, password: $p}) { accessToken refreshToken me { email } } }";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    pairs.iter().map(header).collect()
}

async fn graphql(world: &World, query: &str, variables: Value, pairs: &[(&str, &str)]) -> Answer {
    let mut request = Request::post("/graphql").header("content-type", "application/json");
    for (name, value) in pairs {
        request = request.header(*name, *value);
    }
    world.send(request.body(Body::from(json!({"query": query, "variables": variables}).to_string())).unwrap()).await
}

/// The cookies of an answer: name, value, attributes.
fn cookies(answer: &Answer) -> Vec<(String, String, Vec<String>)> {
    let parse = |value: &HeaderValue| {
        let mut parts = value.to_str().unwrap().split("; ").map(str::to_owned);
        let (name, value) = parts.next().unwrap().split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap();
        let mut attributes: Vec<String> = parts.collect();
        attributes.sort();
        (name, value, attributes)
    };
    answer.headers.get_all("set-cookie").iter().map(parse).collect()
}

#[tokio::test]
async fn the_dashboard_gets_cookies_that_scripts_and_other_sites_cannot_use() {
    for (public_url, secure) in [("https://crm.example.com", true), ("http://127.0.0.1:8080", false)] {
        let world = World::at(received_at(), ApiConfig::new(public_url)).await;
        world.user().await;
        let browser = [("x-switchboard", "1"), ("origin", public_url)];
        let answer = graphql(&world, LOGIN, json!({"e": EMAIL, "p": PASSWORD}), &browser).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let login = &answer.json()["data"]["login"];
        assert_eq!((&login["accessToken"], &login["refreshToken"]), (&Value::Null, &Value::Null));
        let expect = |path: &str, age: &str| {
            let mut attributes: Vec<String> =
                ["HttpOnly", "SameSite=Strict", &format!("Path={path}"), &format!("Max-Age={age}")]
                    .map(str::to_owned)
                    .into();
            attributes.extend(secure.then(|| "Secure".to_owned()));
            attributes.sort();
            attributes
        };
        let set = cookies(&answer);
        assert_eq!((set[0].0.as_str(), &set[0].2), ("sb_access", &expect("/", "900")));
        assert_eq!((set[1].0.as_str(), &set[1].2), ("sb_refresh", &expect("/graphql", "2592000")));
        assert_eq!(set.len(), 2);
        for (_, value, _) in &set {
            assert!(!answer.text().contains(value), "a token of a cookie is in the body");
        }

        let cookie = format!("sb_access={}; sb_refresh={}", set[0].1, set[1].1);
        let me = graphql(&world, "{ me { email } }", json!({}), &[("cookie", &cookie), ("x-switchboard", "1")]).await;
        assert_eq!(me.json()["data"]["me"]["email"], EMAIL);
        let out = graphql(
            &world,
            "mutation { logout { ok } }",
            json!({}),
            &[("cookie", &cookie), ("x-switchboard", "1"), ("origin", public_url)],
        )
        .await;
        assert_eq!(out.json()["data"]["logout"]["ok"], true, "{}", out.text());
        let cleared = cookies(&out);
        assert_eq!((cleared[0].1.as_str(), &cleared[0].2), ("", &expect("/", "0")));
        assert_eq!((cleared[1].1.as_str(), &cleared[1].2), ("", &expect("/graphql", "0")));
        let after =
            graphql(&world, "{ me { email } }", json!({}), &[("cookie", &cookie), ("x-switchboard", "1")]).await;
        assert_eq!(after.status, StatusCode::UNAUTHORIZED);
        assert_eq!(after.json()["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn other_clients_get_tokens_and_no_cookies() {
    let world = World::new().await;
    world.user().await;
    let answer = graphql(&world, LOGIN, json!({"e": EMAIL, "p": PASSWORD}), &[]).await;
    assert!(cookies(&answer).is_empty());
    let token = answer.json()["data"]["login"]["accessToken"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let me = graphql(&world, "{ me { email } }", json!({}), &[("authorization", &bearer)]).await;
    assert_eq!(me.json()["data"]["me"]["email"], EMAIL);
    // A site that tricks a browser cannot set this header, so its origin does not matter.
    let foreign = [("authorization", bearer.as_str()), ("origin", "https://app.example.net")];
    assert_eq!(graphql(&world, "{ me { email } }", json!({}), &foreign).await.status, StatusCode::OK);
    assert_eq!(graphql(&world, "{ me { email } }", json!({}), &[]).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn other_sites_are_refused_before_anything_happens() {
    let world = World::new().await;
    world.user().await;
    let tokens = sessions::login(&world.state.app, EMAIL, PASSWORD, "test").await.unwrap();
    let cookie = format!("sb_access={}; sb_refresh={}", tokens.access.expose(), tokens.refresh.expose());
    let logout = "mutation { logout(everywhere: true) { ok } }";
    for pairs in [
        vec![("cookie", cookie.as_str())],
        vec![("cookie", &cookie), ("origin", "https://crm.example.com")],
        vec![("cookie", &cookie), ("x-switchboard", "1"), ("origin", "https://evil.example")],
        vec![("cookie", &cookie), ("x-switchboard", "1"), ("origin", "null")],
        vec![("cookie", &cookie), ("x-switchboard", "yes"), ("origin", "https://crm.example.com")],
    ] {
        let answer = graphql(&world, logout, json!({}), &pairs).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{pairs:?}");
        assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "FORBIDDEN");
        assert!(sessions::alive(&world.state.app, tokens.actor.session_id).await.unwrap().is_some());
    }
    // Nor may another site sign its visitor in as somebody else.
    let pairs = [("x-switchboard", "1"), ("origin", "https://evil.example")];
    let answer = graphql(&world, LOGIN, json!({"e": EMAIL, "p": PASSWORD}), &pairs).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(cookies(&answer).is_empty());
}

#[tokio::test]
async fn who_sends_a_request() {
    let world = World::new().await;
    world.user().await;
    let tokens = sessions::login(&world.state.app, EMAIL, PASSWORD, "test").await.unwrap();
    let ask = async |pairs: &[(&str, &str)], channel| auth::authenticate(&world.state, &headers(pairs), channel).await;
    let bearer = format!("Bearer {}", tokens.access.expose());
    let cookie = format!("x=y; sb_access={}", tokens.access.expose());

    assert!(ask(&[], Channel::Http).await.unwrap().is_none());
    assert_eq!(ask(&[("authorization", &bearer)], Channel::Http).await.unwrap().unwrap().email, EMAIL);
    assert!(ask(&[("cookie", &cookie), ("x-switchboard", "1")], Channel::Http).await.unwrap().is_some());
    assert!(matches!(ask(&[("cookie", &cookie)], Channel::Http).await, Err(AuthFailure::CrossOrigin)));

    // An upgrade has no header of its own: its origin decides.
    let own = [("cookie", cookie.as_str()), ("origin", "https://crm.example.com")];
    assert!(ask(&own, Channel::WebSocket).await.unwrap().is_some());
    let foreign = [("cookie", cookie.as_str()), ("origin", "https://evil.example")];
    assert!(matches!(ask(&foreign, Channel::WebSocket).await, Err(AuthFailure::CrossOrigin)));

    // A wrong token is never nobody, and a good cookie does not help it.
    for wrong in ["Bearer x", "Basic eA==", "Bearer", &format!("Bearer {}", tokens.refresh.expose())] {
        let pairs = [("authorization", wrong), ("cookie", &cookie), ("x-switchboard", "1")];
        assert!(matches!(ask(&pairs, Channel::Http).await, Err(AuthFailure::Unauthenticated)), "{wrong}");
    }
    assert!(auth::authenticate_bearer(&world.state, &bearer).await.is_ok());
    assert!(auth::authenticate_bearer(&world.state, tokens.access.expose()).await.is_err());
    let refresh = format!("sb_refresh={}", tokens.refresh.expose());
    let found = auth::refresh_cookie(&world.state, &headers(&[("cookie", &refresh), ("x-switchboard", "1")])).unwrap();
    assert_eq!(found.as_deref(), Some(tokens.refresh.expose()));
    assert!(auth::refresh_cookie(&world.state, &headers(&[("cookie", &refresh)])).is_err());

    world.advance(TimeDelta::minutes(15));
    let expired = ask(&[("authorization", &bearer)], Channel::Http).await;
    assert!(matches!(expired, Err(AuthFailure::Unauthenticated)));
    world.state.app.db().clone().close().await.unwrap();
    match ask(&[("authorization", &bearer)], Channel::Http).await {
        Err(failure @ AuthFailure::Failed(_)) => assert_eq!(failure.status(), StatusCode::SERVICE_UNAVAILABLE),
        other => panic!("{other:?}"),
    }
}
