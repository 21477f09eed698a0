//! The results folder: replaced only when complete, by one rename.
//!
//! Law: whoever looks, and whenever the program is killed, the folder is either the previous
//! results or the new ones, whole. Everything is written to a hidden sibling,
//! `.NAME.swarmecon-new`, which at the end changes places with the folder in one atomic step
//! (Linux `RENAME_EXCHANGE`). Where that is not to be had, the old folder is moved aside to
//! `.NAME.swarmecon-old` first; killed between the two renames, the next start moves it back.
//! A lock file keeps a second run from the same folder; the system frees it with the process.

use super::manifest::FIRST_KEY;
use super::schema::MANIFEST;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// A results folder in the making. Dropped before `commit`, it leaves no trace.
#[derive(Debug)]
pub struct Folder {
    /// Where the results will be.
    target: PathBuf,
    /// Where they are written.
    partial: PathBuf,
    /// Where the previous results wait while folders change places in two steps.
    aside: PathBuf,
    lock: Lock,
}

/// Why a results folder cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The path does not end in a name.
    #[error("{0}: a results folder needs a name of its own, such as results/my_run")]
    NoName(PathBuf),
    /// Something else is there.
    #[error("{0}: not a folder; name another one with --out")]
    NotAFolder(PathBuf),
    /// A folder is there that holds other things.
    #[error("{0}: holds files but no results, and would be replaced; name another with --out")]
    NotResults(PathBuf),
    /// Somebody is at it.
    #[error("{0}: another run is writing these results; wait for it or name another with --out")]
    Busy(PathBuf),
    /// The system refused.
    #[error("{path}: cannot {action}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Names the step and the path in an error of the system.
fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_path_buf();
    move |source| FolderError::Io { action, path, source }
}

impl Folder {
    /// Makes the hidden sibling of `target`, after mending what a killed run left behind.
    ///
    /// # Errors
    /// When `target` cannot be written, is busy, or holds something other than results.
    pub fn open(target: &Path) -> Result<Self, FolderError> {
        let target = resolve(target)?;
        let parent = target.parent().expect("an absolute path with a name has a parent");
        fs::create_dir_all(parent).map_err(at("create the folder", parent))?;
        let sibling = |suffix| {
            let mut name = std::ffi::OsString::from(".");
            name.push(target.file_name().expect("checked by resolve"));
            name.push(suffix);
            parent.join(name)
        };
        let folder = Self {
            partial: sibling(".swarmecon-new"),
            aside: sibling(".swarmecon-old"),
            lock: Lock::take(sibling(".swarmecon-lock"), &target)?,
            target,
        };
        folder.mend()?;
        check_replaceable(&folder.target)?;
        fs::create_dir(&folder.partial).map_err(at("create the folder", &folder.partial))?;
        Ok(folder)
    }

    /// Where to write the files until `commit`.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Where the results will be.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Puts the complete folder in its place.
    ///
    /// # Errors
    /// When the system refuses; the previous results are then in place.
    pub fn commit(self) -> Result<(), FolderError> {
        if !self.target.exists() {
            return fs::rename(&self.partial, &self.target)
                .map_err(at("put the results in place", &self.target));
        }
        if exchange(&self.partial, &self.target) {
            // `partial` now holds the previous results: dropping `self` removes them.
            return Ok(());
        }
        self.replace_in_two_steps()
    }

    fn replace_in_two_steps(&self) -> Result<(), FolderError> {
        fs::rename(&self.target, &self.aside).map_err(at("move the old results", &self.target))?;
        if let Err(error) = fs::rename(&self.partial, &self.target) {
            fs::rename(&self.aside, &self.target)
                .map_err(at("move the old results back", &self.aside))?;
            return Err(at("put the results in place", &self.target)(error));
        }
        fs::remove_dir_all(&self.aside).map_err(at("remove the old results", &self.aside))
    }

