//! File systems that can be filled up.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system of its own, as long as this lives.
pub struct Disk(PathBuf);

impl Disk {
    /// Mounts one of `size` at `at`. Nothing where that may not be done, which is said.
    pub fn mount(at: &Path, size: &str) -> Option<Disk> {
        let options = format!("size={size},mode=0755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).status();
        let disk = mounted.is_ok_and(|status| status.success()).then(|| Disk(at.to_owned()));
        if disk.is_none() {
            eprintln!("skipped: no file system can be mounted here (that takes root)");
        }
        disk
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Writes until nothing more fits.
pub fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    for size in [1 << 20, 4096, 1] {
        let block = vec![b'x'; size];
        while file.write_all(&block).is_ok() {}
    }
}
