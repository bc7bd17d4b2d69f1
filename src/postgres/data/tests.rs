//! Statements that write rows, from SQL text.
