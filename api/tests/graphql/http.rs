//! GraphQL over HTTP: methods, media types, statuses, limits, and what errors tell.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::json;

use crate::world::World;

const STRICT: (&str, &str) = ("accept", "application/graphql-response+json");

#[tokio::test]
async fn get_is_for_queries() {
    let world = World::new().await;
    let mia = world.person("Mia", "agent").await;
    let get = async |query: &str| {
        let uri = format!("/graphql?query={query}");
        let request = Request::get(uri).header("authorization", format!("Bearer {}", mia.token));
        world.send(request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(get("%7Bme%7Bname%7D%7D").await.data()["me"]["name"], "Mia");
    for refused in ["mutation%7Blogout%7Bok%7D%7D", "subscription%7BcallActivity%7B__typename%7D%7D"] {
        let answer = get(refused).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::METHOD_NOT_ALLOWED, "BAD_REQUEST"));
        assert_eq!(answer.headers["allow"], "POST");
    }
    assert_eq!(get("%7Bme%7Bname%7D%7D").await.data()["me"]["name"], "Mia", "still signed in");
    let answer = get("%7Bme%7Bname%7D%7D&variables=%7B").await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "BAD_REQUEST"));
}

#[tokio::test]
async fn what_is_no_request_gets_a_typed_answer() {
    let world = World::new().await;
    let send = async |content_type: &str, accept: &str, body: String| {
        let request = Request::post("/graphql").header("content-type", content_type).header("accept", accept);
        let answer = world.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.code(), "BAD_REQUEST", "{}", answer.text);
        assert!(answer.json().get("data").is_none(), "{}", answer.text);
        answer.status
    };
    let json = "application/json";
    for body in
        ["", "{", "[]", "[{\"query\": \"{me{id}}\"}]", "{\"query\": 5}", "{\"query\": \"{me{id}}\", \"variables\": []}"]
    {
        assert_eq!(send(json, "*/*", body.to_owned()).await, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(send("text/plain", "*/*", "{}".to_owned()).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(send(json, "text/html", "{}".to_owned()).await, StatusCode::NOT_ACCEPTABLE);
    let large = format!("{{\"query\": \"{}\"}}", "x".repeat(300 * 1024));
    assert_eq!(send(json, "*/*", large).await, StatusCode::PAYLOAD_TOO_LARGE);
    // A wrong document is 400 for those who know the media type, and 200 for older clients.
    assert_eq!(send(json, STRICT.1, "{\"query\": \"{\"}".to_owned()).await, StatusCode::BAD_REQUEST);
    assert_eq!(send(json, "application/json", "{\"query\": \"{\"}".to_owned()).await, StatusCode::OK);
}

#[tokio::test]
async fn documents_that_would_cost_too_much_are_refused() {
    let world = World::new().await;
    let admin = world.person("Ada", "admin").await;
    let authorization = format!("Bearer {}", admin.token);
    let rows = "{ callers(first: 100) { nodes { interactions(first: 100) { nodes { id } } } } }";
    let schema = "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }";
    let aliases = format!("{{ {} }}", (0..25).map(|i| format!("a{i}: me {{ id }}")).collect::<Vec<_>>().join(" "));
    let guesses = "mutation { a: login(input: {email: \"a\", password: \"b\"}) { expiresAt }
        b: login(input: {email: \"a\", password: \"c\"}) { expiresAt } }";
    let directives = "{ me @include(if: true) @include(if: true) @skip(if: false) @skip(if: false) @skip(if: false) @skip(if: false) { id } }";
    for query in [rows, schema, &aliases, guesses, directives, "{ nothing }"] {
        let answer = world.post(&[("authorization", &authorization), STRICT], query, json!({})).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "BAD_REQUEST"), "{query}");
    }
    let answer = world.post(&[("authorization", &authorization), STRICT], "{ me { id } }", json!({})).await;
    assert_eq!(answer.headers["content-type"], "application/graphql-response+json; charset=utf-8");
    assert_eq!(answer.data()["me"]["id"], admin.id.to_string());
}

/// What GraphiQL and code generators ask must get through the limits.
#[tokio::test]
async fn the_usual_introspection_works() {
    let world = World::new().await;
    let mia = world.person("Mia", "agent").await;
    let query = "query IntrospectionQuery { __schema { queryType { name } mutationType { name } subscriptionType { name }
        types { ...FullType } directives { name description locations args { ...InputValue } } } }
      fragment FullType on __Type { kind name description fields(includeDeprecated: true) { name description
        args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason } inputFields { ...InputValue }
        interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
        possibleTypes { ...TypeRef } }
      fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
      fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
        ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }";
    let data = world.ask(&mia, query, json!({})).await.data();
    assert!(data["__schema"]["types"].as_array().unwrap().len() > 50);
}

#[tokio::test]
async fn the_inside_of_an_error_stays_inside() {
    let world = World::new().await;
    let mia = world.person("Mia", "agent").await;
    world.execute("ALTER TABLE disposition RENAME TO elsewhere").await;
    let answer = world.ask(&mia, "{ dispositions { label } me { name } }", json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::OK, "INTERNAL"));
    let error = &answer.json()["errors"][0];
    assert_eq!(error["message"], "Switchboard had a problem.");
    assert_eq!(error["extensions"]["requestId"].as_str().unwrap().len(), 36);
    assert_eq!(answer.json()["data"]["me"]["name"], "Mia");
    for secret in ["table", "relation", "sqlite", "database", "SELECT", "42P01"] {
        assert!(!answer.text.contains(secret), "{}", answer.text);
    }
}

#[tokio::test]
async fn graphiql_is_there_only_when_it_is_switched_on() {
    let mut world = World::new().await;
    let get = || Request::get("/graphiql").body(Body::empty()).unwrap();
    assert_eq!(world.send(get()).await.status, StatusCode::NOT_FOUND);
    let mut config = (*world.state.config).clone();
    config.graphiql = true;
    world.state = switchboard_api::AppState::new(world.app.clone(), config, None);
    let page = world.send(get()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("x-switchboard"), "it must send the header that its cookie needs");
}
