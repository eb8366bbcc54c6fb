//! Every scenario in many random orders, with duplicates, in random batches, by one worker and by two at once.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use switchboard_core::{
    access::Actor,
    callers::{self, CallerFilter},
    envelope::Envelope,
    interactions,
    page::PageRequest,
};
use switchboard_entities::{delivery, interaction};
use uuid::Uuid;

use super::{
    fixtures,
    stage::{Stage, again},
};
use crate::support::{both_modes, server::Mode};

/// Orders of each scenario.
const ORDERS: u64 = 60;

both_modes!(every_order_gives_the_same_call);

async fn every_order_gives_the_same_call(mode: Mode) {
    let stage = Stage::set(mode).await;
    for (name, deliveries, expected) in fixtures::scenarios() {
        let mut first: Option<Value> = None;
        for seed in 0..ORDERS {
            let mut random = StdRng::seed_from_u64(seed);
            let connection = stage.connection(fixtures::provider_of(&deliveries[0])).await;
            let mut envelopes: Vec<Envelope> =
                (0..).zip(&deliveries).map(|(order, name)| fixtures::envelope(name, connection, order)).collect();
            let events = envelopes.len();
            // Retries of the provider, and hand-outs of our own queue that come twice.
            for i in 0..events {
                match random.random_range(0..3) {
                    0 => envelopes.push(again(&envelopes[i].clone())),
                    1 => envelopes.push(envelopes[i].clone()),
                    _ => {}
                }
            }
            envelopes.shuffle(&mut random);
            if seed % 2 == 0 {
                for batch in batches(envelopes, &mut random) {
                    stage.settle(batch).await;
                }
            } else {
                let (one, two): (Vec<_>, Vec<_>) =
                    batches(envelopes, &mut random).into_iter().partition(|_| random.random());
                tokio::join!(work(&stage, one), work(&stage, two));
            }
            let calls = stage.calls(connection).await;
            assert_eq!(calls.len(), 1, "{name}, seed {seed}: one call");
            check(&calls[0], &expected, &format!("{name}, seed {seed}"));
            let stored = delivery::Entity::find()
                .filter(delivery::Column::ConnectionId.eq(connection))
                .all(stage.app.db())
                .await
                .unwrap();
            if let Some(wanted) = expected["events_stored"].as_u64() {
                assert_eq!(stored.len() as u64, wanted, "{name}, seed {seed}: stored events");
            }
            assert!(
                stored.iter().all(|row| row.interaction_id == Some(calls[0].id)),
                "{name}, seed {seed}: every delivery belongs to the call"
            );
            let seen = summary(&calls[0]);
            let wanted = first.get_or_insert_with(|| seen.clone());
            assert_eq!(&seen, wanted, "{name}: seed {seed} differs from seed 0");
        }
    }
    counted_right(&stage).await;
}

async fn work(stage: &Stage, batches: Vec<Vec<Envelope>>) {
    for batch in batches {
        stage.settle(batch).await;
    }
}

fn batches(envelopes: Vec<Envelope>, random: &mut StdRng) -> Vec<Vec<Envelope>> {
    let mut rest = envelopes;
    let mut batches = Vec::new();
    while !rest.is_empty() {
        let next = rest.split_off(random.random_range(1..=rest.len()).min(rest.len()));
        batches.push(std::mem::replace(&mut rest, next));
    }
    batches.retain(|batch| !batch.is_empty());
    batches
}

fn check(call: &interaction::Model, expected: &Value, case: &str) {
    for (field, wanted) in expected.as_object().unwrap() {
        let seen = match field.as_str() {
            "interactions" | "events_stored" => continue,
            "legs" => json!(interactions::legs(call).len()),
            "recordings" => json!(interactions::recordings(call).len()),
            "state" => json!(call.state),
            "outcome" => json!(call.outcome),
            "direction" => json!(call.direction),
            "talk_seconds" => json!(call.talk_seconds),
            "duration_seconds" => json!(call.duration_seconds),
            "from" => json!(interactions::party_from(call).phone().map(|number| number.e164().to_owned())),
            "to" => json!(interactions::party_to(call).phone().map(|number| number.e164().to_owned())),
            other => panic!("{case}: the scenario expects {other}, which this test does not know"),
        };
        assert_eq!(&seen, wanted, "{case}: {field}");
    }
}

/// Everything about a call that must not depend on the order; not its ids, and not how often it was written.
fn summary(call: &interaction::Model) -> Value {
    json!({
        "direction": call.direction, "state": call.state, "outcome": call.outcome, "from": call.from_party, "to": call.to_party,
        "has_caller": call.caller_id, "match": format!("{:?}", call.match_level), "started": call.started_at,
        "answered": call.answered_at, "ended": call.ended_at, "talk": call.talk_seconds, "duration": call.duration_seconds,
        "legs": call.legs, "recordings": call.recordings,
    })
}

/// The rollups equal what can be counted, and a caller that was made for a leg which turned out to be somebody else's is in
/// no list.
async fn counted_right(stage: &Stage) {
    let mut numbers = BTreeSet::new();
    let listed = listed(stage).await;
    for caller in stage.callers().await {
        let calls = interaction::Entity::find()
            .filter(interaction::Column::CallerId.eq(caller.id))
            .filter(interaction::Column::MergedInto.is_null())
            .all(stage.app.db())
            .await
            .unwrap();
        assert_eq!(usize::try_from(caller.call_count).unwrap(), calls.len(), "calls of a caller");
        assert_eq!(listed.contains(&caller.id), !calls.is_empty(), "callers with calls are listed, and no others");
        let own = callers::numbers(&stage.app, &[caller.id]).await.unwrap();
        assert!(own.iter().all(|number| numbers.insert(number.value.clone())), "two callers share a number");
    }
}

/// The callers that somebody who may see all of them sees.
async fn listed(stage: &Stage) -> BTreeSet<Uuid> {
    let mut listed = BTreeSet::new();
    let mut request = PageRequest::new(Some(100), None).unwrap();
    loop {
        let page = callers::page(&stage.app, &Actor::System("test"), request, CallerFilter::default()).await.unwrap();
        listed.extend(page.rows.iter().map(|(_, row)| row.id));
        match page.rows.last() {
            Some((cursor, _)) if page.has_next => request.after = Some(*cursor),
            _ => return listed,
        }
    }
}
