//! What the documents say of the providers is what the registry knows.
//!
//! `UPDATE_DOCS=1 cargo test -p switchboard-telephony documents` writes the parts between the markers anew.

use std::fmt::Write as _;

use switchboard_telephony::{OptionField, Provider, SecretField, providers};

const BASE: &str = "https://crm.example.com";

#[test]
fn the_readme_has_the_table_of_providers() {
    let mut table = String::from("| provider | connect it | paste at the provider |\n| --- | --- | --- |\n");
    for provider in providers() {
        let urls = urls(*provider).into_iter().map(|(_, path)| format!("`{path}`")).collect::<Vec<_>>().join("<br>");
        let (key, title) = (provider.key(), provider.title());
        let secrets = example(*provider);
        writeln!(table, "| [{title}](docs/providers.md#{}) | `connection add {key}{secrets}` | {urls} |", anchor(title)).unwrap();
    }
    check("README.md", &table);
}

#[test]
fn every_provider_has_its_chapter() {
    let mut text = String::new();
    for provider in providers() {
        chapter(&mut text, *provider);
    }
    check("docs/providers.md", &text);
}

fn chapter(text: &mut String, provider: &dyn Provider) {
    writeln!(text, "## {}\n", provider.title()).unwrap();
    writeln!(text, "```sh\nswitchboard connection add {}{}\n```\n", provider.key(), example(provider)).unwrap();
    for (step, number) in provider.setup().iter().zip(1..) {
        writeln!(text, "{number}. {step}").unwrap();
    }
    if let Some(advice) = provider.advice() {
        writeln!(text, "\n{advice}").unwrap();
    }
    writeln!(text, "\n| | address |\n| --- | --- |").unwrap();
    for (purpose, path) in urls(provider) {
        writeln!(text, "| {} | `{BASE}{path}` |", if purpose.is_empty() { "everything" } else { purpose }).unwrap();
    }
    writeln!(text, "\n| secret | |\n| --- | --- |").unwrap();
    for SecretField { name, description, .. } in provider.secret_fields() {
        writeln!(text, "| `{name}` | {description} |").unwrap();
    }
    if !provider.options().is_empty() {
        writeln!(text, "\n| option | default | |\n| --- | --- | --- |").unwrap();
    }
    for OptionField { name, description, default, values } in provider.options() {
        let values = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
        writeln!(text, "| `{name}` | `{default}` | {description}{values} |").unwrap();
    }
    if let Some(control) = provider.call_control() {
        let purposes = control.purposes.iter().map(|purpose| format!("`{purpose}`")).collect::<Vec<_>>().join(", ");
        writeln!(
            text,
            "\nAnswers with {} ({}) to {purposes}; without a document of your own: {}",
            control.language, control.content_type, control.default_effect
        )
        .unwrap();
    }
    text.push('\n');
}

/// The purposes and their paths, with what the provider is told behind the `#`.
fn urls(provider: &dyn Provider) -> Vec<(&'static str, String)> {
    let (key, fragment) = (provider.key(), provider.url_fragment());
    match provider.purposes() {
        [] => vec![("", format!("/hooks/{key}{fragment}"))],
        purposes => purposes.iter().map(|purpose| (*purpose, format!("/hooks/{key}/{purpose}{fragment}"))).collect(),
    }
}

/// The secrets that a connection needs; the first one where several ways are open.
fn example(provider: &dyn Provider) -> String {
    let fields = provider.secret_fields();
    let required: Vec<_> = fields.iter().filter(|field| field.required).collect();
    let shown = if required.is_empty() { fields.iter().take(1).collect() } else { required };
    shown.into_iter().map(|field| format!(" --set {}=…", field.name)).collect()
}

/// How the page is linked to: as GitHub makes anchors of headings.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// Compares what is between the markers of a document.
fn check(path: &str, expected: &str) {
    const BEGIN: &str = "<!-- providers: written by the tests -->\n";
    const END: &str = "<!-- end of providers -->\n";
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let wanted = format!("{before}{BEGIN}\n{}\n{END}{after}", expected.trim_end().to_owned() + "\n");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &wanted).unwrap();
    }
    assert!(text == wanted || std::env::var_os("UPDATE_DOCS").is_some(), "{path} is not what the registry says: UPDATE_DOCS=1 cargo test -p switchboard-telephony documents");
}
