//! The schema itself: the checked-in text, the documentation, the guards.

use std::{fmt::Write as _, fs, path::Path};

use async_graphql::Request;
use futures::StreamExt;
use serde_json::{Value, json};
use switchboard_api::graphql::{self, Edge};

use crate::world::World;

/// Root fields that work without a session; everything else must be guarded.
const PUBLIC: [&str; 2] = ["Mutation.login", "Mutation.refresh"];

const INTROSPECTION: &str = "
    { __schema { types { kind name description
        fields(includeDeprecated: true) { name description type { ...T } args { ...V } }
        inputFields { ...V }
        enumValues(includeDeprecated: true) { name description } } } }
    fragment V on __InputValue { name description type { ...T } }
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

async fn types(world: &World) -> Vec<Value> {
    let admin = world.person("Ada", "admin").await;
    let data = world.ask(&admin, INTROSPECTION, json!({})).await.data();
    let types = data["__schema"]["types"].as_array().unwrap().clone();
    // The language's own, and one that comes with the library and that nothing here uses.
    types.into_iter().filter(|ty| !ty["name"].as_str().unwrap().starts_with("__") && ty["name"] != "ID").collect()
}

#[test]
fn the_checked_in_schema_is_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema.graphql");
    let sdl = graphql::sdl();
    assert_eq!(sdl, graphql::sdl(), "the same every time");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &sdl).unwrap();
    }
    let checked_in = fs::read_to_string(&path).unwrap();
    assert!(
        checked_in == sdl,
        "schema.graphql is not what the program serves. Write it anew: UPDATE_SCHEMA=1 cargo test -p switchboard-api --test graphql"
    );
}

#[tokio::test]
async fn everything_is_described() {
    let world = World::new().await;
    let mut silent = Vec::new();
    let mut seen = 0;
    let mut look = |path: String, thing: &Value| {
        seen += 1;
        if thing["description"].as_str().is_none_or(|text| text.trim().len() < 3) {
            silent.push(path);
        }
    };
    for ty in types(&world).await {
        let name = ty["name"].as_str().unwrap();
        look(name.to_owned(), &ty);
        for list in ["fields", "inputFields", "enumValues"] {
            for member in ty[list].as_array().into_iter().flatten() {
                let path = format!("{name}.{}", member["name"].as_str().unwrap());
                for arg in member["args"].as_array().into_iter().flatten() {
                    look(format!("{path}({})", arg["name"].as_str().unwrap()), arg);
                }
                look(path, member);
            }
        }
    }
    assert!(silent.is_empty(), "without a description: {silent:#?}");
    assert!(seen > 200, "only {seen} things were looked at");
}

/// A value for an argument or input field, and nothing for those that may be left out.
fn example(types: &[Value], ty: &Value) -> Option<String> {
    if ty["kind"] != "NON_NULL" {
        return None;
    }
    let inner = &ty["ofType"];
    if inner["kind"] == "LIST" {
        return Some("[]".to_owned());
    }
    let name = inner["name"].as_str().unwrap();
    Some(match name {
        "UUID" => "\"00000000-0000-0000-0000-000000000000\"".to_owned(),
        "String" => "\"x\"".to_owned(),
        "Int" => "1".to_owned(),
        "Boolean" => "true".to_owned(),
        _ => {
            let ty = types.iter().find(|ty| ty["name"] == name).unwrap();
            let mut fields = String::new();
            for field in ty["inputFields"].as_array().unwrap() {
                if let Some(value) = example(types, &field["type"]) {
                    write!(fields, "{}: {value} ", field["name"].as_str().unwrap()).unwrap();
                }
            }
            format!("{{{fields}}}")
        }
    })
}

/// Walks the roots: without a viewer every field must be refused by its guard, before its resolver runs. (A resolver that
/// ran would fail too, but not like this: there is no edge.)
#[tokio::test]
async fn every_root_field_is_guarded() {
    let world = World::new().await;
    let types = types(&world).await;
    let schema = graphql::schema(&world.app);
    let mut guarded = 0;
    for (root, keyword) in [("Query", "query"), ("Mutation", "mutation"), ("Subscription", "subscription")] {
        let ty = types.iter().find(|ty| ty["name"] == root).unwrap();
        for field in ty["fields"].as_array().unwrap() {
            let name = field["name"].as_str().unwrap();
            let mut args = String::new();
            for arg in field["args"].as_array().unwrap() {
                if let Some(value) = example(&types, &arg["type"]) {
                    write!(args, "{}: {value} ", arg["name"].as_str().unwrap()).unwrap();
                }
            }
            let args = if args.is_empty() { args } else { format!("({args})") };
            let operation = format!("{keyword} {{ {name}{args} {{ __typename }} }}");
            let answer = schema.execute_stream(Request::new(&operation)).next().await.unwrap();
            let answer: Value = serde_json::to_value(&answer).unwrap();
            let code = &answer["errors"][0]["extensions"]["code"];
            if PUBLIC.contains(&format!("{root}.{name}").as_str()) {
                assert_eq!(code, "INTERNAL", "{operation} got past no guard, to the missing edge: {answer}");
            } else {
                assert_eq!(code, "UNAUTHENTICATED", "{operation} is not guarded: {answer}");
                guarded += 1;
            }
        }
    }
    assert!(guarded >= 18, "only {guarded} fields were tried");
}

/// Signing in needs the answer of a request of its own.
#[tokio::test]
async fn nobody_signs_in_without_http_around_it() {
    let world = World::new().await;
    let schema = graphql::schema(&world.app);
    let request = Request::new("mutation { refresh(input: {refreshToken: \"x\"}) { refreshToken } }");
    let answer = schema.execute(request.data(Edge::bare("test"))).await;
    let answer: Value = serde_json::to_value(&answer).unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_REQUEST", "{answer}");
}
