//! What monitor mode let in, counted on the connection for whoever is to put it right.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use switchboard_entities::provider_connection;
use uuid::Uuid;

use crate::{App, envelope::Envelope};

/// The deliveries of a batch whose verification failed, by connection.
pub(super) struct Unverified(BTreeMap<Uuid, Seen>);

struct Seen {
    count: i64,
    last_at: DateTime<Utc>,
    last_reason: String,
}

impl Unverified {
    pub fn among(envelopes: &[(Envelope, u32)]) -> Self {
        let mut seen: BTreeMap<Uuid, Seen> = BTreeMap::new();
        for (envelope, _) in envelopes {
            let Some(reason) = &envelope.unverified else { continue };
            let at = envelope.received_at;
            let seen = seen.entry(envelope.connection_id).or_insert_with(|| Seen {
                count: 0,
                last_at: at,
                last_reason: reason.clone(),
            });
            seen.count += 1;
            if at >= seen.last_at {
                seen.last_at = at;
                seen.last_reason.clone_from(reason);
            }
        }
        Self(seen)
    }

    /// Notes them, after everything is settled and apart from its transaction: two workers would otherwise wait for each
    /// other on one row. Best effort, for people to look at: a worker that dies in between loses the count of its batch.
    pub async fn note(self, app: &App) {
        for (id, seen) in self.0 {
            let noted = provider_connection::Entity::update_many()
                .col_expr(
                    provider_connection::Column::UnverifiedCount,
                    provider_connection::COLUMN.unverified_count.add(seen.count),
                )
                .col_expr(provider_connection::Column::UnverifiedReason, Expr::value(seen.last_reason))
                .col_expr(provider_connection::Column::UnverifiedAt, Expr::value(seen.last_at))
                .filter(provider_connection::Column::Id.eq(id))
                .exec(app.db())
                .await;
            if let Err(error) = noted {
                tracing::warn!(error = crate::db::describe(&error), "deliveries in monitor mode were not counted");
            }
        }
    }
}
