//! The few places where `SQLite` and `PostgreSQL` really differ, and what database errors mean.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait, sqlx,
};

/// How long a statement waits for a connection or, on `SQLite`, for the one writer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the database. `SQLite` runs with a write-ahead log and full synchronisation, so that an accepted webhook survives
/// a power cut.
pub async fn connect(url: &str, max_connections: u32) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url.to_owned());
    options
        .max_connections(max_connections)
        .acquire_timeout(PATIENCE)
        .connect_timeout(PATIENCE)
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .map_sqlx_sqlite_opts(|options| {
            options
                .create_if_missing(true)
                .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                .synchronous(sqlx::sqlite::SqliteSynchronous::Full)
                .busy_timeout(PATIENCE)
                .foreign_keys(true)
        });
    Database::connect(options).await
}

/// Begins a transaction that may read first and write then.
///
/// `SQLite` must take the write lock at once: two deferred transactions that both read and then both write cannot be
/// ordered, and one fails with "database is locked" whatever the busy timeout is.
pub async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    db.begin_with_options(TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..Default::default()
    })
    .await
}

/// Does this database lock rows (`FOR UPDATE`)? `SQLite` has one writer and needs no row locks.
pub fn locks_rows(db: &impl ConnectionTrait) -> bool {
    db.get_database_backend() == DbBackend::Postgres
}

/// May the same statement succeed a moment later? Lost connections, a server that starts or stops, an exhausted pool, a
/// lock that was not granted, a deadlock that was resolved against us.
pub fn is_transient(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(e)) | DbErr::Query(RuntimeErr::SqlxError(e)) => match &**e {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => true,
            sqlx::Error::Database(e) => e.code().is_some_and(|code| transient_code(&code)),
            _ => false,
        },
        _ => false,
    }
}

/// `PostgreSQL` SQLSTATE classes 08 (connection), 40 (rollback), 53 (resources), 55P03 (lock), 57P0x (shutdown), 58 (system);
/// `SQLite` result codes 5 (busy), 6 (locked), 10 (I/O) and 13 (full) with their extended forms, whose low byte is the code.
fn transient_code(code: &str) -> bool {
    // Every SQLSTATE has five characters, which may all be digits; no result code of SQLite has more than four.
    if code.len() == 5 {
        return ["08", "40", "53", "55P03", "57P0", "58"].iter().any(|class| code.starts_with(class));
    }
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 10 | 13))
}

/// What happened, for the log: the class and the database's code, never its text, which quotes rows.
pub fn describe(error: &DbErr) -> String {
    let sqlx = match error {
        DbErr::Exec(RuntimeErr::SqlxError(e))
        | DbErr::Query(RuntimeErr::SqlxError(e))
        | DbErr::Conn(RuntimeErr::SqlxError(e)) => e,
        DbErr::ConnectionAcquire(e) => return format!("database: no connection ({e:?})"),
        DbErr::RecordNotFound(_) => return "database: record not found".to_owned(),
        DbErr::Type(_) | DbErr::Json(_) => return "database: a value could not be read".to_owned(),
        DbErr::Migration(text) => return format!("database: migration: {text}"),
        _ => return "database: the object-relational layer refused the statement".to_owned(),
    };
    match &**sqlx {
        sqlx::Error::Database(e) => {
            format!(
                "database: code {}, table {}, constraint {}",
                e.code().unwrap_or_default(),
                e.table().unwrap_or("-"),
                e.constraint().unwrap_or("-")
            )
        }
        sqlx::Error::Io(e) => format!("database: connection: {}", e.kind()),
        sqlx::Error::PoolTimedOut => "database: no free connection in time".to_owned(),
        sqlx::Error::ColumnDecode { index, .. } => format!("database: column {index} could not be read"),
        _ => "database: the driver refused the statement".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::transient_code;

    #[test]
    fn codes_that_pass_by_themselves() {
        for code in ["08006", "40001", "40P01", "53300", "55P03", "57P01", "5", "6", "261", "517", "13"] {
            assert!(transient_code(code), "{code}");
        }
        for code in ["23505", "42P01", "22001", "22021", "22022", "22P05", "1555", "2067", "19", "1"] {
            assert!(!transient_code(code), "{code}");
        }
    }
}
