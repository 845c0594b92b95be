//! Placeholder: scores become a verdict: taxonomy, voting, thresholds.
