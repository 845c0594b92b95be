//! What the owner was asked, so that no question is asked twice.

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError, unix_now};

impl Store {
    /// What the owner answered to a question, if it was asked.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn answer(&self, question: &str) -> Result<Option<String>, StoreError> {
        let connection = self.results();
        let find = || -> rusqlite::Result<Option<String>> {
            connection
                .prepare_cached("SELECT answer FROM answer WHERE question = ?1")?
                .query_row([question], |row| row.get(0))
                .optional()
        };
        find().map_err(|e| self.error(e))
    }

    /// Keeps an answer.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn keep_answer(&self, question: &str, answer: &str) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO answer (question, answer, given_at) VALUES (?1, ?2, ?3)";
        self.execute(SQL, params![question, answer, unix_now()])
    }
}

#[cfg(test)]
mod tests {
    use crate::store::tests::fresh;

    #[test]
    fn an_answer_is_remembered() {
        let (_folder, store) = fresh();
        assert_eq!(store.answer("musicnn").unwrap(), None);
        store.keep_answer("musicnn", "no").unwrap();
        assert_eq!(store.answer("musicnn").unwrap().as_deref(), Some("no"));
    }
}
