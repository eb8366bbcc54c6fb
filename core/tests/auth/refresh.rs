use chrono::TimeDelta;
use sea_orm::EntityTrait;
use switchboard_core::{Error, events::Event, sessions};
use switchboard_entities::{session, session_token};

use crate::world::{CAUSE, World};

async fn world() -> World {
    let world = World::new().await;
    world.user("ada@example.com", "agent").await;
    world
}

async fn is_ended(world: &World, session_id: uuid::Uuid) -> bool {
    let row = session::Entity::find_by_id(session_id).one(world.app.db()).await.unwrap().unwrap();
    assert_eq!(row.revoked_at.is_some(), sessions::alive(&world.app, session_id).await.unwrap().is_none());
    row.revoke_reason.as_deref() == Some("refresh_reuse")
}

#[tokio::test]
async fn tokens_rotate_within_one_session() {
    let world = world().await;
    let first = world.login("ada@example.com").await;
    world.advance(TimeDelta::minutes(20));
    let second = sessions::refresh(&world.app, first.refresh.expose(), CAUSE).await.unwrap();
    assert_eq!(second.actor.session_id, first.actor.session_id);
    assert_ne!(second.refresh.expose(), first.refresh.expose());
    assert_ne!(second.access.expose()[4..], second.refresh.expose()[4..]);
    assert!(sessions::authenticate(&world.app, first.access.expose()).await.is_err());
    assert!(sessions::authenticate(&world.app, second.access.expose()).await.is_ok());
    assert_eq!(second.refresh_expires_at, first.refresh_expires_at, "refreshing does not prolong a session");
    world.advance(TimeDelta::days(29));
    let third = sessions::refresh(&world.app, second.refresh.expose(), CAUSE).await.unwrap();
    world.advance(TimeDelta::days(1));
    assert!(sessions::refresh(&world.app, third.refresh.expose(), CAUSE).await.is_err());
}

#[tokio::test]
async fn within_the_grace_the_same_successor_is_given_again() {
    let world = world().await;
    let first = world.login("ada@example.com").await;
    let second = sessions::refresh(&world.app, first.refresh.expose(), CAUSE).await.unwrap();
    world.advance(TimeDelta::seconds(30));
    let again = sessions::refresh(&world.app, first.refresh.expose(), CAUSE).await.unwrap();
    assert_eq!(again.refresh.expose(), second.refresh.expose());
    assert_eq!(again.access.expose(), second.access.expose());
    assert_eq!(again.access_expires_at, second.access_expires_at);
    assert_eq!(session_token::Entity::find().all(world.app.db()).await.unwrap().len(), 4);
    assert!(sessions::authenticate(&world.app, again.access.expose()).await.is_ok());
}

#[tokio::test]
async fn many_exchanges_at_once_give_one_successor() {
    let world = world().await;
    let first = world.login("ada@example.com").await;
    let exchanges = (0..8).map(|_| sessions::refresh(&world.app, first.refresh.expose(), CAUSE));
    let answers = futures::future::join_all(exchanges).await;
    let successor = answers[0].as_ref().unwrap().refresh.expose().to_owned();
    for answer in answers {
        assert_eq!(answer.unwrap().refresh.expose(), successor);
    }
    assert!(!is_ended(&world, first.actor.session_id).await);
}

#[tokio::test]
async fn reuse_after_the_grace_ends_the_session() {
    let mut world = world().await;
    let other = world.login("ada@example.com").await;
    let first = world.login("ada@example.com").await;
    let second = sessions::refresh(&world.app, first.refresh.expose(), CAUSE).await.unwrap();
    world.events();
    world.advance(TimeDelta::seconds(30) + TimeDelta::microseconds(1));
    assert!(matches!(
        sessions::refresh(&world.app, first.refresh.expose(), CAUSE).await,
        Err(Error::Unauthenticated(_))
    ));
    assert!(is_ended(&world, first.actor.session_id).await);
    assert_eq!(world.events(), [Event::SessionEnded { session_id: first.actor.session_id }]);
    assert!(sessions::authenticate(&world.app, second.access.expose()).await.is_err());
    assert!(sessions::refresh(&world.app, second.refresh.expose(), CAUSE).await.is_err());
    assert!(sessions::authenticate(&world.app, other.access.expose()).await.is_ok(), "another device is not touched");
    let audited = world.audited("session.end").await;
    assert_eq!(audited.len(), 1);
    assert!(audited[0].changes.contains("refresh_reuse"));
}

