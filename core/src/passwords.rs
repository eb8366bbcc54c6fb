//! Passwords: the policy, and hashing with argon2id.
//!
//! The policy follows NIST SP 800-63B: length and a list of common passwords, no rules of composition, no expiry. The cost
//! follows the OWASP password storage cheat sheet: 19 MiB, 2 passes, 1 lane.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use tokio::sync::Semaphore;

use crate::{App, Error, FieldError, Result};

/// Fewest characters.
pub const MIN_CHARACTERS: usize = 10;
/// Most characters.
pub const MAX_CHARACTERS: usize = 256;

/// Longest wait for a free place to hash in, and what a client is told to wait when there was none.
const PATIENCE: Duration = Duration::from_secs(5);

/// A hash of nothing anybody knows, at the cost of real ones: checked when there is no account, so that the answer takes as
/// long as for a wrong password.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$3T/0Hd4zRVV0B4aL6X6nkw$VyQXPNPzQ5xQ9rXv2M0xXo1c7fTL6sg9yXJb3yV0m1g";

/// Places to hash in: half of the cores, so that a flood of sign-ins leaves the other half to the telephones. Each place
/// takes 19 MiB while it works.
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Semaphore::new((cores / 2).max(1)))
});

/// Common passwords of at least [`MIN_CHARACTERS`] characters, lower case; shorter ones are refused anyway. From the tops of
/// published lists of leaked passwords.
const COMMON: &[&str] = &[
    "0123456789",
    "0987654321",
    "1029384756",
    "1122334455",
    "1234512345",
    "1234554321",
    "1234567890",
    "12345678900",
    "12345678901",
    "123456789a",
    "123456789q",
    "1234567891",
    "12345678910",
    "1357924680",
    "147258369a",
    "147852369a",
    "1q2w3e4r5t",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "1qazxsw23edc",
    "9876543210",
    "abc123456789",
    "abcd123456",
    "abcdefghij",
    "abcdefghijk",
    "admin12345",
    "admin123456",
    "administrator",
    "alexander1",
    "asdasdasd1",
    "asdfghjkl1",
    "asdfghjkl;",
    "barcelona1",
    "basketball",
    "basketball1",
    "businessman",
    "callcenter",
    "callcentre",
    "changeme123",
    "changemenow",
    "charlie123",
    "chocolate1",
    "christopher",
    "computer123",
    "correcthorsebatterystaple",
    "football123",
    "helloworld",
    "helpdesk123",
    "hello12345",
    "iloveyou12",
    "iloveyou123",
    "interactive",
    "internet123",
    "letmein123",
    "letmein1234",
    "liverpool1",
    "manchester",
    "manchester1",
    "master1234",
    "metallica1",
    "michael123",
    "microsoft1",
    "mynoob1234",
    "p@ssw0rd123",
    "passw0rd123",
    "password00",
    "password01",
    "password1!",
    "password10",
    "password11",
    "password12",
    "password123",
    "password123!",
    "password1234",
    "password12345",
    "password2024",
    "password2025",
    "password2026",
    "passwordpassword",
    "princess123",
    "q1w2e3r4t5",
    "q1w2e3r4t5y6",
    "qazwsxedc1",
    "qazwsxedcrfv",
    "qwer123456",
    "qwerty1234",
    "qwerty12345",
    "qwerty123456",
    "qwertyqwerty",
    "qwertyuiop",
    "qwertyuiop1",
    "qwertyuiop123",
    "qwertzuiop",
    "qwertz1234",
    "samsung123",
    "secret1234",
    "spiderman1",
    "spongebob1",
    "starwars123",
    "summer2024",
    "summer2025",
    "summer2026",
    "sunshine12",
    "sunshine123",
    "superman123",
    "supervisor",
    "telephone1",
    "telephone123",
    "trustno1234",
    "unbelievable",
    "volleyball",
    "welcome123",
    "welcome1234",
    "welcome2024",
    "welcome2025",
    "welcome2026",
    "winter2024",
    "winter2025",
    "winter2026",
    "yourpassword",
    "zaq12wsxcde3",
    "zxcvbnm123",
];

/// Checks a new password. `personal` are words of its owner (e-mail address, name) that it must not be.
pub fn check(password: &str, personal: &[&str]) -> Result<(), FieldError> {
    let refuse = |message: String| Err(FieldError::new("password", message));
    let characters = password.chars().count();
    if characters < MIN_CHARACTERS {
        return refuse(format!(
            "Use at least {MIN_CHARACTERS} characters. Three or four words in a row make a good password."
        ));
    }
    if characters > MAX_CHARACTERS {
        return refuse(format!("Use at most {MAX_CHARACTERS} characters."));
    }
    let folded = password.trim().to_lowercase();
    let mut distinct: Vec<char> = folded.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 5 {
        return refuse("This password repeats too few characters and is easily guessed. Choose another.".to_owned());
    }
    let is_personal = personal.iter().any(|words| {
        let words = words.trim().to_lowercase();
        words == folded || words.split('@').next() == Some(folded.as_str())
    });
    if is_personal
        || folded.trim_end_matches(|c: char| !c.is_alphabetic()) == "switchboard"
        || COMMON.contains(&folded.as_str())
    {
        return refuse("This password is one of the first that a stranger would try. Choose another.".to_owned());
    }
    Ok(())
}

