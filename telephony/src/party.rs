//! The two sides of a leg.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{PartyKind, PhoneNumber};

/// Words that stand in the place of a number when the caller hides it, compared without case and punctuation.
const WITHHELD_WORDS: &[&str] = &[
    "anonymous",
    "blocked",
    "hidden",
    "nocallerid",
    "notavailable",
    "private",
    "privatenumber",
    "restricted",
    "unavailable",
    "unknown",
    "withheld",
    "withheldnumber",
];

/// Pseudo numbers that Twilio sends for hidden callers: the words ANONYMOUS, RESTRICTED, UNAVAILABLE, UNKNOWN and
/// BLOCKED on a telephone keypad. Each was also seen with a 1 in front.
const WITHHELD_SENTINELS: &[&str] = &["266696687", "7378742833", "86282452253", "8656696", "2562533"];

/// Digits up to which a bare number is taken for an extension before it is tried as a national number.
const SURE_EXTENSION: usize = 5;
/// Digits up to which a bare number that is no national number is taken for an extension.
const LONGEST_EXTENSION: usize = 7;

/// Digits from which on a bare number may be an international one without its `+`.
const SHORTEST_BARE_INTERNATIONAL: usize = 8;

/// An address that a call comes from or goes to. `Debug` prints the mask.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A phone number.
    Phone(PhoneNumber),
    /// `sip:user@host` or `sips:…`, without parameters, the host in lower case.
    Sip(String),
    /// Identity of a software client, without `client:`.
    Client(String),
    /// An extension, digits only.
    Extension(String),
    /// A text that is none of these, as it was sent.
    Other(String),
}

impl Address {
    /// The clear text: E.164, `sip:…`, `client:…`, the digits of an extension, or the text as sent.
    pub fn clear(&self) -> String {
        match self {
            Self::Phone(number) => number.e164().to_owned(),
            Self::Client(identity) => format!("client:{identity}"),
            Self::Sip(text) | Self::Extension(text) | Self::Other(text) => text.clone(),
        }
    }

    /// The clear text as people read it: a phone number in international notation.
    pub fn formatted(&self) -> String {
        match self {
            Self::Phone(number) => number.formatted(),
            other => other.clear(),
        }
    }

    /// The address without what identifies a person. Extensions are our own and stay.
    pub fn masked(&self) -> String {
        match self {
            Self::Phone(number) => number.masked(),
            Self::Sip(uri) => format!("sip:•••{}", uri.rfind('@').and_then(|at| uri.get(at..)).unwrap_or_default()),
            Self::Client(_) => "client:•••".to_owned(),
            Self::Extension(digits) => digits.clone(),
            Self::Other(_) => "•••".to_owned(),
        }
    }

    const fn kind(&self) -> PartyKind {
        match self {
            Self::Phone(_) => PartyKind::Pstn,
            Self::Sip(_) => PartyKind::Sip,
            Self::Client(_) => PartyKind::Client,
            Self::Extension(_) => PartyKind::Extension,
            Self::Other(_) => PartyKind::Unknown,
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// One side of a leg or a call. Serialisation is for storage and holds the clear text; `Debug` masks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub struct Party {
    /// What kind of address it is.
    pub kind: PartyKind,
    /// The address; `None` when it is withheld or was not given.
    pub value: Option<Address>,
    /// The name that came with the call.
    pub name: Option<String>,
    /// The provider's word for why the number is withheld. Never a person's number.
    pub raw: Option<String>,
}

/// Which bare digits a provider may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Only the public network: bare digits that are no national number are unknown.
    Public,
    /// A phone system: short digits are its extensions.
    PhoneSystem,
}

impl Party {
    /// Reads an address. Empty text and the words and pseudo numbers of hidden callers give a withheld party; what
    /// cannot be understood an unknown one.
    pub fn parse(raw: &str, dialect: Dialect, default_region: Option<&str>) -> Self {
        let text = raw.trim();
        if is_withheld(text) {
            let raw = (!text.is_empty()).then(|| text.to_owned());
            return Self { kind: PartyKind::Withheld, value: None, name: None, raw };
        }
        Self::from(address(text, dialect, default_region))
    }

    /// Reads an address of a provider that writes international numbers without `+` (Vonage, Plivo): `14155550100`.
    ///
    /// Eight digits or more are an international number where the numbering plans know it, where the other side of the
    /// call (`other`, as it was sent) is written that way, or where they are no number of the default region; else they
    /// are a national one. Fewer digits are an extension (or a short national number that is valid in the region). All
    /// other texts are read as by [`Party::parse`].
    pub fn parse_without_plus(raw: &str, other: Option<&str>, default_region: Option<&str>) -> Self {
        let text = raw.trim();
        if !is_bare_international(text) || is_withheld(text) {
            return Self::parse(text, Dialect::PhoneSystem, default_region);
        }
        let international = with_plus(text);
        let national = || PhoneNumber::parse(text, default_region);
        let written_so = || {
            let other = other.map(str::trim).unwrap_or_default();
            other.starts_with('+') || (is_bare_international(other) && with_plus(other).is_some_and(|it| it.is_valid()))
        };
        let number = match international {
            Some(number) if number.is_valid() || written_so() => Some(number),
            doubtful => national().or(doubtful),
        };
        Self::from(number.map_or_else(|| Address::Other(text.to_owned()), Address::Phone))
    }

    /// The same party with a name; an empty name is none.
    #[must_use]
    pub fn named(mut self, name: Option<&str>) -> Self {
        self.name = name.map(str::trim).filter(|name| !name.is_empty()).map(ToOwned::to_owned);
        self
    }

