//! The IOCTL contract between psimp.sys and its callers.
