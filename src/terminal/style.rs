//! Colours and signs by what the terminal can show: sixteen colours at the most, none with `NO_COLOR`, plain letters
//! where the locale has no other.

use ratatui::style::{Color, Modifier, Style as Look};

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    has_colours: bool,
    has_signs: bool,
}

/// The signs of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(super) struct Signs {
    pub cursor: &'static str,
    pub mark: &'static str,
    pub done: &'static str,
    pub busy: &'static str,
    pub failed: &'static str,
    pub left: &'static str,
    pub line: &'static str,
    pub dash: &'static str,
    pub cut: &'static str,
}

impl Style {
    /// From `NO_COLOR` and the locale's variables.
    pub(super) fn of_environment(env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
        let locale = locale.to_lowercase();
        // Without a word about it terminals of today take UTF-8; the locales that say C mean plain letters.
        let is_plain = matches!(locale.as_str(), "c" | "posix") || locale.contains('.') && !locale.contains("utf");
        Self { has_colours: set("NO_COLOR").is_none(), has_signs: !is_plain }
    }

    pub(super) fn signs(self) -> Signs {
        if self.has_signs {
            Signs {
                cursor: "▸",
                mark: "●",
                done: "✓",
                busy: "…",
                failed: "✗",
                left: "–",
                line: "─",
                dash: "–",
                cut: "…",
            }
        } else {
            Signs {
                cursor: ">",
                mark: "*",
                done: "+",
                busy: "~",
                failed: "!",
                left: "-",
                line: "-",
                dash: "-",
                cut: "..",
            }
        }
    }

    fn in_colour(self, colour: Color) -> Look {
        if self.has_colours { Look::new().fg(colour) } else { Look::new() }
    }

    pub(super) fn title(self) -> Look {
        Look::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn cursor(self) -> Look {
        Look::new().add_modifier(Modifier::REVERSED)
    }

    pub(super) fn faint(self) -> Look {
        Look::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn good(self) -> Look {
        self.in_colour(Color::Green)
    }

    pub(super) fn bad(self) -> Look {
        self.in_colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(super) fn key(self) -> Look {
        self.in_colour(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    pub(super) fn bar(self) -> Look {
        self.in_colour(Color::Cyan)
    }

    pub(super) fn marked(self) -> Look {
        self.in_colour(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    /// A bar of `width` cells for a share of 0 to 1.
    pub(super) fn bar_of(self, share: f32, width: usize) -> String {
        const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        let share = share.clamp(0.0, 1.0);
        if !self.has_signs {
            let cells = (share * width as f32).round() as usize;
            return format!("{:<width$}", "#".repeat(cells));
        }
        let eighths = (share * (width * 8) as f32).round() as usize;
        let bar = format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8]);
        format!("{bar:<width$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(variables: &[(&str, &str)]) -> Style {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Style::of_environment(find)
    }

    #[test]
    fn no_color_takes_colours_away_and_a_plain_locale_the_signs() {
        assert!(style(&[]).has_colours && style(&[("NO_COLOR", "")]).has_colours);
        assert!(!style(&[("NO_COLOR", "1")]).has_colours);
        assert_eq!(style(&[("NO_COLOR", "1")]).good(), Look::new());
        for (locale, has_signs) in [("de_DE.UTF-8", true), ("C.utf8", true), ("C", false), ("en_US.ISO-8859-1", false)]
        {
            assert_eq!(style(&[("LANG", locale)]).has_signs, has_signs, "{locale}");
        }
        assert!(!style(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "POSIX")]).has_signs);
    }

    #[test]
    fn bars_fill_their_width() {
        let signs = style(&[]);
        assert_eq!(signs.bar_of(0.5, 4), "██  ");
        assert_eq!(signs.bar_of(2.0, 3), "███");
        assert_eq!(signs.bar_of(0.01, 10).trim_end(), "▏");
        assert_eq!(style(&[("LANG", "C")]).bar_of(0.5, 4), "##  ");
    }
}
