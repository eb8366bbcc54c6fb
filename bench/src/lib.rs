//! Benchmarks: peers and limits measured beside the product in one run.
