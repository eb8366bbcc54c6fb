//! Whether a text is one well-formed XML element: enough to keep a slip of the pen out of a live phone line.

/// Whether the text is one element of this name with nothing but white space, comments and an XML declaration around it,
/// every tag closed in its order, every attribute quoted, every `&` an entity, and no document type (which could pull in
/// other files).
pub(crate) fn is_one_element(text: &str, root: &str) -> bool {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    if let Some(declaration) = rest.strip_prefix("<?xml") {
        let Some((_, after)) = declaration.split_once("?>") else { return false };
        rest = after;
    }
    let mut open: Vec<&str> = Vec::new();
    let mut finished = false;
    loop {
        let (text, markup) = match rest.find('<') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if (open.is_empty() && !text.trim().is_empty()) || !entities_are_closed(text) {
            return false;
        }
        if markup.is_empty() {
            return finished && open.is_empty();
        }
        if let Some(comment) = markup.strip_prefix("<!--") {
            let Some((_, after)) = comment.split_once("-->") else { return false };
            rest = after;
            continue;
        }
        if let Some(data) = markup.strip_prefix("<![CDATA[") {
            let Some((_, after)) = data.split_once("]]>") else { return false };
            if open.is_empty() {
                return false;
            }
            rest = after;
            continue;
        }
        if let Some(closing) = markup.strip_prefix("</") {
            let Some((name, after)) = closing.split_once('>') else { return false };
            if open.pop() != Some(name.trim_end()) {
                return false;
            }
            finished = open.is_empty();
            rest = after;
            continue;
        }
        let Some(tag) = Tag::read(markup) else { return false };
        if open.is_empty() && (finished || tag.name != root) {
            return false;
        }
        if tag.empty {
            finished |= open.is_empty();
        } else {
            open.push(tag.name);
        }
        rest = tag.after;
    }
}

/// An opening tag.
struct Tag<'a> {
    name: &'a str,
    /// Closed by itself: `<Hangup/>`.
    empty: bool,
    after: &'a str,
}

impl<'a> Tag<'a> {
    fn read(markup: &'a str) -> Option<Self> {
        let markup = markup.strip_prefix('<')?;
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        let (name, mut rest) = markup.split_at(markup.find(|c| !is_name(c))?);
        if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return None;
        }
        loop {
            let trimmed = rest.trim_start();
            if let Some(after) = trimmed.strip_prefix("/>") {
                return Some(Self { name, empty: true, after });
            }
            if let Some(after) = trimmed.strip_prefix('>') {
                return Some(Self { name, empty: false, after });
            }
            // An attribute: white space, name, `=`, quoted value without `<`.
            if trimmed.len() == rest.len() {
                return None;
            }
            let (attribute, after) = trimmed.split_once('=')?;
            let attribute = attribute.trim_end();
            if attribute.is_empty() || attribute.contains(|c| !is_name(c)) {
                return None;
            }
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, after) = after.get(1..)?.split_once(quote)?;
            if value.contains('<') || !entities_are_closed(value) {
                return None;
            }
            rest = after;
        }
    }
}

/// Whether every `&` begins an entity (`&amp;`, `&#39;`).
fn entities_are_closed(text: &str) -> bool {
    text.split('&').skip(1).all(|piece| {
        let Some((name, _)) = piece.split_once(';') else { return false };
        matches!(name, "amp" | "lt" | "gt" | "quot" | "apos")
            || name.strip_prefix('#').is_some_and(|code| {
                let hex = code.strip_prefix(['x', 'X']);
                let digits = hex.unwrap_or(code);
                !digits.is_empty()
                    && digits.len() <= 8
                    && digits.chars().all(|c| c.is_ascii_hexdigit() && (hex.is_some() || c.is_ascii_digit()))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::is_one_element;

    #[test]
    fn documents_of_the_vendors_pass() {
        for good in [
            "<Response/>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response></Response>\n",
            "<Response><Say voice='alice'>Hello &amp; welcome, it&#39;s us</Say><Dial timeout=\"20\" action=\"/x?a=1&amp;b=2\"><Number>+49 30</Number></Dial></Response>",
            "<!-- ours -->\n<Response>\n  <Play loop = \"2\">https://x</Play>\n  <![CDATA[a < b & c]]>\n</Response>",
        ] {
            assert!(is_one_element(good, "Response"), "{good}");
        }
    }

    #[test]
    fn slips_are_seen() {
        for bad in [
            "",
            "hello",
            "<Response>",
            "<Response><Say>Hi</Response>",
            "<Response></Say></Response>",
            "<Response/><Response/>",
            "<response/>",
            "<Response>a & b</Response>",
            "<Response><Dial timeout=20/></Response>",
            "<Response><Dial a=\"<\"/></Response>",
            "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><Response/>",
            "<Response>&x;</Response>",
            "<Response/> and more",
            "[]",
        ] {
            assert!(!is_one_element(bad, "Response"), "{bad}");
        }
    }
}
