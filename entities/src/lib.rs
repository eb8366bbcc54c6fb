//! The tables, one file each, shape only.
