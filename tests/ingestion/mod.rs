//! Promise: whatever order deliveries come in, however often, and however many workers apply them, the calls and callers
//! are the same. Runs the rules on both databases.

pub mod fixtures;
mod scenarios;
mod stage;
mod trouble;
