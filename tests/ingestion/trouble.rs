//! Deliveries that cannot be applied, people that must not be mixed up, and twenty workers on one call.

use bytes::Bytes;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use switchboard_core::{audit, ingest, interactions};
use switchboard_entities::{audit_entry, dead_letter, interaction::MatchLevel};
use uuid::Uuid;

use super::{
    fixtures,
    stage::{Stage, incoming},
};
use crate::support::{both_modes, server::Mode};

both_modes!(a_poison_delivery_is_put_aside_once_and_stops_nothing);
both_modes!(hidden_callers_are_never_one_person);
both_modes!(twenty_first_events_at_once_make_one_call_and_one_caller);
both_modes!(two_calls_that_turn_out_to_be_one_are_merged);
both_modes!(a_nul_in_a_field_neither_loses_the_call_nor_makes_the_databases_differ);
both_modes!(the_audit_record_is_written_genuine_and_cannot_be_changed);

async fn a_poison_delivery_is_put_aside_once_and_stops_nothing(mode: Mode) {
    let stage = Stage::set(mode).await;
    let connection = stage.connection("generic").await;
    let good = fixtures::envelope("standard-webhooks/a1_call_ended", connection, 0);
    let mut malformed = fixtures::envelope("standard-webhooks/a1_call_ended", connection, 1);
    malformed.body = Bytes::from_static(b"{not json");
    let unknown_connection = fixtures::envelope("standard-webhooks/a1_call_ended", Uuid::now_v7(), 2);
    let worn_out = fixtures::envelope("standard-webhooks/a1_call_ended", connection, 3);
    for round in 0..2 {
        let batch = vec![
            incoming(&malformed, 1),
            ingest::Incoming::new(Bytes::from_static(b"\xff\x00 no envelope"), Bytes::from_static(b"x"), 1),
            incoming(&unknown_connection, 1),
            incoming(&worn_out, 100),
            incoming(&good, 1),
        ];
        let settled = ingest::settle(&stage.app, batch).await.unwrap();
        assert_eq!(settled.dead, 4, "round {round}");
        assert_eq!(settled.applied + settled.duplicates, 1, "round {round}");
    }
    let dead = dead_letter::Entity::find().all(stage.app.db()).await.unwrap();
    let mut reasons: Vec<&str> = dead.iter().map(|row| row.reason.as_str()).collect();
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        ["internal", "malformed", "undecodable", "unknown_connection"],
        "handed out twice, put aside once"
    );
    let kept = dead.iter().find(|row| row.reason == "malformed").unwrap();
    assert_eq!(kept.body, b"{not json", "the body is kept byte for byte");
    assert_eq!(stage.calls(connection).await.len(), 1);
}

async fn hidden_callers_are_never_one_person(mode: Mode) {
    let stage = Stage::set(mode).await;
    let connection = stage.connection("twilio").await;
    stage.settle(vec![fixtures::envelope("twilio/d1_anonymous_ringing", connection, 0)]).await;
    let calls = stage.calls(connection).await;
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].caller_id, None);
    assert_eq!(calls[0].match_level, MatchLevel::Hidden);
    assert!(stage.callers().await.is_empty(), "a hidden number made a caller");
}

async fn twenty_first_events_at_once_make_one_call_and_one_caller(mode: Mode) {
    let stage = Stage::set(mode).await;
    let connection = stage.connection("twilio").await;
    let names =
        ["a1_inbound_ringing", "a2_child_initiated", "a3_child_ringing", "a4_child_in-progress", "a5_child_completed"];
    let envelopes =
        names.iter().cycle().take(20).map(|name| fixtures::envelope(&format!("twilio/{name}"), connection, 0));
    let workers = envelopes.map(|envelope| stage.settle(vec![envelope]));
    let settled = futures::future::join_all(workers).await;
    assert_eq!(settled.iter().map(|settled| settled.applied).sum::<u32>(), 5);
    assert_eq!(settled.iter().map(|settled| settled.duplicates).sum::<u32>(), 15);
    assert_eq!(stage.calls(connection).await.len(), 1);
    assert_eq!(stage.callers().await.len(), 1);
}

