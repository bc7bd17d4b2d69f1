//! stub
use crate::postgres::statement::Block;
/// Reads a body.
pub(crate) fn block(_text: &str) -> Block {
    Block::default()
}
