//! Phone numbers: one type that shows itself masked unless it is asked explicitly.

use std::fmt;

use phonenumber::{Mode, country};

/// Digits of the longest E.164 number.
const MAX_DIGITS: usize = 15;
/// Digits of the shortest number, country code included, that is taken for an international one.
const MIN_DIGITS: usize = 7;
/// Digits of the longest extension that is kept.
const MAX_EXTENSION: usize = 11;

/// A number of the public telephone network: E.164, with an extension if one was given.
///
/// `Debug` and `Display` print the mask, and there is no plain `Serialize`: the clear text leaves only through
/// [`PhoneNumber::e164`], [`PhoneNumber::formatted`] and the explicit serde modules [`stored`] and [`stored_option`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber {
    e164: String,
    extension: Option<String>,
}

impl PhoneNumber {
    /// Reads a number: international (`+49 30 1234567`, `tel:` allowed), or national when `default_region` (ISO 3166,
    /// `DE`) is given. Extensions (`;ext=12`, `x12`, `ext. 12`) are kept.
    ///
    /// An international number only needs a country code that exists and 7 to 15 digits: providers deliver numbers of
    /// ranges that numbering data does not know yet, and test numbers such as `+1 555 …`. A national one must be valid
    /// in its region, because everything else is as likely an extension or a short code.
    pub fn parse(raw: &str, default_region: Option<&str>) -> Option<Self> {
        let raw = raw.trim();
        let raw = raw.get(..4).filter(|start| start.eq_ignore_ascii_case("tel:")).map_or(raw, |_| &raw[4..]);
        let (main, extension) = split_extension(raw)?;
        let main = main.trim();
        let e164 = match main.strip_prefix('+') {
            Some(rest) => international(&digits(&rest.replace("(0)", ""))?)?,
            None => national(&digits(main)?, default_region?)?,
        };
        Some(Self { e164, extension })
    }

    /// The clear number in E.164 (`+4930123456`), without the extension. What callers are matched by.
    pub fn e164(&self) -> &str {
        &self.e164
    }

    /// The extension behind the number, digits only.
    pub fn extension(&self) -> Option<&str> {
        self.extension.as_deref()
    }

    /// The number without most of its digits: `+49 ••• ••• 42`. The last two digits remain, so that two calls on the
    /// screen can be told apart.
    pub fn masked(&self) -> String {
        let code = self.library().map(|number| number.country().code().to_string()).unwrap_or_default();
        let tail = self.e164.get(self.e164.len().saturating_sub(2)..).unwrap_or_default();
        format!("+{code} ••• ••• {tail}")
    }

    /// The clear number as people write it internationally: `+49 30 123456`, with `ext. 12` where there is one.
    pub fn formatted(&self) -> String {
        let main = self
            .library()
            .map_or_else(|| self.e164.clone(), |number| number.format().mode(Mode::International).to_string());
        match &self.extension {
            Some(extension) => format!("{main} ext. {extension}"),
            None => main,
        }
    }

    /// ISO 3166 code of the country, when the numbering data can tell.
    pub fn region(&self) -> Option<String> {
        self.library().and_then(|number| number.country().id()).map(|id| id.as_ref().to_owned())
    }

    /// Whether the numbering plans know it. Many real numbers are of ranges that they do not know yet.
    pub(crate) fn is_valid(&self) -> bool {
        self.library().is_some_and(|number| number.is_valid())
    }

    fn library(&self) -> Option<phonenumber::PhoneNumber> {
        phonenumber::parse(None, &self.e164).ok()
    }

    /// The form in which it is stored: E.164, with `;ext=` where there is an extension (RFC 3966).
    fn to_stored(&self) -> String {
        match &self.extension {
            Some(extension) => format!("{};ext={extension}", self.e164),
            None => self.e164.clone(),
        }
    }

