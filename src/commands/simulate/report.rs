//! What was sent and what was found, for people or for programs.

use serde_json::{Map, Value, json};

use super::{play::Played, stage::Stage, verify::Verdict};

/// Most differences that are printed for people.
const MOST: usize = 50;

fn per_second(played: &Played) -> f64 {
    let deliveries = u32::try_from(played.deliveries()).unwrap_or(u32::MAX);
    f64::from(deliveries) / played.took.as_secs_f64().max(0.001)
}

/// A table, and the differences.
pub fn text(stage: &Stage, played: &Played, verdict: Option<&Verdict>) -> String {
    let mut lines = vec![format!(
        "{:<16} {:>8} {:>10} {:>10} {:>7} {:>6}  answers",
        "provider", "calls", "deliveries", "duplicates", "retries", "failed"
    )];
    for (provider, tally) in &played.tallies {
        let answers: Vec<String> = tally
            .answers
            .iter()
            .map(|(status, count)| match status {
                0 => format!("none: {count}"),
                status => format!("{status}: {count}"),
            })
            .collect();
        lines.push(format!(
            "{provider:<16} {:>8} {:>10} {:>10} {:>7} {:>6}  {}",
            tally.calls.len(),
            tally.deliveries,
            tally.duplicates,
            tally.retries,
            tally.failed,
            answers.join(", ")
        ));
    }
    lines.push(format!(
        "{} calls, {} deliveries in {:.1} s ({:.0} a second); {} lost on the way",
        stage.calls.len(),
        played.deliveries(),
        played.took.as_secs_f64(),
        per_second(played),
        stage.lost
    ));
    lines.extend(verdict.map(|verdict| findings(stage, verdict)));
    lines.join("\n")
}

/// What the comparison found.
pub fn findings(stage: &Stage, verdict: &Verdict) -> String {
    let mut lines: Vec<String> = verdict.differences.iter().take(MOST).cloned().collect();
    if verdict.differences.len() > MOST {
        lines.push(format!("… and {} more differences", verdict.differences.len() - MOST));
    }
    if !verdict.drained {
        lines.push("The queue was not worked off in time: is a worker running?".to_owned());
    }
    lines.push(format!(
        "{} of {} calls are there exactly once and as they were; {} with lost requests are there at most once; {} \
         others came meanwhile.",
        verdict.right,
        stage.calls.len(),
        verdict.incomplete,
        verdict.others
    ));
    lines.join("\n")
}

/// One object.
pub fn json(stage: &Stage, played: &Played, verdict: Option<&Verdict>) -> Value {
    let mut providers = Map::new();
    for (provider, tally) in &played.tallies {
        let answers: Map<String, Value> =
            tally.answers.iter().map(|(status, count)| (status.to_string(), json!(count))).collect();
        let tally = json!({
            "calls": tally.calls.len(),
            "deliveries": tally.deliveries,
            "duplicates": tally.duplicates,
            "retries": tally.retries,
            "failed": tally.failed,
            "answers": answers,
        });
        providers.insert((*provider).to_owned(), tally);
    }
    let verdict = verdict.map(|verdict| {
        json!({
            "ok": verdict.is_right(),
            "right": verdict.right,
            "incomplete": verdict.incomplete,
            "others": verdict.others,
            "drained": verdict.drained,
            "differences": verdict.differences,
        })
    });
    json!({
        "seed": stage.seed,
        "start": stage.start,
        "calls": stage.calls.len(),
        "deliveries": played.deliveries(),
        "lost": stage.lost,
        "failed": played.failed(),
        "unfinished": played.unfinished.len(),
        "seconds": played.took.as_secs_f64(),
        "deliveriesPerSecond": per_second(played),
        "providers": providers,
        "verify": verdict,
    })
}
