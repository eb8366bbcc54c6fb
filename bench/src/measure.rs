//! Takes samples in turn, and sums them up.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::Utc;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use switchboard_simulator::{Call, Plan, Random, Story, dialects_of};
use switchboard_telephony::provider;

use crate::{desk::Desk, server::Server};

/// Samples that are thrown away first: connections open, code is read from disk, tables are created.
const WARM_UP: usize = 20;
/// Patience with one call.
const PATIENCE: Duration = Duration::from_secs(10);

/// Milliseconds from a webhook to its subscription message, and of the bare round trip, one after the other in turn.
pub async fn in_turn(server: &Server, samples: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    let client = reqwest::Client::new();
    let mut desk = Desk::open(server, &client).await?;
    let (mut calls, mut floor) = (Vec::with_capacity(samples), Vec::with_capacity(samples));
    for sample in 0..WARM_UP + samples {
        let call = call(server, &client, &mut desk).await?;
        let bare = bare(server, &client).await?;
        if sample >= WARM_UP {
            calls.push(call);
            floor.push(bare);
        }
    }
    Ok((calls, floor))
}

async fn call(server: &Server, client: &reqwest::Client, desk: &mut Desk) -> Result<f64> {
    let dialect = dialects_of("generic").next().context("no dialect of the generic webhook")?;
    let seed = rand::rng().random();
    let call = Call::new(seed, Plan::draw(&mut Random::new(seed), Story::Answered), Utc::now());
    // That it rings.
    let wire = dialect.wires(&call).into_iter().next().context("a call without requests")?;
    let key = dialect.keys(&call).into_iter().next().context("a call without keys")?;
    let id = key.trim_start_matches("session:");
    let url = wire.url(&format!("http://{}/hooks/generic", server.address));
    let provider = provider("generic").context("no generic provider")?;
    let signed = provider.sign(wire.method, &url, &wire.headers, &wire.body, &server.secrets, Utc::now())?;
    let mut request = client.post(&url).body(wire.body);
    let is_signed = |name: &str| signed.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    for (name, value) in wire.headers.iter().filter(|(name, _)| !is_signed(name)).chain(&signed) {
        request = request.header(name, value);
    }
    let start = Instant::now();
    let (answer, shown) = tokio::join!(request.send(), tokio::time::timeout(PATIENCE, desk.shows(id)));
    let took = start.elapsed();
    ensure!(answer?.status().is_success(), "the webhook was refused");
    shown.context("the call was not shown in time")??;
    Ok(took.as_secs_f64() * 1e3)
}

async fn bare(server: &Server, client: &reqwest::Client) -> Result<f64> {
    let start = Instant::now();
    client.get(format!("http://{}/healthz", server.address)).send().await?.bytes().await?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// One row of the report.
pub fn row(mode: &str, calls: Vec<f64>, floor: Vec<f64>) -> String {
    let (low, high) = bootstrap(&calls, &floor);
    let (median, p95, p99) = (quantile(calls.clone(), 0.5), quantile(calls.clone(), 0.95), quantile(calls, 0.99));
    let bare = quantile(floor, 0.5);
    format!(
        "| {mode} | {median:.2} ms | {p95:.2} ms | {p99:.2} ms | {bare:.2} ms | {:.1} ({low:.1} to {high:.1}) |",
        median / bare
    )
}

/// 95 % interval of the ratio of medians, by drawing again from the samples (percentile bootstrap, Efron 1979).
fn bootstrap(calls: &[f64], floor: &[f64]) -> (f64, f64) {
    let mut random = StdRng::seed_from_u64(1);
    let mut again = |of: &[f64]| {
        (0..of.len()).filter_map(|_| of.get(random.random_range(0..of.len())).copied()).collect::<Vec<_>>()
    };
    let ratios: Vec<f64> = (0..1000).map(|_| quantile(again(calls), 0.5) / quantile(again(floor), 0.5)).collect();
    (quantile(ratios.clone(), 0.025), quantile(ratios, 0.975))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few hundred samples"
)]
fn quantile(mut of: Vec<f64>, q: f64) -> f64 {
    of.sort_by(f64::total_cmp);
    let place = ((of.len() as f64 - 1.0) * q).round() as usize;
    of.get(place).copied().unwrap_or(f64::NAN)
}
