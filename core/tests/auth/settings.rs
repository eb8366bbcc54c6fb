//! What is set for a connection, and replacing its secrets.

use bytes::Bytes;
use chrono::TimeDelta;
use futures::future::join_all;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use switchboard_core::{
    Error,
    access::Actor,
    connections::{self, ConnectionSettings, Directory, NewConnection, RotateSecrets, UpdateConnection, Which},
    db,
    envelope::Envelope,
    ingest::{self, Incoming},
};
use switchboard_entities::{caller_number, dead_letter, delivery, provider_connection};
use switchboard_migration::{Migrator, MigratorTrait};
use switchboard_telephony::{Method, Secrets};

use crate::world::{CAUSE, SYSTEM, World};

const OLD: &str = "old-0123456789abcdef0123456789ab";
const NEW: &str = "new-0123456789abcdef0123456789ab";

async fn connect(world: &World, provider: &str, secrets: Secrets) -> provider_connection::Model {
    let new = NewConnection { provider: provider.to_owned(), name: None, slug: None, secrets, default_region: None };
    connections::add(&world.app, &SYSTEM, new, CAUSE).await.unwrap()
}

async fn twilio(world: &World) -> provider_connection::Model {
    connect(world, "twilio", Secrets::new().with("auth_token", OLD)).await
}

fn change(row: &provider_connection::Model) -> UpdateConnection {
    UpdateConnection { id: row.id, version: row.version, ..UpdateConnection::default() }
}

fn rotation(row: &provider_connection::Model, secrets: &[(&str, Option<&str>)]) -> RotateSecrets {
    let secrets = secrets.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
    RotateSecrets { id: row.id, version: row.version, secrets }
}

async fn stored(world: &World, row: &provider_connection::Model) -> provider_connection::Model {
    provider_connection::Entity::find_by_id(row.id).one(world.app.db()).await.unwrap().unwrap()
}

