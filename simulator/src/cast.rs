//! Who appears. Numbers are from the ranges kept free for fiction by Ofcom, the Bundesnetzagentur, ARCEP, ACMA and the
//! North American Numbering Plan (555-01xx): nobody can be called by mistake.

use crate::Random;

/// An address that a call comes from or goes to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// A public number, E.164 with `+`.
    Phone(String),
    /// A SIP address, `user@host` without `sip:`.
    Sip(String),
    /// An extension of our own phone system.
    Extension(String),
    /// Hidden.
    Withheld,
}

/// Somebody outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Where they can be reached.
    pub address: Endpoint,
    /// The name that comes with the call, where a network knows it.
    pub name: Option<String>,
}

/// One of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Agent {
    /// What colleagues read.
    pub name: &'static str,
    /// Identity of the software client and user part of the SIP address.
    pub identity: &'static str,
    /// The extension, three digits.
    pub extension: &'static str,
    /// A mobile phone that calls can be sent to, E.164.
    pub mobile: &'static str,
}

/// The agents of the simulated office.
pub const TEAM: [Agent; 6] = [
    Agent { name: "Sam Rivera", identity: "sam", extension: "201", mobile: "+447700900101" },
    Agent { name: "Ben Hughes", identity: "ben", extension: "202", mobile: "+447700900102" },
    Agent { name: "Chiara Moretti", identity: "chiara", extension: "203", mobile: "+447700900103" },
    Agent { name: "Ada Lindqvist", identity: "ada", extension: "204", mobile: "+447700900104" },
    Agent { name: "Noor Haddad", identity: "noor", extension: "205", mobile: "+447700900105" },
    Agent { name: "Leo Brandt", identity: "leo", extension: "206", mobile: "+447700900106" },
];

/// The lines of the simulated office.
pub(crate) const LINES: [&str; 3] = ["+442079460000", "+442079460001", "+442079460002"];

/// The queues of the simulated office.
pub(crate) const QUEUES: [&str; 3] = ["support", "sales", "billing"];

const FIRST: [&str; 20] = [
    "Priya", "Tom", "Amara", "Jonas", "Katrin", "Mehmet", "Claire", "Lucas", "Dana", "Marcus", "Sofia", "Henry",
    "Ruth", "George", "Inês", "Owen", "Hannah", "Felix", "Emily", "Nathan",
];
const LAST: [&str; 20] = [
    "Raman",
    "Whitlock",
    "Okafor",
    "Behrendt",
    "Vogel",
    "Aydin",
    "Fontaine",
    "Marchand",
    "Whitfield",
    "Bell",
    "Delgado",
    "Nakamura",
    "Abernathy",
    "Palmer",
    "Carvalho",
    "Pritchard",
    "Lindner",
    "Müller",
    "Sato",
    "O'Neill",
];
const AREA_CODES: [&str; 8] = ["202", "212", "305", "312", "415", "617", "206", "718"];

impl Person {
    /// Somebody with a public number. Of `people` different ones, the low numbers come more often: regular callers.
    pub fn draw(random: &mut Random, people: u32) -> Self {
        let regular = random.chance(0.6);
        let number = random.between(0, if regular { people / 5 } else { people });
        Self::numbered(number)
    }

    /// The person with this number in an endless list.
    pub fn numbered(number: u32) -> Self {
        let mut random = Random::keyed(0x5eed, "person", u64::from(number));
        let name = random.chance(0.4).then(|| format!("{} {}", random.pick(&FIRST), random.pick(&LAST)));
        Self { address: Endpoint::Phone(fictional_number(&mut random)), name }
    }

    /// Somebody with a SIP address.
    pub fn sip(random: &mut Random) -> Self {
        let first: String = random.pick(&FIRST).to_lowercase().chars().filter(char::is_ascii_alphabetic).collect();
        let host = random.pick(&["sip.example.com", "voip.example.net", "pbx.example.org"]);
        Self { address: Endpoint::Sip(format!("{first}{}@{host}", random.between(1, 99))), name: None }
    }
}

/// A number from one of the ranges for fiction.
fn fictional_number(random: &mut Random) -> String {
    match random.below(10) {
        0..3 => format!("+1{}55501{:02}", random.pick(&AREA_CODES), random.between(0, 99)),
        3 | 4 => format!("+44207946{:04}", random.between(100, 999)),
        5 => format!("+447700900{:03}", random.between(200, 999)),
        6 => format!("+493023125{:03}", random.between(0, 999)),
        7 => format!("+498999998{:03}", random.between(0, 999)),
        8 => format!("+3319900{:04}", random.between(0, 9999)),
        _ => format!("+6125550{:04}", random.between(0, 9999)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_real_can_be_called() {
        // Ofcom, BNetzA, ARCEP, ACMA, NANPA: the fixed part and the length of each range.
        let ranges = [
            ("+44207946", 13),
            ("+447700900", 13),
            ("+493023125", 13),
            ("+498999998", 13),
            ("+3319900", 12),
            ("+6125550", 12),
        ];
        for number in 0..3000 {
            let Endpoint::Phone(text) = Person::numbered(number).address else { panic!("a person without a number") };
            let american = text.starts_with("+1") && text.get(5..10) == Some("55501") && text.len() == 12;
            let other = ranges.iter().any(|(start, length)| text.starts_with(start) && text.len() == *length);
            assert!(american || other, "{text}");
        }
    }
}