async fn two_calls_that_turn_out_to_be_one_are_merged(mode: Mode) {
    let stage = Stage::set(mode).await;
    let connection = stage.connection("twilio").await;
    // The agent's leg as some accounts report it: without the leg that dialled it.
    let mut child = fixtures::envelope("twilio/a2_child_initiated", connection, 0);
    let body = String::from_utf8(child.body.to_vec()).unwrap();
    let kept: Vec<&str> = body.split('&').filter(|pair| !pair.starts_with("ParentCallSid=")).collect();
    assert_ne!(kept.len(), body.split('&').count(), "the fixture names no parent");
    child.body = kept.join("&").into();
    stage.settle(vec![child]).await;
    stage.settle(vec![fixtures::envelope("twilio/a1_inbound_ringing", connection, 1)]).await;
    let apart = stage.calls(connection).await;
    assert_eq!(apart.len(), 2, "nothing ties them together yet");
    let older = apart.iter().min_by_key(|call| (call.created_at, call.id)).unwrap().id;

    stage.settle(vec![fixtures::envelope("twilio/a6_dial_action_completed", connection, 2)]).await;
    let together = stage.calls(connection).await;
    assert_eq!(together.len(), 1, "the dial result names both legs");
    assert_eq!(together[0].id, older, "the older row carries on");
    assert_eq!(interactions::legs(&together[0]).len(), 2);
    assert_eq!(together[0].direction, "inbound");
    let merges = audit_entry::Entity::find().filter(audit_entry::Column::Action.eq("call.merge"));
    assert_eq!(merges.count(stage.app.db()).await.unwrap(), 1);
    for caller in stage.callers().await {
        let calls = together.iter().filter(|call| call.caller_id == Some(caller.id)).count();
        assert_eq!(usize::try_from(caller.call_count).unwrap(), calls, "a caller's counter did not follow the merge");
    }
}

async fn a_nul_in_a_field_neither_loses_the_call_nor_makes_the_databases_differ(mode: Mode) {
    let stage = Stage::set(mode).await;
    let connection = stage.connection("twilio").await;
    let mut odd = fixtures::envelope("twilio/a1_inbound_ringing", connection, 0);
    let mut body = odd.body.to_vec();
    body.extend_from_slice(b"&CallerName=A%00B%5Cu0000");
    odd.body = body.into();
    let settled = stage.settle(vec![odd]).await;
    assert_eq!((settled.applied, settled.dead), (1, 0));
    assert_eq!(stage.calls(connection).await.len(), 1);
}

async fn the_audit_record_is_written_genuine_and_cannot_be_changed(mode: Mode) {
    use sea_orm::ConnectionTrait;

    let stage = Stage::set(mode).await;
    let connection = stage.connection("twilio").await;
    stage.settle(vec![fixtures::envelope("twilio/a1_inbound_ringing", connection, 0)]).await;
    let rows = audit_entry::Entity::find().all(stage.app.db()).await.unwrap();
    let mut actions: Vec<&str> = rows.iter().map(|row| row.action.as_str()).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["call.create", "caller.create"]);
    for row in &rows {
        assert!(audit::is_genuine(row));
        assert_eq!((row.actor_kind.as_str(), row.actor_id), ("connection", Some(connection)));
        assert!(!row.changes.contains("2025550143"), "a number stands in the record in clear");
        let forged = audit_entry::Model { action: "call.delete".to_owned(), ..row.clone() };
        assert!(!audit::is_genuine(&forged));
    }
    for statement in ["UPDATE audit_entry SET action = 'x'", "DELETE FROM audit_entry"] {
        assert!(stage.app.db().execute_unprepared(statement).await.is_err(), "{statement}");
    }
    assert_eq!(audit_entry::Entity::find().count(stage.app.db()).await.unwrap(), 2);
}
