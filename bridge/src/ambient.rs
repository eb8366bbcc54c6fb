//! Time of day and chance as a port, so that tests decide them. Pauses use tokio's clock, which tests can stop.

use chrono::{DateTime, Utc};

/// Where "now" and chance come from.
pub trait Ambient: Send + Sync {
    /// The present, for signatures and for the timestamps of synthesised events.
    fn now(&self) -> DateTime<Utc>;

    /// An even draw from `0.0..1.0`, for the jitter of pauses.
    fn fraction(&self) -> f64;
}

/// The computer's clock and generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Ambient for System {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn fraction(&self) -> f64 {
        rand::random()
    }
}
