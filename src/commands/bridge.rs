//! `switchboard bridge`: a process of its own, beside the phone system or beside the CRM.

mod probes;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use async_trait::async_trait;
use clap::{Args, Subcommand};
use switchboard_bridge::{
    App, Ari, Config, Dialer, Hidden, SMALLEST_SPOOL, SecretFile, SecretSource, Status, System, Target, measures,
};
use switchboard_core::connections::{DEFAULT_SLUG, Directory};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{lifecycle, settings::Settings, wiring};

/// Environment variable with the password of the ARI user.
const PASSWORD: &str = "SWITCHBOARD_ARI_PASSWORD";
/// Environment variable with the webhook secret.
const SECRET: &str = "SWITCHBOARD_BRIDGE_SECRET";
/// Key of the provider, and the connection that is meant when none is named.
const ASTERISK: &str = "asterisk";

/// Phone systems without webhooks.
#[derive(Debug, Subcommand)]
pub enum Bridge {
    /// Listen to Asterisk's ARI and send its events to the CRM, signed; kept on disk until the CRM has them.
    Asterisk(Asterisk),
}

/// Options of `bridge asterisk`. Passwords and secrets come from files or the environment alone: arguments can be read by
/// others on the machine.
#[derive(Args, Debug)]
pub struct Asterisk {
    /// Asterisk's HTTP server, such as <ws://127.0.0.1:8088> or <https://pbx.example.com:8089>.
    #[arg(long, env = "SWITCHBOARD_ARI_URL")]
    pub ari_url: String,

    /// User of ari.conf; one with `read_only` = yes is enough.
    #[arg(long, env = "SWITCHBOARD_ARI_USER")]
    pub ari_user: String,

    /// File whose first line is the user's password. [default: the variable `SWITCHBOARD_ARI_PASSWORD`]
    #[arg(long, env = "SWITCHBOARD_ARI_PASSWORD_FILE")]
    pub ari_password_file: Option<PathBuf>,

    /// Name of the ARI application. Asterisk makes it; every program needs one of its own.
    #[arg(long, env = "SWITCHBOARD_ARI_APP", default_value = "switchboard")]
    pub app: String,

    /// The CRM, such as <https://crm.example.com>, or the whole URL that it shows for the connection.
    #[arg(long, env = "SWITCHBOARD_CRM_URL")]
    pub crm_url: String,

    /// The connection's part of the URL: asterisk, or asterisk.slug. Unless --crm-url holds the whole URL.
    #[arg(long, env = "SWITCHBOARD_BRIDGE_CONNECTION", default_value = ASTERISK)]
    pub connection: String,

    /// File whose first line is the connection's webhook secret (whsec_…). [default: the variable
    /// `SWITCHBOARD_BRIDGE_SECRET`, else the CRM's database, when the bridge runs beside it with its settings]
    #[arg(long, env = "SWITCHBOARD_BRIDGE_SECRET_FILE")]
    pub secret_file: Option<PathBuf>,

    /// PEM file with certificates of authorities to trust in addition to those of the operating system.
    #[arg(long, env = "SWITCHBOARD_BRIDGE_CA_FILE")]
    pub ca_file: Option<PathBuf>,

    /// MiB of events that may wait on disk for the CRM. Then the connection to Asterisk is closed until there is room.
    #[arg(long, env = "SWITCHBOARD_BRIDGE_SPOOL_MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub spool_mib: u64,

    /// Seconds between two pings to Asterisk. After twice as long in silence it is connected to anew.
    #[arg(long, env = "SWITCHBOARD_BRIDGE_KEEP_ALIVE", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub keep_alive: u64,

    /// Longest pause in seconds between two attempts to reach Asterisk or the CRM.
    #[arg(long, env = "SWITCHBOARD_BRIDGE_LONGEST_PAUSE", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub longest_pause: u64,

    /// Requests to the CRM at once. The events of one channel never overtake each other.
    #[arg(long, env = "SWITCHBOARD_BRIDGE_AT_ONCE", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub at_once: u64,

    /// Address at which to show /healthz, /readyz and /metrics. [default: nowhere]
    #[arg(long, env = "SWITCHBOARD_BRIDGE_LISTEN")]
    pub probes: Option<SocketAddr>,

    /// Check everything once: connect to Asterisk, deliver what waits and an event that means nothing, then end.
    #[arg(long)]
    pub once: bool,
}

