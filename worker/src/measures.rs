//! Names of the worker's metrics. Labels are few and fixed: the queue (`stream`, `inbox`), the result, the reason.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Seconds from intake to the first time a worker looked at the delivery.
pub const QUEUE_WAIT: &str = "switchboard_queue_wait_seconds";
/// Seconds of settling one batch, without the wait for a database that is away.
pub const SETTLE: &str = "switchboard_settle_seconds";
/// Deliveries in one batch.
pub const BATCH: &str = "switchboard_batch_size";
/// Deliveries settled, by `result`: `applied`, `duplicate`, `ignored`, `dead`.
pub const SETTLED: &str = "switchboard_deliveries_settled_total";
/// Batches that had to be tried again, by `reason`: `unavailable`, `panicked`, `failed`.
pub const RETRIES: &str = "switchboard_settle_retries_total";
/// Deliveries that were in work at a worker that died or lost its connection.
pub const TAKEN_OVER: &str = "switchboard_deliveries_taken_over_total";
/// Connections to the queue that were lost and had to be made again.
pub const RECONNECTS: &str = "switchboard_queue_reconnects_total";
/// Deliveries that wait or are in work.
pub const WAITING: &str = "switchboard_queue_waiting_deliveries";
/// Deliveries that went to the inbox because Redis could not take them.
pub const SPOOLED: &str = "switchboard_queue_spooled_total";
/// Deliveries that nothing could take: the provider was told to come again.
pub const REFUSED: &str = "switchboard_queue_refused_total";
/// 1 while Redis is known to be away and deliveries go to the inbox at once.
pub const AWAY: &str = "switchboard_queue_redis_away";

/// Tells the recorder what the names mean. Once a process, after the recorder is installed.
pub fn describe() {
    describe_histogram!(QUEUE_WAIT, Unit::Seconds, "Time from intake of a delivery to its first look by a worker");
    describe_histogram!(SETTLE, Unit::Seconds, "Time of settling one batch of deliveries");
    describe_histogram!(BATCH, Unit::Count, "Deliveries in one batch");
    describe_counter!(SETTLED, Unit::Count, "Deliveries settled, by result");
    describe_counter!(RETRIES, Unit::Count, "Batches that had to be tried again, by reason");
    describe_counter!(TAKEN_OVER, Unit::Count, "Deliveries taken over from a worker that is gone");
    describe_counter!(RECONNECTS, Unit::Count, "Lost connections to the queue, by queue");
    describe_gauge!(WAITING, Unit::Count, "Deliveries that wait or are in work, by queue");
    describe_counter!(SPOOLED, Unit::Count, "Deliveries that went to the inbox because Redis could not take them");
    describe_counter!(REFUSED, Unit::Count, "Deliveries that no queue could take");
    describe_gauge!(AWAY, Unit::Count, "1 while Redis is known to be away");
}
