//! swarmecon.
fn main(){}
