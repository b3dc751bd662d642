//! Jobs and their security limits (`JOBOBJECT_SECURITY_LIMIT_INFORMATION`).

use crate::TokenFilter;
use std::sync::Arc;

/// `JOB_OBJECT_SECURITY_…`.
pub mod job_flags {
    /// Refuses tokens with the local administrators.
    pub const NO_ADMIN: u32 = 1;
    /// Refuses tokens that `CreateRestrictedToken` did not make.
    pub const RESTRICTED_TOKEN: u32 = 2;
    /// Processes run with the job's token; no effect on impersonation.
    pub const ONLY_TOKEN: u32 = 4;
    /// The filters apply to the token that a thread impersonates.
    pub const FILTER_TOKENS: u32 = 8;
}

/// A job object with security limits, fixed when it is created.
#[derive(Debug)]
pub struct Job {
    flags: u32,
    filter: TokenFilter,
}

impl Job {
    /// A job with these limits of [`job_flags`].
    pub fn new(flags: u32) -> Arc<Self> {
        Self::with_filter(flags, TokenFilter::default())
    }

    /// A job with filters: SIDs to disable, privileges to delete, restricting
    /// SIDs. They apply with [`job_flags::FILTER_TOKENS`] only.
    pub fn with_filter(flags: u32, filter: TokenFilter) -> Arc<Self> {
        Arc::new(Self { flags, filter })
    }

    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn filter(&self) -> &TokenFilter {
        &self.filter
    }
}
