//! The screen, drawn from what the app holds. Nothing is decided here.

use ratatui::Frame;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::app::{App, Mode, Scope};
use super::chooser::Chooser;
use super::help;
use super::list::{Entry, State};
use super::text::{end_of, fit, plain};
use crate::store::{QueueOrder, QueueSet, TrackStatus};

/// Cells of a bar.
const BAR: usize = 10;
/// Cells of a genre's name.
const GENRE: usize = 16;

/// Lines below the list for the row at the cursor.
fn details_height(height: u16) -> u16 {
    match height {
        30.. => 10,
        20.. => 8,
        14.. => 4,
        _ => 0,
    }
}

/// Rows of the list that a screen of this size shows.
pub(super) fn list_height(size: Size) -> usize {
    // The title, the message and the keys.
    usize::from(size.height.saturating_sub(3 + details_height(size.height))).max(1)
}

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App) {
    let area = frame.area();
    let details = details_height(area.height);
    let list = list_height(area.into()) as u16;
    let row = |y: u16, height: u16| Rect { x: 0, y: y.min(area.height), width: area.width, height }.intersection(area);
    frame.render_widget(title(app, area.width), row(0, 1));
    if let Mode::Help(from) = app.mode {
        draw_help(frame, app, row(1, area.height.saturating_sub(1)), from);
        return;
    }
    draw_list(frame, app, row(1, list));
    draw_details(frame, app, row(1 + list, details));
    frame.render_widget(message(app, area.width), row(area.height.saturating_sub(2), 1));
    frame.render_widget(keys(app, area.width), row(area.height.saturating_sub(1), 1));
    if let Mode::Choose(chooser) = &app.mode {
        draw_choice(frame, app, chooser, row(1, if list < 8 { list + details } else { list }));
    }
}

fn title(app: &App, width: u16) -> Line<'static> {
    let view = &app.list.view;
    let set = match view.filter.set {
        QueueSet::Unsure => "unsure",
        QueueSet::NotMusic => "not music",
        QueueSet::Tagged => "tagged",
        QueueSet::TakenOut => "taken out",
        QueueSet::Analysed => "analysed",
        QueueSet::Library => "library",
    };
    let order = match view.order {
        QueueOrder::Worth => "most worth asking first",
        QueueOrder::Confidence => "by confidence",
        QueueOrder::Path => "by path",
        QueueOrder::Added => "newest first",
    };
    let mut left = format!(" {set}, {order}");
    if view.reversed {
        left.push_str(", reversed");
    }
    if let Some(filters) = filters(app) {
        left = format!("{left}: {filters}");
    }
    let mut right = format!("{} wait", grouped(app.waiting()));
    if app.tally.corrected > 0 {
        right = format!("{right}, {} decided", grouped(app.tally.corrected as u64));
    }
    if !app.marks.is_empty() {
        right = format!("{right}, {} marked", grouped(app.marks.len() as u64));
    }
    let room = usize::from(width).saturating_sub(console::measure_text_width(&right) + 2);
    let left = fit(&left, room, app.style.signs().cut);
    Line::from(vec![Span::styled(format!("{left} {right} "), app.style.title())])
}

/// What narrows the list down, in words.
fn filters(app: &App) -> Option<String> {
    let filter = &app.list.view.filter;
    let mut words = Vec::new();
    words.extend(filter.below.map(|x| format!("below {x}")));
    words.extend(filter.above.map(|x| format!("from {x}")));
    words.extend(filter.genres.first().map(|genre| plain(genre)));
    words.extend(filter.path.as_ref().map(|path| format!("in {}", plain(&path.to_string_lossy()))));
    words.extend(filter.added_since.map(|_| "added lately".to_owned()));
    words.extend(filter.disagree.then(|| "models differ".to_owned()));
    if !filter.text.is_empty() {
        words.push(format!("\"{}\"", plain(&filter.text)));
    }
    (!words.is_empty()).then(|| words.join(", "))
}

/// A number as a person reads it: 1,234.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

