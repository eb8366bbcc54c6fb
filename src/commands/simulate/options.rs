//! The options of `switchboard simulate`.

use std::{str::FromStr, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use switchboard_simulator::{Faults, Reorder};

/// Options of `simulate`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub struct Simulate {
    /// Connection to play over, by its part of the URL: `twilio`, `twilio.berlin`. Repeatable. [default: all that can be
    /// signed for, but not the one of practice calls]
    #[arg(long = "connection", value_name = "PROVIDER[.SLUG]")]
    pub connections: Vec<String>,

    /// How many calls.
    #[arg(long, default_value_t = 20, conflicts_with = "duration")]
    pub calls: usize,

    /// In place of a number: calls begin for so long (30s, 5m, 2h), by the time of the simulation.
    #[arg(long, value_parser = duration)]
    pub duration: Option<Duration>,

    /// Calls that begin in a second, on average.
    #[arg(long, default_value_t = 1.0, value_parser = positive, value_name = "CALLS_PER_SECOND")]
    pub rate: f64,

    /// How many times faster than real time.
    #[arg(long, default_value_t = 1.0, value_parser = positive, value_name = "FACTOR")]
    pub speed: f64,

    /// As fast as the server answers: the calls lie in the past.
    #[arg(long, conflicts_with = "speed")]
    pub instant: bool,

    /// From which everything follows: the same seed, start and options give the same requests, so that sending them again
    /// changes nothing. [default: a new one, which is printed]
    #[arg(long)]
    pub seed: Option<u64>,

    /// When the first call may begin (RFC 3339). [default: so that the last request is sent at its own time; printed]
    #[arg(long)]
    pub start: Option<DateTime<Utc>>,

    /// Share of requests that are sent again though they were accepted. [without a value: 0.1]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "0.1", default_value_t = 0.0, value_parser = share, value_name = "SHARE", hide_default_value = true)]
    pub duplicates: f64,

    /// Another order: `full` for any at all, or by how much a request may be late (5s). [without a value: full]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "full", value_parser = reorder, value_name = "full|TIME")]
    pub reorder: Option<Order>,

    /// Share of requests that come up to an hour late, by the time of the simulation. [without a value: 0.02]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "0.02", default_value_t = 0.0, value_parser = share, value_name = "SHARE", hide_default_value = true)]
    pub late: f64,

    /// Share of requests that never come. [without a value: 0.01]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "0.01", default_value_t = 0.0, value_parser = share, value_name = "SHARE", hide_default_value = true)]
    pub drops: f64,

    /// Share of requests at which half a minute of silence begins, after which everything comes at once. [without a value:
    /// 0.02]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "0.02", default_value_t = 0.0, value_parser = share, value_name = "SHARE", hide_default_value = true)]
    pub bursts: f64,

    /// Scheme, host and port to send to; plain http, at the server itself. [default: the configured listening address]
    #[arg(long, value_name = "URL", value_parser = origin)]
    pub to: Option<String>,

    /// Requests under way at a time; 1 keeps their order.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub concurrency: u16,

    /// What only the provider has, such as `private_key=…`, for connections that hold a public key. `NAME=-` reads the value
    /// from standard input. Repeatable.
    #[arg(long = "sign-with", value_name = "NAME=VALUE")]
    pub sign_with: Vec<String>,

    /// Add a connection named "Simulation" with new secrets for every provider that has none, and play nothing. What only
    /// the provider would have is kept in the data folder.
    #[arg(long, conflicts_with_all = ["connections", "verify", "sign_with"])]
    pub setup: bool,

    /// Compare every call that was played with what is known of it afterwards; the exit status tells whether all is right.
    #[arg(long)]
    pub verify: bool,

    /// How long to wait for the queue to be worked off before comparing.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub patience: Duration,

    /// Print only what is wrong.
    #[arg(long)]
    pub quiet: bool,

    /// Print one JSON object.
    #[arg(long, conflicts_with = "quiet")]
    pub json: bool,
}

/// [`Reorder`] as an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order(pub Reorder);

impl Simulate {
    /// What goes wrong.
    pub fn faults(&self) -> Faults {
        Faults {
            duplicates: self.duplicates,
            reorder: self.reorder.map_or(Reorder::None, |order| order.0),
            late: self.late,
            drops: self.drops,
            bursts: self.bursts,
        }
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = f64::from_str(text).ok().filter(|number| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "write a number above 0".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let number = f64::from_str(text).ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "write a share from 0 to 1".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 0,
    };
    let seconds = digits.parse::<u32>().ok().map(|number| u64::from(number) * factor).filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or_else(|| "write a time such as 30s, 5m or 2h".to_owned())
}

fn reorder(text: &str) -> Result<Order, String> {
    if text == "full" {
        return Ok(Order(Reorder::Full));
    }
    let window = duration(text).map_err(|_| "write full, or a time such as 5s".to_owned())?;
    let window = TimeDelta::from_std(window).map_err(|_| "that is too long".to_owned())?;
    Ok(Order(Reorder::Window(window)))
}

fn origin(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    match rest {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => Ok(format!("http://{host}")),
        _ => Err("write http://, a host and a port, such as http://127.0.0.1:8080 (TLS ends in front of Switchboard)"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_or_refused() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_hours(2)));
        assert_eq!(reorder("full"), Ok(Order(Reorder::Full)));
        assert_eq!(reorder("5s"), Ok(Order(Reorder::Window(TimeDelta::seconds(5)))));
        assert_eq!(origin("http://127.0.0.1:8080/").as_deref(), Ok("http://127.0.0.1:8080"));
        for bad in ["", "5", "s", "-1s", "0s", "1d", "5 s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        for bad in ["https://a", "127.0.0.1:80", "http://", "http://a/b"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
        assert!(share("1.1").is_err() && share("-0.1").is_err() && share("nan").is_err() && share("1").is_ok());
        assert!(positive("0").is_err() && positive("inf").is_err() && positive("0.5").is_ok());
    }
}
