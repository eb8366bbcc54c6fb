//! What providers are answered.

use std::borrow::Cow;

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`, when there is a body.
    pub content_type: Option<&'static str>,
    /// Further headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body; may be empty.
    pub body: Cow<'static, str>,
}

impl Answer {
    /// 204 without a body.
    pub const NO_CONTENT: Self = Self::empty(204);
    /// 200 without a body.
    pub const OK: Self = Self::empty(200);

    /// An answer without a body.
    pub const fn empty(status: u16) -> Self {
        Self { status, content_type: None, headers: Vec::new(), body: Cow::Borrowed("") }
    }

    /// 200 with a body.
    pub const fn document(content_type: &'static str, body: &'static str) -> Self {
        Self { status: 200, content_type: Some(content_type), headers: Vec::new(), body: Cow::Borrowed(body) }
    }

    /// The same answer with one more header, its name in lower case.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// How a provider asks what to do with a call. The answer to such a request steers the call, so each connection can have
/// its own for each of [`CallControl::purposes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallControl {
    /// What the provider calls its language: `TwiML`, `NCCO`, `BXML`.
    pub language: &'static str,
    /// `Content-Type` of a document.
    pub content_type: &'static str,
    /// The purposes whose answer steers the call; never empty.
    pub purposes: &'static [&'static str],
    /// Whether documents are XML or JSON.
    pub syntax: Syntax,
    /// The document that is answered when the connection has none, and what it does to the call, in a sentence.
    pub default_effect: &'static str,
}

/// The syntax of call control documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// One root element of this name.
    Xml {
        /// Name of the root element, e.g. `Response`.
        root: &'static str,
    },
    /// A JSON array.
    JsonArray,
}

/// Bytes of the largest call control document: providers refuse more than 64 to 100 kB.
pub const MAX_DOCUMENT: usize = 64 * 1024;

/// Why a call control document cannot be used. The text goes to whoever wrote the document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is too long.
    #[error("a document has at most 65536 bytes")]
    TooLong,
    /// It is not what the provider reads.
    #[error("this must be one <{root}>…</{root}> element of XML")]
    NotXml {
        /// Name of the root element.
        root: &'static str,
    },
    /// It is not what the provider reads.
    #[error("this must be a JSON array of actions, such as [{{\"action\": \"talk\", \"text\": \"Hello\"}}]")]
    NotJson,
}

impl CallControl {
    /// Whether the provider could read the document: its size, and that it is a JSON array or one XML element of the right
    /// name whose tags close each other. What the actions mean is not looked at.
    pub fn check(&self, document: &str) -> Result<(), DocumentError> {
        if document.len() > MAX_DOCUMENT {
            return Err(DocumentError::TooLong);
        }
        match self.syntax {
            Syntax::JsonArray => match serde_json::from_str::<Vec<serde_json::Value>>(document) {
                Ok(_) => Ok(()),
                Err(_) => Err(DocumentError::NotJson),
            },
            Syntax::Xml { root } => {
                if crate::xml::is_one_element(document, root) {
                    Ok(())
                } else {
                    Err(DocumentError::NotXml { root })
                }
            }
        }
    }
}