fn draw_list(frame: &mut Frame<'_>, app: &App, area: Rect) {
    if app.list.rows.is_empty() {
        let text = if filters(app).is_some() { "nothing waits here: Esc ends the filter" } else { "nothing to review" };
        frame.render_widget(Line::from(format!("  {text}")), area);
        return;
    }
    let rows = app.list.rows.iter().enumerate().skip(app.list.top).take(area.height.into());
    let lines: Vec<Line<'_>> =
        rows.map(|(at, entry)| row_line(app, entry, at == app.list.cursor, area.width.into())).collect();
    frame.render_widget(Paragraph::new(lines), area);
}

/// One row: cursor, mark, what became of it or how sure the guess is, the guess, what it is.
fn row_line(app: &App, entry: &Entry, is_current: bool, width: usize) -> Line<'static> {
    let (style, signs) = (app.style, app.style.signs());
    let pointer = if is_current { signs.cursor } else { " " };
    let is_marked = app.marks.contains(&entry.track.id);
    let mark = if is_marked { signs.mark } else { " " };
    let confidence = format!("{:.2}", entry.track.confidence);
    let guess = entry.suggestion.join("; ");
    let (sure, guess, look) = match &entry.state {
        State::Waiting if entry.track.is_not_music => (confidence, format!("{guess}?"), style.faint()),
        State::Waiting => (confidence, guess, Default::default()),
        State::Busy(_) => (signs.busy.to_owned(), guess, style.faint()),
        State::Done(genres) => (signs.done.to_owned(), genres.clone(), style.good()),
        State::Left => (signs.left.to_owned(), "left alone".to_owned(), style.faint()),
        State::Failed(_) => (signs.failed.to_owned(), "failed".to_owned(), style.bad()),
    };
    let head = format!("{} {} ", fit(&sure, 4, ""), fit(&plain(&guess), GENRE, signs.cut));
    let room = width.saturating_sub(3 + 4 + 1 + GENRE + 1);
    let what = fit(&name_of(app, entry, room), room, signs.cut);
    let look = if is_current { style.cursor() } else { look };
    Line::from(vec![
        Span::raw(pointer.to_owned()),
        Span::styled(format!("{mark} "), if is_marked { style.marked() } else { Default::default() }),
        Span::styled(format!("{head}{what}"), look),
    ])
}

/// What a file is, for a person: artist and title where its tags say so, else its name; and its folder where there is
/// room.
fn name_of(app: &App, entry: &Entry, room: usize) -> String {
    let path = &entry.track.path;
    let file = || plain(&path.file_name().unwrap_or_default().to_string_lossy());
    let dash = app.style.signs().dash;
    let credits = app.credits.get(path);
    let name = match credits.map(|credits| (&credits.artist, &credits.title)) {
        Some((Some(artist), Some(title))) => format!("{} {dash} {}", plain(artist), plain(title)),
        Some((None, Some(title))) => plain(title),
        _ => file(),
    };
    let album = credits.and_then(|credits| credits.album.clone());
    let folder = || path.parent().and_then(|folder| folder.file_name()).map(|name| name.to_string_lossy().into_owned());
    let Some(place) = album.or_else(folder).map(|place| plain(&place)) else { return name };
    let cut = app.style.signs().cut;
    // Two columns: a list of an album is read downwards.
    let first = room * 6 / 10;
    format!("{}  {}", fit(&name, first, cut), fit(&place, room.saturating_sub(first + 2), cut))
}

