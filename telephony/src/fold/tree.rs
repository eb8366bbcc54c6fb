//! The legs of a call and which of them is the root.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::leg::LegFacts;
use crate::{CallEvent, EventKind};

/// The legs of a call by their ids.
#[derive(Default)]
pub(super) struct Tree<'a> {
    pub(super) legs: BTreeMap<&'a str, LegFacts<'a>>,
    sessions: BTreeSet<&'a str>,
}

impl<'a> Tree<'a> {
    /// Adds an event. Annotations and unknown kinds are without effect.
    pub(super) fn add(&mut self, event: &'a CallEvent) {
        if matches!(event.kind, EventKind::Ignored | EventKind::CallAnnotation) {
            return;
        }
        self.sessions.extend(event.session_id.as_deref());
        // An event that moves the call but names no leg is about the call as a whole.
        let leg_id = event.leg_id.as_deref().or_else(|| event.state.and(event.session_id.as_deref()));
        if let Some(leg_id) = leg_id {
            self.legs.entry(leg_id).or_default().add(event);
        }
        // A child's event may come before any of its parent: the parent exists all the same.
        if let Some(parent) = event.parent_leg_id.as_deref().filter(|parent| Some(*parent) != leg_id) {
            self.legs.entry(parent).or_default();
        }
        match (event.child_leg_id.as_deref().filter(|child| Some(*child) != leg_id), event.dial_outcome) {
            (Some(child), Some(outcome)) => self.legs.entry(child).or_default().add_dial_result(event, outcome),
            (Some(child), None) => self.legs.entry(child).or_default().set_parent(leg_id),
            (None, Some(outcome)) => {
                if let Some(leg) = leg_id.and_then(|id| self.legs.get_mut(id)) {
                    leg.nameless_dials.insert(&event.dedupe_key, outcome);
                }
            }
            (None, None) => {}
        }
    }

    /// The leg on which the call began: one that no other leg dialled; the one that names the whole call, else the
    /// earliest. A leg of which only a recording is known is the root only when there is no other.
    pub(super) fn root(&self) -> Option<&'a str> {
        let parents: BTreeSet<&str> = self.legs.values().filter_map(|leg| leg.parent).collect();
        let order = |id: &'a str, leg: &LegFacts<'a>| {
            let is_child = leg.parent.is_some();
            let says_nothing = leg.state.is_none() && !parents.contains(id);
            let time = leg.started_at().unwrap_or(DateTime::<Utc>::MAX_UTC);
            (is_child, says_nothing, !self.sessions.contains(id), time, id)
        };
        self.legs.iter().map(|(id, leg)| order(id, leg)).min().map(|(.., id)| id)
    }

    /// Settles who answered the root, which with some providers depends on whether it dialled anyone. A leg of which only
    /// a recording is known is nobody who was dialled.
    pub(super) fn settle(&mut self) {
        let Some(root) = self.root() else { return };
        let dialled = |(id, leg): (&&str, &LegFacts<'a>)| {
            if *id == root { !leg.nameless_dials.is_empty() } else { leg.state.is_some() }
        };
        if self.legs.iter().any(dialled)
            && let Some(root) = self.legs.get_mut(root)
        {
            root.set_dialled();
        }
    }
}
