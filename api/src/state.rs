//! What every request handler sees.

use std::{sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;
use switchboard_core::{App, connections::Directory};
use tokio_util::sync::CancellationToken;

use crate::{
    graphql::{self, AppSchema},
    http::{Network, OncePerSecond},
};

/// How the edge behaves, chosen by the composition root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiConfig {
    /// Scheme, host and port under which providers and people reach this installation; no trailing slash. Signatures are
    /// verified against it, cookies are `Secure` when it is `https`.
    pub public_url: String,
    /// Further origins (`https://desk.example.com`) whose pages may use session cookies.
    pub extra_origins: Vec<String>,
    /// Proxies whose forwarding headers count, for the connections that believe them.
    pub trusted_proxies: Vec<Network>,
    /// Most bytes of a request's body; more is answered with 413.
    pub body_limit: usize,
    /// Serve `GraphiQL` at `/graphiql`. For development.
    pub graphiql: bool,
    /// How long a webhook's body may take to arrive, and then to be stored. Providers hang up after 5 to 15 seconds.
    pub patience: Duration,
    /// How long `/readyz` answers 503 before no more connections are accepted, so that load balancers notice. None needed
    /// without one.
    pub notice: Duration,
}

impl ApiConfig {
    /// The largest body that is read when nothing else is configured: 1 MiB.
    pub const BODY_LIMIT: usize = 1 << 20;

    /// How long is waited for a webhook when nothing else is configured.
    pub const PATIENCE: Duration = Duration::from_secs(10);

    /// Defaults for an installation at `public_url`; a trailing slash is dropped.
    pub fn new(public_url: impl Into<String>) -> Self {
        let mut public_url = public_url.into();
        public_url.truncate(public_url.trim_end_matches('/').len());
        Self {
            public_url,
            extra_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            body_limit: Self::BODY_LIMIT,
            graphiql: false,
            patience: Self::PATIENCE,
            notice: Duration::ZERO,
        }
    }

    /// Do people reach this installation through TLS?
    pub fn is_https(&self) -> bool {
        self.public_url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
    }
}

/// What every request handler sees. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The rules.
    pub app: App,
    /// Provider connections with their secrets, for the webhooks.
    pub directory: Directory,
    /// How the edge behaves.
    pub config: Arc<ApiConfig>,
    /// Renders `/metrics`; without it the page says that metrics are off.
    pub metrics: Option<PrometheusHandle>,
    /// The GraphQL schema.
    pub schema: AppSchema,
    pub(crate) monitor_warnings: Arc<OncePerSecond>,
    stopping: CancellationToken,
}

impl AppState {
    /// Puts it together.
    pub fn new(app: App, config: ApiConfig, metrics: Option<PrometheusHandle>) -> Self {
        Self {
            directory: Directory::new(app.clone()),
            schema: graphql::schema(&app),
            app,
            config: Arc::new(config),
            metrics,
            monitor_warnings: Arc::default(),
            stopping: CancellationToken::new(),
        }
    }

    /// From now on `/readyz` answers 503, so that load balancers send nothing more, and live sockets say good-bye.
    pub fn begin_stopping(&self) {
        self.stopping.cancel();
    }

    /// Is the process about to stop?
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Cancelled when the process is about to stop: for sockets, which no graceful shutdown of HTTP waits for.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppState").field("config", &self.config).finish_non_exhaustive()
    }
}
