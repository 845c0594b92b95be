//! What a genre frame of ID3 means: numbers, references and free text, as the versions of the standard and thirty years
//! of software wrote it.
//!
//! - ID3v1: one byte, an index into a list.
//! - ID3v2.2 and 2.3: `(17)`, `(17)Rock` (a refinement), `(17)(9)`, `(RX)`, `(CR)`, `((text` for text that starts with
//!   a parenthesis (ID3v2.3, 4.2.1); in practice also `17`, and several names joined with `/`.
//! - ID3v2.4: a list of strings, each a number, `RX`, `CR` or a name (ID3v2.4 frames, 4.2.3), and in practice all of
//!   the above.

use super::error::Refusal;

/// The name of an ID3v1 genre number; none beyond the list (and so for 255, which means "not set").
pub(crate) fn id3v1_name(number: u8) -> Option<&'static str> {
    lofty::id3::v1::GENRES.get(usize::from(number)).copied()
}

/// More genres than this are not looked at: a hostile frame holds millions.
const MAX_GENRES: usize = 256;

/// The genres in the strings of a TCON or TCO frame, without repetitions, and at most [`MAX_GENRES`].
/// With `slashes`, a `/` separates names as it does in ID3v2.3.
pub(crate) fn genres(strings: &[String], slashes: bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut push = |name: String| {
        if found.len() < MAX_GENRES && !name.is_empty() && !found.contains(&name) {
            found.push(name);
        }
    };
    for string in strings {
        let (references, text) = references(string);
        references.into_iter().for_each(&mut push);
        let parts = if slashes { text.split('/').collect() } else { vec![text.as_str()] };
        for part in parts {
            let (more, rest) = if part == text { (Vec::new(), part.to_owned()) } else { self::references(part) };
            more.into_iter().for_each(&mut push);
            push(lookup(rest.trim()).unwrap_or_else(|| rest.trim().to_owned()));
        }
    }
    found
}

/// The references at the start of a string, resolved, and the text behind them.
fn references(string: &str) -> (Vec<String>, String) {
    let (mut names, mut rest) = (Vec::new(), string.trim());
    while let Some(inner) = rest.strip_prefix('(') {
        if inner.starts_with('(') {
            return (names, inner.to_owned());
        }
        let Some((name, behind)) = inner.split_once(')').and_then(|(word, behind)| Some((lookup(word)?, behind)))
        else {
            break;
        };
        names.push(name);
        rest = behind;
    }
    (names, rest.to_owned())
}

/// The genre that a bare number or keyword stands for. 255 ("not set") stands for an empty one.
fn lookup(word: &str) -> Option<String> {
    match word {
        "RX" => return Some("Remix".to_owned()),
        "CR" => return Some("Cover".to_owned()),
        _ => {}
    }
    let digits = !word.is_empty() && word.len() <= 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| word.parse::<u8>().ok()).flatten()?;
    if number == u8::MAX { Some(String::new()) } else { id3v1_name(number).map(str::to_owned) }
}

/// The last number of the list that ffmpeg knows.
const LAST_NUMBER: u32 = 191;

/// Refuses the strings of a genre frame that one of the six readers in `docs/tags.md` would take for something else,
/// but for those that are `theirs`: they stand there already.
///
/// TagLib drops what stands in parentheses at the start, doubled or not, and numbers that are on no list; MediaInfo
/// shows the inside of the parentheses alone. ffmpeg takes a number at the start for one of the list, whatever follows
/// it.
pub(crate) fn check_reading(strings: &[String], theirs: &[String], what: &'static str) -> Result<(), Refusal> {
    for (index, string) in strings.iter().enumerate() {
        let refused = |reader, shown: String| Err(Refusal::Misread { what, value: unescaped(string), reader, shown });
        let (plain, is_known) = (unescaped(string), |rest: &str| rest.is_empty() || rest.starts_with('/'));
        if theirs.iter().any(|known| plain.strip_prefix(known.as_str()).is_some_and(is_known)) {
            continue;
        }
        if string.starts_with('(') {
            return refused("TagLib", "what follows the parentheses, or nothing".to_owned());
        }
        let digits = string.len() - string.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = string[..digits].parse::<u32>().ok();
        if digits > 0 && digits == string.len() && number.is_none_or(|number| number > LAST_NUMBER) {
            return refused("TagLib", "nothing".to_owned());
        }
        // ffmpeg shows the first string only.
        let name = number.filter(|_| index == 0).and_then(|number| id3v1_name(u8::try_from(number).ok()?));
        if let Some(name) = name.filter(|name| digits > 0 && name != string) {
            return refused("ffmpeg", format!("{name:?}, number {} of ID3v1's list", &string[..digits]));
        }
    }
    Ok(())
}

fn unescaped(name: &str) -> String {
    if name.starts_with("((") { name[1..].to_owned() } else { name.to_owned() }
}

/// A name as ID3v2.2 and 2.3 store it: a leading parenthesis is doubled, so that it is no reference.
pub(crate) fn escaped(name: &str) -> String {
    if name.starts_with('(') { format!("({name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_historic_shape_is_read() {
        let cases: [(&[&str], bool, &[&str]); 21] = [
            (&["(17)"], true, &["Rock"]),
            (&["(17)Rock"], true, &["Rock"]),
            (&["(17)Rockabilly"], true, &["Rock", "Rockabilly"]),
            (&["(17)(9)Refined"], true, &["Rock", "Metal", "Refined"]),
            (&["17"], true, &["Rock"]),
            (&["(RX)"], true, &["Remix"]),
            (&["(CR)(17)"], true, &["Cover", "Rock"]),
            (&["((Foo)"], true, &["(Foo)"]),
            (&["(Foo) bar"], true, &["(Foo) bar"]),
            (&["Rock/Pop"], true, &["Rock", "Pop"]),
            (&["(17)/(13)"], true, &["Rock", "Pop"]),
            (&["17/13"], true, &["Rock", "Pop"]),
            (&["Rock/Pop"], false, &["Rock/Pop"]),
            (&["17", "Techno", "CR"], false, &["Rock", "Techno", "Cover"]),
            (&["(12)"], true, &["Other"]),
            (&["(255)"], true, &[]),
            (&["255"], false, &[]),
            (&["(200)"], true, &["(200)"]),
            (&["1977"], false, &["1977"]),
            (&[""], false, &[]),
            (&["  Rock  "], false, &["Rock"]),
        ];
        for (strings, slashes, expected) in cases {
            let strings: Vec<String> = strings.iter().map(|&s| s.to_owned()).collect();
            assert_eq!(genres(&strings, slashes), expected, "{strings:?}");
        }
    }

    #[test]
    fn numbers_beyond_the_list_have_no_name() {
        assert_eq!(id3v1_name(17), Some("Rock"));
        assert_eq!(id3v1_name(12), Some("Other"));
        assert_eq!(id3v1_name(192), None);
        assert_eq!(id3v1_name(255), None);
    }
}
