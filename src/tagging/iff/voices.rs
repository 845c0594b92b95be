//! The tags of a form as readers take them: ID3 chunks, lists, and that there are chunks which hide an ID3 chunk from ffmpeg.

use super::super::container::Container;
use super::super::editor::Scope;
use super::super::readers::{Name, Said, Voice};
use super::IffFile;
use super::info::InfoList;

impl InfoList {
    /// The list as readers take it.
    fn voice(&self, scope: Scope) -> Voice {
        let said = |(name, value): (String, String)| {
            let common = match name.as_str() {
                "INAM" => Name::Title,
                "IART" => Name::Artist,
                "IPRD" => Name::Album,
                "ICRD" => Name::Date,
                "IPRT" => Name::Track,
                "ICMT" => Name::Comment,
                "IGNR" => Name::Genre,
                _ => Name::Other(scope, name),
            };
            Said { name: common, value }
        };
        let said: Vec<Said> = self.texts().map(said).collect();
        let has_text = said.iter().any(|said| !said.value.is_empty());
        Voice { scope, is_empty: said.is_empty(), said, is_in_place: true, has_text }
    }
}

impl IffFile {
    /// All of them, in file order of each kind.
    pub(super) fn tags_as_readers_take_them(&self) -> Vec<Voice> {
        let mut voices: Vec<Voice> = self.id3().map(|(scope, _, chunk)| chunk.tag.voice(scope, true)).collect();
        voices.extend(self.info().map(|(scope, _, list)| list.voice(scope)));
        // A broadcast chunk is text to ffmpeg. What it says is never changed, and need not be known here.
        let is_text = self.form.container == Container::Wav && self.form.chunks.iter().any(|c| c.is_named(b"bext"));
        let scope = Scope::Chunks;
        let said = vec![Said { name: Name::Other(scope, "bext".to_owned()), value: "its description".to_owned() }];
        voices.extend(is_text.then_some(Voice { scope, said, is_in_place: true, has_text: true, is_empty: false }));
        voices
    }
}
