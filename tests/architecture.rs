//! The dependency directions of `docs/architecture.md`, as `deny.toml` writes them down, hold for the real graph.
//! The same rules as `cargo deny check bans`, checked with nothing but cargo.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
struct DenyFile {
    bans: Bans,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

/// One line of `bans.deny`: the crate may be depended on by its wrappers only, without wrappers by nobody.
#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    wrappers: Vec<String>,
}

/// The parts of `cargo metadata` that are needed.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// `None` for a normal dependency, else `dev` or `build`.
    kind: Option<String>,
}

/// Parent depends on child, by crate name. `shipped`: in the product, not for its tests only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    parent: String,
    child: String,
    shipped: bool,
}

struct Graph {
    edges: BTreeSet<Edge>,
    members: BTreeSet<String>,
}

impl Graph {
    /// The resolved graph of this checkout, for the machine it runs on, without the network.
    fn of_this_workspace() -> Self {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let output = Command::new(&cargo)
            .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &host()])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo can be started");
        assert!(output.status.success(), "cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Metadata = serde_json::from_slice(&output.stdout).expect("cargo metadata prints its JSON");
        Self::new(metadata)
    }

    fn new(metadata: Metadata) -> Self {
        let names: BTreeMap<_, _> = metadata.packages.into_iter().map(|package| (package.id, package.name)).collect();
        let name = |id: &str| names.get(id).cloned().expect("every node is a package");
        let edges = metadata
            .resolve
            .nodes
            .iter()
            .flat_map(|node| {
                node.deps.iter().map(|dependency| Edge {
                    parent: name(&node.id),
                    child: name(&dependency.pkg),
                    shipped: dependency.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev")),
                })
            })
            .collect();
        let members = metadata.workspace_members.iter().map(|id| name(id)).collect();
        Self { edges, members }
    }

    fn made_up(members: &[&str], edges: &[(&str, &str, bool)]) -> Self {
        Self {
            edges: edges
                .iter()
                .map(|&(parent, child, shipped)| Edge { parent: parent.to_owned(), child: child.to_owned(), shipped })
                .collect(),
            members: members.iter().map(|&name| name.to_owned()).collect(),
        }
    }
}

/// The triple that cargo builds for, such as `x86_64-unknown-linux-gnu`.
fn host() -> String {
    let output = Command::new(std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()))
        .arg("-vV")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("rustc can be started");
    let text = String::from_utf8(output.stdout).expect("rustc prints UTF-8");
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc -vV names the host").to_owned()
}

fn bans() -> Vec<Ban> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml");
    let text = std::fs::read_to_string(path).expect("deny.toml can be read");
    toml::from_str::<DenyFile>(&text).expect("deny.toml has bans.deny with crate and wrappers").bans.deny
}

/// Every edge into a banned crate from somebody who is not one of its wrappers, as a sentence.
fn violations(graph: &Graph, bans: &[Ban]) -> Vec<String> {
    let mut found = Vec::new();
    for ban in bans {
        for edge in graph.edges.iter().filter(|edge| edge.child == ban.name) {
            if ban.wrappers.contains(&edge.parent) {
                continue;
            }
            found.push(if ban.wrappers.is_empty() {
                format!("{} depends on {}, which deny.toml bans outright", edge.parent, edge.child)
            } else {
                format!(
                    "{} depends on {}, which deny.toml leaves to {}",
                    edge.parent,
                    edge.child,
                    ban.wrappers.join(", ")
                )
            });
        }
    }
    found
}

/// What each crate of the workspace may use of the others in the product. The root and the benchmarks may use all.
const INNER: &[(&str, &[&str])] = &[
    ("switchboard-api", &["switchboard-core", "switchboard-entities", "switchboard-telephony", "switchboard-web"]),
    ("switchboard-worker", &["switchboard-core", "switchboard-entities", "switchboard-telephony"]),
    ("switchboard-bridge", &[]),
    ("switchboard-core", &["switchboard-entities", "switchboard-telephony"]),
    ("switchboard-entities", &[]),
    ("switchboard-migration", &[]),
    ("switchboard-telephony", &[]),
    ("switchboard-simulator", &["switchboard-telephony"]),
    ("switchboard-web", &[]),
];

/// Crates above the directions: the composition root, and the benchmarks that measure all of it.
const ABOVE: &[&str] = &["switchboard", "switchboard-bench"];

