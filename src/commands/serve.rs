//! `switchboard serve`, `api` and `worker`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use metrics_exporter_prometheus::PrometheusHandle;
use switchboard_api::{ApiConfig, AppState, http::server};
use switchboard_core::{
    App, Error,
    access::Actor,
    entropy::SystemEntropy,
    roles, sessions,
    users::{self, NewUser},
};
use switchboard_telephony::phone::read_plans;
use switchboard_worker::{
    WorkerConfig,
    timers::{self, Timer},
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::plain;
use crate::{
    demo, lifecycle,
    practice::OwnLine,
    settings::{Mode, Settings},
    wiring::{self, Pending, Wired},
};

/// Sign-in name of the first admin.
const FIRST_ADMIN: &str = "admin@switchboard.local";

/// What this process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    api: bool,
    worker: bool,
}

impl Roles {
    /// Everything.
    pub const BOTH: Self = Self { api: true, worker: true };
    /// Webhooks, API and dashboard.
    pub const API: Self = Self { api: true, worker: false };
    /// Workers.
    pub const WORKER: Self = Self { api: false, worker: true };
}

/// Runs until a signal, or until a part ends by itself, which is an error.
pub async fn run(settings: Settings, roles: Roles, demo: bool) -> Result<()> {
    let embedded = matches!(settings.mode()?, Mode::Embedded { .. });
    if embedded && roles != Roles::BOTH {
        bail!(
            "Embedded mode is one process: use `switchboard serve`, or set DATABASE_URL and REDIS_URL to run API and workers apart."
        );
    }
    let stop = CancellationToken::new();
    lifecycle::on_signals(stop.clone()).context("signals cannot be listened for")?;
    let metrics = wiring::metrics()?;
    let listener = if roles.api {
        Some(
            TcpListener::bind(settings.listen)
                .await
                .with_context(|| format!("cannot listen on {}", settings.listen))?,
        )
    } else {
        None
    };
    let bound = listener.as_ref().map_or(Ok(settings.listen), TcpListener::local_addr)?;
    let public_url = settings.public_url(bound)?;
    // The bus must outlive the parts that publish; it is stopped last.
    let stop_bus = CancellationToken::new();
    let policy = if roles == Roles::BOTH { Pending::Apply } else { Pending::Refuse };
    let Wired { app, source, inbox } = wiring::wire(&settings, public_url.clone(), policy, &stop_bus).await?;

    // Before anything is served, so that the first call does not wait for it.
    tokio::task::spawn_blocking(read_plans).await.context("the numbering plans could not be read")?;

    let mut parts = JoinSet::new();
    if let Some(listener) = listener {
        let mut config = ApiConfig::new(public_url.clone());
        config.extra_origins.clone_from(&settings.extra_origins);
        config.graphiql = settings.graphiql;
        config.trusted_proxies = settings.trusted_proxies()?;
        let state = AppState::new(app.clone(), config, Some(metrics.clone()));
        let stopping = stop.clone();
        parts.spawn(async move { server::serve(listener, state, stopping).await.context("the HTTP server ended") });
    }
    if let (Roles::WORKER, Some(address)) = (roles, settings.worker_listen) {
        let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        let state = AppState::new(app.clone(), ApiConfig::new(public_url.clone()), Some(metrics.clone()));
        let stopping = stop.clone();
        parts.spawn(async move {
            server::serve_probes(listener, state, stopping).await.context("the worker's HTTP server ended")
        });
    }
    if roles.worker {
        parts.spawn(timers(app.clone(), stop.clone()));
        let (app, stop) = (app.clone(), stop.clone());
        let config = WorkerConfig::new(source);
        parts.spawn(
            async move { switchboard_worker::run(&app, inbox, config, stop).await.context("the workers ended") },
        );
    }
    parts.spawn(upkeep(metrics, stop.clone()));
    if let Some(file) = &settings.address_file {
        std::fs::write(file, bound.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if roles.api {
        greet(&app, &public_url).await?;
    }
    if roles.api {
        app.open_practice_line(Arc::new(OwnLine::new(app.clone(), reached_at(bound), stop.clone())?));
    }
    if demo && roles == Roles::BOTH {
        parts.spawn(demonstrate(app.clone(), reached_at(bound), stop.clone()));
    }
    tracing::info!(%bound, embedded, api = roles.api, worker = roles.worker, "switchboard is running");

    let mut failed = None;
    while let Some(ended) = parts.join_next().await {
        let result = ended.unwrap_or_else(|panic| Err(anyhow::anyhow!("a part of the program panicked: {panic}")));
        if let Err(error) = result {
            // One part without the others would look alive and not be: everything stops, and whoever started us starts us again.
            stop.cancel();
            failed.get_or_insert(error);
        }
    }
    stop_bus.cancel();
    failed.map_or(Ok(()), Err)
}

/// Where this machine reaches a server that listens at an address: "any address" is none that can be called.
pub(super) fn reached_at(bound: SocketAddr) -> String {
    let loopback = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    format!("http://{}", SocketAddr::new(loopback, bound.port()))
}

/// Work that happens by the clock.
async fn timers(app: App, stop: CancellationToken) -> Result<()> {
    let entropy = Arc::new(SystemEntropy);
    let purge = Timer::new("sessions", Duration::from_hours(1), move || {
        let app = app.clone();
        async move { sessions::purge(&app).await.map(drop) }
    });
    timers::run(vec![purge], entropy, stop).await;
    Ok(())
}

/// The recorder collects between two visits of a scraper; this keeps it small when nobody ever comes.
async fn upkeep(metrics: PrometheusHandle, stop: CancellationToken) -> Result<()> {
    while stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(10))).await.is_some() {
        metrics.run_upkeep();
    }
    Ok(())
}

