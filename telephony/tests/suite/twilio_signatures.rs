//! Twilio's signature schemes against the vendor's vectors, and which key may sign with which algorithm.

use serde_json::Value;
use switchboard_telephony::{Method, Rejection, SecretError, Secrets};

use crate::support::{Request, read_json, received_at, twilio};

const URL: &str = "https://crm.example.com/hooks/twilio/status";

fn token() -> Secrets {
    Secrets::new().with("auth_token", "12345")
}

fn shared_key() -> Secrets {
    Secrets::new().with("shared_key_id", "webhooks_sharedkey_test0001").with("shared_key_secret", "12345")
}

fn verify(request: &Request, secrets: &Secrets) -> Result<(), Rejection> {
    request.verify(twilio(), secrets, received_at())
}

fn request() -> Request {
    Request::form(URL, &[("CallSid", "CA1"), ("CallStatus", "ringing"), ("From", "+12025550143"), ("ToCity", "")])
}

/// The request of a vector, with the parameters in the order given, repeated ones in the order given.
fn vector_request(vector: &Value) -> Request {
    let url = vector["url"].as_str().unwrap();
    if let Some(body) = vector["raw_body"].as_str() {
        return Request::post(url, "application/json", body);
    }
    let mut pairs = Vec::new();
    for (name, values) in vector["params"].as_object().unwrap() {
        match values {
            Value::Array(values) => pairs.extend(values.iter().map(|value| (name.as_str(), value.as_str().unwrap()))),
            value => pairs.push((name.as_str(), value.as_str().unwrap())),
        }
    }
    Request::form(url, &pairs)
}

#[test]
fn every_vector_of_the_vendor_is_accepted_and_reproduced() {
    let vectors = read_json("twilio/signature_vectors.json");
    let list = vectors["vectors"].as_array().unwrap();
    assert_eq!(list.len(), 16);
    for vector in list {
        let signature = vector["signature"].as_str().unwrap();
        let request = vector_request(vector);
        let signed = request.clone().with("X-Twilio-Signature", signature);
        assert_eq!(verify(&signed, &token()), Ok(()), "{}", vector["name"]);
        // One vector was signed with the default port, as Twilio does for some products.
        let with_port = vector["name"] == "json_empty_object";
        let port =
            |url: &str| if with_port { url.replace("mycompany.com", "mycompany.com:443") } else { url.to_owned() };
        let ours = Request { url: port(&request.url), ..request }.signed(twilio(), &token(), received_at());
        assert_eq!(ours.hook().header("x-twilio-signature"), Some(signature), "{}", vector["name"]);
    }
}

#[test]
fn the_vector_of_a_shared_key_is_accepted_and_reproduced() {
    let vectors = read_json("twilio/signature_vectors.json");
    let vector = &vectors["sha256_sharedkey_vectors"][0];
    let settings = vector["settings_header"].as_str().unwrap();
    let signature = vector["signature"].as_str().unwrap();
    let request = vector_request(vector);
    let signed =
        request.clone().with("X-Twilio-Webhooks-Signature-Settings", settings).with("X-Twilio-Signature", signature);
    assert_eq!(verify(&signed, &shared_key()), Ok(()));
    let ours = request.signed(twilio(), &shared_key(), received_at());
    assert_eq!(ours.hook().header("x-twilio-webhooks-signature-settings"), Some(settings));
    assert_eq!(ours.hook().header("x-twilio-signature"), Some(signature));
}

#[test]
fn a_url_with_userinfo_is_taken_as_it_is() {
    let vectors = read_json("twilio/signature_vectors.json");
    let vector = &vectors["lenient_vectors_node_sdk_only"][1];
    assert_eq!(vector["name"], "userinfo_in_url");
    let mut signed = Request::form(vector["url_received"].as_str().unwrap(), &[]);
    signed.body = vector_request(&{
        let mut vector = vector.clone();
        vector["url"] = vector["url_received"].clone();
        vector
    })
    .body;
    let signed = signed.with("X-Twilio-Signature", vector["signature"].as_str().unwrap());
    assert_eq!(verify(&signed, &token()), Ok(()));
}

#[test]
fn the_port_may_be_there_or_not() {
    let sign = |url: &str| {
        let signed = Request { url: url.to_owned(), ..request() }.signed(twilio(), &token(), received_at());
        signed.hook().header("X-Twilio-Signature").unwrap().to_owned()
    };
    let accepted = |url: &str, signature: &str| {
        let request = Request { url: url.to_owned(), ..request() }.with("X-Twilio-Signature", signature);
        verify(&request, &token()).is_ok()
    };
    let with = sign("https://crm.example.com:443/hooks/twilio");
    let without = sign("https://crm.example.com/hooks/twilio");
    let other = sign("https://crm.example.com:8443/hooks/twilio");
    assert!(accepted("https://crm.example.com/hooks/twilio", &with));
    assert!(accepted("https://crm.example.com:443/hooks/twilio", &without));
    assert!(accepted("https://crm.example.com:8443/hooks/twilio", &without));
    assert!(!accepted("https://crm.example.com/hooks/twilio", &other));
    assert!(!accepted("https://crm.example.com:8443/hooks/twilio", &with));
    assert!(accepted("http://crm.example.com/hooks/twilio", &sign("http://crm.example.com:80/hooks/twilio")));
    assert!(accepted("http://[::1]:8080/hooks/twilio", &sign("http://[::1]/hooks/twilio")));
    assert!(accepted("http://[::1]/hooks/twilio", &sign("http://[::1]:80/hooks/twilio")));
    assert!(!accepted("http://crm.example.com/hooks/twilio", &without));
}

