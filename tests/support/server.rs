//! The real binary as a child process, in either mode, on data of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};

use tempfile::TempDir;

use super::hooks::{GenericConnection, TwilioConnection};
use super::postgres::PostgresDatabase;
use super::process::Process;
use super::redis::RedisServer;
use super::wait::{SOON, eventually, eventually_some};

/// What Switchboard believes its address to be. Not where it listens: as behind a proxy, providers sign this URL.
pub const PUBLIC_URL: &str = "https://switchboard.example";

/// How the binary stores and queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One process, SQLite, nothing else.
    Embedded,
    /// PostgreSQL and Redis.
    Distributed,
}

impl Mode {
    /// For tests that compare the two.
    pub const ALL: [Self; 2] = [Self::Embedded, Self::Distributed];
}

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct Account {
    pub email: String,
    pub name: String,
    pub password: String,
}

/// What the distributed mode stands on.
pub struct Backing {
    pub redis: RedisServer,
    pub postgres: PostgresDatabase,
}

/// The environment of a server before it is started. See `Server::prepare`.
pub struct Prepared {
    mode: Mode,
    dir: TempDir,
    environment: BTreeMap<String, String>,
    pub backing: Option<Backing>,
}

impl Prepared {
    /// Sets a variable for the server and the commands, in place of what the mode gives it.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// The variables that the server and the commands get.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Creates the tables, an admin, an agent and a connection of each kind, then starts `serve` and waits until it is ready.
    pub async fn start(self) -> Server {
        self.start_as("serve").await
    }

    /// The same with another command in place of `serve`, such as `api`.
    pub async fn start_as(self, command: &'static str) -> Server {
        let unset = || Account { email: String::new(), name: String::new(), password: String::new() };
        let mut server = Server {
            process: None,
            command,
            address: ([127, 0, 0, 1], 0).into(),
            admin: unset(),
            agent: unset(),
            twilio: TwilioConnection { token: random_hex(16), path: "/hooks/twilio".to_owned() },
            generic: GenericConnection::with_random_secret(),
            prepared: self,
        };
        server.run(&["migrate"], "");
        server.admin = server.create_user("admin", "Ada Admin");
        server.agent = server.create_user("agent", "Gus Agent");
        server.run(&["connection", "add", "twilio", "--set", &format!("auth_token={}", server.twilio.token)], "");
        server.run(&["connection", "add", "generic", "--set", &format!("secret={}", server.generic.secret)], "");
        server.restart().await;
        server
    }
}

/// A running server with an admin, an agent, a Twilio and a generic connection. Killed, and its data removed, on drop.
pub struct Server {
    // Fields drop in this order: the process ends before the servers and the folder it uses.
    process: Option<Process>,
    command: &'static str,
    address: SocketAddr,
    pub admin: Account,
    pub agent: Account,
    pub twilio: TwilioConnection,
    pub generic: GenericConnection,
    pub prepared: Prepared,
}

impl Server {
    /// A server with what most tests need.
    pub async fn start(mode: Mode) -> Self {
        Self::prepare(mode).await.start().await
    }

    /// Private storage for the mode, and the environment that points at it, to be changed before the start.
    pub async fn prepare(mode: Mode) -> Prepared {
        let dir = tempfile::Builder::new().prefix("switchboard-server-").tempdir().expect("a temporary folder");
        let text = |path: PathBuf| path.to_str().expect("temporary folders have plain names").to_owned();
        let mut environment = BTreeMap::from([
            ("SWITCHBOARD_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("SWITCHBOARD_PUBLIC_URL".to_owned(), PUBLIC_URL.to_owned()),
            ("SWITCHBOARD_DATA_DIR".to_owned(), text(dir.path().join("data"))),
            ("SWITCHBOARD_ADDRESS_FILE".to_owned(), text(dir.path().join("address"))),
        ]);
        let backing = match mode {
            Mode::Embedded => None,
            Mode::Distributed => {
                let backing = Backing { redis: RedisServer::start().await, postgres: PostgresDatabase::create().await };
                environment.insert("REDIS_URL".to_owned(), backing.redis.url());
                environment.insert("DATABASE_URL".to_owned(), backing.postgres.url());
                Some(backing)
            }
        };
        Prepared { mode, dir, environment, backing }
    }

    /// The mode it was prepared for.
    pub fn mode(&self) -> Mode {
        self.prepared.mode
    }

    /// The URL for a path that starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Where it listens. Stays the same over restarts.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder with its data and logs.
    pub fn dir(&self) -> &Path {
        self.prepared.dir.path()
    }

    /// The private Redis and PostgreSQL of the distributed mode.
    pub fn backing(&mut self) -> &mut Backing {
        self.prepared.backing.as_mut().expect("the distributed mode")
    }

    /// What the server has written, over all its starts.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path(self.command)).unwrap_or_default()
    }