/// Runs the command.
pub async fn run(settings: &Settings, command: Bridge) -> Result<()> {
    let Bridge::Asterisk(options) = command;
    let stop = CancellationToken::new();
    lifecycle::on_signals(stop.clone()).context("signals cannot be listened for")?;
    let metrics = wiring::metrics()?;
    measures::describe();

    let app = App::parse(&options.app).map_err(|why| anyhow!(why))?;
    let hook = hook(&options)?;
    let secret = secret(&options, settings).await?;
    let password = password(&options).await?;
    let asterisk = Target::parse(&options.ari_url, "--ari-url", "ws://127.0.0.1:8088")?;
    for (target, what) in [(&asterisk, "--ari-url"), (&hook, "--crm-url")] {
        if target.is_exposed() {
            tracing::warn!("{what} leads to another machine without TLS: callers' numbers can be read on the way");
        }
    }
    let dialer = Dialer::new(options.ca_file.as_deref())?;
    let folder = settings.data_dir.join("bridge").join(app.as_str());
    let ari =
        Ari::new(dialer.clone(), asterisk, &options.ari_user, password.reveal(), app).map_err(|why| anyhow!(why))?;
    let status = Arc::new(Status::default());
    if let Some(address) = options.probes {
        let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        if let Some(file) = &settings.address_file {
            std::fs::write(file, listener.local_addr()?.to_string())
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        tokio::spawn(probes::serve(listener, metrics.clone(), Arc::clone(&status), stop.clone()));
    }
    tokio::spawn(upkeep(metrics, stop.clone()));
    let config = Config {
        ari,
        hook,
        dialer,
        folder,
        spool_limit: (options.spool_mib << 20).max(SMALLEST_SPOOL),
        keep_alive: Duration::from_secs(options.keep_alive),
        longest_pause: Duration::from_secs(options.longest_pause),
        at_once: usize::try_from(options.at_once).unwrap_or(1),
        once: options.once,
    };
    switchboard_bridge::run(config, secret, Arc::new(System), status, stop).await.map_err(|why| anyhow!(why))?;
    if options.once {
        println!("Asterisk is connected and the CRM takes events.");
    }
    Ok(())
}

/// The hook's address: what was given when it has a path, else that of the connection.
fn hook(options: &Asterisk) -> Result<Target> {
    let mut hook = Target::parse(&options.crm_url, "--crm-url", "https://crm.example.com")?;
    if hook.path.is_empty() {
        hook.path = format!("/hooks/{}", options.connection);
    }
    let connection = hook.path.rsplit('/').next().unwrap_or_default();
    if connection.split('.').next() != Some(ASTERISK) {
        bail!("the connection is called asterisk or asterisk.slug, as in the URL that the CRM shows");
    }
    Ok(hook)
}

async fn password(options: &Asterisk) -> Result<Hidden> {
    match &options.ari_password_file {
        Some(path) => file(path).read().await.map_err(|why| anyhow!(why)).context("the ARI password"),
        None => from_environment(PASSWORD)
            .with_context(|| format!("the ARI password is missing: give --ari-password-file, or set {PASSWORD}")),
    }
}

async fn secret(options: &Asterisk, settings: &Settings) -> Result<Arc<dyn SecretSource>> {
    if let Some(path) = &options.secret_file {
        return Ok(Arc::new(file(path)));
    }
    if let Some(secret) = from_environment(SECRET) {
        return Ok(Arc::new(secret));
    }
    let slug = options.connection.split_once('.').map_or(DEFAULT_SLUG, |(_, slug)| slug).to_owned();
    let app = wiring::offline(settings).await.context(
        "the webhook secret is missing: give --secret-file, or set SWITCHBOARD_BRIDGE_SECRET, or run the bridge with the settings of the CRM",
    )?;
    Ok(Arc::new(FromDatabase { directory: Directory::new(app), slug }))
}

fn from_environment(name: &str) -> Option<Hidden> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty()).map(|value| Hidden::new(value.trim()))
}

fn file(path: &std::path::Path) -> SecretFile {
    let file = SecretFile::new(path);
    if file.is_public() {
        tracing::warn!(path = %path.display(), "everybody on this machine can read the file: chmod 600");
    }
    file
}

/// The secret of the connection, from the CRM's own database.
struct FromDatabase {
    directory: Directory,
    slug: String,
}

#[async_trait]
impl SecretSource for FromDatabase {
    async fn read(&self) -> Result<Hidden, String> {
        let found = self.directory.find(ASTERISK, &self.slug).await.map_err(|error| error.to_string())?;
        let connection = found.ok_or("the CRM has no such connection: switchboard connection add asterisk")?;
        let secret = connection.secrets.get("secret").ok_or("the connection has no webhook secret")?;
        Ok(Hidden::new(secret))
    }
}

/// The recorder collects between two visits of a scraper; this keeps it small when nobody ever comes.
async fn upkeep(metrics: metrics_exporter_prometheus::PrometheusHandle, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(10))).await.is_some() {
        metrics.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Asterisk,
    }

    fn options(more: &[&str]) -> Asterisk {
        let line = ["test", "--ari-url", "ws://127.0.0.1:8088", "--ari-user", "u"];
        Line::parse_from(line.iter().chain(more)).options
    }

    #[test]
    fn the_hook_is_the_given_url_or_that_of_the_connection() {
        let path = |more: &[&str]| hook(&options(more)).unwrap().path;
        assert_eq!(path(&["--crm-url", "https://crm.example"]), "/hooks/asterisk");
        assert_eq!(
            path(&["--crm-url", "https://crm.example/", "--connection", "asterisk.berlin"]),
            "/hooks/asterisk.berlin"
        );
        assert_eq!(path(&["--crm-url", "https://crm.example/sub/hooks/asterisk.x"]), "/sub/hooks/asterisk.x");
        for bad in [
            &["--crm-url", "https://crm.example/hooks/twilio"][..],
            &["--crm-url", "https://crm.example", "--connection", "berlin"],
            &["--crm-url", "https://user:secret@crm.example"],
        ] {
            assert!(hook(&options(bad)).is_err(), "{bad:?}");
        }
    }
}
