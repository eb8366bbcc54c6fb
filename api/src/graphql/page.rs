//! Pages in Relay's form (GraphQL Cursor Connections), forward only, over the keyset pages of the rules.

use async_graphql::{Object, SimpleObject};
use switchboard_core::page::{DEFAULT_FIRST, Page, PageRequest};

use super::{
    error::Result,
    types::{AuditEntry, Caller, Interaction, Note, User},
};

/// What a page inside another object costs besides its rows: it is a statement of its own for every such object, so a list
/// of objects that each have one is soon too complex.
pub(super) const NESTED: usize = 200;

/// Rows of a page inside another object when nothing is asked.
pub(super) const NESTED_FIRST: i32 = 20;

/// Where a page stands in its list.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    /// Are there more rows after this page?
    has_next_page: bool,
    /// Was this page asked for with `after`, so that there are rows before it?
    has_previous_page: bool,
    /// Cursor of the first row; null when the page is empty.
    start_cursor: Option<String>,
    /// Cursor of the last row: the `after` of the next page. Null when the page is empty.
    end_cursor: Option<String>,
}

impl PageInfo {
    fn new<R>(page: &Page<R>) -> Self {
        Self {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: page.rows.first().map(|(cursor, _)| cursor.encode()),
            end_cursor: page.rows.last().map(|(cursor, _)| cursor.encode()),
        }
    }
}

macro_rules! connections {
    ($($node:ident $edge:ident $connection:ident $rows:literal),* $(,)?) => {$(
        #[doc = concat!("One of a page of ", $rows, ", with its place in the list.")]
        #[derive(Debug, SimpleObject)]
        pub struct $edge {
            /// Place of the row in the list, for `after`. Opaque.
            cursor: String,
            /// The row.
            node: $node,
        }

        #[doc = concat!("One page of ", $rows, ".")]
        #[derive(Debug)]
        pub struct $connection {
            edges: Vec<$edge>,
            info: PageInfo,
        }

        impl $connection {
            /// From a page of rows.
            pub(super) fn new<R>(page: Page<R>, node: impl Fn(R) -> $node) -> Self {
                let info = PageInfo::new(&page);
                let rows = page.rows.into_iter();
                Self { edges: rows.map(|(cursor, row)| $edge { cursor: cursor.encode(), node: node(row) }).collect(), info }
            }
        }

        #[doc = concat!("One page of ", $rows, ". The next one is asked for with `after: pageInfo.endCursor`; rows that arrive ",
            "in the meantime neither repeat nor vanish.")]
        #[Object]
        impl $connection {
            /// The rows with their places in the list.
            async fn edges(&self) -> &[$edge] {
                &self.edges
            }

            /// The rows alone.
            async fn nodes(&self) -> Vec<&$node> {
                self.edges.iter().map(|edge| &edge.node).collect()
            }

            /// Where the page stands in the list.
            async fn page_info(&self) -> &PageInfo {
                &self.info
            }
        }
    )*};
}

connections! {
    Caller CallerEdge CallerConnection "callers",
    Interaction InteractionEdge InteractionConnection "calls",
    Note NoteEdge NoteConnection "notes",
    User UserEdge UserConnection "people",
    AuditEntry AuditEntryEdge AuditEntryConnection "the record of changes",
}

/// The page that Relay's arguments ask for.
pub(super) fn request(first: Option<i32>, after: Option<&str>) -> Result<PageRequest> {
    Ok(PageRequest::new(first, after)?)
}

/// Complexity of a page: its rows times what is asked of each. What is out of range is counted as the default, and
/// refused by [`request`] with a better sentence.
pub(super) fn cost(first: Option<i32>, each: usize) -> usize {
    let default = usize::try_from(DEFAULT_FIRST).unwrap_or(usize::MAX);
    let rows = first.and_then(|first| usize::try_from(first).ok()).unwrap_or(default);
    rows.saturating_mul(each).saturating_add(1)
}
