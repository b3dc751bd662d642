//! Jobs and their security limits (`JOBOBJECT_SECURITY_LIMIT_INFORMATION`).

use crate::{FaultPoint, Process, System, Token, TokenFilter};
use psimp_nt::Status;
use psimp_rules::Job as JobRules;
use std::sync::Arc;

/// `JOB_OBJECT_SECURITY_…`.
pub mod job_flags {
    /// No token that names the local administrators.
    pub const NO_ADMIN: u32 = 1;
    /// No token that was not made by `CreateRestrictedToken`.
    pub const RESTRICTED_TOKEN: u32 = 2;
    /// Processes run with the job's token; no matter for impersonation.
    pub const ONLY_TOKEN: u32 = 4;
    /// The filters apply to the token that a thread impersonates.
    pub const FILTER_TOKENS: u32 = 8;
}

/// A job object with security limits, which are fixed when it is made.
#[derive(Debug)]
pub struct Job {
    flags: u32,
    filter: TokenFilter,
}

impl Job {
    /// A job with these of [`job_flags`].
    pub fn new(flags: u32) -> Arc<Self> {
        Self::with_filter(flags, TokenFilter::default())
    }

    /// A job with filters: SIDs to disable, privileges to delete, restricting
    /// SIDs. They count with [`job_flags::FILTER_TOKENS`] only.
    pub fn with_filter(flags: u32, filter: TokenFilter) -> Arc<Self> {
        Arc::new(Self { flags, filter })
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

impl System {
    /// The job test on the token about to be stored in a thread of `process`,
    /// after any downgrade; returns the token to store.
    ///
    /// # Errors
    /// `ACCESS_DENIED`, or those of filtering.
    pub(crate) fn apply_job(&self, process: &Process, token: Arc<Token>) -> Result<Arc<Token>, Status> {
        let Some(job) = process.job() else { return Ok(token) };
        let wants_restricted = match self.profile().job {
            JobRules::Off => return Ok(token),
            JobRules::Documented => true,
            // ReactOS has the test the other way round.
            JobRules::ReactOs => false,
        };
        let admin = job.has(job_flags::NO_ADMIN) && token.is_admin();
        let kind = job.has(job_flags::RESTRICTED_TOKEN) && token.is_restricted() != wants_restricted;
        if admin || kind {
            return Err(Status::ACCESS_DENIED);
        }
        // Filters are nothing that ReactOS implements.
        if job.has(job_flags::FILTER_TOKENS) && self.profile().job == JobRules::Documented {
            return self.se_filter_token(&token, &job.filter);
        }
        Ok(token)
    }

    /// `SeFilterToken`: a new token of the same type and level that can do less.
    /// The caller owns the reference.
    ///
    /// # Errors
    /// An injected failure.
    pub fn se_filter_token(&self, token: &Token, filter: &TokenFilter) -> Result<Arc<Token>, Status> {
        self.faults().check(FaultPoint::FilterToken)?;
        Ok(Arc::new(token.filtered(filter)))
    }
}
