//! The simulated network against the real binary, in both modes.

mod network;
mod practice;
