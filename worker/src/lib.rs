//! The queue's two backends, the handlers and the timers, run by apalis.