fn draw_details(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let Some(entry) = app.list.current().filter(|_| area.height > 0) else { return };
    let (style, signs, width) = (app.style, app.style.signs(), usize::from(area.width));
    let track = &entry.track;
    let path = plain(&track.path.to_string_lossy());
    let path = end_of(&path, width.saturating_sub(6), signs.cut);
    let fill = width.saturating_sub(console::measure_text_width(&path) + 4);
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{} ", signs.line.repeat(2)), style.faint()),
        Span::styled(path, style.title()),
        Span::styled(format!(" {}", signs.line.repeat(fill)), style.faint()),
    ])];
    let unread = Default::default();
    let credits = app.credits.get(&track.path).unwrap_or(&unread);
    let said = [&credits.artist, &credits.title, &credits.album];
    let said: Vec<String> = said.into_iter().flatten().map(|word| plain(word)).collect();
    let said = if said.is_empty() { "no artist, title or album in the tags".to_owned() } else { said.join(" / ") };
    lines.push(Line::from(format!("   {}", fit(&said, width.saturating_sub(4), signs.cut))));
    let details = app.details.as_ref().filter(|(id, _)| *id == track.id).map(|(_, details)| details);
    let opinions = details.map_or(&[][..], |details| &details.opinions);
    let left = 3 + 2 + GENRE + BAR + 6;
    let below = usize::from(area.height).saturating_sub(3);
    for at in 0..below {
        let guess = track.ranking.get(at).filter(|_| at < 3);
        let mut spans = match guess {
            Some((name, share)) => vec![
                Span::styled(format!("  {} ", at + 1), style.key()),
                Span::raw(fit(&plain(&app.desk.word_in(&track.path, name)), GENRE, signs.cut)),
                Span::styled(style.bar_of(*share, BAR), style.bar()),
                Span::raw(format!("{:>4.0} %", share * 100.0)),
            ],
            None => vec![Span::raw(" ".repeat(left - 1))],
        };
        if let Some(opinion) = opinions.get(at) {
            let best = opinion.ranking.iter().take(2);
            let best: Vec<String> =
                best.map(|(name, share)| format!("{} {:.0} %", plain(name), share * 100.0)).collect();
            let no_vote = if opinion.weight > 0.0 { "" } else { " (no vote)" };
            let text = format!("   {}{no_vote}: {}", fit(&opinion.model, 16, signs.cut).trim_end(), best.join(", "));
            spans.push(Span::styled(fit(&text, width.saturating_sub(left), signs.cut), style.faint()));
        }
        lines.push(Line::from(spans));
    }
    let differ = details.is_some_and(|details| details.models_differ);
    let why = fit(&why(entry, differ), width.saturating_sub(4), signs.cut);
    lines.push(Line::from(format!("   {why}")));
    frame.render_widget(Paragraph::new(lines), area);
}

/// Why it waits.
fn why(entry: &Entry, models_differ: bool) -> String {
    let track = &entry.track;
    if let State::Failed(why) = &entry.state {
        return plain(why);
    }
    let mut reasons = Vec::new();
    match (&track.reason, track.status) {
        (Some(reason), _) => reasons.push(plain(reason)),
        (None, TrackStatus::Tagged) => reasons.push(format!("written with a confidence of {:.2}", track.confidence)),
        (None, _) => {}
    }
    if models_differ {
        reasons.push("the models name different genres".to_owned());
    }
    reasons.join("; ")
}

fn message(app: &App, width: u16) -> Line<'static> {
    let cut = app.style.signs().cut;
    let room = usize::from(width).saturating_sub(2);
    if let Mode::Filter(text) = &app.mode {
        let text = format!("filter by path and genre: {}_   (Enter keeps it, Esc ends it)", plain(text));
        return Line::styled(format!(" {}", fit(&text, room, cut)), app.style.key());
    }
    let (text, look) = match (&app.message, app.scope) {
        (_, Scope::Album) => ("for the album: what waits of it in this folder".to_owned(), app.style.marked()),
        (_, Scope::Folder) => ("for the folder: what waits in it and below it".to_owned(), app.style.marked()),
        (_, Scope::Marked) => (format!("for the {} marked", app.marks.len()), app.style.marked()),
        (Some(message), _) if message.is_bad => (plain(&message.text), app.style.bad()),
        (Some(message), _) => (plain(&message.text), app.style.good()),
        (None, _) if app.is_busy() => ("writing".to_owned(), app.style.faint()),
        (None, _) => (String::new(), app.style.faint()),
    };
    Line::styled(format!(" {}", fit(&text, room, cut)), look)
}

