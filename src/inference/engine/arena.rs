//! One store of memory for all sessions on the processor, in place of one each: a worker runs its models one after the
//! other, so what one of them needs the next one can have. It grows by what is asked for and not by doubling.
#![allow(unsafe_code)] // the crate has no safe calls for this; see each use

use ort::AsPointer;
use ort::environment::Environment;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::sys::{OrtArenaCfg, OrtStatusPtr};

use super::onnxruntime::one_line;

/// `kSameAsRequested` of ONNX Runtime's arena extension strategies.
const SAME_AS_REQUESTED: i32 = 1;
/// What leaves a number to the library.
const DEFAULT: i32 = -1;

/// Makes the store, which the environment keeps. Sessions that ask for the environment's allocators take it.
///
/// An error is what the library says; sessions then have stores of their own.
pub(super) fn share(environment: &Environment) -> Result<(), String> {
    let memory = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Arena, MemoryType::Default);
    let memory = memory.map_err(|error| one_line(&error))?;
    let api = ort::api();
    let mut settings: *mut OrtArenaCfg = std::ptr::null_mut();
    // SAFETY: the pointer to write to is valid for the call; what it then holds is released below.
    check(unsafe { (api.CreateArenaCfg)(0, SAME_AS_REQUESTED, DEFAULT, DEFAULT, &mut settings) })?;
    // SAFETY: environment, memory and settings are alive for the call, which copies what it needs. It changes the
    // environment under a lock of the library's own.
    let registered =
        check(unsafe { (api.CreateAndRegisterAllocator)(environment.ptr().cast_mut(), memory.ptr(), settings) });
    // SAFETY: made above, and used by nobody any more.
    unsafe { (api.ReleaseArenaCfg)(settings) };
    registered
}

fn check(status: OrtStatusPtr) -> Result<(), String> {
    // SAFETY: a status that a call has just returned, consumed once.
    unsafe { ort::Error::result_from_status(status) }.map_err(|error| one_line(&error))
}
