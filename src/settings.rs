//! Configuration: command line and environment, each with a default that just runs.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use switchboard_api::Network;

/// Everything that can be set. Every option is also an environment variable.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// Address to listen on. Port 0 picks a free one.
    #[arg(long, env = "SWITCHBOARD_LISTEN", default_value = "127.0.0.1:8080", global = true)]
    pub listen: SocketAddr,

    /// Address at which `switchboard worker` shows /healthz, /readyz and /metrics. [default: nowhere]
    #[arg(long, env = "SWITCHBOARD_WORKER_LISTEN", global = true)]
    pub worker_listen: Option<SocketAddr>,

    /// Scheme, host and port under which providers and browsers reach this installation. Signatures are checked against it.
    /// [default: http:// and the listening address]
    #[arg(long, env = "SWITCHBOARD_PUBLIC_URL", global = true)]
    pub public_url: Option<String>,

    /// Folder for the key file and, in embedded mode, the database.
    #[arg(long, env = "SWITCHBOARD_DATA_DIR", default_value = "./data", global = true)]
    pub data_dir: PathBuf,

    /// postgres://… together with `REDIS_URL` runs distributed. [default: an SQLite file in the data folder]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,

    /// redis://… for the queue and for live events between processes. [default: none, embedded mode]
    #[arg(long, env = "REDIS_URL", hide_env_values = true, global = true)]
    pub redis_url: Option<String>,

    /// Prefix of all keys in Redis, so that several installations can share one server.
    #[arg(long, env = "SWITCHBOARD_REDIS_PREFIX", default_value = "switchboard", global = true)]
    pub redis_prefix: String,

    /// The installation key, 64 hexadecimal digits. [default: the file secret.key in the data folder, made on first start]
    #[arg(long, env = "SWITCHBOARD_SECRET_KEY", hide_env_values = true, global = true)]
    pub secret_key: Option<String>,

    /// Most database connections of this process.
    #[arg(long, env = "SWITCHBOARD_DATABASE_CONNECTIONS", default_value_t = 16, global = true)]
    pub database_connections: u32,

    /// Further origins whose pages may use the API with a browser session, separated by commas (for front-end development).
    #[arg(long, env = "SWITCHBOARD_EXTRA_ORIGINS", value_delimiter = ',', global = true)]
    pub extra_origins: Vec<String>,

    /// Addresses or networks (such as 10.0.0.0/8) of the proxies in front, separated by commas. What they say about the
    /// address that was called counts for connections with `--trust-forwarded true`. [default: none]
    #[arg(long, env = "SWITCHBOARD_TRUSTED_PROXIES", value_delimiter = ',', global = true)]
    pub trusted_proxies: Vec<String>,

    /// Serve the `GraphiQL` page at /graphiql (for development).
    #[arg(long, env = "SWITCHBOARD_GRAPHIQL", global = true)]
    pub graphiql: bool,

    /// What to log: error, warn, info, debug, trace, or a filter such as switchboard=debug.
    #[arg(long, env = "SWITCHBOARD_LOG", default_value = "info", global = true)]
    pub log: String,

    /// How to log.
    #[arg(long, env = "SWITCHBOARD_LOG_FORMAT", default_value = "text", global = true)]
    pub log_format: LogFormat,

    /// File to write the address to once it is bound, for scripts that listen on port 0.
    #[arg(long, env = "SWITCHBOARD_ADDRESS_FILE", global = true)]
    pub address_file: Option<PathBuf>,
}

/// How to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// How the installation runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One process, one file: `SQLite`, the inbox as queue, events within the process.
    Embedded {
        /// `sqlite://…`
        database: String,
    },
    /// Any number of processes on `PostgreSQL` and Redis.
    Distributed {
        /// `postgres://…`
        database: String,
        /// `redis://…`
        redis: String,
    },
}

