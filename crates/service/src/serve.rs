//! `NEXT_CLIENT` and SERVE: connected clients, listed and impersonated.

use crate::impersonate::{Asked, assign};
use crate::{Kernel, Qos, Token, TokenRef};
use psimp_nt::Status;
use psimp_protocol::wire::{self, connection_flags};
use psimp_protocol::{NextClientRequest, ServeRequest};
use psimp_rules::raises;

/// `NEXT_CLIENT`: a client that the server serves or could serve, and its quality of service.
pub(crate) fn next_client<K: Kernel>(
    kernel: &K,
    request: NextClientRequest,
) -> Result<wire::Connection, Status> {
    let (connection, served) = kernel.next_client(request.after).ok_or(Status::NO_MORE_ENTRIES)?;
    let Qos { process, level, dynamic, effective_only } = connection.qos();
    let flag = |set, flag| if set { flag } else { 0 };
    Ok(wire::Connection {
        id: connection.id().0,
        process,
        level: level as u32,
        flags: flag(dynamic, connection_flags::DYNAMIC)
            | flag(effective_only, connection_flags::EFFECTIVE_ONLY)
            | flag(served, connection_flags::SERVED),
        reserved: 0,
    })
}

/// SERVE: the calling thread impersonates a client. If none of a server's threads succeeds, the
/// client is available to other servers.
pub(crate) fn impersonate_client<K: Kernel>(
    kernel: &K,
    request: ServeRequest,
) -> Result<wire::Outcome, Status> {
    let (qos, client) = kernel.accept(request.connection)?;
    let outcome = accepted(kernel, qos, &client, &request);
    kernel.finish_accept(request.connection, outcome.is_ok());
    outcome
}

fn accepted<K: Kernel>(
    kernel: &K,
    qos: Qos,
    client: &K::Client,
    request: &ServeRequest,
) -> Result<wire::Outcome, Status> {
    let level = request.level;
    if level > qos.level {
        return Err(Status::BAD_IMPERSONATION_LEVEL);
    }
    let thread = kernel.current_thread();
    let token = TokenRef::Handle(kernel.client_token(client));
    let statistics = token.statistics()?;
    // The client's quality of service is not sufficient: the level of its token may be lower.
    if raises(statistics.token_type, statistics.level, level) {
        return Err(Status::BAD_IMPERSONATION_LEVEL);
    }
    let asked = Asked {
        thread: &thread,
        token,
        statistics: &statistics,
        client: Some(client),
        // A copy is stored as `SeImpersonateClientEx` would.
        copy_on_open: true,
        effective_only: qos.effective_only,
        level,
        rules: request.rules,
    };
    assign(kernel, &asked)
}
