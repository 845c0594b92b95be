#![no_main]
#![allow(missing_docs)] // the macro makes what is public here

use libfuzzer_sys::fuzz_target;
use reclassd_fuzz::tagging::fuzzing;

fuzz_target!(|input: &[u8]| {
    let _ = fuzzing::matroska(input);
});
