//! Nothing of a signed request can be changed by a single byte.

use std::collections::BTreeSet;

use proptest::prelude::*;
use switchboard_telephony::{Provider, Rejection, Secrets};

use crate::support::{Fixture, Request, generic, received_at, twilio};

/// Every position with every bit flipped, one at a time.
fn flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).flat_map(move |at| {
        (0..8).map(move |bit| {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1 << bit;
            changed
        })
    })
}

/// What a form says: its pairs, of which order and spelling do not matter.
fn meaning(body: &[u8]) -> BTreeSet<(String, String)> {
    form_urlencoded::parse(body).into_owned().collect()
}

fn refused(request: &Request, provider: &dyn Provider, secrets: &Secrets, now: chrono::DateTime<chrono::Utc>) -> bool {
    request.verify(provider, secrets, now).is_err()
}

fn signed_fixtures() -> Vec<Fixture> {
    let names = [
        "twilio/a5_child_completed",
        "twilio/c5_inbound_completed_get",
        "twilio/e4_sharedkey_sha256",
        "standard-webhooks/a1_call_ended",
        "standard-webhooks/a4_v1a_ed25519",
    ];
    names.into_iter().map(Fixture::load).collect()
}

#[test]
fn no_bit_of_a_body_can_be_changed() {
    for fixture in signed_fixtures() {
        assert_eq!(fixture.request.verify(fixture.provider, &fixture.secrets, fixture.now), Ok(()));
        // Bit flips of the slow scheme are sampled: the position is what matters.
        let step = if fixture.name.contains("v1a") { 5 } else { 1 };
        for body in flips(&fixture.request.body).step_by(step) {
            // %2b and %2B are the same value: the scheme signs values, not their spelling.
            if fixture.provider.key() == "twilio" && meaning(&body) == meaning(&fixture.request.body) {
                continue;
            }
            let changed = Request { body, ..fixture.request.clone() };
            let shown = String::from_utf8_lossy(&changed.body).into_owned();
            assert!(refused(&changed, fixture.provider, &fixture.secrets, fixture.now), "{}: {shown}", fixture.name);
        }
    }
}

#[test]
fn no_bit_of_a_url_can_be_changed() {
    for fixture in signed_fixtures().into_iter().filter(|fixture| fixture.provider.key() == "twilio") {
        for url in flips(fixture.request.url.as_bytes()).filter_map(|url| String::from_utf8(url).ok()) {
            let changed = Request { url, ..fixture.request.clone() };
            assert!(refused(&changed, fixture.provider, &fixture.secrets, fixture.now), "{}", changed.url);
        }
    }
}

#[test]
fn no_bit_of_a_signed_header_can_be_changed() {
    let signed = ["x-twilio-signature", "webhook-id", "webhook-timestamp", "webhook-signature"];
    for fixture in signed_fixtures() {
        for (index, (name, value)) in fixture.request.headers.iter().enumerate() {
            if !signed.contains(&name.to_ascii_lowercase().as_str()) {
                continue;
            }
            for value in flips(value.as_bytes()).filter_map(|value| String::from_utf8(value).ok()) {
                let mut changed = fixture.request.clone();
                changed.headers[index].1 = value;
                let shown = &changed.headers[index];
                assert!(refused(&changed, fixture.provider, &fixture.secrets, fixture.now), "{shown:?}");
            }
        }
    }
}

#[test]
fn json_that_was_written_again_is_refused() {
    let fixture = Fixture::load("standard-webhooks/a1_call_ended");
    let value: serde_json::Value = serde_json::from_slice(&fixture.request.body).unwrap();
    let changed = Request { body: serde_json::to_vec_pretty(&value).unwrap(), ..fixture.request.clone() };
    let verdict = changed.verify(generic(), &fixture.secrets, fixture.now);
    assert_eq!(verdict, Err(Rejection::BadCredentials));
}

#[test]
fn a_body_that_no_signature_covers_is_refused() {
    let secrets = Secrets::new().with("auth_token", "12345");
    let empty = Request::post("https://crm.example.com/hooks/twilio/status", "application/json", "");
    let signed = empty.signed(twilio(), &secrets, received_at());
    assert_eq!(signed.verify(twilio(), &secrets, received_at()), Ok(()));
    let changed = Request { body: b"{\"CallSid\":\"CA1\"}".to_vec(), ..signed };
    assert_eq!(changed.verify(twilio(), &secrets, received_at()), Err(Rejection::BadSignature));
}

#[test]
fn the_border_between_name_and_value_cannot_move_without_an_equals_sign() {
    let secrets = Secrets::new().with("auth_token", "12345");
    let request =
        Request::form("https://crm.example.com/hooks/twilio", &[("CallSid", "CallTo"), ("To", "+12025550143")]);
    let signed = request.signed(twilio(), &secrets, received_at());
    assert_eq!(signed.verify(twilio(), &secrets, received_at()), Ok(()));
    let body = String::from_utf8(signed.body.clone()).unwrap().replacen('=', "&", 1).into_bytes();
    // The text that is signed is the same; what it says is not.
    assert_ne!(meaning(&body), meaning(&signed.body));
    let changed = Request { body, ..signed };
    assert_eq!(changed.verify(twilio(), &secrets, received_at()), Err(Rejection::BadSignature));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_form_round_trips_and_any_changed_byte_is_refused(
        pairs in prop::collection::vec(("[A-Za-z]{1,8}", ".{0,12}"), 1..8),
        shared in any::<bool>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let secrets = if shared {
            Secrets::new().with("shared_key_id", "k1").with("shared_key_secret", "s3cret")
        } else {
            Secrets::new().with("auth_token", "s3cret")
        };
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = Request::form("https://crm.example.com/hooks/twilio/status?tenant=1", &pairs);
        let signed = request.signed(twilio(), &secrets, received_at());
        prop_assert_eq!(signed.verify(twilio(), &secrets, received_at()), Ok(()));
        let mut changed = signed.clone();
        let at = at.index(changed.body.len());
        changed.body[at] = byte;
        if meaning(&changed.body) != meaning(&signed.body) {
            prop_assert_eq!(changed.verify(twilio(), &secrets, received_at()), Err(Rejection::BadSignature));
        }
    }

    #[test]
    fn any_body_round_trips_in_both_versions_and_any_changed_byte_is_refused(
        body in prop::collection::vec(any::<u8>(), 1..64),
        private in any::<bool>(),
        at in any::<prop::sample::Index>(),
        other in 1..=255_u8,
    ) {
        let (signing, checking) = crate::generic_format::key_pair(private);
        let request = Request::post("https://crm.example.com/hooks/generic", "application/json", body);
        let signed = request.signed(generic(), &signing, received_at());
        prop_assert_eq!(signed.verify(generic(), &checking, received_at()), Ok(()));
        let mut changed = signed.clone();
        let at = at.index(changed.body.len());
        changed.body[at] = changed.body[at].wrapping_add(other);
        prop_assert_eq!(changed.verify(generic(), &checking, received_at()), Err(Rejection::BadCredentials));
    }
}
