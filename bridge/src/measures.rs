//! Names of the bridge's metrics. Labels are few and fixed.

use metrics::{Unit, describe_counter, describe_gauge};

/// Events written to the spool.
pub const STORED: &str = "switchboard_bridge_events_stored_total";
/// Messages of Asterisk that are of no use to the CRM.
pub const IGNORED: &str = "switchboard_bridge_events_ignored_total";
/// Events made up after a reconnection, for what was missed.
pub const SYNTHESISED: &str = "switchboard_bridge_events_synthesised_total";
/// Events the CRM has taken.
pub const DELIVERED: &str = "switchboard_bridge_events_delivered_total";
/// Events the CRM does not want, put aside.
pub const REFUSED: &str = "switchboard_bridge_events_refused_total";
/// Deliveries that failed and are tried again, by `reason`: `unreachable`, `slow`, `status`, `configuration`.
pub const RETRIES: &str = "switchboard_bridge_retries_total";
/// Events that wait for the CRM.
pub const WAITING: &str = "switchboard_bridge_waiting_events";
/// Bytes of the spool.
pub const SPOOL_BYTES: &str = "switchboard_bridge_spool_bytes";
/// 1 while connected to Asterisk.
pub const CONNECTED: &str = "switchboard_bridge_asterisk_connected";
/// Connections to Asterisk that were lost or did not come about.
pub const DISCONNECTED: &str = "switchboard_bridge_asterisk_disconnects_total";
/// 1 while the CRM is taken for away.
pub const AWAY: &str = "switchboard_bridge_crm_away";

/// Tells the recorder what the names mean. Once a process, after the recorder is installed.
pub fn describe() {
    describe_counter!(STORED, Unit::Count, "Events written to the spool");
    describe_counter!(IGNORED, Unit::Count, "Messages of Asterisk that are of no use to the CRM");
    describe_counter!(SYNTHESISED, Unit::Count, "Events made up for what was missed between two connections");
    describe_counter!(DELIVERED, Unit::Count, "Events the CRM has taken");
    describe_counter!(REFUSED, Unit::Count, "Events the CRM does not want, put aside");
    describe_counter!(RETRIES, Unit::Count, "Deliveries that failed and are tried again, by reason");
    describe_gauge!(WAITING, Unit::Count, "Events that wait for the CRM");
    describe_gauge!(SPOOL_BYTES, Unit::Bytes, "Bytes of the spool");
    describe_gauge!(CONNECTED, Unit::Count, "1 while connected to Asterisk");
    describe_counter!(DISCONNECTED, Unit::Count, "Connections to Asterisk that were lost or did not come about");
    describe_gauge!(AWAY, Unit::Count, "1 while the CRM is taken for away");
}
