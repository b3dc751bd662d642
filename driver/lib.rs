//! `psimp.sys`: thread impersonation behind IOCTLs.
#![cfg_attr(feature = "kernel", no_std)]
