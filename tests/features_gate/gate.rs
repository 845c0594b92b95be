//! How far features may be from golden ones. Deviations are in units of a column's standard deviation over music.

use std::path::Path;

use ndarray::{Array1, Array2};
use reclassd::features::{LogMel, fma518_columns};

/// Golden rows and what is needed to judge by them.
pub struct Golden {
    pub rows: Vec<String>,
    /// Rows x 518.
    values: Array2<f64>,
    /// Rows x 518: skewness and kurtosis of constant rows are noise in the original and are not judged.
    degenerate: Array2<bool>,
    /// 518.
    scale: Array1<f64>,
}

impl Golden {
    /// The rows of the recordings in the reference folder.
    pub fn recorded(folder: &Path) -> Self {
        Self {
            rows: read_names(&folder.join("rows.json")),
            values: read_npy(&folder.join("golden.npy")),
            degenerate: read_npy(&folder.join("degenerate.npy")),
            scale: read_npy(&folder.join("column_scale.npy")),
        }
    }

    /// The rows of the synthesised clips.
    pub fn synthesised(folder: &Path) -> Self {
        let values: Array2<f32> = read_npy(&folder.join("fma518.npy"));
        let scale: Array1<f32> = read_npy(&folder.join("column_scale.npy"));
        Self {
            rows: read_names(&folder.join("rows.json")),
            values: values.mapv(f64::from),
            degenerate: read_npy(&folder.join("degenerate.npy")),
            scale: scale.mapv(f64::from),
        }
    }
}

