//! Who is on the line: a caller is matched by number, or made. Hidden callers never have one.

use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, TryInsertResult,
    sea_query::Expr,
};
use switchboard_entities::{
    caller,
    caller_number::{self, NumberKind},
    interaction::MatchLevel,
};
use switchboard_telephony::{Address, Party};
use uuid::Uuid;

use super::{actor_of, project::Projection};
use crate::{
    Error, Result,
    audit::{Change, Entry},
    envelope::Envelope,
    events::Event,
    unit::Unit,
};

/// Caller and match level by address (E.164 or SIP).
pub(super) type Callers = BTreeMap<String, (Uuid, MatchLevel)>;

/// What a batch adds to a caller's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Calls that became this caller's, less those that were it by mistake.
    pub calls: i32,
    /// The latest start of them.
    pub last: Option<DateTime<Utc>>,
}

/// The callers of remote parties by their address, made when the address is new.
pub(super) async fn callers_of(unit: &mut Unit, projections: &[Projection<'_>]) -> Result<Callers> {
    let mut wanted: BTreeMap<String, (NumberKind, &Projection<'_>)> = BTreeMap::new();
    for projection in projections {
        if let Some((kind, value)) = address_of(projection.state.remote_party()) {
            wanted.entry(value).or_insert((kind, projection));
        }
    }
    let mut callers = Callers::new();
    for (value, (kind, projection)) in wanted {
        let caller = match find(unit, &value).await? {
            Some(found) => (found.id, level(&found)),
            None => {
                if let Some(id) =
                    create(unit, projection.call.envelope, kind, &value, projection.carrier_name()).await?
                {
                    (id, MatchLevel::New)
                } else {
                    // Another worker made the caller of this number while we tried.
                    let found =
                        find(unit, &value).await?.ok_or_else(|| Error::internal("a caller's number vanished"))?;
                    (found.id, level(&found))
                }
            }
        };
        callers.insert(value, caller);
    }
    Ok(callers)
}

/// Caller and match level of a party.
pub(super) fn matched(callers: &Callers, party: Option<&Party>) -> (Option<Uuid>, MatchLevel) {
    match address_of(party).and_then(|(_, value)| callers.get(&value).copied()) {
        Some((id, level)) => (Some(id), level),
        None => (None, MatchLevel::Hidden),
    }
}

fn address_of(party: Option<&Party>) -> Option<(NumberKind, String)> {
    party.and_then(|party| party.value.as_ref()).and_then(matched_by)
}

fn level(caller: &caller::Model) -> MatchLevel {
    if caller.provisional { MatchLevel::New } else { MatchLevel::Known }
}

/// Only public numbers and SIP addresses identify a person. SIP addresses are compared without regard to case.
fn matched_by(address: &Address) -> Option<(NumberKind, String)> {
    match address {
        Address::Phone(number) => Some((NumberKind::E164, number.e164().to_owned())),
        Address::Sip(_) => Some((NumberKind::Sip, address.clear().to_lowercase())),
        Address::Client(_) | Address::Extension(_) | Address::Other(_) => None,
    }
}

async fn find(unit: &Unit, value: &str) -> Result<Option<caller::Model>> {
    let number = caller_number::Entity::find().filter(caller_number::Column::Value.eq(value)).one(unit.tx()).await?;
    match number {
        Some(number) => Ok(caller::Entity::find_by_id(number.caller_id).one(unit.tx()).await?),
        None => Ok(None),
    }
}

/// Makes a provisional caller. `None` when another worker's number won: the unique number decides, and the caller that lost
/// is taken back.
async fn create(
    unit: &mut Unit,
    envelope: &Envelope,
    kind: NumberKind,
    value: &str,
    carrier_name: Option<&str>,
) -> Result<Option<Uuid>> {
    let (id, now) = (unit.new_id(), unit.now());
    caller::ActiveModel {
        id: Set(id),
        name: Set(None),
        company: Set(None),
        email: Set(None),
        provisional: Set(true),
        owner_id: Set(None),
        call_count: Set(0),
        last_call_at: Set(None),
        sort_at: Set(now),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
    }
    .insert(unit.tx())
    .await?;
    let number = caller_number::ActiveModel {
        id: Set(unit.new_id()),
        caller_id: Set(id),
        kind: Set(kind),
        value: Set(value.to_owned()),
        digits: Set(value.chars().filter(char::is_ascii_digit).collect()),
        label: Set(None),
        created_at: Set(now),
    };
    let inserted = caller_number::Entity::insert(number)
        .on_conflict_do_nothing_on([caller_number::Column::Value])
        .exec_without_returning(unit.tx())
        .await?;
    if !matches!(inserted, TryInsertResult::Inserted(1)) {
        caller::Entity::delete_by_id(id).exec(unit.tx()).await?;
        return Ok(None);
    }
    let mut changes = vec![Change::plain("provisional", (), true), Change::personal("number", (), value)];
    if let Some(name) = carrier_name {
        // What the carrier calls the line is a hint for people, not the caller's name.
        changes.push(Change::personal("carrier_name", (), name));
    }
    unit.audit_as(
        &actor_of(envelope),
        &envelope.id.to_string(),
        Entry { action: "caller.create", object_type: "caller", object_id: id, subject_id: Some(id), changes },
    )
    .await?;
    unit.emit(Event::CallerChanged { caller_id: id });
    Ok(Some(id))
}

/// Adds to the callers' counters. One statement each, because two workers may count calls of one caller at once.
pub(super) async fn count(unit: &Unit, counts: BTreeMap<Uuid, Count>) -> Result<()> {
    for (id, count) in counts {
        if count.calls != 0 {
            caller::Entity::update_many()
                .col_expr(caller::Column::CallCount, caller::COLUMN.call_count.add(count.calls))
                .filter(caller::Column::Id.eq(id))
                .exec(unit.tx())
                .await?;
        }
        let Some(last) = count.last else { continue };
        caller::Entity::update_many()
            .col_expr(caller::Column::LastCallAt, Expr::value(last))
            .col_expr(caller::Column::SortAt, Expr::value(last))
            .filter(caller::Column::Id.eq(id))
            .filter(Condition::any().add(caller::Column::LastCallAt.is_null()).add(caller::Column::LastCallAt.lt(last)))
            .exec(unit.tx())
            .await?;
    }
    Ok(())
}

/// Takes a counted call back, because it became part of another call.
pub(super) async fn uncount(unit: &Unit, id: Uuid) -> Result<()> {
    count(unit, BTreeMap::from([(id, Count { calls: -1, last: None })])).await
}
