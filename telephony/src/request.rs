//! A webhook request as it came in.

/// HTTP method of a webhook request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET: the parameters are in the query.
    Get,
    /// POST: the parameters are in the body.
    Post,
    /// OPTIONS: only ever a handshake; never stored.
    Options,
}

/// A webhook request as the provider sent it: nothing is decoded, because signatures cover the raw bytes.
#[derive(Clone, Copy)]
pub struct HookRequest<'a> {
    /// The method.
    pub method: Method,
    /// The full public URL with scheme, host, path and query as the provider was configured to call it, percent-encoding
    /// as sent. Built from the configured public URL, never from `Host` or forwarding headers. A fragment is not sent by
    /// providers and is ignored here.
    pub url: &'a str,
    /// Header names and values in the order they came.
    pub headers: &'a [(String, String)],
    /// The raw body.
    pub body: &'a [u8],
}

impl<'a> HookRequest<'a> {
    /// The first value of a header, its name compared without regard to case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The URL without a fragment.
    pub(crate) fn url_without_fragment(&self) -> &'a str {
        without_fragment(self.url)
    }

    /// The query of the URL without `?`; empty when there is none.
    pub(crate) fn query(&self) -> &'a str {
        self.url_without_fragment().split_once('?').map_or("", |(_, query)| query)
    }
}

/// Cuts a fragment off a URL.
pub(crate) fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(before, _)| before)
}

impl std::fmt::Debug for HookRequest<'_> {
    /// Neither values of headers nor the query nor the body: they hold phone numbers.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.url.split(['?', '#']).next().unwrap_or_default();
        f.debug_struct("HookRequest")
            .field("method", &self.method)
            .field("url", &path)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
