//! A child process that cannot outlive its test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::wait::eventually_some;

/// A running program with its output in a file. Killed on drop; the end of the output is printed if the test failed.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the command. Its standard output and error go to the end of the file `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        let file = std::fs::File::options().create(true).append(true).open(log).expect("the log file can be opened");
        let also = file.try_clone().expect("a file handle can be duplicated");
        let child = command.stdin(Stdio::null()).stdout(file).stderr(also).spawn();
        let child = child.unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Self { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// The operating system's id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Its exit status, if it has ended.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Sends a signal by name, such as `TERM`, `INT`, `STOP` or `CONT`.
    pub fn signal(&self, name: &str) {
        // The shell's own `kill`: the program of that name is not on every machine.
        let done = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.id())).status();
        assert!(done.is_ok_and(|status| status.success()), "{} cannot be sent {name}", self.name);
    }

    /// SIGKILL, as when the machine takes the process away in the middle of its work. Returns when it is gone.
    pub fn kill9(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    /// SIGTERM, then waits for the end. Panics when it does not come within 30 s.
    pub async fn terminate(&mut self) -> ExitStatus {
        if self.exited().is_none() {
            self.signal("TERM");
        }
        let what = format!("{} ends after SIGTERM", self.name);
        eventually_some(&what, Duration::from_secs(30), async || self.exited()).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Errors mean that it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let from = lines.len().saturating_sub(40);
            eprintln!("--- the end of the output of {}:", self.name);
            for line in lines.iter().skip(from) {
                eprintln!("{line}");
            }
        }
    }
}
