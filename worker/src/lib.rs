//! The queue's two backends, what is done with a delivery, and the timers, run by apalis.
//!
//! ```text
//!  POST /hooks/…  ─►  Queue::push                                  Workers
//!                     distributed: SpoolingQueue                   Source<RedisStream> ─┐  apalis
//!                       Redis first  ─► {prefix}:deliveries ─────► (fetch, take over)   ├─► worker ─► deliveries ─► Settle
//!                       else inbox   ─► inbox rows ──────────────► Source<InboxStore>  ─┘                          │
//!                     embedded: InboxQueue ─► inbox rows ────────► Source<InboxStore>      acknowledge ◄───────────┘
//! ```
//!
//! A queue may hand an entry out more than once, never less: what is settled twice is recognised by its id. An entry is
//! acknowledged after its transaction has committed, never before.
//!
//! To read: [`backend`] (what both backends have in common), [`backend::redis_stream`] and [`backend::inbox`] (data
//! structures and protocols), [`deliveries`] (fetch, settle, acknowledge), [`supervise`] (start and stop), [`timers`].

pub mod backend;
pub mod backoff;
pub mod deliveries;
pub mod measures;
pub mod settle;
pub mod supervise;
pub mod timers;

pub use backend::{inbox::Inbox, inbox_queue::InboxQueue, redis_queue::RedisQueue, spooling::SpoolingQueue};
pub use settle::Settle;
pub use supervise::{RedisConfig, Source, Tunables, WorkerConfig, WorkersError, run, run_with};
