//! The tagging stage of reclassd as the fuzz targets see it: compiled from the product's own files, without the product.

#[allow(dead_code, unused_imports)] // what the decoding side alone asks
#[path = "../../src/formats/mod.rs"]
pub mod formats;
#[allow(dead_code, unused_imports)] // the parts that write files are not reached from here
#[path = "../../src/tagging/mod.rs"]
pub mod tagging;
