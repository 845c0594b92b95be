#!/usr/bin/env python3
"""Makes the golden values in this folder from the clips that tests/features_gate synthesises.

  RECLASSD_SYNTHESIS=/tmp/clips cargo test --test features_gate -- --ignored write_the_synthesised_clips
  tests/golden/make.py SPECIFICATION /tmp/clips

SPECIFICATION is the Python restatement of librosa 0.5.0's 518 features (specification.py; numpy and scipy), with
column_scale.npy beside it.  Writes here:
  rows.json             names of the clips
  fma518.npy            rows x 518, float32
  degenerate.npy        rows x 518, bool: skewness and kurtosis of rows that are constant up to rounding
  column_scale.npy      518, float32: the unit of deviations
  log_mel_short_22k.npy 128 x T, float32: librosa 0.11's log-mel of one clip
"""
import importlib.util, json, os, sys
import numpy as np

specification, clips = sys.argv[1:]
here = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location('specification', specification)
S = importlib.util.module_from_spec(spec)
spec.loader.exec_module(S)

rows, values, degenerate = [], [], []
for file in sorted(os.listdir(clips)):
    name, rate, _ = file.rsplit('.', 2)
    y, rate = np.load(os.path.join(clips, file)).astype(np.float64), int(rate)
    mats = S.matrices(y, rate)
    vector, _ = S.vector(y, rate, mats=mats)
    constant = {family: np.ptp(m, axis=1) <= 1e-9 * np.abs(m).max() for family, m in mats[0].items()}
    rows.append(name)
    values.append(vector)
    degenerate.append([s in ('skew', 'kurtosis') and bool(constant[f][int(n) - 1]) for f, s, n in S.COLUMNS])
    if name == 'short_22k':
        power = np.abs(S.stft(y, 2048, 512, S.hann(2048), dict(S.OPT, pad='constant'))) ** 2
        db = 10 * np.log10(np.maximum(1e-10, S.mel_bank(rate) @ power))
        np.save(here + '/log_mel_short_22k.npy', np.maximum(db - db.max(), -80).astype(np.float32))

scale = np.load(os.path.join(os.path.dirname(os.path.abspath(specification)), 'column_scale.npy'))
json.dump(rows, open(here + '/rows.json', 'w'), indent=0)
np.save(here + '/fma518.npy', np.array(values, np.float32))
np.save(here + '/degenerate.npy', np.array(degenerate))
np.save(here + '/column_scale.npy', scale.astype(np.float32))
