//! Benchmarks: the product beside a limit in one run, as ratios. Times of one machine say little; ratios travel.
//!
//! `make bench` builds everything optimised, starts private servers and runs this. So far there is one: the time from a
//! webhook to the subscription message that shows the call, in both modes, beside the bare HTTP round trip of the same
//! server (`/healthz`), taken in turn so that whatever else the machine does hits both.

mod desk;
mod measure;
mod server;

use anyhow::Result;
use server::{Backing, Server};

/// Samples of each kind in each mode.
const SAMPLES: usize = 400;

#[tokio::main]
async fn main() -> Result<()> {
    println!("webhook sent -> subscription message received, {SAMPLES} calls one after the other");
    println!("| mode | median | p95 | p99 | bare round trip, median | ratio of medians (95 % bootstrap) |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for backing in Backing::available() {
        let mode = backing.name();
        let server = Server::start(backing).await?;
        let (calls, floor) = measure::in_turn(&server, SAMPLES).await?;
        println!("{}", measure::row(mode, calls, floor));
        server.stop().await?;
    }
    Ok(())
}
