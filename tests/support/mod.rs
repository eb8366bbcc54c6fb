//! What the integration tests stand on: private servers, the real binary, clients, faults, and waiting.
//! `proof` tests all of it, so that a test that relies on a fault really had one.

pub mod client;
pub mod hooks;
pub mod port;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod server;
pub mod socket;
pub mod wait;

mod proof;

/// Runs one `async fn name(mode: Mode)` as two tests, `name::embedded` and `name::distributed`.
macro_rules! both_modes {
    ($name:ident) => {
        mod $name {
            use $crate::support::server::Mode;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn embedded() {
                super::$name(Mode::Embedded).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn distributed() {
                super::$name(Mode::Distributed).await;
            }
        }
    };
}
pub(crate) use both_modes;
