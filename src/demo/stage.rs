//! Sets the stage: people, the password, the connection of the simulated phone system.

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use switchboard_core::{
    App,
    access::{Actor, UserActor},
    connections::{self, Directory, NewConnection},
    roles, sessions,
    users::{self, NewUser},
};
use switchboard_entities::{call_key, caller, interaction};
use switchboard_telephony::Secrets;
use uuid::Uuid;

use super::{cast::PEOPLE, client, phone_system::PhoneSystem, rules};

const CAUSE: &str = "demonstration";
const SLUG: &str = "demo";

/// A colleague who plays along, signed in.
pub struct Person {
    /// Sign-in name.
    pub email: &'static str,
    /// Key of the role.
    pub role: &'static str,
    /// For what they do to calls.
    pub actor: UserActor,
}

/// Are there callers already? Then this is somebody's installation, and nothing is added.
pub async fn is_taken(app: &App) -> Result<bool> {
    Ok(caller::Entity::find().count(app.db()).await.context("the database could not be read")? > 0)
}

/// A password for all of them, new for every installation.
pub fn password(app: &App) -> String {
    let mut bytes = [0; 4];
    app.entropy().fill(&mut bytes);
    format!("demo-{:08x}", u32::from_be_bytes(bytes))
}

/// Adds the people and signs them in.
pub async fn people(app: &App, password: &str) -> Result<Vec<Person>> {
    let actor = Actor::System(CAUSE);
    let known = roles::list(app, &actor).await.map_err(rules)?;
    let mut people = Vec::with_capacity(PEOPLE.len());
    for (name, email, role) in PEOPLE {
        let role_id = known.iter().find(|known| known.key == role).context("a built-in role is missing")?.id;
        if users::find_by_email(app, email).await.map_err(rules)?.is_none() {
            let new =
                NewUser { email: email.to_owned(), name: name.to_owned(), role_id, password: password.to_owned() };
            users::create(app, &actor, new, CAUSE).await.map_err(rules)?;
        }
        let tokens = sessions::login(app, email, password, CAUSE).await.map_err(rules)?;
        people.push(Person { email, role, actor: tokens.actor });
    }
    Ok(people)
}

/// The calls of the simulated phone system that never ended, by its ids.
pub async fn left_on_the_line(app: &App, connection: Uuid) -> Result<Vec<String>> {
    let open = interaction::Entity::find()
        .filter(interaction::Column::ConnectionId.eq(connection))
        .filter(interaction::Column::State.ne("ended"))
        .filter(interaction::Column::MergedInto.is_null());
    let open = open.all(app.db()).await.context("the calls could not be read")?;
    let keys = call_key::Entity::find()
        .filter(call_key::Column::InteractionId.is_in(open.iter().map(|call| call.id)))
        .filter(call_key::Column::Key.starts_with("session:"));
    let keys = keys.all(app.db()).await.context("the calls could not be read")?;
    Ok(keys.into_iter().filter_map(|row| row.key.strip_prefix("session:").map(ToOwned::to_owned)).collect())
}

/// The connection of the simulated phone system, made when it is not there.
pub async fn phone_system(app: &App, base_url: &str) -> Result<PhoneSystem> {
    let actor = Actor::System(CAUSE);
    let rows = connections::list(app, &actor).await.map_err(rules)?;
    let known = rows.into_iter().find(|row| row.provider == "generic" && row.slug == SLUG);
    let (row, secrets) = if let Some(row) = known {
        let open = Directory::new(app.clone()).find("generic", SLUG).await.map_err(rules)?;
        let secrets = open.context("the demonstration's connection cannot be opened")?.secrets.clone();
        (row, secrets)
    } else {
        let mut key = [0; 32];
        app.entropy().fill(&mut key);
        let secrets = Secrets::new().with("secret", format!("whsec_{}", STANDARD.encode(key)));
        let new = NewConnection {
            provider: "generic".to_owned(),
            name: Some("Demonstration phone system".to_owned()),
            slug: Some(SLUG.to_owned()),
            secrets: secrets.clone(),
            default_region: None,
        };
        (connections::add(app, &actor, new, CAUSE).await.map_err(rules)?, secrets)
    };
    let hook = connections::hook_urls(app, &row).into_iter().next().context("the connection has no URL")?;
    let url = hook.url;
    // The path is the same wherever the server is reached from; the signature is over the public URL.
    let path = url.strip_prefix(app.public_url()).context("the connection's URL is not below the public URL")?;
    Ok(PhoneSystem {
        app: app.clone(),
        connection: row.id,
        client: client()?,
        send_to: format!("{base_url}{path}"),
        url: url.clone(),
        secrets,
    })
}
