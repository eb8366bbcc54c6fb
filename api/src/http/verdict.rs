//! What becomes of a webhook, as far as its connection decides: a handshake, an accepted request, or a refusal.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use switchboard_core::connections::OpenConnection;
use switchboard_telephony::{Answer, HookRequest, Method, Rejection, VerifyContext};
use uuid::Uuid;

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The provider only asked whether we are there: answered, nothing stored.
    Handshake(Answer),
    /// To be stored, and then answered so.
    Accept {
        /// The answer.
        answer: Answer,
        /// Why it would be refused, were the connection not in monitor mode.
        unverified: Option<Rejection>,
    },
    /// `OPTIONS` from a provider that does not ask so.
    NoSuchMethod,
    /// Nothing is stored.
    Refuse(Rejection),
}

/// Decides. The purpose is one of the provider's.
pub(super) fn decide(
    connection: &OpenConnection,
    request: &HookRequest<'_>,
    purpose: Option<&str>,
    now: DateTime<Utc>,
) -> Verdict {
    let OpenConnection { provider, secrets, settings, .. } = connection;
    let context = VerifyContext { secrets, options: &settings.options, now, clock_skew: settings.clock_skew() };
    if let Some(answer) = provider.handshake(request, &context) {
        return Verdict::Handshake(answer);
    }
    if request.method == Method::Options {
        return Verdict::NoSuchMethod;
    }
    let unverified = match provider.verify(request, &context) {
        Ok(()) => None,
        Err(rejection) if settings.is_monitoring(now) => Some(rejection),
        Err(rejection) => return Verdict::Refuse(rejection),
    };
    let answer = configured(connection, request, purpose).unwrap_or_else(|| provider.answer(request, purpose));
    Verdict::Accept { answer, unverified }
}

/// The connection's own document, where the answer steers the call and there is one.
fn configured(connection: &OpenConnection, request: &HookRequest<'_>, purpose: Option<&str>) -> Option<Answer> {
    let steered = connection.provider.steers(request, purpose)?;
    let document = connection.settings.answers.get(steered)?;
    let control = connection.provider.call_control()?;
    Some(Answer { body: Cow::Owned(document.clone()), ..Answer::document(control.content_type, "") })
}

/// Lets something be said at most once a second about each connection.
#[derive(Debug, Default)]
pub(crate) struct OncePerSecond(Mutex<HashMap<Uuid, DateTime<Utc>>>);

impl OncePerSecond {
    /// May it be said now? Then not again for a second.
    pub(super) fn may_say(&self, connection: Uuid, now: DateTime<Utc>) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The absolute distance: a clock that was set back must not silence it for long.
        let silent = said.get(&connection).is_some_and(|last| (now - *last).abs() < TimeDelta::seconds(1));
        if !silent {
            said.insert(connection, now);
        }
        !silent
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use switchboard_core::connections::ConnectionSettings;
    use switchboard_telephony::{
        CallControl, CallEvent, OptionField, Options, ParseContext, ParseError, Provider, SecretError, SecretField,
        Secrets, Syntax,
    };

    use super::*;

    const MODE: OptionField = OptionField { name: "mode", description: "", default: "strict", values: &[] };

    /// Answers handshakes, and lets its context decide about everything else: a request is genuine when its body is the
    /// option's value and its `time` header not too far off.
    struct Fake;

    impl Provider for Fake {
        fn key(&self) -> &'static str {
            "fake"
        }

