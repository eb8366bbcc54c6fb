//! A TCP proxy that can fail the way networks do.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::port;
use super::wait::{SOON, eventually, eventually_some};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Bytes pass.
    None,
    /// Nobody listens: connecting is refused at once.
    Refuse,
    /// Connections stay open and new ones are accepted, but no byte arrives, in either direction.
    Swallow,
}

#[derive(Clone, Copy)]
struct State {
    fault: Fault,
    /// Connections of an earlier epoch are closed.
    epoch: u64,
    /// Connections of an earlier generation stay open and lose every byte.
    generation: u64,
}

/// Passes bytes between its own loopback address and the target's until told to fail. Ends on drop.
pub struct FaultProxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    accepting: JoinHandle<()>,
}

impl FaultProxy {
    /// A proxy to the target without a fault.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = eventually_some("the proxy has a port", SOON, async || {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port::free())).await.ok()
        })
        .await;
        let address = listener.local_addr().expect("a listener has an address");
        let (state, receiver) = watch::channel(State { fault: Fault::None, epoch: 0, generation: 0 });
        let accepting = tokio::spawn(accept(listener, address, target, receiver));
        Self { address, state, accepting }
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection there is. New ones are served.
    pub fn cut(&self) {
        self.change(|state| state.epoch += 1);
    }

    /// Closes every connection and refuses new ones until `heal`. Returns when connecting fails.
    pub async fn refuse(&self) {
        self.change(|state| *state = State { fault: Fault::Refuse, epoch: state.epoch + 1, ..*state });
        eventually("the proxy refuses connections", SOON, async || TcpStream::connect(self.address).await.is_err())
            .await;
    }

    /// Half-open: nothing is closed, every byte is lost, until `heal`.
    pub fn swallow(&self) {
        self.change(|state| state.fault = Fault::Swallow);
    }

    /// Half-open for ever: every connection there is stays open and loses every byte, new ones are served. As after a
    /// failover, or when a firewall has forgotten a connection.
    pub fn forget(&self) {
        self.change(|state| state.generation += 1);
    }

    /// Ends the fault. Connections that lost bytes are closed, because their two ends no longer agree.
    /// Returns when connecting works.
    pub async fn heal(&self) {
        self.change(|state| *state = State { fault: Fault::None, epoch: state.epoch + 1, ..*state });
        eventually("the proxy accepts connections", SOON, async || TcpStream::connect(self.address).await.is_ok())
            .await;
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(change);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        // The connections end by themselves: their side of the channel closes with `state`.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, address: SocketAddr, target: SocketAddr, mut state: watch::Receiver<State>) {
    let mut listener = Some(listener);
    loop {
        let now = *state.borrow_and_update();
        if now.fault == Fault::Refuse {
            listener = None;
        } else if listener.is_none() {
            // Nobody else takes a port from this range by chance (see `port`). If it happened, `heal` would say so.
            listener = Some(TcpListener::bind(address).await.expect("the proxy's port is free again"));
        }
        let arrival = async {
            match &listener {
                Some(listener) => listener.accept().await.ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return },
            arrived = arrival => if let Some((client, _)) = arrived {
                // The epoch from before it arrived: a cut in between closes it, as it should.
                tokio::spawn(connection(client, target, state.clone(), now));
            },
        }
    }
}

async fn connection(client: TcpStream, target: SocketAddr, mut state: watch::Receiver<State>, born: State) {
    // A client that comes while bytes are swallowed gets a connection that never answers.
    let passes = state
        .wait_for(|state| state.epoch != born.epoch || state.fault == Fault::None)
        .await
        .is_ok_and(|now| now.epoch == born.epoch);
    if !passes {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let up = pass(client_reads, server_writes, state.clone(), born);
    let down = pass(server_reads, client_writes, state, born);
    // One direction ended: the connection is over for both.
    tokio::select! {
        () = up => {},
        () = down => {},
    }
}

/// Passes or swallows bytes until the connection's end, a change of epoch, or the end of the proxy.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>, born: State) {
    let mut buffer = vec![0_u8; 16 * 1024];
    loop {
        let read = tokio::select! {
            over = state.wait_for(|state| state.epoch != born.epoch) => {
                drop(over);
                return;
            }
            read = from.read(&mut buffer) => read,
        };
        let Some(bytes) = read.ok().filter(|&count| count > 0).and_then(|count| buffer.get(..count)) else { return };
        let now = *state.borrow();
        if now.fault == Fault::Swallow || now.generation != born.generation {
            continue;
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
