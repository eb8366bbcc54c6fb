//! Every dialect of the registry against the adapter of its provider, and against the truth of the calls.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use switchboard_simulator::{
    Call, Credentials, Dialect, Expected, ExpectedRecording, Plan, Random, Seen, Story, Wire, dialects,
};
use switchboard_telephony::{
    Address, CallEvent, CallState, EventKind, HookRequest, LegState, Options, ParseContext, Party, PartyKind, Provider,
    RecordingStatus, Secrets, VerifyContext, fold, provider,
};

fn start() -> DateTime<Utc> {
    "2026-02-12T11:48:25.318Z".parse().unwrap()
}

fn name(dialect: &dyn Dialect) -> String {
    format!("{} {}", dialect.provider(), dialect.variant()).trim_end().to_owned()
}

fn adapter(dialect: &dyn Dialect) -> &'static dyn Provider {
    provider(dialect.provider()).unwrap_or_else(|| panic!("there is no adapter for {}", name(dialect)))
}

fn credentials(dialect: &dyn Dialect) -> Credentials {
    let mut random = Random::new(99);
    dialect.credentials(&mut |bytes| random.fill(bytes))
}

fn call(seed: u64, story: Story) -> Call {
    let mut random = Random::new(seed);
    let plan = Plan::draw(&mut random, story);
    Call::new(random.next_u64(), plan, start())
}

/// A request as it comes in.
struct Request {
    wire: Wire,
    url: String,
    headers: Vec<(String, String)>,
}

impl Request {
    fn signed(dialect: &dyn Dialect, wire: &Wire) -> Self {
        let Credentials { connection, private } = credentials(dialect);
        let pairs = connection.names().map(|name| (name.to_owned(), connection.get(name).unwrap().to_owned()));
        let mut secrets: Secrets = pairs.collect();
        for name in private.names() {
            secrets.set(name, private.get(name).unwrap());
        }
        let url = wire.url(&format!("https://crm.example.com/hooks/{}", dialect.provider()));
        let mut headers = wire.headers.clone();
        headers.extend(adapter(dialect).sign(wire.method, &url, &wire.headers, &wire.body, &secrets, start()).unwrap());
        Self { wire: wire.clone(), url, headers }
    }

    fn hook(&self) -> HookRequest<'_> {
        HookRequest { method: self.wire.method, url: &self.url, headers: &self.headers, body: &self.wire.body }
    }

    fn is_accepted(&self, dialect: &dyn Dialect) -> bool {
        let (secrets, options) = (credentials(dialect).connection, Options::new());
        adapter(dialect).verify(&self.hook(), &VerifyContext::new(&secrets, &options, start())).is_ok()
    }

    /// With the headers that intake keeps, and received a moment after it was sent.
    fn events(&self, dialect: &dyn Dialect) -> Vec<CallEvent> {
        let adapter = adapter(dialect);
        let lower = self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        let headers: Vec<_> = lower.filter(|(name, _)| adapter.stored_headers().contains(&name.as_str())).collect();
        let hook = HookRequest { headers: &headers, ..self.hook() };
        let received = self.wire.at + TimeDelta::milliseconds(130);
        adapter
            .parse(&hook, self.wire.purpose, received, &ParseContext::default())
            .unwrap_or_else(|error| panic!("{}: {error}", name(dialect)))
    }
}

fn events(dialect: &dyn Dialect, call: &Call) -> Vec<CallEvent> {
    dialect.wires(call).iter().flat_map(|wire| Request::signed(dialect, wire).events(dialect)).collect()
}

fn seen(party: &Party) -> Seen {
    let value = party.value.as_ref().filter(|_| party.kind != PartyKind::Withheld).map(Address::clear);
    Seen { kind: party.kind, value }
}

