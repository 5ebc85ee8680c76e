//! Pictures of all kinds, as a document shows them.

#![no_main]

#[path = "../entries.rs"]
#[expect(dead_code, reason = "each target feeds one of the entries")]
mod entries;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entries::picture(bytes);
});
