//! The effect of a process's job on the tokens that its threads impersonate.

use super::System;
use crate::{Acl, FaultPoint, Process, Token, TokenFilter, job_flags};
use psimp_nt::Status;
use psimp_rules::Job as JobRules;
use std::sync::Arc;

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
            // `ReactOS` has the test inverted.
            JobRules::ReactOs => false,
        };
        let admin = job.has(job_flags::NO_ADMIN) && token.is_admin();
        let kind = job.has(job_flags::RESTRICTED_TOKEN) && token.is_restricted() != wants_restricted;
        if admin || kind {
            return Err(Status::ACCESS_DENIED);
        }
        // `ReactOS` does not implement filters.
        if job.has(job_flags::FILTER_TOKENS) && self.profile().job == JobRules::Documented {
            return self.se_filter_token(&token, job.filter());
        }
        Ok(token)
    }

    /// `SeFilterToken`: a new token of the same type and level that can do less.
    /// The caller owns the reference.
    ///
    /// # Errors
    /// An injected failure.
    pub fn se_filter_token(&self, token: &Token, filter: &TokenFilter) -> Result<Arc<Token>, Status> {
        self.filter_token_for(token, filter, None)
    }

    /// [`System::se_filter_token`] with a DACL for the new token.
    pub(crate) fn filter_token_for(
        &self,
        token: &Token,
        filter: &TokenFilter,
        acl: Option<Acl>,
    ) -> Result<Arc<Token>, Status> {
        self.faults().check(FaultPoint::FilterToken)?;
        Ok(Arc::new(token.filtered(filter, acl)))
    }
}
