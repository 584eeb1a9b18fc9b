//! What the front end reaches outside of itself: back ends of all machines, and whoever is told of failures.
//!
//! A library of its own within the program, so that its tests reach it as the program does.

pub mod back_ends;
pub mod copies;
pub mod post;
