//! Promise: an accepted delivery is settled, whatever dies in between. The same tests on every queue: the Redis stream, the
//! inbox on SQLite, the inbox on PostgreSQL.
//!
//! The rules are replaced by a recorder, so that what is tested is the queue and the workers alone.

mod child;
mod faults;
mod flow;
mod poison;
mod recorder;
mod rig;
mod spool;
mod stopping;
mod takeover;

/// Runs one `async fn name(kind: Kind)` on each of the queues that are named.
macro_rules! on {
    ($name:ident: $($kind:ident),+) => {
        mod $name {
            $(
                #[expect(non_snake_case, reason = "named like the queue")]
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $kind() {
                    super::$name($crate::worker_contract::rig::Kind::$kind).await;
                }
            )+
        }
    };
}

/// Runs it on all queues.
macro_rules! on_each {
    ($name:ident) => {
        $crate::worker_contract::on!($name: Stream, Sqlite, Postgres);
    };
}
use {on, on_each};