    /// Reads the stored form back without asking the numbering data, which changes from release to release: a number
    /// that was stored once must always be readable.
    pub(crate) fn from_stored(stored: &str) -> Option<Self> {
        let (main, extension) = match stored.split_once(";ext=") {
            Some((main, extension)) => (main, Some(extension.to_owned())),
            None => (stored, None),
        };
        let rest = main.strip_prefix('+')?;
        let plausible = rest.len() <= MAX_DIGITS && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
        plausible.then(|| Self { e164: main.to_owned(), extension })
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// Cuts an extension off; `None` when what looks like one is not a number.
fn split_extension(raw: &str) -> Option<(&str, Option<String>)> {
    // RFC 3966: parameters behind semicolons, of which only the extension tells us something.
    let mut parts = raw.split(';');
    let main = parts.next().unwrap_or_default();
    let parameter = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.eq_ignore_ascii_case("ext"));
    if let Some((_, extension)) = parameter {
        return Some((main, Some(extension_digits(extension)?)));
    }
    let lower = main.to_ascii_lowercase();
    let marker =
        ["extension", "ext.", "ext", "x", "#"].iter().find_map(|marker| Some((lower.find(marker)?, marker.len())));
    let Some((at, length)) = marker else { return Some((main, None)) };
    Some((main.get(..at)?, Some(extension_digits(main.get(at + length..)?)?)))
}

fn extension_digits(text: &str) -> Option<String> {
    digits(text).filter(|extension| extension.len() <= MAX_EXTENSION)
}

/// The digits of a text that otherwise holds only the separators people use in phone numbers.
fn digits(text: &str) -> Option<String> {
    let separators = [' ', '\u{a0}', '-', '\u{2010}', '\u{2011}', '\u{2013}', '.', '(', ')', '/'];
    let digits: String = text.chars().filter(|c| !separators.contains(c)).collect();
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

fn international(digits: &str) -> Option<String> {
    if !(MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) || digits.starts_with('0') {
        return None;
    }
    let given = format!("+{digits}");
    let number = phonenumber::parse(None, &given).ok()?;
    let read = number.format().mode(Mode::E164).to_string();
    // The library also takes away a trunk prefix inside an international number. That is right for the "0" people leave
    // in by mistake (+49 030 …), and wrong for numbers that really begin with such a digit.
    let zero_left_in =
        digits.get(number.country().code().to_string().len()..).is_some_and(|rest| rest.starts_with('0'));
    Some(if read != given && zero_left_in && number.is_valid() { read } else { given })
}

fn national(digits: &str, region: &str) -> Option<String> {
    if digits.len() > MAX_DIGITS + 3 {
        return None;
    }
    let region: country::Id = region.to_ascii_uppercase().parse().ok()?;
    let number = phonenumber::parse(Some(region), digits).ok()?;
    let read = number.is_valid().then(|| number.format().mode(Mode::E164).to_string())?;
    // Some plans have numbers that are longer with the country code than E.164 allows, and than a stored number may be.
    (read.len() <= MAX_DIGITS + 1).then_some(read)
}

/// Reads the world's numbering plans into memory, which the first number would otherwise have to wait for: tens of
/// milliseconds optimised, half a second not. Doing it again costs nothing.
pub fn read_plans() {
    // Parsing loads the plans, formatting compiles their patterns.
    let _ = PhoneNumber::parse("+442079460000", None).map(|number| number.formatted());
}

/// Stores a [`PhoneNumber`] in clear text: `#[serde(with = "switchboard_telephony::phone::stored")]`.
pub mod stored {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::PhoneNumber;

    /// Writes the clear number.
    pub fn serialize<S: Serializer>(number: &PhoneNumber, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&number.to_stored())
    }

    /// Reads a number that was stored.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PhoneNumber, D::Error> {
        let stored = String::deserialize(deserializer)?;
        PhoneNumber::from_stored(&stored).ok_or_else(|| D::Error::custom("not a stored phone number"))
    }
}

/// Stores an optional [`PhoneNumber`] in clear text, like [`stored`].
pub mod stored_option {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::PhoneNumber;

    /// Writes the clear number or nothing.
    pub fn serialize<S: Serializer>(number: &Option<PhoneNumber>, serializer: S) -> Result<S::Ok, S::Error> {
        match number {
            Some(number) => serializer.serialize_some(&number.to_stored()),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a number that was stored, or nothing.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PhoneNumber>, D::Error> {
        let Some(stored) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        PhoneNumber::from_stored(&stored).map(Some).ok_or_else(|| D::Error::custom("not a stored phone number"))
    }
}