/// Hashes a password that [`check`] accepted. [`Error::RateLimited`] when too many are being hashed.
pub async fn hash(app: &App, password: &str) -> Result<String> {
    let mut salt = [0; 16];
    app.entropy().fill(&mut salt);
    let password = password.as_bytes().to_vec();
    work(move || {
        let hash: PasswordHash = argon2()?
            .hash_password_with_salt(&password, &salt)
            .map_err(|e| Error::internal(format!("a password could not be hashed: {e}")))?;
        Ok(hash.to_string())
    })
    .await?
}

/// Is it the password of this hash? Without a hash (no such account) the answer is no, after the same work.
/// [`Error::RateLimited`] when too many are being checked.
pub async fn verify(password: &str, hash: Option<&str>) -> Result<bool> {
    // A longer one was never accepted; it is cut, not refused at once, so that the time says nothing.
    let password: Vec<u8> = password.bytes().take(MAX_CHARACTERS * 4 + 1).collect();
    let known = hash.is_some();
    let hash = hash.unwrap_or(NOBODY).to_owned();
    let matches = work(move || {
        let hash = PasswordHash::new(&hash).map_err(|_| Error::internal("a stored password hash cannot be read"))?;
        // The parameters are those of the stored hash.
        Ok::<_, Error>(argon2()?.verify_password(&password, &hash).is_ok())
    })
    .await??;
    Ok(matches && known)
}

/// Runs on a blocking thread, in one of the few places. The place is held by the work itself, not by the request: a client
/// that hangs up does not let the next one in before the work is done.
async fn work<T: Send + 'static>(task: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let busy = || Error::RateLimited { retry_after_seconds: u32::try_from(PATIENCE.as_secs()).unwrap_or(u32::MAX) };
    let place = tokio::time::timeout(PATIENCE, Arc::clone(&PLACES).acquire_owned())
        .await
        .map_err(|_| busy())?
        .map_err(|_| busy())?;
    tokio::task::spawn_blocking(move || {
        let result = task();
        drop(place);
        result
    })
    .await
    .map_err(|_| Error::internal("hashing a password was interrupted"))
}

/// Pinned here rather than taken from the library's defaults, which may move.
fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(19_456, 2, 1, None).map_err(|_| Error::internal("argon2 refused its parameters"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_policy_asks_for_length_and_nothing_guessable() {
        let own = ["ada.lovelace@example.com", "Ada Lovelace"];
        for good in ["three blue horses", "correct horse battery", "ünïcödé pässwörd", "          a bc de fg"] {
            assert!(check(good, &own).is_ok(), "{good}");
        }
        assert!(check(&"ab cd ef gh ".repeat(21), &own).is_ok());
        for bad in [
            "",
            "short",
            "Password123",
            "qwertyuiop",
            "aaaaaaaaaaaa",
            "121212121212",
            "Ada Lovelace",
            "ada.lovelace@example.com",
            "ADA.LOVELACE",
            "Switchboard1!",
        ] {
            assert!(check(bad, &own).is_err(), "{bad}");
        }
        assert!(check(&"ab cd ef gh ".repeat(22), &own).is_err());
        for common in COMMON {
            assert!(common.chars().count() >= MIN_CHARACTERS && *common == common.to_lowercase(), "{common}");
        }
    }

    #[tokio::test]
    async fn hashes_are_argon2id_at_the_stated_cost_and_nobody_costs_the_same() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(nobody.algorithm.as_str(), "argon2id");
        assert_eq!(nobody.params.to_string(), "m=19456,t=2,p=1");
        assert_eq!(nobody.salt.unwrap().len(), 16);
        assert_eq!(nobody.hash.unwrap().len(), 32);

        let hash: PasswordHash = argon2().unwrap().hash_password_with_salt(b"three blue horses", &[7; 16]).unwrap();
        assert_eq!(hash.params.to_string(), nobody.params.to_string());
        let hash = hash.to_string();
        assert!(hash.starts_with("$argon2id$v=19$"));
        assert!(verify("three blue horses", Some(&hash)).await.unwrap());
        assert!(!verify("three blue horsez", Some(&hash)).await.unwrap());
        assert!(!verify("three blue horses", None).await.unwrap());
        assert!(verify("x", Some("not a hash")).await.is_err());
    }
}
