//! Connections and providers in plain words.

use anyhow::Result;
use switchboard_core::{
    App,
    connections::{self, ConnectionSettings},
};
use switchboard_entities::provider_connection;
use switchboard_telephony::{Provider, provider};

use super::path_part;
use crate::commands::plain;

/// When a genuine webhook was last taken.
pub fn last_delivery(row: &provider_connection::Model) -> String {
    row.last_delivery_at
        .map_or("nothing delivered yet".to_owned(), |at| format!("last delivery {}", at.format("%F %T UTC")))
}

/// The addresses, one a line.
pub fn urls(app: &App, row: &provider_connection::Model) {
    for hook in connections::hook_urls(app, row) {
        println!("    {:<14} {}", hook.purpose, hook.url);
    }
}

/// What is to be done at the provider.
pub fn setup(row: &provider_connection::Model) {
    let Some(provider) = provider(&row.provider) else { return };
    println!("What to do at {}:", provider.title());
    for (index, step) in provider.setup().iter().enumerate() {
        println!("    {}. {step}", index + 1);
    }
    if let Some(advice) = provider.advice() {
        println!("{advice}");
    }
}

/// Which secrets there are; never their values.
pub fn secrets(app: &App, row: &provider_connection::Model) {
    println!("Secrets:");
    let Some(states) = connections::secret_states(app, row) else {
        println!("    They cannot be opened: they were sealed with another installation key.");
        return;
    };
    for state in states {
        let present = if state.set { "set" } else { "not set" };
        let previous = if state.previous_valid { "; the one it replaced is still accepted" } else { "" };
        println!("    {:<28} {present}{previous}", state.name);
    }
    if connections::secret_states(app, row).is_some_and(|states| states.iter().any(|state| state.previous_valid)) {
        println!(
            "    When the provider uses the new ones everywhere: switchboard connection retire {}",
            path_part(row)
        );
    }
}

/// Everything about a connection.
pub fn connection(app: &App, row: &provider_connection::Model) -> Result<()> {
    let settings = ConnectionSettings::of(row).map_err(plain)?;
    println!("{}  {}  ({})", row.id, row.name, last_delivery(row));
    urls(app, row);
    secrets(app, row);
    println!("Settings:");
    let line = |name: &str, value: &str| println!("    {name:<28} {value}");
    line("default region", row.default_region.as_deref().unwrap_or("none: only international numbers are understood"));
    line("clock skew", &format!("{} seconds", settings.clock_skew().num_seconds()));
    line("base URL", settings.base_url.as_deref().unwrap_or("the public URL"));
    line("trust forwarded", if settings.trust_forwarded { "yes, from trusted proxies" } else { "no" });
    let adapter = provider(&row.provider);
    for field in adapter.map_or(&[][..], Provider::options) {
        let set = settings.options.iter().any(|(name, _)| name == field.name);
        let remark = if set { "" } else { " (default)" };
        line(&format!("option {}", field.name), &format!("{}{remark}", settings.options.get(field)));
    }
    if let Some(control) = adapter.and_then(Provider::call_control) {
        for purpose in control.purposes {
            let answer = settings.answers.get(*purpose).map_or_else(
                || format!("none. {}", control.default_effect),
                |document| format!("{} of {} bytes", control.language, document.len()),
            );
            line(&format!("answer {purpose}"), &answer);
        }
    }
    println!("Monitor mode:");
    let until = settings.monitor_until.map(|until| until.format("%F %T UTC"));
    match until {
        Some(until) if settings.is_monitoring(app.now()) => {
            println!("    on until {until}: requests that fail verification are accepted");
        }
        Some(until) => println!("    off since {until}"),
        None => println!("    off"),
    }
    if let (Some(since), true) = (settings.monitor_since, row.unverified_count > 0) {
        let last = row.unverified_at.map(|at| at.format("%F %T UTC").to_string()).unwrap_or_default();
        println!(
            "    {} deliveries since {} would have been refused; the last one ({}) at {last}",
            row.unverified_count,
            since.format("%F %T UTC"),
            row.unverified_reason.as_deref().unwrap_or("unknown"),
        );
    }
    Ok(())
}

/// Every provider that can be connected.
pub fn providers() {
    for provider in switchboard_telephony::providers() {
        println!("{:<18} {}", provider.key(), provider.title());
        let purposes = provider.purposes();
        let purposes = if purposes.is_empty() { "one address for everything".to_owned() } else { purposes.join(", ") };
        println!("    purposes   {purposes}");
        for field in provider.secret_fields() {
            let needed = if field.required { " (required)" } else { "" };
            println!("    secret     {}{needed}: {}", field.name, field.description);
        }
        for field in provider.options() {
            let values =
                if field.values.is_empty() { String::new() } else { format!(" [{}]", field.values.join(", ")) };
            let default = if field.default.is_empty() { "none" } else { field.default };
            println!("    option     {}{values}: {} (default: {default})", field.name, field.description);
        }
        if let Some(control) = provider.call_control() {
            println!(
                "    answers    {} at {}. Without one: {}",
                control.language,
                control.purposes.join(", "),
                control.default_effect
            );
        }
    }
    println!("Add one: switchboard connection add PROVIDER --set SECRET=VALUE");
}
