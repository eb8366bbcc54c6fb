//! What an operation may cost, decided before any of it runs.
//!
//! Everything is counted on the document as it would be executed, fragments put in: twenty fragments that each use the next
//! one twice are a million fields in twenty lines.

use async_graphql::{
    Positioned, Request, SchemaBuilder, ServerError,
    parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet},
};

/// Longest document, in bytes.
pub const MAX_DOCUMENT: usize = 64 * 1024;
/// Most fields of all operations of a document together, fragments put in.
pub const MAX_FIELDS: usize = 2_000;
/// Most levels of fields and fragments.
pub const MAX_DEPTH: usize = 24;
/// Most values an answer may consist of, roughly: fields times rows. 100 rows of 60 fields are 6 000.
pub const MAX_COMPLEXITY: usize = 10_000;
/// Most fields at the root of a query.
pub const MAX_QUERY_ROOTS: usize = 20;
/// Most fields at the root of a mutation: each may hash a password or hold the database.
pub const MAX_MUTATION_ROOTS: usize = 5;
/// Most directives on one field.
pub const MAX_DIRECTIVES: usize = 5;
/// Most lists inside one another in a question about the schema; each multiplies the answer by dozens.
const MAX_INTROSPECTION_LISTS: usize = 2;

/// Fields of the schema about itself that are long lists leading back to types.
const INTROSPECTION_LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
/// Mutations that work without a session.
const PUBLIC: [&str; 2] = ["login", "refresh"];

/// The limits that the library itself knows.
pub(super) fn apply<Q, M, S>(builder: SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S> {
    builder
        .limit_complexity(MAX_COMPLEXITY)
        .limit_depth(MAX_DEPTH)
        .limit_recursive_depth(MAX_DEPTH)
        .limit_directives(MAX_DIRECTIVES)
}

/// What kind of operation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads.
    Query,
    /// Writes.
    Mutation,
    /// Follows.
    Subscription,
}

impl Kind {
    /// For metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
            Self::Subscription => "subscription",
        }
    }
}

/// An operation that may be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// What kind it is.
    pub kind: Kind,
    /// Does it consist of `login` or `refresh` alone, which work without a session?
    pub public: bool,
}

/// Parses the document (once; it stays in the request) and looks at its size.
pub fn admit(request: &mut Request) -> Result<Admitted, ServerError> {
    if request.query.trim().is_empty() {
        return refuse("Send a GraphQL document in the field \"query\".");
    }
    if request.query.len() > MAX_DOCUMENT {
        return refuse("The document is too long. Send several smaller ones.");
    }
    let name = request.operation_name.clone();
    let document = request.parsed_query()?;
    let mut budget = MAX_FIELDS;
    for (_, operation) in document.operations.iter() {
        let walk = Walk { document, budget: &mut budget };
        walk.selection(&operation.node.selection_set.node, 0, 0)?;
    }
    let operation = document
        .operations
        .iter()
        .filter(|(known, _)| name.as_deref().is_none_or(|name| known.is_some_and(|known| known == name)))
        .map(|(_, operation)| operation)
        .collect::<Vec<_>>();
    let operation = match operation.as_slice() {
        [operation] => &operation.node,
        [] => return refuse("The document has no operation of this name. Check \"operationName\"."),
        _ => return refuse("The document has several operations. Say in \"operationName\" which one to execute."),
    };
    let mut roots = Vec::new();
    root_names(document, &operation.selection_set.node, &mut roots);
    let (kind, most) = match operation.ty {
        OperationType::Query => (Kind::Query, MAX_QUERY_ROOTS),
        OperationType::Mutation => (Kind::Mutation, MAX_MUTATION_ROOTS),
        OperationType::Subscription => (Kind::Subscription, 1),
    };
    if roots.len() > most {
        return refuse(match kind {
            Kind::Query => "Too many fields at the root of the query: at most 20.",
            Kind::Mutation => "Too many fields at the root of the mutation: at most 5.",
            Kind::Subscription => "A subscription has exactly one field at its root.",
        });
    }
    let sign_ins = roots.iter().filter(|root| PUBLIC.contains(root)).count();
    if sign_ins > 1 {
        return refuse("Sign in once per request.");
    }
    let public = kind == Kind::Mutation
        && sign_ins == 1
        && roots.iter().all(|root| PUBLIC.contains(root) || *root == "__typename");
    Ok(Admitted { kind, public })
}

fn refuse<T>(message: &str) -> Result<T, ServerError> {
    Err(ServerError::new(message, None))
}

/// Counts fields, levels and lists. Written so that no document makes it work long: every step takes from the budget.
struct Walk<'a> {
    document: &'a ExecutableDocument,
    budget: &'a mut usize,
}

