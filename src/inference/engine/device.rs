//! Where ONNX Runtime computes: a word in the configuration. Whether that place is there is the library's to say.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where graphs run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Device {
    /// On the first GPU that the library can use, else on the processor.
    #[default]
    Auto,
    /// On the processor.
    Cpu,
    /// On this GPU, by CUDA.
    Cuda(u16),
    /// On this GPU, by TensorRT, which builds an engine for each graph first.
    TensorRt(u16),
}

/// A word that names no device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no device: say \"auto\", \"cpu\", \"cuda:0\" or \"tensorrt:0\"")]
pub struct DeviceError(String);

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(word: &str) -> Result<Self, DeviceError> {
        let wrong = || DeviceError(word.to_owned());
        let (kind, number) = match word.split_once(':') {
            Some((kind, number)) => (kind, Some(number.parse().map_err(|_| wrong())?)),
            None => (word, None),
        };
        match (kind, number) {
            ("auto", None) => Ok(Self::Auto),
            ("cpu", None) => Ok(Self::Cpu),
            ("cuda", number) => Ok(Self::Cuda(number.unwrap_or(0))),
            ("tensorrt", number) => Ok(Self::TensorRt(number.unwrap_or(0))),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::TensorRt(number) => write!(f, "tensorrt:{number}"),
        }
    }
}

impl TryFrom<String> for Device {
    type Error = DeviceError;

    fn try_from(word: String) -> Result<Self, DeviceError> {
        word.parse()
    }
}

impl From<Device> for String {
    fn from(device: Device) -> Self {
        device.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_as_in_other_programs() {
        for (word, device) in [
            ("auto", Device::Auto),
            ("cpu", Device::Cpu),
            ("cuda", Device::Cuda(0)),
            ("cuda:1", Device::Cuda(1)),
            ("tensorrt:0", Device::TensorRt(0)),
        ] {
            assert_eq!(word.parse(), Ok(device));
            assert_eq!(device.to_string().parse(), Ok(device));
        }
        for word in ["", "gpu", "cuda:", "cuda:x", "cpu:0", "auto:1", "cuda:99999"] {
            assert!(word.parse::<Device>().is_err(), "{word}");
        }
    }
}
