//! A private PostgreSQL database for one test.

use std::net::SocketAddr;

use sea_orm::{ConnectionTrait, Database, DbErr};
use uuid::Uuid;

/// A new, empty database on the server that `make test` started, dropped at the end of the test.
pub struct PostgresDatabase {
    server: String,
    name: String,
}

impl PostgresDatabase {
    /// Makes the database. Panics with what to do when there is no server for tests.
    pub async fn create() -> Self {
        let server = std::env::var("SWITCHBOARD_TEST_POSTGRES_URL").expect(
            "no PostgreSQL for tests: run `make test`, or set SWITCHBOARD_TEST_POSTGRES_URL to a superuser's URL such as \
             postgres://postgres:secret@127.0.0.1:5432/postgres (never a server with data you need)",
        );
        let name = format!("test_{}", Uuid::now_v7().simple());
        // A random name and nothing else, so it needs no quoting.
        run(&server, &format!("CREATE DATABASE {name}")).await.expect("the test server creates databases");
        Self { server, name }
    }

    /// The database's URL with its user and password.
    pub fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').expect("the URL names a database");
        format!("{server}/{}", self.name)
    }

    /// The URL for reaching it by way of a proxy.
    pub fn url_through(&self, proxy: SocketAddr) -> String {
        let url = self.url();
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (authority, database) = rest.split_once('/').expect("the URL names a database");
        let user = authority.rsplit_once('@').map(|(user, _)| format!("{user}@")).unwrap_or_default();
        format!("{scheme}://{user}{proxy}/{database}")
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        let (_, rest) = self.server.split_once("://").expect("a URL");
        let (authority, _) = rest.split_once('/').expect("the URL names a database");
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        host.parse().expect("the test server's URL has an address with a port, such as 127.0.0.1:5432")
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A thread with a runtime of its own: a destructor cannot wait in the test's. FORCE ends what a killed server left open.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(run(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")))
        });
        if let Ok(Err(error)) = dropping.join() {
            eprintln!("the test database {} was not dropped: {error}", self.name);
        }
    }
}

async fn run(server: &str, statement: &str) -> Result<(), DbErr> {
    let connection = Database::connect(server).await?;
    connection.execute_unprepared(statement).await?;
    connection.close().await
}