        fn title(&self) -> &'static str {
            "Fake"
        }

        fn purposes(&self) -> &'static [&'static str] {
            &["voice", "menu", "status"]
        }

        fn secret_fields(&self) -> &'static [SecretField] {
            &[]
        }

        fn check_secrets(&self, _: &Secrets) -> Result<(), SecretError> {
            Ok(())
        }

        fn stored_headers(&self) -> &'static [&'static str] {
            &[]
        }

        fn options(&self) -> &'static [OptionField] {
            &[MODE]
        }

        fn handshake(&self, request: &HookRequest<'_>, _: &VerifyContext<'_>) -> Option<Answer> {
            let token = request.header("token")?;
            Some(Answer::OK.with_header("token", token))
        }

        fn verify(&self, request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection> {
            let time = request.header("time").ok_or(Rejection::MissingSignature)?;
            if context.is_stale(DateTime::from_timestamp(time.parse().unwrap(), 0).unwrap()) {
                return Err(Rejection::Stale);
            }
            if context.options.get(&MODE).as_bytes() == request.body { Ok(()) } else { Err(Rejection::BadSignature) }
        }

        fn parse(
            &self,
            _: &HookRequest<'_>,
            _: Option<&str>,
            _: DateTime<Utc>,
            _: &ParseContext,
        ) -> Result<Vec<CallEvent>, ParseError> {
            Ok(Vec::new())
        }

        fn answer(&self, _: &HookRequest<'_>, _: Option<&str>) -> Answer {
            Answer::NO_CONTENT
        }

        fn call_control(&self) -> Option<CallControl> {
            Some(CallControl {
                language: "XML",
                content_type: "application/xml",
                purposes: &["voice", "menu"],
                syntax: Syntax::Xml { root: "R" },
                default_effect: "",
            })
        }

        fn url_fragment(&self) -> &'static str {
            ""
        }

        fn setup(&self) -> &'static [&'static str] {
            &[]
        }

        fn sign(
            &self,
            _: Method,
            _: &str,
            _: &[(String, String)],
            _: &[u8],
            _: &Secrets,
            _: DateTime<Utc>,
        ) -> Result<Vec<(String, String)>, SecretError> {
            Ok(Vec::new())
        }
    }

    fn connection(settings: ConnectionSettings) -> OpenConnection {
        OpenConnection { id: Uuid::nil(), provider: &Fake, secrets: Secrets::new(), settings }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn decided(settings: ConnectionSettings, method: Method, headers: &[(&str, &str)], body: &str) -> Verdict {
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = HookRequest { method, url: "https://a/hooks/fake", headers: &headers, body: body.as_bytes() };
        decide(&connection(settings), &request, None, at(10_000))
    }

    fn accepted(answer: Answer, unverified: Option<Rejection>) -> Verdict {
        Verdict::Accept { answer, unverified }
    }

    #[test]
    fn handshakes_come_before_verification_and_decide_about_options() {
        let plain = ConnectionSettings::default;
        let answer = Answer::OK.with_header("token", "abc");
        for method in [Method::Options, Method::Post, Method::Get] {
            assert_eq!(decided(plain(), method, &[("token", "abc")], ""), Verdict::Handshake(answer.clone()));
        }
        assert_eq!(decided(plain(), Method::Options, &[], ""), Verdict::NoSuchMethod);
        // Also in monitor mode, which lets no other method in.
        let monitoring = ConnectionSettings { monitor_until: Some(at(20_000)), ..plain() };
        assert_eq!(decided(monitoring, Method::Options, &[], ""), Verdict::NoSuchMethod);
    }

    #[test]
    fn options_and_clock_skew_are_those_of_the_connection() {
        let strict =
            |time: &str, body: &str| decided(ConnectionSettings::default(), Method::Post, &[("time", time)], body);
        assert_eq!(strict("10000", "strict"), accepted(Answer::NO_CONTENT, None));
        assert_eq!(strict("9700", "strict"), accepted(Answer::NO_CONTENT, None));
        assert_eq!(strict("9699", "strict"), Verdict::Refuse(Rejection::Stale));
        assert_eq!(strict("10000", "loose"), Verdict::Refuse(Rejection::BadSignature));

        let settings = ConnectionSettings {
            clock_skew_seconds: 600,
            options: Options::new().with("mode", "loose"),
            ..ConnectionSettings::default()
        };
        let loose = |time: &str, body: &str| decided(settings.clone(), Method::Post, &[("time", time)], body);
        assert_eq!(loose("9400", "loose"), accepted(Answer::NO_CONTENT, None));
        assert_eq!(loose("9399", "loose"), Verdict::Refuse(Rejection::Stale));
        assert_eq!(loose("10000", "strict"), Verdict::Refuse(Rejection::BadSignature));
    }

    #[test]
    fn monitor_mode_accepts_with_a_mark_until_it_is_over() {
        let until = |second| ConnectionSettings { monitor_until: Some(at(second)), ..ConnectionSettings::default() };
        let monitored = |settings, body| decided(settings, Method::Post, &[("time", "10000")], body);
        assert_eq!(monitored(until(10_001), "x"), accepted(Answer::NO_CONTENT, Some(Rejection::BadSignature)));
        assert_eq!(monitored(until(10_001), "strict"), accepted(Answer::NO_CONTENT, None));
        assert_eq!(monitored(until(10_000), "x"), Verdict::Refuse(Rejection::BadSignature));
        let unsigned = decided(until(10_001), Method::Post, &[], "x");
        assert_eq!(unsigned, accepted(Answer::NO_CONTENT, Some(Rejection::MissingSignature)));
    }

    #[test]
    fn the_document_of_the_purpose_is_the_answer_where_the_answer_steers() {
        let answers = [("voice".to_owned(), "<R>1</R>".to_owned()), ("status".to_owned(), "<R>2</R>".to_owned())];
        let settings = ConnectionSettings { answers: answers.into(), ..ConnectionSettings::default() };
        let headers = [("time".to_owned(), "10000".to_owned())];
        let request = HookRequest { method: Method::Post, url: "https://a", headers: &headers, body: b"strict" };
        let answer = |purpose| match decide(&connection(settings.clone()), &request, purpose, at(10_000)) {
            Verdict::Accept { answer, .. } => answer,
            other => panic!("{other:?}"),
        };
        let document = Answer::document("application/xml", "<R>1</R>");
        assert_eq!(answer(Some("voice")), document);
        assert_eq!(answer(None), document, "without a purpose: the first");
        assert_eq!(answer(Some("menu")), Answer::NO_CONTENT, "no document for it");
        assert_eq!(answer(Some("status")), Answer::NO_CONTENT, "a report is not steered, whatever is stored");
    }

    #[test]
    fn a_warning_a_second() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let quiet = OncePerSecond::default();
        assert!(quiet.may_say(one, at(10)));
        assert!(!quiet.may_say(one, at(10)));
        assert!(quiet.may_say(other, at(10)));
        assert!(quiet.may_say(one, at(11)));
        assert!(quiet.may_say(one, at(5)), "the clock was set back");
    }
}