    /// The server's process, for signals.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the server runs")
    }

    /// SIGKILL.
    pub fn kill9(&mut self) {
        self.process().kill9();
        self.process = None;
    }

    /// SIGTERM, and its exit status.
    pub async fn terminate(&mut self) -> ExitStatus {
        let status = self.process().terminate().await;
        self.process = None;
        status
    }

    /// Starts it on the same data and address, after SIGTERM if it still runs, and waits until it is ready.
    pub async fn restart(&mut self) {
        if self.process.is_some() {
            self.terminate().await;
        }
        let file = self.dir().join("address");
        let _ = std::fs::remove_file(&file);
        let mut command = self.command_line(&[self.command]);
        if self.address.port() != 0 {
            command.env("SWITCHBOARD_LISTEN", self.address.to_string());
        }
        let mut process = Process::start(self.command, &mut command, &self.log_path(self.command));
        self.address = eventually_some("the server writes its address", SOON, async || {
            assert!(process.exited().is_none(), "the server ended instead of starting");
            // The file may be there before its content is.
            std::fs::read_to_string(&file).ok()?.trim().parse().ok()
        })
        .await;
        self.process = Some(process);
        let url = self.url("/readyz");
        eventually("the server is ready", SOON, async || {
            reqwest::get(&url).await.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
    }

    /// A further process of the same deployment, such as `worker`; its output goes to a log of its own.
    pub fn spawn(&self, command: &'static str) -> Process {
        self.spawn_with(command, &[])
    }

    /// The same with some variables of its own.
    pub fn spawn_with(&self, command: &'static str, environment: &[(&str, &str)]) -> Process {
        let mut line = self.command_line(&[command]);
        // Not this one's address: that file belongs to the server.
        line.env_remove("SWITCHBOARD_ADDRESS_FILE").envs(environment.iter().copied());
        Process::start(command, &mut line, &self.log_path(command))
    }

    /// Runs a command of the binary with something on standard input, and returns what it did.
    pub fn cli(&self, arguments: &[&str], input: &str) -> Output {
        // A file and not a pipe: nothing can block, however much is written and whoever stops reading.
        let path = self.dir().join("input");
        std::fs::write(&path, input).expect("the temporary folder is writable");
        let stdin = std::fs::File::open(&path).expect("it was just written");
        self.command_line(arguments).stdin(Stdio::from(stdin)).output().expect("the binary can be started")
    }

    /// Runs a command that must succeed, and returns its output.
    pub fn run(&self, arguments: &[&str], input: &str) -> String {
        let output = self.cli(arguments, input);
        assert!(
            output.status.success(),
            "switchboard {} failed:\n{}{}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("output is UTF-8")
    }

    /// Creates a user with the role (`agent`, `supervisor`, `admin`, `auditor`) by the command line.
    pub fn create_user(&self, role: &str, name: &str) -> Account {
        let email = format!("{}.{}@switchboard.example", name.to_lowercase().replace(' ', "."), random_hex(4));
        let account = Account { email, name: name.to_owned(), password: random_hex(12) };
        let arguments =
            ["user", "create", "--email", &account.email, "--name", name, "--role", role, "--password-stdin"];
        self.run(&arguments, &format!("{}\n", account.password));
        account
    }

    fn command_line(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        // What a developer has set for the own server must not reach the one under test.
        for (name, _) in std::env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("SWITCHBOARD_") || name == "DATABASE_URL" || name == "REDIS_URL")
            {
                command.env_remove(name);
            }
        }
        command.args(arguments).envs(&self.prepared.environment).current_dir(self.dir());
        command
    }

    fn log_path(&self, command: &str) -> PathBuf {
        self.dir().join(format!("{command}.log"))
    }
}

/// Random bytes as hexadecimal digits: for secrets that differ in every test.
pub fn random_hex(bytes: usize) -> String {
    hex::encode((0..bytes).map(|_| rand::random()).collect::<Vec<u8>>())
}
