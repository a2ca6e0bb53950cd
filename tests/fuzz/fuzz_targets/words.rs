#![no_main]

#[allow(dead_code, reason = "each target calls one of them")]
mod decoders;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = decoders::words(data);
});