fn keys(app: &App, width: u16) -> Line<'static> {
    const LIST: &[(&str, &str)] = &[
        ("a", "accept"),
        ("1-3", "take"),
        ("s", "choose"),
        ("x", "leave"),
        ("u", "undo"),
        ("b", "album"),
        ("?", "help"),
        ("q", "quit"),
        ("f", "folder"),
        ("/", "filter"),
        ("Space", "mark"),
        ("p", "play"),
        ("o", "order"),
        ("v", "view"),
    ];
    const CHOICE: &[(&str, &str)] = &[("type", "search"), ("Enter", "write"), ("Tab", "pick several"), ("Esc", "back")];
    const SCOPED: &[(&str, &str)] = &[
        ("a", "accept each"),
        ("1-3", "take for all"),
        ("s", "choose for all"),
        ("x", "leave all"),
        ("Esc", "only this row"),
    ];
    let shown = match app.mode {
        Mode::Choose(_) => CHOICE,
        _ if app.scope != Scope::Track => SCOPED,
        _ => LIST,
    };
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    for (key, what) in shown {
        let cells = key.len() + what.len() + 3;
        if used + cells > usize::from(width) {
            break;
        }
        used += cells;
        spans.push(Span::styled((*key).to_owned(), app.style.key()));
        spans.push(Span::raw(format!(" {what}  ")));
    }
    Line::from(spans)
}

fn draw_choice(frame: &mut Frame<'_>, app: &App, chooser: &Chooser, area: Rect) {
    let width = area.width.min(56);
    let height = area.height.min(16);
    let area = Rect { x: area.x + (area.width - width) / 2, y: area.y, width, height };
    frame.render_widget(Clear, area);
    let (style, signs, room) = (app.style, app.style.signs(), usize::from(width).saturating_sub(2));
    let whom = match app.scope {
        Scope::Track => "",
        Scope::Album => " for the album",
        Scope::Folder => " for the folder",
        Scope::Marked => " for the marked",
    };
    let picked = if chooser.picked.is_empty() { String::new() } else { format!("{}; ", chooser.picked.join("; ")) };
    let typed = format!("genre{whom}: {}{}_", plain(&picked), plain(&chooser.typed));
    let rule = signs.line.repeat(usize::from(width));
    let mut lines = vec![Line::styled(fit(&format!(" {typed}"), width.into(), signs.cut), style.title())];
    lines.push(Line::styled(rule.clone(), style.faint()));
    let below = usize::from(height).saturating_sub(3).max(1);
    let top = (chooser.at + 1).saturating_sub(below);
    for (at, named) in chooser.found.iter().enumerate().skip(top).take(below) {
        let mark = if chooser.picked.contains(&named.word) { signs.mark } else { " " };
        let note = match &named.alias {
            _ if !named.is_known => "  (a name of your own)".to_owned(),
            Some(alias) => format!("  ({})", plain(alias)),
            None => String::new(),
        };
        let look = if at == chooser.at { style.cursor() } else { Default::default() };
        let text = fit(&format!("{}{note}", plain(&named.word)), room.saturating_sub(2), signs.cut);
        lines.push(Line::from(vec![Span::raw(format!(" {mark} ")), Span::styled(text, look)]));
    }
    if chooser.found.is_empty() {
        lines.push(Line::from("   no genre: some sign in it is one that players split at"));
    }
    lines.resize(usize::from(height).saturating_sub(1), Line::default());
    lines.push(Line::styled(rule, style.faint()));
    frame.render_widget(Paragraph::new(lines), area);
}

fn draw_help(frame: &mut Frame<'_>, app: &App, area: Rect, from: usize) {
    let from = from.min(help::LINES.len().saturating_sub(area.height.into()));
    let lines = help::LINES.iter().skip(from).map(|line| match line {
        help::Help::Heading(text) => Line::styled(format!("  {text}"), app.style.title()),
        help::Help::Text(text) => Line::from(format!("  {text}")),
        help::Help::Key(keys, what) => {
            let keys = Span::styled(format!("  {keys:<14}"), app.style.key());
            Line::from(vec![keys, Span::raw((*what).to_owned())])
        }
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_read_at_a_glance() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn there_is_a_list_however_small_the_screen() {
        for (height, rows) in [(1, 1), (5, 2), (14, 7), (24, 13), (40, 27)] {
            assert_eq!(list_height(Size { width: 80, height }), rows, "{height}");
        }
    }
}