fn wrong_fields(error: Error) -> Vec<&'static str> {
    match error {
        Error::Invalid(fields) => fields.iter().map(|field| field.path).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn everything_that_can_be_set_is_kept_and_recorded() {
    let world = World::new().await;
    let row = twilio(&world).await;
    assert_eq!(ConnectionSettings::of(&row).unwrap(), ConnectionSettings::default());
    let document = "<Response><Say>Hi</Say></Response>".to_owned();
    let input = UpdateConnection {
        name: Some(Some(" Berlin ".to_owned())),
        default_region: Some(Some("de".to_owned())),
        clock_skew_seconds: Some(Some(60)),
        base_url: Some(Some("https://tunnel.example/".to_owned())),
        trust_forwarded: Some(true),
        monitor: Some(Some(TimeDelta::hours(24))),
        answers: [("voice".to_owned(), document.clone())].into(),
        ..change(&row)
    };
    let row = connections::update(&world.app, &SYSTEM, input, CAUSE).await.unwrap();
    assert_eq!(row, stored(&world, &row).await);
    assert_eq!((row.version, row.name.as_str(), row.default_region.as_deref()), (2, "Berlin", Some("DE")));
    let settings = ConnectionSettings::of(&row).unwrap();
    assert_eq!(settings.clock_skew(), TimeDelta::seconds(60));
    assert_eq!(settings.base_url.as_deref(), Some("https://tunnel.example"));
    assert!(settings.trust_forwarded && settings.is_monitoring(world.app.now()));
    assert_eq!(settings.monitor_until, Some(world.app.now() + TimeDelta::hours(24)));
    assert_eq!(settings.answers["voice"], document);
    let entries = world.audited("connection.update").await;
    let changes: Vec<Value> = serde_json::from_str(&entries[0].changes).unwrap();
    let fields: Vec<&str> = changes.iter().map(|change| change["field"].as_str().unwrap()).collect();
    let expected =
        ["name", "default_region", "clock_skew_seconds", "base_url", "trust_forwarded", "monitor_until", "answers"];
    assert_eq!(fields, expected);
    assert_eq!(changes[6]["after"], json!({"voice": document}));

    // The same once more is no change, and leaves no trace.
    let same = UpdateConnection { name: Some(Some("Berlin".to_owned())), ..change(&row) };
    assert_eq!(connections::update(&world.app, &SYSTEM, same, CAUSE).await.unwrap(), row);
    assert_eq!(world.audited("connection.update").await.len(), 1);

    // Back to what was there by default.
    let input = UpdateConnection {
        name: Some(None),
        default_region: Some(None),
        clock_skew_seconds: Some(None),
        base_url: Some(Some(" ".to_owned())),
        trust_forwarded: Some(false),
        monitor: Some(None),
        answers: [("voice".to_owned(), " \n".to_owned())].into(),
        ..change(&row)
    };
    let row = connections::update(&world.app, &SYSTEM, input, CAUSE).await.unwrap();
    let settings = ConnectionSettings::of(&row).unwrap();
    assert_eq!(settings, ConnectionSettings { monitor_since: settings.monitor_since, ..ConnectionSettings::default() });
    assert_eq!((row.name.as_str(), row.default_region), ("Twilio", None));
}

#[tokio::test]
async fn of_two_who_change_the_same_one_is_told_to_look_again() {
    let world = World::new().await;
    let row = twilio(&world).await;
    let named = |name: &str| UpdateConnection { name: Some(Some(name.to_owned())), ..change(&row) };
    let at_once = ["a", "b", "c"].map(|name| connections::update(&world.app, &SYSTEM, named(name), CAUSE));
    let answers = join_all(at_once).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for error in answers.into_iter().filter_map(Result::err) {
        assert!(matches!(&error, Error::Conflict { .. }), "{error:?}");
        assert!(error.to_string().contains("Look at it again"), "{error}");
    }
    let late = rotation(&row, &[("auth_token", Some(NEW))]);
    assert!(matches!(connections::rotate_secrets(&world.app, &SYSTEM, late, CAUSE).await, Err(Error::Conflict { .. })));
    let late = connections::retire_previous_secrets(&world.app, &SYSTEM, row.id, row.version, CAUSE).await;
    assert!(matches!(late, Err(Error::Conflict { .. })));
    assert_eq!(stored(&world, &row).await.version, 2);
}

#[tokio::test]
async fn what_cannot_be_set_is_refused_with_the_field() {
    let world = World::new().await;
    let row = twilio(&world).await;
    let answer = |purpose: &str, document: &str| UpdateConnection {
        answers: [(purpose.to_owned(), document.to_owned())].into(),
        ..change(&row)
    };
    let option = |name: &str, value: &str| UpdateConnection {
        options: [(name.to_owned(), value.to_owned())].into(),
        ..change(&row)
    };
    for (input, field) in [
        (UpdateConnection { name: Some(Some("n".repeat(81))), ..change(&row) }, "name"),
        (UpdateConnection { default_region: Some(Some("Germany".to_owned())), ..change(&row) }, "defaultRegion"),
        (UpdateConnection { clock_skew_seconds: Some(Some(29)), ..change(&row) }, "clockSkewSeconds"),
        (UpdateConnection { clock_skew_seconds: Some(Some(3601)), ..change(&row) }, "clockSkewSeconds"),
        (UpdateConnection { base_url: Some(Some("https://a/b".to_owned())), ..change(&row) }, "baseUrl"),
        (UpdateConnection { monitor: Some(Some(TimeDelta::zero())), ..change(&row) }, "monitorHours"),
        (UpdateConnection { monitor: Some(Some(TimeDelta::hours(169))), ..change(&row) }, "monitorHours"),
        (option("no_such_option", "x"), "options"),
        (option("no_such_option", ""), "options"),
        (answer("voice", "<Response>"), "answers"),
        (answer("voice", "<Response>\0</Response>"), "answers"),
        (answer("status", "<Response/>"), "answers"),
        (answer("nothing", ""), "answers"),
    ] {
        let shown = format!("{input:?}");
        let error = connections::update(&world.app, &SYSTEM, input, CAUSE).await.unwrap_err();
        assert_eq!(wrong_fields(error), [field], "{shown}");
    }
    let all = UpdateConnection {
        clock_skew_seconds: Some(Some(1)),
        base_url: Some(Some("x".to_owned())),
        ..answer("voice", "no XML")
    };
    let error = connections::update(&world.app, &SYSTEM, all, CAUSE).await.unwrap_err();
    assert_eq!(wrong_fields(error), ["clockSkewSeconds", "baseUrl", "answers"], "all at once");
    assert_eq!(stored(&world, &row).await, row);
}

#[tokio::test]
async fn options_are_those_of_the_provider() {
    let world = World::new().await;
    let row = connect(&world, "vonage", Secrets::new().with("signature_secret", OLD)).await;
    let set = |row: &provider_connection::Model, value: &str| {
        let options = [("get_requests".to_owned(), value.to_owned())].into();
        let (app, input) = (world.app.clone(), UpdateConnection { options, ..change(row) });
        async move { connections::update(&app, &SYSTEM, input, CAUSE).await }
    };
    let shown = |row: &provider_connection::Model| row.settings["options"].clone();
    let row = set(&row, " refuse ").await.unwrap();
    assert_eq!(shown(&row), json!({"get_requests": "refuse"}));
    let open = Directory::new(world.app.clone()).find("vonage", "default").await.unwrap().unwrap();
    assert_eq!(open.settings.options.iter().collect::<Vec<_>>(), [("get_requests", "refuse")]);
    assert_eq!(wrong_fields(set(&row, "maybe").await.unwrap_err()), ["options"]);
    let row = set(&row, "").await.unwrap();
    assert_eq!(shown(&row), json!({}));
    let entries = world.audited("connection.update").await;
    let changes: Vec<Value> = serde_json::from_str(&entries[1].changes).unwrap();
    assert_eq!(changes, [json!({"field": "options", "before": {"get_requests": "refuse"}})]);
}

#[tokio::test]
async fn what_a_newer_version_wrote_survives() {
    let world = World::new().await;
    let row = twilio(&world).await;
    let newer = json!({"colour": ["deep"], "options": {"of_tomorrow": "1"}, "clock_skew_seconds": 60});
    provider_connection::ActiveModel { id: Set(row.id), settings: Set(newer), ..Default::default() }
        .update(world.app.db())
        .await
        .unwrap();
    let input = UpdateConnection { trust_forwarded: Some(true), ..change(&row) };
    let row = connections::update(&world.app, &SYSTEM, input, CAUSE).await.unwrap();
    assert_eq!(row.settings["colour"], json!(["deep"]));
    assert_eq!(row.settings["options"], json!({"of_tomorrow": "1"}));
    assert_eq!((&row.settings["clock_skew_seconds"], &row.settings["trust_forwarded"]), (&json!(60), &json!(true)));
}

#[tokio::test]
async fn a_replaced_secret_is_accepted_until_it_is_retired() {
    let world = World::new().await;
    let row = twilio(&world).await;
    let (app, open) = (&world.app, Directory::new(world.app.clone()));
    let rotate = |row: &provider_connection::Model, secrets: &[(&str, Option<&str>)]| {
        let input = rotation(row, secrets);
        async move { connections::rotate_secrets(app, &SYSTEM, input, CAUSE).await }
    };
    let row = rotate(&row, &[("auth_token", Some(NEW))]).await.unwrap();
    let found = open.find("twilio", "default").await.unwrap().unwrap();
    assert_eq!((found.secrets.get("auth_token"), found.secrets.get("auth_token_secondary")), (Some(NEW), Some(OLD)));
    let state = connections::secret_states(app, &row).unwrap();
    let shown: Vec<_> = state.iter().map(|state| (state.name, state.set, state.previous_valid)).collect();
    assert_eq!(
        shown,
        [("auth_token", true, true), ("shared_key_id", false, false), ("shared_key_secret", false, false)]
    );

    for wrong in [
        &[][..],
        &[("auth_token", Some(NEW))],
        &[("auth_token", Some(""))],
        &[("no_such_secret", Some("x"))],
        &[("shared_key_id", Some("webhooks_sharedkey_1"))],
    ] {
        let error = rotate(&row, wrong).await.unwrap_err();
        assert!(!format!("{error:?}").contains(NEW));
        assert_eq!(wrong_fields(error), ["secrets"], "{wrong:?}");
    }
    assert!(!format!("{:?}", rotation(&row, &[("auth_token", Some(NEW))])).contains(NEW));

    let row = connections::retire_previous_secrets(app, &SYSTEM, row.id, row.version, CAUSE).await.unwrap();
    world.advance(TimeDelta::seconds(2));
    let found = open.find("twilio", "default").await.unwrap().unwrap();
    assert_eq!((found.secrets.get("auth_token"), found.secrets.get("auth_token_secondary")), (Some(NEW), None));
    let again = connections::retire_previous_secrets(app, &SYSTEM, row.id, row.version, CAUSE).await.unwrap();
    assert_eq!(again.version, row.version, "nothing was left to retire");

    // The only secret can be taken away as long as what it was is accepted, and not after that.
    let row = rotate(&row, &[("auth_token", None)]).await.unwrap();
    let error = connections::retire_previous_secrets(app, &SYSTEM, row.id, row.version, CAUSE).await.unwrap_err();
    assert_eq!(wrong_fields(error), ["secrets"]);

    let entries = [world.audited("connection.rotate_secrets").await, world.audited("connection.retire_secrets").await];
    assert_eq!(entries.each_ref().map(Vec::len), [2, 1]);
    for entry in entries.iter().flatten() {
        assert!(entry.changes.contains("auth_token"), "names are recorded");
        assert!(!entry.changes.contains(OLD) && !entry.changes.contains(NEW), "values are not");
    }
}

#[tokio::test]
async fn secrets_that_cannot_be_opened_are_not_written_over() {
    let world = World::new().await;
    let row = twilio(&world).await;
    let row = provider_connection::ActiveModel { id: Set(row.id), secrets: Set(vec![1; 60]), ..Default::default() }
        .update(world.app.db())
        .await
        .unwrap();
    assert_eq!(connections::secret_states(&world.app, &row), None);
    let input = rotation(&row, &[("auth_token", Some(NEW))]);
    let error = connections::rotate_secrets(&world.app, &SYSTEM, input, CAUSE).await.unwrap_err();
    assert!(error.to_string().contains("another installation key"), "{error}");
}

#[tokio::test]
async fn only_those_who_may_manage_connections() {
    let world = World::new().await;
    let row = twilio(&world).await;
    for role in ["agent", "supervisor", "auditor"] {
        let actor = Actor::User(world.actor(&format!("{role}@example.com"), role).await);
        let input = UpdateConnection { trust_forwarded: Some(true), ..change(&row) };
        let answers = [
            connections::update(&world.app, &actor, input, CAUSE).await,
            connections::rotate_secrets(&world.app, &actor, rotation(&row, &[("auth_token", Some(NEW))]), CAUSE).await,
            connections::retire_previous_secrets(&world.app, &actor, row.id, row.version, CAUSE).await,
        ];
        for answer in answers {
            assert!(matches!(answer, Err(Error::Forbidden("connections.manage"))), "{answer:?}");
        }
        assert_eq!(connections::find(&world.app, &actor, row.id).await.is_ok(), role == "auditor");
    }
    assert_eq!(stored(&world, &row).await, row);
}

fn event(world: &World, connection: &provider_connection::Model, id: &str, body: &Value) -> Envelope {
    Envelope {
        id: world.app.new_id(),
        connection_id: connection.id,
        provider: "generic".to_owned(),
        purpose: None,
        method: Method::Post,
        url: "https://crm.example.com/hooks/generic".to_owned(),
        headers: vec![("webhook-id".to_owned(), id.to_owned())],
        received_at: world.app.now(),
        unverified: None,
        body: Bytes::from(body.to_string()),
    }
}

async fn settle(world: &World, envelopes: &[Envelope]) -> ingest::Settled {
    let entry =
        |envelope: &Envelope| Incoming::new(envelope.encode_meta().into_bytes().into(), envelope.body.clone(), 1);
    ingest::settle(&world.app, envelopes.iter().map(entry).collect()).await.unwrap()
}

#[tokio::test]
async fn deliveries_are_read_with_the_settings_of_their_connection_also_when_it_is_removed() {
    let world = World::new().await;
    let secrets = Secrets::new().with("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let row = connect(&world, "generic", secrets).await;
    let input = UpdateConnection { default_region: Some(Some("DE".to_owned())), ..change(&row) };
    let row = connections::update(&world.app, &SYSTEM, input, CAUSE).await.unwrap();
    let ringing = |id: &str, from: &str| {
        let data = json!({"call_id": id, "from": from, "to": "+49301234500", "direction": "inbound"});
        event(&world, &row, id, &json!({"type": "call.ringing", "timestamp": world.app.now(), "data": data}))
    };
    assert_eq!(settle(&world, &[ringing("m1", "030 901820")]).await.applied, 1);
    connections::remove(&world.app, &SYSTEM, &Which::Id(row.id), CAUSE).await.unwrap();
    assert_eq!(settle(&world, &[ringing("m2", "030 901821")]).await.applied, 1);
    for number in ["+4930901820", "+4930901821"] {
        let found = caller_number::Entity::find().filter(caller_number::Column::Value.eq(number));
        assert!(found.one(world.app.db()).await.unwrap().is_some(), "{number}");
    }

    // Settings that cannot be read stop their own connection, and say so.
    provider_connection::ActiveModel { id: Set(row.id), settings: Set(json!({"options": 1})), ..Default::default() }
        .update(world.app.db())
        .await
        .unwrap();
    assert_eq!(settle(&world, &[ringing("m3", "030 901822")]).await.dead, 1);
    let letter = dead_letter::Entity::find().one(world.app.db()).await.unwrap().unwrap();
    assert_eq!(letter.detail, "the settings of a connection cannot be read");
}

#[tokio::test]
async fn the_mark_of_monitor_mode_stays_with_the_delivery() {
    let world = World::new().await;
    let secrets = Secrets::new().with("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let row = connect(&world, "generic", secrets).await;
    let body = json!({"type": "call.ringing", "timestamp": world.app.now(), "data":
        {"call_id": "c1", "from": "+49301234567", "to": "+49301234500", "direction": "inbound"}});
    let unverified = Envelope { unverified: Some("stale".to_owned()), ..event(&world, &row, "m1", &body) };
    let malformed = Envelope { unverified: Some("bad_signature".to_owned()), ..event(&world, &row, "m2", &json!([])) };
    let settled = settle(&world, &[unverified, malformed]).await;
    assert_eq!((settled.applied, settled.dead), (1, 1));
    let applied = delivery::Entity::find().one(world.app.db()).await.unwrap().unwrap();
    assert_eq!(applied.request["unverified"], "stale");
    let letter = dead_letter::Entity::find().one(world.app.db()).await.unwrap().unwrap();
    assert_eq!((letter.reason.as_str(), &letter.request["unverified"]), ("malformed", &json!("bad_signature")));
    let row = stored(&world, &row).await;
    assert_eq!((row.unverified_count, row.last_delivery_at), (2, None));
    let genuine = event(&world, &row, "m3", &body);
    settle(&world, &[genuine]).await;
    let row = stored(&world, &row).await;
    assert_eq!((row.unverified_count, row.last_delivery_at), (2, Some(world.app.now())));
}

/// A row from before there were settings.
#[tokio::test]
async fn connections_of_an_older_installation_have_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let older = db::connect(&url, 1).await.unwrap();
    Migrator::up(&older, Some(4)).await.unwrap();
    older
        .execute_unprepared(
            "INSERT INTO provider_connection (id, provider, slug, name, secrets, created_at, updated_at) VALUES
             (x'01a20554e5bc712fbd3799bab1475d91', 'twilio', 'default', 'Main line', x'00',
              '2026-11-22T00:00:00+00:00', '2026-11-22T00:00:00+00:00')",
        )
        .await
        .unwrap();
    Migrator::up(&older, None).await.unwrap();
    older.close().await.unwrap();

    let newer = db::connect(&url, 1).await.unwrap();
    let row = provider_connection::Entity::find().one(&newer).await.unwrap().unwrap();
    assert_eq!(ConnectionSettings::of(&row).unwrap(), ConnectionSettings::default());
    assert_eq!((row.version, row.unverified_count, row.unverified_reason), (1, 0, None));
}
