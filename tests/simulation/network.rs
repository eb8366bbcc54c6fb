//! Every provider, with repetitions and in any order: each call exactly once, and as it was.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, Database};
use serde_json::Value;

use crate::support::{
    both_modes,
    server::{Mode, Server},
};

const SEEDS: [&str; 3] = ["1", "20260212", "77"];

/// Plays over the connections that `--setup` made, at once, and returns whether all was right, with the report.
fn simulate(server: &Server, options: &[&str]) -> (bool, Value) {
    let url = server.url("");
    let mut arguments = vec!["simulate", "--instant", "--json", "--to", &url];
    arguments.extend(options);
    let output = server.cli(&arguments, "");
    let text = String::from_utf8_lossy(&output.stdout);
    let report = serde_json::from_str(text.trim())
        .unwrap_or_else(|_| panic!("no report:\n{text}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.success(), report)
}

/// The database that the server uses.
async fn execute(server: &mut Server, statement: &str) -> u64 {
    let url = match server.mode() {
        Mode::Embedded => format!("sqlite://{}", server.dir().join("data/switchboard.sqlite").display()),
        Mode::Distributed => server.backing().postgres.url(),
    };
    let db = Database::connect(url).await.unwrap();
    let done = db.execute_unprepared(statement).await.unwrap().rows_affected();
    db.close().await.unwrap();
    done
}

both_modes!(every_provider_is_known_as_it_was);

async fn every_provider_is_known_as_it_was(mode: Mode) {
    let server = Server::start(mode).await;
    server.run(&["simulate", "--setup"], "");
    let again = server.run(&["simulate", "--setup"], "");
    assert!(again.contains("Added 0 connections"), "set up twice: {again}");

    let mut told = BTreeSet::new();
    let disorder =
        ["--calls=120", "--duplicates=0.3", "--reorder", "--bursts", "--late", "--concurrency=4", "--verify"];
    for seed in SEEDS {
        let (right, report) = simulate(&server, &[&disorder[..], &["--seed", seed]].concat());
        let (number, verify) = (|value: &Value| value.as_u64().unwrap(), &report["verify"]);
        assert!(verify["ok"] == true && verify["others"] == 0, "seed {seed}: {report:#}");
        // A machine that is busy with other tests may put requests off (503), and some providers send nothing twice: such a
        // call counts as one with a lost request. Nothing else may be refused.
        let (unfinished, mut duplicates) = (number(&report["unfinished"]), 0);
        assert_eq!(right, unfinished == 0, "seed {seed}: {report:#}");
        assert!(unfinished <= 6, "seed {seed}: {report:#}");
        assert_eq!(number(&verify["right"]) + unfinished, 120, "seed {seed}: {report:#}");
        for (provider, tally) in report["providers"].as_object().unwrap() {
            let answers = tally["answers"].as_object().unwrap();
            let odd = answers.keys().find(|status| !status.starts_with('2') && *status != "503");
            assert_eq!(odd, None, "seed {seed}: {provider}");
            duplicates += number(&tally["duplicates"]);
            told.insert(provider.clone());
        }
        assert!(duplicates > 100, "seed {seed}: only {duplicates} duplicates");
    }
    let known: BTreeSet<String> =
        switchboard_telephony::providers().iter().map(|provider| provider.key().to_owned()).collect();
    assert_eq!(told, known, "providers that were not simulated, or are unknown");
}

both_modes!(the_same_requests_again_change_nothing_and_a_lie_is_noticed);

async fn the_same_requests_again_change_nothing_and_a_lie_is_noticed(mode: Mode) {
    let mut server = Server::start(mode).await;
    let run = ["--connection", "generic", "--calls=30", "--seed=5", "--start=2026-02-12T11:48:25.318Z", "--verify"];
    let (right, report) = simulate(&server, &run);
    assert!(right, "{report:#}");
    let (right, report) = simulate(&server, &run);
    assert!(right && report["verify"]["right"] == 30 && report["verify"]["others"] == 0, "again: {report:#}");

    // What is known is falsified behind the program's back; the same requests, all of them known, change nothing of it.
    let changed = execute(&mut server, "UPDATE interaction SET outcome = 'failed' WHERE outcome = 'completed'").await;
    assert!(changed > 5, "only {changed} calls were completed");
    let (right, report) = simulate(&server, &[&run[..], &["--patience=2s"]].concat());
    let differences = report["verify"]["differences"].as_array().unwrap();
    assert!(!right && report["verify"]["ok"] == false, "a lie was not noticed");
    assert_eq!(differences.len() as u64, changed);
    assert!(differences.iter().all(|text| text.as_str().unwrap().contains("outcome is failed, was completed")));

    // A call that was never heard of is missing, one that nobody played is counted.
    let (right, report) = simulate(
        &server,
        &["--connection", "generic", "--connection", "twilio", "--calls=40", "--drops=0.2", "--verify", "--seed=6"],
    );
    assert!(report["lost"].as_u64().unwrap() > 0 && report["verify"]["incomplete"].as_u64().unwrap() > 0);
    assert!(right, "lost requests are no fault of the program: {report:#}");
}

both_modes!(refused_requests_and_silence_are_told);

async fn refused_requests_and_silence_are_told(mode: Mode) {
    let server = Server::start(mode).await;
    let other = "secret=whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let wrong = ["--connection", "generic", "--calls=3", "--sign-with", other, "--verify", "--patience=5s"];
    let (right, report) = simulate(&server, &wrong);
    assert!(!right, "wrong signatures were taken for right");
    let tally = &report["providers"]["generic"];
    assert_eq!(tally["failed"], tally["deliveries"]);
    assert_eq!(tally["answers"]["401"], tally["deliveries"], "{report:#}");
    assert_eq!(report["verify"]["others"], 0);

    let free = crate::support::port::free();
    let silent = format!("http://127.0.0.1:{free}");
    let output = server.cli(&["simulate", "--instant", "--calls=1", "--connection=twilio", "--to", &silent], "");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("Nothing answered"), "{text}");
    let output = server.cli(&["simulate", "--connection", "nobody"], "");
    assert!(!output.status.success());
}
