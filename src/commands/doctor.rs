//! `switchboard doctor`: looks at everything the program depends on and says in plain words what is wrong.

use std::process::ExitCode;

use anyhow::Result;
use switchboard_core::{
    App,
    access::Actor,
    connections::{self, ConnectionSettings, Directory},
};
use switchboard_entities::provider_connection;
use switchboard_migration::{Migrator, MigratorTrait};

use crate::{
    settings::{Mode, Settings},
    wiring,
};

/// Collects what was seen.
#[derive(Default)]
struct Report {
    looked_at: u32,
    problems: u32,
}

impl Report {
    fn good(&mut self, what: &str) {
        self.looked_at += 1;
        println!("  ok       {what}");
    }

    fn warn(&mut self, what: &str) {
        self.looked_at += 1;
        println!("  warning  {what}");
    }

    fn bad(&mut self, what: &str) {
        self.looked_at += 1;
        self.problems += 1;
        println!("  PROBLEM  {what}");
    }
}

/// Runs the command. Exit status 1 when something keeps the program from working.
pub async fn run(settings: &Settings) -> Result<ExitCode> {
    let mut report = Report::default();
    match settings.mode() {
        Err(error) => report.bad(&error.to_string()),
        Ok(mode) => {
            report.good(match mode {
                Mode::Embedded { .. } => "runs embedded: SQLite, the inbox as queue, one process",
                Mode::Distributed { .. } => "runs distributed: PostgreSQL and Redis",
            });
            public_url(&mut report, settings);
            if let Err(error) = settings.trusted_proxies() {
                report.bad(&format!("{error:#}"));
            }
            database(&mut report, settings).await;
            if let Mode::Distributed { redis, .. } = &mode {
                self::redis(&mut report, redis).await;
            }
        }
    }
    if switchboard_api::DASHBOARD_BUILT {
        report.good("the dashboard is in this program");
    } else {
        report.warn("the dashboard is not in this program: build it with `make run`");
    }
    match report.problems {
        0 => println!("Looked at {} things. Everything that is needed works.", report.looked_at),
        1 => println!("1 problem."),
        n => println!("{n} problems."),
    }
    Ok(if report.problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn public_url(report: &mut Report, settings: &Settings) {
    match settings.public_url(settings.listen) {
        Err(error) => report.bad(&error.to_string()),
        Ok(url) if settings.public_url.is_none() => {
            report.warn(&format!("SWITCHBOARD_PUBLIC_URL is not set: signatures are checked against {url}, which only works on this machine"));
        }
        Ok(url) if url.starts_with("http://") => report
            .warn("the public URL is not https: browsers and providers should reach this installation through TLS"),
        Ok(_) => report.good("the public URL is https"),
    }
}

async fn database(report: &mut Report, settings: &Settings) {
    let db = match wiring::database(settings).await {
        Ok(db) => db,
        Err(error) => return report.bad(&format!("{error:#}")),
    };
    report.good("the database can be reached");
    match Migrator::get_pending_migrations(&db).await {
        Err(_) => return report.bad("the state of the schema cannot be read"),
        Ok(pending) if !pending.is_empty() => {
            return report.bad(&format!(
                "{} migrations are missing: run `switchboard migrate` (serve does it by itself)",
                pending.len()
            ));
        }
        Ok(_) => report.good("the schema is this program's"),
    }
    let app = match wiring::offline(settings).await {
        Ok(app) => app,
        Err(error) => return report.bad(&format!("{error:#}")),
    };
    match connections::list(&app, &Actor::System("doctor")).await {
        Err(error) => report.bad(&error.to_string()),
        Ok(rows) if rows.is_empty() => report.warn("no phone provider is connected yet: switchboard connection add …"),
        Ok(rows) => {
            let directory = Directory::new(app.clone());
            let mut sealed = 0;
            for row in &rows {
                if !matches!(directory.find(&row.provider, &row.slug).await, Ok(Some(_))) {
                    sealed += 1;
                }
            }
            if sealed == 0 {
                report.good(&format!("{} provider connections, and their secrets can be opened", rows.len()));
                monitoring(report, &app, &rows);
            } else {
                report.bad("secrets of provider connections cannot be opened: the secret key is not the one they were sealed with");
            }
        }
    }
}

/// What is accepted unverified is meant to be for a while.
fn monitoring(report: &mut Report, app: &App, rows: &[provider_connection::Model]) {
    for row in rows {
        let Ok(settings) = ConnectionSettings::of(row) else { continue };
        if let Some(until) = settings.monitor_until.filter(|_| settings.is_monitoring(app.now())) {
            report.warn(&format!(
                "the connection {} is in monitor mode until {}: anybody can send it calls. {} deliveries would have been refused",
                row.name,
                until.format("%F %R UTC"),
                row.unverified_count
            ));
        }
    }
}

async fn redis(report: &mut Report, url: &str) {
    let mut connection = match wiring::redis(url).await {
        Ok((_, connection)) => connection,
        Err(error) => return report.bad(&format!("{error:#}")),
    };
    report.good("Redis can be reached");
    for (name, right, advice) in [
        ("appendonly", "yes", "accepted webhooks are lost when Redis restarts: set `appendonly yes`"),
        (
            "maxmemory-policy",
            "noeviction",
            "Redis may throw waiting webhooks away when memory is short: set `maxmemory-policy noeviction`",
        ),
    ] {
        let value: Result<Vec<String>, _> =
            ::redis::cmd("CONFIG").arg("GET").arg(name).query_async(&mut connection).await;
        match value.as_deref() {
            Ok([_, value]) if value == right => report.good(&format!("Redis: {name} {right}")),
            Ok(_) => report.bad(advice),
            Err(_) => report.warn(&format!("Redis does not let us ask for {name}; make sure it is {right}")),
        }
    }
}
