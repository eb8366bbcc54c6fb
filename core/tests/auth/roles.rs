use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use switchboard_core::{
    Error,
    access::{Actor, Permission, Scope},
    roles,
};
use switchboard_entities::{audit_entry, role_permission};

use crate::world::{SYSTEM, World};

#[tokio::test]
async fn the_built_in_roles_are_there_once_however_often_the_program_starts() {
    let world = World::without_roles().await;
    let starts = (0..4).map(|_| roles::seed(&world.app));
    for start in futures::future::join_all(starts).await {
        start.unwrap();
    }
    roles::seed(&world.app).await.unwrap();
    let keys: Vec<String> = roles::list(&world.app, &SYSTEM).await.unwrap().into_iter().map(|role| role.key).collect();
    assert_eq!(keys, ["agent", "supervisor", "admin", "auditor"]);
    let followed = audit_entry::Entity::find()
        .filter(audit_entry::Column::Action.eq("role.follow"))
        .all(world.app.db())
        .await
        .unwrap();
    assert_eq!(followed.len(), 4, "nothing is written when nothing differs");
}

#[tokio::test]
async fn a_role_that_was_changed_by_hand_follows_the_program_again() {
    let world = World::new().await;
    let agent = world.role("agent").await;
    let before = roles::permissions(&world.app, &[agent]).await.unwrap();
    role_permission::Entity::delete_many()
        .filter(role_permission::Column::Permission.eq("notes.read"))
        .exec(world.app.db())
        .await
        .unwrap();
    let foreign = role_permission::ActiveModel {
        role_id: sea_orm::ActiveValue::Set(agent),
        permission: sea_orm::ActiveValue::Set("something.newer".to_owned()),
        scope: sea_orm::ActiveValue::Set("all".to_owned()),
    };
    role_permission::Entity::insert(foreign).exec_without_returning(world.app.db()).await.unwrap();
    assert_ne!(roles::permissions(&world.app, &[agent]).await.unwrap(), before);
    roles::seed(&world.app).await.unwrap();
    assert_eq!(roles::permissions(&world.app, &[agent]).await.unwrap(), before);
}

#[tokio::test]
async fn each_role_allows_what_its_description_says() {
    let world = World::new().await;
    let mut allowed = std::collections::HashMap::new();
    for key in ["agent", "supervisor", "admin", "auditor"] {
        let id = world.role(key).await;
        allowed.insert(key, roles::permissions(&world.app, &[id]).await.unwrap().remove(&id).unwrap());
    }
    assert_eq!(
        allowed["agent"].to_strings(),
        [
            "callers.read:own",
            "callers.update:own",
            "callers.read_numbers:own",
            "interactions.read:own",
            "interactions.take",
            "notes.read:own",
            "notes.create:own",
            "dispositions.set:own",
        ]
    );
    assert_eq!(
        allowed["supervisor"].to_strings(),
        [
            "callers.read:all",
            "callers.update:all",
            "callers.assign:all",
            "callers.read_numbers:all",
            "interactions.read:all",
            "interactions.take",
            "notes.read:all",
            "notes.create:all",
            "dispositions.set:all",
            "users.read",
            "dead_letters.read",
        ]
    );
    assert_eq!(
        allowed["auditor"].to_strings(),
        [
            "callers.read:all",
            "interactions.read:all",
            "users.read",
            "roles.read",
            "connections.read",
            "dead_letters.read",
            "audit.read",
        ]
    );
    for permission in Permission::ALL {
        let expected = (*permission != Permission::AuditReadValues).then_some(Scope::All);
        assert_eq!(allowed["admin"].scope(*permission), expected);
    }
    for key in ["agent", "supervisor", "auditor"] {
        assert!(allowed["admin"].includes(&allowed[key]), "an admin may hand out {key}");
    }
}

#[tokio::test]
async fn only_those_who_may_see_the_roles() {
    let world = World::new().await;
    let agent = Actor::User(world.actor("a@example.com", "agent").await);
    let auditor = Actor::User(world.actor("b@example.com", "auditor").await);
    assert!(matches!(roles::list(&world.app, &agent).await, Err(Error::Forbidden("roles.read"))));
    assert_eq!(roles::list(&world.app, &auditor).await.unwrap().len(), 4);
    let (known, unknown) = (world.role("agent").await, uuid::Uuid::from_u128(1));
    assert_eq!(roles::by_ids(&world.app, &[known, unknown]).await.unwrap().len(), 1);
    assert!(roles::by_ids(&world.app, &[]).await.unwrap().is_empty());
    assert_eq!(roles::permissions(&world.app, &[unknown]).await.unwrap()[&unknown].to_strings(), [""; 0]);
}
