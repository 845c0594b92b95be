//! A TensorFlow V2 checkpoint of one shard: an index of tensors by name, and a file of their raw numbers.
//!
//! It gives float32 tensors of the shape that the caller expects, and nothing else. What a tensor is for is not known
//! here.

use super::sstable;
use crate::inference::protobuf::Fields;

/// The number that TensorFlow gives the type float32.
const DT_FLOAT: u64 = 1;

/// The tensors of a checkpoint.
#[derive(Debug)]
pub(in crate::inference) struct Checkpoint<'a> {
    /// Sorted by name.
    tensors: Vec<(String, Place)>,
    data: &'a [u8],
}

/// Where a tensor is and what it holds.
#[derive(Debug, Default)]
struct Place {
    dtype: u64,
    shape: Vec<u64>,
    shard: u64,
    offset: u64,
    size: u64,
    sliced: bool,
}

impl<'a> Checkpoint<'a> {
    /// Reads the index; `data` is the file of the only shard.
    pub(in crate::inference) fn read(index: &[u8], data: &'a [u8]) -> Result<Self, String> {
        let mut tensors = Vec::new();
        for (key, value) in sstable::entries(index)? {
            if key.is_empty() {
                check_header(value)?;
                continue;
            }
            let name = String::from_utf8(key).map_err(|_| "the name of a tensor is not UTF-8".to_owned())?;
            let place = Place::read(value).map_err(|reason| format!("{name}: {reason}"))?;
            tensors.push((name, place));
        }
        tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Self { tensors, data })
    }

    /// The numbers of a tensor, row-major. An error says that it is missing or is not as expected: not float32, of
    /// another shape, outside of the data, not finite.
    pub(in crate::inference) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let place = self.tensors.binary_search_by(|(known, _)| known.as_str().cmp(name));
        let (_, place) = &self.tensors[place.map_err(|_| format!("tensor {name} is missing"))?];
        if !place.shape.iter().copied().eq(shape.iter().map(|&n| n as u64)) {
            return Err(format!("tensor {name} has the shape {:?}, expected {shape:?}", place.shape));
        }
        if place.dtype != DT_FLOAT || place.shard != 0 || place.sliced {
            return Err(format!("tensor {name} is not stored as plain float32 numbers"));
        }
        let expected = 4 * shape.iter().product::<usize>();
        let range = || {
            let start = usize::try_from(place.offset).ok()?;
            self.data.get(start..start.checked_add(expected)?).filter(|bytes| bytes.len() as u64 == place.size)
        };
        let bytes = range().ok_or_else(|| format!("tensor {name} lies outside of the data: the file is incomplete"))?;
        let (numbers, _) = bytes.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(format!("tensor {name} holds what is no number"));
        }
        Ok(numbers)
    }
}

/// The entry with the empty key: how many shards there are, and their byte order.
fn check_header(header: &[u8]) -> Result<(), String> {
    let (mut shards, mut endianness) = (0, 0);
    for field in Fields(header) {
        match field? {
            (1, value) => shards = value.number()?,
            (2, value) => endianness = value.number()?,
            _ => {}
        }
    }
    match (shards, endianness) {
        (1, 0) => Ok(()),
        (1, _) => Err("the checkpoint is big-endian, which is not known here".into()),
        _ => Err(format!("the checkpoint has {shards} data files, expected one")),
    }
}

impl Place {
    fn read(entry: &[u8]) -> Result<Self, String> {
        let mut place = Self::default();
        for field in Fields(entry) {
            match field? {
                (1, value) => place.dtype = value.number()?,
                (2, value) => place.shape = shape(value.bytes()?)?,
                (3, value) => place.shard = value.number()?,
                (4, value) => place.offset = value.number()?,
                (5, value) => place.size = value.number()?,
                (7, _) => place.sliced = true,
                _ => {}
            }
        }
        Ok(place)
    }
}

