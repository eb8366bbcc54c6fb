//! Keyset pages: a page is what comes after a row, never an offset, so that the thousandth page costs what the first does
//! and rows that arrive meanwhile neither repeat nor vanish.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition};
use uuid::Uuid;

use crate::{Error, Result};

/// Rows of a page when nothing is asked, and the most that may be asked.
pub const DEFAULT_FIRST: u64 = 25;
/// See [`DEFAULT_FIRST`].
pub const MAX_FIRST: u64 = 100;

/// Where a row stands in a list ordered by time, then id, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Value of the ordering column.
    pub at: DateTime<Utc>,
    /// Id of the row, which breaks ties.
    pub id: Uuid,
}

impl Cursor {
    /// Opaque form for clients: base64url of 8 bytes of microseconds and 16 of id.
    pub fn encode(self) -> String {
        let mut bytes = [0; 24];
        let (at, id) = bytes.split_at_mut(8);
        at.copy_from_slice(&self.at.timestamp_micros().to_be_bytes());
        id.copy_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the opaque form back.
    pub fn decode(text: &str) -> Result<Self> {
        let parse = || {
            let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
            let (at, id) = bytes.split_at(8);
            let at = DateTime::from_timestamp_micros(i64::from_be_bytes(at.try_into().ok()?))?;
            Some(Self { at, id: Uuid::from_slice(id).ok()? })
        };
        parse().ok_or_else(|| {
            Error::invalid("after", "This is not a cursor of this list. Use `endCursor` of a page as it came.")
        })
    }

    /// Rows after this one, where `at` and `id` are the ordering columns, both descending.
    pub fn condition<C: ColumnTrait>(self, at: C, id: C) -> Condition {
        Condition::any().add(at.lt(self.at)).add(Condition::all().add(at.eq(self.at)).add(id.lt(self.id)))
    }
}

/// Which page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows wanted.
    pub first: u64,
    /// After which row.
    pub after: Option<Cursor>,
}

impl PageRequest {
    /// From Relay's arguments. `first` must be 1 to [`MAX_FIRST`].
    pub fn new(first: Option<i32>, after: Option<&str>) -> Result<Self> {
        let first = match first {
            None => DEFAULT_FIRST,
            Some(first) => u64::try_from(first)
                .ok()
                .filter(|first| (1..=MAX_FIRST).contains(first))
                .ok_or_else(|| Error::invalid("first", format!("Ask for 1 to {MAX_FIRST} rows.")))?,
        };
        Ok(Self { first, after: after.map(Cursor::decode).transpose()? })
    }

    /// How many rows to read: one more than wanted, which tells whether there is a next page without counting.
    pub fn limit(self) -> u64 {
        self.first + 1
    }
}

/// A page of rows.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows with their cursors.
    pub rows: Vec<(Cursor, T)>,
    /// Is there a row after the last one?
    pub has_next: bool,
    /// Was the page asked for after some row?
    pub has_previous: bool,
}

impl<T> Page<T> {
    /// From [`PageRequest::limit`] rows.
    pub fn new(request: PageRequest, mut rows: Vec<T>, cursor: impl Fn(&T) -> Cursor) -> Self {
        let wanted = usize::try_from(request.first).unwrap_or(usize::MAX);
        let has_next = rows.len() > wanted;
        rows.truncate(wanted);
        Self {
            rows: rows.into_iter().map(|row| (cursor(&row), row)).collect(),
            has_next,
            has_previous: request.after.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn cursors_survive_the_round_trip_and_nothing_else_is_taken() {
        let cursor =
            Cursor { at: DateTime::from_timestamp_micros(1_770_897_647_123_456).unwrap(), id: Uuid::from_u128(42) };
        assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
        for text in ["", "x", "AAAA", "☎", &format!("{}A", cursor.encode())] {
            assert!(Cursor::decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn first_has_limits() {
        assert_eq!(PageRequest::new(None, None).unwrap().first, DEFAULT_FIRST);
        for first in [0, -1, 101, i32::MAX] {
            assert!(PageRequest::new(Some(first), None).is_err(), "{first}");
        }
    }
}
