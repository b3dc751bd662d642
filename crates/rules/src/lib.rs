//! The decision rule of PsImpersonateClient in its profiles.
