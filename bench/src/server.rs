//! The real binary with temporary data.

use std::{env, net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use rand::RngExt;
use switchboard_telephony::Secrets;
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
};

/// Password of the benchmark's agent, on a server that lives for seconds and listens on loopback only.
pub const PASSWORD: &str = "a-password-for-the-benchmark";
/// Sign-in name of the benchmark's agent.
pub const EMAIL: &str = "bench@switchboard.example";

/// What the server stands on.
pub enum Backing {
    /// `SQLite` and the inbox.
    Embedded,
    /// `PostgreSQL` and Redis, at these addresses.
    Distributed { database: String, redis: String },
}

impl Backing {
    /// The modes that can be measured: distributed needs the servers that `make bench` starts.
    pub fn available() -> Vec<Self> {
        let servers = env::var("SWITCHBOARD_BENCH_DATABASE_URL").ok().zip(env::var("SWITCHBOARD_BENCH_REDIS_URL").ok());
        let distributed = servers.map(|(database, redis)| Self::Distributed { database, redis });
        [Self::Embedded].into_iter().chain(distributed).collect()
    }

    /// For the report.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Distributed { .. } => "distributed",
        }
    }
}

/// A running server.
pub struct Server {
    child: Child,
    _data: TempDir,
    /// Where it listens.
    pub address: SocketAddr,
    /// Of the generic connection.
    pub secrets: Secrets,
}

impl Server {
    /// Starts it, with an agent and a generic connection.
    pub async fn start(backing: Backing) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let mut key = [0_u8; 32];
        rand::rng().fill(&mut key);
        let secret = format!("whsec_{}", STANDARD.encode(key));
        let command = |arguments: &[&str]| {
            let mut command = Command::new(binary());
            command
                .args(arguments)
                .env("SWITCHBOARD_DATA_DIR", data.path())
                .env("SWITCHBOARD_LISTEN", "127.0.0.1:0")
                .env("SWITCHBOARD_LOG", "warn");
            match &backing {
                Backing::Embedded => command.env_remove("DATABASE_URL").env_remove("REDIS_URL"),
                Backing::Distributed { database, redis } => {
                    command.env("DATABASE_URL", database).env("REDIS_URL", redis)
                }
            };
            command.kill_on_drop(true);
            command
        };
        run(
            command(&["user", "create", "--email", EMAIL, "--name", "Bench", "--role", "agent", "--password-stdin"]),
            PASSWORD,
        )
        .await?;
        run(command(&["connection", "add", "generic", "--set", "secret=-"]), &secret).await?;
        let file = data.path().join("address");
        let child = command(&["serve"]).env("SWITCHBOARD_ADDRESS_FILE", &file).stdout(Stdio::null()).spawn()?;
        for _ in 0..300 {
            if let Some(address) = std::fs::read_to_string(&file).ok().and_then(|text| text.parse().ok()) {
                return Ok(Self { child, _data: data, address, secrets: Secrets::new().with("secret", secret) });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the server did not start within 30 s")
    }

    /// Ends it.
    pub async fn stop(mut self) -> Result<()> {
        self.child.kill().await.context("the server could not be ended")
    }
}

/// The binary beside this one, unless another is named.
fn binary() -> PathBuf {
    let beside = || env::current_exe().unwrap_or_default().with_file_name("switchboard");
    env::var_os("SWITCHBOARD_BIN").map_or_else(beside, PathBuf::from)
}

async fn run(mut command: Command, input: &str) -> Result<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("the switchboard binary cannot be started")?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    stdin.write_all(format!("{input}\n").as_bytes()).await?;
    drop(stdin);
    if !child.wait().await?.success() {
        bail!("setting the server up failed");
    }
    Ok(())
}
