//! The vector itself: which of its 518 places is which.

use std::sync::LazyLock;

use super::statistics::Statistics;

/// Values in the vector.
pub const FMA518_LEN: usize = 518;

/// The families and their rows, in FMA's (alphabetical) order.
pub(super) const FAMILIES: [(&str, usize); 11] = [
    ("chroma_cens", 12),
    ("chroma_cqt", 12),
    ("chroma_stft", 12),
    ("mfcc", 20),
    ("rmse", 1),
    ("spectral_bandwidth", 1),
    ("spectral_centroid", 1),
    ("spectral_contrast", 7),
    ("spectral_rolloff", 1),
    ("tonnetz", 6),
    ("zcr", 1),
];

static COLUMNS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut columns = Vec::with_capacity(FMA518_LEN);
    for (family, n_rows) in FAMILIES {
        for statistic in Statistics::NAMES {
            columns.extend((1..=n_rows).map(|number| format!("{family}.{statistic}.{number:02}")));
        }
    }
    columns
});

/// The names of the 518 columns in the order of FMA's `features.csv`: `family.statistic.number`, as in
/// `chroma_cens.kurtosis.01`.
pub fn fma518_columns() -> &'static [String] {
    &COLUMNS
}

/// The 518 FMA features of one clip, in the order of [`fma518_columns`].
#[derive(Debug, Clone, PartialEq)]
pub struct Fma518(Box<[f32; FMA518_LEN]>);

impl Fma518 {
    /// The values.
    pub fn as_slice(&self) -> &[f32; FMA518_LEN] {
        &self.0
    }

    /// The vector of 518 values; `None` for any other number of them.
    pub fn from_slice(values: &[f32]) -> Option<Self> {
        Some(Self(Box::new(values.try_into().ok()?)))
    }

    /// 2,072 bytes: the values as little-endian `f32`.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    /// What [`Self::to_bytes`] wrote; `None` for any other number of bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (values, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return None;
        }
        Self::from_slice(&values.iter().map(|&value| f32::from_le_bytes(value)).collect::<Vec<_>>())
    }

    /// Puts the statistics of a family's rows in their places; families come in the order of [`FAMILIES`].
    pub(super) fn from_statistics(rows: impl Fn(usize, usize) -> Statistics) -> Self {
        let mut values = Box::new([0.0; FMA518_LEN]);
        let mut start = 0;
        for (family, (_, n_rows)) in FAMILIES.into_iter().enumerate() {
            for row in 0..n_rows {
                for (statistic, value) in rows(family, row).values().into_iter().enumerate() {
                    values[start + statistic * n_rows + row] = value as f32;
                }
            }
            start += n_rows * Statistics::NAMES.len();
        }
        Self(values)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_518_different_names_in_alphabetical_order() {
        let columns = fma518_columns();
        assert_eq!(columns.len(), FMA518_LEN);
        assert!(columns.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(columns[0], "chroma_cens.kurtosis.01");
        assert_eq!(columns[FMA518_LEN - 1], "zcr.std.01");
    }

    #[test]
    fn a_vector_survives_the_cache() {
        let vector = Fma518::from_slice(&(0..518).map(|i| i as f32 * 0.37 - 5.0).collect::<Vec<_>>()).unwrap();
        assert_eq!(Fma518::from_bytes(&vector.to_bytes()), Some(vector.clone()));
        assert_eq!(Fma518::from_bytes(&vector.to_bytes()[1..]), None);
        assert_eq!(Fma518::from_bytes(&vector.to_bytes()[4..]), None);
        assert_eq!(Fma518::from_bytes(&[]), None);
    }
}
