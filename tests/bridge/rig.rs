//! The bridge between an Asterisk and a CRM of ours, each behind a proxy that can fail.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use super::asterisk::{Asterisk, PASSWORD, USER};
use super::crm::{Crm, Delivery};
use crate::support::process::Process;
use crate::support::proxy::FaultProxy;
use crate::support::wait::{SOON, eventually, eventually_some};

pub struct Rig {
    // Fields drop in this order: the process ends before what it uses.
    process: Option<Process>,
    pub asterisk: Asterisk,
    pub crm: Crm,
    pub to_asterisk: FaultProxy,
    pub to_crm: FaultProxy,
    more: Vec<&'static str>,
    probes: String,
    dir: TempDir,
}

/// A webhook secret that no other test has.
pub fn secret() -> String {
    format!("whsec_{}", STANDARD.encode(rand::random::<[u8; 24]>()))
}

/// Writes a file that only this user can read, as secrets should be.
pub fn write_private(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a writable folder");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("our own file");
}

impl Rig {
    /// Asterisk and CRM, without the bridge.
    pub async fn prepare(more: &[&'static str]) -> Self {
        let secret = secret();
        let dir = tempfile::Builder::new().prefix("switchboard-bridge-").tempdir().expect("a temporary folder");
        write_private(&dir.path().join("password"), &format!("{PASSWORD}\n"));
        write_private(&dir.path().join("secret"), &secret);
        let (asterisk, crm) = (Asterisk::start().await, Crm::start(&secret).await);
        let to_asterisk = FaultProxy::start(asterisk.address()).await;
        let to_crm = FaultProxy::start(crm.address()).await;
        Self { process: None, asterisk, crm, to_asterisk, to_crm, more: more.to_vec(), probes: String::new(), dir }
    }

    /// The same with the bridge, connected for the first time and past its comparison.
    pub async fn start(more: &[&'static str]) -> Self {
        let mut rig = Self::prepare(more).await;
        rig.run().await;
        rig.asterisk.connected(1).await;
        rig
    }

    /// Starts the bridge, on what an earlier one left.
    pub async fn run(&mut self) {
        let file = self.path("address");
        let _ = std::fs::remove_file(&file);
        let mut command = self.command(&[]);
        command.env("SWITCHBOARD_BRIDGE_LISTEN", "127.0.0.1:0").env("SWITCHBOARD_ADDRESS_FILE", &file);
        let mut process = Process::start("bridge", &mut command, &self.path("log"));
        self.probes = eventually_some("the bridge writes its address", SOON, async || {
            assert!(process.exited().is_none(), "the bridge ended instead of starting:\n{}", process.log());
            std::fs::read_to_string(&file).ok().filter(|address| !address.is_empty())
        })
        .await;
        self.process = Some(process);
    }

    /// Runs the command to its end.
    pub fn output(&self, more: &[&str]) -> Output {
        self.command(more).output().expect("the binary can be started")
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("SWITCHBOARD_") || name == "DATABASE_URL" || name == "REDIS_URL" {
                command.env_remove(name);
            }
        }
        let (asterisk, crm) =
            (format!("ws://{}", self.to_asterisk.address()), format!("http://{}", self.to_crm.address()));
        // As variables, so that a test can give any of them as an option, which counts before the variable.
        command
            .args(["bridge", "asterisk"])
            .env("SWITCHBOARD_ARI_URL", asterisk)
            .env("SWITCHBOARD_ARI_USER", USER)
            .env("SWITCHBOARD_ARI_PASSWORD_FILE", self.path("password"))
            .env("SWITCHBOARD_CRM_URL", crm)
            .env("SWITCHBOARD_BRIDGE_SECRET_FILE", self.path("secret"))
            .args(["--keep-alive", "1", "--longest-pause", "1"])
            .args(&self.more)
            .args(more);
        command.arg("--data-dir").arg(self.path("data")).current_dir(self.dir.path());
        command
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The folder of the spool.
    pub fn spool(&self) -> PathBuf {
        self.path("data").join("bridge").join("switchboard")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until the log says it.
    pub async fn says(&self, words: &str) {
        eventually(&format!("the log says {words:?}"), SOON, async || self.log().contains(words)).await;
    }

    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the bridge runs")
    }

    pub fn kill9(&mut self) {
        self.process().kill9();
        self.process = None;
    }

    /// What a probe answers: status and body.
    pub async fn probe(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("http://{}{path}", self.probes)).await.expect("the probes answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    /// Waits until `/readyz` answers with the status and says the words.
    pub async fn ready(&self, status: u16, words: &str) {
        eventually(&format!("/readyz answers {status} and says {words:?}"), SOON, async || {
            let (now, body) = self.probe("/readyz").await;
            now == status && body.contains(words)
        })
        .await;
    }

    /// Waits until this many events are safe on the disk.
    pub async fn stored(&self, events: usize) {
        let line = format!("switchboard_bridge_events_stored_total {events}");
        eventually(&format!("{events} events are on the disk"), SOON, async || {
            self.probe("/metrics").await.1.lines().any(|have| have == line)
        })
        .await;
    }
}

/// Asserts that each channel's events were first taken in the order in which Asterisk said them (`n` in the body), and that
/// whatever came twice came with the same id and body.
pub fn in_order_and_once(taken: &[Delivery]) {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    let mut bodies: BTreeMap<&str, &[u8]> = BTreeMap::new();
    for delivery in taken {
        if let Some(earlier) = bodies.insert(&delivery.id, &delivery.raw) {
            assert_eq!(earlier, delivery.raw, "one id, two bodies");
            continue;
        }
        let n = delivery.body["n"].as_u64().expect("the tests number their events");
        if let Some(before) = last.insert(delivery.channel(), n) {
            assert!(before < n, "{n} of channel {} came after {before}", delivery.channel());
        }
    }
}

/// Whether any file below the folder holds the text.
pub fn holds(dir: &Path, text: &str) -> bool {
    std::fs::read_dir(dir).expect("a folder").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            holds(&path, text)
        } else {
            String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).contains(text)
        }
    })
}
