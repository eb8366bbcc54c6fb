//! Writes the fixtures as seeds: `seeds FIXTURES CORPUS` makes `CORPUS/parse_<provider>/…` and `CORPUS/verify_<provider>/…`.

use std::{fs, path::Path};

use serde_json::Value;
use switchboard_telephony::providers;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(fixtures), Some(corpus)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: seeds FIXTURES CORPUS");
        std::process::exit(2);
    };
    let mut written = 0;
    for provider in providers() {
        let folder = if provider.key() == "generic" { "standard-webhooks" } else { provider.key() };
        let files = fs::read_dir(Path::new(&fixtures).join(folder)).expect("every provider has a folder of fixtures");
        for file in files.map(|file| file.expect("a folder can be read").path()) {
            let Some(name) = file.file_name().and_then(|name| name.to_str()?.strip_suffix(".json")) else { continue };
            let text = fs::read_to_string(&file).expect("a fixture can be read");
            let json: Value = serde_json::from_str(&text).expect("a fixture is JSON");
            // Signature vectors are no requests.
            let Some(seed) = seed(&json["request"]) else { continue };
            for what in ["parse", "verify"] {
                let folder = Path::new(&corpus).join(format!("{what}_{}", provider.key()));
                fs::create_dir_all(&folder).expect("a folder can be made");
                fs::write(folder.join(name), &seed).expect("a seed can be written");
                written += 1;
            }
        }
    }
    println!("{written} seeds");
}

/// The request in the form that `switchboard_telephony_fuzz::run` reads.
fn seed(request: &Value) -> Option<String> {
    let url = request["url"].as_str()?;
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let purpose =
        path.split_once("/hooks/").and_then(|(_, rest)| rest.split_once('/')).map_or("-", |(_, purpose)| purpose);
    let mut seed = format!("{} {purpose} {query}\n", request["method"].as_str()?);
    for (name, value) in request["headers"].as_object()? {
        seed.push_str(&format!("{name}: {}\n", value.as_str()?));
    }
    seed.push('\n');
    seed.push_str(request["body"].as_str()?);
    Some(seed)
}