    /// Brings back results that a killed run had moved aside and removes what it left half done.
    fn mend(&self) -> Result<(), FolderError> {
        if self.aside.exists() {
            if self.target.exists() {
                fs::remove_dir_all(&self.aside).map_err(at("remove", &self.aside))?;
            } else {
                fs::rename(&self.aside, &self.target).map_err(at("restore", &self.aside))?;
            }
        }
        if self.partial.exists() {
            fs::remove_dir_all(&self.partial).map_err(at("remove", &self.partial))?;
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // After a commit there is nothing here, or the previous results. A failure leaves a
        // hidden folder that the next start removes.
        let _ = fs::remove_dir_all(&self.partial);
        self.lock.release();
    }
}

/// The absolute path of the target, links followed, so that its siblings are on the same disk.
fn resolve(target: &Path) -> Result<PathBuf, FolderError> {
    if target.exists() {
        let real = target.canonicalize().map_err(at("open", target))?;
        if !real.is_dir() {
            return Err(FolderError::NotAFolder(target.to_path_buf()));
        }
        return match real.file_name() {
            Some(_) => Ok(real),
            None => Err(FolderError::NoName(target.to_path_buf())),
        };
    }
    if target.file_name().is_none() {
        return Err(FolderError::NoName(target.to_path_buf()));
    }
    std::path::absolute(target).map_err(at("resolve", target))
}

/// Refuses a folder that was not made here: it would be deleted.
fn check_replaceable(target: &Path) -> Result<(), FolderError> {
    if !target.exists() {
        return Ok(());
    }
    let mut entries = fs::read_dir(target).map_err(at("read", target))?;
    let first_line = format!("{FIRST_KEY} = ");
    let manifest = fs::read_to_string(target.join(MANIFEST));
    if entries.next().is_none() || manifest.is_ok_and(|text| text.starts_with(&first_line)) {
        return Ok(());
    }
    Err(FolderError::NotResults(target.to_path_buf()))
}

/// Lets two folders change places in one step; whether it could be done.
#[cfg(target_os = "linux")]
fn exchange(one: &Path, other: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok()
}

/// Lets two folders change places in one step; not to be had here.
#[cfg(not(target_os = "linux"))]
fn exchange(_one: &Path, _other: &Path) -> bool {
    false
}

/// A lock file, held until the process ends or releases it.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    fn take(path: PathBuf, target: &Path) -> Result<Self, FolderError> {
        loop {
            let mut options = File::options();
            let opened = options.create(true).truncate(false).write(true).open(&path);
            let file = opened.map_err(at("write next to the results: cannot open", &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(FolderError::Busy(target.to_path_buf()));
                }
                Err(TryLockError::Error(error)) => return Err(at("lock", &path)(error)),
            }
            // A run that ended meanwhile may have removed the file: then the lock is on nothing.
            if is_same_file(&file, &path) {
                return Ok(Self { path, _file: file });
            }
        }
    }

    /// Removes the file while it is still locked.
    fn release(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(unix)]
fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |meta: fs::Metadata| (meta.dev(), meta.ino());
    file.metadata().map(id).ok() == fs::metadata(path).map(id).ok()
}

#[cfg(not(unix))]
fn is_same_file(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, text: &str) {
        fs::write(folder.join(MANIFEST), format!("{FIRST_KEY} = \"{text}\"\n")).unwrap();
    }

    fn read(folder: &Path) -> String {
        fs::read_to_string(folder.join(MANIFEST)).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn results_are_replaced_whole_and_nothing_else_is_left() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("deep/x");
        for text in ["one", "two"] {
            let folder = Folder::open(&target).unwrap();
            write(folder.path(), text);
            folder.commit().unwrap();
            assert!(read(&target).contains(text));
            assert_eq!(names(target.parent().unwrap()), ["x"]);
        }
    }

    #[test]
    fn without_an_exchange_two_steps_do() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("x");
        fs::create_dir(&target).unwrap();
        write(&target, "old");
        let folder = Folder::open(&target).unwrap();
        write(folder.path(), "new");
        folder.replace_in_two_steps().unwrap();
        drop(folder);
        assert!(read(&target).contains("new"));
        assert_eq!(names(home.path()), ["x"]);
    }

    #[test]
    fn given_up_midway_the_old_results_stay() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("x");
        fs::create_dir(&target).unwrap();
        write(&target, "old");
        let folder = Folder::open(&target).unwrap();
        write(folder.path(), "half");
        drop(folder);
        assert!(read(&target).contains("old"));
        assert_eq!(names(home.path()), ["x"]);
    }

    #[test]
    fn what_a_killed_run_left_is_mended() {
        let home = tempfile::tempdir().unwrap();
        let (aside, partial) =
            (home.path().join(".x.swarmecon-old"), home.path().join(".x.swarmecon-new"));
        // Killed between the two renames: the old results wait aside, the new ones lie ready.
        fs::create_dir(&aside).unwrap();
        write(&aside, "old");
        fs::create_dir(&partial).unwrap();
        write(&partial, "new");
        fs::write(home.path().join(".x.swarmecon-lock"), "").unwrap();
        let target = home.path().join("x");
        drop(Folder::open(&target).unwrap());
        assert!(read(&target).contains("old"));
        assert_eq!(names(home.path()), ["x"]);
        // Killed before the old ones were removed: the new ones are in place.
        fs::create_dir(&aside).unwrap();
        write(&aside, "older");
        drop(Folder::open(&target).unwrap());
        assert!(read(&target).contains("old") && !read(&target).contains("older"));
        assert_eq!(names(home.path()), ["x"]);
    }

    #[test]
    fn strangers_files_and_busy_folders_are_refused() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("thesis.tex"), "years of work").unwrap();
        assert!(matches!(Folder::open(home.path()), Err(FolderError::NotResults(_))));
        let file = home.path().join("thesis.tex");
        assert!(matches!(Folder::open(&file), Err(FolderError::NotAFolder(_))));
        assert!(matches!(Folder::open(Path::new("/")), Err(FolderError::NoName(_))));
        let target = home.path().join("x");
        let first = Folder::open(&target).unwrap();
        assert!(matches!(Folder::open(&target), Err(FolderError::Busy(_))));
        drop(first);
        assert!(Folder::open(&target).is_ok());
    }
}
