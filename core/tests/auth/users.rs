use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use switchboard_core::{
    Error,
    access::Actor,
    audit,
    events::Event,
    page::PageRequest,
    passwords, sessions,
    users::{self, NewUser},
};
use switchboard_entities::{audit_entry, user};

use crate::world::{CAUSE, PASSWORD, SYSTEM, World};

fn paths(error: &Error) -> Vec<&'static str> {
    match error {
        Error::Invalid(fields) => fields.iter().map(|field| field.path).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_person_is_added_with_a_trace_and_nothing_personal_in_it() {
    let world = World::new().await;
    let admin = Actor::User(world.actor("root@example.com", "admin").await);
    let new = NewUser {
        email: " Ada@Example.COM ".to_owned(),
        name: " Ada Lovelace ".to_owned(),
        role_id: world.role("agent").await,
        password: PASSWORD.to_owned(),
    };
    assert!(!format!("{new:?}").contains("Ada") && !format!("{new:?}").contains("horses"));
    let row = users::create(&world.app, &admin, new, CAUSE).await.unwrap();
    assert_eq!((row.email.as_str(), row.name.as_str(), row.version), ("ada@example.com", "Ada Lovelace", 1));
    assert!(passwords::verify(PASSWORD, Some(&row.password_hash)).await.unwrap());
    assert_eq!(users::find_by_email(&world.app, "ADA@example.com ").await.unwrap().unwrap().id, row.id);
    assert_eq!(users::by_ids(&world.app, &[row.id]).await.unwrap()[0].id, row.id);

    let entries = world.audited("user.create").await;
    let entry = entries.last().unwrap();
    assert_eq!((entry.object_id, entry.actor_id), (row.id, admin.id()));
    for entry in audit_entry::Entity::find().all(world.app.db()).await.unwrap() {
        let text = format!("{entry:?}").to_lowercase();
        for personal in ["lovelace", "ada@", "root@", "horses", "argon2"] {
            assert!(!text.contains(personal), "{personal}");
        }
    }
    let changes = audit::changes(&world.app, &SYSTEM, std::slice::from_ref(entry)).await.unwrap();
    assert!(changes[0].iter().any(|change| change.after.as_deref() == Some("ada@example.com")));
}

#[tokio::test]
async fn wrong_fields_are_all_named_at_once() {
    let world = World::new().await;
    let role_id = world.role("agent").await;
    let bad = NewUser { email: "ada".to_owned(), name: " ".to_owned(), role_id, password: "short".to_owned() };
    let error = users::create(&world.app, &SYSTEM, bad, CAUSE).await.unwrap_err();
    assert_eq!(paths(&error), ["email", "name", "password"]);
    let mut new = world.new_user("ada@example.com", "agent").await;
    new.role_id = uuid::Uuid::from_u128(1);
    assert_eq!(paths(&users::create(&world.app, &SYSTEM, new, CAUSE).await.unwrap_err()), ["roleId"]);
    assert!(!users::any(&world.app).await.unwrap());
}

#[tokio::test]
async fn an_address_is_used_once() {
    let world = World::new().await;
    world.user("ada@example.com", "agent").await;
    assert!(users::any(&world.app).await.unwrap());
    let again = world.new_user("ADA@example.com", "agent").await;
    assert_eq!(paths(&users::create(&world.app, &SYSTEM, again, CAUSE).await.unwrap_err()), ["email"]);
    let new = world.new_user("ben@example.com", "agent").await;
    let at_once = (0..3).map(|_| users::create(&world.app, &SYSTEM, new.clone(), CAUSE));
    let answers = futures::future::join_all(at_once).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(paths(error), ["email"]);
    }
}

#[tokio::test]
async fn nobody_hands_out_what_they_lack() {
    let world = World::new().await;
    let agent = Actor::User(world.actor("agent@example.com", "agent").await);
    let new = world.new_user("new@example.com", "agent").await;
    assert!(matches!(
        users::create(&world.app, &agent, new.clone(), CAUSE).await,
        Err(Error::Forbidden("users.create"))
    ));

    // A role made by hand: may add people and change roles, but sees only its own callers.
    let recruiter = {
        let mut actor = world.actor("recruiter@example.com", "agent").await;
        let mut permissions = (*actor.permissions).clone();
        permissions.grant("users.create".parse().unwrap(), "all".parse().unwrap());
        permissions.grant("users.role.assign".parse().unwrap(), "all".parse().unwrap());
        actor.permissions = permissions.into();
        Actor::User(actor)
    };
    let made = users::create(&world.app, &recruiter, new, CAUSE).await.unwrap();
    for role in ["supervisor", "admin", "auditor"] {
        let new = world.new_user("more@example.com", role).await;
        let error = users::create(&world.app, &recruiter, new, CAUSE).await.unwrap_err();
        assert!(matches!(error, Error::Forbidden("callers.read")), "{role} has a wider scope");
        let role_id = world.role(role).await;
        assert!(matches!(
            users::assign_role(&world.app, &recruiter, made.id, role_id, None, CAUSE).await,
            Err(Error::Forbidden(_))
        ));
        // And whoever has more cannot be brought down.
        let above = world.user(&format!("{role}@example.com"), role).await;
        assert!(matches!(
            users::assign_role(&world.app, &recruiter, above.id, made.role_id, None, CAUSE).await,
            Err(Error::Forbidden(_))
        ));
    }
    assert!(users::find_by_email(&world.app, "more@example.com").await.unwrap().is_none());
}

