//! `switchboard user`.

use std::io::BufRead;

use anyhow::{Context, Result, bail};
use switchboard_core::{
    access::Actor,
    roles,
    users::{self, NewUser},
};

use crate::{cli::User, commands::plain, settings::Settings, wiring};

/// Runs the command.
pub async fn run(settings: &Settings, command: User) -> Result<()> {
    let User::Create { email, name, role, password_stdin: _ } = command;
    let mut password = String::new();
    std::io::stdin().lock().read_line(&mut password).context("the password could not be read from standard input")?;
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    let app = wiring::offline(settings).await?;
    let actor = Actor::System("command line");
    let known = roles::list(&app, &actor).await.map_err(plain)?;
    let Some(role) = known.iter().find(|known| known.key == role) else {
        let keys: Vec<&str> = known.iter().map(|role| role.key.as_str()).collect();
        bail!("There is no role \"{role}\". There are: {}.", keys.join(", "));
    };
    let user = users::create(&app, &actor, NewUser { email, name, role_id: role.id, password }, "command line")
        .await
        .map_err(plain)?;
    println!("Added {} ({}) with the role {}.", user.name, user.email, role.name);
    Ok(())
}
