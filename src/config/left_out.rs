//! What is on a disk of music and is none: bins, snapshots and thumbnails of storage systems, copies that sync tools
//! put aside.
//!
//! One list, of glob patterns of bare names in any case. Hidden names (`.Trash-1000`, `.snapshot`, `.stversions`,
//! `.@__thumb`, `.sync`) are not in it: what begins with a dot is left out of every library anyway.

/// The pattern, and whose it is.
pub const LEFT_OUT: [(&str, &str); 23] = [
    ("#recycle", "Synology, TerraMaster: the bin of a share"),
    ("@Recycle", "QNAP: the bin of a share"),
    ("$RECYCLE.BIN", "Windows: the bin of a disk"),
    ("RECYCLER", "Windows, older: the bin of a disk"),
    ("RECYCLED", "Windows, older: the bin of a disk"),
    ("Network Trash Folder", "macOS, netatalk: the bin of a share"),
    ("lost+found", "ext2, ext3, ext4: what fsck found"),
    ("System Volume Information", "Windows: restore points and indices"),
    ("#snapshot", "Synology: snapshots of a share"),
    ("@Recently-Snapshot", "QNAP: snapshots of a share"),
    ("@snapshots", "Btrfs tools: snapshots of a volume"),
    ("~snapshot", "NetApp: snapshots of a share"),
    ("@eaDir", "Synology: thumbnails and indices"),
    ("@tmp", "Synology: files in the making"),
    ("@sharebin", "Synology: links that were shared"),
    ("@__thumb", "QNAP: thumbnails"),
    ("@Transcode", "QNAP: transcoded copies"),
    ("Temporary Items", "macOS, netatalk: files in the making"),
    ("TheVolumeSettingsFolder", "macOS, netatalk: settings of a share"),
    ("*.sync-conflict-*", "Syncthing: the other version of a file that two changed"),
    ("~syncthing~*", "Syncthing: files in the making"),
    ("*conflicted copy 2*", "Dropbox, Nextcloud, ownCloud: the other version of a file that two changed"),
    ("*(SFConflict *", "Seafile: the other version of a file that two changed"),
];

/// Names of files by which a folder says that it is left out: Android's, Kodi's and Plex's, and Navidrome's.
pub const IGNORE_FILES: [&str; 2] = [".nomedia", ".ndignore"];
