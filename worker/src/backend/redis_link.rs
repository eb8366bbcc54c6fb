//! One connection to Redis that many share, and that is replaced when it breaks or does not answer.

use std::{fmt, time::Duration};

use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind,
    aio::MultiplexedConnection,
};
use tokio::sync::Mutex;

use super::Fault;

/// How long a new connection may take.
const CONNECT: Duration = Duration::from_secs(1);

impl From<RedisError> for Fault {
    /// Class and code, never the text, which may quote what was sent.
    fn from(error: RedisError) -> Self {
        match error.code() {
            Some(code) => Self(format!("redis: {}: {code}", error.category())),
            None => Self(format!("redis: {}", error.category())),
        }
    }
}

/// Opens a connection. `answer` is the longest wait for an answer; `None` for one that blocks on purpose.
pub async fn connect(client: &redis::Client, answer: Option<Duration>) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(answer);
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Is the connection of no use after this error? A server that became a replica answers, but takes no writes: after a
/// failover the same address may lead to another one.
pub fn breaks(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => matches!(kind, ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown),
        ErrorKind::Extension | ErrorKind::UnexpectedReturnType => false,
        _ => true,
    }
}

/// The shared connection. A request never waits for longer than the time to connect and the time to answer; a connection
/// that is half open is noticed by the missing answer.
pub struct Link {
    client: redis::Client,
    answer: Duration,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    /// Counts connections: who saw an old one break must not throw the new one away.
    number: u64,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the client: its address may hold a password.
        f.debug_struct("Link").field("answer", &self.answer).finish_non_exhaustive()
    }
}

impl Link {
    /// Connects when first used.
    pub fn new(client: redis::Client, answer: Duration) -> Self {
        Self { client, answer, current: Mutex::default() }
    }

    /// Sends one command.
    pub async fn command<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let (number, mut connection) = self.connection().await?;
        self.judge(number, command.query_async(&mut connection).await).await
    }

    /// Sends a pipeline.
    pub async fn pipeline<T: FromRedisValue>(&self, pipeline: &Pipeline) -> RedisResult<T> {
        let (number, mut connection) = self.connection().await?;
        self.judge(number, pipeline.query_async(&mut connection).await).await
    }

    async fn connection(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        // Held while connecting: a hundred requests that find no connection make one.
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((current.number, connection.clone()));
        }
        let connection = connect(&self.client, Some(self.answer)).await?;
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((current.number, connection))
    }

    async fn judge<T>(&self, number: u64, result: RedisResult<T>) -> RedisResult<T> {
        if result.as_ref().is_err_and(breaks) {
            let mut current = self.current.lock().await;
            if current.number == number {
                current.connection = None;
            }
        }
        result
    }
}
