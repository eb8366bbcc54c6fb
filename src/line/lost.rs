//! Calls that were left on the line: whoever played them stopped in the middle.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::json;
use switchboard_core::App;
use switchboard_entities::{call_key, interaction};
use switchboard_simulator::Wire;

use super::Line;

/// Most that are ended at a time; the next start goes on.
const MOST: u64 = 100;

/// Ends the calls of a `generic` line that began before an instant and never ended. Returns how many.
pub async fn hang_up(app: &App, line: &Line, began_before: DateTime<Utc>) -> Result<usize> {
    let open = interaction::Entity::find()
        .filter(interaction::Column::ConnectionId.eq(line.connection()))
        .filter(interaction::Column::State.ne("ended"))
        .filter(interaction::Column::MergedInto.is_null())
        .filter(interaction::Column::StartedAt.lt(began_before))
        .limit(MOST);
    let open = open.all(app.db()).await.context("the calls could not be read")?;
    let keys = call_key::Entity::find()
        .filter(call_key::Column::InteractionId.is_in(open.iter().map(|call| call.id)))
        .filter(call_key::Column::Key.starts_with("session:"));
    let keys = keys.all(app.db()).await.context("the calls could not be read")?;
    let now = app.now();
    for row in &keys {
        let id = row.key.strip_prefix("session:").unwrap_or_default();
        // Without an outcome: completed when somebody answered, else missed.
        let body = json!({ "type": "call.ended", "timestamp": now, "data": { "call_id": id } });
        let wire = Wire::json(now, &body).with("webhook-id", format!("msg_lost_{id}"));
        let status = line.send(&wire, now).await?;
        anyhow::ensure!(status.is_some_and(|status| status.is_success()), "a lost call could not be ended");
    }
    Ok(keys.len())
}