fn shape(message: &[u8]) -> Result<Vec<u64>, String> {
    let mut shape = Vec::new();
    for field in Fields(message) {
        if let (2, dimension) = field? {
            let mut size = 0;
            for field in Fields(dimension.bytes()?) {
                if let (1, value) = field? {
                    size = value.number()?;
                }
            }
            shape.push(size);
        }
    }
    Ok(shape)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::sstable::tests::made_up_table;
    use super::*;
    use crate::inference::protobuf::Message;

    /// The index and the data of a checkpoint with these tensors.
    pub(in super::super) fn write(tensors: &[(String, Vec<usize>, Vec<f32>)]) -> (Vec<u8>, Vec<u8>) {
        let mut header = Message::default();
        header.varint(1, 1);
        let mut entries = vec![(Vec::new(), header.as_bytes().to_vec())];
        let mut data = Vec::new();
        for (name, dimensions, numbers) in tensors {
            let mut shape = Message::default();
            for &size in dimensions {
                let mut dimension = Message::default();
                dimension.varint(1, size as u64);
                shape.message(2, &dimension);
            }
            let mut entry = Message::default();
            entry.varint(1, DT_FLOAT).message(2, &shape).varint(4, data.len() as u64);
            entry.varint(5, 4 * numbers.len() as u64);
            entries.push((name.clone().into_bytes(), entry.as_bytes().to_vec()));
            data.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
        entries.sort();
        (made_up_table(&entries, 7), data)
    }

    fn sample() -> Vec<(String, Vec<usize>, Vec<f32>)> {
        vec![
            ("dense/kernel".into(), vec![2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, -6.5]),
            ("dense/bias".into(), vec![2], vec![0.25, 0.5]),
            ("step".into(), vec![], vec![7.0]),
        ]
    }

    #[test]
    fn tensors_come_back_as_they_were_written() {
        let (index, data) = write(&sample());
        let checkpoint = Checkpoint::read(&index, &data).unwrap();
        for (name, shape, numbers) in sample() {
            assert_eq!(checkpoint.tensor(&name, &shape).unwrap(), numbers, "{name}");
        }
    }

    #[test]
    fn what_is_not_as_expected_is_named() {
        let (index, data) = write(&sample());
        let checkpoint = Checkpoint::read(&index, &data).unwrap();
        assert!(checkpoint.tensor("dense/gamma", &[2]).unwrap_err().contains("dense/gamma is missing"));
        assert!(checkpoint.tensor("dense/bias", &[3]).unwrap_err().contains("expected [3]"));

        let cut = Checkpoint::read(&index, &data[..data.len() - 1]).unwrap();
        assert!(cut.tensor("step", &[]).unwrap_err().contains("incomplete"));
        let (index, data) = write(&[("nan".into(), vec![1], vec![f32::NAN])]);
        assert!(Checkpoint::read(&index, &data).unwrap().tensor("nan", &[1]).unwrap_err().contains("nan"));
    }

    #[test]
    fn a_place_beyond_all_numbers_is_no_panic() {
        let mut shape = Message::default();
        let mut dimension = Message::default();
        dimension.varint(1, 1);
        shape.message(2, &dimension);
        let mut header = Message::default();
        header.varint(1, 1);
        for (offset, size) in [(u64::MAX, 4), (u64::MAX - 3, 4), (0, u64::MAX), (4, 4), (0, 5)] {
            let mut entry = Message::default();
            entry.varint(1, DT_FLOAT).message(2, &shape).varint(4, offset).varint(5, size);
            let entries = [(vec![], header.as_bytes().to_vec()), (b"x".to_vec(), entry.as_bytes().to_vec())];
            let index = made_up_table(&entries, 7);
            assert!(Checkpoint::read(&index, &[0; 4]).unwrap().tensor("x", &[1]).is_err(), "{offset} {size}");
        }
    }

    #[test]
    fn a_checkpoint_in_several_files_is_refused() {
        let mut header = Message::default();
        header.varint(1, 2);
        let index = made_up_table(&[(vec![], header.as_bytes().to_vec())], 7);
        assert!(Checkpoint::read(&index, &[]).unwrap_err().contains("2 data files"));
    }
}
