//! What each IOCTL does, over a trait for the kernel below.
