use chrono::TimeDelta;
use sea_orm::EntityTrait;
use switchboard_core::{Error, events::Event, sessions};
use switchboard_entities::{session_token, user};

use crate::world::{CAUSE, PASSWORD, World};

const WRONG: &str = "three blue horsez";

async fn refuse(world: &World, email: &str, password: &str) -> String {
    match sessions::login(&world.app, email, password, CAUSE).await.unwrap_err() {
        Error::Unauthenticated(text) => text.into_owned(),
        Error::RateLimited { retry_after_seconds } => format!("wait {retry_after_seconds}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_right_password_signs_in_and_nothing_in_the_clear_is_stored() {
    let world = World::new().await;
    let user = world.user("Ada@Example.com", "agent").await;
    let tokens = sessions::login(&world.app, " ADA@example.COM ", PASSWORD, CAUSE).await.unwrap();
    assert_eq!(tokens.actor.id, user.id);
    assert_eq!(tokens.access_expires_at, world.app.now() + TimeDelta::minutes(15));
    assert_eq!(tokens.refresh_expires_at, world.app.now() + TimeDelta::days(30));

    let actor = sessions::authenticate(&world.app, tokens.access.expose()).await.unwrap();
    assert_eq!(actor.session_id, tokens.actor.session_id);
    assert_eq!(actor.permissions, tokens.actor.permissions);
    assert!(actor.permissions.to_strings().contains(&"callers.read:own".to_owned()));

    let rows = session_token::Entity::find().all(world.app.db()).await.unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row.hash.len(), 64);
        assert!(!tokens.access.expose().contains(&row.hash) && !tokens.refresh.expose().contains(&row.hash));
    }
    assert!(!format!("{tokens:?}").contains(&tokens.access.expose()[4..]));
    assert_eq!(world.audited("session.start").await[0].object_id, actor.session_id);
    let user = user::Entity::find_by_id(user.id).one(world.app.db()).await.unwrap().unwrap();
    assert_eq!(user.last_seen_at, Some(world.app.now()));
}

#[tokio::test]
async fn two_sign_ins_share_nothing() {
    let world = World::new().await;
    world.user("ada@example.com", "agent").await;
    let (a, b) = (world.login("ada@example.com").await, world.login("ada@example.com").await);
    assert_ne!(a.actor.session_id, b.actor.session_id);
    assert_ne!(a.access.expose(), b.access.expose());
    assert_ne!(a.refresh.expose(), b.refresh.expose());
    assert_ne!(a.access.expose()[4..], a.refresh.expose()[4..]);
}

#[tokio::test]
async fn refresh_tokens_and_rubbish_do_not_authenticate() {
    let world = World::new().await;
    world.user("ada@example.com", "agent").await;
    let tokens = world.login("ada@example.com").await;
    let crossed = tokens.refresh.expose().replace("sbr_", "sba_");
    let flipped = tokens.access.expose().to_ascii_uppercase();
    for token in ["", "x", tokens.refresh.expose(), &crossed, &flipped, "' OR 1=1 --"] {
        assert!(matches!(sessions::authenticate(&world.app, token).await, Err(Error::Unauthenticated(_))));
    }
    assert!(matches!(
        sessions::refresh(&world.app, tokens.access.expose(), CAUSE).await,
        Err(Error::Unauthenticated(_))
    ));
}

#[tokio::test]
async fn access_tokens_end_after_their_time() {
    let world = World::new().await;
    world.user("ada@example.com", "agent").await;
    let tokens = world.login("ada@example.com").await;
    world.advance(TimeDelta::minutes(15) - TimeDelta::microseconds(1));
    assert!(sessions::authenticate(&world.app, tokens.access.expose()).await.is_ok());
    world.advance(TimeDelta::microseconds(1));
    assert!(sessions::authenticate(&world.app, tokens.access.expose()).await.is_err());
    assert!(sessions::alive(&world.app, tokens.actor.session_id).await.unwrap().is_some());
    world.advance(TimeDelta::days(30));
    assert!(sessions::alive(&world.app, tokens.actor.session_id).await.unwrap().is_none());
}

#[tokio::test]
async fn whether_an_account_exists_is_never_told() {
    let world = World::new().await;
    world.user("ada@example.com", "agent").await;
    let gone = world.user("gone@example.com", "agent").await;
    world.deactivate(&gone).await;
    let writes = async || world.audited("session.refuse").await.len();
    for round in 0..12 {
        let before = writes().await;
        let ada = refuse(&world, "ada@example.com", WRONG).await;
        assert_eq!(ada, refuse(&world, "nobody@example.com", WRONG).await, "round {round}");
        assert_eq!(ada, refuse(&world, "gone@example.com", PASSWORD).await, "round {round}");
        // The same number of committed writes for each.
        assert_eq!((writes().await - before) % 3, 0);
        world.advance(TimeDelta::seconds(7));
    }
    for entry in world.audited("session.refuse").await {
        for personal in ["ada@", "nobody@", "gone@"] {
            assert!(!format!("{entry:?}").contains(personal));
        }
    }
}

