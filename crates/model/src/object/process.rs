//! Processes.

use super::HandleTable;
use crate::{Job, Token};
use parking_lot::RwLock;
use psimp_nt::Status;
use psimp_rules::TokenFacts;
use std::sync::{Arc, OnceLock};

/// A process: a primary token, a handle table, and at most one job.
#[derive(Debug)]
pub struct Process {
    id: u32,
    primary: RwLock<Arc<Token>>,
    handles: HandleTable,
    job: OnceLock<Arc<Job>>,
}

impl Process {
    pub(crate) fn new(id: u32, primary: Arc<Token>) -> Arc<Self> {
        let job = OnceLock::new();
        Arc::new(Self { id, primary: RwLock::new(primary), handles: HandleTable::default(), job })
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// `PsReferencePrimaryToken`: the primary token, referenced.
    pub fn primary(&self) -> Arc<Token> {
        self.primary.read().clone()
    }

    pub(crate) fn primary_facts(&self) -> TokenFacts {
        self.primary.read().facts()
    }

    /// Replaces the primary token, as `NtSetInformationProcess` does before a
    /// process runs.
    pub fn set_primary(&self, token: Arc<Token>) {
        let _old = std::mem::replace(&mut *self.primary.write(), token);
    }

    /// Its handles.
    pub fn handles(&self) -> &HandleTable {
        &self.handles
    }

    /// `AssignProcessToJobObject`. Impersonations that are under way stay as
    /// they are.
    ///
    /// # Errors
    /// `ACCESS_DENIED` for a process that is in a job already: kernels without
    /// nested jobs let none leave it.
    pub fn assign_job(&self, job: Arc<Job>) -> Result<(), Status> {
        self.job.set(job).map_err(|_| Status::ACCESS_DENIED)
    }

    /// Its job.
    pub fn job(&self) -> Option<&Arc<Job>> {
        self.job.get()
    }

    /// Closes all handles, as the end of the process does.
    pub fn close_handles(&self) {
        self.handles.close_all();
    }
}
