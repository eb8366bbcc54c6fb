//! Sets the stage: people, the password, the connection of the simulated phone system.

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use sea_orm::{EntityTrait, PaginatorTrait};
use switchboard_core::{
    App,
    access::{Actor, UserActor},
    connections::{self, NewConnection},
    roles, sessions,
    users::{self, NewUser},
};
use switchboard_entities::{caller, provider_connection};
use switchboard_telephony::Secrets;

use super::{calls::PROVIDER, cast::PEOPLE, rules};
use crate::line::{self, Line};

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

/// The line of the simulated phone system; its connection is made when it is not there.
pub async fn line(app: &App, base_url: &str) -> Result<Line> {
    let actor = Actor::System(CAUSE);
    let rows = connections::list(app, &actor).await.map_err(rules)?;
    let row = match rows.into_iter().find(|row| row.provider == PROVIDER && row.slug == SLUG) {
        Some(row) => row,
        None => add(app, &actor).await?,
    };
    Line::open(app, &line::client()?, &row, &Secrets::new(), base_url).await
}

async fn add(app: &App, actor: &Actor) -> Result<provider_connection::Model> {
    let mut key = [0; 32];
    app.entropy().fill(&mut key);
    let new = NewConnection {
        provider: PROVIDER.to_owned(),
        name: Some("Demonstration phone system".to_owned()),
        slug: Some(SLUG.to_owned()),
        secrets: Secrets::new().with("secret", format!("whsec_{}", STANDARD.encode(key))),
        default_region: None,
    };
    connections::add(app, actor, new, CAUSE).await.map_err(rules)
}