impl Walk<'_> {
    fn selection(self, set: &SelectionSet, depth: usize, lists: usize) -> Result<(), ServerError> {
        if depth > MAX_DEPTH {
            return refuse("The document is nested too deeply.");
        }
        for item in &set.items {
            *self.budget = match self.budget.checked_sub(1) {
                Some(rest) => rest,
                None => return refuse("The document has too many fields. Send several smaller ones."),
            };
            let (inner, lists) = match &item.node {
                Selection::Field(field) => {
                    let list = INTROSPECTION_LISTS.contains(&field.node.name.node.as_str());
                    (Some(&field.node.selection_set.node), lists + usize::from(list))
                }
                Selection::InlineFragment(fragment) => (Some(&fragment.node.selection_set.node), lists),
                // Validation tells the client about a fragment that does not exist.
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    (fragment.map(|fragment| &fragment.node.selection_set.node), lists)
                }
            };
            if lists > MAX_INTROSPECTION_LISTS {
                return refuse("The question about the schema is nested too deeply.");
            }
            if let Some(inner) = inner {
                let walk = Walk { document: self.document, budget: &mut *self.budget };
                walk.selection(inner, depth + 1, lists)?;
            }
        }
        Ok(())
    }
}

/// Names at the root, fragments put in. The walk has made sure that fragments do not go round in circles.
fn root_names<'a>(document: &'a ExecutableDocument, set: &'a SelectionSet, names: &mut Vec<&'a str>) {
    for Positioned { node, .. } in &set.items {
        match node {
            Selection::Field(field) => names.push(field.node.name.node.as_str()),
            Selection::InlineFragment(fragment) => root_names(document, &fragment.node.selection_set.node, names),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    root_names(document, &fragment.node.selection_set.node, names);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::fmt::Write as _;

    use super::*;

    fn admitted(query: &str) -> Result<Admitted, String> {
        admit(&mut Request::new(query)).map_err(|error| error.message)
    }

    #[test]
    fn only_signing_in_works_without_a_session() {
        for public in [
            r#"mutation { login(input: {email: "a", password: "b"}) { expiresAt } }"#,
            "mutation { refresh { accessToken } }",
            "mutation { __typename ...on Mutation { refresh { accessToken } } }",
            "mutation { ...f } fragment f on Mutation { refresh { accessToken } }",
        ] {
            assert!(admitted(public).unwrap().public, "{public}");
        }
        for private in [
            "{ me { id } }",
            "{ __schema { queryType { name } } }",
            "{ __typename }",
            "{ login { expiresAt } }",
            "mutation { logout { ok } }",
            "mutation { __typename }",
            "mutation { login(input: {}) { expiresAt } logout { ok } }",
            "mutation { refresh { accessToken } ...f } fragment f on Mutation { logout { ok } }",
            "mutation { refresh: logout { ok } }",
        ] {
            assert!(!admitted(private).unwrap().public, "{private}");
        }
        assert!(admitted("mutation { a: refresh { accessToken } b: refresh { accessToken } }").is_err());
    }

    #[test]
    fn bombs_are_refused_before_anything_expands_them() {
        // 2^22 fields, in 23 fragments.
        let mut doubling = "{ ...f0 }".to_owned();
        for i in 0..22 {
            write!(doubling, " fragment f{i} on Query {{ ...f{n} ...f{n} }}", n = i + 1).unwrap();
        }
        doubling.push_str(" fragment f22 on Query { __typename }");
        let circle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
        let aliases = format!("{{ {} }}", (0..30).map(|i| format!("a{i}: me {{ id }}")).collect::<Vec<_>>().join(" "));
        let types =
            "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }";
        let deep = format!("{{ {}id{} }}", "a { ".repeat(30), " }".repeat(30));
        let two = "subscription { a: callActivity { __typename } b: callActivity { __typename } }";
        let long = format!("{{ me {{ id }} }} #{}", "x".repeat(MAX_DOCUMENT));
        for bomb in [&doubling, circle, &aliases, types, &deep, two, &long, "", "  ", "{", "{ a } { b }"] {
            assert!(admitted(bomb).is_err(), "{}", &bomb[..bomb.len().min(60)]);
        }
    }

    #[test]
    fn the_operation_is_chosen_by_name() {
        let document = "query A { me { id } } mutation B { refresh { expiresAt } }";
        let named = |name: &str| admit(&mut Request::new(document).operation_name(name));
        assert_eq!(named("A").unwrap().kind, Kind::Query);
        assert_eq!(named("B").unwrap(), Admitted { kind: Kind::Mutation, public: true });
        assert!(named("C").is_err());
        assert!(admitted(document).is_err());
        assert_eq!(admitted("query A { me { id } }").unwrap().kind, Kind::Query);
    }
}