impl Settings {
    /// Which mode the two addresses ask for. Other combinations are refused with what to set.
    pub fn mode(&self) -> Result<Mode> {
        let database = self.database_url.as_deref().map(str::trim).filter(|url| !url.is_empty());
        let redis = self.redis_url.as_deref().map(str::trim).filter(|url| !url.is_empty());
        let postgres = |url: &str| url.starts_with("postgres://") || url.starts_with("postgresql://");
        match (database, redis) {
            (None, None) => {
                let file = self.data_dir.join("switchboard.sqlite");
                Ok(Mode::Embedded { database: format!("sqlite://{}?mode=rwc", file.display()) })
            }
            (Some(url), None) if url.starts_with("sqlite:") => Ok(Mode::Embedded { database: url.to_owned() }),
            (Some(url), Some(redis)) if postgres(url) => {
                Ok(Mode::Distributed { database: url.to_owned(), redis: redis.to_owned() })
            }
            (Some(url), None) if postgres(url) => {
                bail!(
                    "DATABASE_URL names a PostgreSQL server, so REDIS_URL must be set too (or unset both to run embedded)."
                )
            }
            (None, Some(_)) => bail!(
                "REDIS_URL is set, so DATABASE_URL must name a PostgreSQL server (or unset both to run embedded)."
            ),
            (Some(url), Some(_)) if url.starts_with("sqlite:") => {
                bail!(
                    "SQLite runs embedded, without Redis: unset REDIS_URL, or set DATABASE_URL to a PostgreSQL server."
                )
            }
            (Some(_), _) => bail!("DATABASE_URL must begin with sqlite: or postgres:."),
        }
    }

    /// The trusted proxies; empty entries are none.
    pub fn trusted_proxies(&self) -> Result<Vec<Network>> {
        let given = self.trusted_proxies.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
        given.map(|text| text.parse().with_context(|| format!("SWITCHBOARD_TRUSTED_PROXIES names {text:?}"))).collect()
    }

    /// The public URL without a trailing slash, once the listening address is known.
    pub fn public_url(&self, bound: SocketAddr) -> Result<String> {
        let Some(url) = self.public_url.as_deref().map(str::trim).filter(|url| !url.is_empty()) else {
            return Ok(format!("http://{bound}"));
        };
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        match rest.map(|rest| rest.trim_end_matches('/')) {
            Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => {
                Ok(url.trim_end_matches('/').to_owned())
            }
            _ => bail!(
                "SWITCHBOARD_PUBLIC_URL must be a scheme and a host, such as https://crm.example.com, without a path."
            ),
        }
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
        settings: Settings,
    }

    fn settings(arguments: &[&str]) -> Settings {
        let defaults = ["test", "--data-dir", "d"];
        Line::parse_from(defaults.iter().chain(arguments)).settings
    }

    #[test]
    fn two_modes_and_nothing_between() {
        let embedded = settings(&[]).mode().unwrap();
        assert_eq!(embedded, Mode::Embedded { database: "sqlite://d/switchboard.sqlite?mode=rwc".to_owned() });
        assert!(matches!(
            settings(&["--database-url", "postgres://h/d", "--redis-url", "redis://h"]).mode().unwrap(),
            Mode::Distributed { .. }
        ));
        for half in [
            &["--database-url", "postgres://h/d"][..],
            &["--redis-url", "redis://h"],
            &["--database-url", "sqlite://x", "--redis-url", "redis://h"],
            &["--database-url", "mysql://x"],
        ] {
            assert!(settings(half).mode().is_err(), "{half:?}");
        }
    }

    #[test]
    fn trusted_proxies_are_addresses_and_networks() {
        assert_eq!(settings(&[]).trusted_proxies().unwrap(), []);
        assert_eq!(
            settings(&["--trusted-proxies", ""]).trusted_proxies().unwrap(),
            [],
            "as an empty variable gives it"
        );
        let two = settings(&["--trusted-proxies", "10.0.0.0/8, ::1"]).trusted_proxies().unwrap();
        assert_eq!(two, ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
        let wrong = settings(&["--trusted-proxies", "10.0.0.0/8,proxy.example"]).trusted_proxies().unwrap_err();
        assert!(format!("{wrong:#}").contains("\"proxy.example\": this is neither"), "{wrong:#}");
    }

    #[test]
    fn the_public_url_is_an_origin() {
        let bound = "127.0.0.1:9".parse().unwrap();
        assert_eq!(settings(&[]).public_url(bound).unwrap(), "http://127.0.0.1:9");
        assert_eq!(
            settings(&["--public-url", "https://crm.example.com/"]).public_url(bound).unwrap(),
            "https://crm.example.com"
        );
        for bad in ["crm.example.com", "https://", "https://a/b", "ftp://a", "https://u@h"] {
            assert!(settings(&["--public-url", bad]).public_url(bound).is_err(), "{bad}");
        }
    }
}
