//! The catalogue of phone providers: what each needs, and what to do there.

use async_graphql::{Enum, SimpleObject};
use switchboard_telephony as telephony;

/// A phone provider that can be connected.
#[derive(Clone, Debug, SimpleObject)]
pub struct Provider {
    /// Stable name, part of the webhook addresses, e.g. `twilio`.
    key: &'static str,
    /// The name that people read.
    title: &'static str,
    /// What may follow in the webhook addresses, e.g. `status`; empty when there is one address for everything.
    purposes: Vec<&'static str>,
    /// The secrets that a connection has.
    secret_fields: Vec<SecretField>,
    /// What can be set beside them; may be empty.
    option_fields: Vec<OptionField>,
    /// How it asks what to do with a call; null: it never does.
    call_control: Option<CallControl>,
    /// What to do at the provider so that calls arrive, step by step, in English and short Markdown.
    setup: Vec<&'static str>,
    /// What whoever registers the addresses must know, in English; null when they speak for themselves.
    advice: Option<&'static str>,
    /// What the addresses end with, starting with `#`: it steers the provider's retries. Empty for most.
    url_fragment: &'static str,
}

/// A secret that connections to a provider have.
#[derive(Clone, Debug, SimpleObject)]
pub struct SecretField {
    /// Its name, e.g. `auth_token`.
    name: &'static str,
    /// Can a connection not exist without it?
    required: bool,
    /// What it is and where the provider shows it, in English.
    description: &'static str,
    /// Name of the secret that keeps its value while it is being replaced; null: a replaced value is gone at once.
    previous: Option<&'static str>,
}

/// What can be set for connections to a provider beside their secrets.
#[derive(Clone, Debug, SimpleObject)]
pub struct OptionField {
    /// Its name.
    name: &'static str,
    /// What it means and when to change it, in English.
    description: &'static str,
    /// Its value when a connection sets none.
    default: &'static str,
    /// The values it may have; empty: any text.
    values: Vec<&'static str>,
}

/// How a provider asks what to do with a call: a connection can have a document for each purpose, which is the answer.
#[derive(Clone, Debug, SimpleObject)]
pub struct CallControl {
    /// What the provider calls its language, e.g. `TwiML`.
    language: &'static str,
    /// The syntax of documents.
    syntax: DocumentSyntax,
    /// Name of the root element of XML documents, e.g. `Response`; null for JSON.
    root: Option<&'static str>,
    /// The purposes whose answer steers the call; never empty.
    purposes: Vec<&'static str>,
    /// What is answered without a document and what it does to the call, in English.
    default_effect: &'static str,
    /// Bytes of the longest document.
    max_bytes: i32,
}

/// The syntax of call control documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum DocumentSyntax {
    /// One element of XML.
    Xml,
    /// A JSON array of actions.
    JsonArray,
}

impl From<&'static dyn telephony::Provider> for Provider {
    fn from(provider: &'static dyn telephony::Provider) -> Self {
        let secrets = provider.secret_fields().iter().map(|field| SecretField {
            name: field.name,
            required: field.required,
            description: field.description,
            previous: field.previous,
        });
        let options = provider.options().iter().map(|field| OptionField {
            name: field.name,
            description: field.description,
            default: field.default,
            values: field.values.to_vec(),
        });
        Self {
            key: provider.key(),
            title: provider.title(),
            purposes: provider.purposes().to_vec(),
            secret_fields: secrets.collect(),
            option_fields: options.collect(),
            call_control: provider.call_control().map(CallControl::from),
            setup: provider.setup().to_vec(),
            advice: provider.advice(),
            url_fragment: provider.url_fragment(),
        }
    }
}

impl From<telephony::CallControl> for CallControl {
    fn from(control: telephony::CallControl) -> Self {
        let (syntax, root) = match control.syntax {
            telephony::Syntax::Xml { root } => (DocumentSyntax::Xml, Some(root)),
            telephony::Syntax::JsonArray => (DocumentSyntax::JsonArray, None),
        };
        Self {
            language: control.language,
            syntax,
            root,
            purposes: control.purposes.to_vec(),
            default_effect: control.default_effect,
            max_bytes: i32::try_from(telephony::MAX_DOCUMENT).unwrap_or(i32::MAX),
        }
    }
}