#[tokio::test]
async fn a_new_role_is_seen_at_once_by_those_who_are_signed_in() {
    let mut world = World::new().await;
    let admin = Actor::User(world.actor("root@example.com", "admin").await);
    let user = world.user("ada@example.com", "agent").await;
    let tokens = world.login("ada@example.com").await;
    world.events();
    let supervisor = world.role("supervisor").await;
    let row = users::assign_role(&world.app, &admin, user.id, supervisor, Some(user.version), CAUSE).await.unwrap();
    assert_eq!((row.role_id, row.version), (supervisor, user.version + 1));
    assert_eq!(world.events(), [Event::AccessChanged { user_id: user.id }]);
    let alive = sessions::alive(&world.app, tokens.actor.session_id).await.unwrap().unwrap();
    assert!(alive.permissions.to_strings().contains(&"users.read".to_owned()));
    assert_eq!(
        sessions::authenticate(&world.app, tokens.access.expose()).await.unwrap().permissions,
        alive.permissions
    );
    let audited = world.audited("user.assign_role").await;
    assert!(audited[0].changes.contains("agent") && audited[0].changes.contains("supervisor"));

    let stale = users::assign_role(&world.app, &admin, user.id, user.role_id, Some(user.version), CAUSE).await;
    assert!(matches!(stale, Err(Error::Conflict { .. })));
    let same = users::assign_role(&world.app, &admin, user.id, supervisor, None, CAUSE).await.unwrap();
    assert_eq!(same.version, row.version, "the same role again changes nothing");
    let nobody = uuid::Uuid::from_u128(1);
    assert!(matches!(
        users::assign_role(&world.app, &admin, nobody, supervisor, None, CAUSE).await,
        Err(Error::NotFound("person"))
    ));
}

#[tokio::test]
async fn the_last_admin_stays_one() {
    let world = World::new().await;
    let first = world.actor("first@example.com", "admin").await;
    let second = world.actor("second@example.com", "admin").await;
    let gone = world.user("gone@example.com", "admin").await;
    world.deactivate(&gone).await;
    let agent = world.role("agent").await;
    // Each demotes the other at the same moment: one of them must remain.
    let (one, other) = (Actor::User(first.clone()), Actor::User(second.clone()));
    let (a, b) = tokio::join!(
        users::assign_role(&world.app, &one, second.id, agent, None, CAUSE),
        users::assign_role(&world.app, &other, first.id, agent, None, CAUSE),
    );
    assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1);
    let admin = world.role("admin").await;
    let left = user::Entity::find()
        .filter(user::Column::RoleId.eq(admin))
        .filter(user::Column::Id.ne(gone.id))
        .all(world.app.db())
        .await
        .unwrap();
    assert_eq!(left.len(), 1);
    let refused = users::assign_role(&world.app, &SYSTEM, left[0].id, agent, None, CAUSE).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })));
    // One who cannot sign in does not count as an admin who remains, and may lose the role.
    users::assign_role(&world.app, &SYSTEM, gone.id, agent, None, CAUSE).await.unwrap();
}

#[tokio::test]
async fn pages_of_people_are_newest_first_and_complete() {
    let world = World::new().await;
    let agent = Actor::User(world.actor("agent@example.com", "agent").await);
    for n in 0..6 {
        if n % 2 == 0 {
            world.advance(chrono::TimeDelta::seconds(1));
        }
        world.user(&format!("u{n}@example.com"), "agent").await;
    }
    assert!(matches!(
        users::page(&world.app, &agent, PageRequest::new(None, None).unwrap()).await,
        Err(Error::Forbidden("users.read"))
    ));
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let request = PageRequest::new(Some(3), after.as_deref()).unwrap();
        let page = users::page(&world.app, &SYSTEM, request).await.unwrap();
        seen.extend(page.rows.iter().map(|(_, row)| (row.created_at, row.id)));
        after = page.rows.last().map(|(cursor, _)| cursor.encode());
        if !page.has_next {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    sorted.dedup();
    assert_eq!(seen.len(), 7);
    assert_eq!(seen, sorted);
}