/// Every difference between what is known and what is true.
fn differences(state: &CallState, expected: &Expected) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |what: &str, known: String, truth: Option<String>| {
        if let Some(truth) = truth.filter(|truth| *truth != known) {
            found.push(format!("{what} is {known}, not {truth}"));
        }
    };
    check("state", format!("{:?}", state.state), Some(format!("{:?}", LegState::Ended)));
    check("direction", format!("{:?}", state.direction), expected.direction.map(|truth| format!("{:?}", Some(truth))));
    check("outcome", format!("{:?}", state.outcome), expected.outcome.map(|truth| format!("{:?}", Some(truth))));
    let show = |seen: &Seen| format!("{:?} {:?}", seen.kind, seen.value);
    let party = |party: &Option<Party>| party.as_ref().map_or("nobody".to_owned(), |party| show(&seen(party)));
    check("from", party(&state.from), expected.from.as_ref().map(show));
    check("to", party(&state.to), expected.to.as_ref().map(show));
    let talk = state.talk_seconds.unwrap_or_default();
    check("talk", talk.to_string(), expected.talk_seconds.map(|truth| truth.to_string()));
    let ready = state.recordings.iter().filter(|recording| recording.status == RecordingStatus::Ready);
    let mut recordings: Vec<_> =
        ready.map(|recording| ExpectedRecording { id: recording.id.clone(), voicemail: recording.voicemail }).collect();
    recordings.sort();
    check("recordings", format!("{recordings:?}"), expected.recordings.as_ref().map(|truth| format!("{truth:?}")));
    found
}

/// Every dialect with every story that it can tell.
fn everything() -> impl Iterator<Item = (&'static dyn Dialect, Story)> {
    dialects().iter().flat_map(|dialect| dialect.tells().stories.iter().map(|story| (*dialect, *story)))
}

#[test]
fn every_provider_has_a_dialect() {
    let told: BTreeSet<&str> = dialects().iter().map(|dialect| dialect.provider()).collect();
    let known: BTreeSet<&str> = switchboard_telephony::providers().iter().map(|provider| provider.key()).collect();
    assert_eq!(told, known, "the dialects are not those of the adapters");
    let names: BTreeSet<String> = dialects().iter().map(|dialect| name(*dialect)).collect();
    assert_eq!(names.len(), dialects().len(), "two dialects have the same name");
}

