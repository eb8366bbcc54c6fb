//! Every Twilio fixture over HTTP against a server that is configured as the fixtures' senders were: verdict and answer.
//! (The Standard Webhooks fixtures are signed at fixed times; they are proven with a set clock elsewhere.)

use reqwest::{Client as Http, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::{
    ingestion::fixtures::load,
    support::{
        both_modes,
        client::Client,
        server::{Mode, Server},
        wait::{SOON, eventually},
    },
};

const CALLS: &str = "{ interactions(first: 100) { nodes { state outcome direction talkSeconds from { e164 kind } legs { id } recordings { voicemail } } } }";

both_modes!(every_twilio_fixture_is_judged_answered_and_applied);

async fn every_twilio_fixture_is_judged_answered_and_applied(mode: Mode) {
    let prepared = Server::prepare(mode).await.env("SWITCHBOARD_PUBLIC_URL", "https://crm.example.com");
    let server = prepared.start().await;
    server.run(&["connection", "remove", "twilio"], "");
    let shared = load("twilio/e4_sharedkey_sha256");
    let settings = shared["request"]["headers"]["X-Twilio-Webhooks-Signature-Settings"].as_str().unwrap();
    let key = settings.split(',').find_map(|part| part.strip_prefix("key=")).unwrap();
    let (key, secret) = (format!("shared_key_id={key}"), "shared_key_secret=12345");
    server.run(&["connection", "add", "twilio", "--set", "auth_token=12345", "--set", &key, "--set", secret], "");

    let http = Http::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/twilio");
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    let mut accepted = 0;
    for name in names.iter().filter_map(|name| name.strip_suffix(".json")) {
        let fixture = load(&format!("twilio/{name}"));
        let (request, ack) = (&fixture["request"], &fixture["expect"]["ack"]);
        let Some(url) = request["url"].as_str() else { continue };
        let send = async || {
            let target = url.replace("https://crm.example.com", &server.url(""));
            let mut sent = if request["method"] == "GET" { http.get(target) } else { http.post(target) };
            for (header, value) in request["headers"].as_object().unwrap() {
                if !header.eq_ignore_ascii_case("accept-encoding") {
                    sent = sent.header(header, value.as_str().unwrap());
                }
            }
            sent.body(request["body"].as_str().unwrap_or_default().to_owned()).send().await.unwrap()
        };
        // A running server learns of a changed connection within seconds.
        if accepted == 0 && ack["status"] != 403 {
            eventually("the new connection is known", SOON, async || send().await.status().is_success()).await;
        }
        let answer = send().await;
        assert_eq!(json!(answer.status().as_u16()), ack["status"], "{name}");
        let content_type = answer.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
        if let Some(wanted) = ack["content_type"].as_str() {
            assert_eq!(content_type.as_deref(), Some(wanted), "{name}");
        }
        if answer.status().is_success() {
            assert_eq!(answer.text().await.unwrap(), ack["body"].as_str().unwrap_or_default(), "{name}");
        }
        accepted += usize::from(ack["status"] != 403);
    }
    assert!(accepted > 15, "only {accepted} fixtures were sent");

    let admin = Client::login(&server, &server.admin).await;
    eventually("the calls are applied", SOON, async || {
        let calls = admin.query(CALLS, Value::Null).await;
        let calls = calls["interactions"]["nodes"].as_array().unwrap().clone();
        let answered = calls.iter().any(|call| {
            call["talkSeconds"] == 49 && call["outcome"] == "COMPLETED" && call["legs"].as_array().unwrap().len() == 2
        });
        let voicemail =
            calls.iter().any(|call| call["outcome"] == "VOICEMAIL" && call["recordings"][0]["voicemail"] == true);
        let withheld = calls.iter().any(|call| call["from"]["kind"] == "WITHHELD");
        let sip = calls.iter().any(|call| call["from"]["kind"] == "SIP");
        answered && voicemail && withheld && sip
    })
    .await;
}
