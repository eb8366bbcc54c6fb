//! Switchboard, the telephony CRM: the composition root. The only crate that names all technologies, see [`wiring`].

pub mod cli;
pub mod commands;
pub mod demo;
pub mod lifecycle;
pub mod line;
pub mod logging;
pub mod practice;
pub mod redis_bus;
pub mod settings;
pub mod wiring;
