//! Passwords: the policy, and hashing with argon2id.
//!
//! The policy follows NIST SP 800-63B: length and a list of common passwords, no rules of composition, no expiry. The cost
//! follows the OWASP password storage cheat sheet: 19 MiB, 2 passes, 1 lane.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use argon2::{
    Argon2, PasswordHasher, PasswordVerifier,
    password_hash::phc::{PasswordHash, Salt},
};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{App, Error, Result};

/// Fewest characters.
pub const MIN_CHARACTERS: usize = 10;
/// Most characters.
pub const MAX_CHARACTERS: usize = 256;

/// Longest wait for a free place to hash in, and what a client is told to wait when there was none.
const PATIENCE: Duration = Duration::from_secs(5);

/// A hash of nothing anybody knows, with the same cost as real ones: checked when there is no account, so that the answer
/// takes as long as for a wrong password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$3T/0Hd4zRVV0B4aL6X6nkw$VyQXPNPzQ5xQ9rXv2M0xXo1c7fTL6sg9yXJb3yV0m1g";

/// Places to hash in: half of the cores, so that a flood of sign-ins leaves the other half to the telephones. Each place
/// takes 19 MiB while it works.
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Semaphore::new((cores / 2).max(1)))
});
