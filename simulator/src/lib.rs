//! A phone network that exists only in numbers: invented calls, told in the formats of real providers.
//!
//! Pure: no input or output, no clock, no randomness of the operating system. The same seed and the same start give the
//! same bytes, so that a run can be repeated exactly. Sending is for others (`switchboard simulate`, the demonstration,
//! the tests, the practice call).
//!
//! The way of a call:
//! 1. a [`Script`] draws a [`Plan`] (who, whom, how long) for each call, and [`Call`] makes legs and [`Beat`]s of it;
//! 2. a [`Dialect`] tells the call as one provider would: a list of [`Wire`]s, before signing;
//! 3. [`Expected`] says what anyone must know of the call after reading them. It follows from the story alone, never from
//!    what this program makes of the requests: it is the independent truth that the program is held against;
//! 4. [`Faults`] repeat, delay, shuffle and lose deliveries, as real networks do.
//!
//! All numbers are from the ranges that numbering authorities keep free for fiction (`cast.rs`).

mod call;
mod cast;
mod dialect;
mod expected;
mod faults;
mod plan;
mod random;
mod script;
mod story;
mod timeline;
mod wire;

pub use call::{Beat, BeatKind, Call, End, Leg, Recording};
pub use cast::{Agent, Endpoint, Person, TEAM};
pub use dialect::{Credentials, Dialect, Retries, dialects, dialects_of};
pub use expected::{Expected, ExpectedRecording, Seen, Talk, Tells};
pub use faults::{Delivery, Faults, Reorder};
pub use plan::Plan;
pub use random::Random;
pub use script::{Profile, Script, Told};
pub use story::{Mix, Story};
pub use wire::Wire;
