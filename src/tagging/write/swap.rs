//! The edited copy takes the place of the original, and whatever it pushed out of there is looked at before it goes.
//!
//! Between the last look at the original and a rename somebody may have written to it, replaced it or removed it, and a
//! plain rename would destroy that. So the two change places in one step (`RENAME_EXCHANGE`), and if what comes out is
//! not the file that was edited, they change back. File systems that cannot do that get a plain rename.
//!
//! Both are known by their names in one folder that is held open, so that a folder that is renamed meanwhile takes all
//! of it along.

use rustix::io::Errno;

use super::super::error::{Step, TagError};
use super::super::stamp::FileStamp;
use super::temporary::Temporary;
use super::{Hook, Original};

/// Puts the copy in the place of the original, and gives its stamp. On an error, but for [`TagError::LeftBehind`],
/// whatever stood at the original's path stands there, and the copy is gone.
pub(super) fn swap(original: &Original, temporary: Temporary, hook: &dyn Hook) -> Result<FileStamp, TagError> {
    let path = original.path.as_path();
    let name = path.file_name().unwrap_or_default();
    let fail = |step| original.fail(step);
    let after = FileStamp::from(&temporary.file().metadata().map_err(fail(Step::Recheck))?);
    hook.before(Step::Recheck).map_err(fail(Step::Recheck))?;
    original.check_unchanged()?;
    hook.before(Step::Rename).map_err(fail(Step::Rename))?;
    match temporary.exchange(name) {
        Ok(()) => {}
        Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP) => {
            temporary.rename_over(name).map_err(fail(Step::Rename))?;
            temporary.keep();
            return Ok(after);
        }
        Err(Errno::NOENT) => return Err(TagError::Changed { path: path.to_owned() }),
        Err(error) => return Err(fail(Step::Rename)(error.into())),
    }
    // What stands at the temporary path now is what stood at the original's.
    let pushed_out = temporary.stamp();
    if pushed_out.is_err() || pushed_out.is_ok_and(|stamp| stamp != original.before) {
        return Err(change_back(original, temporary, after));
    }
    let left = temporary.path().to_owned();
    let removed = hook.before(Step::Discard).and_then(|()| temporary.remove());
    temporary.keep();
    removed.map_err(|source| TagError::LeftBehind { path: path.to_owned(), left, source })?;
    Ok(after)
}

/// Somebody was quicker than the exchange: their file goes back to its place. If yet another one has appeared there in
/// the meantime, that is the newest and stays; what it would have replaced is left beside it rather than removed.
fn change_back(original: &Original, temporary: Temporary, copy: FileStamp) -> TagError {
    let changed = TagError::Changed { path: original.path.clone() };
    let name = original.path.file_name().unwrap_or_default();
    let is_the_copy = || temporary.stamp().is_ok_and(|stamp| stamp.inode == copy.inode);
    let mut outcome = temporary.exchange(name);
    if outcome.is_ok() && !is_the_copy() {
        outcome = temporary.exchange(name);
    }
    if !is_the_copy() {
        let left = temporary.path().to_owned();
        temporary.keep();
        tracing::warn!(
            path = %original.path.display(), left = %left.display(), ?outcome,
            "several programs write this file at once; an older form of it was left beside it"
        );
    }
    changed
}
