//! Tokens and clients of the model, as the service refers to them.

use psimp_model::{ClientContext, FaultPoint, System, Token};
use psimp_nt::{Sid, Status};
use psimp_service::Statistics;
use std::sync::Arc;

/// A referenced token, with the system that injects failures into its queries.
#[derive(Clone, Debug)]
pub struct ModelToken {
    pub(super) system: Arc<System>,
    pub(super) token: Arc<Token>,
}

impl psimp_service::Token for ModelToken {
    fn statistics(&self) -> Result<Statistics, Status> {
        self.system.faults().check(FaultPoint::QueryToken)?;
        Ok(Statistics {
            token_id: self.token.id(),
            authentication_id: self.token.authentication_id(),
            token_type: self.token.token_type(),
            level: self.token.level(),
        })
    }

    fn user(&self) -> Result<Sid, Status> {
        self.system.faults().check(FaultPoint::QueryToken)?;
        Ok(self.token.user())
    }

    fn is_restricted(&self) -> bool {
        self.token.is_restricted()
    }
}

/// A client of a connection: its context, and the token in it.
pub struct ModelClient {
    pub(super) token: ModelToken,
    pub(super) context: Arc<ClientContext>,
}
