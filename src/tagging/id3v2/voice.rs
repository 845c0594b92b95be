//! A tag as readers take it: which fields it has for them, and whether it holds any text.

use super::super::editor::Scope;
use super::super::plan::TagField;
use super::super::readers::{Name, Said, Voice};
use super::frame::Frame;
use super::{Id3v2, Version};

impl Id3v2 {
    /// The tag as readers take it. `is_in_place`: it stands where they look.
    pub(crate) fn voice(&self, scope: Scope, is_in_place: bool) -> Voice {
        let spoken: Vec<(Said, bool)> = self.frames.iter().map(|frame| self.spoken(frame, scope)).collect();
        let has_text = spoken.iter().any(|(_, is_text)| *is_text);
        let said: Vec<Said> = spoken.into_iter().map(|(said, _)| said).collect();
        Voice { scope, is_empty: said.is_empty(), said, is_in_place, has_text }
    }

    /// What a frame says, and whether that is text.
    fn spoken(&self, frame: &Frame, scope: Scope) -> (Said, bool) {
        let id = frame.id_text(self);
        let other = || Name::Other(scope, frame.name(self));
        let is_comment = id == self.version.comment_id();
        let (name, values) = match frame.field {
            Some(TagField::Genre) => (Name::Genre, frame.values(self)),
            Some(field) if field.is_heard() => (Name::Heard(field), frame.values(self)),
            Some(_) => (Name::Own, frame.values(self)),
            None if is_comment => match frame.comment(self) {
                Some((description, text)) if description.is_empty() => (Name::Comment, vec![text]),
                other_comment => (other(), other_comment.map(|(_, text)| text).into_iter().collect()),
            },
            None if id.starts_with('T') => {
                let strings = if id == self.version.user_text_id() {
                    frame.user_text(self).map(|(_, values)| values)
                } else {
                    frame.strings(self)
                };
                let mut known = Name::COMMON.into_iter().chain([Name::Program]);
                let common = known.find(|common| self.version.common_id(common) == Some(&*id));
                // What cannot be read (compressed, encrypted) may be text to others.
                (common.unwrap_or_else(other), strings.unwrap_or_else(|| vec!["?".to_owned()]))
            }
            None => (other(), Vec::new()),
        };
        let value = values.join("\0");
        let is_lyrics = id == if self.version == Version::V22 { "ULT" } else { "USLT" };
        let is_text = is_lyrics || !value.is_empty();
        (Said { name, value }, is_text)
    }
}