/// Edges between workspace crates that point the wrong way. Tests may in addition use the migrations, to have tables.
fn inner_violations(graph: &Graph, inner: &[(&str, &[&str])]) -> Vec<String> {
    let mut found = Vec::new();
    for member in &graph.members {
        if !ABOVE.contains(&member.as_str()) && !inner.iter().any(|(name, _)| name == member) {
            found.push(format!("{member} is not in the table of tests/architecture.rs: say what it may depend on"));
        }
    }
    for edge in graph.edges.iter().filter(|edge| graph.members.contains(&edge.child)) {
        if ABOVE.contains(&edge.parent.as_str()) || (!edge.shipped && edge.child == "switchboard-migration") {
            continue;
        }
        let allowed = inner.iter().find(|(name, _)| *name == edge.parent).map_or(&[][..], |(_, uses)| *uses);
        if !allowed.contains(&edge.child.as_str()) {
            let how = if edge.shipped { "depends on" } else { "depends for its tests on" };
            found.push(format!(
                "{} {how} {}: the directions in docs/architecture.md forbid it",
                edge.parent, edge.child
            ));
        }
    }
    found
}

#[test]
fn the_workspace_keeps_its_directions() {
    let graph = Graph::of_this_workspace();
    assert!(graph.members.contains("switchboard-core"), "the graph is not this workspace's");
    let mut found = violations(&graph, &bans());
    found.extend(inner_violations(&graph, INNER));
    assert!(found.is_empty(), "forbidden dependencies:\n  {}", found.join("\n  "));
}

#[test]
fn the_rules_are_still_written_down() {
    let bans = bans();
    let graph = Graph::of_this_workspace();
    for name in
        ["axum", "async-graphql", "apalis", "redis", "argon2", "chacha20poly1305", "sea-orm", "sea-orm-migration"]
    {
        let ban = bans.iter().find(|ban| ban.name == name);
        assert!(ban.is_some_and(|ban| !ban.wrappers.is_empty()), "deny.toml no longer says who may use {name}");
        assert!(
            graph.edges.iter().any(|edge| edge.child == name),
            "{name} is not in the graph: its rule checks nothing"
        );
    }
    for name in ["openssl", "openssl-sys", "native-tls"] {
        let ban = bans.iter().find(|ban| ban.name == name);
        assert!(ban.is_some_and(|ban| ban.wrappers.is_empty()), "deny.toml no longer bans {name}");
    }
    for member in graph.members.iter().filter(|name| *name != "switchboard-bench") {
        assert!(bans.iter().any(|ban| ban.name == *member), "deny.toml does not say who may depend on {member}");
    }
}

#[test]
fn a_forbidden_dependency_is_found() {
    let bans = [
        Ban { name: "axum".to_owned(), wrappers: vec!["switchboard-api".to_owned()] },
        Ban { name: "openssl".to_owned(), wrappers: Vec::new() },
    ];
    let good = Graph::made_up(&["switchboard-api"], &[("switchboard-api", "axum", true), ("axum", "hyper", true)]);
    assert_eq!(violations(&good, &bans), Vec::<String>::new());

    let bad = Graph::made_up(
        &["switchboard-api", "switchboard-core"],
        &[("switchboard-api", "axum", true), ("switchboard-core", "axum", false), ("reqwest", "openssl", true)],
    );
    assert_eq!(
        violations(&bad, &bans),
        [
            "switchboard-core depends on axum, which deny.toml leaves to switchboard-api",
            "reqwest depends on openssl, which deny.toml bans outright",
        ]
    );
}

#[test]
fn an_upward_dependency_is_found() {
    let members =
        ["switchboard", "switchboard-core", "switchboard-entities", "switchboard-migration", "switchboard-api"];
    let good = Graph::made_up(
        &members,
        &[
            ("switchboard", "switchboard-api", true),
            ("switchboard-core", "switchboard-entities", true),
            ("switchboard-core", "switchboard-migration", false),
            ("switchboard-core", "serde", true),
        ],
    );
    assert_eq!(inner_violations(&good, INNER), Vec::<String>::new());

    let bad = Graph::made_up(
        &members,
        &[
            ("switchboard-core", "switchboard-api", true),
            ("switchboard-core", "switchboard-migration", true),
            ("switchboard-entities", "switchboard-core", false),
        ],
    );
    assert_eq!(inner_violations(&bad, INNER).len(), 3);

    let unknown = Graph::made_up(&["switchboard-plugins"], &[]);
    assert_eq!(inner_violations(&unknown, INNER).len(), 1);
}
