//! The lists the classifier goes by.

/// Folders of an operating system (policy of the field, reference formats.md section 0.5 and Appendix A3, plus the folders of
/// macOS and the ones that a container runtime binds). Lower case; the second column is true where the first component alone
/// says it, so that a relative path which climbs out (`../../etc/x`) names it, too: `lib` and `bin` are ordinary folder names.
pub(crate) const SYSTEM_FOLDERS: &[(&str, bool)] = &[
    ("/etc", true),
    ("/proc", true),
    ("/sys", true),
    ("/dev", true),
    ("/boot", true),
    ("/root", true),
    ("/bin", false),
    ("/sbin", false),
    ("/lib", false),
    ("/lib32", false),
    ("/lib64", false),
    ("/usr", false),
    ("/var", false),
    ("/run", false),
    ("/library", false),
    ("/system", false),
    ("/private/etc", false),
    ("/private/var", false),
    ("c:/windows", false),
    ("c:/program files", false),
    ("c:/program files (x86)", false),
    ("c:/programdata", false),
];

/// Device names of Windows: they are devices in every folder and with every extension
/// (learn.microsoft.com/windows/win32/fileio/naming-a-file).
pub(crate) const DEVICE_NAMES: &[&str] = &[
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2",
    "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9", "conin$", "conout$",
];

/// URL schemes that need no `//` behind the colon (RFC 8089, RFC 2397).
pub(crate) const BARE_SCHEMES: &[&str] = &["file", "data"];

/// Characters that compatibility normalisation (Unicode NFKC, UnicodeData.txt) turns into a full stop or a separator.
pub(crate) const COMPATIBILITY: &[(char, &str)] = &[
    ('\u{ff0e}', "."),  // full-width full stop
    ('\u{2024}', "."),  // one dot leader
    ('\u{fe52}', "."),  // small full stop
    ('\u{2025}', ".."), // two dot leader
    ('\u{fe30}', ".."), // presentation form for vertical two dot leader
    ('\u{ff0f}', "/"),  // full-width solidus
    ('\u{ff3c}', "\\"), // full-width reverse solidus
    ('\u{fe68}', "\\"), // small reverse solidus
];

/// Over-long UTF-8 forms of the same three characters (RFC 3629 section 3 forbids them; lax decoders take them).
pub(crate) const OVERLONG: &[(&[u8], u8)] = &[
    (b"\xc0\xae", b'.'),
    (b"\xc0\xaf", b'/'),
    (b"\xc1\x9c", b'\\'),
    (b"\xe0\x80\xae", b'.'),
    (b"\xe0\x80\xaf", b'/'),
    (b"\xe0\x81\x9c", b'\\'),
];
