//! A picture at another size, for networks that were made for pictures: bilinear between the centres of its cells.

/// The picture of `from` rows and columns at the size `to`, row-major, as PyTorch's `interpolate` makes it with
/// `mode="bilinear"` and `align_corners=False`: what lies beyond the outermost centres is the outermost cell, and
/// shrinking is not smoothed.
pub(super) fn bilinear(image: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    let rows = positions(from[0], to[0]);
    let columns = positions(from[1], to[1]);
    let mut resized = Vec::with_capacity(to[0] * to[1]);
    for &(top, down) in &rows {
        let upper = &image[top * from[1]..][..from[1]];
        let lower = &image[(top + 1).min(from[0] - 1) * from[1]..][..from[1]];
        for &(left, along) in &columns {
            let right = (left + 1).min(from[1] - 1);
            let between = |row: &[f32]| row[left] + (row[right] - row[left]) * along;
            let (above, below) = (between(upper), between(lower));
            resized.push(above + (below - above) * down);
        }
    }
    resized
}

/// For each of `to` cells, the cell before its centre among `from`, and how far its centre is past that one's.
fn positions(from: usize, to: usize) -> Vec<(usize, f32)> {
    let scale = from as f64 / to as f64;
    let position = |i: usize| ((i as f64 + 0.5) * scale - 0.5).clamp(0.0, (from - 1) as f64);
    (0..to).map(position).map(|at| (at as usize, at.fract() as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_the_same_size_is_the_same() {
        let image: Vec<f32> = (0..12).map(|i| (i * i) as f32).collect();
        assert_eq!(bilinear(&image, [3, 4], [3, 4]), image);
    }

    #[test]
    fn it_grows_and_shrinks_between_the_centres() {
        assert_eq!(bilinear(&[0.0, 1.0], [1, 2], [1, 4]), [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(bilinear(&[0.0, 1.0, 2.0, 3.0], [4, 1], [2, 1]), [0.5, 2.5]);
        assert_eq!(bilinear(&[0.0, 2.0, 4.0, 6.0], [2, 2], [1, 1]), [3.0]);
        let slope: Vec<f32> = (0..100).map(|i| i as f32).collect();
        let large = bilinear(&slope, [1, 100], [2, 224]);
        assert!(large[..224].windows(2).all(|pair| pair[0] <= pair[1]) && large[..224] == large[224..]);
    }
}
