//! Which other legs a report names.

use std::collections::BTreeMap;

use super::body::Report;
use crate::json::Fields;

/// Dialled legs of one report that are looked at: more than any ring group rings.
const MAX_CHILDREN: usize = 100;

/// The legs of a report beside its own.
pub(super) struct OtherLegs {
    /// The leg that dialled this one.
    pub(super) parent: Option<String>,
    /// The leg it was connected with last.
    pub(super) bridged: Option<String>,
    /// The legs it dialled, with the name of the cause where it is told.
    pub(super) children: BTreeMap<String, Option<String>>,
}

impl OtherLegs {
    pub(super) fn read(report: &Report, callflow: &[Fields<'_>], own: &str) -> Self {
        let other = |id: &String| !id.is_empty() && id != own;
        let profiles = |of: &str, list: &str| -> Vec<String> {
            let groups = callflow.iter().filter_map(|flow| flow.object("caller_profile")?.object(of));
            let profiles = groups.flat_map(|group| group.list(list)).filter_map(Fields::new);
            profiles.filter_map(|profile| profile.text("uuid")).filter(other).collect()
        };
        // The oldest profile names who first dialled the leg.
        let parent = profiles("originator", "originator_caller_profiles").pop();
        let parent = parent.or_else(|| report.variable("originator").filter(other));
        let bridged = ["bridge_uuid", "last_bridge_to", "signal_bond"];
        let bridged = bridged.iter().find_map(|name| report.variable(name).filter(other));
        let mut children: BTreeMap<String, Option<String>> = BTreeMap::new();
        for id in profiles("originatee", "originatee_caller_profiles").into_iter().take(MAX_CHILDREN) {
            children.insert(id, None);
        }
        for name in ["originated_legs", "originate_causes"] {
            for entry in array(&report.variable(name).unwrap_or_default()).take(MAX_CHILDREN) {
                let mut parts = entry.split(';');
                let id = parts.next().unwrap_or_default().trim().to_owned();
                let cause = if name == "originate_causes" { parts.next().map(str::trim) } else { None };
                if other(&id) && Some(&id) != parent.as_ref() {
                    let known = children.entry(id).or_default();
                    // Legs are listed again when they are tried again; NONE is said of a leg that did not end.
                    if let Some(cause) = cause.filter(|cause| !cause.is_empty() && *cause != "NONE") {
                        *known = Some(cause.to_owned());
                    }
                }
            }
        }
        Self { parent, bridged, children }
    }
}

/// The elements of `ARRAY::one|:two`; a variable with one value is written without the frame.
fn array(text: &str) -> impl Iterator<Item = &str> {
    let inner = text.strip_prefix("ARRAY::").unwrap_or(text);
    inner.split("|:").filter(|entry| !entry.is_empty())
}