#[tokio::test]
async fn failures_delay_the_next_try_and_the_clock_ends_the_delay() {
    let world = World::new().await;
    world.user("ada@example.com", "agent").await;
    let session = world.login("ada@example.com").await;
    for _ in 0..5 {
        assert_eq!(refuse(&world, "ada@example.com", WRONG).await, "That e-mail and password do not match.");
    }
    // Now not even the right one is looked at, and looking does not make it longer.
    for _ in 0..3 {
        assert_eq!(refuse(&world, "ada@example.com", PASSWORD).await, "wait 5");
    }
    world.advance(TimeDelta::milliseconds(4_001));
    assert_eq!(refuse(&world, "ada@example.com", PASSWORD).await, "wait 1");
    assert!(sessions::authenticate(&world.app, session.access.expose()).await.is_ok(), "who is signed in stays so");
    world.advance(TimeDelta::seconds(1));
    assert_eq!(refuse(&world, "ada@example.com", WRONG).await, "That e-mail and password do not match.");
    assert_eq!(refuse(&world, "ada@example.com", WRONG).await, "wait 10");
    world.advance(TimeDelta::seconds(10));
    world.login("ada@example.com").await;
    // Success forgets the failures.
    for _ in 0..4 {
        refuse(&world, "ada@example.com", WRONG).await;
    }
    world.login("ada@example.com").await;
    assert_eq!(world.audited("session.refuse").await.len(), 10);
}

#[tokio::test]
async fn many_tries_at_once_learn_no_more_than_one_after_the_other() {
    let world = World::new().await;
    let user = world.user("ada@example.com", "agent").await;
    let tries = (0..12).map(|_| sessions::login(&world.app, "ada@example.com", WRONG, CAUSE));
    let answers = futures::future::join_all(tries).await;
    let told = answers.iter().filter(|answer| matches!(answer, Err(Error::Unauthenticated(_)))).count();
    let limited = answers.iter().filter(|answer| matches!(answer, Err(Error::RateLimited { .. }))).count();
    assert_eq!((told, limited), (5, 7));
    let user = user::Entity::find_by_id(user.id).one(world.app.db()).await.unwrap().unwrap();
    assert_eq!(user.failed_logins, 5);
}

#[tokio::test]
async fn signing_out_ends_this_session_or_all() {
    let mut world = World::new().await;
    world.user("ada@example.com", "agent").await;
    world.user("ben@example.com", "agent").await;
    let (a, b, c) = (
        world.login("ada@example.com").await,
        world.login("ada@example.com").await,
        world.login("ada@example.com").await,
    );
    let ben = world.login("ben@example.com").await;
    world.events();

    sessions::logout(&world.app, &a.actor, false, CAUSE).await.unwrap();
    assert_eq!(world.events(), [Event::SessionEnded { session_id: a.actor.session_id }]);
    assert!(sessions::authenticate(&world.app, a.access.expose()).await.is_err());
    assert!(sessions::refresh(&world.app, a.refresh.expose(), CAUSE).await.is_err());
    assert!(sessions::alive(&world.app, a.actor.session_id).await.unwrap().is_none());
    assert!(sessions::authenticate(&world.app, b.access.expose()).await.is_ok());
    sessions::logout(&world.app, &a.actor, false, CAUSE).await.unwrap();
    assert_eq!(world.events(), []);

    sessions::logout(&world.app, &b.actor, true, CAUSE).await.unwrap();
    assert_eq!(world.events().len(), 2);
    for tokens in [&b, &c] {
        assert!(sessions::authenticate(&world.app, tokens.access.expose()).await.is_err());
    }
    assert!(sessions::authenticate(&world.app, ben.access.expose()).await.is_ok());
    assert_eq!(world.audited("session.end").await.len(), 3);
}

#[tokio::test]
async fn a_deactivated_person_is_out_at_once() {
    let world = World::new().await;
    let user = world.user("ada@example.com", "agent").await;
    let tokens = world.login("ada@example.com").await;
    world.deactivate(&user).await;
    assert!(sessions::authenticate(&world.app, tokens.access.expose()).await.is_err());
    assert!(sessions::refresh(&world.app, tokens.refresh.expose(), CAUSE).await.is_err());
    assert!(sessions::alive(&world.app, tokens.actor.session_id).await.unwrap().is_none());
}
