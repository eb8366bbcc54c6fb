//! Phone numbers: what is one, and that it hides itself.

use serde::{Deserialize, Serialize};
use switchboard_telephony::{Address, CallEvent, EventKind, Party, PartyKind, PhoneNumber, phone};

use crate::support::received_at;

fn number(raw: &str) -> PhoneNumber {
    PhoneNumber::parse(raw, None).unwrap()
}

#[test]
fn international_numbers_are_read_as_people_write_them() {
    for (raw, e164) in [
        ("+12025550143", "+12025550143"),
        (" +1 (202) 555-0143 ", "+12025550143"),
        ("tel:+1-202-555-0143", "+12025550143"),
        ("TEL:+12025550143;phone-context=example.com", "+12025550143"),
        ("+49 (0) 30 901820", "+4930901820"),
        ("+49 030 901820", "+4930901820"),
        // A zero that belongs to the number.
        ("+39 06 698 1234 5", "+390669812345"),
        // Ranges that numbering data does not know, and test numbers.
        ("+15551112222", "+15551112222"),
        ("+15005550006", "+15005550006"),
        ("+7 800 555 35 35", "+78005553535"),
        ("+7 812 345 67 89", "+78123456789"),
    ] {
        let number = PhoneNumber::parse(raw, None);
        assert_eq!(number.as_ref().map(PhoneNumber::e164), Some(e164), "{raw}");
    }
}

#[test]
fn what_is_no_number_is_none() {
    let no = [
        "",
        "+",
        "+1",
        "+123456",
        "+1234567890123456",
        "+0123456789",
        "+999123456789",
        "hello",
        "+1202555ABCD",
        "12025550143",
        "+1 202 555 0143 x",
        "tél:+12025550143",
        "+٣٤٥٦٧٨٩٠١٢",
    ];
    for raw in no {
        assert_eq!(PhoneNumber::parse(raw, None), None, "{raw}");
    }
}

#[test]
fn national_numbers_need_a_region_and_must_be_valid_there() {
    let national =
        |raw: &str, region: &str| PhoneNumber::parse(raw, Some(region)).map(|number| number.e164().to_owned());
    assert_eq!(national("030 901820", "DE").as_deref(), Some("+4930901820"));
    assert_eq!(national("030/901820", "de").as_deref(), Some("+4930901820"));
    assert_eq!(national("(202) 555-0143", "US").as_deref(), Some("+12025550143"));
    assert_eq!(national("0049 30 901820", "DE").as_deref(), Some("+4930901820"));
    assert_eq!(national("+1 202 555 0143", "DE").as_deref(), Some("+12025550143"));
    assert_eq!(national("123", "US"), None);
    assert_eq!(national("030 901820", "XX"), None);
}

#[test]
fn a_national_number_is_never_longer_than_can_be_stored() {
    // Found by fuzzing: valid in the German plan, but 17 digits with the country code. Stored, it could not be read again.
    assert_eq!(PhoneNumber::parse("0707777505.00000", Some("DE")), None);
    let longest = PhoneNumber::parse("07077775050000", Some("DE")).unwrap();
    assert_eq!(longest.e164(), "+497077775050000");
}

#[test]
fn extensions_are_kept_beside_the_number() {
    for raw in [
        "+12025550143;ext=42",
        "+1 202 555 0143 x42",
        "+1 202 555 0143 ext. 42",
        "+12025550143 Extension 42",
        "+12025550143#42",
    ] {
        let number = number(raw);
        assert_eq!((number.e164(), number.extension()), ("+12025550143", Some("42")), "{raw}");
        assert_eq!(number.formatted(), "+1 202-555-0143 ext. 42");
    }
}

