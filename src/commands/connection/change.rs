//! What `connection set` was asked to change.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result, bail};
use chrono::TimeDelta;
use switchboard_core::connections::{MONITOR_DEFAULT, UpdateConnection};
use switchboard_entities::provider_connection;

use super::pair;
use crate::cli::ConnectionChange;

/// Reads the options of the command, and the files that they name.
pub fn read(row: &provider_connection::Model, change: ConnectionChange) -> Result<UpdateConnection> {
    let cleared_by_empty = |text: String| Some(text).filter(|text| !text.trim().is_empty());
    let mut options = BTreeMap::new();
    for text in &change.option {
        let (name, value) = pair(text, "--option")?;
        options.insert(name.to_owned(), value.to_owned());
    }
    let mut answers = BTreeMap::new();
    for text in &change.answer {
        let (purpose, file) = pair(text, "--answer")?;
        let document = if file.is_empty() {
            String::new()
        } else {
            let document = fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?;
            if document.trim().is_empty() {
                bail!("{file} is empty. To remove the answer, write: --answer {purpose}=");
            }
            document
        };
        answers.insert(purpose.to_owned(), document);
    }
    Ok(UpdateConnection {
        id: row.id,
        version: row.version,
        name: change.name.map(cleared_by_empty),
        default_region: change.default_region.map(cleared_by_empty),
        clock_skew_seconds: change.clock_skew.map(Some),
        base_url: change.base_url.map(cleared_by_empty),
        trust_forwarded: change.trust_forwarded,
        monitor: change.monitor.map(|text| monitor(&text)).transpose()?,
        options,
        answers,
    })
}

/// `off` is `None`; `on` is as long as is usual.
fn monitor(text: &str) -> Result<Option<TimeDelta>> {
    match text.trim() {
        "off" => return Ok(None),
        "on" => return Ok(Some(MONITOR_DEFAULT)),
        _ => {}
    }
    let unit = |unit: char| text.trim().strip_suffix(unit).and_then(|number| number.parse::<u16>().ok()).map(i64::from);
    let time = unit('m').map(TimeDelta::minutes).or_else(|| unit('h').map(TimeDelta::hours));
    let time = time.or_else(|| unit('d').map(TimeDelta::days));
    time.map(Some).context("--monitor takes a time such as 30m, 24h or 7d, or the word off")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn monitor_mode_takes_minutes_hours_and_days() {
        assert_eq!(monitor("off").unwrap(), None);
        assert_eq!(monitor("on").unwrap(), Some(TimeDelta::hours(24)));
        assert_eq!(monitor(" 24h ").unwrap(), Some(TimeDelta::hours(24)));
        assert_eq!(monitor("30m").unwrap(), Some(TimeDelta::minutes(30)));
        assert_eq!(monitor("7d").unwrap(), Some(TimeDelta::days(7)));
        for bad in ["", "24", "h", "-1h", "1.5h", "1w", "24 h", "99999d"] {
            assert!(monitor(bad).is_err(), "{bad}");
        }
    }
}
