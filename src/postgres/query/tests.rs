//! Queries of real migrations.
