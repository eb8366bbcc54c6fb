//! Lists: pages without gaps or repetitions, and a number of statements that does not grow with the rows.

use std::collections::HashSet;

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn sixty_rows_are_read_without_gap_or_repetition() {
    let world = World::new().await;
    let mia = world.person("Mia", "agent").await;
    let caller = world.caller(Some("Anna"), "+4930111111", None).await;
    world.history(caller.id, 60).await;
    let query = "query($after: String, $id: UUID!) {
        interactions(first: 7, after: $after) { edges { cursor node { id startedAt } } nodes { id }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
        caller(id: $id) { interactions(first: 7, after: $after) { nodes { id } } } }";
    let (mut after, mut seen, mut starts, mut pages) = (json!(null), HashSet::new(), Vec::new(), 0);
    loop {
        let data = world.ask(&mia, query, json!({"after": after, "id": caller.id})).await.data();
        let page = &data["interactions"];
        let edges = page["edges"].as_array().unwrap();
        assert_eq!(page["nodes"], data["caller"]["interactions"]["nodes"], "the same list, nested");
        assert_eq!(page["pageInfo"]["startCursor"], edges[0]["cursor"]);
        assert_eq!(page["pageInfo"]["endCursor"], edges.last().unwrap()["cursor"]);
        assert_eq!(page["pageInfo"]["hasPreviousPage"], pages > 0);
        for edge in edges {
            assert!(seen.insert(edge["node"]["id"].clone()), "repeated");
            starts.push(edge["node"]["startedAt"].as_str().unwrap().to_owned());
        }
        pages += 1;
        if pages == 2 {
            // A row that arrives meanwhile is newer than everything and disturbs nothing.
            world.call("+4930999999", None, None).await;
        }
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        assert_eq!(edges.len(), 7);
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!((seen.len(), pages), (60, 9));
    assert!(starts.is_sorted_by(|newer, older| newer >= older));
}

#[tokio::test]
async fn a_page_has_limits_and_a_cursor_is_checked() {
    let world = World::new().await;
    let mia = world.person("Mia", "agent").await;
    for args in ["first: 0", "first: -1", "first: 101", "after: \"nonsense\""] {
        let query = format!("{{ interactions({args}) {{ nodes {{ id }} }} }}");
        let answer = world.ask(&mia, &query, json!({})).await;
        assert_eq!(answer.code(), "INVALID", "{args}");
        let field = &answer.json()["errors"][0]["extensions"]["fields"][0];
        assert_eq!(field["path"], args.split(':').next().unwrap());
        assert!(!field["message"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn filters_reach_the_rules() {
    let world = World::new().await;
    let mia = world.person("Mia", "agent").await;
    let anna = world.caller(Some("Anna Berg"), "+4930111111", Some(mia.id)).await;
    let new = world.caller(None, "+4930222222", None).await;
    let live = world.call("+4930222222", Some(new.id), None).await;
    let done = world.call("+4930111111", Some(anna.id), Some(mia.id)).await;
    world.end(done.id).await;
    for (filter, expected) in [
        ("{live: true}", live.id),
        ("{live: false}", done.id),
        ("{state: ENDED}", done.id),
        ("{state: RINGING, direction: INBOUND}", live.id),
        ("{outcome: COMPLETED}", done.id),
        ("{needsDisposition: true}", done.id),
        ("{mine: true}", done.id),
    ] {
        let query = format!("{{ interactions(filter: {filter}) {{ nodes {{ id }} }} }}");
        let data = world.ask(&mia, &query, json!({})).await.data();
        assert_eq!(data["interactions"]["nodes"], json!([{"id": expected}]), "{filter}");
    }
    let by_caller = format!("{{ interactions(filter: {{callerId: \"{}\"}}) {{ nodes {{ id }} }} }}", new.id);
    assert_eq!(world.ask(&mia, &by_caller, json!({})).await.data()["interactions"]["nodes"], json!([{"id": live.id}]));
    for (filter, expected) in
        [("{search: \"berg\"}", anna.id), ("{provisional: true}", new.id), ("{ownedByMe: true}", anna.id)]
    {
        let query = format!("{{ callers(filter: {filter}) {{ nodes {{ id }} }} }}");
        let data = world.ask(&mia, &query, json!({})).await.data();
        assert_eq!(data["callers"]["nodes"], json!([{"id": expected}]), "{filter}");
    }
}

/// Everything that hangs on a row, at every level, costs one statement for all rows together.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn statements_do_not_grow_with_the_rows() {
    let world = World::new().await;
    let ada = world.person("Ada", "admin").await;
    let solved = switchboard_core::dispositions::list(&world.app).await.unwrap().remove(0);
    let add = async |from: usize, to: usize| {
        for i in from..to {
            let agent = world.user(&format!("Agent{i}"), "agent").await;
            let number = format!("+4930{:06}", 100_000 + i);
            let caller = world.caller(None, &number, Some(agent.id)).await;
            let call = world.call(&number, Some(caller.id), Some(agent.id)).await;
            world.change(call.id, |row| row.disposition_id = sea_orm::ActiveValue::Set(Some(solved.id))).await;
        }
    };
    let calls = "{ interactions(first: 50) { nodes { id provider connectionName from { display } agent { name }
        disposition { label } caller { displayName numbers { display } owner { name } lastDisposition { label } } } } }";
    let callers =
        "{ callers(first: 50) { nodes { displayName numbers { display } owner { name } lastDisposition { label } } } }";
    let users = "{ users(first: 50) { nodes { name role { name permissions } } } }";
    let audit = "{ auditEntries(first: 50) { nodes { actorName changes { field before after } } } }";
    let count = async |query: &str, list: &str, rows: Option<usize>| {
        let before = world.statements();
        let data = world.ask(&ada, query, json!({})).await.data();
        if let Some(rows) = rows {
            assert_eq!(data[list]["nodes"].as_array().unwrap().len(), rows);
        }
        if list == "interactions" {
            assert_eq!(data[list]["nodes"][0]["caller"]["lastDisposition"]["label"], "Solved");
            assert_eq!(data[list]["nodes"][0]["agent"], data[list]["nodes"][0]["caller"]["owner"]);
        }
        world.statements() - before
    };
    add(0, 1).await;
    let one = [
        count(calls, "interactions", Some(1)).await,
        count(callers, "callers", Some(1)).await,
        count(users, "users", None).await,
        count(audit, "auditEntries", None).await,
    ];
    add(1, 50).await;
    let fifty = [
        count(calls, "interactions", Some(50)).await,
        count(callers, "callers", Some(50)).await,
        count(users, "users", Some(50)).await,
        count(audit, "auditEntries", None).await,
    ];
    assert_eq!(one, fifty);
    assert!(one.iter().all(|count| (2..=14).contains(count)), "{one:?}");
}