/// Makes the first admin when there is nobody, and says how to sign in. On standard output, once; never in the log.
async fn greet(app: &App, public_url: &str) -> Result<()> {
    let mut lines = vec![format!("Switchboard is at {public_url}")];
    if !switchboard_api::DASHBOARD_BUILT {
        lines.push("The dashboard is not in this program: build it with `make run`. The API works.".to_owned());
    }
    if let Some(password) = first_admin(app).await? {
        lines.push(String::new());
        lines.push("This is the first start, so there is a first admin:".to_owned());
        lines.push(format!("    e-mail    {FIRST_ADMIN}"));
        lines.push(format!("    password  {password}"));
        lines.push("It is shown only now. Add people under Admin > People.".to_owned());
    }
    boxed(&lines);
    Ok(())
}

/// Adds the first admin. `None`: there are people already.
async fn first_admin(app: &App) -> Result<Option<String>> {
    if users::any(app).await.map_err(plain)? {
        return Ok(None);
    }
    let actor = Actor::System("first start");
    let role = roles::find_by_key(app, roles::ADMIN).await.map_err(plain)?.context("the admin role is missing")?;
    let mut bytes = [0; 12];
    app.entropy().fill(&mut bytes);
    let password = URL_SAFE_NO_PAD.encode(bytes);
    let new = NewUser {
        email: FIRST_ADMIN.to_owned(),
        name: "Admin".to_owned(),
        role_id: role.id,
        password: password.clone(),
    };
    match users::create(app, &actor, new, "first start").await {
        Ok(_) => Ok(Some(password)),
        // Another process on the same empty database was faster; its password is on its output.
        Err(Error::Invalid(_) | Error::Conflict { .. }) => Ok(None),
        Err(error) => Err(plain(error)),
    }
}

/// Fills an empty installation, says how to look around, and lets calls come in.
async fn demonstrate(app: App, base_url: String, stop: CancellationToken) -> Result<()> {
    let filled = stop.run_until_cancelled(Box::pin(demo::fill(&app, &base_url))).await;
    let Some(filled) = filled else { return Ok(()) };
    match filled {
        Ok(Some(access)) => {
            let mut lines = vec!["The demonstration is ready; calls come in from now on. Sign in as:".to_owned()];
            lines.extend(access.people.iter().map(|(email, role)| format!("    {email:<22} {role}")));
            lines.push(format!("    password for all of them: {}", access.password));
            boxed(&lines);
        }
        Ok(None) => boxed(&["There are callers already; simulated calls come in from now on.".to_owned()]),
        // The demonstration is not what the server is for: it goes on without.
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "the demonstration could not be set up");
            return Ok(());
        }
    }
    if let Err(error) = demo::play(app, base_url, stop).await {
        tracing::warn!(error = format!("{error:#}"), "the demonstration ended");
    }
    Ok(())
}

/// Prints lines in a box.
fn boxed(lines: &[String]) {
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let rule = "─".repeat(width + 2);
    println!("┌{rule}┐");
    for line in lines {
        println!("│ {line:<width$} │");
    }
    println!("└{rule}┘");
}
