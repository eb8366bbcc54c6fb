//! `application/x-www-form-urlencoded`, decoded to bytes because signatures cover bytes.

/// A decoded pair of name and value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// The pairs of a form in the order they were sent; empty pieces between `&` are skipped.
/// `None`: a piece has no `=`. Providers send `name=` for an empty value, and a piece without `=` could otherwise move the
/// border between a name and its value without changing the text that is signed.
pub(crate) fn pairs(form: &[u8]) -> Option<Vec<Pair>> {
    pieces(form).map(|(name, value)| Some((name, value?))).collect()
}

/// The pairs of a query in the order they were sent; a piece without `=` is a name with an empty value.
pub(crate) fn parameters(query: &[u8]) -> Vec<Pair> {
    pieces(query).map(|(name, value)| (name, value.unwrap_or_default())).collect()
}

fn pieces(form: &[u8]) -> impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)> {
    let pieces = form.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty());
    pieces.map(|piece| match piece.iter().position(|byte| *byte == b'=').and_then(|at| piece.split_at_checked(at)) {
        Some((name, value)) => (decode(name), Some(decode(value.get(1..).unwrap_or_default()))),
        None => (decode(piece), None),
    })
}

/// The parameters of a form for reading: text, invalid UTF-8 replaced.
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a form. Every text is one, if only of names without values.
    pub(crate) fn read(form: &[u8]) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self(pieces(form).map(|(name, value)| (text(name), text(value.unwrap_or_default()))).collect())
    }

    /// The first value of a parameter; `None` when it was not sent.
    pub(crate) fn sent(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a parameter; `None` when it was not sent or is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.sent(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The value as a number; `None` when it is none.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// All pairs, sorted: the same for the same parameters in another order.
    pub(crate) fn sorted(&self) -> Vec<&(String, String)> {
        let mut pairs: Vec<_> = self.0.iter().collect();
        pairs.sort();
        pairs
    }
}

fn decode(text: &[u8]) -> Vec<u8> {
    unescape(text, true)
}

/// A text in which only `%` and two digits stand for a byte: a `+` is a plus.
pub(crate) fn percent_decoded(text: &[u8]) -> Vec<u8> {
    unescape(text, false)
}

fn unescape(text: &[u8], plus_is_space: bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' if plus_is_space => decoded.push(b' '),
            b'%' => match after.split_at_checked(2).and_then(|(code, after)| Some((hex_byte(code)?, after))) {
                Some((byte, after)) => {
                    decoded.push(byte);
                    rest = after;
                }
                None => decoded.push(b'%'),
            },
            byte => decoded.push(*byte),
        }
    }
    decoded
}

fn hex_byte(code: &[u8]) -> Option<u8> {
    let mut byte = [0];
    hex::decode_to_slice(code, &mut byte).ok().map(|()| byte[0])
}