#[test]
fn a_number_shows_itself_only_when_asked() {
    let number = number("+4930901842");
    assert_eq!(number.e164(), "+4930901842");
    assert_eq!(number.masked(), "+49 ••• ••• 42");
    assert_eq!(format!("{number}"), "+49 ••• ••• 42");
    assert_eq!(format!("{number:?}"), "PhoneNumber(+49 ••• ••• 42)");
    assert_eq!(number.formatted(), "+49 30 901842");
    assert_eq!(number.region().as_deref(), Some("DE"));
    let party = Party::from(Address::Phone(number)).named(Some("Ann Example"));
    let mut event = CallEvent::new("k", EventKind::CallRinging, received_at());
    event.to = Some(Party::from(Address::Sip("sip:ann@example.com".to_owned())));
    event.from = Some(party);
    let call = switchboard_telephony::fold(std::slice::from_ref(&event));
    for shown in [format!("{event:?}"), format!("{call:?}")] {
        for secret in ["30901842", "Ann", "ann@"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn stored_numbers_come_back() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Row {
        #[serde(with = "phone::stored")]
        number: PhoneNumber,
        #[serde(with = "phone::stored_option", default)]
        other: Option<PhoneNumber>,
    }
    let row = Row { number: number("+12025550143"), other: Some(number("+4930901820;ext=7")) };
    let text = serde_json::to_string(&row).unwrap();
    assert_eq!(text, r#"{"number":"+12025550143","other":"+4930901820;ext=7"}"#);
    assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
    let bare = serde_json::from_str::<Row>(r#"{"number":"+12025550143"}"#).unwrap();
    assert_eq!(bare.other, None);
    for bad in [r#"{"number":"12025550143"}"#, r#"{"number":"+"}"#, r#"{"number":"hello"}"#] {
        let error = serde_json::from_str::<Row>(bad).unwrap_err();
        assert!(!error.to_string().contains("12025550143"));
    }
}

#[test]
fn stored_events_come_back_and_old_ones_are_still_read() {
    let mut event = CallEvent::new("k", EventKind::CallRinging, received_at());
    event.from = Some(Party::from(Address::Phone(number("+12025550143"))).named(Some("Ann")));
    event.to = Some(Party::from(Address::Client("bob".to_owned())));
    event.forwarded_from = Some(Party::from(Address::Extension("201".to_owned())));
    let text = serde_json::to_string(&event).unwrap();
    assert_eq!(serde_json::from_str::<CallEvent>(&text).unwrap(), event);
    let old = r#"{"dedupe_key":"k","kind":"call.ringing","received_at":"2026-02-12T12:00:00Z","gone":1}"#;
    let old: CallEvent = serde_json::from_str(old).unwrap();
    assert_eq!(old, CallEvent::new("k", EventKind::CallRinging, received_at()));
    let wrong = r#"{"kind":"sip","value":{"phone":"+12025550143"}}"#;
    assert!(serde_json::from_str::<Party>(wrong).is_err());
}

#[test]
fn international_numbers_may_lack_their_plus() {
    let read = |raw: &str, other: Option<&str>, region: Option<&str>| {
        let party = Party::parse_without_plus(raw, other, region);
        (party.kind, party.value.map(|value| value.clear()).unwrap_or_default())
    };
    let pstn = |number: &str| (PartyKind::Pstn, number.to_owned());
    for region in [None, Some("US"), Some("DE")] {
        assert_eq!(read("14155550100", None, region), pstn("+14155550100"), "{region:?}");
        assert_eq!(read(" 442079460000 ", None, region), pstn("+442079460000"), "{region:?}");
        assert_eq!(read("+442079460000", None, region), pstn("+442079460000"), "{region:?}");
        // A range that no numbering plan knows, and that would be a mobile number in Germany.
        assert_eq!(read("15550001111", Some("14155550100"), region), pstn("+15550001111"), "{region:?}");
        assert_eq!(read("00442079460000", None, region), pstn("+442079460000"), "{region:?}");
    }
    // What only the region can read is national.
    assert_eq!(read("2025550143", None, Some("US")), pstn("+12025550143"));
    assert_eq!(read("02079460000", None, Some("GB")), pstn("+442079460000"));
    assert_eq!(read("02079460000", Some("14155550100"), Some("GB")), pstn("+442079460000"));
    assert_eq!(read("02079460000", None, None), (PartyKind::Unknown, "02079460000".to_owned()));
    // Unless the other side shows how numbers are written.
    assert_eq!(read("2025550143", Some("14155550100"), Some("US")), pstn("+2025550143"));
    assert_eq!(read("2025550143", Some("+14155550100"), Some("US")), pstn("+2025550143"));
    assert_eq!(read("2025550143", Some("2025550199"), Some("US")), pstn("+12025550143"));
    assert_eq!(read("2025550143", Some("201"), Some("US")), pstn("+12025550143"));
    assert_eq!(read("201", None, Some("US")), (PartyKind::Extension, "201".to_owned()));
    assert_eq!(read("1234567", None, None), (PartyKind::Extension, "1234567".to_owned()));
    assert_eq!(read("sip:ann@PBX.example", None, None), (PartyKind::Sip, "sip:ann@pbx.example".to_owned()));
    for hidden in ["", "anonymous", "Restricted", "266696687", "17378742833"] {
        assert_eq!(read(hidden, None, None).0, PartyKind::Withheld, "{hidden}");
    }
    for odd in ["0000000000000000000000", "99999999999999999999", "wss://bot.example", "Smith"] {
        assert_eq!(read(odd, None, Some("US")).0, PartyKind::Unknown, "{odd}");
    }
}