#[test]
fn credentials_make_a_connection() {
    for dialect in dialects() {
        let made = credentials(*dialect);
        adapter(*dialect).check_secrets(&made.connection).unwrap_or_else(|error| panic!("{}: {error}", name(*dialect)));
        let mut other = Random::new(100);
        assert_ne!(made, dialect.credentials(&mut |bytes| other.fill(bytes)), "{}: not random", name(*dialect));
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_other_ids() {
    for (dialect, story) in everything() {
        let wires = dialect.wires(&call(5, story));
        assert_eq!(wires, dialect.wires(&call(5, story)), "{} {story:?}", name(dialect));
        let keys: BTreeSet<String> = dialect.keys(&call(5, story)).into_iter().collect();
        let others = dialect.keys(&call(6, story));
        assert!(!keys.is_empty(), "{} {story:?}: no keys", name(dialect));
        assert!(others.iter().all(|key| !keys.contains(key)), "{} {story:?}: an id of two calls", name(dialect));
        assert!(wires.is_sorted_by_key(|wire| wire.at), "{} {story:?}: not in the order of time", name(dialect));
    }
}

#[test]
fn every_request_is_accepted_as_sent_and_understood() {
    for (dialect, story) in everything() {
        for wire in dialect.wires(&call(11, story)) {
            let what = format!("{} {story:?} {wire:?}", name(dialect));
            if let Some(purpose) = wire.purpose {
                assert!(adapter(dialect).purposes().contains(&purpose), "{what}: no such purpose");
            }
            let request = Request::signed(dialect, &wire);
            assert!(request.is_accepted(dialect), "{what}: refused");
            let events = request.events(dialect);
            assert!(!events.is_empty(), "{what}: no event");
            let ignored = events.iter().any(|event| event.kind == EventKind::Ignored);
            assert!(!ignored || dialect.may_be_ignored(&wire), "{what}: means nothing to the adapter");
            let unsigned = Request { headers: wire.headers.clone(), ..request };
            assert!(!unsigned.is_accepted(dialect), "{what}: accepted without a signature");
        }
    }
}

#[test]
fn a_repeated_request_is_the_same_event() {
    for (dialect, story) in everything() {
        for wire in dialect.wires(&call(12, story)) {
            let keys = |wire: &Wire| -> Vec<String> {
                let events = Request::signed(dialect, wire).events(dialect);
                events.into_iter().map(|event| event.dedupe_key).collect()
            };
            assert_eq!(keys(&wire), keys(&dialect.again(&wire, 1)), "{} {story:?} {wire:?}", name(dialect));
        }
    }
}

#[test]
fn live_formats_show_a_call_before_it_is_over() {
    for dialect in dialects() {
        let call = call(13, Story::Answered);
        let answered = call.answered_at().unwrap() - TimeDelta::seconds(1);
        let early: Vec<Wire> = dialect.wires(&call).into_iter().filter(|wire| wire.at <= answered).collect();
        let known: Vec<CallEvent> =
            early.iter().flat_map(|wire| Request::signed(*dialect, wire).events(*dialect)).collect();
        assert_eq!(dialect.tells().live, !known.is_empty(), "{}", name(*dialect));
        assert!(!dialect.tells().live || fold(&known).state < LegState::Answered, "{}", name(*dialect));
    }
}

#[test]
fn the_events_of_a_call_find_each_other_and_its_keys() {
    for (dialect, story) in everything() {
        let call = call(14, story);
        let mut groups: Vec<BTreeSet<String>> = Vec::new();
        for event in events(dialect, &call) {
            let mut keys: BTreeSet<String> = event.correlation_keys().into_iter().collect();
            groups.retain(|group| {
                let same = !group.is_disjoint(&keys);
                if same {
                    keys.extend(group.iter().cloned());
                }
                !same
            });
            groups.push(keys);
        }
        assert_eq!(groups.len(), 1, "{} {story:?}: not one call", name(dialect));
        for key in dialect.keys(&call) {
            assert!(groups[0].contains(&key), "{} {story:?}: {key} is in no request", name(dialect));
        }
    }
}

#[test]
fn every_story_is_known_as_it_was() {
    for (dialect, story) in everything() {
        for seed in 0..5 {
            let call = call(seed, story);
            let state = fold(&events(dialect, &call));
            let found = differences(&state, &Expected::of(&call, dialect));
            assert!(found.is_empty(), "{} {story:?} seed {seed}: {}", name(dialect), found.join("; "));
        }
    }
}

/// Proof that the comparison can fail: the events of one story against the truth of another one.
#[test]
fn another_truth_is_noticed() {
    for dialect in dialects() {
        let tells = dialect.tells();
        if !(tells.stories.contains(&Story::Missed) && tells.stories.contains(&Story::Answered)) {
            continue;
        }
        let known = fold(&events(*dialect, &call(15, Story::Answered)));
        assert!(!differences(&known, &Expected::of(&call(15, Story::Missed), *dialect)).is_empty());
        let told = Expected::of(&call(16, Story::Answered), *dialect);
        if tells.from {
            assert!(!differences(&known, &told).is_empty(), "{}: another caller", name(*dialect));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any order, any repetition, of any story in any dialect.
    #[test]
    fn order_and_repetition_change_nothing(seed: u64, which: prop::sample::Index) {
        let all: Vec<_> = everything().collect();
        let (dialect, story) = all[which.index(all.len())];
        let call = call(seed, story);
        let expected = Expected::of(&call, dialect);
        let mut shuffled = events(dialect, &call);
        let mut random = Random::new(seed);
        let again: Vec<CallEvent> = shuffled.iter().filter(|_| random.chance(0.4)).cloned().collect();
        shuffled.extend(again.into_iter().map(|event| CallEvent {
            received_at: event.received_at + TimeDelta::seconds(90),
            ..event
        }));
        random.shuffle(&mut shuffled);
        let found = differences(&fold(&shuffled), &expected);
        prop_assert!(found.is_empty(), "{} {story:?}: {}", name(dialect), found.join("; "));
    }
}
