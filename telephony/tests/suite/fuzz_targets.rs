//! Every provider has its fuzz targets.

use std::collections::BTreeSet;

use switchboard_telephony::providers;

#[test]
fn every_parser_and_every_verifier_is_fuzzed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/Cargo.toml");
    let manifest = std::fs::read_to_string(path).unwrap();
    let names = manifest.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let listed: BTreeSet<String> = names.skip(1).map(ToOwned::to_owned).collect();
    let providers =
        providers().iter().flat_map(|provider| ["parse", "verify"].map(|what| format!("{what}_{}", provider.key())));
    assert_eq!(listed, providers.collect());
}
