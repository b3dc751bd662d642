//! The version resource of psimp.sys and psimp.exe: what the properties of the file, a debugger and a report of a crash
//! show. It is also a module of the driver's build script.

/// What a resource is for.
pub(crate) struct File<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    /// `FILETYPE` and `FILESUBTYPE`.
    pub(crate) kind: (u32, u32),
}

/// The text of a resource script that needs no preprocessor. The version has three numbers.
pub(crate) fn script(file: &File<'_>, version: &str) -> String {
    let File { name, description, kind: (kind, subtype) } = file;
    let numbers = version.replace('.', ",");
    // VS_FFI_FILEFLAGSMASK, VOS_NT_WINDOWS32; 0x0409 is English, 0x04b0 is UTF-16.
    format!(
        r#"1 VERSIONINFO
FILEVERSION {numbers},0
PRODUCTVERSION {numbers},0
FILEFLAGSMASK 0x3f
FILEFLAGS 0
FILEOS 0x40004
FILETYPE {kind}
FILESUBTYPE {subtype}
BEGIN
    BLOCK "StringFileInfo"
    BEGIN
        BLOCK "040904b0"
        BEGIN
            VALUE "CompanyName", "psimp contributors"
            VALUE "FileDescription", "{description}"
            VALUE "FileVersion", "{version}.0"
            VALUE "InternalName", "{name}"
            VALUE "OriginalFilename", "{name}"
            VALUE "ProductName", "psimp"
            VALUE "ProductVersion", "{version}"
        END
    END
    BLOCK "VarFileInfo"
    BEGIN
        VALUE "Translation", 0x0409, 0x04b0
    END
END
"#
    )
}