fn read_names(path: &Path) -> Vec<String> {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn read_npy<T: ndarray_npy::ReadableElement, D: ndarray::Dimension>(path: &Path) -> ndarray::Array<T, D> {
    ndarray_npy::read_npy(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Clips that are not music: their rows have bounds of their own.
const EDGE: [&str; 8] = ["silence", "sine", "noise", "dcoffset", "leadsilence", "clipped", "short", "tiny"];
/// In these the constant-Q columns are the chroma of next to nothing.
const SILENT: [&str; 2] = ["silence", "leadsilence"];

#[derive(Clone, Copy, PartialEq)]
enum Group {
    ConstantQ,
    Contrast,
    Other,
}

fn group(column: &str) -> Group {
    match column.split('.').next() {
        Some("chroma_cqt" | "chroma_cens" | "tonnetz") => Group::ConstantQ,
        Some("spectral_contrast") => Group::Contrast,
        _ => Group::Other,
    }
}

/// The verdict on some rows.
pub struct Gate {
    report: Vec<String>,
    passed: bool,
}

impl Gate {
    /// Judges `mine` (rows x 518), whose rows are named by `rows`.
    pub fn new(golden: &Golden, rows: &[String], mine: &Array2<f64>) -> Self {
        let starts = |row: &str, prefixes: &[&str]| prefixes.iter().any(|prefix| row.starts_with(prefix));
        let groups: Vec<Group> = fma518_columns().iter().map(|column| group(column)).collect();
        let mut cells = Vec::new();
        for (r, row) in rows.iter().enumerate() {
            let g = golden.rows.iter().position(|name| name == row).unwrap_or_else(|| panic!("no golden row {row}"));
            for (c, &group) in groups.iter().enumerate() {
                let free = golden.degenerate[[g, c]]
                    || row.starts_with("sine")
                    || (starts(row, &SILENT) && group == Group::ConstantQ);
                let deviation = (mine[[r, c]] - golden.values[[g, c]]).abs() / golden.scale[c];
                let deviation = if mine[[r, c]].is_finite() { deviation } else { f64::INFINITY };
                if !free {
                    cells.push(Cell { row: r, column: c, edge: starts(row, &EDGE), group, deviation });
                }
            }
        }
        let mut gate = Self { report: Vec::new(), passed: true };
        gate.judge("music: constant-Q", &cells, [1e-5, 1e-4, 2e-3], |x| !x.edge && x.group == Group::ConstantQ);
        gate.judge("music: other", &cells, [1e-5, 1e-4, 2e-3], |x| !x.edge && x.group == Group::Other);
        gate.judge("music: contrast", &cells, [5e-5, 2e-2, 1e-1], |x| !x.edge && x.group == Group::Contrast);
        gate.judge("edge: all but contrast", &cells, [1e-5, 1e-3, 1e-2], |x| x.edge && x.group != Group::Contrast);
        gate.judge("edge: contrast", &cells, [1e-4, 2e-2, 1e-1], |x| x.edge && x.group == Group::Contrast);
        cells.sort_by(|a, b| b.deviation.total_cmp(&a.deviation));
        for cell in &cells[..10] {
            let at = [cell.row, cell.column];
            let g = golden.rows.iter().position(|name| *name == rows[cell.row]).unwrap();
            gate.report.push(format!(
                "  {:.1e} {} {}: {} instead of {}",
                cell.deviation,
                rows[cell.row],
                fma518_columns()[cell.column],
                mine[at],
                golden.values[[g, cell.column]]
            ));
        }
        gate
    }

    fn judge(&mut self, label: &str, cells: &[Cell], bounds: [f64; 3], belongs: impl Fn(&Cell) -> bool) {
        let mut found: Vec<f64> = cells.iter().filter(|cell| belongs(cell)).map(|cell| cell.deviation).collect();
        assert!(!found.is_empty(), "{label}: nothing to judge");
        found.sort_by(f64::total_cmp);
        let last = found.len() - 1;
        let figures = [found[last / 2], found[(last as f64 * 0.99).ceil() as usize], found[last]];
        let passed = figures.iter().zip(&bounds).all(|(figure, bound)| figure <= bound);
        self.passed &= passed;
        self.report.push(format!(
            "{} {label:24} p50 {:.1e}  p99 {:.1e}  max {:.1e}   bounds {bounds:?}",
            if passed { "ok  " } else { "FAIL" },
            figures[0],
            figures[1],
            figures[2],
        ));
    }

    /// Prints the figures and panics if a bound is broken.
    pub fn assert_passed(&self) {
        println!("{}", self.report.join("\n"));
        assert!(self.passed, "the gate is broken:\n{}", self.report.join("\n"));
    }
}

struct Cell {
    row: usize,
    column: usize,
    edge: bool,
    group: Group,
    deviation: f64,
}

/// Every cell within 1e-3 dB.
pub fn assert_same_log_mel(name: &str, mine: &LogMel, golden: &Array2<f32>) {
    assert_eq!((mine.n_mels, mine.n_frames), golden.dim(), "{name}");
    let worst = mine.data.iter().zip(golden).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{name}: log-mel within {worst:.1e} dB");
    assert!(worst <= 1e-3, "{name}: {worst} dB off");
}

/// Compares the bands that lie below a frequency in Hz with those of another resampler: within half a decibel.
pub fn assert_same_below(name: &str, mine: &LogMel, golden: &Array2<f32>, limit: f64) {
    assert_eq!((mine.n_mels, mine.n_frames), golden.dim(), "{name}");
    // Slaney's scale, as in the bands of 0 to 11,025 Hz; the upper edge of band b is point b + 2 of n_mels + 2.
    let mel = |hz: f64| if hz < 1000.0 { hz * 3.0 / 200.0 } else { 15.0 + (hz / 1000.0).ln() * 27.0 / 6.4f64.ln() };
    let bands = (mel(limit) / mel(11_025.0) * (mine.n_mels + 1) as f64) as usize - 1;
    let cells = |band: usize| mine.band(band).iter().zip(golden.row(band)).map(|(a, b)| (a - b).abs());
    let worst = (0..bands).flat_map(cells).fold(0.0, f32::max);
    println!("{name}: {bands} bands below {limit:.0} Hz within {worst:.2} dB");
    assert!(bands > 100 && worst <= 0.5, "{name}: {worst} dB off in the {bands} bands below {limit:.0} Hz");
}
