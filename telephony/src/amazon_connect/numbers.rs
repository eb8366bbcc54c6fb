//! Who calls whom: what contact flows and newer events add to a contact event.

use serde_json::Value;

use crate::json::Fields;
use crate::{Dialect, Party, PartyKind};

/// Names of attributes with the customer's number, in lower case without punctuation.
const CUSTOMER: &[&str] = &["customernumber", "customerphonenumber", "customerendpointaddress", "callernumber", "ani"];
/// Names of attributes with the number that the customer called or is called from.
const SYSTEM: &[&str] = &["systemnumber", "systemphonenumber", "systemendpointaddress", "dialednumber", "dnis"];
/// Names of attributes with the customer's name.
const NAME: &[&str] = &["customername", "customerendpointdisplayname", "callername"];

/// The customer, if the event tells; else an unknown party.
pub(super) fn customer(detail: Fields<'_>, region: Option<&str>) -> Party {
    let name = attribute(detail, NAME).or_else(|| detail.object("customerEndpoint")?.text("displayName"));
    number(detail, "customerEndpoint", CUSTOMER, region)
        .unwrap_or(Party { kind: PartyKind::Unknown, value: None, name: None, raw: None })
        .named(name.as_deref())
}

/// Our own number, if the event tells.
pub(super) fn system(detail: Fields<'_>, region: Option<&str>) -> Option<Party> {
    number(detail, "systemEndpoint", SYSTEM, region)
}

fn number(detail: Fields<'_>, endpoint: &str, names: &[&str], region: Option<&str>) -> Option<Party> {
    let of_endpoint = || match detail.value(endpoint)? {
        Value::String(number) => Some(number.clone()),
        other => Fields::new(other)?.text("address"),
    };
    let number = of_endpoint().or_else(|| attribute(detail, names)).filter(|number| !number.trim().is_empty())?;
    Some(Party::parse(&number, Dialect::Public, region))
}

/// The first attribute with one of these names. Attributes are texts, or objects around one (`valueString`).
fn attribute(detail: Fields<'_>, names: &[&str]) -> Option<String> {
    let maps = ["attributes", "contactAttributes", "segmentAttributes"];
    let maps = || maps.iter().filter_map(|name| detail.value(name)?.as_object());
    let plain = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.trim().to_owned()),
        other => Fields::new(other)?.text("valueString"),
    };
    let find = |wanted: &str| {
        let found = maps().flatten().filter(|(name, _)| plain(name) == wanted);
        found.filter_map(|(_, value)| text(value)).find(|text| !text.is_empty())
    };
    names.iter().find_map(|name| find(name))
}
