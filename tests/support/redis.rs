//! A private Redis server for one test.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use tempfile::TempDir;

use super::port;
use super::process::Process;
use super::wait::{SOON, eventually_some};

/// `redis-server` on a free port with an append-only file in a temporary folder, as the distributed mode asks for.
pub struct RedisServer {
    port: u16,
    dir: TempDir,
    process: Option<Process>,
}

impl RedisServer {
    /// Starts a server with nothing in it.
    pub async fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("switchboard-redis-").tempdir().expect("a temporary folder");
        let mut server = Self { port: 0, dir, process: None };
        for _ in 0..5 {
            server.port = port::free();
            if server.try_start().await {
                return server;
            }
        }
        panic!("redis-server did not start; its log:\n{}", server.log());
    }

    /// `redis://127.0.0.1:port`, the same after a restart. By way of a proxy: `redis://` and its address.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// SIGTERM: it writes what it has and ends.
    pub async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.terminate().await;
        }
    }

    /// SIGKILL.
    pub fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill9();
        }
    }

    /// Starts it again on the same port with the same data; ends it before if it still runs.
    pub async fn restart(&mut self) {
        self.stop().await;
        assert!(
            self.try_start().await,
            "redis-server did not come back on port {}; its log:\n{}",
            self.port,
            self.log()
        );
    }

    /// SIGSTOP and SIGCONT: connections stay open and nothing answers, as with a machine that hangs.
    pub fn pause(&self, paused: bool) {
        let process = self.process.as_ref().expect("it runs");
        process.signal(if paused { "STOP" } else { "CONT" });
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// True once it serves; false when it ended instead, as it does when the port is taken.
    async fn try_start(&mut self) -> bool {
        let log = self.dir.path().join("log");
        // One log a start, or the line that is waited for below would be an old one.
        let _ = std::fs::remove_file(&log);
        let program = std::env::var_os("SWITCHBOARD_TEST_REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
        let found = Command::new(&program).arg("--version").output().is_ok();
        assert!(found, "{} not found: run `make test`, or install redis-server", program.display());
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]);
        command.arg("--port").arg(self.port.to_string()).arg("--dir").arg(self.dir.path());
        let mut process = Process::start("redis-server", &mut command, &log);
        let serves = eventually_some("redis-server accepts connections", SOON, async || {
            if process.log().contains("Ready to accept connections") {
                return Some(true);
            }
            process.exited().map(|_| false)
        })
        .await;
        if serves {
            self.process = Some(process);
        }
        serves
    }
}