    /// The phone number, when it is one.
    pub fn phone(&self) -> Option<&PhoneNumber> {
        match &self.value {
            Some(Address::Phone(number)) => Some(number),
            _ => None,
        }
    }

    /// Whether this party can be a caller's record: only numbers of the public network and SIP addresses are. All
    /// hidden callers in one record would mix up people.
    pub fn identifies_caller(&self) -> bool {
        matches!(self.kind, PartyKind::Pstn | PartyKind::Sip) && self.value.is_some()
    }

    /// Whether it belongs to our own side: a software client or an extension.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.kind, PartyKind::Client | PartyKind::Extension)
    }

    /// Whether it says who it is.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self.kind, PartyKind::Withheld | PartyKind::Unknown)
    }
}

impl From<Address> for Party {
    fn from(address: Address) -> Self {
        Self { kind: address.kind(), value: Some(address), name: None, raw: None }
    }
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_ref().map(|_| "…");
        let mut party = f.debug_struct("Party");
        party.field("kind", &self.kind).field("value", &self.value).field("name", &name).finish_non_exhaustive()
    }
}

fn is_withheld(text: &str) -> bool {
    let lower = text.to_lowercase();
    let word = lower.strip_prefix("sips:").or_else(|| lower.strip_prefix("sip:")).unwrap_or(&lower);
    if word.ends_with("@anonymous.invalid") {
        return true;
    }
    // The user part of sip:anonymous@carrier.example is a word too (RFC 3323).
    let word = word.split('@').next().unwrap_or_default();
    let letters: String = word.chars().filter(|c| c.is_alphanumeric()).collect();
    let digits = letters.strip_prefix('1').unwrap_or(&letters);
    letters.is_empty()
        || WITHHELD_WORDS.contains(&letters.as_str())
        || WITHHELD_SENTINELS.contains(&letters.as_str())
        || WITHHELD_SENTINELS.contains(&digits)
}

fn address(text: &str, dialect: Dialect, default_region: Option<&str>) -> Address {
    if let Some((scheme, rest)) = text.split_once(':') {
        let scheme = scheme.to_ascii_lowercase();
        match scheme.as_str() {
            "sip" | "sips" => return sip(&scheme, rest).unwrap_or_else(|| Address::Other(text.to_owned())),
            "client" if !rest.is_empty() => return Address::Client(rest.to_owned()),
            "tel" => {}
            _ => return Address::Other(text.to_owned()),
        }
    }
    let short = text.bytes().all(|byte| byte.is_ascii_digit()) && dialect == Dialect::PhoneSystem;
    if short && text.len() <= SURE_EXTENSION {
        return Address::Extension(text.to_owned());
    }
    match PhoneNumber::parse(text, default_region) {
        Some(number) => Address::Phone(number),
        None if short && text.len() <= LONGEST_EXTENSION => Address::Extension(text.to_owned()),
        None => Address::Other(text.to_owned()),
    }
}

fn is_bare_international(text: &str) -> bool {
    text.len() >= SHORTEST_BARE_INTERNATIONAL && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number that bare digits are with a `+` in place of nothing or of the prefix `00`.
fn with_plus(digits: &str) -> Option<PhoneNumber> {
    PhoneNumber::parse(&format!("+{}", digits.strip_prefix("00").unwrap_or(digits)), None)
}

/// `user@host` without parameters, headers, password and port, so that the same person has the same address.
fn sip(scheme: &str, rest: &str) -> Option<Address> {
    let bare = rest.split([';', '?', '>']).next()?;
    let (user, host) = bare.rsplit_once('@')?;
    let user = user.split(':').next()?;
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    };
    (!user.is_empty() && !host.is_empty())
        .then(|| Address::Sip(format!("{scheme}:{user}@{}", host.to_ascii_lowercase())))
}

/// The stored form of a party.
#[derive(Serialize, Deserialize)]
struct Stored {
    kind: PartyKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<StoredAddress>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
}

/// A phone number goes through its explicit module, everything else is text.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StoredAddress {
    Phone {
        #[serde(with = "crate::phone::stored")]
        phone: PhoneNumber,
    },
    Text {
        text: String,
    },
}

impl From<Party> for Stored {
    fn from(party: Party) -> Self {
        let value = party.value.map(|address| match address {
            Address::Phone(phone) => StoredAddress::Phone { phone },
            Address::Sip(text) | Address::Client(text) | Address::Extension(text) | Address::Other(text) => {
                StoredAddress::Text { text }
            }
        });
        Self { kind: party.kind, value, name: party.name, raw: party.raw }
    }
}

impl TryFrom<Stored> for Party {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let value = match (stored.kind, stored.value) {
            (_, None) => None,
            (PartyKind::Pstn, Some(StoredAddress::Phone { phone })) => Some(Address::Phone(phone)),
            (PartyKind::Sip, Some(StoredAddress::Text { text })) => Some(Address::Sip(text)),
            (PartyKind::Client, Some(StoredAddress::Text { text })) => Some(Address::Client(text)),
            (PartyKind::Extension, Some(StoredAddress::Text { text })) => Some(Address::Extension(text)),
            (PartyKind::Unknown, Some(StoredAddress::Text { text })) => Some(Address::Other(text)),
            _ => return Err("the address of a stored party does not fit its kind"),
        };
        Ok(Self { kind: stored.kind, value, name: stored.name, raw: stored.raw })
    }
}
