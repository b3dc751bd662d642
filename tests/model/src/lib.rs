//! A model of the NT security kernel as far as impersonation reaches.