#[test]
fn a_fragment_is_not_signed() {
    let url = format!("{URL}#rc=5&rp=all");
    let signed = Request { url, ..request() }.signed(twilio(), &token(), received_at());
    assert_eq!(verify(&Request { url: URL.to_owned(), ..signed.clone() }, &token()), Ok(()));
    assert_eq!(verify(&signed, &token()), Ok(()));
}

#[test]
fn both_modes_round_trip_in_both_methods() {
    for secrets in [token(), shared_key()] {
        let post = request().signed(twilio(), &secrets, received_at());
        assert_eq!(verify(&post, &secrets), Ok(()));
        let url = format!("{URL}?CallSid=CA1&From=%2B12025550143&ToCity=");
        let get = Request { method: Method::Get, url, headers: Vec::new(), body: Vec::new() };
        let get = get.signed(twilio(), &secrets, received_at());
        assert_eq!(verify(&get, &secrets), Ok(()));
        // What no signature covers must not be there.
        assert_eq!(verify(&Request { body: b"From=%2B1".to_vec(), ..get }, &secrets), Err(Rejection::BadSignature));
    }
}

#[test]
fn a_missing_signature_is_told_apart_from_a_wrong_one() {
    assert_eq!(verify(&request(), &token()), Err(Rejection::MissingSignature));
    assert_eq!(verify(&request().with("X-Twilio-Signature", ""), &token()), Err(Rejection::MissingSignature));
    assert_eq!(verify(&request().with("X-Twilio-Signature", "AAAA"), &token()), Err(Rejection::BadSignature));
}

#[test]
fn during_rotation_both_tokens_and_both_shared_keys_are_accepted() {
    let old = Secrets::new().with("auth_token", "old");
    let both = Secrets::new().with("auth_token", "new").with("auth_token_secondary", "old");
    assert_eq!(verify(&request().signed(twilio(), &old, received_at()), &both), Ok(()));
    assert_eq!(verify(&request().signed(twilio(), &both, received_at()), &old), Err(Rejection::BadSignature));
    let both = Secrets::new()
        .with("shared_key_id", "webhooks_sharedkey_test0002")
        .with("shared_key_secret", "other")
        .with("shared_key_id_secondary", "webhooks_sharedkey_test0001")
        .with("shared_key_secret_secondary", "12345");
    assert_eq!(verify(&request().signed(twilio(), &shared_key(), received_at()), &both), Ok(()));
}

#[test]
fn our_record_of_a_key_decides_its_algorithm_not_the_header() {
    let both = token().with("shared_key_id", "webhooks_sharedkey_1").with("shared_key_secret", "of the shared key");
    // Signed with SHA-1 and the secret of the shared key: the header asks for a downgrade.
    let as_token = Secrets::new().with("auth_token", "of the shared key");
    let sha1 = request().signed(twilio(), &as_token, received_at());
    let downgrade = sha1.with("X-Twilio-Webhooks-Signature-Settings", "key=webhooks_sharedkey_1,algorithm=HMAC_SHA1");
    assert_eq!(verify(&downgrade, &both), Err(Rejection::BadSignature));
    // The real one is accepted even when the header names the weaker algorithm: it is SHA-256 by our record.
    let mut real = request().signed(twilio(), &both, received_at());
    assert_eq!(verify(&real, &both), Ok(()));
    real.headers.retain(|(name, _)| name != "X-Twilio-Webhooks-Signature-Settings");
    assert_eq!(verify(&real, &both), Err(Rejection::BadSignature));
    let named = real.with("X-Twilio-Webhooks-Signature-Settings", "key=webhooks_sharedkey_1,algorithm=HMAC_SHA1");
    assert_eq!(verify(&named, &both), Ok(()));
}

#[test]
fn a_connection_without_a_token_refuses_the_old_mode_and_unknown_keys() {
    let sha1 = request().signed(twilio(), &token(), received_at());
    assert_eq!(verify(&sha1, &shared_key()), Err(Rejection::UnknownKey));
    let sha256 = request().signed(twilio(), &shared_key(), received_at());
    assert_eq!(verify(&sha256, &token()), Err(Rejection::UnknownKey));
    let other = shared_key().with("shared_key_id", "webhooks_sharedkey_other");
    assert_eq!(verify(&sha256, &other), Err(Rejection::UnknownKey));
    let algorithm = sha1.with("X-Twilio-Webhooks-Signature-Settings", "key=k,algorithm=HMAC_MD5");
    assert_eq!(verify(&algorithm, &token()), Err(Rejection::UnknownKey));
}

#[test]
fn secrets_are_checked_before_they_are_stored() {
    let check = |secrets: &Secrets| twilio().check_secrets(secrets);
    assert_eq!(check(&token()), Ok(()));
    assert_eq!(check(&shared_key()), Ok(()));
    assert!(matches!(check(&Secrets::new()), Err(SecretError::Missing { name: "auth_token", .. })));
    let empty = Secrets::new().with("auth_token", "");
    assert!(matches!(check(&empty), Err(SecretError::Missing { name: "auth_token", .. })));
    let half = token().with("shared_key_id", "webhooks_sharedkey_1");
    assert!(matches!(check(&half), Err(SecretError::Missing { name: "shared_key_secret", .. })));
    let wrong = token().with("authtoken", "sesame");
    let error = check(&wrong).unwrap_err();
    assert!(matches!(&error, SecretError::Unknown { name, .. } if name == "authtoken"));
    assert!(!error.to_string().contains("sesame"));
    assert!(!format!("{wrong:?}").contains("sesame"));
}
