//! Text as it may stand in a cell of a list: no control characters, no more cells than there are.

/// Text with control characters shown as escapes: a tag may hold anything.
pub(super) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // What changes the direction or hides is shown, so that a name cannot pass for another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => shown.extend(c.escape_unicode()),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// The beginning of a text, in exactly `width` cells.
pub(super) fn fit(text: &str, width: usize, cut: &str) -> String {
    let cut = if width > 4 { cut } else { "" };
    let text = console::truncate_str(text, width, cut);
    let gap = width.saturating_sub(console::measure_text_width(&text));
    format!("{text}{}", " ".repeat(gap))
}

/// The end of a text, in `width` cells at the most: of a path, what tells it from others.
pub(super) fn end_of(text: &str, width: usize, cut: &str) -> String {
    let cells = console::measure_text_width;
    if cells(text) <= width {
        return text.to_owned();
    }
    let mut start = text.len();
    for (at, _) in text.char_indices().rev() {
        if cells(&text[at..]) + cells(cut) > width {
            break;
        }
        start = at;
    }
    format!("{cut}{}", &text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_and_control_characters_keep_the_columns_in_line() {
        assert_eq!(fit("日本語の歌", 6, "…"), "日本… ");
        assert_eq!(fit("ab", 4, "…"), "ab  ");
        assert_eq!(plain("a\u{1b}[2J\nb"), "a\\u{1b}[2J\\nb");
        assert_eq!(plain("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(end_of("/music/Artist/Album/1.mp3", 12, "…"), "…Album/1.mp3");
        assert_eq!(end_of("short", 12, "…"), "short");
    }
}
