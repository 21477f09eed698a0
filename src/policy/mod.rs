//! Brains: pure decisions. A view comes in, a decision goes out; nothing here can reach the world.
pub mod ask;
pub mod auction;
pub mod bid;
pub mod choke;
pub mod pick;
pub mod reputation;
pub mod stay;
