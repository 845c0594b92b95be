-- Whose music a track is, its own row says since 0008.
DROP TABLE performer;

-- When a file's turn to be asked about comes, below 0 and the least first; NULL: by its confidence. And what an answer about a file like it
-- suggests for it; NULL: nothing.
ALTER TABLE track ADD COLUMN turn REAL;
ALTER TABLE track ADD COLUMN suggested TEXT;
ALTER TABLE track ADD COLUMN worth REAL GENERATED ALWAYS AS (coalesce(turn, confidence)) VIRTUAL;
CREATE INDEX track_turn ON track(gone_at, status, not_music, worth);
CREATE INDEX track_turned ON track(turn) WHERE turn IS NOT NULL;
