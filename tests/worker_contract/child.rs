//! A worker in a process of its own, so that it can really be killed: this test program again, told to run one "test" that
//! is a worker.

use std::process::Command;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use switchboard_core::Result;
use switchboard_worker::{
    Settle,
    settle::{Incoming, Settled},
};

use super::recorder::{LAST_ATTEMPT, numbers};
use super::rig::{Node, Rig, quick};
use crate::support::process::Process;

const TOLD: &str = "SWITCHBOARD_CONTRACT_CHILD";

/// What the child is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Orders {
    database: String,
    redis: Option<String>,
    /// The number at which it dies; without one it holds everything for ever.
    dies_at: Option<u32>,
}

/// Starts the child. What it does is in its output, a line for each delivery: `holds 7`, `settled 7 at 1`, `dead 7 at 6`.
pub fn start(rig: &Rig, dies_at: Option<u32>, name: &str) -> Process {
    let orders = Orders { database: rig.database(None), redis: rig.redis_url(None), dies_at };
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "worker_contract::child::works", "--ignored", "--nocapture"]);
    command.env(TOLD, serde_json::to_string(&orders).expect("orders are JSON"));
    Process::start("the child worker", &mut command, &rig.folder.path().join(name))
}

struct Doomed(Option<u32>);

#[async_trait::async_trait]
impl Settle for Doomed {
    async fn settle(&self, batch: Vec<Incoming>) -> Result<Settled> {
        let Some(dies_at) = self.0 else {
            for (number, _) in numbers(&batch) {
                println!("holds {number}");
            }
            return std::future::pending().await;
        };
        let numbers = numbers(&batch);
        if numbers.iter().any(|(number, attempt)| *number == dies_at && *attempt <= LAST_ATTEMPT) {
            std::process::abort();
        }
        for (number, attempt) in numbers {
            let what = if attempt > LAST_ATTEMPT { "dead" } else { "settled" };
            println!("{what} {number} at {attempt}");
        }
        Ok(Settled::default())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "not a test: the worker process of other tests"]
async fn works() {
    let Ok(orders) = std::env::var(TOLD) else { return };
    let orders: Orders = serde_json::from_str(&orders).expect("orders");
    let node = Node::new(&orders.database, orders.redis.as_deref()).await;
    let tunables = if orders.dies_at.is_some() { quick() } else { switchboard_worker::Tunables::default() };
    let _workers = node.work_with(&Arc::new(Doomed(orders.dies_at)), None, tunables);
    std::future::pending::<()>().await;
}
