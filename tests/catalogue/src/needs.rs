//! Cases that cannot be carried out here. They are listed, and skipped with what
//! they need.

/// Id, title, and what the case needs.
pub(crate) static ROWS: &[(&str, &str, &str)] = &[
    (
        "C11",
        "the rights that a user gets on the kernel's downgrade copy",
        "needs Windows: the copy's descriptor is to be measured there",
    ),
    (
        "O17",
        "a kernel handle of the thread's token works in any process, in kernel mode alone",
        "needs other kernel code: psimp.sys opens no thread's token",
    ),
    (
        "X18",
        "a work item that returns while impersonating stops the system, bug check 0xDF",
        "needs a defective driver: the host's own tests show that it is reported; on Windows by hand only",
    ),
    (
        "R14",
        "a reference given back twice stops the system",
        "needs a defective driver: the host's own tests show that it is reported; never on Windows",
    ),
    (
        "P11",
        "the strict reading: an error where Peios caps the level",
        "needs a kernel that nobody built: the model's own tests show the knob",
    ),
    ("P12", "the lines of `idn show`", "needs Peios and its idn program"),
];
