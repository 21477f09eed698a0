//! Speed and memory of whole swarms.

fn main() {}
