//! How the bridge is, for probes.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// How the bridge is.
#[derive(Debug, Default)]
pub struct Status {
    connected: AtomicBool,
    crm_away: AtomicBool,
    full: AtomicBool,
    waiting: AtomicU32,
}

impl Status {
    /// Whether the websocket to Asterisk is open.
    pub fn connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Whether the last that was heard of the CRM is that it takes nothing.
    pub fn crm_away(&self) -> bool {
        self.crm_away.load(Ordering::Relaxed)
    }

    /// Whether the spool takes no more, so that events of Asterisk are being missed.
    pub fn full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Events that wait for the CRM.
    pub fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether events arrive and go on.
    pub fn is_ready(&self) -> bool {
        self.connected() && !self.crm_away() && !self.full()
    }

    pub(crate) fn set_connected(&self, value: bool) {
        self.connected.store(value, Ordering::Relaxed);
        metrics::gauge!(crate::measures::CONNECTED).set(if value { 1.0 } else { 0.0 });
    }

    pub(crate) fn set_crm_away(&self, value: bool) {
        self.crm_away.store(value, Ordering::Relaxed);
    }

    pub(crate) fn set_full(&self, value: bool) {
        self.full.store(value, Ordering::Relaxed);
    }

    pub(crate) fn set_waiting(&self, value: u32) {
        self.waiting.store(value, Ordering::Relaxed);
    }
}
