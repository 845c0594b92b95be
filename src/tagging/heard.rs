//! What a track sounds like as fields of its tags: tempo, key and mood, where the owner asks for them and the file says
//! nothing of them.
//!
//! A file is filled once. What was taken back, or changed or removed by somebody, is not written again: nothing in the
//! file tells ours from anybody's, and the journal tells that it was there.

use serde::{Deserialize, Serialize};

use super::plan::TagField;
use super::state::TagState;

/// Whether a field of what is heard is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeardPolicy {
    /// No.
    #[default]
    Never,
    /// Where no tag of the file says anything of it.
    Fill,
}

/// What of `wanted` is to be written: what no tag of the file speaks of, and what was not written before.
pub fn missing(
    state: &TagState,
    wanted: Vec<(TagField, String)>,
    once_written: &[TagField],
) -> Vec<(TagField, Vec<String>)> {
    let is_missing = |field: TagField| {
        let mut held = state.fields.iter().filter(|held| held.field == field);
        !held.any(|held| held.values.iter().any(|value| says_something(field, value)))
    };
    let wanted = wanted.into_iter().filter(|(field, _)| !once_written.contains(field) && is_missing(*field));
    wanted.map(|(field, value)| (field, vec![value])).collect()
}

/// A tempo of 0 is what programs write that know none.
fn says_something(field: TagField, value: &str) -> bool {
    let value = value.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let is_zero = field == TagField::Bpm && value.parse().is_ok_and(|bpm: f64| bpm == 0.0);
    !(value.is_empty() || is_zero)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::tagging::edit_check::try_edit;
    use crate::tagging::editor::{EditOptions, Editor};
    use crate::tagging::fixtures::{id3v2, mpeg_frames, text};
    use crate::tagging::mp3::Mp3File;
    use crate::tagging::plan::Wish;
    use crate::tagging::stamp::FileStamp;

    fn wanted() -> Vec<(TagField, String)> {
        let fields = [(TagField::Bpm, "128"), (TagField::Key, "Am"), (TagField::Mood, "Calm")];
        fields.map(|(field, value)| (field, value.to_owned())).to_vec()
    }

    fn state(file: &Vec<u8>) -> TagState {
        let stamp = FileStamp { size: 0, mtime_seconds: 0, mtime_nanoseconds: 0, inode: 0, device: 0 };
        let parsed = Mp3File::parse(file).unwrap();
        TagState::new(parsed.container(), stamp, parsed.holdings())
    }

    fn names(file: &Vec<u8>) -> Vec<(String, Vec<String>)> {
        state(file).fields.into_iter().map(|held| (held.name, held.values)).collect()
    }

    #[test]
    fn what_the_file_says_already_and_what_was_written_before_is_left_alone() {
        let tags = [text(4, "TBPM", "0"), text(4, "TKEY", "8A"), text(4, "TIT2", "x")].concat();
        let file = [id3v2(4, 0, &tags, 0), mpeg_frames(3)].concat();
        let fields = |once: &[TagField]| missing(&state(&file), wanted(), once).into_iter().map(|(field, _)| field);
        assert!(
            fields(&[]).eq([TagField::Bpm, TagField::Mood]),
            "a tempo of 0 says nothing, a key of any spelling does"
        );
        assert!(fields(&[TagField::Mood]).eq([TagField::Bpm]));
        let user_text = [text(3, "TXXX", "BPM\x0090"), text(3, "TXXX", "mood\0Sad")].concat();
        let file = [id3v2(3, 0, &user_text, 0), mpeg_frames(3)].concat();
        let fields = missing(&state(&file), wanted(), &[]).into_iter().map(|(field, _)| field);
        assert!(fields.eq([TagField::Key]), "user texts count as well");
    }

    #[test]
    fn every_version_of_id3_has_its_own_frames_and_all_of_it_can_be_taken_back() {
        let fields = missing(&state(&mpeg_frames(3)), wanted(), &[]);
        for (version, expected) in
            [(2, ["TBP", "TKE", "TXX:MOOD"]), (3, ["TBPM", "TKEY", "TXXX:MOOD"]), (4, ["TBPM", "TKEY", "TMOO"])]
        {
            let title = text(version, if version == 2 { "TT2" } else { "TIT2" }, "x");
            let file = [id3v2(version, 0, &title, 40), mpeg_frames(3)].concat();
            let wish = Wish::Set(fields.clone());
            // This also edits again, which changes nothing, and takes back, which leaves no trace.
            let (edited, _) = try_edit(Mp3File::parse, &file, &wish, EditOptions::default()).unwrap();
            let values = ["128", "Am", "Calm"].map(|value| vec![value.to_owned()]);
            let expected: Vec<_> = expected.map(str::to_owned).into_iter().zip(values).collect();
            assert_eq!(names(&edited), expected);
        }
    }
}