/// A thief copies one token of the chain and uses it at any point, the owner goes on as always. In every order, from the
/// moment both have used a copy that is neither within the grace nor still unused, the session is over for both.
#[tokio::test]
async fn a_copied_token_ends_the_session_in_every_order() {
    for stolen in 0..3 {
        for late in 1..4 {
            for wait in [0, 31] {
                let world = world().await;
                let mut chain = vec![world.login("ada@example.com").await];
                // The owner exchanges `stolen` tokens, then `late` further ones, and only then the thief comes.
                for _ in 0..stolen + late {
                    let last = chain.last().unwrap().refresh.expose().to_owned();
                    chain.push(sessions::refresh(&world.app, &last, CAUSE).await.unwrap());
                    world.advance(TimeDelta::seconds(1));
                }
                world.advance(TimeDelta::seconds(wait));
                let thief = sessions::refresh(&world.app, chain[stolen].refresh.expose(), CAUSE).await;
                // Only the newest exchange, fresh, gives its successor once more.
                let tolerated = late == 1 && wait == 0;
                assert_eq!(thief.is_ok(), tolerated, "{stolen} {late} {wait}");
                assert_eq!(is_ended(&world, chain[0].actor.session_id).await, !tolerated);
                if let Ok(thief) = thief {
                    // Both hold the same token now. The second to use it after the grace ends the session, whoever it is.
                    world.advance(TimeDelta::minutes(15));
                    sessions::refresh(&world.app, thief.refresh.expose(), CAUSE).await.unwrap();
                    world.advance(TimeDelta::seconds(31));
                    let owner = chain.last().unwrap().refresh.expose();
                    assert!(sessions::refresh(&world.app, owner, CAUSE).await.is_err());
                    assert!(is_ended(&world, chain[0].actor.session_id).await);
                }
            }
        }
    }
}

#[tokio::test]
async fn unknown_tokens_change_nothing() {
    let world = world().await;
    let tokens = world.login("ada@example.com").await;
    let unknown = format!("sbr_{}", "A".repeat(43));
    assert!(matches!(sessions::refresh(&world.app, &unknown, CAUSE).await, Err(Error::Unauthenticated(_))));
    assert!(!is_ended(&world, tokens.actor.session_id).await);
}

#[tokio::test]
async fn what_has_expired_is_removed_and_what_has_not_stays() {
    let world = world().await;
    let old = world.login("ada@example.com").await;
    world.advance(TimeDelta::days(20));
    let ended = world.login("ada@example.com").await;
    sessions::logout(&world.app, &ended.actor, false, CAUSE).await.unwrap();
    let young = world.login("ada@example.com").await;
    assert_eq!(sessions::purge(&world.app).await.unwrap(), 0);
    // The used token stays, because its reuse must still be seen.
    let next = sessions::refresh(&world.app, young.refresh.expose(), CAUSE).await.unwrap();
    world.advance(TimeDelta::days(8));
    assert_eq!(sessions::purge(&world.app).await.unwrap(), 1, "the one that ended a week ago");
    world.advance(TimeDelta::days(3));
    assert_eq!(sessions::purge(&world.app).await.unwrap(), 1, "the one that expired");
    assert!(sessions::alive(&world.app, old.actor.session_id).await.unwrap().is_none());
    assert_eq!(session_token::Entity::find().all(world.app.db()).await.unwrap().len(), 2);
    assert!(sessions::refresh(&world.app, young.refresh.expose(), CAUSE).await.is_err());
    assert!(sessions::refresh(&world.app, next.refresh.expose(), CAUSE).await.is_err());
    assert!(is_ended(&world, young.actor.session_id).await);
}
