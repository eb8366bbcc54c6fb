use chrono::TimeDelta;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait};
use switchboard_core::{
    Error,
    access::Actor,
    connections::{self, Directory, NewConnection, Which},
};
use switchboard_entities::provider_connection;
use switchboard_telephony::Secrets;

use crate::world::{CAUSE, SYSTEM, World};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn twilio(name: Option<&str>, slug: Option<&str>) -> NewConnection {
    NewConnection {
        provider: "twilio".to_owned(),
        name: name.map(str::to_owned),
        slug: slug.map(str::to_owned),
        secrets: Secrets::new().with("auth_token", TOKEN),
        default_region: Some(" de ".to_owned()),
    }
}

fn wrong_field(error: &Error) -> &'static str {
    match error {
        Error::Invalid(fields) => fields[0].path,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn secrets_are_sealed_at_rest_and_absent_from_every_trace() {
    let world = World::new().await;
    let row = connections::add(&world.app, &SYSTEM, twilio(None, None), CAUSE).await.unwrap();
    assert_eq!((row.slug.as_str(), row.name.as_str()), ("default", "Twilio"));
    assert_eq!(row.default_region.as_deref(), Some("DE"));
    let holds_token = |bytes: &[u8]| bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
    let stored = provider_connection::Entity::find_by_id(row.id).one(world.app.db()).await.unwrap().unwrap();
    assert!(!stored.secrets.is_empty() && !holds_token(&stored.secrets));
    let entries = world.audited("connection.add").await;
    assert!(entries[0].changes.contains("auth_token"), "names of secrets are recorded");
    assert!(!holds_token(entries[0].changes.as_bytes()));

    let directory = Directory::new(world.app.clone());
    let open = directory.find("twilio", "default").await.unwrap().unwrap();
    assert_eq!(open.secrets.get("auth_token"), Some(TOKEN));
    assert_eq!((open.id, open.provider.key()), (row.id, "twilio"));
    assert!(!holds_token(format!("{open:?}").as_bytes()));
}

#[tokio::test]
async fn each_connection_has_its_own_address() {
    let world = World::new().await;
    let first = connections::add(&world.app, &SYSTEM, twilio(None, None), CAUSE).await.unwrap();
    let second = connections::add(&world.app, &SYSTEM, twilio(Some("Berlin office"), None), CAUSE).await.unwrap();
    let third = connections::add(&world.app, &SYSTEM, twilio(Some("Berlin office"), Some("b-2")), CAUSE).await.unwrap();
    let generic = NewConnection {
        provider: "generic".to_owned(),
        secrets: Secrets::new().with("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ..twilio(None, None)
    };
    let generic = connections::add(&world.app, &SYSTEM, generic, CAUSE).await.unwrap();
    let urls = |row: &provider_connection::Model| -> Vec<String> {
        connections::hook_urls(&world.app, row).into_iter().map(|hook| hook.url).collect()
    };
    assert!(urls(&first)[0].starts_with("https://crm.example.com/hooks/twilio/voice"));
    assert!(urls(&second)[0].starts_with("https://crm.example.com/hooks/twilio.berlin-office/voice"));
    assert!(urls(&third)[0].starts_with("https://crm.example.com/hooks/twilio.b-2/voice"));
    assert_eq!(urls(&generic), ["https://crm.example.com/hooks/generic"]);
    let purposes: Vec<&str> = connections::hook_urls(&world.app, &first).iter().map(|hook| hook.purpose).collect();
    assert_eq!(purposes, switchboard_telephony::provider("twilio").unwrap().purposes());
}

#[tokio::test]
async fn what_cannot_work_is_refused_with_the_field() {
    let world = World::new().await;
    connections::add(&world.app, &SYSTEM, twilio(None, None), CAUSE).await.unwrap();
    let no_secret = NewConnection { secrets: Secrets::new(), ..twilio(Some("x"), None) };
    let odd_secret = NewConnection { secrets: Secrets::new().with("autth_token", TOKEN), ..twilio(Some("x"), None) };
    let unknown = NewConnection { provider: "acme".to_owned(), ..twilio(None, None) };
    let region = NewConnection { default_region: Some("Germany".to_owned()), ..twilio(Some("x"), None) };
    for (new, field) in [
        (twilio(None, None), "slug"),
        (twilio(Some("x"), Some("default")), "slug"),
        (twilio(None, Some("Not a slug")), "slug"),
        (twilio(None, Some("")), "slug"),
        (twilio(Some("☎"), None), "slug"),
        (twilio(Some(&"n".repeat(81)), Some("n")), "name"),
        (no_secret, "secrets"),
        (odd_secret, "secrets"),
        (unknown, "provider"),
        (region, "defaultRegion"),
    ] {
        let error = connections::add(&world.app, &SYSTEM, new.clone(), CAUSE).await.unwrap_err();
        assert_eq!(wrong_field(&error), field, "{new:?}");
        assert!(!format!("{error:?}").contains(TOKEN));
    }
    let at_once = (0..3).map(|_| connections::add(&world.app, &SYSTEM, twilio(Some("y"), None), CAUSE));
    let answers = futures::future::join_all(at_once).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_removed_connection_gives_its_address_free_and_forgets_its_secrets() {
    let world = World::new().await;
    let first = connections::add(&world.app, &SYSTEM, twilio(None, None), CAUSE).await.unwrap();
    let directory = Directory::new(world.app.clone());
    assert!(directory.find("twilio", "default").await.unwrap().is_some());

    let which = Which::Url { provider: "twilio".to_owned(), slug: "default".to_owned() };
    let removed = connections::remove(&world.app, &SYSTEM, &which, CAUSE).await.unwrap();
    assert_eq!((removed.id, removed.secrets.len()), (first.id, 0));
    assert!(matches!(connections::remove(&world.app, &SYSTEM, &which, CAUSE).await, Err(Error::NotFound(_))));
    assert!(matches!(
        connections::remove(&world.app, &SYSTEM, &Which::Id(first.id), CAUSE).await,
        Err(Error::NotFound(_))
    ));
    assert_eq!(connections::list(&world.app, &SYSTEM).await.unwrap().len(), 0);
    assert_eq!(connections::by_ids(&world.app, &[first.id]).await.unwrap()[0].name, "Twilio", "old calls show it");
    assert_eq!(world.audited("connection.remove").await.len(), 1);

    world.advance(TimeDelta::seconds(2));
    assert!(directory.find("twilio", "default").await.unwrap().is_none());
    let second = connections::add(&world.app, &SYSTEM, twilio(None, None), CAUSE).await.unwrap();
    world.advance(TimeDelta::seconds(2));
    assert_eq!(directory.find("twilio", "default").await.unwrap().unwrap().id, second.id);
}

#[tokio::test]
async fn the_directory_reads_the_database_at_most_every_two_seconds() {
    let world = World::new().await;
    let directory = Directory::new(world.app.clone());
    assert!(directory.find("twilio", "default").await.unwrap().is_none());
    connections::add(&world.app, &SYSTEM, twilio(None, None), CAUSE).await.unwrap();
    world.advance(TimeDelta::milliseconds(1_999));
    // Still the answer of the first read: unknown addresses cannot make it read more often.
    for _ in 0..50 {
        assert!(directory.find("twilio", "default").await.unwrap().is_none());
    }
    world.advance(TimeDelta::milliseconds(1));
    let many = futures::future::join_all((0..50).map(|_| directory.find("twilio", "default"))).await;
    // One of them reads; those at the same moment may still see the state before.
    assert!(many.into_iter().any(|found| found.unwrap().is_some()));
    assert!(directory.find("twilio", "default").await.unwrap().is_some());
}

#[tokio::test]
async fn the_directory_goes_on_without_the_database() {
    let world = World::new().await;
    connections::add(&world.app, &SYSTEM, twilio(None, None), CAUSE).await.unwrap();
    let (warm, cold) = (Directory::new(world.app.clone()), Directory::new(world.app.clone()));
    warm.find("twilio", "default").await.unwrap().unwrap();
    world.app.db().clone().close().await.unwrap();
    world.advance(TimeDelta::hours(1));
    assert!(warm.find("twilio", "default").await.unwrap().is_some());
    assert!(cold.find("twilio", "default").await.unwrap_err().is_transient());
}

#[tokio::test]
async fn a_connection_that_cannot_be_opened_is_not_unknown_and_stops_no_other() {
    let world = World::new().await;
    let broken = connections::add(&world.app, &SYSTEM, twilio(None, None), CAUSE).await.unwrap();
    connections::add(&world.app, &SYSTEM, twilio(Some("fine"), None), CAUSE).await.unwrap();
    provider_connection::ActiveModel { id: Set(broken.id), secrets: Set(vec![1; 60]), ..Default::default() }
        .update(world.app.db())
        .await
        .unwrap();
    let directory = Directory::new(world.app.clone());
    assert!(matches!(directory.find("twilio", "default").await, Err(Error::Internal(_))));
    assert!(directory.find("twilio", "fine").await.unwrap().is_some());
}

#[tokio::test]
async fn only_those_who_may_manage_connections() {
    let world = World::new().await;
    let row = connections::add(&world.app, &SYSTEM, twilio(None, None), CAUSE).await.unwrap();
    for role in ["agent", "supervisor", "auditor"] {
        let actor = Actor::User(world.actor(&format!("{role}@example.com"), role).await);
        assert!(matches!(
            connections::add(&world.app, &actor, twilio(Some("x"), None), CAUSE).await,
            Err(Error::Forbidden("connections.manage"))
        ));
        assert!(matches!(
            connections::remove(&world.app, &actor, &Which::Id(row.id), CAUSE).await,
            Err(Error::Forbidden("connections.manage"))
        ));
        assert_eq!(connections::list(&world.app, &actor).await.is_ok(), role == "auditor");
    }
    let admin = Actor::User(world.actor("admin@example.com", "admin").await);
    assert_eq!(connections::list(&world.app, &admin).await.unwrap().len(), 1);
    connections::remove(&world.app, &admin, &Which::Id(row.id), CAUSE).await.unwrap();
}
