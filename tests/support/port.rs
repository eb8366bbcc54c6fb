//! Loopback ports for servers that cannot be asked to choose one.

use std::net::TcpListener;

/// A loopback port that nobody listens on, below the range from which the kernel takes ports for outgoing connections:
/// so it stays free while a server is down and comes back on it. Another process may still be quicker; callers retry.
pub fn free() -> u16 {
    for _ in 0..100 {
        let port = 20_000 + rand::random::<u16>() % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between 20000 and 32000");
}
