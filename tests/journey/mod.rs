//! Promises about the whole program, kept by the real binary over HTTP in both modes: from a signed webhook to the agent's
//! screen and back; nothing refused leaves a trace; nothing accepted is lost.

mod agent;
mod losses;
mod processes;
mod providers;
mod refusals;
